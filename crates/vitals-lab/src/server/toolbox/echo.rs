//! A server that says back what it is told, and does sums.

use std::time::Duration;

use rmcp::model::{CallToolResult, JsonObject, Tool};
use serde_json::json;
use vitals_probe::clock::Stopwatch;

use super::{argument, number, object, reads, text, tool};

/// Longest wait of `slow_echo`, in milliseconds.
const SLOW_MS_MAX: f64 = 10_000.0;

/// The server.
pub(in crate::server) struct Echo {
    started: Stopwatch,
}

/// Its tools.
pub(super) fn tools() -> Vec<Tool> {
    let message = json!({ "message": { "type": "string", "description": "Message to echo" } });
    let slow = json!({
        "message": { "type": "string", "description": "Message to echo" },
        "ms": { "type": "number", "minimum": 0, "maximum": SLOW_MS_MAX, "description": "Wait before the answer, in milliseconds" },
    });
    let sum = json!({
        "a": { "type": "number", "description": "First number" },
        "b": { "type": "number", "description": "Second number" },
    });
    vec![
        tool("echo", "Echo", "Echoes back the message.", object(&message, &["message"])).annotate(reads()),
        tool("add", "Add", "Adds two numbers.", object(&sum, &["a", "b"])).annotate(reads()),
        tool("multiply", "Multiply", "Multiplies two numbers.", object(&sum, &["a", "b"])).annotate(reads()),
        tool("about", "About", "Says which server this is, and for how long it has run.", object(&json!({}), &[]))
            .annotate(reads()),
        tool("slow_echo", "Slow echo", "Echoes back the message after a wait.", object(&slow, &["message", "ms"]))
            .annotate(reads()),
    ]
}

impl Echo {
    pub(super) fn new() -> Self {
        Self { started: Stopwatch::start() }
    }

    pub(super) async fn call(&self, tool: &str, arguments: &JsonObject) -> Result<CallToolResult, String> {
        match tool {
            "echo" => Ok(text(format!("Echo: {}", argument(arguments, "message")))),
            "add" => Ok(text((number(arguments, "a")? + number(arguments, "b")?).to_string())),
            "multiply" => Ok(text((number(arguments, "a")? * number(arguments, "b")?).to_string())),
            "slow_echo" => {
                let ms = number(arguments, "ms")?;
                if !(0.0..=SLOW_MS_MAX).contains(&ms) {
                    return Err(format!("ms is not between 0 and {SLOW_MS_MAX}"));
                }
                tokio::time::sleep(Duration::from_secs_f64(ms / 1000.0)).await;
                Ok(text(format!("Echo: {}", argument(arguments, "message"))))
            }
            _ => Ok(self.about()),
        }
    }

    fn about(&self) -> CallToolResult {
        let about = json!({
            "name": "lab-echo",
            "version": env!("CARGO_PKG_VERSION"),
            "pid": std::process::id(),
            "uptimeSeconds": self.started.elapsed().as_secs_f64(),
        });
        text(about.to_string())
    }
}

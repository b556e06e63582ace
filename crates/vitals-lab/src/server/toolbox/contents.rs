//! One tool for each kind of content, with the names and answers that the MCP conformance suite asks for.

use std::time::Duration;

use rmcp::model::{CallToolResult, ContentBlock, ProgressNotificationParam, ResourceContents, Tool};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};

use super::logging::Wanted;
use super::{object, reads, text, tool};

/// One red pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// A millisecond of silence.
const WAV: &str = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA==";

/// Between two notifications of one call, as the suite asks.
const STEP: Duration = Duration::from_millis(50);

/// The server.
#[derive(Default)]
pub(in crate::server) struct Contents {
    /// Which of its log messages are wanted.
    pub(super) wanted: Wanted,
}

/// Its tools.
pub(super) fn tools() -> Vec<Tool> {
    let plain = [
        ("test_simple_text", "Returns simple text."),
        ("test_image_content", "Returns an image."),
        ("test_audio_content", "Returns audio."),
        ("test_embedded_resource", "Returns an embedded resource."),
        ("test_multiple_content_types", "Returns text, an image and a resource."),
        ("test_tool_with_logging", "Sends three log messages while it runs."),
        ("test_tool_with_progress", "Reports its progress while it runs."),
        ("test_error_handling", "Always fails."),
    ];
    let mut tools: Vec<_> = plain
        .into_iter()
        .map(|(name, description)| tool(name, name, description, object(&json!({}), &[])).annotate(reads()))
        .collect();
    let name = "json_schema_2020_12_tool";
    tools.push(tool(name, name, "Tool with JSON Schema 2020-12 features", modern_schema()).annotate(reads()));
    tools
}

fn modern_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": { "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" } },
        "additionalProperties": false,
    })
}

impl Contents {
    pub(super) async fn call(&self, tool: &str, context: &RequestContext<RoleServer>) -> Result<CallToolResult, String> {
        let image = || ContentBlock::image(PNG, "image/png");
        let resource = |uri, mime, words| ContentBlock::resource(ResourceContents::text(words, uri).with_mime_type(mime));
        let blocks = match tool {
            "test_simple_text" => return Ok(text("This is a simple text response for testing.")),
            "test_image_content" => vec![image()],
            "test_audio_content" => vec![ContentBlock::audio(WAV, "audio/wav")],
            "test_embedded_resource" => {
                vec![resource("test://embedded-resource", "text/plain", "This is an embedded resource content.")]
            }
            "test_multiple_content_types" => vec![
                ContentBlock::text("Multiple content types test:"),
                image(),
                resource("test://mixed-content-resource", "application/json", r#"{"test":"data","value":123}"#),
            ],
            "test_tool_with_logging" => return Ok(self.with_logging(context).await),
            "test_tool_with_progress" => return Ok(with_progress(context).await),
            "test_error_handling" => return Err("This tool intentionally returns an error for testing".to_owned()),
            _ => return Ok(text("The arguments fit the schema.")),
        };
        Ok(CallToolResult::success(blocks))
    }

    async fn with_logging(&self, context: &RequestContext<RoleServer>) -> CallToolResult {
        for (step, words) in
            ["Tool execution started", "Tool processing data", "Tool execution completed"].into_iter().enumerate()
        {
            if step > 0 {
                tokio::time::sleep(STEP).await;
            }
            self.wanted.send_info(context, words).await;
        }
        text("Tool with logging executed successfully")
    }
}

async fn with_progress(context: &RequestContext<RoleServer>) -> CallToolResult {
    let token = context.meta.get_progress_token();
    for percent in [0.0, 50.0, 100.0] {
        if percent > 0.0 {
            tokio::time::sleep(STEP).await;
        }
        if let Some(token) = &token {
            let progress = ProgressNotificationParam::new(token.clone(), percent).with_total(100.0);
            let _client_gone = context.peer.notify_progress(progress).await;
        }
    }
    text("Tool with progress executed successfully")
}

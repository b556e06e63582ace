//! One tool for each kind of content, and for each thing that may happen during a call, with the names and
//! answers that the MCP conformance suite asks for.

use std::time::Duration;

use rmcp::model::{CallToolResult, ContentBlock, ErrorCode, ErrorData, ProgressNotificationParam, ResourceContents, Tool};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::logging::Wanted;
use super::{Problem, object, reads, text, tool};

/// One red pixel.
const PNG: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAIAAACQd1PeAAAADElEQVR4nGP4z8AAAAMBAQDJ/pLvAAAAAElFTkSuQmCC";

/// A millisecond of silence.
const WAV: &str = "UklGRiwAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQgAAACAgICAgICAgA==";

/// Between two notifications of one call, as the suite asks.
const STEP: Duration = Duration::from_millis(50);

/// The tool that comes and goes.
const ADDED: &str = "test_added";

/// The server.
#[derive(Default)]
pub(in crate::server) struct Contents {
    /// Which of its log messages are wanted.
    pub(super) wanted: Wanted,
    /// Whether it has one tool more than at its start.
    pub(super) grown: watch::Sender<bool>,
}

/// Its tools at its start.
fn tools() -> Vec<Tool> {
    let plain = [
        ("test_simple_text", "Returns simple text."),
        ("test_image_content", "Returns an image."),
        ("test_audio_content", "Returns audio."),
        ("test_embedded_resource", "Returns an embedded resource."),
        ("test_multiple_content_types", "Returns text, an image and a resource."),
        ("test_tool_with_logging", "Sends three log messages while it runs."),
        ("test_tool_with_progress", "Reports its progress while it runs."),
        ("test_error_handling", "Always fails."),
        ("test_logging_tool", "Sends three log messages while it runs."),
        ("test_missing_capability", "Needs a client that can be asked for sampling."),
        ("test_trigger_tool_change", "Adds a tool to this server's list, or takes it out again."),
        ("test_reconnection", "Answers at once, whatever happens to the stream."),
        ("test_streaming_elicitation", "Answers at once, and asks the client nothing."),
    ];
    let mut tools: Vec<_> = plain
        .into_iter()
        .map(|(name, description)| tool(name, name, description, object(&json!({}), &[])).annotate(reads()))
        .collect();
    let name = "json_schema_2020_12_tool";
    tools.push(tool(name, name, "Tool with JSON Schema 2020-12 features", modern_schema()).annotate(reads()));
    let region = json!({ "region": { "type": "string", "x-mcp-header": "Region", "description": "Goes into a header" } });
    tools.push(
        tool("test_headers", "test_headers", "Takes an argument that is a header too.", object(&region, &[])).annotate(reads()),
    );
    tools
}

fn modern_schema() -> Value {
    json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": {
            "address": {
                "$anchor": "address",
                "type": "object",
                "properties": { "street": { "type": "string" }, "city": { "type": "string" } },
            },
        },
        "properties": { "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" } },
        "allOf": [{ "anyOf": [{ "required": ["name"] }, { "required": ["address"] }] }],
        "if": { "required": ["name"] },
        "then": { "properties": { "name": { "minLength": 1 } } },
        "else": { "required": ["address"] },
        "additionalProperties": false,
    })
}

impl Contents {
    /// Its tools now.
    pub(super) fn tools(&self) -> Vec<Tool> {
        let mut tools = tools();
        if *self.grown.borrow() {
            tools.push(tool(ADDED, ADDED, "Was added while the server ran.", object(&json!({}), &[])).annotate(reads()));
        }
        tools
    }

    pub(super) async fn call(&self, tool: &str, context: &RequestContext<RoleServer>) -> Result<CallToolResult, Problem> {
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
            "test_tool_with_logging" | "test_logging_tool" => return Ok(self.with_logging(context).await),
            "test_tool_with_progress" => return Ok(with_progress(context).await),
            "test_error_handling" => {
                return Err(Problem::OfTool("This tool intentionally returns an error for testing".to_owned()));
            }
            "test_missing_capability" => return with_sampling(context).map_err(Problem::OfProtocol),
            "test_trigger_tool_change" => {
                self.grown.send_modify(|grown| *grown = !*grown);
                return Ok(text("The list of tools is another one now."));
            }
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

/// The error that revision 2026-07-28 asks for when a client cannot do what is needed.
fn with_sampling(context: &RequestContext<RoleServer>) -> Result<CallToolResult, ErrorData> {
    let can = context
        .peer
        .peer_info()
        .is_some_and(|client| serde_json::to_value(&client.capabilities).is_ok_and(|can| !can["sampling"].is_null()));
    if can {
        return Ok(text("The client could be asked for sampling, and is not."));
    }
    let needed = json!({ "requiredCapabilities": { "sampling": {} } });
    Err(ErrorData::new(ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY, "sampling is needed", Some(needed)))
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

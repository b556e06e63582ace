//! The rest of the hub, imitated: one server's tools, kept in memory, and answers to calls. Among them are
//! those that the conformance suite asks for, under their own names.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rmcp::model::{CallToolRequestParams, CallToolResult, ErrorCode, ErrorData, JsonObject, Tool};
use serde_json::{Value, json};
use tokio::sync::watch;

use crate::fault::HubFault;
use crate::hub::backend::{Backend, Listed, Listing, Notes};

/// A PNG of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A WAV file without samples.
const SILENCE: &str = "UklGRiQAAABXQVZFZm10IBAAAAABAAEAQB8AAEAfAAABAAgAZGF0YQAAAAA=";

/// A backend whose tools and faults a test sets.
pub(crate) struct Double {
    pub(crate) listing: watch::Sender<Arc<Listing>>,
    pub(crate) faults: watch::Sender<BTreeSet<HubFault>>,
    /// Calls of tools whose names end in `__wait`: they have no answer.
    pub(crate) waiting: watch::Sender<usize>,
}

/// One call that waits; it is counted as long as it is not dropped.
struct Waiting<'a>(&'a watch::Sender<usize>);

impl<'a> Waiting<'a> {
    fn start(waiting: &'a watch::Sender<usize>) -> Self {
        waiting.send_modify(|n| *n += 1);
        Self(waiting)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.send_modify(|n| *n -= 1);
    }
}

impl Double {
    pub(crate) fn new(tools: Vec<Listed>) -> Arc<Self> {
        let listing = watch::Sender::new(Arc::new(Listing { tools }));
        Arc::new(Self { listing, faults: watch::Sender::new(BTreeSet::new()), waiting: watch::Sender::new(0) })
    }
}

impl Backend for Double {
    fn listing(&self) -> watch::Receiver<Arc<Listing>> {
        self.listing.subscribe()
    }

    fn call(&self, request: CallToolRequestParams) -> BoxFuture<'_, Result<CallToolResult, ErrorData>> {
        async move {
            if request.name.ends_with("__wait") {
                let _waiting = Waiting::start(&self.waiting);
                std::future::pending::<()>().await;
            }
            answer(&request)
        }
        .boxed()
    }

    fn call_noted(&self, request: CallToolRequestParams, notes: Notes) -> BoxFuture<'_, Result<CallToolResult, ErrorData>> {
        async move {
            for note in noted(&request) {
                notes.send(note_of(note)).await.map_err(|e| ErrorData::internal_error(e.to_string(), None))?;
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
            if request.name == "test_trigger_tool_change" {
                self.listing.send_modify(|listing| Arc::make_mut(listing).tools.push(tool("contents", "test_added")));
            }
            self.call(request).await
        }
        .boxed()
    }

    fn faults(&self) -> watch::Receiver<BTreeSet<HubFault>> {
        self.faults.subscribe()
    }
}

/// A tool of a server, with a text argument.
pub(crate) fn tool(server: &str, name: &str) -> Listed {
    listed(server, name, json!({ "type": "object", "properties": { "text": { "type": "string" } } }))
}

/// The tools of the suite.
pub(crate) fn suite() -> Vec<Listed> {
    let plain = json!({ "type": "object", "properties": {} });
    let names = [
        "test_simple_text",
        "test_image_content",
        "test_audio_content",
        "test_embedded_resource",
        "test_multiple_content_types",
        "test_tool_with_logging",
        "test_tool_with_progress",
        "test_error_handling",
    ];
    let mut tools: Vec<_> = names.into_iter().map(|name| listed("contents", name, plain.clone())).collect();
    for name in [
        "test_reconnection",
        "test_logging_tool",
        "test_missing_capability",
        "test_streaming_elicitation",
        "test_trigger_tool_change",
    ] {
        tools.push(listed("contents", name, plain.clone()));
    }
    let region = json!({ "type": "string", "x-mcp-header": "Region" });
    tools.push(listed("contents", "test_headers", json!({ "type": "object", "properties": { "region": region } })));
    let address = json!({ "$anchor": "address", "type": "object", "properties": { "street": { "type": "string" }, "city": { "type": "string" } } });
    let schema = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "type": "object",
        "$defs": { "address": address },
        "properties": { "name": { "type": "string" }, "address": { "$ref": "#/$defs/address" } },
        "allOf": [{ "anyOf": [{ "required": ["name"] }, { "required": ["address"] }] }],
        "if": { "required": ["name"] },
        "then": { "properties": { "name": { "minLength": 1 } } },
        "else": { "required": ["address"] },
        "additionalProperties": false,
    });
    tools.push(listed("contents", "json_schema_2020_12_tool", schema));
    tools
}

fn listed(server: &str, name: &str, schema: Value) -> Listed {
    let schema: JsonObject = serde_json::from_value(schema).unwrap();
    Listed { tool: Tool::new(name.to_owned(), format!("The tool {name}"), schema), server: server.to_owned() }
}

fn answer(request: &CallToolRequestParams) -> Result<CallToolResult, ErrorData> {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let image = json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" });
    let resource = |mime: &str, words: &str| json!({ "type": "resource", "resource": { "uri": "test://embedded-resource", "mimeType": mime, "text": words } });
    let result = match request.name.as_ref() {
        "test_simple_text" => json!({ "content": [text("This is a simple text response for testing.")] }),
        "test_image_content" => json!({ "content": [image] }),
        "test_audio_content" => json!({ "content": [{ "type": "audio", "data": SILENCE, "mimeType": "audio/wav" }] }),
        "test_embedded_resource" => json!({ "content": [resource("text/plain", "This is an embedded resource content.")] }),
        "test_multiple_content_types" => {
            json!({ "content": [text("Multiple content types test:"), image, resource("application/json", "{\"test\":\"data\"}")] })
        }
        // It needs sampling, and no client of a hub can be asked for that.
        "test_missing_capability" => {
            let needed = json!({ "requiredCapabilities": { "sampling": {} } });
            return Err(ErrorData::new(ErrorCode::MISSING_REQUIRED_CLIENT_CAPABILITY, "sampling is needed", Some(needed)));
        }
        "test_error_handling" => {
            json!({ "content": [text("This tool intentionally returns an error for testing")], "isError": true })
        }
        "kinds__all" => json!({
            "content": [text("a"), image, { "type": "resource_link", "uri": "file:///x", "name": "x" }],
            "structuredContent": { "sum": 3 },
            "_meta": { "own": "kept" },
        }),
        // What came here, for tests that ask what was passed on.
        name => {
            json!({ "content": [text(&json!({ "name": name, "arguments": request.arguments, "meta": request.meta }).to_string())] })
        }
    };
    serde_json::from_value(result).map_err(|e| ErrorData::internal_error(e.to_string(), None))
}

/// What is said during a call.
fn noted(request: &CallToolRequestParams) -> Vec<Value> {
    match request.name.as_ref() {
        "test_tool_with_logging" | "test_logging_tool" => {
            ["Tool execution started", "Tool processing data", "Tool execution completed"]
                .map(|words| json!({ "method": "notifications/message", "params": { "level": "info", "data": words } }))
                .to_vec()
        }
        "test_tool_with_progress" => {
            let Some(token) = request.meta.as_ref().and_then(|meta| meta.0.0.get("progressToken")) else { return Vec::new() };
            [0, 50, 100]
                .map(|done| {
                    let params = json!({ "progressToken": token, "progress": done, "total": 100 });
                    json!({ "method": "notifications/progress", "params": params })
                })
                .to_vec()
        }
        _ => Vec::new(),
    }
}

fn note_of(note: Value) -> rmcp::model::ServerNotification {
    serde_json::from_value(note).unwrap()
}

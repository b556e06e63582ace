//! The rest of the hub, imitated: tools that a test sets, kept in memory, and answers to calls.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use rmcp::model::{CallToolRequestParams, CallToolResult, ErrorData, JsonObject, Tool};
use serde_json::json;
use tokio::sync::watch;

use crate::fault::HubFault;
use crate::hub::backend::{Backend, Listed, Listing};

/// A PNG of one pixel.
const PIXEL: &str = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==";

/// A backend whose tools and faults a test sets.
pub(crate) struct Double {
    pub(crate) listing: watch::Sender<Arc<Listing>>,
    pub(crate) faults: watch::Sender<BTreeSet<HubFault>>,
    /// Calls of tools whose names end in `__wait`, until they are let go on.
    pub(crate) waiting: watch::Sender<usize>,
    pub(crate) go_on: watch::Sender<bool>,
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
        let (waiting, go_on) = (watch::Sender::new(0), watch::Sender::new(false));
        Arc::new(Self { listing, faults: watch::Sender::new(BTreeSet::new()), waiting, go_on })
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
                drop(self.go_on.subscribe().wait_for(|go_on| *go_on).await);
            }
            answer(&request)
        }
        .boxed()
    }

    fn faults(&self) -> watch::Receiver<BTreeSet<HubFault>> {
        self.faults.subscribe()
    }
}

/// A tool of a server, with a text argument.
pub(crate) fn tool(server: &str, name: &str) -> Listed {
    let schema = json!({ "type": "object", "properties": { "text": { "type": "string" } } });
    let schema: JsonObject = serde_json::from_value(schema).unwrap();
    Listed { tool: Tool::new(name.to_owned(), format!("The tool {name}"), schema), server: server.to_owned() }
}

fn answer(request: &CallToolRequestParams) -> Result<CallToolResult, ErrorData> {
    let text = |text: &str| json!({ "type": "text", "text": text });
    let image = json!({ "type": "image", "data": PIXEL, "mimeType": "image/png" });
    let result = match request.name.as_ref() {
        "kinds__failing" => json!({ "content": [text("This tool always fails")], "isError": true }),
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

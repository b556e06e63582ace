//! What the MCP endpoint is given of the rest of the hub: the tools of all servers, and calls to them.

use std::collections::BTreeSet;
use std::sync::Arc;

use futures_util::future::BoxFuture;
use rmcp::model::{CallToolRequestParams, CallToolResult, ErrorData, ServerNotification, Tool};
use tokio::sync::{mpsc, watch};

use crate::fault::HubFault;

/// Where a server's notifications during a call go.
pub(crate) type Notes = mpsc::Sender<ServerNotification>;

/// The tools of all connected servers, in the order of servers and of their own lists.
#[derive(Clone, Debug, Default)]
pub(crate) struct Listing {
    /// Tools as clients name them (`server__tool`), with the server's name and the tool's own.
    pub tools: Vec<Listed>,
}

/// One tool of one server.
#[derive(Clone, Debug)]
pub(crate) struct Listed {
    /// The tool under its namespaced name.
    pub tool: Tool,
    /// The server's name in the configuration.
    pub server: String,
}

/// The rest of the hub, as the MCP endpoint sees it.
pub(crate) trait Backend: Send + Sync + 'static {
    /// The tools of now, and of later.
    fn listing(&self) -> watch::Receiver<Arc<Listing>>;

    /// Calls a tool by its namespaced name; the request is passed on with that name. An error is one of
    /// the protocol; what the tool itself says is in the result.
    fn call(&self, request: CallToolRequestParams) -> BoxFuture<'_, Result<CallToolResult, ErrorData>>;

    /// As [`Backend::call`]; what the server says meanwhile (progress under the request's own token, log
    /// messages) goes to `notes`, which is bounded: what does not fit is left out. A backend that hears
    /// nothing of it only calls.
    fn call_noted(&self, request: CallToolRequestParams, notes: Notes) -> BoxFuture<'_, Result<CallToolResult, ErrorData>> {
        drop(notes);
        self.call(request)
    }

    /// What the hub does wrong now.
    fn faults(&self) -> watch::Receiver<BTreeSet<HubFault>>;
}

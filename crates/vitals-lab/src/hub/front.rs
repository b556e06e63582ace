//! What the rest of the hub asks of its MCP endpoint.

use axum::Router;
use serde_json::Value;

/// The MCP endpoint as the REST API, the registry and the process see it.
pub(crate) trait Front: Send + Sync {
    /// Its routes, to be merged into the hub's.
    fn routes(&self) -> Router;

    /// MCP sessions that are counted as open.
    fn clients(&self) -> usize;

    /// `GET /api/filtering/stats`; `None` when tools are not filtered.
    fn stats(&self) -> Option<Value>;

    /// Tools that are registered with it, its own included.
    fn registered(&self) -> usize;
}

//! The seam between the hub and its MCP endpoint: what the rest of the hub asks of it.

use futures_util::future::BoxFuture;
use serde_json::Value;

/// The hub's MCP endpoint, as the rest of the hub sees it.
pub(crate) trait Front: Send + Sync {
    /// Its routes, `/mcp` and `/messages`.
    fn routes(&self) -> axum::Router;

    /// Live MCP sessions.
    fn clients(&self) -> usize;

    /// What `GET /api/filtering/stats` answers; `None` for a hub without filtering.
    fn stats(&self) -> Option<Value>;

    /// Tools that the endpoint has registered.
    fn registered(&self) -> usize;

    /// Refuses new sessions, ends those that there are, and returns when they are gone, or do not go.
    fn end(&self) -> BoxFuture<'_, ()>;
}

//! The seam between the hub and its MCP endpoint: what the rest of the hub asks of it.

use std::sync::Arc;

use serde_json::Value;
use tokio::sync::watch;

use super::backend::{Backend, Listing};

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
}

/// No MCP endpoint; the tools are counted.
pub(crate) struct Closed {
    listing: watch::Receiver<Arc<Listing>>,
}

impl Closed {
    pub(crate) fn of(backend: &dyn Backend) -> Self {
        Self { listing: backend.listing() }
    }
}

impl Front for Closed {
    fn routes(&self) -> axum::Router {
        axum::Router::new()
    }

    fn clients(&self) -> usize {
        0
    }

    fn stats(&self) -> Option<Value> {
        None
    }

    fn registered(&self) -> usize {
        self.listing.borrow().tools.len()
    }
}

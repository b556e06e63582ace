//! The lab's hub: a process of its own that starts servers, offers their tools to MCP clients, has the
//! REST API, the event stream, the log and the registry entry of a real hub, and does wrong what it is
//! told to.

pub(crate) mod backend;
pub(crate) mod filter;
pub(crate) mod front;
pub(crate) mod journal;
pub(crate) mod mcp;

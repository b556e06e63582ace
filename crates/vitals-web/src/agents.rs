//! The face for agents: an MCP server that says which hubs, servers and tools can be relied on just now, and why not. It
//! reads and changes nothing; where the facts come from is the business of a [`Facts`](crate::source::Facts).
//!
//! What a hub said (names, errors, lines of its log) is data here: cut, escaped and in quotation marks, never our own
//! word. What is not known is unknown, and a look that is too old makes what was healthy unknown.

mod answer;
mod explain;
mod health;
mod incidents;
mod protocol;
mod report;
mod sift;
mod surface;
mod usable;

pub use protocol::{router, serve};

//! The faces that are asked over the network: a page and an API over the snapshot, metrics, and an MCP server for agents.

pub mod agents;
pub mod metrics;

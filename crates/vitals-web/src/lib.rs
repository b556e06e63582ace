//! The faces that are asked over the network: a page and an API over the snapshot, metrics, and an MCP server for agents.
//!
//! What stands behind them is a [`Source`]; nothing is computed or kept before somebody asks. Who may ask, and for what,
//! is decided in one place, [`auth`]. The watch is not in this crate: the faces run on a thread of their own and reach
//! it by a source alone.

pub mod agents;
mod api;
mod ask;
pub mod auth;
mod kept;
pub mod limits;
mod look;
pub mod metrics;
mod page;
pub mod plot;
mod problem;
pub mod serve;
pub mod source;
mod stream;

pub use auth::{Guard, Reach, Token};
pub use look::{STYLE, at, of_health, score};
pub use source::{Explained, Facts, Paper, Source, Trouble};

#[cfg(test)]
mod tests;

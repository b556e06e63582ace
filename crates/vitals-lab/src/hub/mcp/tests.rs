//! The endpoint against a backend in memory: with the monitor's own client, with raw requests, and with the
//! conformance suite.

mod conformance;
pub(super) mod double;
mod faults;
mod filtering;
mod stand;
mod wire;

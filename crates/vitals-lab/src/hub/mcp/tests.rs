//! The endpoint against a backend in memory: with the monitor's own client, and with raw requests.

pub(super) mod double;
mod faults;
mod filtering;
mod stand;
mod storm;
mod wire;

//! What the proof needs of a lab, so that the proof itself can be tested with scripted ones.

use futures_util::future::LocalBoxFuture;
use vitals_model::target::TargetId;
use vitals_probe::hands::Surroundings;

use super::expect::Stage;
use crate::fault::Fault;

/// Why a lab could not do what it was asked.
#[derive(thiserror::Error, Clone, PartialEq, Eq, Debug)]
#[error("{0}")]
pub struct Trouble(pub String);

/// A running lab with one hub.
pub trait Bed {
    /// The name that discovery gives its hub.
    fn target(&self) -> TargetId;

    /// Where its hub's record of itself is found.
    fn surroundings(&self) -> Surroundings;

    /// The hub's process; `None` while there is none.
    fn hub_pid(&self) -> Option<u32>;

    /// Makes the fault happen, to this server if it is one of a server; returns when it is in force.
    fn inject<'a>(&'a self, fault: Fault, server: &'a str) -> LocalBoxFuture<'a, Result<(), Trouble>>;

    /// Takes the cause away.
    fn clear(&self, fault: Fault) -> LocalBoxFuture<'_, Result<(), Trouble>>;

    /// Ends it with everything it started.
    fn end(self: Box<Self>) -> LocalBoxFuture<'static, ()>;
}

/// Where labs come from.
pub trait Beds: Send + Sync {
    /// Starts one; returns when its hub listens and its servers are connected.
    fn start(&self, stage: Stage, seed: u64) -> LocalBoxFuture<'_, Result<Box<dyn Bed>, Trouble>>;
}

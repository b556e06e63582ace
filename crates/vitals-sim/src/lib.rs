//! A world in simulated time: a hub, its servers, what disturbs them on an ordinary day, and faults. It is
//! told as the [`Observation`](vitals_model::observation::Observation)s that the probes of a watch would
//! make of it. It judges nothing, and is no part of what is shipped.
//!
//! Two days pass in seconds: [`World`](world::World) jumps from one happening to the next. All chance comes
//! from one seed, so a soak that went wrong can be had again. [`drill`] holds what a judgement tells against
//! what really was.

pub mod chance;
pub mod drill;
pub mod fault;
mod queue;
mod table;
pub mod world;

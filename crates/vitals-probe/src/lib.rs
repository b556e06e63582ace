//! The hands of mcp-vitals: everything that touches a target.
//!
//! A probe returns an observation, never an error and never a judgement: a refusal, a timeout or
//! garbage is an observation with evidence. Only this crate opens a connection to a target, reads
//! its files or looks at its process. A probe never changes what it measures and closes what it opens:
//! what changes a target stands apart, in `repair`, and is carried out for a remedy alone.

pub mod clock;
pub mod discover;
pub mod events;
pub mod hands;
pub mod http;
pub mod hub_config;
pub mod llm;
pub mod logtail;
pub mod mcp;
pub mod process;
mod repair;
pub mod rest;
pub mod secret;
pub mod task;
pub mod workspace;

//! The judgement of mcp-vitals: from what was seen to what it means.
//!
//! Everything here is a pure function of observations, settings and `now`: no clock, no IO, no
//! randomness. [`Monitor`](monitor::Monitor) holds all the state there is; [`check`] turns facts into
//! readings, [`truth`] compares claims with facts, [`score`] adds up, [`detect`] looks at windows of
//! time, [`incident`] keeps what lasts, `remedy` says what may be done about it, [`rarity`] says how unusual one value of a series is.

mod cause;
pub mod check;
mod counting;
pub mod criteria;
pub mod detect;
pub mod event;
pub mod expected;
pub mod explain;
pub mod facts;
mod flaps;
pub mod incident;
pub mod monitor;
pub mod objective;
pub mod own;
pub mod rarity;
mod reach;
mod remedy;
pub mod report;
pub mod route;
pub mod score;
mod stats;
pub mod surface;
pub mod telling;
pub mod truth;

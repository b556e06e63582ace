//! The subcommands, one file each.

pub mod anomalies;
pub mod check;
pub mod config;
pub mod dashboard;
pub mod export;
pub mod manual;
pub mod report;
mod visit;
pub mod watch;

//! The subcommands, one file each.

pub(crate) mod anomalies;
pub(crate) mod check;
pub(crate) mod config;
pub(crate) mod criteria;
pub(crate) mod dashboard;
pub(crate) mod demo;
pub(crate) mod explain;
pub(crate) mod export;
pub(crate) mod incidents;
pub(crate) mod lab;
pub(crate) mod manual;
pub(crate) mod mcp;
pub(crate) mod notify;
mod past;
pub(crate) mod remedy;
pub(crate) mod report;
pub(crate) mod scenario;
pub(crate) mod selftest;
pub(crate) mod service;
pub(crate) mod tools;
mod visit;
pub(crate) mod watch;

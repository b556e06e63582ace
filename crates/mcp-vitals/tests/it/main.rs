//! Acceptance tests: the built binary against the real npm hub, one test binary for all of them.
//!
//! The harness is `hub` (a real hub of our own), `product` (the built binary) and what they stand on.
//! Where node is not on the machine, tests that need the hub say so and pass; with
//! `MCP_VITALS_REAL_HUB=required` they fail instead.

#[cfg(test)]
mod agents;
#[cfg(test)]
mod browser;
#[cfg(test)]
mod check;
#[cfg(test)]
mod ci;
#[cfg(test)]
mod contract;
#[cfg(test)]
mod daily;
#[cfg(test)]
mod docs;
#[cfg(test)]
mod double;
#[cfg(test)]
mod faces;
#[cfg(test)]
mod fuzzed;
#[cfg(test)]
mod harness;
#[cfg(test)]
mod hostile;
#[cfg(test)]
mod hub;
#[cfg(test)]
mod inbox;
#[cfg(test)]
mod incidents;
#[cfg(test)]
mod install;
#[cfg(test)]
mod lab;
#[cfg(test)]
mod notices;
#[cfg(test)]
mod onward;
#[cfg(test)]
mod otlp;
#[cfg(test)]
mod outside;
#[cfg(test)]
mod package;
#[cfg(test)]
mod procs;
#[cfg(test)]
mod product;
#[cfg(test)]
#[path = "../../../vitals-web/tests/it/metrics/tools.rs"]
mod programs;
#[cfg(test)]
#[path = "../../../vitals-web/tests/it/metrics/prometheus.rs"]
mod prometheus;
#[cfg(test)]
mod remedy;
#[cfg(test)]
mod rest;
#[cfg(test)]
mod said;
#[cfg(test)]
mod scenario;
#[cfg(test)]
mod scenario_lab;
#[cfg(test)]
mod scraped;
#[cfg(test)]
mod selftest;
#[cfg(test)]
mod servers;
#[cfg(test)]
mod service;
#[cfg(test)]
mod stability;
#[cfg(test)]
mod tools;
#[cfg(test)]
mod wait;
#[cfg(test)]
mod watch;
#[cfg(test)]
mod watch_life;
#[cfg(test)]
mod web;

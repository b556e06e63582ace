//! The metrics: read by a parser of our own, by the real `promtool` by a real Prometheus and by a real collector; and the
//! rules and dashboards that are made from their table.
//!
//! Where one of these programs cannot be had, tests that need it say so and pass; with `MCP_VITALS_PROMETHEUS=required`
//! and `MCP_VITALS_ROTEL=required` they fail instead.

mod collector;
mod deploy;
mod exposition;
mod fixtures;
mod parse;
mod prometheus;
mod real;
#[expect(dead_code, reason = "Alertmanager, the mail server and the asker of APIs are for the tests of the whole program")]
mod tools;

//! The metrics: read by a parser of our own, by the real `promtool` and by a real Prometheus; and the rules and
//! dashboards that are made from their table.
//!
//! Where Prometheus cannot be had, tests that need it say so and pass; with `MCP_VITALS_PROMETHEUS=required` they
//! fail instead.

#[cfg(test)]
mod deploy;
#[cfg(test)]
mod exposition;
#[cfg(test)]
mod fixtures;
#[cfg(test)]
mod parse;
#[cfg(test)]
mod real;
#[cfg(test)]
mod tools;

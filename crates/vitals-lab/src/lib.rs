//! The lab: a real MCP hub with real servers behind it, every fault on demand, the scenarios that are
//! run against it or another hub, and the proof that each fault is seen. It judges nothing and watches
//! nothing: what was seen is told to it.
//!
//! Words. A **lab** is one hub process, its server processes, an LLM stub and what controls them. A
//! **persona** is how its hub speaks of itself. A **fault** is injected and cleared while it runs. A
//! **part** is a process of the lab: this program, started again under a hidden subcommand. A **scenario**
//! is a list of steps with expectations, and a **proof** runs every fault and waits for its incident.

pub mod fault;
pub mod gemini;
pub mod hub;
pub mod lab;
pub mod part;
pub mod persona;
pub mod place;
pub mod proof;
pub mod scenario;
pub mod server;

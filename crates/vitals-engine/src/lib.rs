//! The loop of mcp-vitals: it waits for what happens, hands it to judgement and carries out what
//! judgement asks for. It decides nothing, and it is the only crate that writes to disk.

pub mod act;
pub mod export;
mod heartbeat;
pub mod history;
pub mod lockfile;
pub mod notify;
mod pulse;
pub mod schedule;
pub mod store;
pub mod supervisor;
mod watch;

pub use watch::{Control, Engine, Faces, History, LookAround, Outcome, Peek, Say, Tell};

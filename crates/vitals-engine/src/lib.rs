//! The loop of mcp-vitals: it waits for what happens, hands it to judgement and carries out what
//! judgement asks for. It is the only crate that writes to disk.

pub mod store;

//! The tool surface: what callers and models see of a server's tools. How two versions of it differ and what
//! that means, what in it looks like an order to a model, and what it costs in tokens.

pub mod drift;
pub mod review;
mod schema;
pub mod signs;
pub mod tokens;
mod words;

pub use drift::{compare, worst};

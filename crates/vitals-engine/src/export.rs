//! Export: what is written for other programs to read.

mod classic;

pub use classic::{Classic, ClassicError};

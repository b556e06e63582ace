//! (streamable)

//! (legacy)

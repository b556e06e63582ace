//! (child)

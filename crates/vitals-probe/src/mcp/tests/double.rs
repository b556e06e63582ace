//! (double)

//! The servers of the lab, on standard input and output.

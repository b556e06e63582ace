//! The parts of a lab as a program of its own, for this crate's tests: the product has them as a hidden
//! subcommand.

fn main() {}

//! The parts of a lab as a program of its own, for this crate's tests: the product has them as a hidden
//! subcommand.

use std::process::ExitCode;

fn main() -> ExitCode {
    vitals_lab::part::main(std::env::args_os().skip(1))
}

//! `mcp-vitals`: the command line. One file per subcommand; here they are only wired together.

mod cli;
mod cmd;
mod exit;
mod render;
mod wiring;

use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Command};
use exit::Exit;

fn main() -> ExitCode {
    let mut words = std::env::args_os().skip(1);
    if words.next().is_some_and(|word| word == wiring::LAB_PART) {
        return cmd::lab::part(words).unwrap_or_else(|error| exit::explain(&error)).into();
    }
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    cli.colour.apply();
    let outcome = match cli.command {
        Command::Check(args) => cmd::check::run(&cli.common, &args),
        Command::Watch(args) => cmd::watch::run(&cli.common, &args),
        Command::Dashboard(args) => cmd::dashboard::run(&cli.common, &args),
        Command::Anomalies(args) => cmd::anomalies::run(&cli.common, &args),
        Command::Criteria(args) => cmd::criteria::run(&cli.common, &args),
        Command::Report(args) => cmd::report::run(&cli.common, &args),
        Command::Tools(args) => cmd::tools::run(&cli.common, &args),
        Command::Incidents(args) => cmd::incidents::run(&cli.common, &args),
        Command::Notify(args) => cmd::notify::run(&cli.common, &args),
        Command::Explain(args) => cmd::explain::run(&cli.common, &args),
        Command::Remedy(args) => cmd::remedy::run(&cli.common, &args),
        Command::Scenario(args) => cmd::scenario::run(&cli.common, &args),
        Command::Export(args) => cmd::export::run(&cli.common, &args),
        Command::Mcp => cmd::mcp::run(&cli.common),
        Command::Demo(args) => cmd::demo::run(&args),
        Command::Lab(args) => cmd::lab::run(&args),
        Command::Selftest(args) => cmd::selftest::run(&args),
        Command::Service(args) => cmd::service::run(&cli.common, &args),
        Command::Config(args) => cmd::config::run(&cli.common, &args),
        Command::Completions(args) => cmd::manual::completions(args),
        Command::Man(args) => cmd::manual::man(&args),
    };
    outcome.unwrap_or_else(|error| exit::explain(&error)).into()
}

/// Help and version are answers; anything else is a question that we could not understand: 3.
fn usage(error: &clap::Error) -> ExitCode {
    let printed = error.print();
    if error.use_stderr() || printed.is_err() { Exit::Unknown.into() } else { ExitCode::SUCCESS }
}

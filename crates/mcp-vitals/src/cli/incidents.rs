//! The command line of `incidents`.

use std::time::Duration;

use clap::{Args, Subcommand};

use super::{LineFormat, duration};

/// `incidents`.
#[derive(Args, Debug)]
pub(crate) struct IncidentsArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: IncidentsAction,
}

/// `explain`.
#[derive(Args, Debug)]
pub(crate) struct ExplainArgs {
    /// A check, such as hub-servers/api, a pattern of checks ('hub-servers/fs/*'), or an incident (I42).
    #[arg(value_name = "CHECK|INCIDENT")]
    pub what: String,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: LineFormat,
}

/// Who says it.
#[derive(Args, Debug)]
pub(crate) struct Author {
    /// Who says so [default: who you are on this machine]
    #[arg(long, value_name = "NAME")]
    pub author: Option<String>,
}

/// What to do with incidents.
#[derive(Subcommand, Debug)]
pub(crate) enum IncidentsAction {
    /// Show the incidents that last, and the silences that hold.
    List {
        /// Also those that were over within this time, such as 24h.
        #[arg(long, value_name = "DURATION", value_parser = duration)]
        since: Option<Duration>,
        /// Output format.
        #[arg(long, value_enum, default_value = "text")]
        format: LineFormat,
    },
    /// Show one incident with all that is known of it: evidence, cause, what it suppressed, who was told what.
    Show {
        /// Its number, such as I42.
        #[arg(value_name = "INCIDENT", value_parser = incident)]
        id: u64,
        /// Output format.
        #[arg(long, value_enum, default_value = "text")]
        format: LineFormat,
    },
    /// Take an incident up: people are told so, and then nothing more of it but its end.
    Ack {
        /// Its number, such as I42.
        #[arg(value_name = "INCIDENT", value_parser = incident)]
        id: u64,
        /// What is being done about it.
        #[arg(default_value = "")]
        text: String,
        #[command(flatten)]
        author: Author,
    },
    /// Write something down with an incident.
    Note {
        /// Its number, such as I42.
        #[arg(value_name = "INCIDENT", value_parser = incident)]
        id: u64,
        /// What.
        text: String,
        #[command(flatten)]
        author: Author,
    },
    /// Tell nobody of some checks for a time; their incidents are shown all the same.
    Silence {
        /// Pattern of checks, such as 'hub-servers/*/call'.
        #[arg(value_name = "CHECKS")]
        checks: String,
        /// Why.
        reason: String,
        /// For how long, such as 2h.
        #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
        for_: Duration,
        /// Pattern of targets.
        #[arg(long, value_name = "TARGETS", default_value = "*")]
        of: String,
        #[command(flatten)]
        author: Author,
    },
    /// End a silence.
    Unsilence {
        /// Its number, such as S3.
        #[arg(value_name = "SILENCE", value_parser = silence)]
        id: u64,
        #[command(flatten)]
        author: Author,
    },
}

pub(super) fn incident(text: &str) -> Result<u64, String> {
    number(text, 'I')
}

fn silence(text: &str) -> Result<u64, String> {
    number(text, 'S')
}

/// `I42`, `i42` or `42`.
fn number(text: &str, letter: char) -> Result<u64, String> {
    let digits = text.strip_prefix([letter, letter.to_ascii_lowercase()]).unwrap_or(text);
    digits.parse().map_err(|_| format!("expected a number such as {letter}42"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_with_and_without_their_letter() {
        assert_eq!([incident("I42"), incident("i42"), incident("42"), silence("S3")], [Ok(42), Ok(42), Ok(42), Ok(3)]);
        assert!(incident("S42").is_err() && incident("I").is_err() && incident("-1").is_err());
    }
}

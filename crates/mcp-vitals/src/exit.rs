//! Exit codes: the convention of monitoring plugins, the same for every command that judges.

use std::process::ExitCode;

use vitals_model::reading::Health;
use vitals_model::scenario::Outcome;

/// How a command ends.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Exit {
    /// 0: healthy, or done.
    Ok,
    /// 1: degraded.
    Warning,
    /// 2: failing.
    Critical,
    /// 3: could not tell: no target, bad usage, bad configuration.
    Unknown,
}

impl From<Health> for Exit {
    fn from(health: Health) -> Self {
        match health {
            Health::Healthy => Self::Ok,
            Health::Degraded => Self::Warning,
            Health::Failing => Self::Critical,
            Health::Unknown => Self::Unknown,
        }
    }
}

impl From<Outcome> for Exit {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Passed => Self::Ok,
            // What was left out has told nothing.
            Outcome::Skipped => Self::Unknown,
            Outcome::Failed => Self::Critical,
        }
    }
}

impl Exit {
    /// The number.
    pub(crate) const fn code(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Warning => 1,
            Self::Critical => 2,
            Self::Unknown => 3,
        }
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.code())
    }
}

/// Says an error with its causes, once, on standard error. A reader that went away (`| head`) is no
/// error worth a word.
pub(crate) fn explain(error: &anyhow::Error) -> Exit {
    let closed = |cause: &(dyn std::error::Error + 'static)| {
        cause.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
    };
    if error.chain().any(closed) {
        return Exit::Ok;
    }
    crate::render::complain(&format!("{error:#}"));
    Exit::Unknown
}

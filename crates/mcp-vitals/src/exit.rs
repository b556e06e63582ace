//! Exit codes: the convention of monitoring plugins, the same for every command that judges.

use std::process::ExitCode;

use vitals_model::reading::Health;

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

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Ok => 0,
            Exit::Warning => 1,
            Exit::Critical => 2,
            Exit::Unknown => 3,
        })
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

//! Exit codes: the convention of monitoring plugins, the same for every command that judges.

use std::process::ExitCode;

use vitals_judge::criteria::worst;
use vitals_model::criterion::{Criterion, Fulfilment, Weight};
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
    /// Of criteria: an unmet must is critical, another unmet one a warning, a must that is pending could not be told.
    /// A pending should or nice is shown and changes nothing: a hub without an LLM would never be 0.
    pub(crate) fn of_criteria(criteria: &[Criterion]) -> Self {
        let [must, should, nice] = Weight::ALL.map(|weight| worst(criteria, weight));
        if must == Fulfilment::Unmet {
            Self::Critical
        } else if should == Fulfilment::Unmet || nice == Fulfilment::Unmet {
            Self::Warning
        } else if must == Fulfilment::Pending {
            Self::Unknown
        } else {
            Self::Ok
        }
    }

    /// How bad it is: unknown is worse than good and better than a known fault.
    pub(crate) const fn badness(self) -> u8 {
        match self {
            Self::Ok => 0,
            Self::Unknown => 1,
            Self::Warning => 2,
            Self::Critical => 3,
        }
    }

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

#[cfg(test)]
mod tests {
    use vitals_model::check::Unit;

    use super::*;

    fn criterion(weight: Weight, fulfilment: Fulfilment) -> Criterion {
        let (name, wants, seen) = (String::new(), String::new(), String::new());
        Criterion {
            name,
            weight,
            wants,
            fulfilment,
            seen,
            value: None,
            limit: None,
            unit: Unit::Count,
            observed: 1.0,
            budget: None,
        }
    }

    #[test]
    fn the_heaviest_unmet_criterion_decides_and_then_what_is_pending() {
        use Fulfilment::{Met, Pending, Unmet};
        let cases = [
            ([Met, Met, Met], 0),
            ([Met, Pending, Pending], 0),
            ([Met, Met, Unmet], 1),
            ([Met, Unmet, Met], 1),
            ([Pending, Met, Met], 3),
            ([Pending, Unmet, Met], 1),
            ([Unmet, Met, Met], 2),
            ([Unmet, Pending, Unmet], 2),
        ];
        for (fulfilments, code) in cases {
            let criteria: Vec<_> = Weight::ALL.into_iter().zip(fulfilments).map(|(w, f)| criterion(w, f)).collect();
            assert_eq!(Exit::of_criteria(&criteria).code(), code, "{fulfilments:?}");
        }
    }
}

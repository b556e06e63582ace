//! Criteria: what a hub must, should or may be over a span, and whether it was.

use std::time::Duration;

use crate::check::Unit;

/// How much a criterion weighs. The order is from light to heavy.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Weight {
    /// It would be nice.
    Nice,
    /// It should be so: not met is a warning.
    Should,
    /// It must be so: not met is critical.
    Must,
}

impl Weight {
    /// All of them, heaviest first.
    pub const ALL: [Self; 3] = [Self::Must, Self::Should, Self::Nice];

    /// The weight as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Nice => "nice",
            Self::Should => "should",
            Self::Must => "must",
        }
    }

    /// Reads the word.
    pub fn parse(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|weight| weight.as_str() == word)
    }
}

/// Whether a criterion is met. The order is the order of badness used to find the worst.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Fulfilment {
    /// It is, and enough of the span was observed to say so.
    Met,
    /// Too little was observed to say.
    Pending,
    /// It is not.
    Unmet,
}

impl Fulfilment {
    /// The fulfilment as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Met => "met",
            Self::Pending => "pending",
            Self::Unmet => "unmet",
        }
    }
}

/// One criterion with what was seen.
#[derive(Clone, PartialEq, Debug)]
pub struct Criterion {
    /// Its stable name: `process-continuous`, or the name of an objective.
    pub name: String,
    /// How much it weighs.
    pub weight: Weight,
    /// What must hold, in one clause.
    pub wants: String,
    /// Whether it does.
    pub fulfilment: Fulfilment,
    /// What was seen, in one clause; for a pending one, what is missing.
    pub seen: String,
    /// The figure that decides; `None` where nothing was measured, or where no figure decides.
    pub value: Option<f64>,
    /// What the figure is compared with.
    pub limit: Option<f64>,
    /// The unit of both.
    pub unit: Unit,
    /// How much of the span was observed, 0–1.
    pub observed: f64,
    /// Of an objective that was measured: how its error budget is spent.
    pub budget: Option<Budget>,
}

/// How the error budget of an objective is spent.
#[derive(Clone, PartialEq, Debug)]
pub struct Budget {
    /// The share of the whole window's budget that is gone: 1 is all of it, more is beyond it.
    pub spent: f64,
    /// How fast it is spent, by the rules of alerting.
    pub burns: Vec<Burn>,
}

/// How fast a budget is spent over a long window, and whether it still is: over a short one.
#[derive(Clone, Copy, PartialEq, Debug)]
pub struct Burn {
    /// The long window and the short one.
    pub over: (Duration, Duration),
    /// How many times too fast in each; `None` where too little was measured.
    pub rates: (Option<f64>, Option<f64>),
    /// The rate above which both must lie.
    pub limit: f64,
    /// Who is to hear of it.
    pub alarm: Alarm,
}

impl Burn {
    /// Whether both rates lie above the limit; `None` where one is not known.
    pub fn fires(&self) -> Option<bool> {
        Some(self.rates.0? > self.limit && self.rates.1? > self.limit)
    }
}

/// How urgently people are to hear of a burn rate.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Alarm {
    /// Now.
    Page,
    /// On a working day.
    Ticket,
}

impl Alarm {
    /// The alarm as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Page => "page",
            Self::Ticket => "ticket",
        }
    }
}

/// Whether a run of 24 to 48 hours has shown that a hub is stable.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stability {
    /// Met: stable; unmet: not stable; pending: not shown.
    pub fulfilment: Fulfilment,
    /// Why, in one sentence.
    pub reason: String,
}

impl Stability {
    /// The verdict as people read it.
    pub const fn as_str(&self) -> &'static str {
        match self.fulfilment {
            Fulfilment::Met => "STABLE",
            Fulfilment::Pending => "NOT SHOWN",
            Fulfilment::Unmet => "NOT STABLE",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_heaviest_and_the_worst_are_the_greatest() {
        assert_eq!(Weight::ALL.into_iter().max(), Some(Weight::Must));
        assert!(Weight::ALL.into_iter().all(|w| Weight::parse(w.as_str()) == Some(w)));
        assert_eq!(Weight::parse("could"), None);
        assert!(Fulfilment::Unmet > Fulfilment::Pending && Fulfilment::Pending > Fulfilment::Met);
    }
}

//! Log records per level over time, from one source.

use std::collections::BTreeMap;

use vitals_model::limits::{ERROR_KINDS_MAX, LOG_MINUTES_MAX};
use vitals_model::observation::{ErrorKind, LevelCounts};
use vitals_model::time::Timestamp;

/// Log records per level over time, from one source.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    minutes: BTreeMap<Timestamp, LevelCounts>,
    kinds: Vec<ErrorKind>,
}

impl Levels {
    /// Adds records of one minute; beyond [`LOG_MINUTES_MAX`] minutes the oldest are forgotten.
    pub fn add(&mut self, minute: Timestamp, counts: &LevelCounts) {
        self.minutes.entry(minute).or_default().merge(counts);
        while self.minutes.len() > LOG_MINUTES_MAX {
            self.minutes.pop_first();
        }
    }

    /// Adds errors of one kind; when there are [`ERROR_KINDS_MAX`] kinds, a new one takes the place of
    /// the rarest.
    pub fn add_kind(&mut self, kind: &ErrorKind) {
        if let Some(known) = self.kinds.iter_mut().find(|k| k.code == kind.code) {
            known.count += kind.count;
            known.example = kind.example.clone();
        } else {
            self.kinds.truncate(ERROR_KINDS_MAX - 1);
            self.kinds.push(kind.clone());
        }
        self.kinds.sort_by_key(|k| std::cmp::Reverse(k.count));
    }

    /// The records from `from` on, in whole minutes.
    pub fn since(&self, from: Timestamp) -> LevelCounts {
        let mut sum = LevelCounts::default();
        self.minutes.range(from..).for_each(|(_, counts)| sum.merge(counts));
        sum
    }

    /// Errors per minute, oldest first; minutes without records are left out.
    pub fn errors(&self) -> impl Iterator<Item = (Timestamp, u64)> + '_ {
        self.minutes.iter().map(|(at, counts)| (*at, counts.errors()))
    }

    /// Kinds of error, most frequent first.
    pub fn kinds(&self) -> &[ErrorKind] {
        &self.kinds
    }

    /// Whether any record was ever seen.
    pub fn is_empty(&self) -> bool {
        self.minutes.is_empty()
    }
}

//! Log records per level over time, from one source.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::limits::{ERROR_KINDS_MAX, LOG_MINUTES_MAX};
use vitals_model::observation::{ErrorKind, Level, LevelCounts};
use vitals_model::time::Timestamp;

/// Records are kept per minute of the clock.
const MINUTE: Duration = Duration::from_secs(60);

/// Log records per level over time, from one source.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    minutes: BTreeMap<Timestamp, LevelCounts>,
    /// All of them together.
    sum: LevelCounts,
    kinds: Vec<ErrorKind>,
}

impl Levels {
    /// Adds records of one minute; beyond [`LOG_MINUTES_MAX`] minutes the oldest are forgotten.
    pub fn add(&mut self, minute: Timestamp, counts: &LevelCounts) {
        self.minutes.entry(minute).or_default().merge(counts);
        self.sum.merge(counts);
        if self.minutes.len() > LOG_MINUTES_MAX {
            self.minutes.pop_first();
            self.sum = LevelCounts::default();
            self.minutes.values().for_each(|counts| self.sum.merge(counts));
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

    /// The records from `from` on, and those before it in the same minute: a count that dropped to
    /// what a minute had so far whenever one begins would end an incident while its errors go on.
    pub fn since(&self, from: Timestamp) -> LevelCounts {
        let mut sum = LevelCounts::default();
        self.minutes.range(from.floor_to(MINUTE)..).for_each(|(_, counts)| sum.merge(counts));
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

    /// Whether there are records, and every one of them is debug: the event stream of a hub that filters, with a
    /// pino log, gives its errors as debug too.
    pub fn is_flat(&self) -> bool {
        !self.is_empty() && self.sum.of(Level::Debug) == self.sum.total()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals_model::observation::Level;

    #[test]
    fn a_new_minute_forgets_no_error_of_the_window() {
        let at = |second: i64| Timestamp::from_millis(second * 1000);
        let mut levels = Levels::default();
        let mut error = LevelCounts::default();
        error.add(Level::Error, 1);
        // One error a second, for two minutes.
        for second in 0..120 {
            levels.add(at(second).floor_to(MINUTE), &error);
            let due = u64::try_from((second + 1).min(60)).unwrap();
            let seen = levels.since(at(second).minus(MINUTE)).errors();
            assert!((due..=due + 60).contains(&seen), "{seen} after {second} s, expected {due} and at most a minute's more");
        }
        assert_eq!(levels.since(at(180)).errors(), 0);
    }
}

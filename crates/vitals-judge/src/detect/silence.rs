//! Silence of a log that used to be written: longer without a record than ever within a day. It assumes no
//! rate, so nights and week-ends are no silence for a hub that has them, and a hub that writes every minute is
//! found silent after a quarter of an hour.

use std::collections::VecDeque;
use std::time::Duration;

use vitals_model::time::Timestamp;

/// A silence is this many times as long as the longest within a day, and at least so long.
const TIMES: u32 = 5;
const SILENCE_MIN: Duration = Duration::from_secs(15 * 60);

/// What is usual is told from a day of looks, and from the day before the last record, with so many records.
const DAY: Duration = Duration::from_secs(24 * 3600);
const HOUR: Duration = Duration::from_secs(3600);
const RECORDS_MIN: u32 = 48;

/// Looks further apart than this: nobody watched in between, and nothing is known of it.
const LOOKS_APART_MAX: Duration = Duration::from_secs(10 * 60);

/// A log that is silent.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Silence {
    /// Since when.
    pub(super) since: Timestamp,
    /// The longest silence before it.
    pub(super) longest: Duration,
}

#[derive(Clone, Copy, Debug)]
struct Hour {
    at: Timestamp,
    longest: Duration,
    records: u32,
}

/// How often a log is written.
#[derive(Clone, Debug, Default)]
pub(super) struct Voice {
    looked: Option<Timestamp>,
    /// How long it was looked at, all in all.
    watched: Duration,
    spoke: Option<Timestamp>,
    /// The hours in which it spoke; a day of them.
    hours: VecDeque<Hour>,
}

impl Voice {
    /// It was looked at, and had said nothing since the look before.
    pub(super) fn looked(&mut self, at: Timestamp) {
        match self.looked.map(|before| at.since(before)).filter(|apart| *apart <= LOOKS_APART_MAX) {
            Some(apart) => self.watched += apart,
            // When it last spoke is not known.
            None => self.spoke = Some(at),
        }
        self.looked = Some(at);
    }

    /// It said something. A silence counts when it ends: one that lasts is not yet usual.
    pub(super) fn spoke(&mut self, at: Timestamp) {
        self.looked(at);
        let silent = self.spoke.map_or(Duration::ZERO, |before| at.since(before));
        self.spoke = Some(at);
        let hour = at.floor_to(HOUR);
        self.hours.retain(|old| hour.since(old.at) <= DAY);
        match self.hours.back_mut().filter(|last| last.at == hour) {
            Some(last) => {
                last.longest = last.longest.max(silent);
                last.records = last.records.saturating_add(1);
            }
            None => self.hours.push_back(Hour { at: hour, longest: silent, records: 1 }),
        }
    }

    /// Whether what is usual is known: a day was looked at, and there was something to hear.
    pub(super) fn has_enough(&self) -> bool {
        self.watched >= DAY && self.hours.iter().map(|hour| hour.records).fold(0, u32::saturating_add) >= RECORDS_MIN
    }

    /// The silence that lasts.
    pub(super) fn silence(&self, now: Timestamp) -> Option<Silence> {
        let since = self.spoke.filter(|_| self.has_enough())?;
        let is_looked_at = self.looked.is_some_and(|at| now.since(at) <= LOOKS_APART_MAX);
        let longest = self.hours.iter().map(|hour| hour.longest).max()?;
        (is_looked_at && now.since(since) > (longest * TIMES).max(SILENCE_MIN)).then_some(Silence { since, longest })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOOK: Duration = Duration::from_secs(30);

    fn start() -> Timestamp {
        Timestamp::from_millis(1_795_348_800_000)
    }

    /// Looks every 30 s over these hours; `speaks` says by the minute whether there was a record.
    fn watched(hours: u32, speaks: impl Fn(u32) -> bool) -> (Voice, Option<u32>) {
        let mut voice = Voice::default();
        let mut first = None;
        for look in 0..hours * 120 {
            let at = start().plus(LOOK * look);
            if look % 2 == 0 && speaks(look / 2) {
                voice.spoke(at);
            } else {
                voice.looked(at);
            }
            first = first.or(voice.silence(at).map(|_| look / 2));
        }
        (voice, first)
    }

    #[test]
    fn a_log_of_every_minute_is_found_silent_after_a_quarter_of_an_hour() {
        let (_, first) = watched(40, |minute| minute < 30 * 60);
        assert_eq!(first, Some(30 * 60 + 14));
    }

    #[test]
    fn a_night_is_no_silence_for_a_hub_that_has_nights() {
        let by_day = |minute: u32| (9 * 60..18 * 60).contains(&(minute % 1440)) && minute % 1440 != 12 * 60;
        assert_eq!(watched(24 * 5, by_day).1, None);
        // Nor a week-end; but a week is.
        assert_eq!(watched(24 * 4, |minute| by_day(minute) && minute < 2 * 1440).1, None);
        assert!(watched(24 * 10, |minute| by_day(minute) && minute < 2 * 1440).1.is_some());
    }

    #[test]
    fn nothing_is_said_within_the_first_day_nor_of_a_log_with_little_in_it() {
        let (voice, first) = watched(24, |minute| minute < 12 * 60);
        assert_eq!((first, voice.has_enough()), (None, false));
        let (voice, first) = watched(60, |minute| minute % 90 == 0 && minute < 1500);
        assert_eq!((first, voice.has_enough()), (None, false));
    }

    #[test]
    fn what_nobody_watched_is_no_silence() {
        let (mut voice, _) = watched(30, |_| true);
        let later = start().plus(HOUR * 40);
        assert_eq!(voice.silence(later), None, "the last look was ten hours ago");
        voice.looked(later);
        assert_eq!(voice.silence(later), None, "when it last spoke is not known");
    }
}

//! When something comes again: the five fields of cron, in UTC. Our own, because the usual crates bring a
//! calendar of their own, and all that is asked is whether a minute matches.

use std::fmt;
use std::time::Duration;

use jiff::tz::TimeZone;

use crate::time::Timestamp;

const MINUTE: Duration = Duration::from_secs(60);

/// The fields: name, least and greatest value.
const FIELDS: [(&str, u8, u8); 5] =
    [("minute", 0, 59), ("hour", 0, 23), ("day of the month", 1, 31), ("month", 1, 12), ("day of the week", 0, 7)];

const MONTHS: [&str; 12] = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const DAYS: [&str; 7] = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

/// Minutes that come again: `minute hour day-of-month month day-of-week`, each `*`, a value, a range `a-b`, a
/// step `*/n` or `a-b/n`, or a list of these; months and days also by their first three letters. As in
/// cron, a day matches by either of its fields when both are restricted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Cron {
    text: String,
    /// A bit for each value that matches.
    fields: [u64; 5],
    /// Neither the day of the month nor the day of the week is `*`.
    either_day: bool,
}

impl Cron {
    /// Reads the five fields.
    ///
    /// # Errors
    /// What is wrong, as the end of a sentence.
    pub fn parse(text: &str) -> Result<Self, String> {
        let words: Vec<&str> = text.split_ascii_whitespace().collect();
        let words: [&str; 5] = words.try_into().map_err(|_| "must have five fields".to_owned())?;
        let mut fields = [0; 5];
        for (n, word) in words.iter().enumerate() {
            fields[n] = field(word, n)?;
        }
        // Sunday is 0 and 7.
        fields[4] |= fields[4] >> 7 & 1;
        let either_day = !words[2].starts_with('*') && !words[4].starts_with('*');
        Ok(Self { text: words.join(" "), fields, either_day })
    }

    /// Whether the minute of `at` matches.
    fn matches(&self, at: Timestamp) -> bool {
        let Ok(instant) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return false };
        let time = instant.to_zoned(TimeZone::UTC);
        let week = time.weekday().to_sunday_zero_offset();
        let has = |n: usize, value: i8| self.fields[n] >> value & 1 == 1;
        let (month_day, week_day) = (has(2, time.day()), has(4, week));
        let day = if self.either_day { month_day || week_day } else { month_day && week_day };
        has(0, time.minute()) && has(1, time.hour()) && has(3, time.month()) && day
    }

    /// The latest minute that matches and began at or before `now`, and less than `within` before it.
    pub fn latest(&self, now: Timestamp, within: Duration) -> Option<Timestamp> {
        let mut minute = now.floor_to(MINUTE);
        while now.since(minute) < within {
            if self.matches(minute) {
                return Some(minute);
            }
            minute = minute.minus(MINUTE);
        }
        None
    }
}

impl fmt::Display for Cron {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// The values of one field as bits.
fn field(word: &str, n: usize) -> Result<u64, String> {
    let (name, low, high) = FIELDS[n];
    let wrong = || format!("has no {name} in `{word}`");
    let value = |text: &str| {
        let named = |names: &[&str], first: u8| {
            let at = names.iter().position(|name| name.eq_ignore_ascii_case(text))?;
            u8::try_from(at).ok().map(|at| at + first)
        };
        let word = match n {
            3 => named(&MONTHS, 1),
            4 => named(&DAYS, 0),
            _ => None,
        };
        let value = word.or_else(|| text.parse().ok());
        value.filter(|value| (low..=high).contains(value)).ok_or_else(wrong)
    };
    let mut bits = 0;
    for part in word.split(',') {
        let (range, step) = part.split_once('/').unwrap_or((part, "1"));
        let step: usize = step.parse().ok().filter(|step| *step > 0).ok_or_else(wrong)?;
        let (first, last) = match range.split_once('-') {
            _ if range == "*" => (low, high),
            Some((first, last)) => (value(first)?, value(last)?),
            // `5/10` is from 5 on.
            None if part.contains('/') => (value(range)?, high),
            None => (value(range)?, value(range)?),
        };
        if first > last {
            return Err(wrong());
        }
        for value in (first..=last).step_by(step) {
            bits |= 1 << value;
        }
    }
    Ok(bits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn latest(cron: &str, now: &str) -> Option<String> {
        let now = Timestamp::parse(now).unwrap();
        let found = Cron::parse(cron).unwrap().latest(now, Duration::from_secs(86_400));
        found.map(|at| at.to_string().replace(":00.000Z", ""))
    }

    #[test]
    fn the_latest_minute_that_matches() {
        // 2026-11-22 is a Sunday.
        for (cron, found) in [
            ("* * * * *", Some("2026-11-22T12:34")),
            ("0 2 * * *", Some("2026-11-22T02:00")),
            ("*/20 * * * *", Some("2026-11-22T12:20")),
            ("5/10 6-8 * * *", Some("2026-11-22T08:55")),
            ("0,45 12 * * *", Some("2026-11-22T12:00")),
            ("0 0 * * 7", Some("2026-11-22T00:00")),
            ("0 23 * nov SAT", Some("2026-11-21T23:00")),
            ("0 0 1 * sun", Some("2026-11-22T00:00")),
            ("0 0 1 * *", None),
            ("0 0 * * mon", None),
        ] {
            assert_eq!(latest(cron, "2026-11-22T12:34:56Z").as_deref(), found, "{cron}");
        }
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for (cron, why) in [
            ("* * * *", "must have five fields"),
            ("60 * * * *", "has no minute in `60`"),
            ("* 5-3 * * *", "has no hour in `5-3`"),
            ("* * 0 * *", "has no day of the month in `0`"),
            ("* * * Foo *", "has no month in `Foo`"),
            ("*/0 * * * *", "has no minute in `*/0`"),
            ("* * * * 8", "has no day of the week in `8`"),
        ] {
            assert_eq!(Cron::parse(cron), Err(why.to_owned()), "{cron}");
        }
    }
}

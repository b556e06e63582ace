//! Wall-clock instants and the way durations are written for people. It reads no clock.

use std::fmt;
use std::time::Duration;

/// A UTC instant in milliseconds since the Unix epoch.
///
/// Millisecond precision is what the hub's own records carry, and all that a prober's history needs;
/// durations inside one probe are [`Duration`]s measured on a monotonic clock.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The instant `ms` milliseconds after the Unix epoch.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads an RFC 3339 instant such as `2026-11-22T14:22:00.102Z`; `None` when it is not one.
    pub fn parse(text: &str) -> Option<Self> {
        text.parse::<jiff::Timestamp>().ok().map(|t| Self(t.as_millisecond()))
    }

    /// Time from `earlier` to `self`; zero when `earlier` is later (a clock that was set back).
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }

    /// The instant `duration` later.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(millis(duration)))
    }

    /// The instant `duration` earlier.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(millis(duration)))
    }

    /// The instant `ms` milliseconds later, or earlier when that is less than zero.
    #[must_use]
    pub const fn shifted(self, ms: i64) -> Self {
        Self(self.0.saturating_add(ms))
    }

    /// The start of the `width`-long bucket that holds this instant (buckets count from the epoch).
    #[must_use]
    pub fn floor_to(self, width: Duration) -> Self {
        let width = millis(width).max(1);
        Self(self.0.div_euclid(width) * width)
    }
}

/// Writes RFC 3339 in UTC with milliseconds.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => write!(f, "{t:.3}"),
            Err(_) => write!(f, "{}ms", self.0),
        }
    }
}

fn millis(duration: Duration) -> i64 {
    let whole = i64::try_from(duration.as_secs()).unwrap_or(i64::MAX).saturating_mul(1000);
    whole.saturating_add(i64::from(duration.subsec_millis()))
}

/// A duration as people read it: `0.8 ms`, `35 ms`, `1.2 s`, `3m 12s`, `15h 04m`, `2d 03h`.
pub fn human(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1000.0;
    let s = duration.as_secs();
    if ms < 10.0 {
        format!("{ms:.1} ms")
    } else if ms < 1000.0 {
        format!("{ms:.0} ms")
    } else if s < 60 {
        format!("{:.1} s", duration.as_secs_f64())
    } else if s < 3600 {
        format!("{}m {:02}s", s / 60, s % 60)
    } else if s < 48 * 3600 {
        format!("{}h {:02}m", s / 3600, s % 3600 / 60)
    } else {
        format!("{}d {:02}h", s / 86_400, s % 86_400 / 3600)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_and_reads_rfc_3339() {
        let t = Timestamp::parse("2026-11-22T14:22:00.102Z").unwrap_or_default();
        assert_eq!(t.as_millis(), 1_795_357_320_102);
        assert_eq!(t.to_string(), "2026-11-22T14:22:00.102Z");
        assert_eq!(Timestamp::parse("yesterday"), None);
    }

    #[test]
    fn a_clock_set_back_never_gives_a_negative_duration() {
        let (early, late) = (Timestamp::from_millis(5), Timestamp::from_millis(9));
        assert_eq!(early.since(late), Duration::ZERO);
        assert_eq!(late.since(early), Duration::from_millis(4));
    }

    #[test]
    fn durations_read_as_people_say_them() {
        let cases = [
            (0.8, "0.8 ms"),
            (35.0, "35 ms"),
            (1200.0, "1.2 s"),
            (192_000.0, "3m 12s"),
            (54_240_000.0, "15h 04m"),
            (86_400_000.0, "24h 00m"),
            (183_600_000.0, "2d 03h"),
        ];
        for (ms, text) in cases {
            assert_eq!(human(Duration::from_secs_f64(ms / 1000.0)), text);
        }
    }

    #[test]
    fn buckets_before_the_epoch_floor_downwards() {
        let minute = Duration::from_secs(60);
        assert_eq!(Timestamp::from_millis(-1).floor_to(minute).as_millis(), -60_000);
        assert_eq!(Timestamp::from_millis(61_000).floor_to(minute).as_millis(), 60_000);
    }
}

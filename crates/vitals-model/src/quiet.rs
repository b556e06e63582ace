//! Quiet: what people say about incidents, and when they do not want to hear of them. A silence is
//! somebody's word, a maintenance window is configuration. Neither ends an incident nor hides it from faces.

mod cron;

use std::fmt;
use std::time::Duration;

use crate::limits::MAINTENANCE_MAX;
use crate::text::Text;
use crate::time::Timestamp;

pub use cron::Cron;

/// What somebody said, and when.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Remark {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub author: Text,
    /// What; may be empty.
    pub text: Text,
}

/// A pattern of names: `*` stands for any characters, `/` included; everything else for itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Pattern(String);

impl Pattern {
    /// A pattern from its text; an empty one matches nothing.
    pub fn new(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The pattern that matches everything.
    pub fn all() -> Self {
        Self::new("*")
    }

    /// The pattern as written.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether it matches the whole of `name`.
    pub fn matches(&self, name: &str) -> bool {
        let mut parts = self.0.split('*');
        let first = parts.next().unwrap_or_default();
        let Some(mut rest) = name.strip_prefix(first) else { return false };
        let Some(last) = parts.next_back() else { return rest.is_empty() && !self.0.is_empty() };
        for part in parts {
            let Some(at) = rest.find(part) else { return false };
            rest = &rest[at + part.len()..];
        }
        rest.ends_with(last)
    }

    /// How much of it is not `*`: of two that match, the one with more says more.
    pub fn precision(&self) -> usize {
        self.0.bytes().filter(|b| *b != b'*').count()
    }
}

impl fmt::Display for Pattern {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Somebody's wish not to hear of some incidents for some time.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Silence {
    /// Unique in one store: `S` and a number that only grows. 0 until the monitor gives it one.
    pub id: u64,
    /// Of which targets, by id.
    pub target: Pattern,
    /// Of which checks, by id.
    pub check: Pattern,
    /// Until when.
    pub until: Timestamp,
    /// Who asked for it when, and why.
    pub remark: Remark,
}

impl Silence {
    /// Whether it holds for a check of a target now.
    pub fn holds(&self, target: &str, check: &str, now: Timestamp) -> bool {
        now < self.until && self.target.matches(target) && self.check.matches(check)
    }
}

/// What somebody asks of the monitor about incidents.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Order {
    /// I take care of this incident: tell nobody any more, but its end.
    Acknowledge(u64, Remark),
    /// Write this down with this incident.
    Note(u64, Remark),
    /// Do not tell of these.
    Silence(Silence),
    /// End this silence.
    Unsilence(u64, Remark),
    /// Carry out the remedy for this incident.
    Repair(u64, Remark),
}

/// Work that is planned: incidents of these checks are not told meanwhile.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Maintenance {
    /// Of which checks.
    pub checks: Pattern,
    /// The first moment of a window that comes once.
    pub from: Option<Timestamp>,
    /// Its end.
    pub to: Option<Timestamp>,
    /// When a window that comes again begins, in UTC.
    pub cron: Option<Cron>,
    /// How long that window is.
    pub lasts: Duration,
}

impl Default for Maintenance {
    fn default() -> Self {
        Self { checks: Pattern::all(), from: None, to: None, cron: None, lasts: Duration::from_secs(3600) }
    }
}

impl Maintenance {
    /// The end of the window that `now` lies in; `None` outside of all windows.
    pub fn until(&self, now: Timestamp) -> Option<Timestamp> {
        let once = self.to.filter(|to| self.from.is_none_or(|from| from <= now) && now < *to);
        let lasts = self.lasts.min(MAINTENANCE_MAX);
        let again = self.cron.as_ref().and_then(|cron| cron.latest(now, lasts)).map(|start| start.plus(lasts));
        once.into_iter().chain(again).max()
    }
}

/// A window of maintenance that holds now.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Window {
    /// Its name in the configuration.
    pub name: String,
    /// Of which checks.
    pub checks: Pattern,
    /// Its end.
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything_and_the_rest_for_itself() {
        for (pattern, name, matches) in [
            ("*", "hub-servers/fs/call", true),
            ("hub-servers/*/call", "hub-servers/fs/call", true),
            ("hub-servers/*/call", "hub-servers/fs/calls", false),
            ("*/fs/*", "hub-servers/fs/call", true),
            ("logging/*", "hub-servers/fs/call", false),
            ("hub-7001", "hub-7001", true),
            ("hub-7001", "hub-70011", false),
            ("a*a", "a", false),
            ("a*b*b", "ab", false),
            ("", "", false),
            ("", "a", false),
        ] {
            assert_eq!(Pattern::new(pattern).matches(name), matches, "{pattern} {name}");
        }
        assert!(Pattern::new("hub-servers/*/call").precision() > Pattern::new("hub-servers/*").precision());
    }

    #[test]
    fn a_window_that_comes_once_has_a_first_and_a_last_moment() {
        let at = Timestamp::from_millis;
        let window = Maintenance { from: Some(at(10)), to: Some(at(20)), ..Maintenance::default() };
        let found = [9, 10, 19, 20].map(|ms| window.until(at(ms)));
        assert_eq!(found, [None, Some(at(20)), Some(at(20)), None]);
    }

    #[test]
    fn a_window_that_comes_again_lasts_as_long_as_it_says() {
        let at = |text: &str| Timestamp::parse(text).unwrap();
        let nightly = Maintenance {
            cron: Cron::parse("30 23 * * mon-fri").ok(),
            lasts: Duration::from_secs(3600),
            ..Maintenance::default()
        };
        // 2026-11-20 is a Friday.
        let end = Some(at("2026-11-21T00:30:00Z"));
        assert_eq!(nightly.until(at("2026-11-20T23:29:59Z")), None);
        assert_eq!(nightly.until(at("2026-11-20T23:30:00Z")), end);
        assert_eq!(nightly.until(at("2026-11-21T00:29:59Z")), end);
        assert_eq!(nightly.until(at("2026-11-21T00:30:00Z")), None);
        assert_eq!(nightly.until(at("2026-11-21T23:45:00Z")), None, "not on Saturdays");
    }
}

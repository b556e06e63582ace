//! Events in batches, as the filtering variant sends them: those of one kind that come within a moment are one event
//! of the stream. It has no clock and knows no client.

use std::collections::BTreeMap;
use std::time::Duration;

use bytes::Bytes;
use tokio::time::Instant;
use vitals_model::time::Timestamp;

/// How long a batch is gathered after its first event: the variant's default, and what was recorded.
const WINDOW: Duration = Duration::from_millis(100);

/// Most events of a batch; a full one is sent at once. The variant's default, by its public source.
const EVENTS_MAX: usize = 50;

/// Why a batch is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Reason {
    /// Its event is of a kind that is not kept waiting.
    Critical,
    /// Its time is over.
    TimeWindow,
    /// It is full.
    SizeLimit,
    /// The hub ends.
    Manual,
}

impl Reason {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::TimeWindow => "time_window",
            Self::SizeLimit => "size_limit",
            Self::Manual => "manual",
        }
    }
}

/// A batch that is to be sent.
#[derive(PartialEq, Eq, Debug)]
pub(super) struct Batch {
    pub kind: &'static str,
    reason: Reason,
    /// As JSON.
    events: Vec<String>,
}

impl Batch {
    /// A batch of one event that is not kept waiting.
    pub(super) fn critical(kind: &'static str, event: String) -> Self {
        Self { kind, reason: Reason::Critical, events: vec![event] }
    }

    /// The event of the stream that it is. The order of fields is the variant's.
    pub(super) fn frame(&self, at: Timestamp) -> Bytes {
        let (kind, size, events, reason) = (self.kind, self.events.len(), self.events.join(","), self.reason.as_str());
        Bytes::from(format!(
            "event: {kind}_batch\ndata: {{\"type\":\"{kind}_batch\",\"batchSize\":{size},\"events\":[{events}],\
             \"reason\":\"{reason}\",\"timestamp\":\"{at}\"}}\n\n"
        ))
    }
}

/// The batches that are being gathered, at most one of each kind.
#[derive(Default)]
pub(super) struct Batches(BTreeMap<&'static str, Open>);

struct Open {
    due: Instant,
    gathered: Vec<Gathered>,
}

/// One event of a batch.
pub(super) struct Gathered {
    /// What it is about. A later event about the same is left out of the batch, whatever it says.
    pub about: String,
    /// As JSON.
    pub event: String,
}

impl Batches {
    /// Adds an event; the batch, if that has filled it.
    pub(super) fn add(&mut self, kind: &'static str, new: Gathered, now: Instant) -> Option<Batch> {
        let open = self.0.entry(kind).or_insert_with(|| Open { due: now + WINDOW, gathered: Vec::new() });
        if open.gathered.iter().all(|earlier| earlier.about != new.about) {
            open.gathered.push(new);
        }
        if open.gathered.len() < EVENTS_MAX { None } else { self.take(kind, Reason::SizeLimit) }
    }

    /// When the next one is due; every one that is begun later is due later.
    pub(super) fn due(&self) -> Option<Instant> {
        self.0.values().map(|open| open.due).min()
    }

    /// Those that are due.
    pub(super) fn take_due(&mut self, now: Instant) -> Vec<Batch> {
        let due: Vec<_> = self.0.iter().filter(|(_, open)| open.due <= now).map(|(kind, _)| *kind).collect();
        due.into_iter().filter_map(|kind| self.take(kind, Reason::TimeWindow)).collect()
    }

    /// All of them, at the end.
    pub(super) fn take_all(&mut self) -> Vec<Batch> {
        let all: Vec<_> = self.0.keys().copied().collect();
        all.into_iter().filter_map(|kind| self.take(kind, Reason::Manual)).collect()
    }

    fn take(&mut self, kind: &'static str, reason: Reason) -> Option<Batch> {
        let events = self.0.remove(kind)?.gathered.into_iter().map(|gathered| gathered.event).collect();
        Some(Batch { kind, reason, events })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn about(what: &str, event: &str) -> Gathered {
        Gathered { about: what.to_owned(), event: event.to_owned() }
    }

    #[test]
    fn a_batch_is_sent_when_its_time_is_over_and_each_kind_has_its_own() {
        let (mut batches, begin) = (Batches::default(), Instant::now());
        let at = |ms| begin + Duration::from_millis(ms);
        assert_eq!(batches.due(), None);
        assert_eq!(batches.add("a", about("1", "{}"), at(0)), None);
        assert_eq!(batches.add("b", about("1", "[]"), at(60)), None);
        assert_eq!(batches.add("a", about("2", "3"), at(99)), None);
        assert_eq!(batches.due(), Some(at(100)));
        assert_eq!(batches.take_due(at(99)), []);
        let sent = batches.take_due(at(100));
        let events = vec!["{}".to_owned(), "3".to_owned()];
        assert_eq!(sent, [Batch { kind: "a", reason: Reason::TimeWindow, events }]);
        assert_eq!(batches.due(), Some(at(160)));
        assert_eq!(batches.add("a", about("1", "{}"), at(110)), None);
        let left: Vec<_> = batches.take_all().into_iter().map(|batch| (batch.kind, batch.reason)).collect();
        assert_eq!((left, batches.due()), (vec![("a", Reason::Manual), ("b", Reason::Manual)], None));
    }

    #[test]
    fn what_is_told_of_already_is_left_out_and_a_full_batch_does_not_wait() {
        let (mut batches, now) = (Batches::default(), Instant::now());
        for n in 1..EVENTS_MAX {
            assert_eq!(batches.add("a", about(&n.to_string(), "1"), now), None);
            assert_eq!(batches.add("a", about(&n.to_string(), "other"), now), None);
        }
        let full = batches.add("a", about("last", "2"), now).unwrap();
        assert_eq!((full.reason, full.events.len(), batches.due()), (Reason::SizeLimit, EVENTS_MAX, None));
        assert!(!full.events.contains(&"other".to_owned()));
    }
}

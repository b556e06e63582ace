//! Judging a target, part by part: what an event cannot have changed stays as it was judged.
//!
//! While a target is calm (`calm.rs`) only the parts are judged whose facts an event brought. When that changes more
//! than figures, and while the target is not calm, everything is judged, and the incidents are compared with it.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use vitals_model::check::CheckId;
use vitals_model::observation::{Observation, Seen, StreamNote, StreamSeen};
use vitals_model::quiet::Silence;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::ServerTruth;

use super::{KEPT_REMEMBERED, Watched};
use crate::check::pace::{self, Pace};
use crate::check::{self, Ids, Part, Scene, Words};
use crate::detect::Lookout;
use crate::event::Effect;
use crate::incident::Look;
use crate::telling::Hush;

/// What was judged of one target, without words.
#[derive(Debug, Default)]
pub(super) struct Judged {
    /// As of when.
    pub at: Timestamp,
    /// The truth about its servers.
    pub truths: Vec<ServerTruth>,
    /// The readings, part after part.
    pub readings: Vec<Reading>,
    /// What goes with each reading, in the same places.
    pub notes: Vec<Note>,
    /// Where each part ends, and until when none of its good readings is too old to believe.
    parts: [(usize, Option<Timestamp>); Part::ALL.len()],
    /// The last samples kept of checks that have had no reading since.
    gone: BTreeMap<CheckId, (Timestamp, Health)>,
}

/// What goes with a check that has a reading.
#[derive(Debug)]
pub(super) struct Note {
    /// The last sample that was kept.
    pub kept: Option<(Timestamp, Health)>,
    /// Its latest values.
    pub trend: VecDeque<f64>,
    /// How often it is measured.
    pub pace: Pace,
    /// Whether the detectors want its samples.
    pub is_heeded: bool,
}

impl Judged {
    fn range(&self, part: Part) -> Range<usize> {
        let n = part as usize;
        if n == 0 { 0..self.parts[0].0 } else { self.parts[n - 1].0..self.parts[n].0 }
    }

    /// Until when no good reading is too old to believe.
    pub(super) fn fresh_until(&self) -> Option<Timestamp> {
        self.parts.iter().filter_map(|(_, until)| *until).min()
    }

    /// The reading of a check with what goes with it.
    pub(super) fn of(&self, check: &CheckId) -> Option<(&Reading, &Note)> {
        self.readings.iter().zip(&self.notes).find(|(reading, _)| reading.id == *check)
    }

    /// The latest values of each check that has any.
    pub(super) fn trends(&self) -> impl Iterator<Item = (&CheckId, &VecDeque<f64>)> {
        let all = self.readings.iter().zip(&self.notes).filter(|(_, note)| !note.trend.is_empty());
        all.map(|(reading, note)| (&reading.id, &note.trend))
    }

    /// Since when each reading has been what it is; whether nothing but figures has changed.
    fn compare(&self, before: Range<usize>, readings: &mut [Reading]) -> bool {
        let before = &self.readings[before];
        let mut is_same = before.len() == readings.len();
        for (n, reading) in readings.iter_mut().enumerate() {
            // Most often the same checks come in the same order.
            let same_place = before.get(n).filter(|before| before.id == reading.id);
            is_same &= same_place.is_some_and(|b| b.health == reading.health && b.standing == reading.standing);
            let before = same_place.or_else(|| self.readings.iter().find(|before| before.id == reading.id));
            if let Some(before) = before.filter(|before| before.health == reading.health) {
                reading.since = before.since.min(reading.at);
            }
        }
        is_same
    }

    /// Puts the readings of one part in the place of those of before.
    fn put(&mut self, part: Part, readings: Vec<Reading>, fresh_until: Option<Timestamp>, pace: impl Fn(&Reading) -> Pace) {
        let range = self.range(part);
        let is_same = readings.iter().map(|r| &r.id).eq(self.readings[range.clone()].iter().map(|r| &r.id));
        self.parts[part as usize].1 = fresh_until;
        if is_same {
            for (place, reading) in self.readings[range].iter_mut().zip(readings) {
                *place = reading;
            }
            return;
        }
        let (began, before, now) = (range.start, range.len(), readings.len());
        let ids: Vec<_> = self.readings[range.clone()].iter().map(|reading| reading.id.clone()).collect();
        let mut known: BTreeMap<_, _> = ids.into_iter().zip(self.notes.drain(range.clone())).collect();
        let gone = &mut self.gone;
        let mut note = |reading: &Reading| {
            let kept = gone.remove(&reading.id);
            let fresh = || Note { kept, trend: VecDeque::new(), pace: pace(reading), is_heeded: Lookout::heeds(&reading.id) };
            known.remove(&reading.id).unwrap_or_else(fresh)
        };
        let notes: Vec<_> = readings.iter().map(&mut note).collect();
        self.gone.extend(known.into_iter().filter_map(|(id, note)| Some((id, note.kept?))));
        self.notes.splice(began..began, notes);
        self.readings.splice(range, readings);
        for (end, _) in &mut self.parts[part as usize..] {
            *end = *end + now - before;
        }
    }
}

impl Watched {
    /// Judges what an event brought, and compares the incidents with it where that is needed.
    pub(super) fn rejudge(
        &mut self,
        now: Timestamp,
        touched: &[Part],
        silences: &[Silence],
        last_incident: &mut u64,
    ) -> Vec<Effect> {
        let is_calm = self.is_calm(now);
        self.keep_windows(now);
        self.judged.gone.retain(|_, (at, _)| now.since(*at) < KEPT_REMEMBERED);
        (self.judged.at, self.calm_at) = (now, None);
        if is_calm && touched.iter().all(|part| self.judge(*part, now)) {
            self.calm_until = self.calm_until(now);
            return Vec::new();
        }
        // The hub's own come last: they may tell what the others suffer from.
        for part in Part::OTHERS.into_iter().chain([Part::Hub]) {
            self.judge(part, now);
        }
        let last_before = *last_incident;
        let mut next_id = || {
            *last_incident += 1;
            *last_incident
        };
        let hush = Hush { silences, windows: &self.windows.0, spares: &self.spares, now };
        let (readings, truths) = (&self.judged.readings, &self.judged.truths);
        let look = Look { target: &self.target, facts: &self.facts, readings, truths, shield: self.shield.as_ref(), now };
        let effects = self.ledger.update(look, hush, &mut next_id);
        if *last_incident > last_before {
            let open = self.ledger.open();
            self.counting.take_opened(open.iter().filter(|incident| incident.id > last_before));
        }
        self.calm_until = self.calm_until(now);
        effects
    }

    /// Judges one part anew; whether nothing but figures has changed by that.
    fn judge(&mut self, part: Part, now: Timestamp) -> bool {
        if part == Part::Servers {
            self.judge_truths(now);
        }
        let before = self.judged.range(part);
        let ids = Ids::of(&self.judged.readings[before.clone()]);
        let others = &self.judged.readings[self.judged.range(Part::Hub).end..];
        let (settings, truths) = (&self.target.settings, &self.judged.truths);
        let scene = Scene { facts: &self.facts, settings, truths, others, now, words: Words::Left, ids: &ids };
        let mut readings = check::of(&self.target, part, scene);
        let mut fresh_until = None;
        for (n, reading) in readings.iter_mut().enumerate() {
            let at = before.start + n;
            let is_known = self.judged.readings.get(at).is_some_and(|known| known.id == reading.id);
            let pace = if is_known { self.judged.notes[at].pace } else { self.pace(reading) };
            age(reading, pace, now, Words::Left);
            if let Some(until) = stale_at(reading, pace) {
                fresh_until = Some(fresh_until.map_or(until, |known: Timestamp| known.min(until)));
            }
        }
        let is_same = self.judged.compare(before, &mut readings);
        let (kind, schedule) = (self.target.address.kind(), &self.target.settings.schedule);
        self.judged.put(part, readings, fresh_until, |reading| pace::of(reading, kind, schedule));
        is_same
    }

    fn judge_truths(&mut self, now: Timestamp) {
        self.judged.truths = self.truths(now, Words::Left);
    }

    /// The truth as of `now`, each verdict since when it has been so.
    fn truths(&self, now: Timestamp, words: Words) -> Vec<ServerTruth> {
        let mut truths = check::truths(&self.target, &self.facts, now, words);
        let before = &self.judged.truths;
        for (n, truth) in truths.iter_mut().enumerate() {
            let same_place = before.get(n).filter(|before| before.name == truth.name);
            let before = same_place.or_else(|| before.iter().find(|before| before.name == truth.name));
            if let Some(before) = before.filter(|before| before.verdict == truth.verdict) {
                truth.since = before.since;
            }
        }
        truths
    }

    /// Truth and readings in words, as they were last judged; ages are those of the latest tick, also when that was not
    /// judged.
    pub(crate) fn in_words(&self) -> (Vec<ServerTruth>, Vec<Reading>) {
        let now = self.calm_at.unwrap_or(self.judged.at);
        let truths = self.truths(now, Words::Said);
        let ids = Ids::of(&self.judged.readings);
        let (facts, settings, words) = (&self.facts, &self.target.settings, Words::Said);
        let scene = Scene { facts, settings, truths: &truths, others: &[], now, words, ids: &ids };
        let mut readings = check::all(&self.target, scene);
        for reading in &mut readings {
            age(reading, self.pace(reading), now, Words::Said);
        }
        self.judged.compare(0..self.judged.readings.len(), &mut readings);
        (truths, readings)
    }

    fn pace(&self, reading: &Reading) -> Pace {
        pace::of(reading, self.target.address.kind(), &self.target.settings.schedule)
    }

    /// The parts whose facts an observation brings.
    pub(super) fn touched(&self, now: Timestamp, observation: &Observation) -> Vec<Part> {
        let turned = || (!self.facts.new_turns.is_empty()).then_some(Part::Servers);
        let mut parts = match &observation.seen {
            Seen::Workspace(_) => vec![Part::Workspace],
            Seen::Process(_) => vec![Part::Hub, Part::Servers, Part::Workspace],
            Seen::Api(_) | Seen::Session(_) => vec![Part::Hub, Part::Servers, Part::Sessions, Part::MetaTool],
            Seen::MetaTool(_) => vec![Part::MetaTool],
            Seen::Llm(_) => vec![Part::Llm, Part::MetaTool],
            Seen::Visit(_) => vec![Part::Sessions],
            // Also turns of before the log was followed, which are no new ones.
            Seen::Log(log) => (!log.stretch.turns.is_empty())
                .then_some(Part::Servers)
                .into_iter()
                .chain([Part::Hub, Part::Llm, Part::Sessions, Part::Logging])
                .collect(),
            Seen::Stream(StreamSeen::Notes { notes, .. }) => {
                let stormed = notes.iter().any(|note| matches!(note, StreamNote::StormLine)).then_some(Part::Sessions);
                turned().into_iter().chain(stormed).chain([Part::Logging]).collect()
            }
            Seen::Exit(_) | Seen::Stream(StreamSeen::Opened { .. } | StreamSeen::Lost(_)) => Part::ALL.to_vec(),
        };
        let beats = || self.judged.of(&check::heartbeat_id()).is_some_and(|(_, note)| super::history::is_due(note, now));
        if !parts.contains(&Part::Logging) && (matches!(observation.seen, Seen::Session(_)) || beats()) {
            parts.push(Part::Logging);
        }
        parts
    }
}

/// When a good reading will be too old to believe.
fn stale_at(reading: &Reading, pace: Pace) -> Option<Timestamp> {
    let is_good = reading.health == Health::Healthy && reading.standing == Standing::Judged;
    pace.believed().filter(|_| is_good).map(|believed| reading.at.plus(believed))
}

/// A good reading that is too old is not known any more; a failure stays until something better is seen.
fn age(reading: &mut Reading, pace: Pace, now: Timestamp, words: Words) {
    if stale_at(reading, pace).is_some_and(|until| now > until) {
        reading.health = Health::Unknown;
        let age = human(now.since(reading.at));
        reading.summary = words.say(|| format!("not measured for {age}; before that: {}", reading.summary));
    }
}

//! Judging a target, part by part: what an event cannot have changed stays as it was judged.
//!
//! Each part of the checks stands until an instant (`calm.rs`), or until facts come that it rests on (`touched.rs`). Only
//! what is said of the machine rests on the other readings. When more than figures has changed, or while something lasts
//! or is waited for, the incidents are compared with what was judged.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;
use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::observation::CallSeen;
use vitals_model::quiet::Silence;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::target::TargetKind;
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::ServerTruth;

use super::{KEPT_REMEMBERED, Watched};
use crate::cause::is_bad;
use crate::check::pace::{self, Pace};
use crate::check::{self, Ids, Measured, Part, Parts, Scene, Words};
use crate::detect::Heeded;
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
    /// How each part stands.
    parts: [Stand; Part::ALL.len()],
    /// Until when no turn of a server, and none of its ends, counts otherwise.
    turns_until: Option<Timestamp>,
    /// Whether the readings of the servers need no more than other figures when a look tells no more.
    is_renewable: bool,
    /// The last samples kept of checks that have had no reading since.
    gone: BTreeMap<CheckId, (Timestamp, Health)>,
}

/// What an event touches.
#[derive(Clone, Copy, Debug)]
pub(super) struct Touched {
    /// The parts that rest on what it brought.
    pub parts: Parts,
    /// Whether it brought no more than figures of the servers.
    pub by_figures: bool,
}

impl Touched {
    /// Nothing.
    pub(super) const NOTHING: Self = Self { parts: Parts::NONE, by_figures: false };
    /// Everything.
    pub(super) const EVERYTHING: Self = Self { parts: Parts::ALL, by_figures: false };
}

/// How a part stands.
#[derive(Clone, Copy, Default, Debug)]
struct Stand {
    /// Where its readings end.
    end: usize,
    /// The last instant for which its judgement holds by itself; `None` when it is to be judged at each event.
    until: Option<Timestamp>,
    /// Whether one of its checks is bad.
    is_bad: bool,
}

/// What goes with a check that has a reading.
#[derive(Debug)]
pub(super) struct Note {
    /// The last sample that was kept.
    pub kept: Option<(Timestamp, Health)>,
    /// Its latest values.
    pub trend: VecDeque<f64>,
    /// How far apart its samples are at least; `None` for what is measured now and then.
    pub apart: Option<Duration>,
    /// For how long it is believed without another measurement.
    believed: Option<Duration>,
    /// As what the detectors want its samples.
    pub heeded: Option<Heeded>,
    /// Whose look measures it, for a check on a server.
    measured: Measured,
    /// As what the incidents were compared with it.
    compared: Option<(Health, Standing)>,
}

impl Judged {
    /// Where the readings of a part are.
    pub(super) fn range(&self, part: Part) -> Range<usize> {
        let n = part as usize;
        if n == 0 { 0..self.parts[0].end } else { self.parts[n - 1].end..self.parts[n].end }
    }

    /// No part stands any more.
    pub(super) fn revoke(&mut self) {
        self.parts.iter_mut().for_each(|part| part.until = None);
    }

    /// The parts that do not stand at `now`.
    fn due(&self, now: Timestamp) -> Parts {
        Part::ALL.into_iter().filter(|part| self.parts[*part as usize].until.is_none_or(|until| now > until)).collect()
    }

    /// The last instant for which all parts stand.
    fn stands_until(&self) -> Option<Timestamp> {
        self.parts.iter().map(|part| part.until).min().flatten()
    }

    /// Whether any check is bad.
    pub(super) fn is_bad(&self) -> bool {
        self.parts.iter().any(|part| part.is_bad)
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
            is_same &= same_place.is_some_and(|before| is_same_but_figures(before, reading));
            let before = same_place.or_else(|| self.readings.iter().find(|before| before.id == reading.id));
            if let Some(before) = before.filter(|before| before.health == reading.health) {
                reading.since = before.since.min(reading.at);
            }
        }
        is_same
    }

    /// Puts the readings of one part in the place of those of before.
    fn put(&mut self, part: Part, readings: Vec<Reading>, is_same: bool, pace: impl Fn(&Reading) -> Pace) {
        let range = self.range(part);
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
            let fresh = || Note {
                kept,
                trend: VecDeque::new(),
                apart: pace(reading).apart(),
                believed: pace(reading).believed(),
                heeded: Heeded::of(&reading.id),
                measured: Measured::of(reading.id.question()),
                compared: None,
            };
            known.remove(&reading.id).unwrap_or_else(fresh)
        };
        let notes: Vec<_> = readings.iter().map(&mut note).collect();
        self.gone.extend(known.into_iter().filter_map(|(id, note)| Some((id, note.kept?))));
        self.notes.splice(began..began, notes);
        self.readings.splice(range, readings);
        for part in &mut self.parts[part as usize..] {
            part.end = part.end + now - before;
        }
    }
}

/// Whether two readings of one check differ in no more than figures.
fn is_same_but_figures(before: &Reading, now: &Reading) -> bool {
    (before.health, before.standing, before.value.is_some()) == (now.health, now.standing, now.value.is_some())
        && before.cause == now.cause
}

impl Watched {
    /// Judges what an event brought and what does not stand any more, and compares the incidents with it where that is
    /// needed.
    pub(super) fn rejudge(
        &mut self,
        now: Timestamp,
        touched: Touched,
        silences: &[Silence],
        last_incident: &mut u64,
    ) -> Vec<Effect> {
        self.keep_windows(now);
        self.judged.gone.retain(|_, (at, _)| now.since(*at) < KEPT_REMEMBERED);
        (self.judged.at, self.calm_at) = (now, None);
        let due = self.judged.due(now).and(self.followed());
        let parts = touched.parts.and(due);
        let renews = |part| part == Part::Servers && touched.by_figures && !due.has(part);
        let is_same = parts
            .iter()
            .fold(true, |is_same, part| if renews(part) && self.renew() { is_same } else { self.judge(part, now) && is_same });
        if !is_same && !parts.has(Part::Host) {
            self.judge(Part::Host, now);
        }
        let effects =
            if is_same && self.is_untroubled() { Vec::new() } else { self.update_incidents(parts, now, silences, last_incident) };
        self.calm_until = self.judged.stands_until().filter(|_| self.is_untroubled());
        effects
    }

    /// The parts with a check whose incident lasts or is waited for: its end goes by fresh readings.
    fn followed(&self) -> Parts {
        let is_followed = |part: &Part| {
            let readings = &self.judged.readings[self.judged.range(*part)];
            readings.iter().any(|reading| self.ledger.follows(&reading.id))
        };
        Part::ALL.into_iter().filter(|part| !self.ledger.is_quiet() && is_followed(part)).collect()
    }

    /// Whether nothing is bad, lasts or is waited for: then incidents change only when more than figures does.
    fn is_untroubled(&self) -> bool {
        self.shield.is_none() && !self.judged.is_bad() && self.ledger.is_quiet()
    }

    /// Compares the incidents with what was judged, of which `parts` is new.
    fn update_incidents(&mut self, parts: Parts, now: Timestamp, silences: &[Silence], last_incident: &mut u64) -> Vec<Effect> {
        let last_before = *last_incident;
        let mut next_id = || {
            *last_incident += 1;
            *last_incident
        };
        let hush = Hush { silences, windows: &self.windows.0, spares: &self.spares, now };
        let is_everything = parts == Parts::ALL;
        let in_play = self.judged.readings.iter().zip(&mut self.judged.notes).filter_map(|(reading, note)| {
            let compared = note.compared.replace((reading.health, reading.standing));
            let is_in_play = is_everything
                || is_bad(reading)
                || compared != Some((reading.health, reading.standing))
                || self.ledger.follows(&reading.id);
            is_in_play.then_some(reading)
        });
        let in_play: Vec<_> = in_play.collect();
        let (readings, truths) = (&self.judged.readings, &self.judged.truths);
        let look = Look { target: &self.target, facts: &self.facts, readings, truths, shield: self.shield.as_ref(), now };
        let effects = self.ledger.update(look, &in_play, hush, &mut next_id);
        if *last_incident > last_before {
            let open = self.ledger.open();
            self.counting.take_opened(open.iter().filter(|incident| incident.id > last_before));
        }
        effects
    }

    /// Gives the readings of the servers other figures, where they need no more.
    fn renew(&mut self) -> bool {
        let call_ms_max = self.target.settings.thresholds.call_ms.0;
        let mut calls = self.facts.session.iter().flat_map(|known| &known.seen.calls);
        let is_slow = |call: &CallSeen| call.took.as_secs_f64() * 1000.0 > call_ms_max;
        if !self.judged.is_renewable || calls.any(is_slow) {
            return false;
        }
        let mut until = self.calls_hold_until().into_iter().chain(self.judged.turns_until).min();
        let range = self.judged.range(Part::Servers);
        let (readings, notes) = (&mut self.judged.readings[range.clone()], &self.judged.notes[range.clone()]);
        let renewed = check::renew(&self.facts, readings.iter_mut().zip(notes.iter().map(|note| note.measured)));
        for (reading, note) in renewed.zip(notes) {
            if let Some(fresh_until) = stale_at(reading, note.believed) {
                until = Some(until.map_or(fresh_until, |until| until.min(fresh_until)));
            }
        }
        self.judged.parts[Part::Servers as usize].until = until;
        true
    }

    /// Judges one part anew; whether nothing but figures has changed by that.
    fn judge(&mut self, part: Part, now: Timestamp) -> bool {
        if part == Part::Servers {
            self.judge_truths(now);
        }
        let before = self.judged.range(part);
        let ids = Ids::of(&self.judged.readings[before.clone()]);
        let others = &self.judged.readings[..before.start];
        let (settings, truths) = (&self.target.settings, &self.judged.truths);
        let scene = Scene { facts: &self.facts, settings, truths, others, now, words: Words::Left, ids: &ids };
        let mut readings = check::of(&self.target, part, scene);
        let mut stand = Stand { until: self.until(part, now), ..self.judged.parts[part as usize] };
        stand.is_bad = false;
        for (n, reading) in readings.iter_mut().enumerate() {
            let at = before.start + n;
            let is_known = before.contains(&at) && self.judged.readings[at].id == reading.id;
            let believed = if is_known { self.judged.notes[at].believed } else { self.pace(reading).believed() };
            age(reading, believed, now, Words::Left);
            stand.is_bad |= is_bad(reading);
            if let Some(fresh_until) = stale_at(reading, believed) {
                stand.until = stand.until.map(|until| until.min(fresh_until));
            }
        }
        stand.until = stand.until.filter(|_| !stand.is_bad && self.target.address.kind() == TargetKind::Hub);
        let is_same = self.judged.compare(before, &mut readings);
        self.judged.parts[part as usize] = stand;
        let (kind, schedule) = (self.target.address.kind(), &self.target.settings.schedule);
        self.judged.put(part, readings, is_same, |reading| pace::of(reading, kind, schedule));
        if part == Part::Servers {
            self.judged.turns_until = self.turns_count_at(now);
            let readings = &self.judged.readings[self.judged.range(part)];
            self.judged.is_renewable = stand.until.is_some() && check::is_renewable(&self.facts, &self.judged.truths, readings);
        }
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

    /// Truth and readings in words, in the order in which people read them, as they were last judged; ages are those of the
    /// latest tick, also when that was not judged.
    pub(crate) fn in_words(&self) -> (Vec<ServerTruth>, Vec<Reading>) {
        let now = self.calm_at.unwrap_or(self.judged.at);
        let truths = self.truths(now, Words::Said);
        let ids = Ids::of(&self.judged.readings);
        let (facts, settings, words) = (&self.facts, &self.target.settings, Words::Said);
        let scene = Scene { facts, settings, truths: &truths, others: &[], now, words, ids: &ids };
        let mut readings = check::all(&self.target, scene);
        for reading in &mut readings {
            age(reading, self.pace(reading).believed(), now, Words::Said);
        }
        self.judged.compare(0..self.judged.readings.len(), &mut readings);
        check::sort(&mut readings);
        (truths, readings)
    }

    /// The checks known so far go on at the pace of the settings of now.
    pub(super) fn follow_schedule(&mut self) {
        let (kind, schedule) = (self.target.address.kind(), &self.target.settings.schedule);
        for (reading, note) in self.judged.readings.iter().zip(&mut self.judged.notes) {
            let pace = pace::of(reading, kind, schedule);
            (note.apart, note.believed) = (pace.apart(), pace.believed());
        }
    }

    fn pace(&self, reading: &Reading) -> Pace {
        pace::of(reading, self.target.address.kind(), &self.target.settings.schedule)
    }
}

/// When a good reading will be too old to believe.
fn stale_at(reading: &Reading, believed: Option<Duration>) -> Option<Timestamp> {
    let is_good = reading.health == Health::Healthy && reading.standing == Standing::Judged;
    believed.filter(|_| is_good).map(|believed| reading.at.plus(believed))
}

/// A good reading that is too old is not known any more; a failure stays until something better is seen.
fn age(reading: &mut Reading, believed: Option<Duration>, now: Timestamp, words: Words) {
    if stale_at(reading, believed).is_some_and(|until| now > until) {
        reading.health = Health::Unknown;
        let age = human(now.since(reading.at));
        reading.summary = words.say(|| format!("not measured for {age}; before that: {}", reading.summary));
    }
}

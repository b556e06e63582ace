//! What history keeps of what was judged: samples, series for reports, known tool lists.

use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::finding::Finding;
use vitals_model::limits::TREND_POINTS_MAX;
use vitals_model::observation::{ErrorKind, Level, LevelCounts, StreamNote, StreamSeen, Turn};
use vitals_model::reading::{Health, Reading, Sample, Standing};
use vitals_model::snapshot::ServerTools;
use vitals_model::target::TargetKind;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::verdict::ServerTruth;

use super::Watched;
use super::judged::Note;
use crate::check::Parts;
use crate::detect;
use crate::event::{Effect, Record};
use crate::facts::Taken;
use crate::truth;

/// How long a drifted tool list is shown before it counts as the known one.
const DRIFT_SHOWN: Duration = Duration::from_secs(3600);

/// A turn's own time is believed when it lies this far back at most; else it counts as seen just now.
const TURN_AGE_MAX: Duration = Duration::from_secs(3600);

impl Watched {
    /// The samples that one observation adds to history: the readings that it answered, which are in `parts`, and series.
    pub(super) fn samples(&mut self, now: Timestamp, taken: &Taken, at: Timestamp, parts: Parts) -> Vec<Effect> {
        self.lookout.set_room(self.facts.room());
        let mut samples = Vec::with_capacity(parts.iter().map(|part| self.judged.range(part).len()).sum());
        // The process is judged first: what else was measured at this moment belongs to its run.
        for part in parts.iter() {
            for n in self.judged.range(part) {
                samples.extend(self.sample_of(n, [at, now]));
            }
        }
        let series = self.level_series(taken, at).into_iter().chain(self.turn_series(at));
        for sample in series {
            self.lookout.take(&sample);
            samples.push(sample);
        }
        self.hear_errors(taken, at);
        let errors = self.lookout.errors_to_keep(now).map(|known| Record::Errors(self.target.id.clone(), known));
        let samples = (!samples.is_empty()).then(|| Record::Samples(self.target.id.clone(), samples));
        samples.into_iter().chain(errors).map(Effect::Keep).collect()
    }

    /// The sample of one reading, when it is of one of these instants and worth keeping.
    fn sample_of(&mut self, n: usize, instants: [Timestamp; 2]) -> Option<Sample> {
        let (reading, note) = (&self.judged.readings[n], &mut self.judged.notes[n]);
        let is_fresh = instants.contains(&reading.at) && reading.standing != Standing::Advice;
        if !is_fresh || !is_worth_keeping(reading, note) {
            return None;
        }
        note.kept = Some((reading.at, reading.health));
        if let Some(value) = reading.value {
            if note.trend.len() == TREND_POINTS_MAX {
                note.trend.pop_front();
            }
            note.trend.push_back(value);
        }
        let sample = Sample { id: reading.id.clone(), at: reading.at, health: reading.health, value: reading.value };
        if let Some(heeded) = note.heeded {
            self.lookout.take_as(heeded, &sample);
        }
        Some(sample)
    }

    /// Errors by kind, from the source that carries levels.
    fn hear_errors(&mut self, taken: &Taken, at: Timestamp) {
        let has_file = !self.facts.file_levels.is_empty();
        match taken {
            Taken::Log if has_file => {
                self.lookout.listen(at);
                let errors = self.facts.log.iter().flat_map(|log| &log.seen.stretch.errors);
                errors.for_each(|kind| self.lookout.take_error(kind, at));
            }
            Taken::Stream(StreamSeen::Notes { notes, .. }) if !has_file => {
                self.lookout.listen(at);
                for note in notes {
                    if let StreamNote::Log { level, code, message, at: first } = note
                        && *level >= Level::Error
                    {
                        let kind = ErrorKind { code: code.clone(), example: message.clone(), count: 1, first: *first };
                        self.lookout.take_error(&kind, at);
                    }
                }
            }
            _ => {}
        }
    }

    /// What every detector says: the original six over the live window, the others of what they remember.
    pub(super) fn findings(&self, truths: Vec<ServerTruth>, now: Timestamp) -> Vec<Finding> {
        let (evidence, limits) = (self.evidence(truths, now), &self.target.settings.thresholds);
        let mut findings = detect::all(&evidence, limits);
        findings.extend(self.lookout.findings(&evidence, limits));
        findings
    }

    /// Checks that are bad now.
    pub(super) fn bad(&self) -> Vec<CheckId> {
        let is_bad = |r: &&Reading| r.standing == Standing::Judged && matches!(r.health, Health::Degraded | Health::Failing);
        self.judged.readings.iter().filter(is_bad).map(|r| r.id.clone()).collect()
    }

    /// Log records per level since the observation before. Only reports use them.
    fn level_series(&self, taken: &Taken, at: Timestamp) -> Vec<Sample> {
        let mut sum = LevelCounts::default();
        let stretch = self.facts.log.as_ref().map(|log| &log.seen.stretch).filter(|stretch| stretch.over.is_some());
        match (taken, stretch) {
            (Taken::Log, Some(stretch)) => {
                sum = stretch.untimed;
                stretch.minutes.iter().for_each(|(_, counts)| sum.merge(counts));
            }
            (Taken::Stream(StreamSeen::Notes { notes, .. }), _) if self.facts.file_levels.is_empty() => {
                for note in notes {
                    if let StreamNote::Log { level, .. } = note {
                        sum.add(*level, 1);
                    }
                }
            }
            _ => {}
        }
        let of = |level: Level| {
            let id = CheckId::from_stored(&format!("logging/lines/{}", level.as_str()));
            series(id, at, sum.of(level) as f64)
        };
        Level::ALL.into_iter().filter(|level| sum.of(*level) > 0).map(of).collect()
    }

    /// Servers that connected (1) or were lost (0), for flapping over more than our own life.
    fn turn_series(&self, at: Timestamp) -> Vec<Sample> {
        let of = |turn: &vitals_model::observation::ServerTurn| {
            let is_credible = |t: &Timestamp| *t <= at && at.since(*t) <= TURN_AGE_MAX;
            let value = if turn.turn == Turn::Connected { 1.0 } else { 0.0 };
            series(CheckId::of_server(&turn.server, "turn"), turn.at.filter(is_credible).unwrap_or(at), value)
        };
        self.facts.new_turns.iter().map(of).collect()
    }

    /// The tools of every server as they are now.
    pub(super) fn tools_now(&self) -> impl Iterator<Item = Record> + '_ {
        let now = |truth: &ServerTruth| Some((truth.name.clone(), truth::server_tools(&self.facts, &truth.name)?));
        let listed = self.judged.truths.iter().filter_map(now).filter(|(_, tools)| !tools.is_empty());
        listed.map(|(server, tools)| Record::Tools(self.target.id.clone(), server, tools))
    }

    /// The tools of one server, for faces. One that shows none now is asked for the same ones when it is back.
    pub(super) fn tools_of(&self, server: &Text) -> ServerTools {
        let known = || self.facts.tools_before.get(server).cloned();
        let (own, listed) = match self.target.address.kind() {
            TargetKind::Hub => {
                (self.facts.claim(server).and_then(|claim| claim.tools.clone()), self.facts.listed(server).cloned())
            }
            TargetKind::Server => {
                let own = truth::server_tools(&self.facts, server);
                (own.clone(), own)
            }
        };
        ServerTools { own: own.filter(|tools| !tools.is_empty()).or_else(known).unwrap_or_default(), listed }
    }

    /// Which tool lists count as known: the first one seen, and a changed one after it was shown.
    pub(super) fn settle_tools(&mut self, now: Timestamp, taken: &Taken) -> Vec<Effect> {
        let may_differ = !taken.is_figures() || !self.drifted_since.is_empty();
        if !matches!(taken, Taken::Api(_) | Taken::Session(_)) || !may_differ {
            return Vec::new();
        }
        let truths = &self.judged.truths;
        self.drifted_since.retain(|name, _| truths.iter().any(|t| t.name == *name));
        let mut effects = Vec::new();
        for truth in truths {
            let Some(tools) = truth::server_tools(&self.facts, &truth.name).filter(|t| !t.is_empty()) else { continue };
            let known = self.facts.tools_before.get(&truth.name);
            let changed = known.is_some_and(|before| !tools.change_since(before).is_empty());
            if changed {
                let since = *self.drifted_since.entry(truth.name.clone()).or_insert(now);
                if now.since(since) < DRIFT_SHOWN {
                    continue;
                }
            }
            self.drifted_since.remove(&truth.name);
            if known.is_none() || changed {
                effects.push(Effect::Keep(Record::Tools(self.target.id.clone(), truth.name.clone(), tools.clone())));
                self.settled.push((truth.name.clone(), tools, now));
            }
        }
        effects
    }

    /// From now on the tools count as known that were settled at the event before; whether there were any. They did not
    /// before, so that what was judged then can be put into words.
    pub(super) fn settle(&mut self) -> bool {
        let settled = std::mem::take(&mut self.settled);
        let Some((_, _, at)) = settled.last() else { return false };
        let at = *at;
        for (server, tools, _) in settled {
            self.facts.tools_before.put(&server, tools);
        }
        self.follow_surfaces(at);
        true
    }
}

/// A log that is written five times a second is judged as often; history keeps its usual pace, and every change of
/// health. What is measured now and then is kept once.
fn is_worth_keeping(reading: &Reading, note: &Note) -> bool {
    let Some((last, health)) = note.kept else { return true };
    health != reading.health || if note.apart.is_some() { is_due(note, reading.at) } else { reading.at != last }
}

/// Whether a sample of this check is to be kept, if it has one of now.
pub(super) fn is_due(note: &Note, now: Timestamp) -> bool {
    note.apart.zip(note.kept).is_none_or(|(apart, (last, _))| now >= last.plus(apart))
}

fn series(id: CheckId, at: Timestamp, value: f64) -> Sample {
    Sample { id, at, health: Health::Healthy, value: Some(value) }
}

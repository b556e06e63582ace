//! What history keeps of what was judged: samples, series for reports, known tool lists.

use std::time::Duration;

use vitals_model::check::CheckId;
use vitals_model::finding::Finding;
use vitals_model::limits::TREND_POINTS_MAX;
use vitals_model::observation::{ErrorKind, Level, LevelCounts, Observation, Seen, StreamNote, StreamSeen, Turn};
use vitals_model::reading::{Health, Reading, Sample, Standing};
use vitals_model::time::Timestamp;
use vitals_model::verdict::ServerTruth;

use super::Watched;
use crate::check::pace::{self, Pace};
use crate::detect;
use crate::event::{Effect, Record};
use crate::truth;

/// How long a drifted tool list is shown before it counts as the known one.
const DRIFT_SHOWN: Duration = Duration::from_secs(3600);

/// A turn's own time is believed when it lies this far back at most; else it counts as seen just now.
const TURN_AGE_MAX: Duration = Duration::from_secs(3600);

impl Watched {
    /// The samples that one observation adds to history: the readings that it answered, and series.
    pub(super) fn samples(&mut self, now: Timestamp, observation: &Observation) -> Vec<Effect> {
        let at = observation.at;
        let is_fresh = |r: &&Reading| (r.at == at || r.at == now) && r.standing != Standing::Advice;
        let fresh: Vec<_> = self.readings.iter().filter(is_fresh).filter(|r| self.is_worth_keeping(r)).cloned().collect();
        let mut samples = Vec::with_capacity(fresh.len());
        for reading in fresh {
            self.kept.insert(reading.id.clone(), (reading.at, reading.health));
            if let Some(value) = reading.value {
                let trend = self.trends.entry(reading.id.clone()).or_default();
                if trend.len() == TREND_POINTS_MAX {
                    trend.pop_front();
                }
                trend.push_back(value);
            }
            samples.push(Sample { id: reading.id, at: reading.at, health: reading.health, value: reading.value });
        }
        samples.extend(self.level_series(observation));
        samples.extend(self.turn_series(at));
        self.lookout.set_room(self.facts.room());
        // The process is judged first: what else was measured at this moment belongs to its run.
        let of_process = |sample: &&Sample| sample.id.question() == "process";
        for sample in samples.iter().filter(of_process).chain(samples.iter().filter(|sample| !of_process(sample))) {
            self.lookout.take(sample);
        }
        self.hear_errors(observation);
        let errors = self.lookout.errors_to_keep(now).map(|known| Record::Errors(self.target.id.clone(), known));
        let samples = samples.into_iter().map(|sample| Record::Sample(self.target.id.clone(), sample));
        samples.chain(errors).map(Effect::Keep).collect()
    }

    /// Errors by kind, from the source that carries levels.
    fn hear_errors(&mut self, observation: &Observation) {
        let has_file = !self.facts.file_levels.is_empty();
        match &observation.seen {
            Seen::Log(log) if has_file => {
                self.lookout.listen(observation.at);
                log.stretch.errors.iter().for_each(|kind| self.lookout.take_error(kind, observation.at));
            }
            Seen::Stream(StreamSeen::Notes { notes, .. }) if !has_file => {
                self.lookout.listen(observation.at);
                for note in notes {
                    if let StreamNote::Log { level, code, message, at } = note
                        && *level >= Level::Error
                    {
                        let kind = ErrorKind { code: code.clone(), example: message.clone(), count: 1, first: *at };
                        self.lookout.take_error(&kind, observation.at);
                    }
                }
            }
            _ => {}
        }
    }

    /// What every detector says: the original six over the live window, the others of what they remember.
    pub(super) fn findings(&self, now: Timestamp) -> Vec<Finding> {
        let (evidence, limits) = (self.evidence(now), &self.target.settings.thresholds);
        let mut findings = detect::all(&evidence, limits);
        findings.extend(self.lookout.findings(&evidence, limits));
        findings
    }

    /// Checks that are bad now.
    pub(super) fn bad(&self) -> Vec<CheckId> {
        let is_bad = |r: &&Reading| r.standing == Standing::Judged && matches!(r.health, Health::Degraded | Health::Failing);
        self.readings.iter().filter(is_bad).map(|r| r.id.clone()).collect()
    }

    /// A log that is written five times a second is judged as often; history keeps its usual pace, and
    /// every change of health.
    fn is_worth_keeping(&self, reading: &Reading) -> bool {
        let (Pace::Every(interval) | Pace::Lasting(interval)) =
            pace::of(reading, self.target.address.kind(), &self.target.settings.schedule)
        else {
            return true;
        };
        self.kept
            .get(&reading.id)
            .is_none_or(|(last, health)| *health != reading.health || reading.at.since(*last) >= interval / 2)
    }

    /// Log records per level since the observation before. Only reports use them.
    fn level_series(&self, observation: &Observation) -> Vec<Sample> {
        let mut sum = LevelCounts::default();
        match &observation.seen {
            Seen::Log(log) if log.stretch.over.is_some() => {
                sum = log.stretch.untimed;
                log.stretch.minutes.iter().for_each(|(_, counts)| sum.merge(counts));
            }
            Seen::Stream(StreamSeen::Notes { notes, .. }) if self.facts.file_levels.is_empty() => {
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
            series(id, observation.at, sum.of(level) as f64)
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
        let listed = self.truths.iter().filter_map(now).filter(|(_, tools)| !tools.is_empty());
        listed.map(|(server, tools)| Record::Tools(self.target.id.clone(), server, tools))
    }

    /// Which tool lists count as known: the first one seen, and a changed one after it was shown.
    pub(super) fn settle_tools(&mut self, now: Timestamp, seen: &Seen) -> Vec<Effect> {
        if !matches!(seen, Seen::Api(_) | Seen::Session(_)) {
            return Vec::new();
        }
        let truths = &self.truths;
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
                self.facts.tools_before.insert(truth.name.clone(), tools);
            }
        }
        if !effects.is_empty() {
            self.follow_surfaces(now);
        }
        effects
    }
}

fn series(id: CheckId, at: Timestamp, value: f64) -> Sample {
    Sample { id, at, health: Health::Healthy, value: Some(value) }
}

//! Whether a value of a series is unusual for that series: latencies, rates, sizes.
//!
//! A [`Detector`] is given one sample at a time, with its time, and says at once how rare it is. Six
//! [`Aspect`]s look at the series, each over one or more spans. Each knows only how often it was this
//! surprised before; none has a threshold of its own, and none knows a unit. What most of them call rare
//! is rare. An alarm is one per event: after it the detector is silent for a while, and for longer it
//! demands more.
//!
//! It never looks ahead: a sample is judged before it is learned from, and nothing else is ever seen. Its
//! state has a fixed size ([`STATE_BYTES_MAX`]) and holds no more of the series than 32 short windows. It
//! does not say whether a rare value is bad: that is for who asks. A series that stops moving at its usual
//! level is rare to two aspects only, and no alarm. What it was measured with stands in
//! `docs/reference/nab.md`.

mod change;
mod mean;
mod model;
mod rhythm;
mod shape;

use std::fmt;

use vitals_model::time::{Timestamp, human};

use change::Changes;
use mean::{Mean, ratio};
use model::Model;
use rhythm::{Rhythm, day_slot, week_slot};
use shape::Shape;

/// Samples after which what was seen counts about a third, in all that is "usual": at the default pace of a
/// light check (10 s) somewhat more than a day.
const MEMORY_SAMPLES: f64 = 10_000.0;

/// Samples of the level that a value is compared with when no rhythm is known.
const LEVEL_SAMPLES: f64 = 1_000.0;

/// Samples of the longer span: over it a small shift that stays adds up.
const SPAN_SAMPLES: f64 = 32.0;

/// Samples over which [`Aspect::Activity`] looks at how much the series moves.
const BURST_SAMPLES: f64 = 8.0;

/// Samples before which nothing is compared: means and spreads of fewer mean nothing.
const SETTLED_SAMPLES: u64 = 20;

/// Samples before which nothing is an alarm: "rarer than 1 in 40" cannot be said of much fewer.
pub const SAMPLES_MIN: u64 = 100;

/// Time over which values must have been seen before the time of day is taken to mean something: two days.
const DAY_KNOWN_MS: i64 = 2 * 86_400_000;

/// The same for the hour of the week: one week and a day.
const WEEK_KNOWN_MS: i64 = 8 * 86_400_000;

/// Aspects that must call a sample rare: more than half of [`Aspect::ALL`].
pub const MAJORITY: usize = 4;

/// The rarity that is an alarm: 1 sample in 40. The one threshold; chosen on half of the Numenta Anomaly
/// Benchmark for all of its series together (`docs/reference/nab.md`).
pub const ALARM_RARITY: f64 = 0.975;

/// Samples after an alarm in which there is no other: what follows belongs to the same event.
const SILENT_SAMPLES: u64 = 100;

/// After each alarm the next must be twice as rare, and this part of that demand (an exponent of 2) goes
/// away per sample: after 1,000 it must be rarer by the square root of 2.
const DEMAND_FADES: f64 = std::f64::consts::LN_2 / 1_000.0;

/// Values are taken to lie within this, far beyond any value of a hub, so that no square or sum overflows.
const MAGNITUDE_MAX: f64 = 1e30;

/// Most bytes that a detector takes, all included. It allocates nothing.
pub const STATE_BYTES_MAX: usize = 6 * 1024;

const _: () = assert!(size_of::<Detector>() <= STATE_BYTES_MAX);

/// What can be unusual about a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Aspect {
    /// The value, beside the level of the last [`LEVEL_SAMPLES`].
    Level,
    /// The value, beside the usual one of this time of day.
    Day,
    /// The value, beside the usual one of this hour of the week.
    Week,
    /// How much the series moves, beside how much it does in general; less is unusual too.
    Activity,
    /// The course of the last values, beside courses that were seen.
    Shape,
    /// How large and small changes are mixed, beside the usual mixture.
    Change,
}

impl Aspect {
    /// All, in the order in which they are told.
    pub const ALL: [Self; 6] = [Self::Level, Self::Day, Self::Week, Self::Activity, Self::Shape, Self::Change];

    /// As it stands in a reason.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Level => "level",
            Self::Day => "time of day",
            Self::Week => "hour of week",
            Self::Activity => "activity",
            Self::Shape => "shape",
            Self::Change => "changes",
        }
    }
}

/// What follows from a sample.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Call {
    /// Too little was seen: fewer than [`SAMPLES_MIN`] samples, or a value that is no number.
    NotYet,
    /// Not rare enough.
    Quiet,
    /// Rare enough, and so soon after an alarm that it belongs to the same event.
    Withheld,
    /// Rare enough.
    Alarm,
}

/// What is said of one sample.
#[derive(Clone, Copy, Debug)]
pub struct Opinion {
    /// What follows.
    pub call: Call,
    /// 0 to 1: the part of all samples so far that was less unusual, by what [`MAJORITY`] aspects say.
    pub rarity: f64,
    /// The rarity that an alarm needed at that moment.
    pub demanded: f64,
    /// The value, as it was given.
    pub seen: f64,
    /// The usual value: of this hour of the week, else of this time of day, else the level.
    pub expected: f64,
    /// Rarity by each aspect, in the order of [`Aspect::ALL`]: that of its span which is surprised most.
    pub by_aspect: [f64; 6],
    /// Time since the first sample.
    pub watched: std::time::Duration,
}

impl Opinion {
    /// The aspects that call the sample as rare as was demanded.
    pub fn agreed(&self) -> impl Iterator<Item = Aspect> + '_ {
        Aspect::ALL.into_iter().zip(self.by_aspect).filter(|(_, rarity)| *rarity >= self.demanded).map(|(aspect, _)| aspect)
    }
}

/// The reason, in one sentence; numbers stand without their unit, which only who asks knows.
impl fmt::Display for Opinion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.call == Call::NotYet {
            return write!(f, "{}: not enough was seen before it", brief(self.seen));
        }
        let (seen, expected, watched) = (brief(self.seen), brief(self.expected), human(self.watched));
        write!(f, "{seen}, expected about {expected}; {} ({watched} seen)", one_in(self.rarity))?;
        let mut agreed = self.agreed().map(Aspect::as_str);
        if let Some(first) = agreed.next() {
            write!(f, ", unusual in {first}")?;
            agreed.try_for_each(|aspect| write!(f, ", {aspect}"))?;
        }
        match self.call {
            Call::Withheld => write!(f, "; belongs to the alarm before it"),
            Call::Quiet => write!(f, "; an alarm needs {} by {MAJORITY} aspects", one_in(self.demanded)),
            Call::NotYet | Call::Alarm => Ok(()),
        }
    }
}

/// Four digits, or all before the point.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "bounded just before")]
fn brief(x: f64) -> String {
    let before_point = if x == 0.0 { 0.0 } else { x.abs().log10().floor() };
    let decimals = (3.0 - before_point).clamp(0.0, 12.0) as usize;
    format!("{x:.decimals$}")
}

fn one_in(rarity: f64) -> String {
    let values = 1.0 / (1.0 - rarity);
    if values < 1e6 { format!("1 value in {values:.0}") } else { "less than 1 value in a million".to_owned() }
}

/// Judges one series, sample by sample.
#[derive(Clone, Debug)]
pub struct Detector {
    /// The part of samples that may be as rare as an alarm.
    alarm_part: f64,
    /// How often alarms of the past have halved it, as far as that has not faded.
    halved: f64,
    samples: u64,
    silent_until: u64,
    first_at: Timestamp,
    /// The first value. All others are kept as distances from it, so that single precision is enough for a
    /// small ripple on a large level.
    origin: f64,
    last_at: Timestamp,
    /// The value before, as such a distance; so are all others below.
    last: f64,
    level: Mean,
    spread: Mean,
    change: Mean,
    day: Rhythm<96>,
    week: Rhythm<168>,
    /// Distances from level, day and week over [`SPAN_SAMPLES`], in spreads.
    spans: [Mean; 3],
    burst: Mean,
    stir: Mean,
    shape: Shape,
    changes: Changes,
    models: [Model; MODELS.len()],
}

/// Which aspect each model speaks for, in the order in which [`Detector::look`] measures.
const MODELS: [Aspect; 9] = [
    Aspect::Level,
    Aspect::Level,
    Aspect::Day,
    Aspect::Day,
    Aspect::Week,
    Aspect::Week,
    Aspect::Activity,
    Aspect::Shape,
    Aspect::Change,
];

impl Default for Detector {
    fn default() -> Self {
        Self::with_alarm_rarity(ALARM_RARITY)
    }
}

impl Detector {
    /// A detector with another threshold than [`ALARM_RARITY`], between 0 and 1: to measure what it is
    /// worth. The product has one.
    pub fn with_alarm_rarity(rarity: f64) -> Self {
        Self {
            alarm_part: 1.0 - rarity,
            halved: 0.0,
            samples: 0,
            silent_until: 0,
            first_at: Timestamp::default(),
            origin: 0.0,
            last_at: Timestamp::default(),
            last: 0.0,
            level: Mean::over(LEVEL_SAMPLES),
            spread: Mean::over(MEMORY_SAMPLES),
            change: Mean::over(MEMORY_SAMPLES),
            day: Rhythm::new(),
            week: Rhythm::new(),
            spans: [Mean::over(SPAN_SAMPLES); 3],
            burst: Mean::over(BURST_SAMPLES),
            stir: Mean::over(LEVEL_SAMPLES),
            shape: Shape::new(),
            changes: Changes::over(SPAN_SAMPLES),
            models: [Model::new(MEMORY_SAMPLES); MODELS.len()],
        }
    }

    /// Judges the sample, then learns from it. Times may be irregular and have gaps; they only tell the
    /// time of day (UTC) and the hour of the week. A value that is no finite number is [`Call::NotYet`]
    /// and leaves no trace.
    pub fn observe(&mut self, at: Timestamp, value: f64) -> Opinion {
        if self.samples == 0 && value.is_finite() {
            (self.first_at, self.last_at, self.origin) = (at, at, value.clamp(-MAGNITUDE_MAX, MAGNITUDE_MAX));
        }
        let watched = at.since(self.first_at);
        let part = self.alarm_part * (-self.halved).exp2();
        let demanded = 1.0 - part;
        if !value.is_finite() {
            let expected = self.origin + self.level.value();
            return Opinion { call: Call::NotYet, rarity: 0.0, demanded, seen: value, expected, by_aspect: [0.0; 6], watched };
        }
        let x = value.clamp(-MAGNITUDE_MAX, MAGNITUDE_MAX) - self.origin;
        let usual = self.usual(at);
        let far = self.look(x, usual);
        let by_aspect = self.hear(far);
        self.learn(at, x);

        let mut ranked = by_aspect;
        ranked.sort_by(f64::total_cmp);
        let agreed = ranked[MAJORITY - 1];
        let call = self.decide(agreed <= part);
        let (rarity, expected, by_aspect) = (1.0 - agreed, self.origin + usual[2], by_aspect.map(|part| 1.0 - part));
        Opinion { call, rarity, demanded, seen: value, expected, by_aspect, watched }
    }

    fn decide(&mut self, rare: bool) -> Call {
        self.halved -= self.halved * DEMAND_FADES;
        if self.samples <= SAMPLES_MIN {
            Call::NotYet
        } else if !rare {
            Call::Quiet
        } else if self.samples < self.silent_until {
            Call::Withheld
        } else {
            self.halved += 1.0;
            self.silent_until = self.samples + SILENT_SAMPLES;
            Call::Alarm
        }
    }

    /// The usual value by level, time of day and hour of the week; each stands in for the next.
    fn usual(&self, at: Timestamp) -> [f64; 3] {
        let known_ms = at.as_millis().saturating_sub(self.first_at.as_millis());
        let level = self.level.value();
        let day = self.day.usual(day_slot(at)).filter(|_| known_ms >= DAY_KNOWN_MS).unwrap_or(level);
        let week = self.week.usual(week_slot(at)).filter(|_| known_ms >= WEEK_KNOWN_MS).unwrap_or(day);
        [level, day, week]
    }

    /// How far the sample is from what is usual, in the order of [`MODELS`]. Only the short spans move.
    fn look(&mut self, x: f64, usual: [f64; 3]) -> [f64; MODELS.len()] {
        let settled = self.samples >= SETTLED_SAMPLES;
        let spread = self.spread.value();
        let mut far = [0.0; MODELS.len()];
        for (k, usual) in usual.into_iter().enumerate() {
            let away = ratio(x - usual, spread);
            if settled {
                self.spans[k].add(away);
            }
            (far[2 * k], far[2 * k + 1]) = (away, self.spans[k].value());
        }
        let change = x - self.last;
        let floor = 0.01 * self.change.value();
        self.burst.add(change.abs());
        far[6] = ratio(self.burst.value() + floor, self.stir.value() + floor).max(f64::MIN_POSITIVE).log2();
        far[7] = ratio(self.shape.add(x), spread);
        if settled {
            far[8] = self.changes.add(ratio(change, self.change.value()));
        }
        far
    }

    /// The part of samples so far that was as far from usual, by aspect.
    fn hear(&mut self, far: [f64; MODELS.len()]) -> [f64; 6] {
        let mut by_aspect = [1.0_f64; 6];
        if self.samples < SETTLED_SAMPLES {
            return by_aspect;
        }
        for ((model, far), aspect) in self.models.iter_mut().zip(far).zip(MODELS) {
            let said = &mut by_aspect[aspect as usize];
            *said = said.min(model.part_as_far(far));
        }
        by_aspect
    }

    fn learn(&mut self, at: Timestamp, x: f64) {
        let change = (x - self.last).abs();
        self.spread.add((x - self.level.value()).abs());
        self.level.add(x);
        self.change.add(change);
        self.stir.add(change);
        let since = at.since(self.last_at);
        self.day.learn_with_neighbours(day_slot(at), x, since);
        self.week.learn(week_slot(at), x, since);
        (self.last_at, self.last) = (at, x);
        self.samples += 1;
    }
}

#[cfg(test)]
mod tests;

//! Days of a healthy world in simulated time, shown to the detectors that compare with the past: `unusual
//! FIRST..LAST DAYS [--planted]`. Prints every unusual latency that was found, and how many that is for each series
//! and month. With `--planted`, one latency a day takes three times as long for five minutes, and on every second
//! day for an hour: then it prints how many of these were found, and how soon.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use subject::Watch;
use vitals_judge::detect::{Evidence, Lookout};
use vitals_judge::event::{Effect, Record};
use vitals_model::check::CheckId;
use vitals_model::config::Thresholds;
use vitals_model::finding::{FindingKind, Outcome};
use vitals_model::reading::Sample;
use vitals_model::time::Timestamp;
use vitals_sim::world::{Setting, World};

#[path = "../tests/soak/subject.rs"]
mod subject;

const DAY: Duration = Duration::from_secs(86_400);
const MINUTE: Duration = Duration::from_secs(60);

/// How often the detectors are asked.
const ASKED_EVERY: Duration = Duration::from_secs(30);

/// What was planted: on the second day and after, at noon, and an hour later by each day.
const TIMES: f64 = 3.0;
const SHORT: Duration = Duration::from_secs(5 * 60);
const LONG: Duration = Duration::from_secs(3600);

/// Nothing is planted in what is measured so rarely that five minutes hold one value.
const VALUES_A_DAY_MIN: f64 = 1000.0;

/// A latency that was planted, and when it was found.
struct Planted {
    check: CheckId,
    from: Timestamp,
    lasts: Duration,
    found: Option<Timestamp>,
}

/// One world, and what was found in it.
#[derive(Default)]
struct Play {
    began: Timestamp,
    /// Values of each latency, and its mean in milliseconds.
    latencies: BTreeMap<CheckId, (f64, f64)>,
    planted: Vec<Planted>,
    wrong: BTreeSet<String>,
}

impl Play {
    /// Plants, on its days, in one latency after the other that is long enough to be felt and measured once a minute.
    fn plant(&mut self, sample: &mut Sample) {
        let Some(value) = sample.value.as_mut() else { return };
        let day = u32::try_from(sample.at.since(self.began).as_secs() / DAY.as_secs()).unwrap_or(u32::MAX);
        let felt: Vec<_> =
            self.latencies.iter().filter(|(_, (n, mean))| *mean >= 25.0 && *n >= VALUES_A_DAY_MIN).map(|(id, _)| id).collect();
        if day == 0 || felt.is_empty() {
            return;
        }
        let from = self.began.plus(DAY * day + Duration::from_secs(43_200) + LONG * (day % 12));
        if self.planted.last().is_none_or(|last| last.from < from) && sample.at >= from && sample.at < from.plus(SHORT) {
            let check = felt[day as usize % felt.len()].clone();
            let lasts = if day.is_multiple_of(2) { LONG } else { SHORT };
            self.planted.push(Planted { check, from, lasts, found: None });
        }
        if let Some(last) = self.planted.last()
            && last.check == sample.id
            && sample.at < last.from.plus(last.lasts)
        {
            *value *= TIMES;
        }
    }

    fn note(&mut self, sample: &Sample) {
        let id = sample.id.as_str();
        let is_latency = id.ends_with("/call") || matches!(id, "hub-servers/api" | "filtering-sessions/open" | "hub-llm/latency");
        if let Some(ms) = sample.value.filter(|_| is_latency) {
            let (n, mean) = self.latencies.entry(sample.id.clone()).or_default();
            *n += 1.0;
            *mean += (ms - *mean) / *n;
        }
    }

    fn ask(&mut self, lookout: &Lookout, now: Timestamp) {
        let evidence = Evidence { at: now, window: 10 * MINUTE, ..Evidence::default() };
        for finding in lookout.findings(&evidence, &Thresholds::default()) {
            let is_found = finding.kind == FindingKind::Unusual && matches!(finding.outcome, Outcome::Found(_));
            for said in finding.reason.split("; ").filter(|said| is_found && said.contains(" took ")) {
                let (id, _) = said.split_once(' ').unwrap_or_default();
                let is_of = |planted: &&mut Planted| {
                    planted.check.as_str() == id && now >= planted.from && now < planted.from.plus(planted.lasts + 15 * MINUTE)
                };
                if let Some(planted) = self.planted.iter_mut().find(is_of) {
                    planted.found = planted.found.or(Some(now));
                } else {
                    let since = said.split(" since ").nth(1).and_then(|rest| rest.split(',').next()).unwrap_or_default();
                    self.wrong.insert(format!("{id} since {since}"));
                }
            }
        }
    }
}

fn play(seed: u64, days: u32, planting: bool) -> Play {
    let mut world = World::new(Setting::of(seed));
    let mut played = Play { began: world.clock(), ..Play::default() };
    let mut watch = Watch::begin(world.target(), world.clock());
    let mut lookout = Lookout::default();
    let mut asked = world.clock();
    while let Some((now, happened)) = world.next(DAY * days) {
        for effect in watch.0.apply(now, subject::event(happened)) {
            match effect {
                Effect::Check(_, probe) => world.ask(probe),
                Effect::Keep(Record::Samples(_, samples)) => {
                    for mut sample in samples.into_iter().filter(|sample| Lookout::heeds(&sample.id)) {
                        played.note(&sample);
                        if planting {
                            played.plant(&mut sample);
                        }
                        lookout.take(&sample);
                    }
                }
                _ => {}
            }
        }
        if now.since(asked) >= ASKED_EVERY {
            asked = now;
            played.ask(&lookout, now);
        }
    }
    played
}

#[expect(clippy::disallowed_methods, reason = "a program is told what to play; the crate itself reads no arguments")]
fn main() -> io::Result<ExitCode> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let asked = args.first().and_then(|seeds| seeds.split_once("..")).zip(args.get(1));
    let Some((Ok(first), Ok(last), Ok(days))) = asked.map(|((a, b), days)| (a.parse::<u64>(), b.parse(), days.parse::<u32>()))
    else {
        writeln!(io::stderr(), "usage: unusual FIRST..LAST DAYS [--planted]")?;
        return Ok(ExitCode::from(3));
    };
    let mut out = io::stdout().lock();
    let (mut series, mut wrong, mut planted) = (0, 0, Vec::new());
    for seed in first..=last {
        let played = play(seed, days, args.get(2).is_some_and(|flag| flag == "--planted"));
        for said in &played.wrong {
            writeln!(out, "seed {seed}: {said}")?;
        }
        for missed in played.planted.iter().filter(|planted| planted.found.is_none()) {
            writeln!(out, "seed {seed}: missed {} at {} for {:?}", missed.check, missed.from, missed.lasts)?;
        }
        series += played.latencies.len();
        wrong += played.wrong.len();
        planted.extend(played.planted);
    }
    let months = series as f64 * f64::from(days) / 30.0;
    writeln!(out, "{wrong} false in {months:.1} months of one series each, {series} series")?;
    let mut after: Vec<_> = planted.iter().filter_map(|it| Some(it.found?.since(it.from))).collect();
    after.sort_unstable();
    if let (Some(middle), Some(worst)) = (after.get(after.len() / 2), after.last()) {
        writeln!(out, "{} of {} planted found, after {middle:.0?}, at worst {worst:.0?}", after.len(), planted.len())?;
    }
    Ok(ExitCode::SUCCESS)
}

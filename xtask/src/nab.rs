//! `cargo xtask nab`: the score of the product's value detector on the Numenta Anomaly Benchmark. The
//! corpus is not part of the repository; it is read from the folder that is named, in the layout of its
//! authors. The detector is asked sample by sample, as `watch` would ask it; nothing of a file or of its
//! labels reaches it but the samples before.

mod corpus;
mod score;

use std::io::Write;
use std::path::PathBuf;

use anyhow::{Context as _, bail};
use vitals_judge::rarity::{ALARM_RARITY, Call, Detector};

use crate::bench::child::Stopwatch;
use corpus::Series;
use score::{PROFILES, Tally};

/// The least scores that the product must reach: standard and low FP.
const BARS: [f64; 2] = [57.0, 49.0];

/// Thresholds that one is chosen from where the other half of the files is scored: from 1 alarm in 10
/// samples to 1 in 200.
const THRESHOLDS: [f64; 9] = [0.9, 0.925, 0.95, 0.96, 0.97, 0.975, 0.98, 0.99, 0.995];

/// Most pairs of halves.
const HALVES_MAX: usize = 10_000;

/// What was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wish {
    data: PathBuf,
    files: bool,
    halves: usize,
}

impl Wish {
    fn read(args: &[String]) -> anyhow::Result<Self> {
        let mut wish = Self::default();
        let mut args = args.iter();
        while let Some(arg) = args.next() {
            match arg.as_str() {
                "--data" => wish.data = args.next().context("--data needs a folder")?.into(),
                "--files" => wish.files = true,
                "--halves" => {
                    wish.halves = args.next().and_then(|n| n.parse().ok()).context("--halves needs a number")?;
                }
                other => bail!("the options are --data DIR, --files and --halves N; there was {other}"),
            }
        }
        if wish.data.as_os_str().is_empty() {
            bail!("--data DIR is missing: the folder of the Numenta Anomaly Benchmark (https://github.com/numenta/NAB)");
        }
        wish.halves = wish.halves.min(HALVES_MAX);
        Ok(wish)
    }
}

/// Scores the detector and prints what it came to. `true` when every bar was reached.
///
/// # Errors
/// When an option is unknown, the corpus cannot be read, or the output cannot be written.
pub fn run(args: &[String], out: &mut impl Write) -> anyhow::Result<bool> {
    let wish = Wish::read(args)?;
    let corpus = corpus::read(&wish.data)?;
    let rows: usize = corpus.iter().map(|s| s.samples.len()).sum();
    let windows: usize = corpus.iter().map(|s| s.windows.len()).sum();
    writeln!(out, "{} files, {rows} samples, {windows} windows; an alarm at rarity {ALARM_RARITY}", corpus.len())?;

    let clock = Stopwatch::start();
    let alarms: Vec<Vec<usize>> = corpus.iter().map(|s| alarms(s, ALARM_RARITY)).collect();
    let spent_ns = clock.elapsed().as_secs_f64() * 1e9;
    writeln!(out, "{:.0} ns and {} bytes of state: one sample, one series", spent_ns / rows as f64, size_of::<Detector>())?;

    if wish.files {
        print_files(&corpus, &alarms, out)?;
    }
    let tallies: Vec<[Tally; 3]> = corpus.iter().zip(&alarms).map(|(s, a)| tally(s, a)).collect();
    let scores = total(tallies.iter());
    for (profile, score) in PROFILES.iter().zip(scores) {
        writeln!(out, "{:<12} {score:6.2}", profile.name)?;
    }
    if wish.halves > 0 {
        print_halves(&corpus, wish.halves, out)?;
    }
    Ok(scores.iter().zip(BARS).all(|(score, bar)| *score >= bar))
}

/// Rows with an alarm.
fn alarms(series: &Series, rarity: f64) -> Vec<usize> {
    let mut detector = Detector::with_alarm_rarity(rarity);
    let calls = series.samples.iter().map(|(at, value)| detector.observe(*at, *value).call);
    calls.enumerate().filter(|(_, call)| *call == Call::Alarm).map(|(row, _)| row).collect()
}

fn tally(series: &Series, alarms: &[usize]) -> [Tally; 3] {
    PROFILES.map(|profile| score::tally(series.samples.len(), &series.windows, alarms, profile))
}

/// The scores of files together, by profile.
fn total<'a>(tallies: impl Iterator<Item = &'a [Tally; 3]>) -> [f64; 3] {
    let mut sums = [Tally::default(); 3];
    for tallies in tallies {
        for (sum, tally) in sums.iter_mut().zip(tallies) {
            *sum = *sum + *tally;
        }
    }
    sums.map(Tally::score)
}

fn print_files(corpus: &[Series], alarms: &[Vec<usize>], out: &mut impl Write) -> anyhow::Result<()> {
    writeln!(out, "\n{:<58} {:>6} {:>7} {:>6}  of standard", "file", "found", "windows", "false")?;
    for (series, alarms) in corpus.iter().zip(alarms) {
        let scored = alarms.iter().filter(|row| **row >= score::ignored(series.samples.len()));
        let inside = |row: usize| series.windows.iter().any(|w| w.contains(&row));
        let found = series.windows.iter().filter(|w| scored.clone().any(|row| w.contains(row))).count();
        let beside = scored.clone().filter(|row| !inside(**row)).count();
        let raw = tally(series, alarms)[0].raw;
        writeln!(out, "{:<58} {found:>6} {:>7} {beside:>6} {raw:+6.2}", series.name, series.windows.len())?;
    }
    writeln!(out)?;
    Ok(())
}

/// Chooses the threshold on one half of the files and scores it on the other, and the other way round.
fn print_halves(corpus: &[Series], halves: usize, out: &mut impl Write) -> anyhow::Result<()> {
    let by_threshold: Vec<Vec<[Tally; 3]>> =
        THRESHOLDS.iter().map(|t| corpus.iter().map(|s| tally(s, &alarms(s, *t))).collect()).collect();
    writeln!(out, "\nthreshold    standard  low FP  low FN, all files")?;
    for (threshold, tallies) in THRESHOLDS.iter().zip(&by_threshold) {
        let scores = total(tallies.iter());
        writeln!(out, "{threshold:<12} {:>8.2} {:>7.2} {:>7.2}", scores[0], scores[1], scores[2])?;
    }
    let mut held_out: [Vec<f64>; 3] = Default::default();
    let mut order: Vec<usize> = (0..corpus.len()).collect();
    let mut dice = Dice(0x9e37_79b9_7f4a_7c15);
    for _ in 0..halves {
        dice.shuffle(&mut order);
        let (one, other) = order.split_at(order.len() / 2);
        for (chosen_on, scored_on) in [(one, other), (other, one)] {
            let on = |files: &[usize], t: usize| total(files.iter().map(|f| &by_threshold[t][*f]));
            let worth = |t: usize| on(chosen_on, t)[..2].iter().sum::<f64>();
            let best = (0..THRESHOLDS.len()).max_by(|a, b| worth(*a).total_cmp(&worth(*b))).unwrap_or(0);
            for (all, score) in held_out.iter_mut().zip(on(scored_on, best)) {
                all.push(score);
            }
        }
    }
    writeln!(out, "\n{halves} times two random halves, threshold chosen on one, scored on the other:")?;
    for (profile, scores) in PROFILES.iter().zip(&mut held_out) {
        scores.sort_by(f64::total_cmp);
        let mean = scores.iter().sum::<f64>() / scores.len() as f64;
        let tenth = scores.len() / 10;
        let (low, high) = (scores[tenth], scores[scores.len() - 1 - tenth]);
        writeln!(out, "{:<12} {mean:6.2} on average, 8 of 10 within {low:.1} and {high:.1}", profile.name)?;
    }
    Ok(())
}

/// Xorshift with a fixed seed: the same halves in every run.
struct Dice(u64);

impl Dice {
    fn shuffle(&mut self, order: &mut [usize]) {
        for last in (1..order.len()).rev() {
            self.0 ^= self.0 << 13;
            self.0 ^= self.0 >> 7;
            self.0 ^= self.0 << 17;
            let other = self.0 % (last as u64 + 1);
            order.swap(last, usize::try_from(other).unwrap_or(0));
        }
    }
}

#[cfg(test)]
mod tests;

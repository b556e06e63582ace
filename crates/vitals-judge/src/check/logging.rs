//! `logging/…`: the log file and the event stream.

mod writing;

use std::sync::LazyLock;
use std::time::Duration;

use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::observation::{Failure, FailureKind, LogFile, LogSeen};
use vitals_model::reading::Reading;
use vitals_model::text::{bytes, count};
use vitals_model::time::{Timestamp, human};

use super::Scene;
use super::draft::Draft;
use crate::facts::{Facts, Known};

/// The check on the stream's heartbeat.
pub(crate) fn heartbeat_id() -> CheckId {
    static ID: LazyLock<CheckId> = LazyLock::new(|| CheckId::of_target(Point::Logging, "heartbeat"));
    ID.clone()
}

/// More broken lines than this share of all, in percent, is a fault of the log.
const BROKEN_PERCENT_MAX: f64 = 1.0;

/// Fewer broken lines are none: a rotation in the middle of a line breaks two.
const BROKEN_LINES_MIN: u64 = 5;

/// A rotation by renaming leaves no file until the hub writes its next record.
const ROTATION_MAX: Duration = Duration::from_secs(5);

/// Checks of a log file that can be read.
const CHECKS_OF_FILE: usize = 6;

/// Disk space that is enough whatever the percentage says.
const DISK_FREE_ENOUGH: u64 = 20_000_000_000;

/// The log file and the latest of its lines.
pub(super) fn of_log(scene: Scene<'_>) -> Vec<Reading> {
    let Some(known) = &scene.facts.log else { return Vec::new() };
    let mut readings = match &known.seen.file {
        Err(failure) => vec![lost(scene, known, failure)],
        Ok(file) => of_file(scene, known, file),
    };
    readings.push(format(scene, known));
    readings
}

/// Whether what the hub does is written.
pub(super) fn of_writing(scene: Scene<'_>) -> Vec<Reading> {
    writing::written(scene).into_iter().chain(writing::silence(scene)).collect()
}

fn lost(scene: Scene<'_>, known: &Known<LogSeen>, failure: &Failure) -> Reading {
    let draft = draft(scene, "file", known).evidence(|| format!("after {}", human(failure.after)));
    let missed_for = scene.facts.log_lost.map(|since| scene.now.since(since));
    match missed_for {
        Some(missed_for) if failure.kind == FailureKind::Missing && missed_for < ROTATION_MAX => {
            draft.unknown("the file is not there just now, as in a rotation: looking again")
        }
        _ => draft
            .hint("without it errors can only be seen while `watch` runs; see that the hub may write its log, or name the file: `log_file:`")
            .degraded(|| format!("log cannot be read: {failure}")),
    }
}

fn draft<T>(scene: Scene<'_>, question: &str, known: &Known<T>) -> Draft {
    scene.of_target(Point::Logging, question, known)
}

fn of_file(scene: Scene<'_>, known: &Known<LogSeen>, file: &LogFile) -> Vec<Reading> {
    let limits = &scene.settings.thresholds;
    let shared = if file.shared { ", shared by several hubs" } else { "" };
    let mut readings = Vec::with_capacity(CHECKS_OF_FILE);
    readings.push(
        draft(scene, "file", known)
            .evidence(|| file.path.display().to_string())
            .healthy(|| format!("{}{shared}", file.path.display())),
    );
    let size = file.size as f64;
    readings.push(
        draft(scene, "size", known).hint("rotate or shorten it").above(size, Unit::Bytes, limits.log_bytes, || bytes(file.size)),
    );
    if let Some((rate, span)) = scene.facts.growth_per_hour(scene.now) {
        let text = || format!("{} over the last {}", Unit::BytesPerHour.show(rate), human(span));
        readings.push(
            draft(scene, "growth", known)
                .evidence(|| format!("{} a day at this rate", bytes_of(rate * 24.0)))
                .hint("something repeats: see the most frequent errors, and filtering-sessions/storm")
                .above(rate, Unit::BytesPerHour, limits.log_growth, text),
        );
    } else {
        readings.push(
            draft(scene, "growth", known).fact("not known yet: needs a minute of watching, or ten minutes of records with times"),
        );
    }
    readings.push(disk(scene, known, file));
    let text = || format!("{}, {} followed", count(file.rotations, "rotation"), count(file.truncations, "truncation"));
    readings.push(draft(scene, "rotation", known).value((file.rotations + file.truncations) as f64, Unit::Count).fact(text));
    readings
}

/// The check on the disk of the log.
fn disk_id() -> CheckId {
    CheckId::of_target(Point::Logging, "disk")
}

fn bytes_of(value: f64) -> String {
    Unit::Bytes.show(value)
}

fn disk(scene: Scene<'_>, known: &Known<LogSeen>, file: &LogFile) -> Reading {
    let percent = file.disk_free as f64 * 100.0 / file.disk_total.max(1) as f64;
    let text = || format!("{} free of {} ({percent:.0} %)", bytes(file.disk_free), bytes(file.disk_total));
    let draft = draft(scene, "disk", known).hint("make room: a full disk ends the log, and the hub may end with it");
    // Then whatever the hub suffers may follow from it, and both are one.
    let draft = if super::host::is_disk_full(scene) { draft.cause(super::host::host_id()) } else { draft };
    if file.disk_free > DISK_FREE_ENOUGH {
        draft.value(percent, Unit::Percent).healthy(text)
    } else {
        draft.below(percent, Unit::Percent, scene.settings.thresholds.disk_free_percent, text)
    }
}

fn format(scene: Scene<'_>, known: &Known<LogSeen>) -> Reading {
    let sum = scene.facts.log_window.hour(scene.now);
    let lines = sum.total();
    let draft = draft(scene, "format", known);
    if lines == 0 {
        return draft.fact("no line in the last hour");
    }
    let names = [(sum.pino, "pino JSON"), (sum.stdout, "hub JSON"), (sum.plain, "plain text")];
    let formats = || names.iter().filter(|(n, _)| *n > 0).map(|(n, name)| format!("{n} {name}")).collect::<Vec<_>>().join(", ");
    let parsed = (lines - sum.broken) as f64 * 100.0 / lines as f64;
    let draft = draft.value(parsed, Unit::Percent).evidence(|| format!("{} of {} lines parsed", lines - sum.broken, lines));
    if sum.broken >= BROKEN_LINES_MIN && sum.broken as f64 * 100.0 / lines as f64 > BROKEN_PERCENT_MAX {
        draft.hint("several processes write into one file, or lines are cut: look at the file").degraded(|| {
            let broken = count(sum.broken, "line");
            format!("{broken} broken of {lines} ({}), expected at most {BROKEN_PERCENT_MAX} %", formats())
        })
    } else if sum.plain > 0 && sum.pino + sum.stdout == 0 {
        draft.fact(|| format!("{}: no levels and no times, the event stream has them", formats()))
    } else {
        draft.healthy(formats)
    }
}

/// Whether so many lines are broken that their share may pass its bound when good ones leave the window.
pub(crate) fn may_be_broken(facts: &Facts, now: Timestamp) -> bool {
    facts.log_window.hour(now).broken >= BROKEN_LINES_MIN
}

/// The errors that the hub logs.
pub(super) fn errors(scene: Scene<'_>) -> Option<Reading> {
    let limits = &scene.settings.thresholds;
    let (at, took) = match (&scene.facts.log, scene.facts.stream.last_event) {
        (Some(known), event) => (event.map_or(known.at, |e| e.max(known.at)), known.took),
        (None, Some(event)) => (event, Duration::ZERO),
        (None, None) => return None,
    };
    let known = Known { seen: (), at, took };
    let levels = scene.facts.levels();
    let window = limits.error_window;
    if levels.is_empty() {
        let has_stream = scene.facts.stream.last_heartbeat.is_some();
        let text =
            if has_stream { "no record yet" } else { "the log carries no levels: `watch` reads them from the event stream" };
        return Some(draft(scene, "errors", &known).fact(text));
    }
    if levels.is_flat() {
        let text = "not counted: every record is of level debug, as a hub that filters tells even its errors";
        return Some(
            draft(scene, "errors", &known).hint("let it be run where it can read the hub's log: `log_file:`").fact(text),
        );
    }
    let n = levels.since(scene.now.minus(window)).errors();
    let mut draft = draft(scene, "errors", &known).hint("see the log around them; `mcp-vitals anomalies` gives the kinds");
    for kind in levels.kinds().iter().take(3) {
        draft = draft.evidence(|| format!("{} ×{}: {}", kind.code, kind.count, kind.example));
    }
    let text = || format!("{} in the last {}", count(n, "error"), human(window));
    Some(draft.above(n as f64, Unit::Count, limits.errors, text))
}

/// The event stream, and its heartbeat.
pub(super) fn stream(scene: Scene<'_>) -> Vec<Reading> {
    let stream = &scene.facts.stream;
    if let Some((at, failure)) = &stream.lost {
        let known = Known { seen: (), at: *at, took: failure.after };
        let text = || format!("event stream lost: {failure}");
        // One that was given up because nothing came is lost because nothing came.
        let silent_since =
            stream.last_heartbeat.or(stream.last_event).filter(|_| matches!(failure.kind, FailureKind::TimedOut(_)));
        let cause = if silent_since.is_some() { heartbeat_id() } else { super::api_id() };
        let lost = draft(scene, "stream", &known)
            .cause(cause)
            .hint("polling goes on; it is opened again as soon as the hub answers")
            .degraded(text);
        return std::iter::once(lost).chain(silent_since.map(|since| heartbeat(scene, since))).collect();
    }
    let Some((opened, first)) = stream.opened else { return Vec::new() };
    let known = Known { seen: (), at: stream.last_event.unwrap_or(opened), took: first };
    let mut draft_stream = draft(scene, "stream", &known).value(first.as_secs_f64() * 1000.0, Unit::Millis);
    if stream.dropped > 0 {
        draft_stream = draft_stream.evidence(|| format!("{} too many to look at", count(stream.dropped, "event")));
    }
    let mut readings = vec![
        draft_stream.healthy(|| format!("open, first event after {}, {} since", human(first), count(stream.events, "event"))),
    ];
    // A one-shot look cannot wait for a heartbeat; a held stream has one every 10 s.
    let silent_for = scene.now.since(stream.last_event.unwrap_or(opened));
    if stream.events > 0 || silent_for.as_secs_f64() > scene.settings.thresholds.stream_silence_s.0 {
        readings.push(heartbeat(scene, stream.last_heartbeat.unwrap_or(opened)));
    }
    readings
}

fn heartbeat(scene: Scene<'_>, last: Timestamp) -> Reading {
    let now = Known { seen: (), at: scene.now, took: Duration::ZERO };
    let age = scene.now.since(last);
    let text = || format!("last heartbeat {} ago", human(age));
    draft(scene, "heartbeat", &now)
        .cause(super::api_id())
        .hint("the hub's event loop is stuck, or something between holds the stream back")
        .above(age.as_secs_f64(), Unit::Seconds, scene.settings.thresholds.stream_silence_s, text)
}

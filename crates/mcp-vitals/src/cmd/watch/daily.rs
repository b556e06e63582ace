//! The report of each day: written at its time into a folder, as a page and as Markdown, on a thread of its own, and handed to
//! the watch, which sends it. One that was missed, because nobody watched or the machine slept, is written as soon as that is
//! seen, the latest one only.
//!
//! What was written is known by its file. What was sent the watch knows, so a start hands it the latest report in any case: one
//! that was written, and not sent because everything ended there, is sent then. The time zone is read here; a report itself
//! knows none.

use std::path::{Path, PathBuf};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Zoned};
use tokio::sync::mpsc::Sender;
use vitals_engine::Control;
use vitals_judge::report::Report;
use vitals_model::config::{DailyReport, TimeOfDay};
use vitals_model::notice::DayReport;
use vitals_model::time::Timestamp;
use vitals_probe::clock;

use super::{Line, Lines};
use crate::cmd::past::{self, Kind};
use crate::render;
use crate::wiring::Ground;

/// What a report spans.
const DAY: Duration = Duration::from_secs(24 * 3600);

/// How often the clock is looked at: it may be set, and a machine may sleep.
const LOOK_EVERY: Duration = Duration::from_secs(30);

/// The thread that writes; it ends with [`Daily::end`].
pub(super) struct Daily {
    stop: mpsc::Sender<()>,
    thread: JoinHandle<()>,
}

/// A report, and what became of its page.
struct Due {
    report: DayReport,
    /// Whether it was not there before.
    is_new: bool,
}

impl Daily {
    /// Begins, unless reports are off.
    pub(super) fn start(ground: &Ground, lines: Lines, controls: Sender<Control>) -> Option<Self> {
        let settings = ground.settings.report.clone();
        let at = settings.at?;
        let ground = ground.clone();
        let (stop, stopped) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            let zone = TimeZone::system();
            let folder = settings.folder.clone().unwrap_or_else(|| ground.state_dir.join("reports"));
            // One that cannot be written, or has nothing to say, is tried once.
            let mut tried = None;
            loop {
                let now = clock::now();
                let due = last_due(now, at, &zone);
                let day = due.date();
                let is_wanted = !settings.to.is_empty() || !page_of(&folder, day).exists();
                if tried != Some(day) && is_wanted {
                    tried = Some(day);
                    hand_over(&ground, &settings, &folder, &due, &lines, &controls);
                }
                let next = time_to_next(now, at, &zone).min(LOOK_EVERY);
                if stopped.recv_timeout(next) != Err(RecvTimeoutError::Timeout) {
                    return;
                }
            }
        });
        Some(Self { stop, thread })
    }

    /// Ends, after the report that is being written.
    pub(super) fn end(self) {
        drop(self.stop);
        let _ = self.thread.join();
    }
}

/// Writes the report that was due, unless it is there, says so, removes old ones, and hands it to the watch.
fn hand_over(ground: &Ground, settings: &DailyReport, folder: &Path, due: &Zoned, lines: &Lines, controls: &Sender<Control>) {
    let Due { report, is_new } = match write(ground, folder, due) {
        Ok(Some(due)) => due,
        Ok(None) => return,
        Err(error) => return lines.put(Line::Note(format!("the report of {} was not written: {error:#}", due.date()))),
    };
    if is_new {
        remove_old(folder, due.date(), settings.keep);
        lines.put(Line::Note(format!("the report of {} is in {}", report.day, report.page.display())));
    }
    // A watch that ended meanwhile takes none; the next one is handed it again.
    let _ = controls.blocking_send(Control::Report(Box::new(report)));
}

/// Makes the report of the 24 hours before `due`, and writes it unless it is there; `None` when nothing was observed in them.
fn write(ground: &Ground, folder: &Path, due: &Zoned) -> anyhow::Result<Option<Due>> {
    let to = Timestamp::from_millis(due.timestamp().as_millisecond());
    let reports = past::reports_until(ground, to, DAY, Kind::Daily)?;
    if reports.is_empty() {
        return Ok(None);
    }
    let (page, text) = (page_of(folder, due.date()), render::report::markdown(&reports));
    let is_new = !page.exists();
    if is_new {
        std::fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        // The page last: it says that the report was written.
        put(&page.with_extension("md"), &text)?;
        put(&page, &render::page::report(&reports))?;
    }
    let report = DayReport::new(due.date().to_string(), &title(due.date(), &reports), &text, page);
    Ok(Some(Due { report, is_new }))
}

/// `2026-11-23: hub-7001 98/100 EXCELLENT`.
fn title(day: Date, reports: &[Report]) -> String {
    let scores: Vec<_> = reports.iter().map(|report| format!("{} {}", report.target, report.score)).collect();
    format!("{day}: {}", scores.join(", "))
}

/// Writes a file whole or not at all.
fn put(path: &Path, text: &str) -> anyhow::Result<()> {
    let next = path.with_extension("next");
    let written = std::fs::write(&next, text).and_then(|()| std::fs::rename(&next, path));
    written.with_context(|| format!("cannot write {}", path.display()))
}

fn page_of(folder: &Path, day: Date) -> PathBuf {
    folder.join(format!("report-{day}.html"))
}

/// Removes our reports from before `keep`; other files stay.
fn remove_old(folder: &Path, today: Date, keep: Duration) {
    let days = i64::try_from(keep.as_secs() / DAY.as_secs()).unwrap_or(i64::MAX);
    let kept_from = today.saturating_sub(SignedDuration::from_hours(days.saturating_mul(24)));
    for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
        let name = entry.file_name();
        let day = name.to_str().and_then(|name| {
            let stem = name.strip_suffix(".html").or_else(|| name.strip_suffix(".md"))?;
            stem.strip_prefix("report-")?.parse::<Date>().ok()
        });
        if day.is_some_and(|day| day < kept_from) {
            let _ = std::fs::remove_file(entry.path());
        }
    }
}

/// When it was last this time of day, at most a day ago. A time that a change of clocks leaves out is as much later as the
/// clocks went.
fn last_due(now: Timestamp, at: TimeOfDay, zone: &TimeZone) -> Zoned {
    let now = zoned(now, zone);
    let today = on(now.date(), at, zone);
    if today <= now { today } else { on(now.date().yesterday().unwrap_or(now.date()), at, zone) }
}

fn time_to_next(now: Timestamp, at: TimeOfDay, zone: &TimeZone) -> Duration {
    let now = zoned(now, zone);
    let today = on(now.date(), at, zone);
    let next = if today > now { today } else { on(now.date().tomorrow().unwrap_or(now.date()), at, zone) };
    Duration::try_from(now.duration_until(&next)).unwrap_or_default()
}

fn zoned(at: Timestamp, zone: &TimeZone) -> Zoned {
    jiff::Timestamp::from_millisecond(at.as_millis()).unwrap_or_default().to_zoned(zone.clone())
}

fn on(day: Date, at: TimeOfDay, zone: &TimeZone) -> Zoned {
    // Both are within the bounds of a day.
    let time = Time::constant(i8::try_from(at.hour()).unwrap_or(0), i8::try_from(at.minute()).unwrap_or(0), 0, 0);
    day.to_datetime(time).to_zoned(zone.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Central European time, of which the clocks go forward at 2026-03-29 02:00 and back at 2026-10-25 03:00.
    fn cet() -> TimeZone {
        TimeZone::posix("CET-1CEST,M3.5.0,M10.5.0/3").unwrap()
    }

    #[track_caller]
    fn check(now: &str, at: &str, last: &str, next_in_minutes: u64) {
        let (now, at) = (Timestamp::parse(now).unwrap(), TimeOfDay::parse(at).unwrap());
        let due = last_due(now, at, &cet());
        assert_eq!((due.timestamp().to_string().as_str(), time_to_next(now, at, &cet()).as_secs() / 60), (last, next_in_minutes));
    }

    #[test]
    fn a_report_is_due_by_the_clock_on_the_wall_also_when_clocks_change() {
        check("2026-11-23T06:59:00Z", "08:00", "2026-11-22T07:00:00Z", 1);
        check("2026-11-23T07:00:00Z", "08:00", "2026-11-23T07:00:00Z", 24 * 60);
        // A day of 23 hours, and one of 25.
        check("2026-03-28T07:00:00Z", "08:00", "2026-03-28T07:00:00Z", 23 * 60);
        check("2026-10-24T06:00:00Z", "08:00", "2026-10-24T06:00:00Z", 25 * 60);
        // 02:30 is not there that night; it is due when the clock says 03:30.
        check("2026-03-29T01:29:00Z", "02:30", "2026-03-28T01:30:00Z", 1);
        check("2026-03-29T01:30:00Z", "02:30", "2026-03-29T01:30:00Z", 23 * 60);
    }

    #[test]
    fn old_reports_go_and_nothing_else_does() {
        let dir = tempfile::tempdir().unwrap();
        let names = ["report-2026-11-01.html", "report-2026-11-01.md", "report-2026-11-16.html", "notes.html", "report-x.md"];
        for name in names {
            std::fs::write(dir.path().join(name), "").unwrap();
        }
        remove_old(dir.path(), jiff::civil::date(2026, 11, 23), 7 * DAY);
        let there = names.map(|name| dir.path().join(name).exists());
        assert_eq!(there, [false, false, true, true, true]);
    }
}

//! Ranges of time, and the strips of bars that show how something went over one. What was read of the history is kept
//! for as long as nobody could see a difference.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use maud::{Markup, html};
use vitals_model::check::CheckId;
use vitals_model::history::{Cut, HealthTimes, Span, Summary};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

use crate::limits::STRIPS_MAX;
use crate::serve::App;
use crate::source::Trouble;

/// The ranges that can be chosen.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum Range {
    Hour,
    Hours,
    Day,
    Week,
    Month,
    Season,
}

impl Range {
    pub(super) const ALL: [Self; 6] = [Self::Hour, Self::Hours, Self::Day, Self::Week, Self::Month, Self::Season];

    /// The ranges of the strips of a server.
    pub(super) const STRIPS: [Self; 3] = [Self::Hour, Self::Day, Self::Season];

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Hour => "1h",
            Self::Hours => "6h",
            Self::Day => "1d",
            Self::Week => "7d",
            Self::Month => "30d",
            Self::Season => "90d",
        }
    }

    /// For people.
    pub(super) const fn title(self) -> &'static str {
        match self {
            Self::Hour => "1 hour",
            Self::Hours => "6 hours",
            Self::Day => "1 day",
            Self::Week => "7 days",
            Self::Month => "30 days",
            Self::Season => "90 days",
        }
    }

    pub(super) const fn length(self) -> Duration {
        const HOUR: u64 = 3600;
        Duration::from_secs(match self {
            Self::Hour => HOUR,
            Self::Hours => 6 * HOUR,
            Self::Day => 24 * HOUR,
            Self::Week => 7 * 24 * HOUR,
            Self::Month => 30 * 24 * HOUR,
            Self::Season => 90 * 24 * HOUR,
        })
    }

    /// What was asked for; a word that is none is a day.
    pub(super) fn parse(word: Option<&str>) -> Self {
        Self::ALL.into_iter().find(|range| Some(range.as_str()) == word).unwrap_or(Self::Day)
    }

    pub(super) fn cut(self, now: Timestamp) -> Cut {
        Cut::of(Span { from: now.minus(self.length()), to: now })
    }
}

/// How long a strip is kept: a quarter of a bar, and five minutes at most.
fn fresh_for(step: Duration) -> Duration {
    (step / 4).min(Duration::from_secs(300))
}

/// How a check went over a range, slice by slice.
pub(super) type Strip = Arc<Vec<Summary>>;
type Key = (TargetId, CheckId, Range);

/// The strips that were read lately.
#[derive(Default)]
pub(crate) struct Strips(Mutex<HashMap<Key, (Timestamp, Strip)>>);

impl Strips {
    fn fresh(&self, key: &Key, now: Timestamp, step: Duration) -> Option<Strip> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (at, strip) = kept.get(key)?;
        (now.since(*at) <= fresh_for(step)).then(|| Arc::clone(strip))
    }

    fn keep(&self, key: Key, now: Timestamp, strip: Strip) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.len() >= STRIPS_MAX {
            kept.clear();
        }
        kept.insert(key, (now, strip));
    }
}

/// The strips of checks, in their order; none where no history is kept.
pub(super) async fn strips(app: &App, wanted: Vec<(TargetId, CheckId)>, range: Range) -> Vec<Option<Strip>> {
    let now = app.source.now();
    let cut = range.cut(now);
    let mut found: HashMap<Key, Strip> = HashMap::new();
    let mut missing: HashMap<TargetId, Vec<CheckId>> = HashMap::new();
    let keys: Vec<Key> = wanted.into_iter().map(|(target, check)| (target, check, range)).collect();
    for key in &keys {
        match app.strips.fresh(key, now, cut.step) {
            Some(strip) => drop(found.insert(key.clone(), strip)),
            None => missing.entry(key.0.clone()).or_default().push(key.1.clone()),
        }
    }
    if !missing.is_empty() {
        let read = app.ask(move |source| {
            let mut all = Vec::new();
            for (target, checks) in missing {
                let courses = source.course(&target, &checks, &cut)?;
                all.extend(
                    checks.into_iter().zip(courses).map(|(check, course)| ((target.clone(), check, range), Arc::new(course))),
                );
            }
            Ok::<_, Trouble>(all)
        });
        for (key, strip) in read.await.unwrap_or_default() {
            app.strips.keep(key.clone(), now, Arc::clone(&strip));
            found.insert(key, strip);
        }
    }
    keys.iter().map(|key| found.get(key).cloned()).collect()
}

/// The time in each health over all of a strip.
fn whole(strip: &[Summary]) -> HealthTimes {
    strip.iter().fold(HealthTimes::default(), |mut sum, slice| {
        sum.healthy += slice.healths.healthy;
        sum.unknown += slice.healths.unknown;
        sum.degraded += slice.healths.degraded;
        sum.failing += slice.healths.failing;
        sum
    })
}

/// `99.98 %`, or a dash where nothing is known.
pub(super) fn uptime(strip: Option<&Strip>) -> String {
    let share = strip.and_then(|strip| whole(strip).uptime());
    share.map_or_else(
        || "–".to_owned(),
        |share| if share >= 1.0 { "100 %".to_owned() } else { format!("{:.2} %", (share * 1e4).floor() / 100.0) },
    )
}

/// The class of a slice; `None` where nobody looked.
fn tone(times: &HealthTimes) -> Option<&'static str> {
    /// What is shorter than this share of a slice's known time does not decide its colour alone.
    const SHARE: f64 = 0.05;
    let known = (times.healthy + times.degraded + times.failing).as_secs_f64();
    let (failing, degraded) = (times.failing.as_secs_f64(), times.degraded.as_secs_f64());
    match () {
        () if times.observed().is_zero() => None,
        () if known == 0.0 => Some("unknown"),
        () if failing > known * SHARE => Some("bad"),
        () if failing > 0.0 || degraded > known * SHARE => Some("warn"),
        () => Some("good"),
    }
}

/// A strip of bars. Bad ones are also taller, so that colour is not the only sign.
pub(super) fn draw(strip: Option<&Strip>, range: Range) -> Markup {
    const TONES: [(&str, u32); 4] = [("good", 6), ("unknown", 4), ("warn", 0), ("bad", 0)];
    let slices = strip.map_or(&[][..], |strip| strip.as_slice());
    let count = |class| slices.iter().filter(|slice| tone(&slice.healths) == Some(class)).count();
    let says = format!(
        "{} up over {}; of {} parts, {} failed and {} were degraded",
        uptime(strip),
        range.title(),
        slices.len(),
        count("bad"),
        count("warn")
    );
    let path = |class: &str, top: u32| {
        let mut path = String::new();
        for n in (0..slices.len()).filter(|n| tone(&slices[*n].healths) == Some(class)) {
            let _ = write!(path, "M{} {top}h3v{}h-3z", n * 4, 20 - top);
        }
        path
    };
    html! {
        @if slices.is_empty() { span.dim { "no history" } } @else {
            svg.strip viewBox={ "0 0 " (slices.len() * 4 - 1) " 20" } preserveAspectRatio="none" role="img" aria-label=(says) {
                path.track d={ "M0 18H" (slices.len() * 4) } {}
                @for (class, top) in TONES {
                    @let bars = path(class, top);
                    @if !bars.is_empty() { path.bar.(class) d=(bars) {} }
                }
            }
        }
    }
}

/// The links to choose a range with; the one in force is marked.
pub(super) fn choice(now: Range, link: impl Fn(Range) -> String) -> Markup {
    html! {
        nav.ranges aria-label="Range of time" {
            @for range in Range::ALL { a href=(link(range)) aria-current=[(range == now).then_some("true")] { (range.title()) } }
        }
    }
}

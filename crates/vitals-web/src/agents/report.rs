//! `latest_report`: what the last day came to.

use serde::Serialize;
use serde_json::{Value, json};
use vitals_model::text::{count, plural};

use super::answer::{Answer, TARGETS_MAX, data, quoted};
use super::surface::HEALTHS;
use crate::source::{Daily, DailyTarget};

/// Most lines of one kind (unmet criteria, advice) of one target; the first are the most urgent.
const LINES_MAX: usize = 8;

/// Longest report as markdown, in bytes; the rest is cut, which is said.
const MARKDOWN_BYTES_MAX: usize = 48 << 10;

#[derive(Serialize)]
struct Report {
    from: String,
    to: String,
    targets: Vec<Target>,
    more_targets: usize,
}

#[derive(Serialize)]
struct Target {
    id: String,
    health: &'static str,
    score: Option<u32>,
    grade: &'static str,
    observed_percent: f64,
    incidents: usize,
    unmet: Vec<String>,
    advice: Vec<String>,
}

pub(super) fn schema() -> Value {
    let text = json!({"type": "string"});
    let lines = json!({"type": "array", "items": text});
    let target = json!({
        "type": "object",
        "properties": {
            "id": text, "health": {"enum": HEALTHS}, "score": {"type": ["integer", "null"]}, "grade": text,
            "observed_percent": {"type": "number"}, "incidents": {"type": "integer"}, "unmet": lines, "advice": lines,
        },
        "required": ["id", "health", "incidents", "unmet", "advice"],
    });
    json!({
        "type": "object",
        "properties": {
            "from": text, "to": text, "targets": {"type": "array", "items": target}, "more_targets": {"type": "integer"},
        },
        "required": ["from", "to", "targets", "more_targets"],
    })
}

pub(super) fn answer(daily: &Daily, target: Option<&str>) -> Result<Answer, String> {
    let found: Vec<_> = daily.targets.iter().filter(|of| target.is_none_or(|id| of.id.as_str() == id)).collect();
    if let (true, Some(id)) = (found.is_empty(), target) {
        return Err(format!("the history of the last day knows no target {}", quoted(id)));
    }
    let more_targets = found.len().saturating_sub(TARGETS_MAX);
    let targets: Vec<_> = found.into_iter().take(TARGETS_MAX).map(view).collect();
    let (from, to) = (daily.span.from.to_string(), daily.span.to.to_string());
    let mut lines = vec![format!("From {from} to {to}.")];
    for target in &targets {
        let score = target.score.map_or_else(|| target.grade.to_owned(), |points| format!("{points}/100 {}", target.grade));
        let (seen, incidents) = (target.observed_percent, count(target.incidents as u64, "incident"));
        lines.push(format!(
            "{} is {}, score {score}, {incidents}, observed {seen} % of the time.",
            quoted(&target.id),
            target.health
        ));
        lines.extend(target.unmet.iter().map(|line| format!("- not met: {}", quoted(line))));
        lines.extend(target.advice.iter().map(|line| format!("- to do: {}", quoted(line))));
    }
    if more_targets > 0 {
        lines.push(format!(
            "{} left out; ask for one by name.",
            plural(more_targets as u64, "more target is", "more targets are")
        ));
    }
    Answer::new(lines, &Report { from, to, targets, more_targets })
}

fn view(of: &DailyTarget) -> Target {
    let lines = |all: &[String]| all.iter().take(LINES_MAX).map(|line| data(line)).collect();
    Target {
        id: data(of.id.as_str()),
        health: of.health.as_str(),
        score: of.score.points,
        grade: of.score.grade().as_str(),
        observed_percent: (of.observed * 1000.0).round() / 10.0,
        incidents: of.incidents,
        unmet: lines(&of.unmet),
        advice: lines(&of.recommendations),
    }
}

/// The whole report, cut where it is too long.
pub(super) fn markdown(daily: &Daily) -> String {
    let text = &daily.markdown;
    if text.len() <= MARKDOWN_BYTES_MAX {
        return text.clone();
    }
    let whole = (0..=MARKDOWN_BYTES_MAX).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let end = text[..whole].rfind('\n').unwrap_or(whole);
    format!("{}\n\n(cut here: {} of {} bytes; `mcp-vitals report` has all of it)\n", &text[..end], end, text.len())
}

//! The look that the report and the page have in common: one style, one way to write a time, one set of tones.

use maud::{Markup, html};
use vitals_model::reading::Health;
use vitals_model::score::{Grade, Score};
use vitals_model::time::Timestamp;

/// The style of both.
pub const STYLE: &str = include_str!("style.css");

/// A point in time as people read it: `Nov 22 14:05`.
pub fn at(time: Timestamp) -> String {
    jiff::Timestamp::from_millisecond(time.as_millis())
        .map_or_else(|_| time.to_string(), |t| t.strftime("%b %d %H:%M").to_string())
}

/// The class of what is as good or as bad as this health.
pub const fn of_health(health: Health) -> &'static str {
    match health {
        Health::Healthy => "good",
        Health::Unknown => "unknown",
        Health::Degraded => "warn",
        Health::Failing => "bad",
    }
}

const fn of_grade(grade: Grade) -> &'static str {
    match grade {
        Grade::Excellent | Grade::Good => "good",
        Grade::Fair => "warn",
        Grade::Poor => "bad",
        Grade::Unknown => "unknown",
    }
}

/// The length of the ring: 2π × its radius of 52.
const RING: f64 = 326.73;

/// A score as a ring, with what was taken off and with parts of which nothing is known.
pub fn score(score: &Score, unknown: &[String]) -> Markup {
    let Score { points, deductions } = score;
    let grade = score.grade();
    let full = RING * f64::from(points.unwrap_or(0)) / 100.0;
    let says = points.map_or_else(|| "–".to_owned(), |points| points.to_string());
    html! {
        div.card.score {
            svg.ring.(of_grade(grade)) viewBox="0 0 120 120" role="img" aria-label={ "Score " (score) } {
                circle.track cx="60" cy="60" r="52" {}
                @if points.is_some_and(|points| points > 0) {
                    circle.value cx="60" cy="60" r="52" stroke-dasharray={ (format!("{full:.1}")) " " (RING) } transform="rotate(-90 60 60)" {}
                }
                text x="60" y="66" text-anchor="middle" { (says) }
                text.grade x="60" y="83" text-anchor="middle" { (grade.as_str()) }
            }
            div {
                h2 { "Score" }
                @if deductions.is_empty() { p.dim { @if points.is_some() { "Nothing was taken off." } @else { "Too little was measured." } } }
                ul.deductions {
                    @for deduction in deductions.iter().take(DEDUCTIONS_SHOWN) {
                        li { b { "−" (deduction.points) } span { (deduction.reason) } }
                    }
                    @if deductions.len() > DEDUCTIONS_SHOWN { li { b {} span.dim { "and " (deductions.len() - DEDUCTIONS_SHOWN) " more" } } }
                    @for part in unknown { li { b { "?" } span { "nothing is known of " (part) } } }
                }
            }
        }
    }
}

/// Deductions beside the ring; all of them are in the other formats.
const DEDUCTIONS_SHOWN: usize = 6;

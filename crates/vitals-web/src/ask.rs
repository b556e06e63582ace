//! What API and page have in common: finding what a request names, and asking something of the watch.

use std::sync::Arc;
use std::time::Duration;

use axum::http::StatusCode;
use serde::Deserialize;
use vitals_model::history::Span;
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::quiet::{Order, Pattern, Remark, Silence};
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::TargetId;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::limits::{SHOWN_TIME_MAX, SILENCE_MAX, SPAN_MAX};
use crate::problem::Problem;
use crate::serve::App;

/// Longest name of who says something, in characters.
const AUTHOR_CHARS_MAX: usize = 64;

/// A target of a snapshot by its id.
pub(crate) fn target<'a>(snapshot: &'a Snapshot, id: &str) -> Result<&'a Arc<TargetState>, Problem> {
    let found = snapshot.targets.iter().find(|state| state.target.id.as_str() == id);
    found.ok_or_else(|| Problem::not_found(format!("no target is called {}", Text::cut(id, AUTHOR_CHARS_MAX))))
}

/// The id of a target that is watched.
pub(crate) fn target_id(app: &App, id: &str) -> Result<TargetId, Problem> {
    target(&app.feed.latest(), id).map(|state| state.target.id.clone())
}

/// The number in `I12` or `12`, or in `S3` or `3`.
pub(crate) fn number(letter: char, text: &str) -> Result<u64, Problem> {
    let digits = text.strip_prefix([letter, letter.to_ascii_lowercase()]).unwrap_or(text);
    digits.parse().map_err(|_| Problem::not_found(format!("expected {letter} and a number")))
}

/// An incident by its number: of the snapshot, else of the history.
pub(crate) async fn incident(app: &App, id: u64) -> Result<Incident, Problem> {
    let snapshot = app.feed.latest();
    let of_targets = snapshot.targets.iter().flat_map(|state| state.open.iter().chain(&state.recent));
    if let Some(found) = of_targets.chain(&snapshot.own.open).find(|incident| incident.id == id) {
        return Ok(found.clone());
    }
    let none = || Problem::not_found(format!("there is no incident I{id}"));
    app.ask(move |source| source.incident(id)).await?.ok_or_else(none)
}

/// A duration such as `90m`, `24h`, `30d`; days have 24 hours.
pub(crate) fn duration(text: &str, max: Duration) -> Result<Duration, Problem> {
    let span = text.parse::<jiff::Span>().ok().and_then(|span| span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).ok());
    let duration = span.and_then(|duration| Duration::try_from(duration).ok()).filter(|d| !d.is_zero() && *d <= max);
    duration.ok_or_else(|| Problem::bad(format!("expected a duration such as 90m or 24h, of at most {} h", max.as_secs() / 3600)))
}

/// The span that ends now; a text that is not there is `usual`.
pub(crate) fn span(app: &App, since: Option<&str>, usual: Duration) -> Result<Span, Problem> {
    let to = app.source.now();
    Ok(Span { from: to.minus(since.map_or(Ok(usual), |text| duration(text, SPAN_MAX))?), to })
}

/// What somebody says.
#[derive(Deserialize, Debug)]
pub(crate) struct Said {
    pub author: String,
    #[serde(default)]
    pub text: String,
}

/// A silence that is asked for.
#[derive(Deserialize, Debug)]
pub(crate) struct Hush {
    /// Pattern of targets.
    #[serde(default = "anything")]
    pub target: String,
    /// Pattern of checks.
    pub check: String,
    /// How long.
    #[serde(rename = "for")]
    pub lasts: String,
    pub author: String,
    /// Why.
    pub text: String,
}

fn anything() -> String {
    "*".to_owned()
}

fn remark(at: Timestamp, author: &str, text: &str) -> Result<Remark, Problem> {
    let author = author.trim();
    if author.is_empty() {
        return Err(Problem::bad("say who you are: author is empty"));
    }
    Ok(Remark { at, author: Text::cut(author, AUTHOR_CHARS_MAX), text: Text::new(text.trim()) })
}

/// Takes up an incident.
pub(crate) async fn acknowledge(app: &App, id: u64, said: &Said) -> Result<Incident, Problem> {
    if incident(app, id).await?.state == IncidentState::Resolved {
        return Err(Problem::new(StatusCode::CONFLICT, format!("I{id} is over: a note can still be written")));
    }
    let order = Order::Acknowledge(id, remark(app.source.now(), &said.author, &said.text)?);
    tell(app, order).await?;
    incident(app, id).await
}

/// Writes a note.
pub(crate) async fn note(app: &App, id: u64, said: &Said) -> Result<Incident, Problem> {
    if said.text.trim().is_empty() {
        return Err(Problem::bad("a note says something: text is empty"));
    }
    incident(app, id).await?;
    tell(app, Order::Note(id, remark(app.source.now(), &said.author, &said.text)?)).await?;
    incident(app, id).await
}

/// Silences checks.
pub(crate) async fn silence(app: &App, hush: &Hush) -> Result<(), Problem> {
    let (target, check) = (hush.target.trim(), hush.check.trim());
    if target.is_empty() || check.is_empty() {
        return Err(Problem::bad("an empty pattern matches nothing; `*` matches everything"));
    }
    if hush.text.trim().is_empty() {
        return Err(Problem::bad("say why: text is empty"));
    }
    let now = app.source.now();
    let until = now.plus(duration(&hush.lasts, SILENCE_MAX)?);
    let pattern = |text| Pattern::new(Text::new(text).as_str());
    let remark = remark(now, &hush.author, &hush.text)?;
    tell(app, Order::Silence(Silence { id: 0, target: pattern(target), check: pattern(check), until, remark })).await
}

/// Ends a silence.
pub(crate) async fn unsilence(app: &App, id: u64, author: &str) -> Result<(), Problem> {
    if !app.feed.latest().own.silences.iter().any(|silence| silence.id == id) {
        return Err(Problem::not_found(format!("there is no silence S{id} that holds")));
    }
    tell(app, Order::Unsilence(id, remark(app.source.now(), author, "")?)).await
}

/// Asks something of the watch, and waits a moment for a snapshot that shows it. One that is only later than the order
/// may have been made before it was heard.
async fn tell(app: &App, order: Order) -> Result<(), Problem> {
    let told = order.clone();
    app.ask(move |source| source.order(order)).await?;
    drop(tokio::time::timeout(SHOWN_TIME_MAX, app.feed.shows(|snapshot| is_shown(snapshot, &told))).await);
    Ok(())
}

fn is_shown(snapshot: &Snapshot, order: &Order) -> bool {
    let of_targets = snapshot.targets.iter().flat_map(|state| state.open.iter().chain(&state.recent));
    let incident = |id: u64| of_targets.chain(&snapshot.own.open).find(|incident| incident.id == id);
    let silences = &snapshot.own.silences;
    match order {
        Order::Acknowledge(id, remark) => incident(*id).is_some_and(|it| it.handling.acknowledged.as_ref() == Some(remark)),
        // One of long ago is not in the snapshot.
        Order::Note(id, remark) => incident(*id).is_none_or(|it| it.handling.notes.contains(remark)),
        Order::Silence(silence) => silences.iter().any(|known| known.remark == silence.remark),
        Order::Unsilence(id, _) => silences.iter().all(|known| known.id != *id),
        // It is not asked for here, and may be refused for a reason that the watch says.
        Order::Repair(..) => true,
    }
}

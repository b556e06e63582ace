//! Many clients at once: latency percentiles and errors.

use std::time::Duration;

use futures_util::StreamExt as _;
use vitals_model::scenario::Figure;
use vitals_model::time::human;
use vitals_probe::clock::Stopwatch;
use vitals_probe::mcp::Listen;

use super::load::{self, Client, Tally};
use super::sessions::counted;
use super::stage::{Result, Stage, failed, seen};

/// Sessions that are being opened at the same time. A crowd that comes at once is not what is measured.
const OPENING_MAX: usize = 10;

/// How often each client lists and calls.
const ROUNDS: usize = 5;

/// Longest load; what is not done by then is an error.
const LOAD_MAX: Duration = Duration::from_secs(120);

/// 95 of 100 requests are answered within this: what the original protocol asked of the API.
const P95_MAX: Duration = Duration::from_secs(2);

/// `clients-5`, `clients-10`, `clients-100`.
pub(super) async fn at_once(stage: &Stage<'_>, n: usize) {
    let before = stage.ground.clients().await.ok().flatten();
    let log_before = stage.ground.log_bytes();
    let Some(clients) = stage.step(open(stage, n)).await else { return };
    stage.step(load(stage, &clients)).await;
    drop(clients);
    stage.step(close(stage, before, log_before)).await;
}

async fn open(stage: &Stage<'_>, n: usize) -> Result<Vec<Client>> {
    let timeouts = stage.ground.timeouts();
    let one = |_| async {
        let began = Stopwatch::start();
        let session = stage.open(Listen::Unasked).await;
        (began.elapsed(), session)
    };
    let mut tally = Tally::default();
    let mut clients = Vec::with_capacity(n);
    let mut opening = futures_util::stream::iter(0..n).map(one).buffer_unordered(OPENING_MAX);
    while let Some((took, opened)) = opening.next().await {
        let client = match opened {
            Ok(session) => Client::of(session, timeouts).await,
            Err(failure) => Err(failure),
        };
        tally.open.add(took, client.as_ref().map(|_| ()).map_err(Clone::clone));
        clients.extend(client.ok());
    }
    let figures = tally.figures();
    if tally.errors() > 0 {
        return failed(format!("{} of {n} were opened; {}", clients.len(), tally.summary()), figures);
    }
    let transport = clients.first().map_or("no transport", |c| c.session.opened().transport.as_str());
    seen(clients, format!("{n} sessions by {transport}"), figures)
}

async fn load(stage: &Stage<'_>, clients: &[Client]) -> Result {
    let timeouts = stage.ground.timeouts();
    let began = Stopwatch::start();
    let work = clients.iter().map(|client| async move {
        let mut tally = Tally::default();
        for _ in 0..ROUNDS {
            client.round(timeouts, &mut tally).await;
        }
        tally
    });
    let Ok(tallies) = tokio::time::timeout(LOAD_MAX, futures_util::future::join_all(work)).await else {
        return failed(format!("not done within {}", human(LOAD_MAX)), Vec::new());
    };
    let mut sum = Tally::default();
    for tally in tallies {
        sum.merge(tally);
    }
    let mut figures = sum.figures();
    let rate = sum.requests() as f64 / began.elapsed().as_secs_f64();
    figures.push(Figure::new("requests per second", rate, vitals_model::check::Unit::Count));
    let slowest = sum.slowest(95).map_or_else(|| "none was answered".to_owned(), |p95| format!("p95 {}", human(p95)));
    let called = clients.first().map(Client::calls).unwrap_or_default();
    let text = format!("{}; {slowest}; called {called}", sum.summary());
    if sum.is_good() && sum.slowest(95).is_some_and(|p95| p95 <= P95_MAX) {
        seen((), text, figures)
    } else {
        failed(text, figures)
    }
}

/// Closes what is open, and says what that cost the hub.
pub(super) async fn close(stage: &Stage<'_>, before: Option<u64>, log_before: Option<u64>) -> Result {
    let closing = stage.close_all().await;
    let mut figures = load::closing_figures(&closing);
    if let Some((before, after)) = log_before.zip(stage.ground.log_bytes()) {
        figures.push(Figure::bytes("log grew by", after.saturating_sub(before)));
    }
    if let Some(trouble) = closing.troubles.first() {
        return failed(trouble.clone(), figures);
    }
    let Some(before) = before else { return seen((), "the hub answers; it does not count its clients", figures) };
    let (now, took) = counted(stage, |n| n <= before).await?;
    figures.push(Figure::time("counted again after", took));
    match now {
        Some(n) if n > before => failed(format!("{n} clients are still counted, {before} before"), figures),
        _ => seen((), format!("the hub answers, and counts {before} again"), figures),
    }
}

//! How much the log grows by each request, and what that comes to in a day.

use std::time::Duration;

use vitals_model::check::Unit;
use vitals_model::scenario::Figure;
use vitals_model::text::bytes;
use vitals_probe::clock::Stopwatch;
use vitals_probe::mcp::Listen;

use super::load::{self, Tally};
use super::sessions::open;
use super::stage::{Result, Stage, failed, seen, skipped};

/// Rounds of one list and one call.
const ROUNDS: usize = 100;

const DAY_S: f64 = 86_400.0;

/// Sessions a day at one a minute.
const SESSIONS_A_DAY: f64 = 1440.0;

/// More than this in a day is too much: the limit of the original protocol.
const BYTES_A_DAY_MAX: f64 = 100e6;

/// How long a log is given to be written after the last request: twice the second for which a hub may gather lines.
const WRITTEN_AFTER: Duration = Duration::from_secs(2);

/// `log-growth`.
pub(super) async fn growth(stage: &Stage<'_>) {
    let found = stage.step(async {
        match (stage.ground.log_file(), stage.ground.log_bytes()) {
            (Some(path), Some(size)) => seen((), format!("{}, {}", path.display(), bytes(size)), Vec::new()),
            (Some(path), None) => failed(format!("{} cannot be looked at", path.display()), Vec::new()),
            (None, _) => skipped("the hub's log is not known here: name it as `log_file` in the configuration"),
        }
    });
    if found.await.is_none() {
        return;
    }
    let Ok(mut clients) = open(stage, 1, Listen::Unasked).await else {
        return stage.leave_out("no session could be opened");
    };
    let Some(client) = clients.pop() else { return };
    stage.step(by_requests(stage, &client)).await;
    stage
        .step(async move {
            let before = stage.ground.log_bytes();
            let closing = stage.close(client.session).await;
            let grown = grown_since(stage, before).await;
            let a_day = grown as f64 * SESSIONS_A_DAY;
            let mut figures = vec![
                Figure::bytes("log per closed session", grown),
                Figure::new("per day at one session a minute", a_day, Unit::Bytes),
            ];
            figures.extend(load::closing_figures(&closing));
            verdict(&format!("{} by closing one session", bytes(grown)), a_day, figures)
        })
        .await;
}

async fn by_requests(stage: &Stage<'_>, client: &load::Client) -> Result {
    let before = stage.ground.log_bytes();
    let began = Stopwatch::start();
    let mut tally = Tally::default();
    for _ in 0..ROUNDS {
        client.round(stage.ground.timeouts(), &mut tally).await;
    }
    let took = began.elapsed().as_secs_f64();
    let grown = grown_since(stage, before).await;
    let each = grown as f64 / tally.requests() as f64;
    let rate = tally.requests() as f64 / took;
    let figures = vec![
        Figure::count("requests", tally.requests()),
        Figure::count("errors", tally.errors()),
        Figure::bytes("log grew by", grown),
        Figure::new("log per request", each, Unit::Bytes),
        Figure::new("requests per second", rate, Unit::Count),
        Figure::new("per day at this rate", each * rate * DAY_S, Unit::Bytes),
        Figure::new("per day at one request a second", each * DAY_S, Unit::Bytes),
    ];
    let text = format!("{each:.1} bytes of log per request; {}; called {}", tally.summary(), client.calls());
    if !tally.is_good() {
        return failed(text, figures);
    }
    verdict(&text, each * DAY_S, figures)
}

fn verdict(text: &str, a_day: f64, figures: Vec<Figure>) -> Result {
    let text = format!("{text}: {} a day", Unit::Bytes.show(a_day));
    if a_day < BYTES_A_DAY_MAX { seen((), text, figures) } else { failed(text, figures) }
}

/// How much the log has grown; a log that was rotated or truncated meanwhile counts from its beginning.
pub(super) async fn grown_since(stage: &Stage<'_>, before: Option<u64>) -> u64 {
    tokio::time::sleep(WRITTEN_AFTER).await;
    let (before, after) = (before.unwrap_or(0), stage.ground.log_bytes().unwrap_or(0));
    if after >= before { after - before } else { after }
}

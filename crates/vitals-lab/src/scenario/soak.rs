//! A steady load for a while, and the hub's resources beside it.

use std::time::Duration;

use vitals_model::check::Unit;
use vitals_model::observation::ProcessFacts;
use vitals_model::scenario::Figure;
use vitals_model::text::bytes;
use vitals_model::time::human;
use vitals_probe::clock::Stopwatch;
use vitals_probe::mcp::Listen;

use super::SOAK_MAX;
use super::clients::close;
use super::load::{Client, Tally};
use super::sessions::open;
use super::stage::{Result, Stage, failed, seen, skipped};

/// Clients of the load.
const CLIENTS: usize = 3;

/// Pause between two rounds.
const ROUND_EVERY: Duration = Duration::from_secs(1);

/// Most looks at the hub's process that are kept; of a longer soak every second, third, … one is.
const LOOKS_MAX: usize = 4096;

/// Looks without which nothing can be said of a trend.
const LOOKS_MIN: usize = 8;

/// Growth of memory that is still flat: the larger of the two.
const MEMORY_PERCENT_MAX: u64 = 10;
const MEMORY_BYTES_MAX: u64 = 16_000_000;

/// Growth of open files that is still flat.
const FILES_MAX: u64 = 5;

/// One look at the hub's process.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Look {
    pub(super) memory: u64,
    pub(super) files: Option<u64>,
}

impl From<ProcessFacts> for Look {
    fn from(facts: ProcessFacts) -> Self {
        Self { memory: facts.rss_bytes, files: facts.fds }
    }
}

/// `soak`.
pub(super) async fn steady(stage: &Stage<'_>) {
    let before = stage.ground.clients().await.ok().flatten();
    let log_before = stage.ground.log_bytes();
    let opened = stage.step(async {
        let clients = open(stage, CLIENTS, Listen::Unasked).await?;
        let text = format!("{CLIENTS} sessions; calling {}", clients[0].calls());
        seen(clients, text, Vec::new())
    });
    let Some(clients) = opened.await else { return };
    let mut looks = Vec::new();
    stage.step(load(stage, &clients, &mut looks)).await;
    drop(clients);
    stage.step(async { compare(&looks, stage.order().soak.min(SOAK_MAX)) }).await;
    stage.step(close(stage, before, log_before)).await;
}

async fn load(stage: &Stage<'_>, clients: &[Client], looks: &mut Vec<Look>) -> Result {
    let timeouts = stage.ground.timeouts();
    let (began, lasts) = (Stopwatch::start(), stage.order().soak.min(SOAK_MAX));
    let mut sum = Tally::default();
    let (mut rounds, mut every) = (0_usize, 1);
    let mut beat = tokio::time::interval(ROUND_EVERY);
    // A round that took longer than a second is followed by a whole pause, not by a burst.
    beat.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    while began.elapsed() < lasts {
        beat.tick().await;
        let work = clients.iter().map(|client| async move {
            let mut tally = Tally::default();
            client.round(timeouts, &mut tally).await;
            tally
        });
        for tally in futures_util::future::join_all(work).await {
            sum.merge(tally);
        }
        if rounds.is_multiple_of(every) {
            looks.extend(stage.ground.process().await.map(Look::from));
        }
        if looks.len() >= LOOKS_MAX {
            let mut n = 0;
            looks.retain(|_| {
                n += 1;
                n % 2 == 1
            });
            every *= 2;
        }
        rounds += 1;
    }
    let text = format!("{} in {}", sum.summary(), human(began.elapsed()));
    if sum.is_good() { seen((), text, sum.figures()) } else { failed(text, sum.figures()) }
}

/// Compares the second quarter with the last: the first is for warming up.
pub(super) fn compare(looks: &[Look], lasted: Duration) -> Result {
    if looks.is_empty() {
        return skipped("the hub's process is not one of this machine, or cannot be seen");
    }
    if looks.len() < LOOKS_MIN {
        return skipped(format!("{} looks are too few to tell a trend, {LOOKS_MIN} are needed: see --for", looks.len()));
    }
    let quarter = looks.len() / 4;
    let (early, late) = (&looks[quarter..quarter * 2], &looks[looks.len() - quarter..]);
    let memory = |part: &[Look]| median(part.iter().map(|look| look.memory).collect());
    let files = |part: &[Look]| median(part.iter().filter_map(|look| look.files).collect());
    let (memory_early, memory_late) = (memory(early), memory(late));
    let (files_early, files_late) = (files(early), files(late));
    // Between the middles of the two parts lies a little more than half of the time.
    let hours = lasted.as_secs_f64() * 0.625 / 3600.0;
    let grown = memory_late as f64 - memory_early as f64;
    let figures = vec![
        Figure::bytes("memory early", memory_early),
        Figure::bytes("memory late", memory_late),
        Figure::new("memory growth", (grown / hours).max(0.0), Unit::BytesPerHour),
        Figure::count("files early", files_early),
        Figure::count("files late", files_late),
    ];
    let most = memory_early + (memory_early / 100 * MEMORY_PERCENT_MAX).max(MEMORY_BYTES_MAX);
    let text = format!("memory {} to {}, files {files_early} to {files_late}", bytes(memory_early), bytes(memory_late));
    if memory_late > most || files_late > files_early + FILES_MAX { failed(text, figures) } else { seen((), text, figures) }
}

/// The middle value; 0 of none.
fn median(mut values: Vec<u64>) -> u64 {
    values.sort_unstable();
    values.get(values.len() / 2).copied().unwrap_or(0)
}

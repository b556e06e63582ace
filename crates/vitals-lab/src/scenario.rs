//! Scenarios: lists of steps with expectations, run against the lab or another hub, and cleaned up after.
//!
//! A scenario drives the hub as its clients do, over MCP and REST, and says step by step what it did, what it
//! expected and what it saw. What was opened is closed and what was broken is mended when it ends, however it ends.
//! It keeps no history and prints nothing.

mod card;
mod clients;
mod crash;
mod ground;
mod lab;
mod load;
mod log;
mod outage;
mod sessions;
mod soak;
mod stage;
#[cfg(test)]
mod tests;

use std::time::Duration;

use vitals_model::scenario::Run;
use vitals_probe::clock::{self, Stopwatch};

pub use card::{CARDS, Card, Filtering, Harm, Kind, Plan};
pub use ground::{FaultError, Faults, Ground, GroundError};

use stage::Stage;

/// How long `soak` lasts when nobody says.
pub const SOAK_DEFAULT: Duration = Duration::from_secs(60);

/// Longest `soak`.
pub const SOAK_MAX: Duration = Duration::from_secs(24 * 3600);

/// Whether a hub that is not the lab may be harmed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Permit {
    /// No.
    Harmless,
    /// Yes: somebody asked for it.
    Destructive,
}

/// What is to be run, and how.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Order {
    /// The scenario.
    pub card: &'static Card,
    /// What may be done to a hub that is not the lab.
    pub permit: Permit,
    /// How long a soak lasts; at most [`SOAK_MAX`].
    pub soak: Duration,
    /// The server to crash; chosen when nobody names one.
    pub server: Option<String>,
}

/// Whether a scenario came to its end.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum End {
    /// It did.
    Complete,
    /// It was stopped; the steps that were left are skipped.
    Stopped,
}

/// The scenario of this name.
pub fn find(name: &str) -> Option<&'static Card> {
    CARDS.iter().find(|card| card.name == name)
}

/// Why this scenario may not be run on this hub as ordered; `None` when it may.
pub fn refusal(order: &Order, ground: &Ground) -> Option<String> {
    let card = order.card;
    match card.harm {
        Harm::None => None,
        _ if ground.is_lab() => None,
        Harm::OnlyLab(why) => Some(why.to_owned()),
        Harm::Destructive(what) if order.permit == Permit::Harmless => {
            Some(format!("{what}, and {} is not the lab: it needs --allow-destructive", ground.target().id))
        }
        Harm::Destructive(_) => None,
    }
}

/// Runs one scenario until it ends or `stop` resolves, then closes and mends what it left open or broken.
pub async fn run(ground: &Ground, order: &Order, stop: impl Future<Output = ()>) -> (Run, End) {
    let (at, began) = (clock::now(), Stopwatch::start());
    let stage = Stage::new(ground, order);
    let mut end = End::Complete;
    if let Some(why) = refusal(order, ground) {
        stage.leave_out(&why);
    } else {
        tokio::select! {
            () = play(&stage) => {}
            () = stop => end = End::Stopped,
        }
        if end == End::Stopped {
            stage.leave_out("stopped before its end");
        }
        stage.clean().await;
    }
    let run = Run {
        scenario: order.card.name.to_owned(),
        target: ground.target().id.clone(),
        stand: ground.stand(),
        at,
        took: began.elapsed(),
        steps: stage.into_steps(),
    };
    (run, end)
}

async fn play(stage: &Stage<'_>) {
    match stage.card().kind {
        Kind::SessionIsolation => sessions::isolation(stage).await,
        Kind::SessionCleanup => sessions::cleanup(stage).await,
        Kind::ConcurrentModification => sessions::concurrent(stage).await,
        Kind::Clients(n) => clients::at_once(stage, n).await,
        Kind::LlmOutage => outage::llm(stage).await,
        Kind::ServerCrash => crash::server(stage).await,
        Kind::SseLoss => sessions::loss(stage).await,
        Kind::LogDiskFull => outage::disk_full(stage).await,
        Kind::LogGrowth => log::growth(stage).await,
        Kind::Soak => soak::steady(stage).await,
    }
}

//! Why a lab could not do what it was asked.

use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use vitals_model::time::human;

use crate::fault::Fault;

/// Why a lab could not do what it was asked.
#[derive(Debug, Error)]
pub enum LabError {
    /// A file or folder of the lab.
    #[error("cannot prepare {}", path.display())]
    File {
        /// Which.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The folder holds other things, which the lab would mix with its own.
    #[error("{} holds other things than a lab's: name an empty folder", .0.display())]
    NotOurs(PathBuf),
    /// Another lab has this folder.
    #[error("another lab runs in {}: end it, or name another folder with --dir", .0.display())]
    Held(PathBuf),
    /// The file of servers is no configuration of a hub.
    #[error("{} is no configuration of a hub: {why}", path.display())]
    Servers {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        why: String,
    },
    /// The LLM stub or the control cannot listen.
    #[error("{what} cannot listen on 127.0.0.1")]
    Listen {
        /// Which of them.
        what: &'static str,
        /// What the system says.
        source: std::io::Error,
    },
    /// A process cannot be started.
    #[error("the process cannot be started")]
    Spawn(#[source] std::io::Error),
    /// The hub has ended, and so does not do what it is told.
    #[error("the hub has ended: {0}")]
    HubEnded(String),
    /// The hub lives and does not do what it is told.
    #[error("the hub did not {what} within {}", human(*limit))]
    HubSilent {
        /// What was waited for.
        what: &'static str,
        /// For how long.
        limit: Duration,
    },
    /// There is no hub now: a fault took it away, or it has ended by itself.
    #[error("there is no hub now: clear hub-killed, or inject hub-restarted when it has ended by itself")]
    NoHub,
    /// The hub stands still, and so does nothing that it is told.
    #[error("the hub stands still: clear hub-stopped first")]
    StandsStill,
    /// The built-in servers did not connect.
    #[error("not every server connected within {}: {seen}", human(*limit))]
    NotConnected {
        /// What the hub says of them.
        seen: String,
        /// For how long was waited.
        limit: Duration,
    },
    /// The hub has no such server.
    #[error("no server `{name}`: there are {known}")]
    UnknownServer {
        /// The name.
        name: String,
        /// Those that are there.
        known: String,
    },
    /// The server is not one of the lab's own, which alone can be told to misbehave.
    #[error("`{0}` is no server of the lab's own, which alone do wrong what they are told")]
    Stranger(String),
    /// The server runs no process now.
    #[error("server `{0}` has no process below the hub")]
    NoProcess(String),
    /// The fault hurts what this lab does not have.
    #[error("{0} needs a hub that filters tools: start the lab with --filtering meta-only")]
    NeedsFiltering(Fault),
    /// The fault is in force already.
    #[error("{0} is in force already")]
    InForce(Fault),
    /// The two cannot be in force together.
    #[error("{wanted} cannot be in force together with {other}: clear that first")]
    Conflict {
        /// What was asked for.
        wanted: Fault,
        /// What is in force.
        other: Fault,
    },
    /// A signal or limit could not be applied.
    #[error("{what} cannot be signalled or limited")]
    Signal {
        /// Whose process.
        what: String,
        /// What the system says.
        source: std::io::Error,
    },
    /// A request to the hub failed.
    #[error("{request} failed: {why}")]
    Request {
        /// What was asked.
        request: String,
        /// What came instead of an answer.
        why: String,
    },
    /// What was done had no effect in time.
    #[error("{what} within {}", human(*limit))]
    NoEffect {
        /// What did not happen.
        what: String,
        /// For how long was waited.
        limit: Duration,
    },
}

/// An error with its causes, in one line.
pub(crate) fn with_causes(error: &dyn std::error::Error) -> String {
    let chain = std::iter::successors(Some(error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

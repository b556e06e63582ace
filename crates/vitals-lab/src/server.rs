//! The servers of the lab, on standard input and output: real MCP servers on the official SDK, which do
//! wrong what a file tells them to. They know nothing of the hub.

mod answer;
mod faults;
mod life;
mod toolbox;

#[cfg(test)]
mod tests;

use std::io::Write as _;
use std::path::PathBuf;

use crate::part::ServerPart;
use life::{End, Pace};

/// Why a server cannot run.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// A filesystem server was given no folder.
    #[error("a filesystem server needs a folder")]
    NoFolder,
    /// Its folder cannot be used.
    #[error("the folder {} cannot be used", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        #[source]
        source: std::io::Error,
    },
    /// The first message opened no session, so there is nothing to go on with.
    #[error("no session was opened: {0}")]
    NoSession(String),
}

/// Runs a server on this process's standard input and output until the input ends. It ends the process by
/// itself, and does not return, when it is told to crash, on SIGTERM, and when it ignored its end for as
/// long as it may: standard input is read on a thread that nothing else could stop.
///
/// # Errors
/// A folder that cannot be used, and a first message that opens no session.
pub async fn run(part: ServerPart) -> Result<(), ServerError> {
    let pace = Pace::default();
    let end = life::serve(part, tokio::io::stdin(), tokio::io::stdout(), life::Terms::OfProcess, pace).await;
    match end {
        Ok(End::InputEnded) => Ok(()),
        Ok(End::OutputLost | End::Expired) => std::process::exit(0),
        // The codes of a crash, and of a shell for a process that SIGTERM ended.
        Ok(End::Crashed) => std::process::exit(1),
        Ok(End::Terminated) => std::process::exit(143),
        Err(error @ ServerError::NoSession(_)) => {
            say(&error.to_string());
            std::process::exit(1)
        }
        Err(error) => Err(error),
    }
}

/// Says something on standard error, as servers do. That nobody listens is no reason to end.
fn say(words: &str) {
    let _unheard = writeln!(std::io::stderr(), "{words}");
}

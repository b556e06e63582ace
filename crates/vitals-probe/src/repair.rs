//! Hands that change a target: the moves that remedies are made of. All else in this crate only looks.
//!
//! Each move has a deadline of its own and says what it saw. It decides nothing: what is to be done was planned.

mod end;
mod program;
mod rotate;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::json;
use vitals_model::limits::BODY_BYTES_MAX;
use vitals_model::observation::{Failure, ProcessId};
use vitals_model::remedy::Move;
use vitals_model::text::Text;
use vitals_model::time::human;

use crate::clock::Stopwatch;
use crate::hands::Hands;
use crate::http::Request;
use crate::rest::endpoint;

/// A hub waits for a server that it stops: npm mcp-hub 4.2.1 answers within 0.1 s, its SDK kills after 4 s.
const STOP_MAX: Duration = Duration::from_secs(15);

/// A hub that starts all of its servers anew answers when they are connected, or after its 60 s for one that is mute.
const RESTART_MAX: Duration = Duration::from_secs(75);

impl Hands {
    /// Makes one move on the target, and says in one line what was seen.
    ///
    /// # Errors
    /// Why it could not be made, in one line.
    pub async fn make(&self, one: &Move) -> Result<String, String> {
        let took = Stopwatch::start();
        let seen = match one {
            Move::StopServer(server) => self.order("api/servers/stop", Some(server), STOP_MAX).await,
            Move::StartServer(server) => {
                self.order("api/servers/start", Some(server), self.target().settings.timeouts.initialize).await
            }
            Move::RestartByApi => self.order("api/restart", None, RESTART_MAX).await,
            Move::RestartUnit { unit, of } => {
                let option = Some(of.option().trim()).filter(|option| !option.is_empty());
                let words = ["systemctl"].into_iter().chain(option).chain(["restart", unit]).map(str::to_owned);
                program::run(&words.collect::<Vec<_>>()).await
            }
            Move::Run(words) => program::run(words).await,
            Move::End { process, .. } => self.end_orphan(*process).await,
            Move::Rotate { keep } => self.rotate(*keep).await,
        };
        // Neither holds a control character, nor is longer than a line of evidence may be.
        let line = |text: String| Text::new(&text).to_string();
        seen.map(|seen| line(format!("{one}: {seen} after {}", human(took.elapsed()))))
            .map_err(|why| line(format!("{one}: {why}")))
    }

    /// Asks the hub for a change by its API.
    async fn order(&self, path: &str, server: Option<&Text>, limit: Duration) -> Result<String, String> {
        let base = self.reachable().map_err(|failure| failure.to_string())?;
        let url = endpoint(&base, path);
        let body = server.map_or_else(|| json!({}), |server| json!({ "server_name": server.as_str() }));
        let answered = async {
            let answer = self.client().send(Request::post_json(&url, &body), limit).await?.ok().await?;
            answer.bytes(BODY_BYTES_MAX).await
        };
        answered.await.map(|_| "done".to_owned()).map_err(|failure: Failure| failure.to_string())
    }

    /// Ends a process that a dead hub left; refused for one that cannot be proved to be that.
    async fn end_orphan(&self, process: ProcessId) -> Result<String, String> {
        let hub = self.left_by(process).await;
        let hub = hub.ok_or("it was not seen below a hub that is gone, so it is left alone")?;
        let how = end::end(process).await?;
        Ok(format!("{how}; process {}, below which it was seen, is gone", hub.pid))
    }

    /// Puts the log aside, on another thread: it may be long, and its writers are looked for in all of `/proc`.
    async fn rotate(&self, keep: u32) -> Result<String, String> {
        let path = self.log_path().ok_or("where the log lies is not known")?;
        let rotated = tokio::task::spawn_blocking(move || rotate::rotate(&path, keep)).await;
        rotated.unwrap_or_else(|error| Err(error.to_string()))
    }
}

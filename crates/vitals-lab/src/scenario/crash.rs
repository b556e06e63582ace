//! A server's process is killed: is it back within 30 s, and were its clients told?

use std::collections::BTreeMap;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::json;
use vitals_model::claim::ServerClaim;
use vitals_model::observation::{Failure, FailureKind, ProcessId};
use vitals_model::scenario::Figure;
use vitals_model::text::count;
use vitals_model::time::human;
use vitals_model::tool::namespace_prefix;
use vitals_probe::clock::Stopwatch;
use vitals_probe::mcp::{Listen, Listing, canary};
use vitals_probe::process;

use super::load::Client;
use super::stage::{Result, Stage, failed, seen, skipped};
use crate::fault::Fault;
use crate::lab::signal;

/// A lost server is to be back within this: what the original protocol asked for.
const BACK_MAX: Duration = Duration::from_secs(30);

/// Pause between two calls.
const CALL_EVERY: Duration = Duration::from_secs(1);

/// How long a killed process may take to end, and its server to answer after it was started again.
const END_MAX: Duration = Duration::from_secs(5);
const HEALED_MAX: Duration = Duration::from_secs(15);

/// The server to be killed.
struct Victim {
    name: String,
    process: ProcessId,
    tool: String,
}

/// What was seen between the kill and the end of the wait.
#[derive(Default)]
struct Course {
    /// When a call was answered again.
    back: Option<Duration>,
    /// When the second session was told that the list changed.
    told: Option<Duration>,
    /// How calls failed, in words, and how often.
    answers: BTreeMap<String, u64>,
    /// When the first call came back with an error instead of nothing.
    first_error: Option<Duration>,
    /// The hub's last word on the server.
    claim: Option<ServerClaim>,
}

/// `server-crash`.
pub(super) async fn server(stage: &Stage<'_>) {
    let Some((client, watcher, victim)) = stage.step(find(stage)).await else { return };
    let changed = watcher.session.changed();
    watcher.session.take_list_changes();
    if stage.step(kill(stage, &victim)).await.is_none() {
        return;
    }
    let mut course = Course::default();
    stage
        .step(async {
            // Past the time it is not back, whatever a later call would say.
            let _ = tokio::time::timeout(BACK_MAX, Box::pin(follow(stage, &client, &victim, changed, &mut course))).await;
            back(&victim, &course)
        })
        .await;
    stage.step(async { told(&course) }).await;
    stage.step(heal(stage, &client, &victim, &course)).await;
}

async fn find(stage: &Stage<'_>) -> Result<(Client, Client, Victim)> {
    let session = stage.open(Listen::Asked).await?;
    let listing = session.list(stage.ground.timeouts().list).await;
    let client = Client::of(session, stage.ground.timeouts()).await?;
    let watcher = Client::of(stage.open(Listen::Asked).await?, stage.ground.timeouts()).await?;
    let Some(facts) = stage.ground.process().await else {
        return skipped("the hub's process is not one of this machine, or cannot be seen");
    };
    let mut candidates: Vec<(String, ProcessId)> =
        facts.children.iter().filter_map(|child| Some((child.server.as_ref()?.as_str().to_owned(), child.id))).collect();
    candidates.sort();
    if let Some(wanted) = &stage.order().server {
        candidates.retain(|(name, _)| name == wanted);
        if candidates.is_empty() {
            return skipped(format!("no child process of the hub is known to be the server {wanted}"));
        }
    }
    let Some(victim) = candidates.into_iter().find_map(|(name, process)| choose(name, process, &listing)) else {
        return skipped("no child process of the hub is a server with a tool that is known to do no harm");
    };
    let began = Stopwatch::start();
    client.session.call(&victim.tool, &json!({}), stage.ground.timeouts().call).await?;
    let took = Figure::time("call", began.elapsed());
    let text = format!("{} is process {}; {} was answered", victim.name, victim.process.pid, victim.tool);
    seen((client, watcher, victim), text, vec![took])
}

/// The server with a tool of it that does no harm.
fn choose(name: String, process: ProcessId, listing: &Listing) -> Option<Victim> {
    let tool = canary(&listing.infos, &namespace_prefix(&name))?.name.clone();
    Some(Victim { name, process, tool })
}

async fn kill(stage: &Stage<'_>, victim: &Victim) -> Result {
    let exit = process::exited(victim.process)?;
    if stage.ground.is_lab() {
        stage.inject(Fault::ServerKilled, &victim.name).await?;
    } else {
        stage.broke(&victim.name);
        match signal::send(victim.process, Signal::KILL) {
            Ok(true) => {}
            Ok(false) => return failed("it had ended by itself", Vec::new()),
            Err(error) => return failed(format!("it may not be killed: {error}"), Vec::new()),
        }
    }
    let began = Stopwatch::start();
    match tokio::time::timeout(END_MAX, exit).await {
        Ok(()) => {
            seen((), format!("process {} has ended", victim.process.pid), vec![Figure::time("ended after", began.elapsed())])
        }
        Err(_) => failed(format!("process {} still runs after {}", victim.process.pid, human(END_MAX)), Vec::new()),
    }
}

/// Calls the tool until it is answered again; meanwhile the other session listens.
async fn follow(stage: &Stage<'_>, client: &Client, victim: &Victim, changed: impl Future<Output = ()>, course: &mut Course) {
    let began = Stopwatch::start();
    let (limit, nothing) = (stage.ground.timeouts().call, json!({}));
    tokio::pin!(changed);
    loop {
        let call = client.session.call(&victim.tool, &nothing, limit);
        tokio::pin!(call);
        let answer = loop {
            tokio::select! {
                answer = &mut call => break answer,
                () = &mut changed, if course.told.is_none() => course.told = Some(began.elapsed()),
            }
        };
        match answer {
            Ok(_) => {
                course.back = Some(began.elapsed());
                return;
            }
            Err(failure) => {
                if !is_silence(&failure) {
                    course.first_error.get_or_insert(began.elapsed());
                }
                *course.answers.entry(words(&failure)).or_default() += 1;
            }
        }
        if let Ok(servers) = stage.ground.servers().await {
            course.claim = servers.into_iter().find(|claim| claim.name.as_str() == victim.name);
        }
        let pause = tokio::time::sleep(CALL_EVERY);
        tokio::pin!(pause);
        loop {
            tokio::select! {
                () = &mut pause => break,
                () = &mut changed, if course.told.is_none() => course.told = Some(began.elapsed()),
            }
        }
    }
}

fn is_silence(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::TimedOut(_))
}

/// What a failed call said: the other side's words where there are any.
fn words(failure: &Failure) -> String {
    match failure.evidence.as_str() {
        "" => failure.to_string(),
        words => format!("\"{}\"", words.rsplit(": ").next().unwrap_or(words)),
    }
}

fn back(victim: &Victim, course: &Course) -> Result {
    let calls: u64 = course.answers.values().sum();
    let mut figures = vec![Figure::count("calls that failed", calls)];
    if let Some(after) = course.back {
        figures.push(Figure::time("back after", after));
        return seen((), format!("{} is back after {}", victim.name, human(after)), figures);
    }
    let claim = course.claim.as_ref().map_or_else(
        || "hub says nothing of it".to_owned(),
        |claim| {
            let tools = claim.tools.as_ref().map(|tools| format!(", {}", count(tools.len() as u64, "tool"))).unwrap_or_default();
            format!("hub says {}{tools}", claim.status.as_str())
        },
    );
    let most = course.answers.iter().max_by_key(|(_, n)| **n).map_or("nothing", |(words, _)| words.as_str());
    failed(format!("{claim}; calls answer {most} for {}", human(BACK_MAX)), figures)
}

fn told(course: &Course) -> Result {
    let mut figures = Vec::new();
    figures.extend(course.told.map(|after| Figure::time("list change after", after)));
    figures.extend(course.first_error.map(|after| Figure::time("error answer after", after)));
    let by = match (course.told, course.first_error) {
        (Some(list), Some(answer)) => {
            format!("by a list change after {}, and by the tool's answer after {}", human(list), human(answer))
        }
        (Some(list), None) => format!("by a list change after {}", human(list)),
        (None, Some(answer)) => format!("by the tool's answer after {} only: no list change came", human(answer)),
        (None, None) if course.answers.is_empty() => "not at all: no call met the loss".to_owned(),
        (None, None) => return failed("not at all: calls were left without an answer, and no list change came", figures),
    };
    seen((), format!("clients were told {by}"), figures)
}

async fn heal(stage: &Stage<'_>, client: &Client, victim: &Victim, course: &Course) -> Result {
    if stage.ground.is_lab() {
        stage.clear(Fault::ServerKilled).await?;
    } else if course.back.is_none() {
        stage.ground.restart(&victim.name).await?;
    }
    let began = Stopwatch::start();
    loop {
        match client.session.call(&victim.tool, &json!({}), stage.ground.timeouts().call).await {
            Ok(_) => break,
            Err(failure) if began.elapsed() >= HEALED_MAX => return Err(failure.into()),
            Err(_) => tokio::time::sleep(super::stage::LOOK_EVERY).await,
        }
    }
    stage.mended(&victim.name);
    let took = vec![Figure::time("answered after", began.elapsed())];
    let how = if course.back.is_some() { "it was back by itself" } else { "stopped and started" };
    seen((), format!("{how}; {} is answered", victim.tool), took)
}

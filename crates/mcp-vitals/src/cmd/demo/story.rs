//! The story: who says what, and how long each thing may take.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::sync::{mpsc, watch};
use tokio::time::timeout;
use url::Url;
use vitals_lab::fault::Fault;
use vitals_lab::lab::Lab;
use vitals_model::config::Timeouts;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::text::{Text, count};
use vitals_model::time::human;
use vitals_model::verdict::Verdict;
use vitals_probe::clock::Stopwatch;
use vitals_probe::http::Client;

/// The server that is killed.
const VICTIM: &str = "filesystem";

/// How long everything may take to be healthy.
const HEALTHY_MAX: Duration = Duration::from_secs(20);

/// How long the lie may last undetected, and how long the end of it.
const FOUND_MAX: Duration = Duration::from_secs(10);
const RESOLVED_MAX: Duration = Duration::from_secs(15);

/// How long the reader is given for what was said.
const READ: Duration = Duration::from_secs(4);

/// How long the hub may take to answer.
const ANSWER_MAX: Duration = Duration::from_secs(5);

/// Who speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Who {
    /// The demo itself.
    Demo,
    /// The hub, in its own words.
    Hub,
    /// What watches it.
    Vitals,
}

/// One line of the story.
#[derive(Clone, Debug)]
pub(super) struct Line {
    who: Who,
    text: String,
}

impl Line {
    pub(super) const fn new(who: Who, text: String) -> Self {
        Self { who, text }
    }
}

/// Who, and what.
impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let who = match self.who {
            Who::Demo => "the demo",
            Who::Hub => "the hub",
            Who::Vitals => "mcp-vitals",
        };
        write!(f, "{who:<11} {}", self.text)
    }
}

/// How far the story came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Told {
    /// To its end.
    Whole,
    /// Something did not happen in its time, which was said.
    Unfinished,
}

/// A change of an incident as the engine tells it.
pub(super) type Change = (IncidentChange, Incident);

/// Tells the story.
pub(super) async fn tell(
    lab: &Lab,
    mut snapshots: watch::Receiver<Arc<Snapshot>>,
    mut changes: mpsc::Receiver<Change>,
    say: &impl Fn(&Line),
) -> anyhow::Result<Told> {
    let demo = |text: String| say(&Line::new(Who::Demo, text));
    let vitals = |text: String| say(&Line::new(Who::Vitals, text));
    demo(format!("the hub listens at {}; mcp-vitals watches it as it would watch yours", lab.url()));
    let Ok(Some(all_well)) = timeout(HEALTHY_MAX, healthy(&mut snapshots)).await else {
        vitals(format!("not healthy within {}: {}", human(HEALTHY_MAX), unhealthy(&snapshots.borrow())));
        return Ok(Told::Unfinished);
    };
    vitals(all_well);
    tokio::time::sleep(READ).await;

    let pid = lab.server_pid(VICTIM).await;
    while changes.try_recv().is_ok() {}
    let killed = Stopwatch::start();
    lab.inject(Fault::ServerKilled, VICTIM).await?;
    demo(format!("kills the server `{VICTIM}`{}", pid.map_or_else(String::new, |pid| format!(": kill -9 {pid}"))));
    let Ok(Some(ghost)) = timeout(FOUND_MAX, next_change(&mut changes, is_ghost)).await else {
        vitals(format!("the dead server was not found within {}", human(FOUND_MAX)));
        return Ok(Told::Unfinished);
    };
    let took = killed.elapsed();
    say(&Line::new(Who::Hub, claim(lab).await?));
    vitals(format!("found after {}: {}", human(took), ghost.summary));
    tokio::time::sleep(READ).await;
    say(&Line::new(Who::Hub, format!("{} later: {}", human(killed.elapsed()), claim(lab).await?)));
    vitals(format!("what to do: {}", ghost.hint));
    tokio::time::sleep(READ).await;

    let mended = Stopwatch::start();
    demo("does so: stop, then start, over the hub's API".to_owned());
    lab.clear(Fault::ServerKilled).await?;
    let over = |change: IncidentChange, incident: &Incident| change == IncidentChange::Resolved && incident.id == ghost.id;
    let Ok(Some(_)) = timeout(RESOLVED_MAX, next_change(&mut changes, over)).await else {
        vitals(format!("the end was not seen within {}", human(RESOLVED_MAX)));
        return Ok(Told::Unfinished);
    };
    vitals(format!("resolved after {}: `{VICTIM}` answers again", human(mended.elapsed())));
    tokio::time::sleep(READ).await;
    let last = snapshots.borrow_and_update().clone();
    vitals(format!("{}, {}", score(&last), count(last.own.probes, "probe")));
    demo("that was all. Your own hub: `mcp-vitals check`. More to break: `mcp-vitals lab`".to_owned());
    Ok(Told::Whole)
}

/// What to try when the story is told.
pub(super) fn next(lab: &Lab) -> String {
    format!(
        "that was the story. Break more from another terminal: `mcp-vitals lab fault inject api-slow --dir {}`. `q` ends the demo",
        lab.place().root().display()
    )
}

/// Waits until every server that should work does, and everything is healthy; says so.
async fn healthy(snapshots: &mut watch::Receiver<Arc<Snapshot>>) -> Option<String> {
    let seen = snapshots.wait_for(|snapshot| snapshot.targets.first().is_some_and(|target| all_agree(target))).await.ok()?;
    let target = seen.targets.first()?;
    let servers = target.servers.iter().filter(|server| server.call_ms.is_some());
    let servers: Vec<_> =
        servers.map(|server| format!("{} ({})", server.name, count(server.tools.unwrap_or(0), "tool"))).collect();
    Some(format!("{}, called one tool of each server: {}", score(&seen), servers.join(", ")))
}

fn all_agree(target: &TargetState) -> bool {
    let victim = target.servers.iter().find(|server| server.name.as_str() == VICTIM);
    let works = victim.is_some_and(|server| server.verdict == Verdict::Agrees && server.call_ms.is_some());
    works && target.health == vitals_model::reading::Health::Healthy
}

/// `healthy, score 100/100 EXCELLENT`
fn score(snapshot: &Snapshot) -> String {
    snapshot
        .targets
        .first()
        .map_or_else(|| "no hub seen".to_owned(), |target| format!("{}, score {}", target.health.as_str(), target.score))
}

/// What keeps it from being healthy.
fn unhealthy(snapshot: &Snapshot) -> String {
    let Some(target) = snapshot.targets.first() else { return "no hub seen".to_owned() };
    let open: Vec<_> = target.open.iter().map(|incident| format!("{}: {}", incident.check, incident.summary)).collect();
    if open.is_empty() { score(snapshot) } else { open.join("; ") }
}

fn is_ghost(change: IncidentChange, incident: &Incident) -> bool {
    change != IncidentChange::Resolved && incident.kind == Verdict::Ghost.as_str() && incident.check.server() == Some(VICTIM)
}

async fn next_change(
    changes: &mut mpsc::Receiver<Change>,
    wanted: impl Fn(IncidentChange, &Incident) -> bool,
) -> Option<Incident> {
    loop {
        let (change, incident) = changes.recv().await?;
        if wanted(change, &incident) {
            return Some(incident);
        }
    }
}

/// What the hub says of the server, quoted from its own answer.
async fn claim(lab: &Lab) -> anyhow::Result<String> {
    let url = Url::parse(&format!("{}/api/servers", lab.url()))?;
    let client = Client::new(&Timeouts::default(), vec![]);
    let answer = client.get_json::<Value>(&url, ANSWER_MAX).await;
    let answer = answer.map_err(|failure| anyhow::anyhow!("GET /api/servers: {failure}"))?.value;
    let servers = answer.get("servers").and_then(Value::as_array);
    let server = servers.and_then(|servers| servers.iter().find(|server| server["name"] == VICTIM));
    Ok(server.map_or_else(
        || format!("GET /api/servers names no `{VICTIM}`"),
        |server| {
            let tools = server["capabilities"]["tools"].as_array().map_or(0, Vec::len);
            let quoted = format!(
                r#"GET /api/servers says "name":{},"status":{},"error":{}, with {}"#,
                server["name"],
                server["status"],
                server["error"],
                count(tools as u64, "tool")
            );
            Text::new(&quoted).to_string()
        },
    ))
}

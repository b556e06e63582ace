//! `hub-servers/<server>/…`: each server behind a hub, and servers reached directly.

use std::fmt::Write as _;
use std::time::Duration;

use vitals_model::check::{CheckId, Unit};
use vitals_model::claim::{ClaimStatus, ServerClaim};
use vitals_model::config::Expect;
use vitals_model::observation::{CallSeen, CallWay, FailureKind, RunState, SessionSeen};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::target::Target;
use vitals_model::text::{Text, bytes, count};
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::{ServerTruth, Verdict};

use super::Scene;
use super::draft::Draft;
use crate::facts::{Facts, Known};
use crate::truth;

/// The check that says whether a server truly works: the cause of its other checks.
pub fn truth_id(server: &Text) -> CheckId {
    CheckId::of_server(server, "truth")
}

pub(super) fn readings(scene: Scene<'_>) -> Vec<Reading> {
    let Some(api) = &scene.facts.api else { return Vec::new() };
    let at = [Some(api.at), scene.facts.session.as_ref().map(|s| s.at), scene.facts.process.as_ref().map(|p| p.at)];
    let at = at.into_iter().flatten().max().unwrap_or(api.at);
    let mut readings = Vec::new();
    for truth in scene.truths {
        readings.push(truth_reading(truth, at).with_cause(super::api_id()));
        let Some(claim) = scene.facts.claim(&truth.name) else { continue };
        if scene.facts.api_failure().is_some() {
            continue;
        }
        let mut parts = vec![claim_reading(api, claim)];
        parts.extend(uptime(scene, api, claim));
        parts.extend(process(scene, &truth.name));
        parts.extend(call(scene, &truth.name));
        parts.extend(tools(scene, claim));
        parts.extend(drift(scene, claim));
        let expected = scene.settings.servers.get(truth.name.as_str()).is_some_and(|s| s.expect == Expect::Down);
        for part in &mut parts {
            part.cause = Some(truth_id(&truth.name));
            if expected && part.health != Health::Healthy {
                part.standing = Standing::Expected;
            }
        }
        readings.append(&mut parts);
    }
    readings
}

trait WithCause {
    fn with_cause(self, id: CheckId) -> Self;
}

impl WithCause for Reading {
    fn with_cause(mut self, id: CheckId) -> Self {
        self.cause = Some(id);
        self
    }
}

fn truth_reading(truth: &ServerTruth, at: Timestamp) -> Reading {
    let draft = Draft::new(truth_id(&truth.name), vitals_model::check::Point::HubServers, at, Duration::ZERO);
    let text = match truth.verdict {
        Verdict::Agrees => truth.reason.clone(),
        verdict => format!("{}: {}", verdict.as_str(), truth.reason),
    };
    let mut reading = draft.hint(what_to_do(truth)).bad(truth.health, text);
    if truth.health == Health::Healthy {
        reading.hint.clear();
    }
    if truth.verdict == Verdict::ExpectedDown {
        reading.standing = Standing::Expected;
    }
    reading
}

/// What to do about a verdict. Measured on npm mcp-hub 4.2.1: `start` alone and `refresh` do not
/// heal, stop and start do.
fn what_to_do(truth: &ServerTruth) -> String {
    let name = &truth.name;
    match truth.verdict {
        Verdict::Ghost | Verdict::Hung => {
            format!(
                "restart the server through the hub's API: POST /api/servers/stop, then /api/servers/start, with {{\"server_name\": \"{name}\"}}; start alone does not heal it"
            )
        }
        Verdict::Hidden => {
            "the hub's record is wrong: restart the server through its API so that clients get its tools".to_owned()
        }
        Verdict::Dropped => format!("stop and start {name} through the hub's API, so that its tools are listed again"),
        Verdict::Phantom => "restart the hub: it lists tools that would fail when called".to_owned(),
        Verdict::Drifted => {
            "read what changed before agents rely on it; from the next look on the new list counts as known".to_owned()
        }
        Verdict::Agrees | Verdict::Unknown if truth.claim == Some(ClaimStatus::Unauthorized) => {
            "log in: open the server's authorizationUrl (GET /api/servers)".to_owned()
        }
        Verdict::Agrees if truth.health != Health::Healthy => {
            format!(
                "see why in the hub's log; if it is not meant to work, write `servers: {{ {name}: {{ expect: down }} }}` in the configuration"
            )
        }
        Verdict::Agrees | Verdict::Unknown | Verdict::ExpectedDown => String::new(),
    }
}

fn claim_reading<T>(api: &Known<T>, claim: &ServerClaim) -> Reading {
    let mut text = format!("hub says {}", claim.status.as_str());
    if let Some(tools) = claim.tools.as_ref().filter(|_| claim.status == ClaimStatus::Connected) {
        let _ = write!(text, ", {}", count(tools.len() as u64, "tool"));
    }
    if let Some(uptime) = claim.uptime.filter(|u| !u.is_zero()) {
        let _ = write!(text, ", up {}", human(uptime));
    }
    if let Some(error) = &claim.error {
        let _ = write!(text, ": {error}");
    }
    Draft::of_server(&claim.name, "claim", api).fact(text)
}

/// Connected for no time at all: npm mcp-hub's only trace of a dead server.
fn uptime<T>(scene: Scene<'_>, api: &Known<T>, claim: &ServerClaim) -> Option<Reading> {
    /// True in the first second of every connection, and the hub's clock may be a little off.
    const YOUNG: Duration = Duration::from_secs(3);
    if claim.status != ClaimStatus::Connected {
        return None;
    }
    let uptime = claim.uptime?;
    let draft = Draft::of_server(&claim.name, "uptime", api).value(uptime.as_secs_f64(), Unit::Seconds);
    let zero_for = scene.facts.zero_uptime.get(&claim.name).map_or(Duration::ZERO, |since| api.at.since(*since));
    let started_ago = claim.started_at.map_or(Duration::ZERO, |start| api.at.since(start));
    if uptime.is_zero() && zero_for.max(started_ago) > YOUNG {
        let text = format!(
            "hub says connected with an uptime of zero, started {} ago: its connection is lost",
            human(zero_for.max(started_ago))
        );
        Some(draft.hint("see hub-servers/<server>/truth").degraded(text))
    } else {
        Some(draft.fact(format!("hub says up {}", human(uptime))))
    }
}

fn process(scene: Scene<'_>, server: &Text) -> Option<Reading> {
    let known = scene.facts.process.as_ref()?;
    let draft = Draft::of_server(server, "process", known);
    let Some(child) = truth::child(scene.facts, server) else {
        let (at, pid) = scene.facts.exit(server)?;
        return Some(
            draft
                .evidence(format!("exit seen at {at}"))
                .hint("see hub-servers/<server>/truth")
                .failing(format!("process {pid} is gone, expected running")),
        );
    };
    let pid = child.id.pid;
    let draft = draft.evidence(child.command.as_str()).value(child.uptime.as_secs_f64(), Unit::Seconds);
    Some(match child.state {
        RunState::Normal | RunState::DiskSleep => {
            draft.healthy(format!("pid {pid}, up {}, {}", human(child.uptime), bytes(child.rss_bytes)))
        }
        RunState::Stopped => {
            draft.hint(format!("let it go on with `kill -CONT {pid}`")).failing(format!("pid {pid} is stopped, expected running"))
        }
        RunState::Zombie => {
            draft.hint("stop and start it through the hub's API").failing(format!("pid {pid} is a zombie, expected running"))
        }
    })
}

fn call(scene: Scene<'_>, server: &Text) -> Option<Reading> {
    let known = scene.facts.session.as_ref()?;
    let (call, _) = scene.facts.call(server)?;
    Some(call_reading(scene, known, call, server))
}

fn call_reading(scene: Scene<'_>, known: &Known<SessionSeen>, call: &CallSeen, server: &Text) -> Reading {
    let draft = Draft::of_server(server, "call", known).took(call.took);
    let Some(tool) = &call.tool else {
        return draft
            .hint("name one in the configuration: `servers: { NAME: { canary: TOOL } }`")
            .fact("no tool is annotated as read-only, closed-world and free of required arguments: not called");
    };
    let way = match call.way {
        CallWay::Session => "in a session",
        CallWay::Rest => "by the REST API",
    };
    match &call.answer {
        None => draft.unknown(format!("{tool} was not called")),
        Some(Ok(items)) => {
            let ms = call.took.as_secs_f64() * 1000.0;
            let text = format!("{tool} answered in {}", human(call.took));
            draft
                .evidence(format!("{} {way}", count(*items, "content item")))
                .hint("the server is slow: see its own load and what it waits for")
                .above(ms, Unit::Millis, scene.settings.thresholds.call_ms, text)
        }
        // An answer with an error is an answer; a canary should still succeed.
        Some(Err(failure)) => {
            let hint = "see hub-servers/<server>/truth; if the canary itself is wrong, name another: `servers: { NAME: { canary: TOOL } }`";
            let health = match failure.kind {
                FailureKind::Rpc(code) if code != -32001 => Health::Degraded,
                FailureKind::Empty => Health::Degraded,
                _ => Health::Failing,
            };
            draft.evidence(way).hint(hint).bad(health, format!("{tool}: {failure}"))
        }
    }
}

fn tools(scene: Scene<'_>, claim: &ServerClaim) -> Option<Reading> {
    let known = scene.facts.session.as_ref()?;
    let listed = truth::listed_tools(scene.facts, &claim.name)?;
    if claim.status != ClaimStatus::Connected {
        return None;
    }
    let draft = Draft::of_server(&claim.name, "tools", known)
        .value(listed.len() as f64, Unit::Count)
        .evidence(format!("set {:016x}", listed.digest()));
    let text = format!("clients see {}", count(listed.len() as u64, "tool"));
    let Some(claimed) = &claim.tools else { return Some(draft.fact(text)) };
    let filtering = scene.facts.filtering().is_some_and(|f| f.enabled == Some(true));
    if claimed.len() == listed.len() || filtering {
        Some(draft.healthy(text))
    } else if listed.is_empty() && truth::is_starting(scene.facts) {
        Some(draft.hint("see hub-servers/state").degraded(format!("{text} while the hub starts, expected {}", claimed.len())))
    } else {
        let text = format!("{text}, the hub's own list has {}", claimed.len());
        let draft = draft.hint("see hub-servers/<server>/truth");
        Some(if listed.is_empty() { draft.failing(text) } else { draft.degraded(text) })
    }
}

fn drift(scene: Scene<'_>, claim: &ServerClaim) -> Option<Reading> {
    let known = scene.facts.api.as_ref()?;
    if claim.status != ClaimStatus::Connected {
        return None;
    }
    let now = truth::server_tools(scene.facts, &claim.name)?;
    let draft = Draft::of_server(&claim.name, "drift", known).evidence(format!("definitions {:016x}", now.digest()));
    Some(match truth::drift(scene.facts, &claim.name) {
        None => draft.fact(format!("{} seen for the first time", count(now.len() as u64, "tool"))),
        Some(change) if change.is_empty() => draft.healthy(format!("{} as last seen", count(now.len() as u64, "tool"))),
        Some(change) => draft.hint("read what changed before agents rely on it").degraded(truth::describe(&change)),
    })
}

/// The name of the one server of a direct target.
fn direct_name(target: &Target) -> Text {
    Text::new(target.id.as_str())
}

/// The truth about a server reached directly: nobody claims anything of it.
pub(super) fn direct_truth(target: &Target, facts: &Facts, now: Timestamp) -> Option<ServerTruth> {
    let known = facts.session.as_ref()?;
    let view = known.seen.sessions.first()?;
    let expect = target.settings.servers.get(target.id.as_str()).map_or(Expect::Up, |s| s.expect);
    let call = known.seen.calls.first();
    let (verdict, health, reason) = match (&view.opened, &view.tools, call.and_then(|c| c.answer.as_ref())) {
        (Err(_), _, _) if expect == Expect::Down => {
            (Verdict::ExpectedDown, Health::Healthy, "down, as the configuration expects".to_owned())
        }
        (Err(failure), _, _) if failure.kind.wants_credentials() => {
            (Verdict::Agrees, Health::Degraded, format!("there, and wants credentials ({failure})"))
        }
        (Err(failure), _, _) if failure.kind.is_overload() => {
            (Verdict::Agrees, Health::Degraded, format!("there, and refuses for now ({failure})"))
        }
        (Err(failure), _, _) if matches!(failure.kind, FailureKind::TimedOut(_)) => {
            (Verdict::Hung, Health::Failing, failure.to_string())
        }
        (Err(failure), _, _) => (Verdict::Agrees, Health::Failing, format!("down: {failure}")),
        (Ok(_), Err(failure), _) => (Verdict::Agrees, Health::Failing, format!("its tools cannot be listed: {failure}")),
        (Ok(_), Ok(_), Some(Err(failure))) if matches!(failure.kind, FailureKind::TimedOut(_)) => {
            (Verdict::Hung, Health::Failing, format!("no answer to a call: {failure}"))
        }
        (Ok(_), Ok(_), Some(Err(failure))) => {
            (Verdict::Agrees, Health::Degraded, format!("works, and its canary call fails: {failure}"))
        }
        (Ok(_), Ok(tools), Some(Ok(_))) => {
            let took = call.map(|c| human(c.took)).unwrap_or_default();
            (Verdict::Agrees, Health::Healthy, format!("{}, call answered in {took}", count(tools.len() as u64, "tool")))
        }
        (Ok(_), Ok(tools), None) => (
            Verdict::Agrees,
            Health::Healthy,
            format!("{}, no tool can be called safely: weaker evidence", count(tools.len() as u64, "tool")),
        ),
    };
    let call_ms = call.filter(|c| matches!(c.answer, Some(Ok(_)))).map(|c| c.took.as_secs_f64() * 1000.0);
    let tools = view.tools.as_ref().ok().map(|set| set.len() as u64);
    Some(ServerTruth { name: direct_name(target), claim: None, verdict, health, reason, tools, call_ms, since: now })
}

/// The readings of a server reached directly: one per phase.
pub(super) fn direct(target: &Target, scene: Scene<'_>) -> Vec<Reading> {
    let (Some(known), Some(truth)) = (&scene.facts.session, scene.truths.first()) else { return Vec::new() };
    let Some(view) = known.seen.sessions.first() else { return Vec::new() };
    let name = direct_name(target);
    let cause = truth_id(&name);
    let mut readings = vec![truth_reading(truth, known.at)];
    let draft = |question: &str| Draft::of_server(&name, question, known).cause(cause.clone());
    match &view.opened {
        Err(failure) => {
            readings.push(draft("open").hint("see whether the server runs and the address is right").failure(failure));
        }
        Ok(opened) => {
            let total = opened.connect + opened.initialize;
            let text =
                format!("{} by {}, protocol {}, in {}", opened.server, opened.transport.as_str(), opened.protocol, human(total));
            let phases = format!("connect {}, initialise {}", human(opened.connect), human(opened.initialize));
            readings.push(draft("open").value(total.as_secs_f64() * 1000.0, Unit::Millis).evidence(phases).healthy(text));
            readings.push(match &view.tools {
                Err(failure) => draft("tools").failure(failure),
                Ok(tools) => draft("tools")
                    .value(tools.len() as f64, Unit::Count)
                    .evidence(format!("set {:016x}, {}", tools.digest(), count(view.pages, "page")))
                    .healthy(format!("{} listed in {}", count(tools.len() as u64, "tool"), human(view.list_took))),
            });
            if view.noise > 0 {
                let text = format!("{} of output that is not JSON-RPC", count(view.noise, "line"));
                readings.push(
                    draft("noise")
                        .value(view.noise as f64, Unit::Count)
                        .hint("the server should write its messages to standard error")
                        .advice(text),
                );
            }
        }
    }
    if let Some(call) = known.seen.calls.first() {
        let mut reading = call_reading(scene, known, call, &name);
        reading.cause = Some(cause.clone());
        readings.push(reading);
    }
    if truth.verdict == Verdict::ExpectedDown {
        readings.iter_mut().filter(|r| r.health != Health::Healthy).for_each(|r| r.standing = Standing::Expected);
    }
    readings
}

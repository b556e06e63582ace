//! `hub-servers/<server>/…`: each server behind a hub.

use std::fmt::Write as _;
use std::time::Duration;

use vitals_model::check::{CheckId, Unit};
use vitals_model::claim::{ClaimStatus, ServerClaim};
use vitals_model::config::Expect;
use vitals_model::observation::{ApiSeen, CallSeen, CallWay, FailureKind, ProcessSeen, RunState, SessionSeen};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::text::{Text, bytes, count, plural};
use vitals_model::time::{Timestamp, human};
use vitals_model::tool::ToolSet;
use vitals_model::verdict::{ServerTruth, Verdict};

use super::words::Sentence;
use super::{Scene, surface};
use crate::cause::is_bad;
use crate::facts::{CallCourse, Facts, Known, is_empty_answer};
use crate::truth;

/// The check that says whether a server truly works: the cause of its other checks.
pub fn truth_id(server: &Text) -> CheckId {
    CheckId::of_server(server, "truth")
}

pub(super) fn readings(scene: Scene<'_>) -> Vec<Reading> {
    let Some(api) = &scene.facts.api else { return Vec::new() };
    let at = [Some(api.at), scene.facts.session.as_ref().map(|s| s.at), scene.facts.process.as_ref().map(|p| p.at)];
    let at = at.into_iter().flatten().max().unwrap_or(api.at);
    let is_told = scene.facts.api_failure().is_none();
    let mut readings = Vec::with_capacity(scene.truths.len() * CHECKS);
    for truth in scene.truths {
        match scene.facts.claim(&truth.name).filter(|_| is_told) {
            Some(claim) => of_claimed(scene, api, claim, truth, at, &mut readings),
            None => readings.push(truth_of(scene, truth, at)),
        }
    }
    readings
}

/// Whose look measures a check on a server.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Measured {
    /// The hub's answer.
    Claimed,
    /// The same; its value is the server's uptime.
    Uptime,
    /// A look at the server's process, whose age is its value.
    Child,
    /// A visit, which called the server.
    Called,
    /// A visit, which listed its tools.
    Listed,
    /// Any of them.
    Seen,
}

impl Measured {
    /// Of the check with this question.
    pub(crate) fn of(question: &str) -> Self {
        match question {
            "uptime" => Self::Uptime,
            "process" => Self::Child,
            "call" => Self::Called,
            "tools" => Self::Listed,
            "truth" => Self::Seen,
            _ => Self::Claimed,
        }
    }
}

/// The figures of the latest looks, each in the order of the servers' names.
fn figures(facts: &Facts) -> (impl Iterator<Item = f64>, impl Iterator<Item = f64>, impl Iterator<Item = &CallSeen>) {
    let connected = facts.servers().iter().filter(|claim| claim.status == ClaimStatus::Connected);
    let uptimes = connected.filter_map(|claim| claim.uptime).map(|uptime| uptime.as_secs_f64());
    let ages = facts.children().map(|child| child.uptime.as_secs_f64());
    (uptimes, ages, facts.session.iter().flat_map(|known| &known.seen.calls))
}

/// Whether the readings of all servers are good and have the figures that [`renew`] would give them.
pub(crate) fn is_renewable(facts: &Facts, truths: &[ServerTruth], readings: &[Reading]) -> bool {
    let is_good = |reading: &Reading| reading.standing != Standing::Judged || reading.health == Health::Healthy;
    let of = |wanted| readings.iter().filter(move |reading| Measured::of(reading.id.question()) == wanted);
    let (uptimes, ages, calls) = figures(facts);
    readings.iter().all(is_good)
        && truths.iter().all(|truth| truth.health == Health::Healthy)
        && of(Measured::Uptime).map(|reading| reading.value).eq(uptimes.map(Some))
        && of(Measured::Child).map(|reading| reading.value).eq(ages.map(Some))
        && of(Measured::Called).map(|reading| reading.value).eq(calls.map(call_ms))
}

/// Gives readings, one after the other, the figures of looks that told nothing else of the servers.
pub(crate) fn renew<'a>(
    facts: &Facts,
    readings: impl Iterator<Item = (&'a mut Reading, Measured)>,
) -> impl Iterator<Item = &'a Reading> {
    let at = |known: Option<Timestamp>| known.unwrap_or_default();
    let (api, session) = (at(facts.api.as_ref().map(|k| k.at)), at(facts.session.as_ref().map(|k| k.at)));
    let process = at(facts.process.as_ref().map(|k| k.at));
    let (mut uptimes, mut ages, mut calls) = figures(facts);
    readings.map(move |(reading, measured)| {
        (reading.at, reading.value) = match measured {
            Measured::Claimed => (api, reading.value),
            Measured::Uptime => (api, uptimes.next()),
            Measured::Child => (process, ages.next()),
            Measured::Called => (session, calls.next().and_then(call_ms)),
            Measured::Listed => (session, reading.value),
            Measured::Seen => (api.max(session).max(process), reading.value),
        };
        reading.since = reading.since.min(reading.at);
        &*reading
    })
}

/// How long a good call took.
fn call_ms(call: &CallSeen) -> Option<f64> {
    matches!(call.answer, Some(Ok(_))).then(|| call.took.as_secs_f64() * 1000.0)
}

/// Checks of one server, in the order of their ids.
const CHECKS: usize = 10;

/// The readings of a server that the hub tells of.
fn of_claimed(
    scene: Scene<'_>,
    api: &Known<ApiSeen>,
    claim: &ServerClaim,
    truth: &ServerTruth,
    at: Timestamp,
    readings: &mut Vec<Reading>,
) {
    let began = readings.len();
    let surface = scene.facts.surfaces.get(&claim.name).filter(|_| claim.status == ClaimStatus::Connected);
    readings.extend(call(scene, &claim.name));
    readings.push(claim_reading(scene, api, claim));
    readings.extend(surface.map(|known| surface::drift(scene, &claim.name, known, api)));
    readings.push(flaps(scene, api, claim));
    readings.extend(process(scene, claim));
    readings.extend(surface.map(|known| surface::signs(scene, &claim.name, known, api)));
    readings.extend(surface.and_then(|known| surface::tokens(scene, &claim.name, known, api)));
    let tools = tools(scene, claim);
    // A tool that is not there any more cannot be called.
    let lost = tools.as_ref().filter(|tools| is_bad(tools) && calls_a_lost_tool(scene, claim)).map(|tools| tools.id.clone());
    readings.extend(tools);
    let truth_at = readings.len();
    readings.push(truth_of(scene, truth, at));
    readings.extend(uptime(scene, api, claim));
    let own = readings[truth_at].id.clone();
    let expected = expects_down(scene, &truth.name);
    for (_, part) in readings.iter_mut().enumerate().skip(began).filter(|(n, _)| *n != truth_at) {
        part.cause = match part.id.question() {
            // That it is lost now is no reason for having been lost again and again.
            "flaps" => None,
            "call" if lost.is_some() => lost.clone(),
            _ => Some(own.clone()),
        };
        if expected && part.health != Health::Healthy {
            part.standing = Standing::Expected;
        }
    }
}

/// Whether the tool that was called is not in the server's list of now.
fn calls_a_lost_tool(scene: Scene<'_>, claim: &ServerClaim) -> bool {
    let called = scene.facts.call(&claim.name).and_then(|(call, _)| call.tool.as_ref());
    called.zip(claim.tools.as_ref()).is_some_and(|(tool, listed)| !listed.has(tool.as_str()))
}

fn expects_down(scene: Scene<'_>, server: &Text) -> bool {
    scene.settings.servers.get(server.as_str()).is_some_and(|s| s.expect == Expect::Down)
}

/// A server of which nobody expects anything is not missed while the hub gives no answer.
fn truth_of(scene: Scene<'_>, truth: &ServerTruth, at: Timestamp) -> Reading {
    let mut reading = truth_reading(scene, truth, at, || what_to_do(truth));
    // While the hub starts, that is the reason for whatever its servers lack; but a server that does not
    // get connected may be what it waits for.
    let is_reason = truth.claim != Some(ClaimStatus::Connecting) && truth::is_starting(scene.facts);
    reading.cause = Some(if is_reason { super::hub::state_id() } else { super::api_id() });
    let is_expected_down = expects_down(scene, &truth.name);
    if truth.health == Health::Unknown {
        match truth.claim {
            _ if is_expected_down => reading.standing = Standing::Expected,
            Some(ClaimStatus::Disabled) => reading.standing = Standing::Fact,
            _ => {}
        }
    }
    reading
}

pub(super) fn truth_reading(scene: Scene<'_>, truth: &ServerTruth, at: Timestamp, hint: impl Sentence) -> Reading {
    let draft = scene.of_server(&truth.name, "truth", &Known { seen: (), at, took: Duration::ZERO });
    let text = || match truth.verdict {
        Verdict::Agrees => truth.reason.clone(),
        verdict => format!("{}: {}", verdict.as_str(), truth.reason),
    };
    let mut reading =
        if truth.health == Health::Healthy { draft.healthy(text) } else { draft.hint(hint).bad(truth.health, text) };
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
        Verdict::Drifted => surface::what_to_do(name),
        Verdict::Agrees | Verdict::Unknown if truth.claim == Some(ClaimStatus::Unauthorized) => {
            "log in: open the server's authorizationUrl (GET /api/servers)".to_owned()
        }
        Verdict::Agrees if truth.health != Health::Healthy && truth.claim.is_none() => {
            "see whether the server runs and its address or command is right; what it writes to its standard error says more"
                .to_owned()
        }
        Verdict::Agrees if truth.health != Health::Healthy => {
            format!(
                "see why in the hub's log; if it is not meant to work, write `servers: {{ {name}: {{ expect: down }} }}` in the configuration"
            )
        }
        Verdict::Agrees | Verdict::Unknown | Verdict::ExpectedDown => String::new(),
    }
}

fn claim_reading<T>(scene: Scene<'_>, api: &Known<T>, claim: &ServerClaim) -> Reading {
    scene.of_server(&claim.name, "claim", api).fact(|| claimed(claim))
}

/// What the hub says of a server, in words.
fn claimed(claim: &ServerClaim) -> String {
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
    text
}

/// Connected for no time at all: npm mcp-hub's only trace of a dead server. It counts from when the
/// server was connected; when the server was started tells only how long that may have taken.
fn uptime<T>(scene: Scene<'_>, api: &Known<T>, claim: &ServerClaim) -> Option<Reading> {
    /// True in the first second of every connection, and the hub's clock may be a little off.
    const YOUNG: Duration = Duration::from_secs(3);
    if claim.status != ClaimStatus::Connected {
        return None;
    }
    let uptime = claim.uptime?;
    let draft = scene.of_server(&claim.name, "uptime", api).value(uptime.as_secs_f64(), Unit::Seconds);
    let zero_since = scene.facts.courses.get(&claim.name).and_then(|course| course.zero_since);
    let zero_for = zero_since.map_or(Duration::ZERO, |since| api.at.since(since));
    let started_ago = claim.started_at.map_or(Duration::ZERO, |start| api.at.since(start));
    let grace = scene.settings.thresholds.start_grace;
    if uptime.is_zero() && (zero_for > YOUNG || started_ago > grace + YOUNG) {
        let text = || {
            format!(
                "hub says connected with an uptime of zero, started {} ago: its connection is lost",
                human(zero_for.max(started_ago))
            )
        };
        Some(draft.hint("see hub-servers/<server>/truth").degraded(text))
    } else {
        Some(draft.fact(|| format!("hub says up {}", human(uptime))))
    }
}

fn process(scene: Scene<'_>, claim: &ServerClaim) -> Option<Reading> {
    let known = scene.facts.process.as_ref()?;
    let draft = scene.of_server(&claim.name, "process", known);
    let Some(child) = truth::child(scene.facts, &claim.name) else {
        let (at, pid) = scene.facts.exit(&claim.name)?;
        let draft = draft.evidence(|| format!("exit seen at {at}"));
        // Nobody says that it should run.
        if claim.status != ClaimStatus::Connected {
            return Some(draft.fact(|| format!("process {pid} is gone")));
        }
        if !truth::is_settled(scene.facts, &claim.name) {
            return Some(draft.unknown(|| format!("process {pid} ended just now, looking again")));
        }
        return Some(draft.hint("see hub-servers/<server>/truth").failing(|| format!("process {pid} is gone, expected running")));
    };
    let pid = child.id.pid;
    let draft = draft.evidence(child.command.as_str()).value(child.uptime.as_secs_f64(), Unit::Seconds);
    Some(match child.state {
        RunState::Normal | RunState::DiskSleep => {
            draft.healthy(|| format!("pid {pid}, up {}, {}", human(child.uptime), bytes(child.rss_bytes)))
        }
        RunState::Stopped => draft
            .hint(|| format!("let it go on with `kill -CONT {pid}`"))
            .failing(|| format!("pid {pid} is stopped, expected running")),
        RunState::Zombie => {
            draft.hint("stop and start it through the hub's API").failing(|| format!("pid {pid} is a zombie, expected running"))
        }
    })
}

fn call(scene: Scene<'_>, server: &Text) -> Option<Reading> {
    let (call, known) = scene.facts.call(server)?;
    Some(call_reading(scene, known, call, server))
}

pub(super) fn call_reading(scene: Scene<'_>, known: &Known<SessionSeen>, call: &CallSeen, server: &Text) -> Reading {
    let draft = scene.of_server(server, "call", known).took(call.took);
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
        None => draft.unknown(|| format!("{tool} was not called")),
        Some(Ok(items)) => {
            let ms = call.took.as_secs_f64() * 1000.0;
            let text = || format!("{tool} answered in {}", human(call.took));
            let draft = draft
                .evidence(|| format!("{} {way}", count(*items, "content item")))
                .hint("the server is slow: see its own load and what it waits for");
            match scene.facts.calls.get(server).and_then(CallCourse::slower_than) {
                Some(usual) if ms <= scene.settings.thresholds.call_ms.0 => {
                    let times = ms / (usual.as_secs_f64() * 1000.0).max(1.0);
                    draft
                        .value(ms, Unit::Millis)
                        .degraded(|| format!("{tool} took {}, usually {} ({times:.0}x)", human(call.took), human(usual)))
                }
                _ => draft.above(ms, Unit::Millis, scene.settings.thresholds.call_ms, text),
            }
        }
        // Some tools never have anything to say; one that had may hide a failure.
        Some(Err(failure)) if is_empty_answer(failure) => {
            let draft = draft.evidence(way);
            match scene.facts.calls.get(server).and_then(CallCourse::answered) {
                Some(items) => draft
                    .hint("a failure may be answered as success: call the tool by hand, and see the server's own log")
                    .degraded(|| {
                        format!("{tool} answered with nothing, it used to answer with {}", count(items, "content item"))
                    }),
                None => {
                    draft.healthy(|| format!("{tool} answered with nothing, as far as is known it never has anything to say"))
                }
            }
        }
        // An answer with an error is an answer; a canary should still succeed.
        Some(Err(failure)) => {
            let hint = "see hub-servers/<server>/truth; if the canary itself is wrong, name another: `servers: { NAME: { canary: TOOL } }`";
            let is_timeout = failure.kind == FailureKind::Rpc(-32001);
            let health = if truth::is_of_server(failure) && !is_timeout { Health::Degraded } else { Health::Failing };
            draft.evidence(way).hint(hint).bad(health, || format!("{tool}: {failure}"))
        }
    }
}

fn tools(scene: Scene<'_>, claim: &ServerClaim) -> Option<Reading> {
    let known = scene.facts.session.as_ref()?;
    if claim.status != ClaimStatus::Connected {
        return None;
    }
    let listed = scene.facts.listed(&claim.name)?;
    let draft = scene
        .of_server(&claim.name, "tools", known)
        .value(listed.len() as f64, Unit::Count)
        .evidence(|| format!("set {:016x}", listed.digest()));
    let text = || format!("clients see {}", count(listed.len() as u64, "tool"));
    let Some(claimed) = &claim.tools else { return Some(draft.fact(text)) };
    if truth::listed_now(scene.facts, &claim.name).is_none() {
        return Some(draft.unknown(|| format!("{} in a list from before the server changed, asking again", text())));
    }
    let filtering = scene.facts.filtering().is_some_and(|f| f.enabled == Some(true));
    let before = scene.facts.tools_before.get(&claim.name).map_or(0, ToolSet::len);
    if claimed.is_empty() && listed.is_empty() && before > 0 && !truth::is_starting(scene.facts) {
        let text = || format!("none: neither clients nor the hub see a tool of it, it had {before}");
        return Some(draft.hint("see the server's own log; stop and start it through the hub's API").failing(text));
    }
    if claimed.len() == listed.len() || filtering {
        Some(draft.healthy(text))
    } else if listed.is_empty() && truth::is_starting(scene.facts) {
        Some(
            draft
                .hint("see hub-servers/state")
                .degraded(|| format!("{text} while the hub starts, expected {}", claimed.len(), text = text())),
        )
    } else {
        let text = || format!("{text}, the hub's own list has {}", claimed.len(), text = text());
        let draft = draft.hint("see hub-servers/<server>/truth");
        Some(if listed.is_empty() { draft.failing(text) } else { draft.degraded(text) })
    }
}

/// A server that is lost again and again: each time it may be back before anybody looks.
fn flaps<T>(scene: Scene<'_>, api: &Known<T>, claim: &ServerClaim) -> Reading {
    let limits = &scene.settings.thresholds;
    let (lost, span) = crate::flaps::lost(scene.facts, &claim.name, limits.flap_window, scene.now);
    let draft = scene.of_server(&claim.name, "flaps", api).value(lost as f64, Unit::Count);
    if scene.facts.process.as_ref().is_some_and(|known| matches!(known.seen, ProcessSeen::Gone { .. })) {
        return draft.unknown("the hub itself has ended");
    }
    let text = || format!("lost {} in the last {}", plural(lost, "time", "times"), human(span));
    if lost >= limits.flaps.max(1) {
        draft
            .hint("see why it ends: its standard error is in the hub's log")
            .degraded(|| format!("{text}, expected fewer than {}", limits.flaps, text = text()))
    } else {
        draft.healthy(text)
    }
}

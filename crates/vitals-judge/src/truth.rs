//! Truth: what a hub claims of each server, against what was seen of it.
//!
//! Three kinds of evidence count, strongest first: a canary call through the hub, the state of the
//! server's process, and the tool lists. Evidence older than the end of the server's process is void.

use std::fmt::Write as _;
use std::time::Duration;

use vitals_model::claim::{ClaimStatus, HubState, ServerClaim};
use vitals_model::config::{Expect, TargetSettings};
use vitals_model::observation::{ChildFacts, Failure, FailureKind, ProcessSeen, RunState};
use vitals_model::reading::Health;
use vitals_model::text::{Text, count};
use vitals_model::time::{Timestamp, human};
use vitals_model::tool::{ToolChange, ToolSet, namespace_prefix};
use vitals_model::verdict::{ServerTruth, Verdict};

use crate::facts::Facts;

/// What the evidence says of one server, whatever the hub claims.
#[derive(Clone, PartialEq, Debug)]
pub enum Life {
    /// It answered a call, well or with an error of its own.
    Answers {
        /// How it answered.
        how: String,
    },
    /// It is there and does not answer.
    Silent {
        /// What shows it.
        why: String,
    },
    /// It is gone.
    Dead {
        /// What shows it.
        why: String,
    },
    /// Its process is there; nothing could be called.
    Present {
        /// What was seen instead of a call.
        why: String,
    },
    /// Nothing shows anything.
    Untold {
        /// Why not.
        why: String,
    },
}

/// The truth about every server of a hub, in order of name.
pub fn of_hub(facts: &Facts, settings: &TargetSettings, now: Timestamp) -> Vec<ServerTruth> {
    let mut truths: Vec<_> = facts.servers().iter().map(|claim| of_server(facts, claim, settings, now)).collect();
    truths.sort_by(|a, b| a.name.cmp(&b.name));
    truths
}

fn of_server(facts: &Facts, claim: &ServerClaim, settings: &TargetSettings, now: Timestamp) -> ServerTruth {
    let name = &claim.name;
    let expect = settings.servers.get(name.as_str()).map_or(Expect::Up, |s| s.expect);
    let life = life(facts, name);
    let listed = listed_tools(facts, name);
    let (verdict, health, reason) = match facts.api_failure() {
        Some(failure) => (Verdict::Unknown, Health::Unknown, format!("not measured: the hub's API does not answer ({failure})")),
        None => judge(&Case { facts, claim, expect, life: &life, listed: listed.as_ref(), settings, now }),
    };
    let call_ms =
        facts.call(name).and_then(|(call, _)| matches!(call.answer, Some(Ok(_))).then(|| call.took.as_secs_f64() * 1000.0));
    let tools = listed.map(|set| set.len() as u64);
    ServerTruth { name: name.clone(), claim: Some(claim.status.clone()), verdict, health, reason, tools, call_ms, since: now }
}

struct Case<'a> {
    facts: &'a Facts,
    claim: &'a ServerClaim,
    expect: Expect,
    life: &'a Life,
    listed: Option<&'a ToolSet>,
    settings: &'a TargetSettings,
    now: Timestamp,
}

type Ruling = (Verdict, Health, String);

/// Claim against life: the table that the product exists for.
fn judge(case: &Case<'_>) -> Ruling {
    let says = says(case.claim);
    match (&case.claim.status, case.life, case.expect) {
        (_, Life::Answers { how }, Expect::Down) => {
            (Verdict::Agrees, Health::Healthy, format!("works ({how}), although the configuration expects it to be down"))
        }
        (_, Life::Dead { why } | Life::Silent { why } | Life::Untold { why }, Expect::Down) => {
            (Verdict::ExpectedDown, Health::Healthy, format!("down, as the configuration expects; {says}; {why}"))
        }
        (status, Life::Present { why }, Expect::Down) if *status != ClaimStatus::Connected => {
            (Verdict::ExpectedDown, Health::Healthy, format!("down, as the configuration expects; {says}; {why}"))
        }
        (ClaimStatus::Connected, Life::Dead { why }, _) => (Verdict::Ghost, Health::Failing, format!("{says}; {why}")),
        (ClaimStatus::Connected, Life::Silent { why }, _) => (Verdict::Hung, Health::Failing, format!("{says}; {why}")),
        (ClaimStatus::Connected, Life::Answers { how }, _) => judge_tools(case, how),
        (ClaimStatus::Connected, Life::Present { why }, _) => judge_tools(case, &format!("{why}; weaker evidence")),
        (ClaimStatus::Connected, Life::Untold { why }, _) => (Verdict::Unknown, Health::Unknown, format!("{says}; {why}")),
        (_, Life::Answers { how }, _) => (Verdict::Hidden, Health::Degraded, format!("{says}; it works ({how})")),
        _ => judge_honest(case, &says),
    }
}

/// The hub does not claim the server to be connected, and nothing shows that it works.
fn judge_honest(case: &Case<'_>, says: &str) -> Ruling {
    let error = case.claim.error.as_ref().map(|e| format!(": {e}")).unwrap_or_default();
    match &case.claim.status {
        ClaimStatus::Disabled => (Verdict::Agrees, Health::Healthy, "disabled in the hub's configuration".to_owned()),
        ClaimStatus::Unauthorized => {
            (Verdict::Agrees, Health::Degraded, format!("{says}{error}: it is there and waits for somebody to log in"))
        }
        ClaimStatus::Connecting => judge_connecting(case, &error),
        ClaimStatus::Connected | ClaimStatus::Disconnected => {
            (Verdict::Agrees, Health::Failing, format!("down, and the hub says so{error}"))
        }
        ClaimStatus::Other(_) => {
            (Verdict::Unknown, Health::Unknown, format!("{says}, a status that this version does not know{error}"))
        }
    }
}

fn judge_connecting(case: &Case<'_>, error: &str) -> Ruling {
    let grace = case.settings.thresholds.start_grace;
    let waiting = if let Some(since) = case.facts.claim_changed.get(&case.claim.name) {
        case.now.since(*since)
    } else {
        // Never seen otherwise: it may have been connecting since the hub began.
        let process = case.facts.process.as_ref().map(|known| &known.seen);
        let hub_up = if let Some(ProcessSeen::Alive(process)) = process { process.uptime } else { Duration::ZERO };
        hub_up.max(case.now.since(case.facts.first_claim.unwrap_or(case.now)))
    };
    if waiting > grace {
        let text = format!("still connecting after {}{error}; start-up is given {}", human(waiting), human(grace));
        (Verdict::Agrees, Health::Failing, text)
    } else {
        let text = format!("connecting for {}{error}; start-up is given {}", human(waiting), human(grace));
        (Verdict::Agrees, Health::Degraded, text)
    }
}

/// The server lives and the hub says so: do its users see its tools?
fn judge_tools(case: &Case<'_>, how: &str) -> Ruling {
    let says = says(case.claim);
    let works = |verdict, health, text: String| (verdict, health, format!("{says}; {how}{text}"));
    let Some(listed) = case.listed else {
        return works(Verdict::Agrees, Health::Healthy, String::new());
    };
    if let Some(claimed) = &case.claim.tools {
        let change = listed.change_since(claimed);
        if listed.is_empty() && !change.removed.is_empty() && is_starting(case.facts) {
            return works(Verdict::Agrees, Health::Degraded, "; clients see its tools when the hub has started".to_owned());
        }
        if !change.removed.is_empty() && !filters(case.facts) {
            let text = format!(
                "; clients do not see {} of its {}: {}",
                change.removed.len(),
                count(claimed.len() as u64, "tool"),
                names(&change.removed)
            );
            let health = if listed.is_empty() { Health::Failing } else { Health::Degraded };
            return works(Verdict::Dropped, health, text);
        }
        if !change.added.is_empty() {
            let text = format!(
                "; clients see {} that it does not have: {}",
                count(change.added.len() as u64, "tool"),
                names(&change.added)
            );
            return works(Verdict::Phantom, Health::Degraded, text);
        }
    }
    match drift(case.facts, &case.claim.name) {
        Some(change) if !change.is_empty() => works(Verdict::Drifted, Health::Degraded, format!("; {}", describe(&change))),
        _ => works(Verdict::Agrees, Health::Healthy, String::new()),
    }
}

/// Whether the hub filters tools, so that a session may rightly see fewer than there are.
fn filters(facts: &Facts) -> bool {
    facts.filtering().is_some_and(|f| f.enabled == Some(true))
}

/// Whether the hub says that it is starting: npm mcp-hub lists no tool of any server until all have
/// answered or given up.
pub fn is_starting(facts: &Facts) -> bool {
    matches!(facts.hub().and_then(|hub| hub.state.as_ref()), Some(HubState::Starting | HubState::Restarting))
}

/// What changed in a server's tools since they were last seen.
pub fn drift(facts: &Facts, server: &Text) -> Option<ToolChange> {
    let before = facts.tools_before.get(server)?;
    let now = server_tools(facts, server)?;
    // An emptied list is a loss of tools, not another version of them.
    if now.is_empty() { None } else { Some(now.change_since(before)) }
}

/// A server's tools with their definitions: from the hub's REST list, else from a session's.
pub fn server_tools(facts: &Facts, server: &Text) -> Option<ToolSet> {
    facts.claim(server).and_then(|claim| claim.tools.clone()).or_else(|| listed_tools(facts, server))
}

/// A change in one line.
pub fn describe(change: &ToolChange) -> String {
    let part = |list: &[Text], word: &str| {
        (!list.is_empty()).then(|| format!("{} {word} ({})", count(list.len() as u64, "tool"), names(list)))
    };
    let parts: Vec<_> = [part(&change.added, "new"), part(&change.removed, "gone"), part(&change.changed, "redefined")]
        .into_iter()
        .flatten()
        .collect();
    if parts.is_empty() { "tools as last seen".to_owned() } else { format!("{} since last seen", parts.join(", ")) }
}

/// The tools of `server` that the first session sees, without the hub's prefix.
pub fn listed_tools(facts: &Facts, server: &Text) -> Option<ToolSet> {
    let session = facts.session.as_ref()?;
    let tools = session.seen.sessions.first()?.tools.as_ref().ok()?;
    let prefix = namespace_prefix(server.as_str());
    Some(tools.iter().filter_map(|(name, digest)| Some((Text::new(name.as_str().strip_prefix(&prefix)?), digest))).collect())
}

/// What the evidence says of one server.
pub fn life(facts: &Facts, server: &Text) -> Life {
    let child = child(facts, server);
    let ended = ended_at(facts, server, child);
    if let Some(stopped) = child.filter(|c| c.state == RunState::Stopped)
        && facts.process.as_ref().map(|p| p.at) > facts.call(server).map(|(_, at)| at)
    {
        // Seen after the last call: whatever that one answered, the next one would not be.
        return Life::Silent { why: format!("process {} is stopped (SIGSTOP or a debugger)", stopped.id.pid) };
    }
    let from = evidence_from(facts, child, ended).max(facts.claim_changed.get(server).copied());
    let call = facts.call(server).filter(|(_, at)| from.is_none_or(|from| *at >= from));
    match call.and_then(|(call, _)| call.answer.as_ref().map(|answer| (call, answer))) {
        Some((call, Ok(_))) => Life::Answers { how: format!("call answered in {}", human(call.took)) },
        Some((_, Err(failure))) if is_disconnected(failure) && !is_settled(facts, server) => {
            Life::Untold { why: format!("call answered \"{}\", but it was being restarted: asking again", failure.evidence) }
        }
        Some((_, Err(failure))) if is_disconnected(failure) => {
            let process = ended.map(|(at, pid)| format!("process {pid} is gone since {at}, ")).unwrap_or_default();
            Life::Dead { why: format!("{process}call answered \"{}\"", failure.evidence) }
        }
        Some((call, Err(failure)))
            if matches!(failure.kind, FailureKind::TimedOut(_)) || failure.kind == FailureKind::Rpc(-32001) =>
        {
            let process = child.filter(|c| c.state == RunState::Stopped).map(|c| format!("process {} is stopped, ", c.id.pid));
            Life::Silent { why: format!("{}no answer to a call within {}", process.unwrap_or_default(), human(call.took)) }
        }
        Some((_, Err(failure))) => Life::Answers { how: format!("call answered with an error: {failure}") },
        None => without_call(facts, server, child, ended),
    }
}

/// What can be said without a fresh canary call.
fn without_call(facts: &Facts, server: &Text, child: Option<&ChildFacts>, ended: Option<(Timestamp, u32)>) -> Life {
    if let Some(child) = child {
        let pid = child.id.pid;
        return match child.state {
            RunState::Normal | RunState::DiskSleep
                if facts.session.is_none() || facts.call(server).is_some_and(|(call, _)| call.answer.is_some()) =>
            {
                Life::Untold { why: format!("process {pid} is alive, not called yet") }
            }
            RunState::Stopped => Life::Silent { why: format!("process {pid} is stopped (SIGSTOP)") },
            RunState::Zombie => Life::Dead { why: format!("process {pid} is a zombie") },
            RunState::Normal | RunState::DiskSleep => {
                Life::Present { why: format!("process {pid} is alive, no tool can be called safely") }
            }
        };
    }
    match ended {
        Some((at, pid)) if is_settled(facts, server) => Life::Dead { why: format!("process {pid} is gone since {at}") },
        Some((_, pid)) => Life::Untold { why: format!("process {pid} ended just now, asking again") },
        None if facts.unnamed_exit().is_some_and(|at| facts.session.as_ref().is_none_or(|s| s.at < at)) => {
            Life::Untold { why: "a child of the hub ended just now, asking again".to_owned() }
        }
        None => match listed_tools(facts, server) {
            Some(tools) if !tools.is_empty() => {
                Life::Present { why: format!("{} listed, no tool can be called safely", count(tools.len() as u64, "tool")) }
            }
            Some(_) | None => Life::Untold { why: "nothing could be called and no process is known".to_owned() },
        },
    }
}

/// How long a hub is given to notice that a server's process ended, or to start it again, before its
/// claim counts as a lie. npm mcp-hub 4.2.1 stops and starts a server in about 0.1 s.
const SETTLE: Duration = Duration::from_millis(200);

/// How long calls must be refused before a server whose process seems to live counts as dead: the look
/// at its process may be older than its restart.
const REFUSED: Duration = Duration::from_millis(500);

/// Whether the evidence about a server may be held against its hub: the hub was asked, and its children
/// were looked at, long enough after the server's process began or ended or its claim changed.
pub fn is_settled(facts: &Facts, server: &Text) -> bool {
    let child = child(facts, server);
    let exit = facts.exit(server).map(|(at, _)| at).max(facts.unnamed_exit());
    let turned = match (child, &facts.process) {
        (Some(child), Some(known)) => Some(known.at.minus(child.uptime)),
        _ => exit,
    };
    let turned = turned.max(facts.claim_changed.get(server).copied());
    let after = |at: Option<Timestamp>, turned: Timestamp| at.is_none_or(|at| at.since(turned) >= SETTLE);
    let asked = turned.is_none_or(|turned| {
        after(facts.api.as_ref().map(|k| k.at), turned) && after(facts.process.as_ref().map(|k| k.at), turned)
    });
    asked && (child.is_none() && exit.is_some() || is_refused(facts, server))
}

/// Whether calls were refused for long enough, where there can be more than one: a visit makes one.
fn is_refused(facts: &Facts, server: &Text) -> bool {
    let Some(session) = facts.session.as_ref().filter(|known| known.seen.held) else { return true };
    facts.refused_since.get(server).is_none_or(|since| session.at.since(*since) >= REFUSED)
}

/// The words with which a hub says that a server behind it is not there.
/// Measured on npm mcp-hub 4.2.1: `Not connected`; `Connection closed` is the SDK's for a server that
/// dies during a call.
pub(crate) fn is_disconnected(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::ToolError | FailureKind::Rpc(_) | FailureKind::Status { .. })
        && ["Not connected", "Connection closed", "not connected"].iter().any(|words| failure.evidence.as_str().contains(words))
}

/// The child process that runs a server, as last seen.
pub fn child<'a>(facts: &'a Facts, server: &Text) -> Option<&'a ChildFacts> {
    let known = facts.process.as_ref()?;
    let ProcessSeen::Alive(process) = &known.seen else { return None };
    let child = process.children.iter().find(|child| child.server.as_ref() == Some(server))?;
    let gone = facts.exits.iter().any(|(at, exit)| exit.id == child.id && *at >= known.at);
    (!gone).then_some(child)
}

/// From when on a call says something about the process of now: since it started, or since the one
/// before it ended. The end of a child that could be any server's voids the older calls of all
/// servers whose process is not known.
fn evidence_from(facts: &Facts, child: Option<&ChildFacts>, ended: Option<(Timestamp, u32)>) -> Option<Timestamp> {
    match (child, &facts.process) {
        (Some(child), Some(known)) => Some(known.at.minus(child.uptime)),
        _ => ended.map(|(at, _)| at).max(facts.unnamed_exit()),
    }
}

/// When the server's process ended, when no other runs it now.
fn ended_at(facts: &Facts, server: &Text, child: Option<&ChildFacts>) -> Option<(Timestamp, u32)> {
    if child.is_some() {
        return None;
    }
    facts.exit(server)
}

fn says(claim: &ServerClaim) -> String {
    let tools = claim.tools.as_ref().filter(|_| claim.status == ClaimStatus::Connected);
    let tools = tools.map(|set| format!(", {}", count(set.len() as u64, "tool"))).unwrap_or_default();
    format!("hub says {}{tools}", claim.status.as_str())
}

/// Up to five names, and how many more.
fn names(list: &[Text]) -> String {
    const SHOWN_MAX: usize = 5;
    let mut text = list.iter().take(SHOWN_MAX).map(Text::as_str).collect::<Vec<_>>().join(", ");
    if list.len() > SHOWN_MAX {
        let _ = write!(text, " and {} more", list.len() - SHOWN_MAX);
    }
    text
}

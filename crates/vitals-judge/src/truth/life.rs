//! The evidence of one server's life, whatever the hub claims of it.

use std::time::Duration;

use vitals_model::observation::{ChildFacts, Failure, FailureKind, RunState};
use vitals_model::text::{Text, count};
use vitals_model::time::{Timestamp, human};
use vitals_model::tool::ToolSet;

use crate::check::Words;
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
        /// When it was: a claim of before does not contradict it.
        at: Timestamp,
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

/// A claim may be this much older than a failed call, and still be held against it.
const CLAIM_AGE_MAX: Duration = Duration::from_secs(2);

/// What the evidence says of one server. A good call of before `call_until` is too old to believe; a
/// failure stays one until something better is seen.
pub fn life(facts: &Facts, server: &Text, call_until: Timestamp, words: Words) -> Life {
    let child = child(facts, server);
    let ended = ended_at(facts, server, child);
    if let Some(stopped) = child.filter(|c| c.state == RunState::Stopped)
        && facts.process.as_ref().map(|p| p.at) > facts.call(server).map(|(_, visit)| visit.at)
    {
        // Seen after the last call: whatever that one answered, the next one would not be.
        return Life::Silent { why: words.say(|| format!("process {} is stopped (SIGSTOP or a debugger)", stopped.id.pid)) };
    }
    let from = evidence_from(facts, server);
    let call = facts.call(server).filter(|(_, visit)| from.is_none_or(|from| visit.began() >= from));
    let Some((call, visit, answer)) = call.and_then(|(call, visit)| Some((call, visit, call.answer.as_ref()?))) else {
        return without_call(facts, server, child, ended, words);
    };
    match answer {
        Ok(_) if visit.at < call_until => {
            Life::Untold { why: words.say(|| format!("last call answered at {}, none since", visit.at)) }
        }
        Ok(_) => Life::Answers { how: words.say(|| format!("call answered in {}", human(call.took))) },
        Err(failure) if is_disconnected(failure) && !is_settled(facts, server) => Life::Untold {
            why: words.say(|| format!("call answered \"{}\", but it was being restarted: asking again", failure.evidence)),
        },
        Err(failure) if is_disconnected(failure) => {
            let process = ended.map(|(at, pid)| words.say(|| format!("process {pid} is gone since {at}, "))).unwrap_or_default();
            let at = ended.map_or_else(|| visit.began().minus(CLAIM_AGE_MAX), |(at, _)| at);
            Life::Dead { why: words.say(|| format!("{process}call answered \"{}\"", failure.evidence)), at }
        }
        Err(failure) if matches!(failure.kind, FailureKind::TimedOut(_)) && facts.hub_unwell >= Some(visit.began()) => {
            Life::Untold {
                why: words
                    .say(|| format!("no answer to a call within {}, nor from the hub itself: asking again", human(call.took))),
            }
        }
        Err(failure) if matches!(failure.kind, FailureKind::TimedOut(_)) || failure.kind == FailureKind::Rpc(-32001) => {
            let process = child
                .filter(|c| c.state == RunState::Stopped)
                .map(|c| words.say(|| format!("process {} is stopped, ", c.id.pid)));
            Life::Silent {
                why: words.say(|| format!("{}no answer to a call within {}", process.unwrap_or_default(), human(call.took))),
            }
        }
        Err(failure) if crate::facts::is_empty_answer(failure) => {
            Life::Answers { how: words.say(|| format!("call answered with nothing in {}", human(call.took))) }
        }
        Err(failure) if is_of_server(failure) => {
            Life::Answers { how: words.say(|| format!("call answered with an error: {failure}")) }
        }
        Err(failure) => Life::Untold { why: words.say(|| format!("the hub did not pass a call on: {failure}")) },
    }
}

/// What can be said without a fresh canary call.
fn without_call(facts: &Facts, server: &Text, child: Option<&ChildFacts>, ended: Option<(Timestamp, u32)>, words: Words) -> Life {
    let uncalled = match facts.session.as_ref().and_then(|known| known.seen.sessions.first()).map(|first| &first.opened) {
        Some(Err(_)) => "not called: no session could be opened",
        _ => "not called yet",
    };
    if let Some(child) = child {
        let pid = child.id.pid;
        return match child.state {
            RunState::Normal | RunState::DiskSleep if facts.call(server).is_none_or(|(call, _)| call.answer.is_some()) => {
                Life::Untold { why: words.say(|| format!("process {pid} is alive, {uncalled}")) }
            }
            RunState::Stopped => Life::Silent { why: words.say(|| format!("process {pid} is stopped (SIGSTOP or a debugger)")) },
            RunState::Zombie => Life::Dead { why: words.say(|| format!("process {pid} is a zombie")), at: Timestamp::default() },
            RunState::Normal | RunState::DiskSleep => {
                Life::Present { why: words.say(|| format!("process {pid} is alive, no tool can be called safely")) }
            }
        };
    }
    match ended {
        Some((at, pid)) if is_settled(facts, server) => {
            Life::Dead { why: words.say(|| format!("process {pid} is gone since {at}")), at }
        }
        Some((_, pid)) => Life::Untold { why: words.say(|| format!("process {pid} ended just now, asking again")) },
        None if facts.unnamed_exit().is_some_and(|at| facts.session.as_ref().is_none_or(|s| s.began() < at)) => {
            Life::Untold { why: "a child of the hub ended just now, asking again".to_owned() }
        }
        // The first look of a watch may come before the hub's claims: nobody was there to be called.
        None if facts.session.is_some() && facts.call(server).is_none() => {
            Life::Untold { why: words.say(|| format!("no process is known, {uncalled}")) }
        }
        None => match listed_now(facts, server) {
            Some(tools) if !tools.is_empty() => Life::Present {
                why: words.say(|| format!("{} listed, no tool can be called safely", count(tools.len() as u64, "tool"))),
            },
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
pub(crate) fn is_settled(facts: &Facts, server: &Text) -> bool {
    let exit = facts.exit(server).map(|(at, _)| at).max(facts.unnamed_exit());
    let after = |at: Option<Timestamp>, turned: Timestamp| at.is_none_or(|at| at.since(turned) >= SETTLE);
    let asked = turned(facts, server).is_none_or(|turned| {
        after(facts.api.as_ref().map(|k| k.at), turned) && after(facts.process.as_ref().map(|k| k.at), turned)
    });
    asked && (child(facts, server).is_none() && exit.is_some() || is_refused(facts, server))
}

/// Whether calls were refused for long enough, where there can be more than one: a visit makes one.
fn is_refused(facts: &Facts, server: &Text) -> bool {
    let Some(session) = facts.session.as_ref().filter(|known| known.seen.held) else { return true };
    facts.refused_since.get(server).is_none_or(|since| session.at.since(*since) >= REFUSED)
}

/// Whether it was only seen that a call to a server had no answer, and the hub was not heard since: then
/// the hub itself may be what does not answer.
pub(crate) fn may_be_the_hub(facts: &Facts, server: &Text) -> bool {
    let heard = facts.api.as_ref().map(|api| api.at);
    !is_stopped(facts, server) && facts.session.as_ref().is_some_and(|visit| heard.is_none_or(|heard| heard < visit.at))
}

/// Whether a server's process is stopped (SIGSTOP): then there is no need to call it again.
pub(crate) fn is_stopped(facts: &Facts, server: &Text) -> bool {
    child(facts, server).is_some_and(|child| child.state == RunState::Stopped)
}

/// The words with which a hub says that a server behind it is not there.
/// Measured on npm mcp-hub 4.2.1: `Not connected`; `Connection closed` is the SDK's for a server that
/// dies during a call, `Server not initialized` for one that was just started again.
pub(crate) fn is_disconnected(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::ToolError | FailureKind::Rpc(_) | FailureKind::Status { .. })
        && ["ot connected", "Connection closed", "not initialized"].iter().any(|words| failure.evidence.as_str().contains(words))
}

/// Whether the list of tools was waited for in vain.
pub(crate) fn is_list_lost(facts: &Facts) -> bool {
    let first = facts.session.as_ref().and_then(|known| known.seen.sessions.first());
    first.is_some_and(|view| view.tools.as_ref().is_err_and(|failure| matches!(failure.kind, FailureKind::TimedOut(_))))
}

/// Whether an error can only have come from the server itself: the hub passed the call on.
pub(crate) const fn is_of_server(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::ToolError | FailureKind::Rpc(_) | FailureKind::Empty)
}

/// The tools of `server` that the first session sees, without the hub's prefix; `None` when no list is
/// newer than the server's process, than the hub's own list of its tools and than the hub's state: npm
/// mcp-hub lists nothing while it starts.
pub(crate) fn listed_now<'a>(facts: &'a Facts, server: &Text) -> Option<&'a ToolSet> {
    let session = facts.session.as_ref()?;
    let changed = facts.courses.get(server).and_then(|course| course.tools_changed);
    let state = facts.state.as_ref().filter(|state| state.changed).map(|state| state.seen);
    let from = evidence_from(facts, server).max(changed).max(state);
    if from.is_none_or(|from| session.began() >= from) { facts.listed(server) } else { None }
}

/// The child process that runs a server, as last seen: the youngest. One that was stopped (SIGSTOP) outlives its
/// own replacement for as long as a hub waits before it kills it.
pub(crate) fn child<'a>(facts: &'a Facts, server: &Text) -> Option<&'a ChildFacts> {
    let (known, child) = facts.child(server)?;
    (!facts.exits.has_since(child.id, known.at)).then_some(child)
}

/// When the server last became another one: when its process began, or the one before it ended, or its
/// claim changed. The end of a child that could be any server's counts for all whose process is not
/// known.
fn turned(facts: &Facts, server: &Text) -> Option<Timestamp> {
    let process = match (child(facts, server), &facts.process) {
        (Some(child), Some(known)) => Some(known.at.minus(child.uptime)),
        _ => facts.exit(server).map(|(at, _)| at).max(facts.unnamed_exit()),
    };
    process.max(facts.courses.get(server).and_then(|course| course.status_changed))
}

/// From when on a call or a list says something about the server of now.
fn evidence_from(facts: &Facts, server: &Text) -> Option<Timestamp> {
    turned(facts, server).max(facts.hub_started())
}

/// When the server's process ended, when no other runs it now.
fn ended_at(facts: &Facts, server: &Text, child: Option<&ChildFacts>) -> Option<(Timestamp, u32)> {
    if child.is_some() {
        return None;
    }
    facts.exit(server)
}

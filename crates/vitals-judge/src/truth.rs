//! Truth: what a hub claims of each server, against what was seen of it.
//!
//! Three kinds of evidence count, strongest first: a canary call through the hub, the state of the
//! server's process, and the tool lists. Evidence is void when it is older than what it would speak of:
//! than the process that runs the server now, than the end of the one before, than the hub's own
//! process, than a change of the claim.

mod life;

use std::fmt::Write as _;

use vitals_model::claim::{ClaimStatus, HubState, ServerClaim};
use vitals_model::config::{Expect, TargetSettings};
use vitals_model::drift::{Change, Fate, ToolDrift};
use vitals_model::reading::Health;
use vitals_model::text::{Text, count};
use vitals_model::time::{Timestamp, human};
use vitals_model::tool::{Field, ToolChange, ToolSet};
use vitals_model::verdict::{ServerTruth, Verdict};

use crate::check::Words;
use crate::facts::{Facts, Surface};
pub use life::{Life, life};
pub(crate) use life::{child, is_disconnected, is_list_lost, is_of_server, is_settled, is_stopped, listed_now, may_be_the_hub};

/// How many intervals a good call is believed.
pub(crate) const STALE_INTERVALS: u32 = 3;

/// The truth about every server of a hub, in order of name; each name once.
pub fn of_hub(facts: &Facts, settings: &TargetSettings, now: Timestamp, words: Words) -> Vec<ServerTruth> {
    let mut truths: Vec<_> = facts.servers().iter().map(|claim| of_server(facts, claim, settings, now, words)).collect();
    truths.sort_by(|a, b| a.name.cmp(&b.name));
    truths.dedup_by(|a, b| a.name == b.name);
    truths
}

fn of_server(facts: &Facts, claim: &ServerClaim, settings: &TargetSettings, now: Timestamp, words: Words) -> ServerTruth {
    let name = &claim.name;
    let expect = settings.servers.get(name.as_str()).map_or(Expect::Up, |s| s.expect);
    let call_until = now.minus(settings.schedule.session * STALE_INTERVALS);
    let life = life(facts, name, call_until, words);
    let listed = listed_now(facts, name);
    let (verdict, health, reason) = match facts.api_failure() {
        Some(failure) => {
            (Verdict::Unknown, Health::Unknown, words.say(|| format!("not measured: the hub's API gives no answer ({failure})")))
        }
        None => judge(&Case { facts, claim, expect, life: &life, listed, settings, now, words }),
    };
    let call_ms =
        facts.call(name).and_then(|(call, _)| matches!(call.answer, Some(Ok(_))).then(|| call.took.as_secs_f64() * 1000.0));
    let tools = facts.listed(name).map(|set| set.len() as u64);
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
    words: Words,
}

type Ruling = (Verdict, Health, String);

/// Claim against life: the table that the product exists for.
fn judge(case: &Case<'_>) -> Ruling {
    let says = || says(case.claim);
    match (&case.claim.status, case.life, case.expect) {
        (_, Life::Answers { how }, Expect::Down) => (
            Verdict::Agrees,
            Health::Healthy,
            case.words.say(|| format!("works ({how}), although the configuration expects it to be down")),
        ),
        (_, Life::Dead { why, .. } | Life::Silent { why } | Life::Untold { why }, Expect::Down) => (
            Verdict::ExpectedDown,
            Health::Healthy,
            case.words.say(|| format!("down, as the configuration expects; {says}; {why}", says = says())),
        ),
        (status, Life::Present { why }, Expect::Down) if *status != ClaimStatus::Connected => (
            Verdict::ExpectedDown,
            Health::Healthy,
            case.words.say(|| format!("down, as the configuration expects; {says}; {why}", says = says())),
        ),
        // A server that is being restarted dies too: the hub is asked whether it knows.
        (ClaimStatus::Connected, Life::Dead { why, at }, _) if claim_is_older_than(case.facts, *at) => (
            Verdict::Unknown,
            Health::Unknown,
            case.words.say(|| format!("hub said connected before; {why}, asking the hub again")),
        ),
        (ClaimStatus::Connected, Life::Dead { why, .. }, _) => {
            (Verdict::Ghost, Health::Failing, case.words.say(|| format!("{says}; {why}", says = says())))
        }
        (ClaimStatus::Connected, Life::Silent { why }, _) => {
            (Verdict::Hung, Health::Failing, case.words.say(|| format!("{says}; {why}", says = says())))
        }
        (ClaimStatus::Connected, Life::Answers { how }, _) => judge_tools(case, how),
        (ClaimStatus::Connected, Life::Present { why }, _) => {
            judge_tools(case, &case.words.say(|| format!("{why}; weaker evidence")))
        }
        (ClaimStatus::Connected, Life::Untold { why }, _) => {
            (Verdict::Unknown, Health::Unknown, case.words.say(|| format!("{says}; {why}", says = says())))
        }
        // Called after the hub was asked: it got connected in between.
        (ClaimStatus::Connecting, Life::Answers { how }, _) if was_called_since(case.facts) => (
            Verdict::Unknown,
            Health::Unknown,
            case.words.say(|| format!("{says} before; it works ({how}), asking the hub again", says = says())),
        ),
        (_, Life::Answers { how }, _) => {
            (Verdict::Hidden, Health::Degraded, case.words.say(|| format!("{says}; it works ({how})", says = says())))
        }
        _ => judge_honest(case),
    }
}

/// The hub does not claim the server to be connected, and nothing shows that it works.
fn judge_honest(case: &Case<'_>) -> Ruling {
    let says = || says(case.claim);
    let error = case.claim.error.as_ref().map(|e| case.words.say(|| format!(": {e}"))).unwrap_or_default();
    match &case.claim.status {
        ClaimStatus::Disabled => (Verdict::Agrees, Health::Healthy, "disabled in the hub's configuration".to_owned()),
        ClaimStatus::Unauthorized => (
            Verdict::Agrees,
            Health::Degraded,
            case.words.say(|| format!("{says}{error}: it is there and waits for somebody to log in", says = says())),
        ),
        ClaimStatus::Connecting => judge_connecting(case, &error),
        ClaimStatus::Connected | ClaimStatus::Disconnected => {
            (Verdict::Agrees, Health::Failing, case.words.say(|| format!("down, and the hub says so{error}")))
        }
        ClaimStatus::Other(_) => (
            Verdict::Unknown,
            Health::Unknown,
            case.words.say(|| format!("{says}, a status that this version does not know{error}", says = says())),
        ),
    }
}

fn judge_connecting(case: &Case<'_>, error: &str) -> Ruling {
    let grace = case.settings.thresholds.start_grace;
    let course = case.facts.courses.get(&case.claim.name);
    let changed = course.and_then(|c| c.status_changed);
    // A claim that was there at our first look may be as old as the hub.
    let since = match (changed, course) {
        (Some(at), _) => at,
        (None, Some(course)) => case.facts.hub_started().map_or(course.first_seen, |start| start.min(course.first_seen)),
        (None, None) => case.now,
    };
    let waiting = case.now.since(since);
    if waiting > grace {
        let text =
            case.words.say(|| format!("still connecting after {}{error}; start-up is given {}", human(waiting), human(grace)));
        (Verdict::Agrees, Health::Failing, text)
    } else {
        let text = case.words.say(|| format!("connecting for {}{error}; start-up is given {}", human(waiting), human(grace)));
        (Verdict::Agrees, Health::Degraded, text)
    }
}

/// The server lives and the hub says so: do its users see its tools?
fn judge_tools(case: &Case<'_>, how: &str) -> Ruling {
    let says = || says(case.claim);
    let works =
        |verdict, health, text: String| (verdict, health, case.words.say(|| format!("{says}; {how}{text}", says = says())));
    if let (Some(listed), Some(claimed)) = (case.listed, &case.claim.tools) {
        let change = if listed.has_names_of(claimed) { ToolChange::default() } else { listed.change_since(claimed) };
        if listed.is_empty() && !change.removed.is_empty() && is_starting(case.facts) {
            return works(Verdict::Agrees, Health::Degraded, "; clients see its tools when the hub has started".to_owned());
        }
        if !change.removed.is_empty() && !filters(case.facts) {
            let text = case.words.say(|| {
                format!(
                    "; clients do not see {} of its {}: {}",
                    change.removed.len(),
                    count(claimed.len() as u64, "tool"),
                    names(&change.removed)
                )
            });
            let health = if listed.is_empty() { Health::Failing } else { Health::Degraded };
            return works(Verdict::Dropped, health, text);
        }
        if !change.added.is_empty() {
            let text = case.words.say(|| {
                format!(
                    "; clients see {} that it does not have: {}",
                    count(change.added.len() as u64, "tool"),
                    names(&change.added)
                )
            });
            return works(Verdict::Phantom, Health::Degraded, text);
        }
    }
    match drift(case.facts, &case.claim.name) {
        Some(surface) => works(Verdict::Drifted, Health::Degraded, case.words.say(|| format!("; {}", tell(surface)))),
        None => works(Verdict::Agrees, Health::Healthy, String::new()),
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

/// The tools of a server that differ from what they were.
pub fn drift<'a>(facts: &'a Facts, server: &Text) -> Option<&'a Surface> {
    // An emptied list is a loss of tools, not another version of them.
    if facts.claim(server).and_then(|claim| claim.tools.as_ref()).is_some_and(ToolSet::is_empty) {
        return None;
    }
    facts.surfaces.get(server).filter(|surface| surface.drift.as_ref().is_some_and(|drift| !drift.is_empty()))
}

/// A server's tools with their definitions: from the hub's REST list, else from a session's. A target without
/// a REST API is one server, reached directly.
pub fn server_tools(facts: &Facts, server: &Text) -> Option<ToolSet> {
    if facts.api.is_none() {
        return facts.session.as_ref()?.seen.sessions.first()?.tools.clone().ok();
    }
    let own = |listed: ToolSet| -> ToolSet {
        listed.definitions().map(|(name, definition)| (name.clone(), definition.renamed(name.as_str()))).collect()
    };
    facts.claim(server).and_then(|claim| claim.tools.clone()).or_else(|| listed_now(facts, server).cloned().map(own))
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

/// A drift in one line: how many tools, what it means, and the worst difference.
pub fn tell(surface: &Surface) -> String {
    let drift = surface.drift.as_deref().unwrap_or_default();
    let part = |fate, word: &str| {
        let names: Vec<_> = drift.iter().filter(|tool| tool.fate == fate).map(|tool| tool.tool.clone()).collect();
        (!names.is_empty()).then(|| format!("{} {word} ({})", count(names.len() as u64, "tool"), self::names(&names)))
    };
    let parts = [part(Fate::Added, "new"), part(Fate::Removed, "gone"), part(Fate::Redefined, "redefined")];
    let parts: Vec<_> = parts.into_iter().flatten().collect();
    let since = if surface.is_pinned { "since pinned" } else { "since last seen" };
    let worst = drift.iter().max_by_key(|tool| (tool.meaning(), std::cmp::Reverse(&tool.tool)));
    let worst =
        worst.and_then(|tool| Some(format!("; {}: {}", tool.meaning().as_str(), change_line(tool, tool.changes.first()?))));
    format!("{} {since}{}", parts.join(", "), worst.unwrap_or_default())
}

/// One difference in one line: `read_file inputSchema path: type string → number`.
pub fn change_line(tool: &ToolDrift, change: &Change) -> String {
    let mut line = tool.tool.to_string();
    for part in [change.field.map_or("", Field::as_str), &change.path] {
        if !part.is_empty() {
            line.extend([" ", part]);
        }
    }
    format!("{line}: {}", change.what)
}

fn claim_is_older_than(facts: &Facts, at: Timestamp) -> bool {
    facts.api.as_ref().is_some_and(|api| api.at < at)
}

/// Whether the servers were called after the hub was last asked about them.
fn was_called_since(facts: &Facts) -> bool {
    facts.session.as_ref().is_some_and(|session| claim_is_older_than(facts, session.at))
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

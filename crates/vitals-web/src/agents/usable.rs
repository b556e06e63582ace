//! `can_use_tool`: whether a tool can be used just now, and why not. The hub's claim alone never makes one usable.

use std::cmp::Reverse;
use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::{Value, json};
use vitals_model::check::Point;
use vitals_model::claim::ClaimStatus;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::{ServerTools, TargetState};
use vitals_model::target::TargetKind;
use vitals_model::text::{Text, plural};
use vitals_model::time::Timestamp;
use vitals_model::tool::namespaced;
use vitals_model::verdict::{ServerTruth, Verdict};

use super::answer::{Answer, EVIDENCE_MAX, NOTHING, OFFERS_MAX, Stamp, data, quoted, wanted};
use super::surface::{VERDICTS, stamped};
use crate::source::Known;

/// The three answers, best first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Usable {
    Yes,
    Unknown,
    No,
}

impl Usable {
    const ALL: [Self; 3] = [Self::Yes, Self::No, Self::Unknown];

    const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "usable",
            Self::Unknown => "unknown",
            Self::No => "not_usable",
        }
    }
}

/// What is asked.
#[derive(Clone, Copy, Debug)]
pub(super) struct Question<'a> {
    pub tool: &'a str,
    pub server: Option<&'a str>,
    pub target: Option<&'a str>,
}

/// One server that has the tool.
struct Offer<'a> {
    state: &'a TargetState,
    truth: &'a ServerTruth,
    tools: &'a ServerTools,
    /// The server's own name for the tool.
    own_name: &'a Text,
    /// It was asked for, not only found under the same name.
    is_meant: bool,
}

/// The answer for one offer.
struct Ruling {
    usable: Usable,
    reason: String,
    since: Timestamp,
}

#[derive(Serialize)]
struct Usability {
    #[serde(flatten)]
    stamp: Stamp,
    answer: &'static str,
    reason: String,
    offers: Vec<View>,
    alternatives: Vec<View>,
    more: usize,
}

#[derive(Serialize)]
struct View {
    target: String,
    server: String,
    call_as: String,
    answer: &'static str,
    claim: Option<String>,
    verdict: &'static str,
    reason: String,
    since: String,
    evidence: Vec<String>,
}

pub(super) fn schema() -> Value {
    let (text, answer) = (json!({"type": "string"}), json!({"enum": Usable::ALL.map(Usable::as_str)}));
    let offers = json!({"type": "array", "items": {
        "type": "object",
        "properties": {
            "target": text, "server": text, "call_as": text, "answer": answer, "claim": {"type": ["string", "null"]},
            "verdict": {"enum": VERDICTS}, "reason": text, "since": text, "evidence": {"type": "array", "items": text},
        },
        "required": ["target", "server", "call_as", "answer", "verdict", "reason", "since"],
    }});
    stamped(
        json!({"answer": answer, "reason": text, "offers": offers, "alternatives": offers, "more": {"type": "integer"}}),
        &["answer", "reason", "offers", "alternatives", "more"],
    )
}

pub(super) fn answer(known: &Known, question: Question<'_>) -> Result<Answer, String> {
    let stamp = Stamp::of(known);
    let targets = wanted(known, question.target)?;
    let mut offers = offers(&targets, question);
    let ruled = |offer: &Offer<'_>| rule(offer, &stamp);
    offers.sort_by_key(|offer| (!offer.is_meant, ruled(offer).usable, &offer.state.target.id, &offer.truth.name));
    let (usable, reason) = match offers.first().filter(|offer| offer.is_meant) {
        Some(best) => {
            let ruling = ruled(best);
            let (name, server) = (quoted(question.tool), quoted(best.truth.name.as_str()));
            let words = ruling.usable.as_str().replace('_', " ");
            (ruling.usable, format!("{name} of {server} is {words} since {}: {}", ruling.since, quoted(&ruling.reason)))
        }
        None => nobody(&targets, question, &stamp),
    };
    let more = offers.len().saturating_sub(OFFERS_MAX);
    offers.truncate(OFFERS_MAX);
    let views = |meant: bool| -> Vec<View> {
        offers.iter().filter(|offer| offer.is_meant == meant).map(|offer| view(offer, &ruled(offer))).collect()
    };
    let (meant, alternatives) = (views(true), views(false));
    let mut lines = vec![format!("{}: {reason}", usable.as_str().to_uppercase().replace('_', " ")), stamp.line()];
    if let Some(first) = meant.first() {
        lines.extend(first.evidence.iter().map(|line| format!("- {}", quoted(line))));
    }
    for other in meant.iter().skip(1).chain(&alternatives) {
        let (name, server, target) = (quoted(&other.call_as), quoted(&other.server), quoted(&other.target));
        lines.push(format!("Also offered: {name} of {server} at {target}, {}.", other.answer.replace('_', " ")));
    }
    if more > 0 {
        lines.push(format!("{} left out; name a server.", plural(more as u64, "more offer is", "more offers are")));
    }
    Answer::new(lines, &Usability { stamp, answer: usable.as_str(), reason, offers: meant, alternatives, more })
}

/// Every server that has a tool of this name, under its own name or the hub's for it, which a client may have put
/// something of its own before (`mcp__hub__server__tool`).
fn offers<'a>(targets: &[&'a TargetState], question: Question<'_>) -> Vec<Offer<'a>> {
    let asked = question.tool.trim();
    let is_full = |full: &str| asked == full || asked.strip_suffix(full).is_some_and(|before| before.ends_with("__"));
    let full_name = |offer: &Offer<'_>| namespaced(offer.truth.name.as_str(), offer.own_name.as_str());
    let mut meant_names = BTreeSet::new();
    let mut all: Vec<Offer<'a>> = targets.iter().flat_map(|state| every_tool(state)).collect();
    for offer in &mut all {
        let is_server = question.server.is_none_or(|name| name == offer.truth.name.as_str());
        offer.is_meant = is_server && (offer.own_name.as_str() == asked || is_full(&full_name(offer)));
        if offer.is_meant {
            meant_names.insert(offer.own_name);
        }
    }
    let is_same = |offer: &Offer<'_>| offer.own_name.as_str() == asked || meant_names.contains(offer.own_name);
    all.retain(is_same);
    all
}

fn every_tool<'a>(state: &'a TargetState) -> impl Iterator<Item = Offer<'a>> {
    let of = |truth: &'a ServerTruth| Some((truth, state.tools.get(&truth.name)?));
    state.servers.iter().filter_map(of).flat_map(move |(truth, tools)| {
        let own = tools.own.definitions().map(|(name, _)| name);
        let listed = tools.listed.iter().flat_map(|set| set.definitions().map(|(name, _)| name));
        let only_listed = listed.filter(|name| !tools.own.has(name.as_str()));
        own.chain(only_listed).map(move |own_name| Offer { state, truth, tools, own_name, is_meant: false })
    })
}

/// Where no server is known to have the tool.
fn nobody(targets: &[&TargetState], question: Question<'_>, stamp: &Stamp) -> (Usable, String) {
    let name = quoted(question.tool);
    if targets.is_empty() {
        return (Usable::Unknown, NOTHING.to_owned());
    }
    if question.tool.ends_with("hub__analyze_prompt") {
        return (Usable::Unknown, format!("{name} is the hub's own tool: ask `explain` for meta-tool-clients/*"));
    }
    let servers = || targets.iter().flat_map(|state| state.servers.iter().map(move |truth| (state, truth)));
    let asked = |truth: &ServerTruth| question.server.is_none_or(|name| name == truth.name.as_str());
    if !servers().any(|(_, truth)| asked(truth)) && targets.iter().all(|state| !state.servers.is_empty()) {
        return (Usable::No, format!("no watched hub has a server {}", quoted(question.server.unwrap_or_default())));
    }
    let is_mute = |state: &TargetState, truth: &ServerTruth| {
        state.tools.get(&truth.name).is_none_or(|tools| tools.own.is_empty() && tools.listed.is_none())
    };
    let mute = servers().filter(|(state, truth)| asked(truth) && is_mute(state, truth)).count();
    let unseen = targets.iter().filter(|state| state.servers.is_empty()).count();
    if mute + unseen > 0 || stamp.stale {
        return (Usable::Unknown, format!("no tool {name} is known, and not all tools are known now"));
    }
    (Usable::No, format!("no server that was asked for has a tool {name}"))
}

fn rule(offer: &Offer<'_>, stamp: &Stamp) -> Ruling {
    let truth = offer.truth;
    let (usable, reason, since) = if let Some(reading) = outage(offer.state) {
        (Usable::No, format!("{}: {}", reading.id, reading.summary), reading.since)
    } else {
        let (usable, more) = of_server(offer);
        let reason = if more.is_empty() { truth.reason.clone() } else { format!("{more}; {}", truth.reason) };
        (usable, reason, truth.since)
    };
    if stamp.stale {
        return Ruling { usable: Usable::Unknown, reason: format!("the last look is too old; then it was: {reason}"), since };
    }
    Ruling { usable, reason, since }
}

/// What is wrong with the hub itself, so that no client reaches any tool through it.
fn outage(state: &TargetState) -> Option<&Reading> {
    let is_vital = |reading: &&Reading| {
        reading.id.server().is_none()
            && match reading.point {
                Point::HubServers => matches!(reading.id.question(), "process" | "port" | "api"),
                Point::FilteringSessions => matches!(reading.id.question(), "open" | "tools"),
                _ => false,
            }
    };
    let is_out = |reading: &&Reading| reading.standing == Standing::Judged && reading.health == Health::Failing;
    state.readings.iter().filter(is_vital).find(is_out)
}

/// What claim and truth of the server say about this tool, and what is to be added to the reason.
fn of_server(offer: &Offer<'_>) -> (Usable, String) {
    let (truth, tools, name) = (offer.truth, offer.tools, offer.own_name.as_str());
    let is_claimed_up = truth.claim.as_ref().is_none_or(|claim| *claim == ClaimStatus::Connected);
    let is_listed = tools.listed.as_ref().map(|set| set.has(name));
    let filters = offer.state.filtering.as_ref().is_some_and(|filtering| filtering.enabled == Some(true));
    match truth.verdict {
        Verdict::Ghost | Verdict::Hung | Verdict::ExpectedDown => (Usable::No, String::new()),
        _ if truth.health == Health::Failing => (Usable::No, String::new()),
        Verdict::Unknown => (Usable::Unknown, String::new()),
        _ if truth.health == Health::Unknown => (Usable::Unknown, String::new()),
        Verdict::Hidden | Verdict::Dropped if is_listed.is_none() => {
            (Usable::Unknown, "whether clients see it is not known".to_owned())
        }
        Verdict::Agrees if !is_claimed_up => (Usable::No, String::new()),
        _ if offer.state.target.address.kind() == TargetKind::Server && truth.tools.is_none() => (Usable::Unknown, String::new()),
        _ if !tools.own.has(name) => (Usable::No, "the hub lists it, the server does not have it".to_owned()),
        _ if is_listed == Some(false) && !filters => (Usable::No, "clients of the hub do not see it".to_owned()),
        _ if is_listed == Some(false) => (Usable::Yes, "a session sees it after asking the hub's meta-tool for it".to_owned()),
        Verdict::Drifted => (Usable::Yes, "tools of this server changed: read its definition again".to_owned()),
        _ => (Usable::Yes, String::new()),
    }
}

fn view(offer: &Offer<'_>, ruling: &Ruling) -> View {
    let (state, truth) = (offer.state, offer.truth);
    let call_as = match state.target.address.kind() {
        TargetKind::Hub => namespaced(truth.name.as_str(), offer.own_name.as_str()),
        TargetKind::Server => offer.own_name.to_string(),
    };
    let id_name = truth.name.as_str().replace('/', "_");
    let of_server = |reading: &&Reading| reading.id.server() == Some(&id_name);
    let tells = |reading: &&Reading| {
        matches!(reading.id.question(), "call" | "process" | "tools" | "open")
            || (reading.id.question() != "truth" && reading.standing == Standing::Judged && reading.health > Health::Unknown)
    };
    let mut telling: Vec<_> = state.readings.iter().filter(of_server).filter(tells).collect();
    telling.sort_by_key(|reading| Reverse(reading.health));
    View {
        target: data(state.target.id.as_str()),
        server: data(truth.name.as_str()),
        call_as: data(&call_as),
        answer: ruling.usable.as_str(),
        claim: truth.claim.as_ref().map(|claim| data(claim.as_str())),
        verdict: truth.verdict.as_str(),
        reason: data(&ruling.reason),
        since: ruling.since.to_string(),
        evidence: telling.iter().take(EVIDENCE_MAX).map(|r| data(&format!("{}: {}", r.id, r.summary))).collect(),
    }
}

//! `hub-servers/<server>/{drift,signs,tokens}`, `hub-servers/{tokens,lock}`: the tools as callers and models
//! see them.

use std::time::Duration;

use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::drift::Sign;
use vitals_model::limits::EVIDENCE_PIECES_MAX;
use vitals_model::reading::Reading;
use vitals_model::text::{Text, count};
use vitals_model::tool::LockFile;

use super::Scene;
use super::draft::Draft;
use super::words::{Sentence, Words};
use crate::facts::{Known, Surface};
use crate::surface::tokens::{GROWTH_MIN, TokenCourse};
use crate::truth::{change_line, tell};

/// Servers named as those that grew most.
const GROWN_MAX: usize = 5;

/// What to do about tools that are not what they were.
pub(super) fn what_to_do(server: &Text) -> String {
    format!(
        "read what changed before agents rely on it: `mcp-vitals tools diff`; pinned tools stay a difference until `mcp-vitals tools approve {server}`, others count as known after an hour of `watch`"
    )
}

/// What the tools of one server cost in tokens; none when only their digests are known.
pub(super) fn tokens<T>(scene: Scene<'_>, server: &Text, surface: &Surface, known: &Known<T>) -> Option<Reading> {
    let tokens = surface.tokens.now()?;
    let text = || format!("about {} in {}", count(tokens, "token"), count(surface.tools, "tool"));
    Some(scene.of_server(server, "tokens", known).value(tokens as f64, Unit::Count).fact(text))
}

/// What the tools of all servers cost together.
pub(super) fn tokens_of_hub(scene: Scene<'_>) -> Option<Reading> {
    let api = scene.facts.api.as_ref()?;
    let known: Vec<_> = scene.facts.surfaces.iter().filter_map(|(name, surface)| grown(name, surface)).collect();
    let draft = scene.of_target(Point::HubServers, "tokens", api).cause(super::api_id());
    let tools: u64 = scene.facts.surfaces.values().map(|surface| surface.tools).sum();
    let of = || format!("{} of {}", count(tools, "tool"), count(known.len() as u64, "server"));
    (!known.is_empty()).then(|| growth(scene, draft, &known, of))
}

/// The same for a server that is reached directly, which is all there is.
pub(super) fn of_direct<T>(scene: Scene<'_>, server: &Text, known: &Known<T>) -> Vec<Reading> {
    let surface = scene.facts.surfaces.get(server);
    let grown = surface.and_then(|surface| Some((grown(server, surface)?, surface.tools)));
    let draft = scene.of_target(Point::HubServers, "tokens", known).cause(super::truth_id(server));
    let tokens = grown.map(|(grown, tools)| growth(scene, draft, &[grown], || count(tools, "tool")));
    tokens.into_iter().chain(lock(scene)).collect()
}

/// How the tools of one server differ from what they were.
pub(super) fn drift<T>(scene: Scene<'_>, server: &Text, surface: &Surface, known: &Known<T>) -> Reading {
    let draft = scene.of_server(server, "drift", known);
    let tools = || count(surface.tools, "tool");
    match &surface.drift {
        None => draft.fact(|| format!("{} seen for the first time", tools())),
        Some(all) if all.is_empty() => {
            draft.healthy(|| format!("{} as {}", tools(), if surface.is_pinned { "pinned" } else { "last seen" }))
        }
        Some(all) => {
            let lines =
                all.iter().flat_map(|tool| tool.changes.iter().map(move |change| (change.meaning, change_line(tool, change))));
            let mut lines: Vec<_> = lines.collect();
            lines.sort_by_key(|(meaning, _)| std::cmp::Reverse(*meaning));
            let lines = lines.into_iter().take(EVIDENCE_PIECES_MAX);
            let draft = lines.fold(draft, |draft, (meaning, line)| draft.evidence(|| format!("{}: {line}", meaning.as_str())));
            draft.hint(|| what_to_do(server)).degraded(|| tell(surface))
        }
    }
}

/// Signs of orders in what a model reads. Those that somebody approved count no more.
pub(super) fn signs<T>(scene: Scene<'_>, server: &Text, surface: &Surface, known: &Known<T>) -> Reading {
    let draft = scene.of_server(server, "signs", known).value(surface.signs.len() as f64, Unit::Count);
    let Some(first) = surface.signs.first() else {
        let approved = || match surface.approved_signs as u64 {
            0 => String::new(),
            n => format!(", {} approved", count(n, "sign")),
        };
        return draft.healthy(|| format!("no sign of orders to a model in {}{}", count(surface.tools, "tool"), approved()));
    };
    let draft = surface.signs.iter().take(EVIDENCE_PIECES_MAX).fold(draft, |draft, sign| draft.evidence(|| sign_line(sign)));
    let text = || format!("{} of orders to a model: {}", count(surface.signs.len() as u64, "sign"), sign_line(first));
    draft
        .hint(|| format!("read the words before agents do; if they are meant: `mcp-vitals tools approve {server}`"))
        .degraded(text)
}

/// A sign in one line: `add description: concealment “Do not tell the user”`.
pub fn sign_line(sign: &Sign) -> String {
    let path = if sign.path.is_empty() { String::new() } else { format!(" {}", sign.path) };
    format!("{} {}{path}: {} “{}”", sign.tool, sign.field.as_str(), sign.kind.as_str(), sign.excerpt)
}

/// A server's tokens now, and how many there were when the window began.
struct Grown<'a> {
    server: &'a Text,
    now: u64,
    before: u64,
}

fn grown<'a>(server: &'a Text, surface: &Surface) -> Option<Grown<'a>> {
    let tokens: &TokenCourse = &surface.tokens;
    Some(Grown { server, now: tokens.now()?, before: tokens.before()? })
}

/// Judges the sum against what it was a day ago.
fn growth(scene: Scene<'_>, draft: Draft, all: &[Grown<'_>], of: impl Sentence) -> Reading {
    let now: u64 = all.iter().map(|one| one.now).sum();
    let before: u64 = all.iter().map(|one| one.before).sum();
    let (warning, critical) = scene.settings.thresholds.token_growth_percent;
    let bound = |percent: f64| (before as f64 * (1.0 + percent / 100.0)).max((before + GROWTH_MIN) as f64).ceil();
    let mut most: Vec<_> = all.iter().filter(|one| scene.words == Words::Said && one.now > one.before).collect();
    most.sort_by_key(|one| std::cmp::Reverse(one.now - one.before));
    let draft = most.into_iter().take(GROWN_MAX).fold(draft, |draft, one| {
        draft.evidence(|| format!("{}: about {} → {}", one.server, one.before, count(one.now, "token")))
    });
    let text = || {
        let since = if now == before { String::new() } else { format!(", {before} a day ago") };
        format!("about {} in {}{since}", count(now, "token"), of.write())
    };
    let hint =
        "every request of an agent carries them: give it fewer tools, filter, or see what grew with `mcp-vitals tools diff`";
    draft.hint(hint).above(now as f64, Unit::Count, (bound(warning), bound(critical)), text)
}

/// Whether the lock file can be used.
pub(super) fn lock(scene: Scene<'_>) -> Option<Reading> {
    let (at, lock) = scene.facts.lock.as_ref()?;
    let id = CheckId::of_target(Point::HubServers, "lock");
    let draft = Draft::new(scene.words, id, Point::HubServers, *at, Duration::ZERO);
    match lock {
        LockFile::Absent => None,
        LockFile::Read { path, pins } => {
            let tools: u64 = pins.servers.values().map(|tools| tools.len() as u64).sum();
            let servers = count(pins.servers.len() as u64, "server");
            Some(draft.fact(|| format!("{} of {servers} pinned in {}", count(tools, "tool"), Text::new(&path.to_string_lossy()))))
        }
        LockFile::Damaged { path, why } => {
            let draft = draft.hint("mend it from its history, or remove it and write it anew: `mcp-vitals tools pin`");
            Some(draft.degraded(|| format!("{}: {why}; what was pinned before counts on", Text::new(&path.to_string_lossy()))))
        }
    }
}

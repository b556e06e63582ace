//! `hub-servers/host`: the machine that the hub runs on. What it lacks harms nobody by itself: a busy machine is
//! no fault. It is the reason, and judged, only while the hub suffers in a way that this explains.

use std::sync::LazyLock;

use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::observation::{Failure, FailureKind, HostFacts, ProcessFacts, RunState};
use vitals_model::reading::{Health, Reading};
use vitals_model::text::bytes;
use vitals_model::verdict::Verdict;

use super::Scene;
use super::hub::CPU_SPAN_MIN;
use crate::cause::{self, is_bad};

/// A hub that takes half of a core itself is no victim of others.
const OWN_CPU_PERCENT: f64 = 50.0;

/// A hub that has half of the machine's memory itself is the reason for what it lacks.
const OWN_MEMORY_PERCENT: f64 = 50.0;

/// So little that the next page of a database or the next file of a server finds no room.
const DISK_FULL_BYTES: u64 = 100_000_000;

/// Most checks named as what suffers; the incident lists the rest.
const NAMED_MAX: usize = 4;

/// The check on the machine: the cause of what the hub suffers from it.
pub(super) fn host_id() -> CheckId {
    static ID: LazyLock<CheckId> = LazyLock::new(|| CheckId::of_target(Point::HubServers, "host"));
    ID.clone()
}

/// Whether there is no room left where the log is.
pub(super) fn is_disk_full(scene: Scene<'_>) -> bool {
    let file = scene.facts.log.as_ref().and_then(|known| known.seen.file.as_ref().ok());
    file.is_some_and(|file| file.disk_free < DISK_FULL_BYTES)
}

/// What the machine lacks, how bad a suffering that explains, and what to do.
struct Need {
    health: Health,
    what: String,
    hint: &'static str,
}

/// The reading of the machine, given all the others.
pub(super) fn reading(scene: Scene<'_>) -> Option<Reading> {
    let known = scene.facts.process.as_ref()?;
    let process = scene.facts.alive()?;
    let needs = needs(scene, process);
    if needs.is_empty() && process.host == HostFacts::default() {
        return None;
    }
    let draft = scene.of_target(Point::HubServers, "host", known);
    if needs.is_empty() {
        return Some(draft.fact(|| show(process.host)));
    }
    let explains = needs.iter().map(|need| need.health).max().unwrap_or(Health::Healthy);
    let runs = matches!(process.state, RunState::Normal | RunState::DiskSleep);
    // A milder need does not explain a worse suffering, nor what follows from that.
    let is_explained = |r: &Reading| r.health <= explains && suffers(scene, r);
    let follows_from_else = |r| cause::of(r, scene.others).any(|cause| is_bad(cause) && !is_explained(cause));
    let victims: Vec<_> = scene.others.iter().filter(|r| runs && is_explained(r) && !follows_from_else(r)).collect();
    let Some(health) = victims.iter().map(|victim| victim.health).max() else {
        let lacks = || needs.iter().map(|need| need.what.as_str()).collect::<Vec<_>>().join("; ");
        return Some(draft.fact(|| format!("{}; nothing that the hub suffers follows from it", lacks())));
    };
    let worst = needs.iter().filter(|need| need.health >= health);
    let hints = worst.clone().map(|need| need.hint).collect::<Vec<_>>().join("; ");
    let what = worst.map(|need| need.what.as_str()).collect::<Vec<_>>().join("; ");
    let named = victims.iter().take(NAMED_MAX).map(|victim| victim.id.as_str()).collect::<Vec<_>>().join(", ");
    let mut draft = draft.hint(|| hints).evidence(|| show(process.host));
    for victim in victims.iter().take(NAMED_MAX) {
        draft = draft.evidence(|| format!("{}: {}", victim.id, victim.summary));
    }
    Some(draft.bad(health, || format!("{what}; the hub suffers from it: {named}")))
}

fn needs(scene: Scene<'_>, process: &ProcessFacts) -> Vec<Need> {
    let (host, limits) = (process.host, &scene.settings.thresholds);
    let mut needs = Vec::new();
    let own_percent = process.rss_bytes as f64 * 100.0 / process.machine_bytes.max(1) as f64;
    let memory = host.memory_stall_percent.filter(|_| own_percent < OWN_MEMORY_PERCENT);
    if let Some((percent, health)) = memory.and_then(|percent| Some((percent, beyond(percent, limits.memory_stall_percent)?))) {
        let left = host.memory_free_bytes.map(|left| format!(", {} left", bytes(left))).unwrap_or_default();
        let what = format!("the machine is short of memory: all of it waited for {percent:.0} % of the time{left}");
        needs.push(Need { health, what, hint: "see what takes the machine's memory (`ps aux --sort -rss`), and end or move it" });
    }
    // A look out of turn measures too little by itself: it neither begins a need nor ends one.
    let lately = scene.facts.cpu.used_and_waited(CPU_SPAN_MIN);
    let wait = lately.and_then(|(used, waited)| (used < OWN_CPU_PERCENT).then_some(waited));
    if let Some((percent, health)) = wait.and_then(|percent| Some((percent, beyond(percent, limits.cpu_wait_percent)?))) {
        let what = format!("the machine is short of cores: the hub was ready and got none for {percent:.0} % of the time");
        needs.push(Need { health, what, hint: "see what takes the machine's cores (`ps aux --sort -pcpu`), and end or move it" });
    }
    if is_disk_full(scene) {
        let what = "the disk of the hub's log is full".to_owned();
        needs.push(Need { health: Health::Failing, what, hint: "make room on the disk: see `df`" });
    }
    needs
}

/// How bad a suffering a value explains, beyond its bounds.
fn beyond(percent: f64, (slow, mute): (f64, f64)) -> Option<Health> {
    (percent > slow).then_some(if percent > mute { Health::Failing } else { Health::Degraded })
}

/// Whether a check of the hub is bad in the way that a machine in need makes it: slow, or without an answer in time.
fn suffers(scene: Scene<'_>, reading: &Reading) -> bool {
    let is_slow = reading.value.is_some();
    let is_mute = |failure: &Failure| matches!(failure.kind, FailureKind::TimedOut(_) | FailureKind::Rpc(-32001));
    let is_so = match (reading.id.server(), reading.id.question()) {
        (None, "api") => is_slow || scene.facts.api_failure().is_some_and(is_mute),
        (None, "heartbeat") => true,
        (Some(_), "call") => {
            let of = |name| scene.facts.call(name).and_then(|(call, _)| call.answer.as_ref()?.as_ref().err());
            let is_it = |truth: &&vitals_model::verdict::ServerTruth| CheckId::of_server(&truth.name, "call") == reading.id;
            is_slow || scene.truths.iter().find(is_it).and_then(|truth| of(&truth.name)).is_some_and(is_mute)
        }
        (Some(_), "truth") => crate::incident::truth_of(reading, scene.truths)
            .is_some_and(|truth| truth.verdict == Verdict::Hung && !crate::truth::is_stopped(scene.facts, &truth.name)),
        _ => false,
    };
    is_so && is_bad(reading)
}

/// What is known of the machine.
fn show(host: HostFacts) -> String {
    let percent = |value: Option<f64>, what: &str| value.map(|value| format!("{what} {}", Unit::Percent.show(value)));
    let parts = [
        percent(host.memory_stall_percent, "all waits for memory"),
        percent(host.cpu_stall_percent, "something waits for a core"),
        percent(host.cpu_wait_percent, "the hub waits for a core"),
        host.memory_free_bytes.map(|left| format!("{} of memory left", bytes(left))),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
}

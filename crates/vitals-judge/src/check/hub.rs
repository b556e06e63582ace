//! `hub-servers/…` of the hub itself: its process, its port, its API.

use std::net::IpAddr;
use std::sync::LazyLock;
use std::time::Duration;

use vitals_model::check::{CheckId, Point, Unit};
use vitals_model::claim::{ClaimStatus, HubState};
use vitals_model::config::Expect;
use vitals_model::limits::SERVERS_MAX;
use vitals_model::observation::{ChildFacts, ListenSeen, ProcessFacts, ProcessSeen, RunState};
use vitals_model::reading::{Health, Reading};
use vitals_model::text::{Text, bytes, count, plural};
use vitals_model::time::human;

use super::draft::Draft;
use super::{Scene, surface};
use crate::facts::Known;

/// Below this span a CPU figure is too short to hold against thresholds made for averages: only a
/// hub that spins shows in it. Shorter looks are taken together.
pub(super) const CPU_SPAN_MIN: Duration = Duration::from_secs(1);

/// What counts as spinning in a short span, in percent of one core.
const CPU_SPIN_PERCENT: f64 = 80.0;

/// Most checks on a process that has nothing unusual.
const CHECKS_OF_PROCESS: usize = 9;

/// The check on the hub's process: the cause of everything on the machine when it fails.
pub fn process_id() -> CheckId {
    static ID: LazyLock<CheckId> = LazyLock::new(|| CheckId::of_target(Point::HubServers, "process"));
    ID.clone()
}

/// The check on the hub's API.
pub fn api_id() -> CheckId {
    static ID: LazyLock<CheckId> = LazyLock::new(|| CheckId::of_target(Point::HubServers, "api"));
    ID.clone()
}

/// The check on the hub's port.
fn port_id() -> CheckId {
    static ID: LazyLock<CheckId> = LazyLock::new(|| CheckId::of_target(Point::HubServers, "port"));
    ID.clone()
}

/// The check on the state that the hub claims.
pub(super) fn state_id() -> CheckId {
    static ID: LazyLock<CheckId> = LazyLock::new(|| CheckId::of_target(Point::HubServers, "state"));
    ID.clone()
}

pub(super) fn of_process(scene: Scene<'_>) -> Vec<Reading> {
    let Some(known) = &scene.facts.process else { return Vec::new() };
    let mut readings = Vec::with_capacity(CHECKS_OF_PROCESS);
    readings.push(process(scene, known));
    if let ProcessSeen::Alive(process) = &known.seen {
        resources(scene, known, process, &mut readings);
        port(scene, known, process, &mut readings);
    }
    readings.extend(restarts(scene, known));
    readings.extend(orphans(scene, known));
    readings
}

pub(super) fn of_api(scene: Scene<'_>) -> Vec<Reading> {
    api(scene).into_iter().chain(state(scene)).chain(surface::tokens_of_hub(scene)).chain(surface::lock(scene)).collect()
}

fn draft(scene: Scene<'_>, question: &str, known: &Known<ProcessSeen>) -> Draft {
    scene.of_target(Point::HubServers, question, known)
}

fn process(scene: Scene<'_>, known: &Known<ProcessSeen>) -> Reading {
    let draft = draft(scene, "process", known).cause(super::host::host_id());
    match &known.seen {
        ProcessSeen::Alive(process) => {
            let pid = process.id.pid;
            let draft = draft.value(process.uptime.as_secs_f64(), Unit::Seconds);
            match process.state {
                RunState::Normal | RunState::DiskSleep => draft.healthy(|| format!("pid {pid}, up {}", human(process.uptime))),
                RunState::Stopped => draft
                    .hint(|| format!("let it go on with `kill -CONT {pid}`, after finding out who stopped it"))
                    .failing(|| format!("pid {pid} is stopped (SIGSTOP or a debugger), expected running")),
                RunState::Zombie => draft
                    .hint("start the hub again")
                    .failing(|| format!("pid {pid} is gone: it has ended, and its parent has not noticed, expected running")),
            }
        }
        ProcessSeen::Gone { last, .. } => {
            let pid = last.map(|id| format!("pid {} ", id.pid)).unwrap_or_default();
            draft
                .hint("start the hub again; the last lines of its log and its standard error say why it ended")
                .failing(|| format!("hub process {pid}is gone and nothing listens on its port, expected running"))
        }
        ProcessSeen::Remote => draft.fact("on another machine: its process cannot be seen from here"),
        ProcessSeen::Hidden(failure) => {
            draft.hint("run mcp-vitals as the hub's user").unknown(|| format!("the hub's process cannot be looked at: {failure}"))
        }
    }
}

fn resources(scene: Scene<'_>, known: &Known<ProcessSeen>, process: &ProcessFacts, readings: &mut Vec<Reading>) {
    let limits = &scene.settings.thresholds;
    if let Some((percent, over)) = scene.facts.cpu.over(process, CPU_SPAN_MIN) {
        let text = || format!("{percent:.1} % of one core over {}", human(over));
        let short = over < CPU_SPAN_MIN;
        let bounds = if short { (CPU_SPIN_PERCENT, f64::INFINITY) } else { limits.cpu_percent };
        let draft =
            draft(scene, "cpu", known).hint("see which server or client keeps it busy: `mcp-vitals dashboard`, the hub's log");
        readings.push(draft.above(percent, Unit::Percent, bounds, text));
    }
    let percent = process.rss_bytes as f64 * 100.0 / process.machine_bytes.max(1) as f64;
    let text = || format!("{} resident, {percent:.1} % of the machine", bytes(process.rss_bytes));
    let mut memory = draft(scene, "memory", known)
        .evidence(|| format!("{} bytes", process.rss_bytes))
        .hint("compare with the days before in `mcp-vitals report`; a steady climb is a leak")
        .above(percent, Unit::Percent, limits.memory_percent, text);
    if memory.health == Health::Healthy {
        memory.evidence.clear();
    }
    readings.push(memory);
    if let Some(fds) = process.fds {
        readings.push(file_descriptors(scene, known, process, fds));
    }
    readings.push(
        draft(scene, "threads", known).value(process.threads as f64, Unit::Count).fact(|| count(process.threads, "thread")),
    );
    let children = process.children.len() as u64;
    let listed = || process.children.iter().take(8).map(show_child).collect::<Vec<_>>().join("; ");
    let text = || plural(children, "child", "children");
    readings.push(draft(scene, "children", known).value(children as f64, Unit::Count).evidence(listed).fact(text));
}

fn show_child(child: &ChildFacts) -> String {
    let server = child.server.as_ref().map_or("?", Text::as_str);
    format!("{server}: pid {}, {}", child.id.pid, bytes(child.rss_bytes))
}

fn file_descriptors(scene: Scene<'_>, known: &Known<ProcessSeen>, process: &ProcessFacts, fds: u64) -> Reading {
    let draft = draft(scene, "fds", known);
    match process.fds_max {
        Some(max) if max > 0 => {
            let percent = fds as f64 * 100.0 / max as f64;
            let bounds = scene.settings.thresholds.fds_percent;
            let mut reading = draft
                .hint("connections or files are not closed; when it reaches the limit the hub accepts nobody")
                .above(percent, Unit::Percent, bounds, || format!("{fds} open of {max}"));
            reading.value = Some(fds as f64);
            reading.unit = Unit::Count;
            let of_max = |percent: f64| (percent * max as f64 / 100.0).floor();
            reading.threshold = Some(vitals_model::check::Threshold::Above(of_max(bounds.0), of_max(bounds.1)));
            reading
        }
        _ => draft.value(fds as f64, Unit::Count).fact(|| format!("{fds} open")),
    }
}

fn port(scene: Scene<'_>, known: &Known<ProcessSeen>, process: &ProcessFacts, readings: &mut Vec<Reading>) {
    let draft_port = draft(scene, "port", known).cause(process_id());
    match &process.listen {
        ListenSeen::Hub { addresses } => {
            let shown = || addresses.iter().map(IpAddr::to_string).collect::<Vec<_>>().join(", ");
            readings.push(draft_port.healthy(|| format!("listening on {}, owned by pid {}", shown(), process.id.pid)));
            if addresses.iter().any(|a| !a.is_loopback()) {
                readings.push(
                    draft(scene, "exposure", known)
                        .evidence(|| format!("bound to {}", shown()))
                        .hint("put it behind a firewall or a proxy that asks who calls, or bind it to 127.0.0.1")
                        .advice("the API has no authentication and listens on more than loopback: whoever reaches this machine can call every tool"),
                );
            }
        }
        ListenSeen::Nobody => readings.push(
            draft_port
                .hint("the hub runs and does not listen: look at the last lines of its log")
                .failing(|| format!("nobody listens on the hub's port, expected pid {}", process.id.pid)),
        ),
        ListenSeen::Other { pid, command } => {
            let who = pid.map_or_else(|| "another process".to_owned(), |pid| format!("pid {pid} ({command})"));
            readings.push(
                draft_port
                    .hint("end the other process or give the hub another port")
                    .failing(|| format!("{who} listens on the hub's port, expected pid {}", process.id.pid)),
            );
        }
        ListenSeen::Unknown(why) => {
            // The API's answer still tells whether anybody listens; only the owner is not known.
            let health = if scene.facts.api_failure().is_none() { "the API answers" } else { "the API does not answer" };
            readings.push(
                draft_port
                    .hint("run mcp-vitals as the hub's user")
                    .unknown(|| format!("owner of the port cannot be told ({why}); {health}")),
            );
        }
    }
}

fn restarts(scene: Scene<'_>, known: &Known<ProcessSeen>) -> Option<Reading> {
    let n = scene.facts.restarts;
    matches!(known.seen, ProcessSeen::Alive(_))
        .then(|| draft(scene, "restarts", known).value(n as f64, Unit::Count).fact(|| format!("{} seen", count(n, "restart"))))
}

fn orphans(scene: Scene<'_>, known: &Known<ProcessSeen>) -> Option<Reading> {
    let orphans = match &known.seen {
        ProcessSeen::Alive(process) => &process.orphans,
        ProcessSeen::Gone { orphans, .. } => orphans,
        ProcessSeen::Remote | ProcessSeen::Hidden(_) => return None,
    };
    let draft = draft(scene, "orphans", known).value(orphans.len() as f64, Unit::Count);
    if orphans.is_empty() {
        return Some(draft.healthy("none"));
    }
    let pids = orphans.iter().take(8).map(|o| o.id.pid.to_string()).collect::<Vec<_>>().join(" ");
    let mut draft = draft.hint(|| format!("end them: kill {pids}"));
    for orphan in orphans.iter().take(8) {
        draft = draft.evidence(|| format!("pid {}: {}", orphan.id.pid, orphan.command));
    }
    Some(draft.degraded(|| {
        format!(
            "{} of a server outlived the hub that started it, expected none",
            plural(orphans.len() as u64, "process", "processes")
        )
    }))
}

fn api(scene: Scene<'_>) -> Option<Reading> {
    let known = scene.facts.api.as_ref()?;
    // Where the process was seen its port was too: when somebody else has it, the API is not the hub's.
    let cause = if scene.facts.alive().is_some() { port_id() } else { process_id() };
    let draft = scene.of_target(Point::HubServers, "api", known).cause(cause);
    if let Some(failure) = scene.facts.api_failure() {
        let draft = draft.evidence(|| format!("after {}", human(failure.after)));
        return Some(if failure.kind.wants_credentials() {
            draft
                .hint("give the credentials in the configuration: `headers: { Authorization: env:NAME }`")
                .degraded(|| format!("there, and wants credentials: {failure}"))
        } else {
            draft.hint("see whether the hub's process is alive and busy; restart it when it stays mute").failure(failure)
        });
    }
    let timing = known.seen.timing;
    let ms = timing.total.as_secs_f64() * 1000.0;
    let text = || format!("answered in {}, {}", human(timing.total), bytes(known.seen.health_bytes));
    let phases =
        || format!("connect {}, first byte {}, total {}", human(timing.connect), human(timing.first_byte), human(timing.total));
    let draft = match known.seen.servers_left_out {
        0 => draft,
        n => draft.evidence(|| format!("{} beyond the first {SERVERS_MAX}: not judged", count(n, "server"))),
    };
    Some(draft.evidence(phases).hint("its event loop is busy: see hub-servers/cpu and filtering-sessions/storm").above(
        ms,
        Unit::Millis,
        scene.settings.thresholds.api_ms,
        text,
    ))
}

fn state(scene: Scene<'_>) -> Option<Reading> {
    let known = scene.facts.api.as_ref()?;
    let claim = scene.facts.hub()?;
    let draft = scene.of_target(Point::HubServers, "state", known).cause(api_id());
    let Some(state) = &claim.state else {
        return Some(draft.unknown("the hub does not say its state"));
    };
    let grace = scene.settings.thresholds.start_grace;
    Some(match state {
        HubState::Ready | HubState::Restarted => draft.healthy(|| format!("hub says {}", state.as_str())),
        HubState::Starting | HubState::Restarting => {
            let waiting = scene.facts.servers().iter().filter(|s| s.status == ClaimStatus::Connecting);
            let waiting = waiting.map(|s| s.name.as_str()).collect::<Vec<_>>().join(", ");
            let whom = if waiting.is_empty() { String::new() } else { format!(", waiting for {waiting}") };
            let lasts = state_lasts(scene);
            let text = || format!("hub says {} for {}{whom}, expected ready", state.as_str(), human(lasts));
            // What it waits for is the reason, when that lasts too long by itself.
            let draft = match awaited(scene) {
                Some(server) => draft.cause(super::truth_id(server)),
                None => draft,
            };
            let draft = draft.hint("a server that never answers holds up the whole hub: mark it disabled or mend it");
            if lasts > grace { draft.failing(text) } else { draft.degraded(text) }
        }
        HubState::Stopping | HubState::Stopped => draft
            .hint("start it again if nobody stopped it on purpose")
            .failing(|| format!("hub says {}, expected ready", state.as_str())),
        HubState::Error => draft.hint("its log says why").failing("hub says error, expected ready"),
        HubState::Other(word) => draft
            .hint("see the hub's release notes for what it means, and whether a newer mcp-vitals knows it")
            .degraded(|| format!("hub says \"{word}\", a state that this version does not know")),
    })
}

/// The server that does not get connected, and that nobody expects to be down.
fn awaited(scene: Scene<'_>) -> Option<&Text> {
    let is_down = |name: &Text| scene.settings.servers.get(name.as_str()).is_some_and(|s| s.expect == Expect::Down);
    let connecting = scene.facts.servers().iter().filter(|s| s.status == ClaimStatus::Connecting);
    connecting.map(|s| &s.name).find(|name| !is_down(name))
}

/// How long the hub has claimed its state. A state that was there at our first look may be as old as
/// the hub.
fn state_lasts(scene: Scene<'_>) -> Duration {
    let Some(course) = &scene.facts.state else { return Duration::ZERO };
    let began = match scene.facts.hub_started() {
        Some(start) if !course.changed => start.min(course.seen),
        _ => course.seen,
    };
    scene.now.since(began)
}

//! Which remedy fits which incident. It knows nothing of budgets, and of what was done before.

use std::time::Duration;

use vitals_model::check::{CheckId, Point, Probe};
use vitals_model::claim::ClaimStatus;
use vitals_model::incident::Incident;
use vitals_model::limits::REAPED_MAX;
use vitals_model::observation::{ChildFacts, ProcessSeen};
use vitals_model::reading::Health;
use vitals_model::remedy::{Held, HeldReason, HubRestart, Move, Plan, Remedy};
use vitals_model::target::TargetKind;
use vitals_model::text::{Text, count};
use vitals_model::verdict::{ServerTruth, Verdict};

use crate::incident::{Look, truth_about};

/// How long it may take until ended processes, and a log put aside, are seen to be gone: a light check, and a half.
const SEEN_AGAIN: Duration = Duration::from_secs(15);

/// The probes that tell whether a remedy has helped: those that found the fault.
pub(crate) const fn probes(remedy: &Remedy) -> &'static [Probe] {
    match remedy {
        Remedy::RestartServer(_) => &[Probe::Api, Probe::Process, Probe::Session],
        Remedy::RestartHub => &[Probe::Workspace, Probe::Process, Probe::Api, Probe::Session],
        Remedy::ReapOrphans => &[Probe::Process],
        Remedy::RotateLog => &[Probe::Log],
    }
}

/// What would be done about an incident.
///
/// # Errors
/// Why there is nothing that can be done.
pub(crate) fn fit(look: Look<'_>, incident: &Incident) -> Result<Plan, Held> {
    if look.target.address.kind() == TargetKind::Server {
        return Err(none("it is reached directly: there is no hub that could restart it"));
    }
    let is = |point, question| incident.check == CheckId::of_target(point, question);
    if let Some(truth) = truth_about(&incident.check, look.truths) {
        return restart_server(look, truth);
    }
    if ["process", "port", "api", "state"].into_iter().any(|question| is(Point::HubServers, question)) {
        return restart_hub(look, incident);
    }
    if is(Point::HubServers, "orphans") {
        return reap(look);
    }
    if is(Point::Logging, "size") {
        return rotate(look);
    }
    Err(none(&format!("nothing is known to help against {}", incident.check)))
}

/// A dead and a hung server alike are healed by stop and then start, measured on npm mcp-hub 4.2.1: start alone does
/// nothing for a server that the hub holds for connected, and refresh empties its list of tools.
fn restart_server(look: Look<'_>, truth: &ServerTruth) -> Result<Plan, Held> {
    let name = &truth.name;
    let why = match (truth.verdict, &truth.claim) {
        (Verdict::Ghost, _) => "it is dead, and the hub holds it for connected".to_owned(),
        (Verdict::Hung, _) => "it is there, and does not answer".to_owned(),
        (Verdict::Agrees, Some(ClaimStatus::Disconnected)) => "it is down, as the hub says".to_owned(),
        (Verdict::Agrees, Some(claim)) => {
            return Err(none(&format!("the hub says that it is {}: a restart does not change that", claim.as_str())));
        }
        (verdict, _) => return Err(none(&format!("a restart is for what is dead or hung, and it is {}", verdict.as_str()))),
    };
    if !answers(look) {
        return Err(no_way("the hub does not answer, and its API is what restarts a server"));
    }
    Ok(Plan {
        remedy: Remedy::RestartServer(name.clone()),
        why,
        moves: vec![Move::StopServer(name.clone()), Move::StartServer(name.clone())],
        within: look.target.settings.timeouts.initialize,
    })
}

fn restart_hub(look: Look<'_>, incident: &Incident) -> Result<Plan, Held> {
    if incident.health != Health::Failing {
        return Err(none("a hub is restarted when it fails, and this is a warning"));
    }
    let is_remote = look.facts.process.as_ref().is_some_and(|known| matches!(known.seen, ProcessSeen::Remote));
    let one = match &look.target.settings.repair.hub_restart {
        None => return Err(no_way("how the hub is restarted is not configured (`repair: {hub: {restart: …}}`)")),
        Some(HubRestart::Api) if !answers(look) => {
            return Err(no_way("the hub does not answer, so its API cannot restart it; a unit of systemd or a command could"));
        }
        Some(HubRestart::Unit(..)) if is_remote => {
            return Err(no_way("the hub is on another machine, and the unit on this one"));
        }
        Some(HubRestart::Api) => Move::RestartByApi,
        Some(HubRestart::Unit(of, unit)) => Move::RestartUnit { unit: unit.clone(), of: *of },
        Some(HubRestart::Command(words)) => Move::Run(words.clone()),
    };
    Ok(Plan {
        remedy: Remedy::RestartHub,
        why: incident.summary.clone(),
        moves: vec![one],
        within: look.target.settings.thresholds.start_grace,
    })
}

/// Only processes that were seen below a hub while it lived, and whose hub is gone.
fn reap(look: Look<'_>) -> Result<Plan, Held> {
    let orphans = match look.facts.process.as_ref().map(|known| &known.seen) {
        Some(ProcessSeen::Alive(process)) => process.orphans.as_slice(),
        Some(ProcessSeen::Gone { orphans, .. }) => orphans,
        Some(ProcessSeen::Remote | ProcessSeen::Hidden(_)) | None => &[],
    };
    let end = |child: &ChildFacts| {
        child.left_by?;
        Some(Move::End { process: child.id, command: Text::cut(child.command.as_str(), COMMAND_CHARS_MAX) })
    };
    let moves: Vec<_> = orphans.iter().filter_map(end).take(REAPED_MAX).collect();
    let all = count(orphans.len() as u64, "process");
    if moves.is_empty() {
        return Err(no_way(&format!("none of {all} was seen below a hub that is gone: whose they are cannot be proved")));
    }
    let why = format!("{} of {all} were seen below a hub that is gone", moves.len());
    Ok(Plan { remedy: Remedy::ReapOrphans, why, moves, within: SEEN_AGAIN })
}

/// What is shown of a command line in a plan.
const COMMAND_CHARS_MAX: usize = 80;

fn rotate(look: Look<'_>) -> Result<Plan, Held> {
    let settings = &look.target.settings.repair;
    let Some(above) = settings.rotate_above else {
        return Err(no_way("rotating the log is off (`repair: {log: {rotate_above: …}}`)"));
    };
    let size = look.facts.log.as_ref().and_then(|known| known.seen.file.as_ref().ok()).map_or(0, |file| file.size);
    if size <= above {
        return Err(no_way(&format!("the log has {size} bytes, and is rotated above {above}")));
    }
    Ok(Plan {
        remedy: Remedy::RotateLog,
        why: format!("it has {size} bytes, above {above}"),
        moves: vec![Move::Rotate { keep: settings.rotate_keep }],
        within: SEEN_AGAIN,
    })
}

fn answers(look: Look<'_>) -> bool {
    look.facts.api.is_some() && look.facts.api_failure().is_none()
}

fn none(why: &str) -> Held {
    Held { reason: HeldReason::NoRemedy, sentence: why.to_owned() }
}

fn no_way(why: &str) -> Held {
    Held { reason: HeldReason::NoWay, sentence: why.to_owned() }
}

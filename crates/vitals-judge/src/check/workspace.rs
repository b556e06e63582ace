//! `workspace/…`: the hub's own record of itself in `workspaces.json`.

use vitals_model::check::Point;
use vitals_model::observation::{ProcessSeen, WorkspaceEntry, WorkspaceSeen};
use vitals_model::reading::Reading;

use super::Scene;
use super::draft::Draft;
use crate::facts::Known;

pub(super) fn readings(scene: Scene<'_>) -> Vec<Reading> {
    let Some(known) = &scene.facts.workspace else { return Vec::new() };
    match &known.seen.entry {
        Err(failure) => vec![
            draft(scene, "entry", known)
                .evidence(|| known.seen.registry.display().to_string())
                .fact(|| format!("the hub has no workspace record here ({failure}): it is watched by its address alone")),
        ],
        Ok(entry) => vec![record(scene, known, entry), config(scene, known, entry)],
    }
}

fn draft(scene: Scene<'_>, question: &str, known: &Known<WorkspaceSeen>) -> Draft {
    scene.of_target(Point::Workspace, question, known)
}

fn record(scene: Scene<'_>, known: &Known<WorkspaceSeen>, entry: &WorkspaceEntry) -> Reading {
    let draft = draft(scene, "entry", known).evidence(|| known.seen.registry.display().to_string()).cause(super::process_id());
    let text = || format!("workspace {}, {}, pid {}", entry.port, entry.state, entry.pid);
    match (&entry.process, scene.facts.process.as_ref().map(|p| &p.seen)) {
        (Some(_), Some(ProcessSeen::Alive(process))) if process.id.pid != entry.pid => draft
            .hint("two hubs use one workspace record, or it was not written anew at a restart")
            .degraded(|| format!("{text}, but pid {} listens on the port", process.id.pid, text = text())),
        (Some(_), _) => draft.healthy(text),
        (None, _) => draft
            .hint("the hub ended without removing its record: start it again")
            .degraded(|| format!("{text}: a stale record, no such hub process is alive", text = text())),
    }
}

fn config(scene: Scene<'_>, known: &Known<WorkspaceSeen>, entry: &WorkspaceEntry) -> Reading {
    let mut draft = draft(scene, "config", known);
    for path in &entry.config_files {
        draft = draft.evidence(|| path.display().to_string());
    }
    if let Some((path, why)) = entry.unreadable.first() {
        return draft.hint("the hub cannot restart without it").degraded(|| format!("{} cannot be read: {why}", path.display()));
    }
    if entry.config_files.is_empty() {
        return draft.healthy("no configuration file named");
    }
    draft.healthy(|| entry.config_files.iter().map(|p| p.display().to_string()).collect::<Vec<_>>().join(", "))
}

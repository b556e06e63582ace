//! Discovery: the hubs that a user's `workspaces.json` names, and which of them are still there.
//!
//! The file is the hub's own record: an entry stays when its hub is killed, so each entry is compared
//! with the process table. Nothing is asked of a hub here.

#[cfg(test)]
mod tests;

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Map, Value};
use vitals_model::limits::{BODY_BYTES_MAX, EVIDENCE_CHARS_MAX, TARGETS_MAX};
use vitals_model::observation::{Failure, FailureKind, Phase, ProcessId, WorkspaceEntry, WorkspaceSeen};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use crate::clock::Stopwatch;
use crate::hub_config::file;
use crate::process;

/// How much later than the hub's `startTime` its process may seem to have started: kernel ticks are
/// 10 ms and the wall clock may have been stepped since.
const START_LATE_MAX: Duration = Duration::from_secs(2);

/// How much earlier than `startTime` the process may have started. npm mcp-hub writes the entry when
/// its HTTP server listens, normally within a second; an hour leaves room for a slow machine and
/// still tells a system service of another pid namespace apart.
const START_EARLY_MAX: Duration = Duration::from_secs(3600);

/// Configuration files read of one entry; the rest are ignored.
const CONFIG_FILES_MAX: usize = 64;

/// How often a file that is no JSON is read again: the hub writes it in place, so a reader can meet
/// it empty or cut off, for well under a millisecond.
const READ_TRIES_MAX: u32 = 3;

/// Where `workspaces.json` can be, the most likely place first: `$XDG_STATE_HOME/mcp-hub`,
/// `~/.local/state/mcp-hub`, and the folder `~/.mcp-hub` of older versions.
pub fn registries(home: &Path, xdg_state_home: Option<&Path>) -> Vec<PathBuf> {
    let standard = home.join(".local/state/mcp-hub");
    let legacy = home.join(".mcp-hub");
    let own = xdg_state_home.filter(|p| p.is_absolute()).map(|p| p.join("mcp-hub")).filter(|p| *p != standard);
    own.into_iter().chain([standard, legacy]).map(|folder| folder.join("workspaces.json")).collect()
}

/// The log file of the hubs in `registry`: `logs/mcp-hub.log` beside it. A legacy `~/.mcp-hub`
/// without a `logs` folder logs to the standard place, because the hub decides per folder.
pub fn log_file(registry: &Path) -> PathBuf {
    const LOG: &str = "logs/mcp-hub.log";
    let folder = registry.parent().unwrap_or(Path::new(""));
    let beside = folder.join(LOG);
    if !folder.ends_with(".mcp-hub") || folder.join("logs").exists() {
        return beside;
    }
    let standard = folder.with_file_name(".local").join("state/mcp-hub").join(LOG);
    if standard.exists() { standard } else { beside }
}

/// The entries of a registry in the file's order of ports as text; at most [`TARGETS_MAX`].
pub fn read(registry: &Path) -> Result<Vec<WorkspaceEntry>, Failure> {
    let since = Stopwatch::start();
    let mut tries = 1;
    loop {
        match read_once(registry, since) {
            Err(Failure { kind: FailureKind::NotJson, .. }) if tries < READ_TRIES_MAX => {
                tries += 1;
                std::thread::sleep(Duration::from_millis(1));
            }
            entries => return entries,
        }
    }
}

/// The registry's entry for `port`.
pub fn look(registry: &Path, port: u16) -> WorkspaceSeen {
    let since = Stopwatch::start();
    let entry = read(registry).and_then(|entries| {
        entries.into_iter().find(|e| e.port == port).ok_or_else(|| Failure {
            phase: Phase::Parse,
            kind: FailureKind::Missing,
            evidence: Text::new(&format!("no entry for port {port}")),
            after: since.elapsed(),
        })
    });
    WorkspaceSeen { registry: registry.to_owned(), entry }
}

fn read_once(registry: &Path, since: Stopwatch) -> Result<Vec<WorkspaceEntry>, Failure> {
    let failed = |phase, kind, evidence| Failure { phase, kind, evidence, after: since.elapsed() };
    let bytes = file::read(registry, BODY_BYTES_MAX as u64).map_err(|e| file::failure(&e, since))?;
    let bytes = bytes.ok_or_else(|| failed(Phase::Body, FailureKind::TooLarge, Text::default()))?;
    let entries = parse(&bytes).map_err(|kind| failed(Phase::Parse, kind, Text::from_bytes(&bytes, EVIDENCE_CHARS_MAX)))?;
    Ok(entries.into_iter().map(settle).collect())
}

/// The entries as the file tells them; nothing is compared with this machine yet.
fn parse(bytes: &[u8]) -> Result<Vec<WorkspaceEntry>, FailureKind> {
    let root: Value = serde_json::from_slice(bytes).map_err(|error| {
        // serde_json has no other sign for its recursion limit.
        if error.to_string().starts_with("recursion limit") { FailureKind::TooDeep } else { FailureKind::NotJson }
    })?;
    let root = root.as_object().ok_or(FailureKind::Malformed)?;
    Ok(root.iter().filter_map(|(key, value)| entry(key, value.as_object()?)).take(TARGETS_MAX).collect())
}

fn entry(key: &str, fields: &Map<String, Value>) -> Option<WorkspaceEntry> {
    let number = |name| fields.get(name).and_then(Value::as_u64);
    let text = |name| fields.get(name).and_then(Value::as_str);
    let port = key.parse().ok().or_else(|| u16::try_from(number("port")?).ok())?;
    let files = fields.get("config_files").and_then(Value::as_array).into_iter().flatten();
    Some(WorkspaceEntry {
        port,
        pid: number("pid").and_then(|pid| u32::try_from(pid).ok()).unwrap_or(0),
        started_at: text("startTime").and_then(Timestamp::parse),
        state: Text::new(text("state").unwrap_or_default()),
        cwd: text("cwd").map(PathBuf::from),
        config_files: files.filter_map(Value::as_str).take(CONFIG_FILES_MAX).map(PathBuf::from).collect(),
        unreadable: Vec::new(),
        process: None,
    })
}

/// Compares an entry with this machine: its files and its process.
fn settle(mut entry: WorkspaceEntry) -> WorkspaceEntry {
    let cwd = entry.cwd.as_deref().filter(|cwd| cwd.is_absolute());
    for path in &mut entry.config_files {
        if let Some(cwd) = cwd {
            *path = cwd.join(&*path);
        }
        let problem = if path.is_absolute() {
            file::open(path).err().map(|e| Text::cut(&e.to_string(), EVIDENCE_CHARS_MAX))
        } else {
            Some(Text::new("relative, and the hub's working directory is not known"))
        };
        entry.unreadable.extend(problem.map(|why| (path.clone(), why)));
    }
    entry.process = process::identify(entry.pid).filter(|id| is_writer(*id, entry.started_at));
    entry
}

/// Whether this process can have written an entry with this `startTime`. Without one, the pid is all
/// there is to go by.
fn is_writer(id: ProcessId, claimed: Option<Timestamp>) -> bool {
    let Some(claimed) = claimed else { return true };
    process::started_at(id).is_some_and(|at| at <= claimed.plus(START_LATE_MAX) && at >= claimed.minus(START_EARLY_MAX))
}

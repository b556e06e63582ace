//! Runs of scenarios that another process left for the writer: only one process writes the history, and a scenario
//! may end while a watch holds it. They lie beside the history, one file each, until the writer takes them in.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use vitals_model::scenario::Run;

use super::StoreError;
use super::record::v1::ScenarioRecord;

/// Most runs that may lie there; a further one is refused.
const RUNS_MAX: usize = 256;

/// Largest file read, in bytes. A run of a dozen steps has 8 kB.
const FILE_BYTES_MAX: u64 = 1 << 20;

fn folder(dir: &Path) -> PathBuf {
    dir.join("left")
}

/// Leaves a run. It is there whole or not at all.
pub(super) fn leave(dir: &Path, run: &Run) -> Result<(), StoreError> {
    let folder = folder(dir);
    let error = |source| StoreError::Folder { path: folder.clone(), source };
    fs::create_dir_all(&folder).map_err(error)?;
    if fs::read_dir(&folder).map_err(error)?.count() >= RUNS_MAX {
        return Err(error(io::Error::other(format!("{RUNS_MAX} runs wait there already"))));
    }
    let body = serde_json::to_vec(&ScenarioRecord::from(run)).map_err(|source| error(source.into()))?;
    let name = format!("{}-{}-{}", run.at.as_millis(), std::process::id(), run.scenario);
    let (unfinished, finished) = (folder.join(format!("{name}.part")), folder.join(format!("{name}.json")));
    fs::write(&unfinished, body).and_then(|()| fs::rename(&unfinished, &finished)).map_err(error)
}

/// What lies there, in order of time; `None` for a file that is no run.
pub(super) fn found(dir: &Path) -> Vec<(PathBuf, Option<Run>)> {
    let Ok(entries) = fs::read_dir(folder(dir)) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).take(RUNS_MAX).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let run = run(&path);
            (path, run)
        })
        .collect()
}

fn run(path: &Path) -> Option<Run> {
    let small = fs::metadata(path).ok().filter(|file| file.len() <= FILE_BYTES_MAX);
    let body = small.and_then(|_| fs::read(path).ok())?;
    serde_json::from_slice(&body).ok().and_then(ScenarioRecord::run)
}

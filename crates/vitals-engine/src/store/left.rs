//! What another process left for the one that holds the history: only one process writes it, and a scenario may end,
//! or somebody silence a check, while a watch holds it. It lies beside the history, one file each, until what came of it
//! is in the history: runs of scenarios are taken by the writer, orders by the loop.

use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use serde::Serialize;
use serde::de::DeserializeOwned;
use vitals_model::quiet::Order;
use vitals_model::scenario::Run;
use vitals_model::time::Timestamp;

use super::StoreError;
use super::record::v1::ScenarioRecord;
use super::record::v2::OrderRecord;

/// Most files that may lie in one folder; a further one is refused.
const FILES_MAX: usize = 256;

/// What tells an order from all others: when, by which process, and which of its orders it was.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct OrderName(String);

impl OrderName {
    /// The name of the order in a file; `None` for a name that is none of ours.
    pub(super) fn of(path: &Path) -> Option<Self> {
        Some(Self(path.file_stem()?.to_str()?.to_owned()))
    }
}

/// Orders of one process in one millisecond keep their order by this.
static ORDERS: AtomicU32 = AtomicU32::new(0);

/// Largest file read, in bytes. A run of a dozen steps has 8 kB.
const FILE_BYTES_MAX: u64 = 1 << 20;

/// Leaves a run. It is there whole or not at all.
pub(super) fn leave(dir: &Path, run: &Run) -> Result<(), StoreError> {
    let name = format!("{}-{}-{}", run.at.as_millis(), std::process::id(), run.scenario);
    write(&dir.join("left"), &name, &ScenarioRecord::from(run))
}

/// Leaves an order.
pub(super) fn order(dir: &Path, order: &Order, at: Timestamp) -> Result<(), StoreError> {
    let n = ORDERS.fetch_add(1, Ordering::Relaxed);
    let name = format!("{:015}-{:010}-{n:05}", at.as_millis(), std::process::id());
    write(&orders_dir(dir), &name, &OrderRecord::from(order))
}

/// Takes away the file of an order that was carried out.
pub(super) fn remove_order(dir: &Path, name: &OrderName) -> Result<(), StoreError> {
    let path = orders_dir(dir).join(format!("{}.json", name.0));
    match fs::remove_file(&path) {
        Err(source) if source.kind() != io::ErrorKind::NotFound => Err(StoreError::Folder { path, source }),
        _ => Ok(()),
    }
}

fn orders_dir(dir: &Path) -> PathBuf {
    dir.join("orders")
}

/// The runs that lie there, in order of time; `None` for a file that is none.
pub(super) fn found(dir: &Path) -> Vec<(PathBuf, Option<Run>)> {
    all(&dir.join("left"), ScenarioRecord::run)
}

/// The orders that lie there, in order of time; `None` for a file that is none.
pub(super) fn orders(dir: &Path) -> Vec<(PathBuf, Option<Order>)> {
    all(&orders_dir(dir), |record: OrderRecord| Some(record.order()))
}

fn write(folder: &Path, name: &str, record: &impl Serialize) -> Result<(), StoreError> {
    let error = |source| StoreError::Folder { path: folder.to_owned(), source };
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(error)?;
    if fs::read_dir(folder).map_err(error)?.count() >= FILES_MAX {
        return Err(error(io::Error::other(format!("{FILES_MAX} files wait there already"))));
    }
    let body = serde_json::to_vec(record).map_err(|source| error(source.into()))?;
    let (unfinished, finished) = (folder.join(format!("{name}.part")), folder.join(format!("{name}.json")));
    fs::write(&unfinished, body).and_then(|()| fs::rename(&unfinished, &finished)).map_err(error)
}

fn all<R: DeserializeOwned, T>(folder: &Path, read: impl Fn(R) -> Option<T>) -> Vec<(PathBuf, Option<T>)> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).take(FILES_MAX).collect();
    files.retain(|path| path.extension().is_some_and(|extension| extension == "json"));
    files.sort();
    files
        .into_iter()
        .map(|path| {
            let record = body(&path).and_then(|body| serde_json::from_slice(&body).ok());
            (path, record.and_then(&read))
        })
        .collect()
}

fn body(path: &Path) -> Option<Vec<u8>> {
    let small = fs::metadata(path).ok().filter(|file| file.len() <= FILE_BYTES_MAX);
    small.and_then(|_| fs::read(path).ok())
}

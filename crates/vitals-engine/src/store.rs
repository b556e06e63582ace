//! The embedded history: samples, rollups, incidents, tool sets, scenarios and notes in one `SQLite` file.
//!
//! One writer per folder, held by a lock; any number of readers beside it. Putting a record never waits and
//! never fails: what could not be kept is counted in [`StoreHealth`]. The store judges nothing and chooses
//! nothing; what is worth keeping is its callers' business. How it works: `docs/design/store.md`.

mod base;
mod bulk;
mod left;
mod lock;
mod notices;
mod queue;
mod reader;
mod record;
mod retain;
mod rollup;
mod seal;
mod segment;
mod varint;
mod writer;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::fs::DirBuilder;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{oneshot, watch};
use vitals_model::config::Storage;
use vitals_model::errors::KnownErrors;
use vitals_model::incident::Incident;
use vitals_model::notice::{Decision, Delivery, Notice};
use vitals_model::quiet::{Order, Silence};
use vitals_model::reading::Sample;
use vitals_model::remedy::Action;
use vitals_model::scenario::Run;
use vitals_model::target::TargetId;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;
use vitals_probe::clock::now;

pub use bulk::Bulk;
pub use left::OrderName;
pub use reader::{IncidentFilter, Reader, SAMPLES_MAX, SCENARIOS_MAX};

use lock::Lock;
use queue::Queue;
use writer::{Base, Writer};

/// Longest time closing waits for the writer; a disk that hangs must not keep the program from ending.
const CLOSE_MAX: Duration = Duration::from_secs(5);

/// Something to keep.
#[derive(Clone, PartialEq, Debug)]
pub enum Record {
    /// One sample of a check.
    Sample(TargetId, Sample),
    /// An incident as it is now; it replaces what was kept under its id.
    Incident(Box<Incident>),
    /// The tools of one server of a target; they replace those seen before.
    Tools(TargetId, Text, ToolSet),
    /// The kinds of error of a target; they replace those kept before.
    Errors(TargetId, KnownErrors),
    /// One run of a scenario.
    Scenario(Box<Run>),
    /// A silence as it is now; it replaces what was kept under its id.
    Silence(Box<Silence>),
    /// An action as it is now; it replaces what was kept under its id.
    Action(Box<Action>),
    /// An order was carried out: its file goes once this and all that was put before is in the history.
    Ordered(OrderName),
    /// A notice that is about to be sent.
    Notice(Box<Notice>),
    /// What came of an attempt to deliver a notice.
    Delivery(Box<Delivery>),
    /// What was decided about telling people of an incident.
    Decision(Decision),
    /// Something about the watch itself: started, stopped, a gap.
    Note {
        /// When.
        at: Timestamp,
        /// What.
        text: String,
    },
}

/// How the store is.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct StoreHealth {
    /// Why nothing can be written just now; `None` while it can.
    pub error: Option<String>,
    /// Records written since the start.
    pub written: u64,
    /// Records lost since the start.
    pub lost: u64,
    /// Where a damaged history was moved, when one was found.
    pub moved_aside: Option<PathBuf>,
}

/// The process that writes a history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Holder {
    /// Its process id; 0 when it did not say.
    pub pid: u32,
    /// When it opened the history.
    pub since: Timestamp,
    /// Its program and subcommand.
    pub command: String,
}

impl From<Holder> for StoreError {
    fn from(Holder { pid, since, command }: Holder) -> Self {
        Self::Held { pid, since, command }
    }
}

/// Why a history could not be opened or read.
#[derive(thiserror::Error, Debug)]
pub enum StoreError {
    /// There is no history yet.
    #[error("no history in {}", dir.display())]
    None {
        /// The folder.
        dir: PathBuf,
    },
    /// Another process writes this history.
    #[error("the history is held by process {pid} ({command}) since {since}")]
    Held {
        /// Its process id; 0 when it did not say.
        pid: u32,
        /// When it opened the history.
        since: Timestamp,
        /// Its program and subcommand.
        command: String,
    },
    /// A later version of this program wrote the history; it is left as it is.
    #[error("the history was written by a newer version (schema {found}, this version knows {known})")]
    Newer {
        /// The file's schema.
        found: i64,
        /// The latest schema known here.
        known: i64,
    },
    /// The folder or a file in it could not be made, opened or renamed.
    #[error("cannot use {}", path.display())]
    Folder {
        /// Which.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The database refused.
    #[error("the history file could not be used")]
    Sqlite(#[from] rusqlite::Error),
    /// A record in the file makes no sense.
    #[error("a damaged {0} in the history file")]
    Damaged(&'static str),
    /// The history has as many checks as it can.
    #[error("the history has too many checks")]
    Full,
}

impl StoreError {
    /// Whether the file itself is broken, so that trying again cannot help.
    fn is_damage(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
        match self {
            Self::Sqlite(error) => matches!(error.sqlite_error_code(), Some(DatabaseCorrupt | NotADatabase)),
            Self::Damaged(_) => true,
            _ => false,
        }
    }

    /// The error with its causes in one line.
    fn chain(&self) -> String {
        let causes = std::iter::successors(Some(self as &dyn std::error::Error), |error| error.source());
        causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
    }
}

/// The history of one folder, open for writing.
pub struct Store {
    dir: PathBuf,
    /// Orders that were given out, and whose files are still there.
    given: BTreeSet<OrderName>,
    queue: Arc<Queue>,
}

impl Store {
    /// Opens the history in `dir`; the folder (mode 0700) and the history are created when missing.
    ///
    /// A file that cannot be written just now (disk full) is no error: the store opens, says so in its health and
    /// keeps trying. A damaged file is moved aside and a new one begun; health and a note say so.
    ///
    /// # Errors
    /// [`StoreError::Held`] by another process, [`StoreError::Folder`] that cannot be used, [`StoreError::Newer`].
    pub fn open(dir: &Path, storage: &Storage) -> Result<Self, StoreError> {
        let lock = claim(dir)?;
        let queue = Arc::new(Queue::default());
        let base = match Base::open(dir, now()) {
            Ok((base, aside)) => {
                queue.moved_aside(aside, now());
                Some(base)
            }
            Err(error @ StoreError::Newer { .. }) => return Err(error),
            Err(error) => {
                queue.report(|health| health.error = Some(error.chain()));
                None
            }
        };
        let writer = Writer { dir: dir.to_owned(), storage: storage.clone(), lock, base };
        let shared = Arc::clone(&queue);
        let thread = std::thread::Builder::new().name("store".to_owned());
        thread.spawn(move || writer.run(&shared)).map_err(|source| StoreError::Folder { path: dir.to_owned(), source })?;
        Ok(Self { dir: dir.to_owned(), given: BTreeSet::new(), queue })
    }

    /// Opens the history in `dir` for reading; a writer beside it does no harm and takes none.
    ///
    /// # Errors
    /// [`StoreError::None`] when there is no history, [`StoreError::Newer`], [`StoreError::Sqlite`].
    pub fn read(dir: &Path) -> Result<Reader, StoreError> {
        Reader::open(dir)
    }

    /// Who writes the history in `dir` just now; `None` when nobody does.
    pub fn holder(dir: &Path) -> Option<Holder> {
        lock::holder(dir)
    }

    /// Leaves a run of a scenario for the process that holds the history of `dir`: it takes it in within seconds of its
    /// next record, or the next one to open the history does.
    ///
    /// # Errors
    /// [`StoreError::Folder`] when it cannot be written, or too many wait there.
    pub fn leave(dir: &Path, run: &Run) -> Result<(), StoreError> {
        left::leave(dir, run)
    }

    /// Leaves an order for the watch that holds the history of `dir`: it carries it out within a second or two, or the
    /// next one does. It is carried out at least once; what came of it is kept before its file goes.
    ///
    /// # Errors
    /// [`StoreError::Folder`] when it cannot be written, or too many wait there.
    pub fn order(dir: &Path, order: &Order, at: Timestamp) -> Result<(), StoreError> {
        left::order(dir, order, at)
    }

    /// What was ordered and is not in the history yet, oldest first, which changes nothing.
    pub fn ordered(dir: &Path) -> Vec<Order> {
        left::orders(dir).into_iter().filter_map(|(_, order)| order).collect()
    }

    /// What was ordered since the last call, oldest first. It stays where it is until [`Record::Ordered`] is in the
    /// history: who is killed before finds it again. What cannot be read is taken away.
    pub fn orders(&mut self) -> Vec<(OrderName, Order)> {
        let found = left::orders(&self.dir);
        let is_there = |name: &OrderName| found.iter().any(|(path, _)| OrderName::of(path).as_ref() == Some(name));
        self.given.retain(is_there);
        let mut orders = Vec::new();
        for (path, order) in found {
            match (OrderName::of(&path), order) {
                (Some(name), Some(order)) => {
                    if self.given.insert(name.clone()) {
                        orders.push((name, order));
                    }
                }
                // One that cannot be removed is looked at again, and is no order then either.
                _ => drop(std::fs::remove_file(&path)),
            }
        }
        orders
    }

    /// Keeps `record`: it is in the file half a second later. Never waits; a record for which there is no room
    /// is lost and counted.
    pub fn put(&self, record: Record) {
        self.queue.put(record);
    }

    /// Told when all that was put before is in the file, which is at once as far as the disk allows; never when the
    /// store closes before.
    pub fn settled(&self) -> oneshot::Receiver<()> {
        self.queue.settled()
    }

    /// How the store is now.
    pub fn health(&self) -> StoreHealth {
        self.queue.health()
    }

    /// The highest number of a notice that is in the file, as it goes on.
    pub fn kept_notices(&self) -> watch::Receiver<u64> {
        self.queue.kept_notices()
    }

    /// How many records wait to be written.
    pub fn waiting(&self) -> u64 {
        self.queue.len()
    }

    /// Writes what is waiting and closes the history; waits 5 s at most. Dropping does the same.
    pub fn close(self) -> StoreHealth {
        self.queue.close(CLOSE_MAX)
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        self.queue.close(CLOSE_MAX);
    }
}

/// Makes the folder and takes its lock.
fn claim(dir: &Path) -> Result<Lock, StoreError> {
    let made = DirBuilder::new().recursive(true).mode(0o700).create(dir);
    made.map_err(|source| StoreError::Folder { path: dir.to_owned(), source })?;
    Lock::take(dir, now())
}

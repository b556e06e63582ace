//! A recording: the pictures that a screen shows, one JSON object per line (`vitals_model::view::live_v1`), to be shown
//! again. It is written on a thread of its own: a slow disk delays no probe.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread::JoinHandle;
use std::time::Duration;

use vitals_model::reading::Health;
use vitals_model::snapshot::Snapshot;
use vitals_model::time::Timestamp;
use vitals_model::view::live_v1::LiveView;

/// Shortest time between two pictures that say the same of health and incidents: half a light interval.
const EVERY: Duration = Duration::from_secs(5);
/// Pictures waiting to be written; more are dropped and counted.
const PICTURES_MAX: usize = 8;
/// Largest recording, in bytes: some days of a hub. Beyond it nothing more is recorded, which is counted too.
const BYTES_MAX: u64 = 2 << 30;

/// Why a recording cannot be begun.
#[derive(Debug, thiserror::Error)]
#[error("cannot record into {}", path.display())]
pub struct RecordingError {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub source: std::io::Error,
}

/// A recording under way.
pub struct Recording {
    pictures: SyncSender<String>,
    thread: JoinHandle<()>,
    lost: Arc<AtomicU64>,
    last: Option<(Timestamp, Sight)>,
}

/// What makes a picture worth its own place at once.
#[derive(PartialEq, Eq)]
struct Sight(Vec<(Health, Vec<u64>)>);

impl Sight {
    fn of(snapshot: &Snapshot) -> Self {
        let open = |incidents: &[vitals_model::incident::Incident]| incidents.iter().map(|incident| incident.id).collect();
        Self(snapshot.targets.iter().map(|state| (state.health, open(&state.open))).collect())
    }
}

impl Recording {
    /// Begins one in a new file.
    ///
    /// # Errors
    /// When the file is there already, or cannot be made.
    pub fn create(path: &Path) -> Result<Self, RecordingError> {
        let file = File::create_new(path).map_err(|source| RecordingError { path: path.to_owned(), source })?;
        let (pictures, inbox) = sync_channel(PICTURES_MAX);
        let lost = Arc::new(AtomicU64::new(0));
        let counted = Arc::clone(&lost);
        let thread = std::thread::spawn(move || write(BufWriter::new(file), &inbox, &counted));
        Ok(Self { pictures, thread, lost, last: None })
    }

    /// Records a picture if it is time for one.
    pub fn put(&mut self, snapshot: &Snapshot) {
        let sight = Sight::of(snapshot);
        if self.last.as_ref().is_some_and(|(at, before)| *before == sight && snapshot.at.since(*at) < EVERY) {
            return;
        }
        self.last = Some((snapshot.at, sight));
        let written = serde_json::to_string(&LiveView::from(snapshot)).ok();
        if written.is_none_or(|line| self.pictures.try_send(line).is_err()) {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Writes what is left; how many pictures were lost.
    pub fn end(self) -> u64 {
        drop(self.pictures);
        let _ = self.thread.join();
        self.lost.load(Ordering::Relaxed)
    }
}

fn write(mut file: impl Write, pictures: &Receiver<String>, lost: &AtomicU64) {
    let mut bytes = 0;
    for mut line in pictures {
        line.push('\n');
        let fits = bytes + line.len() as u64 <= BYTES_MAX;
        // A picture is there whole or not at all: what is left after a crash can be shown.
        if fits && file.write_all(line.as_bytes()).and_then(|()| file.flush()).is_ok() {
            bytes += line.len() as u64;
        } else {
            lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals_model::view::read::Follower;

    fn at(ms: i64) -> Snapshot {
        Snapshot { at: Timestamp::from_millis(ms), ..Snapshot::default() }
    }

    #[test]
    fn what_is_recorded_can_be_read_and_what_says_the_same_is_recorded_every_five_seconds() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("night.jsonl");
        let mut recording = Recording::create(&path).unwrap();
        for ms in [0, 1_000, 4_999, 5_000, 9_000, 12_000] {
            recording.put(&at(ms));
        }
        assert_eq!(recording.end(), 0);
        let text = std::fs::read_to_string(&path).unwrap();
        let mut follower = Follower::default();
        let times: Vec<i64> = text.lines().map(|line| follower.read(line).unwrap().at.as_millis()).collect();
        assert_eq!(times, [0, 5_000, 12_000]);
    }

    #[test]
    fn a_file_that_is_there_is_never_written_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("night.jsonl");
        std::fs::write(&path, "dear").unwrap();
        assert!(Recording::create(&path).is_err());
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "dear");
    }
}

//! A recording that is shown again: the lines that `watch --record` wrote, or a stream of `/api/v1/stream` that was
//! saved as it came. Each picture is what a screen showed then; nothing is made up between two of them.

use std::fs::File;
use std::io::{BufReader, Read as _, Seek as _, SeekFrom};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use tokio::time::Instant;
use vitals_model::limits::{BODY_BYTES_MAX, TREND_POINTS_MAX};
use vitals_model::snapshot::Snapshot;
use vitals_model::view::read::Follower;
use vitals_tui::Said;
use vitals_tui::said::{Motion, Play, Playing};

use super::{Arrival, Source};

/// Most pictures of one recording; the rest are not shown. Two months at one every five seconds.
const PICTURES_MAX: usize = 1 << 20;
/// Longest time that one picture stands, at any speed: nobody watches a still.
const STILL_MAX: Duration = Duration::from_secs(2);
/// Shortest time that one picture stands.
const STILL_MIN: Duration = Duration::from_millis(100);

/// A recording being shown.
pub(super) struct Player {
    file: File,
    /// Where each picture begins, and how many bytes it has.
    pictures: Vec<(u64, usize)>,
    follower: Follower,
    /// How many times faster than it was.
    speed: f64,
    /// The picture to be shown next.
    next: usize,
    motion: Motion,
    due: Instant,
    shown: Option<Arc<Snapshot>>,
    /// A picture that was asked for.
    step: Option<usize>,
    /// The screen does not know yet where we are.
    untold: bool,
}

impl Player {
    /// Finds the pictures in a file.
    ///
    /// # Errors
    /// When it cannot be read, or has no picture.
    pub(super) fn open(path: &Path, speed: f64) -> anyhow::Result<Self> {
        let context = || format!("cannot replay {}", path.display());
        let file = File::open(path).with_context(context)?;
        let pictures = pictures(BufReader::new(&file)).with_context(context)?;
        if pictures.is_empty() {
            bail!("{} has no picture: expected the lines of `mcp-vitals watch --record`", path.display());
        }
        Ok(Self {
            file,
            pictures,
            follower: Follower::default(),
            speed,
            next: 0,
            motion: Motion::Running,
            due: Instant::now(),
            shown: None,
            step: None,
            untold: true,
        })
    }

    /// The last picture, with the trends that lead to it.
    pub(super) fn last(&mut self) -> anyhow::Result<Arc<Snapshot>> {
        self.show(self.pictures.len() - 1)
    }

    /// Goes to a picture. The ones before it are read for their values.
    fn show(&mut self, nth: usize) -> anyhow::Result<Arc<Snapshot>> {
        let is_next = nth == self.next && self.shown.is_some();
        if !is_next {
            self.follower = Follower::default();
            for before in nth.saturating_sub(TREND_POINTS_MAX)..nth {
                let _ = self.read(before);
            }
        }
        let snapshot = Arc::new(self.read(nth)?);
        self.next = nth + 1;
        self.shown = Some(Arc::clone(&snapshot));
        Ok(snapshot)
    }

    fn read(&mut self, nth: usize) -> anyhow::Result<Snapshot> {
        let (at, bytes) = self.pictures[nth];
        let mut line = vec![0; bytes];
        self.file.seek(SeekFrom::Start(at))?;
        self.file.read_exact(&mut line)?;
        let line = String::from_utf8_lossy(&line);
        Ok(self.follower.read(&line)?)
    }

    const fn place(&self) -> Playing {
        Playing { nth: self.next, of: self.pictures.len(), motion: self.motion }
    }

    /// How long the picture shown stands until the next one.
    fn still(&self, before: Option<&Snapshot>, now: &Snapshot) -> Duration {
        let passed = before.map_or(Duration::ZERO, |before| now.at.since(before.at));
        passed.div_f64(self.speed).clamp(STILL_MIN, STILL_MAX)
    }
}

/// Where the pictures are: the lines that are JSON objects, or the `data` of saved events.
fn pictures(mut file: impl std::io::BufRead) -> std::io::Result<Vec<(u64, usize)>> {
    let (mut all, mut at) = (Vec::new(), 0);
    let mut line = Vec::new();
    while all.len() < PICTURES_MAX {
        line.clear();
        let bytes = file.read_until(b'\n', &mut line)?;
        if bytes == 0 {
            break;
        }
        let prefix = if line.starts_with(b"data: ") { 6 } else { 0 };
        // A line without an end is one that was still being written.
        if line[prefix..].starts_with(b"{") && line.ends_with(b"\n") && bytes <= BODY_BYTES_MAX {
            all.push((at + prefix as u64, bytes - prefix));
        }
        at += bytes as u64;
    }
    Ok(all)
}

impl Source for Player {
    async fn next(&mut self) -> Option<Arrival> {
        if std::mem::take(&mut self.untold) {
            return Some(Arrival::Said(Said::Playing(self.place())));
        }
        if self.step.is_none() && (self.motion == Motion::Held || self.next >= self.pictures.len()) {
            std::future::pending::<()>().await;
        }
        if self.step.is_none() {
            tokio::time::sleep_until(self.due).await;
        }
        let before = self.shown.clone();
        self.untold = true;
        let nth = self.step.take().unwrap_or(self.next);
        match self.show(nth) {
            Ok(snapshot) => {
                self.due = Instant::now() + self.still(before.as_deref(), &snapshot);
                Some(Arrival::Snapshot(snapshot))
            }
            Err(error) => {
                self.next = nth + 1;
                Some(Arrival::Said(Said::Answer(format!("picture {} cannot be read: {error:#}", nth + 1))))
            }
        }
    }

    fn play(&mut self, play: Play) {
        self.untold = true;
        self.motion = match (play, self.motion) {
            (Play::Toggle, Motion::Held) => Motion::Running,
            _ => Motion::Held,
        };
        self.step = match play {
            Play::Toggle => None,
            Play::Back => Some(self.next.saturating_sub(2)),
            Play::On => Some(self.next).filter(|nth| *nth < self.pictures.len()),
        };
    }
}

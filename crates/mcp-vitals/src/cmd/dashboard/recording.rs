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
    async fn next(&mut self) -> Arrival {
        if std::mem::take(&mut self.untold) {
            return Arrival::Said(Said::Playing(self.place()));
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
                Arrival::Snapshot(snapshot)
            }
            Err(error) => {
                self.next = nth + 1;
                Arrival::Said(Said::Answer(format!("picture {} cannot be read: {error:#}", nth + 1)))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn picture(second: u32, value: u32) -> String {
        let reading = format!(
            r#"{{"id":"hub-servers/api","point":"hub-servers","health":"healthy","standing":"judged","value":{value},"unit":"ms"}}"#
        );
        format!(r#"{{"at":"2026-11-22T14:22:{second:02}.000Z","targets":[{{"id":"hub","kind":"hub","checks":[{reading}]}}]}}"#)
    }

    /// Three pictures: as recorded, as a saved stream has them, and one that was still being written.
    fn player(speed: f64) -> Player {
        let file = tempfile::NamedTempFile::new().expect("a file");
        let [a, b, c] = [picture(0, 1), picture(1, 2), picture(2, 3)];
        let torn = &picture(3, 4)[..40];
        std::fs::write(file.path(), format!("{a}\n: a comment\nevent: snapshot\ndata: {b}\n\n{c}\n{torn}")).expect("written");
        Player::open(file.path(), speed).expect("a recording")
    }

    async fn next_picture(player: &mut Player) -> (String, usize) {
        loop {
            if let Arrival::Snapshot(snapshot) = player.next().await {
                let trend = snapshot.targets[0].trends.values().next().map_or(0, Vec::len);
                return (snapshot.at.to_string()[17..19].to_owned(), trend);
            }
        }
    }

    #[tokio::test]
    async fn pictures_come_in_their_order_with_the_trend_up_to_them() {
        let mut player = player(1000.0);
        for expected in [("00", 1), ("01", 2), ("02", 3)] {
            let (second, trend) = next_picture(&mut player).await;
            assert_eq!((second.as_str(), trend), expected);
        }
        let end = tokio::time::timeout(Duration::from_millis(300), next_picture(&mut player)).await;
        assert!(end.is_err(), "what was not written to its end is no picture");
    }

    #[tokio::test]
    async fn a_step_shows_that_picture_as_it_was_then_and_stands() {
        let mut player = player(1000.0);
        next_picture(&mut player).await;
        next_picture(&mut player).await;
        player.play(Play::Back);
        assert_eq!(next_picture(&mut player).await, ("00".to_owned(), 1));
        let place = player.next().await;
        let Arrival::Said(Said::Playing(place)) = place else { panic!("the screen is told where we are") };
        assert_eq!((place.nth, place.of, place.motion), (1, 3, Motion::Held));
        player.play(Play::On);
        assert_eq!(next_picture(&mut player).await, ("01".to_owned(), 2));
    }

    #[test]
    fn the_last_picture_is_printed_and_a_file_without_any_is_refused() {
        assert_eq!(player(1.0).last().expect("a picture").at.to_string(), "2026-11-22T14:22:02.000Z");
        let empty = tempfile::NamedTempFile::new().expect("a file");
        std::fs::write(empty.path(), "nothing\n").expect("written");
        let refused = Player::open(empty.path(), 1.0).err().expect("no recording");
        assert!(refused.to_string().contains("has no picture"), "{refused}");
    }
}

//! What waits on disk for one destination: records in segment files, and how far they were delivered. It knows nothing of
//! what a record says.
//!
//! A record is there whole or not at all: each has its length and its checksum. It is written to the system before it
//! counts as spooled, so a `kill -9` at any instant loses none; a machine that loses power may lose what came since the last
//! sync ([`SYNC_EVERY`]). Beyond its bound the oldest segment goes, counted.

mod frame;

use std::collections::VecDeque;
use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use vitals_probe::clock::Stopwatch;

use self::frame::Frame;

/// Largest segment, in bytes: small enough that delivered ones go soon, large enough that there are not many.
const SEGMENT_BYTES_MAX: u64 = 4 << 20;

/// Largest record, in bytes.
pub(super) const RECORD_BYTES_MAX: usize = frame::PAYLOAD_BYTES_MAX;

/// Most bytes read for one batch.
const BATCH_BYTES_MAX: usize = 1 << 20;

/// How often what was written is made safe from a loss of power while records come.
const SYNC_EVERY: Duration = Duration::from_secs(5);

/// The file with the place up to which all is delivered.
const POSITION: &str = "position";

/// What waits for one destination. Nobody else can have the same while this is there.
pub(super) struct Spool {
    dir: PathBuf,
    _lock: File,
    bytes_max: u64,
    segment_bytes_max: u64,
    /// Oldest first; the last one is written to while `writing` is there.
    segments: VecDeque<Segment>,
    writing: Option<File>,
    /// The segment that is read.
    reading: Option<(u64, File)>,
    /// Up to here all is delivered: an offset in the first segment.
    delivered: u64,
    /// Records of the first segment that were read and are not settled.
    in_hand: u64,
    next_number: u64,
    dropped: u64,
    unsynced: Option<Stopwatch>,
}

struct Segment {
    number: u64,
    /// Its good bytes.
    bytes: u64,
    /// Records in it that are not delivered.
    waiting: u64,
}

/// Records that were read together, all of one segment.
#[derive(Debug, Default)]
pub(super) struct Batch {
    pub(super) records: Vec<String>,
    segment: u64,
    end: u64,
    counted: u64,
}

impl Spool {
    /// Opens what waits in `dir`, which is made where it is not there.
    ///
    /// # Errors
    /// When it cannot be made, read or locked; `WouldBlock` when another process has it.
    pub(super) fn open(dir: &Path, bytes_max: u64) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
        let lock = private(OpenOptions::new().write(true).create(true)).open(dir.join("lock"))?;
        lock.try_lock().map_err(|error| match error {
            TryLockError::WouldBlock => io::Error::new(io::ErrorKind::WouldBlock, "another watch uses it"),
            TryLockError::Error(error) => error,
        })?;
        let mut spool = Self {
            dir: dir.to_owned(),
            _lock: lock,
            bytes_max,
            // So that no more than a quarter goes at once.
            segment_bytes_max: SEGMENT_BYTES_MAX.min(bytes_max / 4),
            segments: VecDeque::new(),
            writing: None,
            reading: None,
            delivered: 0,
            in_hand: 0,
            next_number: 1,
            dropped: 0,
            unsynced: None,
        };
        spool.recall()?;
        Ok(spool)
    }

    /// Finds what an earlier process left.
    fn recall(&mut self) -> io::Result<()> {
        let mut numbers: Vec<u64> = fs::read_dir(&self.dir)?.filter_map(|entry| number_of(&entry.ok()?.path())).collect();
        numbers.sort_unstable();
        let (from, offset) = self.position().unwrap_or_default();
        self.next_number = numbers.last().copied().unwrap_or(0).max(from) + 1;
        for number in numbers {
            if number < from {
                // Delivered; it was to go when the process ended.
                let _ = fs::remove_file(self.path(number));
                continue;
            }
            let bytes = fs::read(self.path(number))?;
            let mut segment = Segment { number, bytes: bytes.len() as u64, waiting: 0 };
            let (mut at, mut records, mut skipped) = (0, 0, (offset == 0).then_some(0));
            while let Some(frame) = frame::next(&bytes[at..]) {
                at += frame.len();
                records += u64::from(frame.counts());
                if number == from && at as u64 == offset {
                    skipped = Some(records);
                }
            }
            // A place that is between no two records is believed to be the beginning: rather twice than never.
            if number == from {
                self.delivered = skipped.map_or(0, |_| offset);
                records -= skipped.unwrap_or(0);
            }
            segment.waiting = records;
            self.segments.push_back(segment);
        }
        Ok(())
    }

    /// Writes records behind those that wait. What cannot be written is dropped and counted.
    ///
    /// # Errors
    /// Why some were dropped.
    pub(super) fn append(&mut self, records: &[&str]) -> io::Result<()> {
        let mut outcome = Ok(());
        let mut rest = records;
        while !rest.is_empty() {
            let mut buffer = Vec::new();
            let mut taken = 0;
            for record in rest {
                let is_full = !buffer.is_empty() && (buffer.len() + record.len()) as u64 > self.segment_bytes_max;
                if is_full {
                    break;
                }
                taken += 1;
                if record.len() > RECORD_BYTES_MAX {
                    self.dropped += 1;
                } else {
                    frame::put(record, &mut buffer);
                }
            }
            let whole = rest[..taken].iter().filter(|record| record.len() <= RECORD_BYTES_MAX).count() as u64;
            if let Err(error) = self.write(&buffer, whole) {
                self.dropped += whole;
                outcome = Err(error);
            }
            rest = &rest[taken..];
        }
        outcome
    }

    fn write(&mut self, buffer: &[u8], records: u64) -> io::Result<()> {
        if buffer.is_empty() {
            return Ok(());
        }
        let length = buffer.len() as u64;
        if self.segments.back().is_none_or(|last| last.bytes > 0 && last.bytes + length > self.segment_bytes_max) {
            self.end_segment();
        }
        while self.segments.len() > 1 && self.bytes() + length > self.bytes_max {
            self.drop_oldest();
        }
        if self.writing.is_none() {
            let path = self.path(self.next_number);
            self.writing = Some(private(OpenOptions::new().read(true).write(true).create_new(true)).open(path)?);
            self.segments.push_back(Segment { number: self.next_number, bytes: 0, waiting: 0 });
            self.next_number += 1;
        }
        let (Some(file), Some(segment)) = (&self.writing, self.segments.back_mut()) else { return Ok(()) };
        if let Err(error) = file.write_all_at(buffer, segment.bytes) {
            // What was written of it would be read as a torn end; where it cannot be cut off, it is one.
            let _ = file.set_len(segment.bytes);
            return Err(error);
        }
        segment.bytes += length;
        segment.waiting += records;
        let since = *self.unsynced.get_or_insert_with(Stopwatch::start);
        if since.elapsed() >= SYNC_EVERY {
            file.sync_data()?;
            self.unsynced = None;
        }
        Ok(())
    }

    fn end_segment(&mut self) {
        if let Some(file) = self.writing.take() {
            let _ = file.sync_data();
            self.unsynced = None;
        }
    }

    fn drop_oldest(&mut self) {
        let Some(oldest) = self.segments.pop_front() else { return };
        // What is in hand is still on its way.
        self.dropped += oldest.waiting.saturating_sub(std::mem::take(&mut self.in_hand));
        self.delivered = 0;
        let _ = fs::remove_file(self.path(oldest.number));
        if self.segments.is_empty() {
            self.writing = None;
        }
    }

    /// The next records that wait, at most `records_max`; empty when none does. To be [settled](Self::settle) before the
    /// next ones are asked for.
    ///
    /// # Errors
    /// When they cannot be read.
    pub(super) fn read(&mut self, records_max: usize) -> io::Result<Batch> {
        loop {
            let Some(first) = self.segments.front() else { return Ok(Batch::default()) };
            let (number, left) = (first.number, first.bytes - self.delivered);
            if left == 0 {
                if self.segments.len() == 1 {
                    return Ok(Batch::default());
                }
                self.remove_first();
                continue;
            }
            let batch = match self.read_from(number, left, records_max) {
                // Somebody removed it, or a part of it.
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::UnexpectedEof) => {
                    self.drop_oldest();
                    continue;
                }
                read => read?,
            };
            self.in_hand = batch.counted;
            if !batch.records.is_empty() {
                return Ok(batch);
            }
            // Nothing but what cannot be read.
            self.settle(&batch)?;
        }
    }

    fn read_from(&mut self, number: u64, left: u64, records_max: usize) -> io::Result<Batch> {
        if self.reading.as_ref().is_none_or(|(open, _)| *open != number) {
            self.reading = Some((number, File::open(self.path(number))?));
        }
        let Some((_, file)) = &self.reading else { return Ok(Batch::default()) };
        let want = usize::try_from(left).unwrap_or(usize::MAX).min(BATCH_BYTES_MAX + RECORD_BYTES_MAX);
        let mut bytes = vec![0; want];
        file.read_exact_at(&mut bytes, self.delivered)?;
        let mut batch = Batch { segment: number, ..Batch::default() };
        let mut at = 0;
        while batch.records.len() < records_max && at < BATCH_BYTES_MAX {
            let Some(frame) = frame::next(&bytes[at..]) else { break };
            let is_torn = matches!(frame, Frame::Torn(_));
            if is_torn && (want as u64) < left && at > 0 {
                // It goes on beyond what was read.
                break;
            }
            at += frame.len();
            batch.counted += u64::from(frame.counts());
            match frame {
                Frame::Record(record, _) => batch.records.push(record.to_owned()),
                Frame::Damaged(_) => self.dropped += 1,
                Frame::Torn(_) => {
                    self.dropped += 1;
                    at = usize::try_from(left).unwrap_or(usize::MAX);
                }
            }
        }
        batch.end = self.delivered + at as u64;
        Ok(batch)
    }

    /// All records of a batch are delivered, or given up.
    ///
    /// # Errors
    /// When that cannot be noted: after a restart they are delivered once more.
    pub(super) fn settle(&mut self, batch: &Batch) -> io::Result<()> {
        self.in_hand = 0;
        let Some(first) = self.segments.front_mut().filter(|first| first.number == batch.segment) else { return Ok(()) };
        first.waiting = first.waiting.saturating_sub(batch.counted);
        self.delivered = batch.end;
        let next = self.dir.join("position.next");
        fs::write(&next, format!("{} {}\n", first.number, self.delivered))?;
        fs::rename(next, self.dir.join(POSITION))?;
        if self.segments.len() > 1 && self.segments.front().is_some_and(|first| first.bytes == self.delivered) {
            self.remove_first();
        }
        Ok(())
    }

    /// Removes the first segment, which is delivered.
    fn remove_first(&mut self) {
        if let Some(first) = self.segments.pop_front() {
            self.delivered = 0;
            let _ = fs::remove_file(self.path(first.number));
        }
    }

    /// Records that wait.
    pub(super) fn waiting(&self) -> u64 {
        self.segments.iter().map(|segment| segment.waiting).sum()
    }

    /// Bytes on disk.
    pub(super) fn bytes(&self) -> u64 {
        self.segments.iter().map(|segment| segment.bytes).sum()
    }

    /// Records that were dropped since the start: no room, a disk that took none, or damage.
    pub(super) const fn dropped(&self) -> u64 {
        self.dropped
    }

    fn position(&self) -> Option<(u64, u64)> {
        let text = fs::read_to_string(self.dir.join(POSITION)).ok()?;
        let (segment, offset) = text.trim_end().split_once(' ')?;
        Some((segment.parse().ok()?, offset.parse().ok()?))
    }

    fn path(&self, number: u64) -> PathBuf {
        self.dir.join(format!("{number:016}.spool"))
    }
}

fn number_of(path: &Path) -> Option<u64> {
    (path.extension()? == "spool").then(|| path.file_stem()?.to_str()?.parse().ok())?
}

/// Logs are for their owner alone.
fn private(options: &mut OpenOptions) -> &mut OpenOptions {
    options.mode(0o600)
}

#[cfg(test)]
mod tests;

//! A file of JSON Lines, rotated by ourselves: `events.jsonl` is written, `events.jsonl.1` is the one before it. It is opened
//! for each batch, so whoever moves it away is not written to behind their back.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Answer;

pub(in super::super) struct Lines(Arc<Place>);

struct Place {
    path: PathBuf,
    bytes_max: u64,
    files: u32,
}

impl Lines {
    pub(super) fn new(path: &Path, bytes_max: u64, files: u32) -> Self {
        Self(Arc::new(Place { path: path.to_owned(), bytes_max, files }))
    }

    /// Written on a thread of its own: a folder of another machine may hang.
    pub(super) async fn give(&self, records: &[String]) -> Answer {
        let lines: String = records.iter().flat_map(|record| [record.as_str(), "\n"]).collect();
        let place = Arc::clone(&self.0);
        let written = tokio::task::spawn_blocking(move || place.write(&lines)).await;
        match written.unwrap_or_else(|_| Err(io::Error::other("its writer panicked"))) {
            Ok(()) => Answer::all(),
            Err(error) => Answer::NotNow { why: format!("{}: {error}", self.0.path.display()), after: None },
        }
    }
}

impl Place {
    fn write(&self, lines: &str) -> io::Result<()> {
        let open = || OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(&self.path);
        let mut file = open()?;
        let mut end = file.metadata()?.len();
        if end > 0 && end + lines.len() as u64 > self.bytes_max {
            self.rotate()?;
            file = open()?;
            end = 0;
        }
        // A line that a killed writer left half is a line of its own: what it was to say comes again.
        let gap = if ends_a_line(&file, end)? { "" } else { "\n" };
        if let Err(error) = file.write_all(format!("{gap}{lines}").as_bytes()) {
            let _ = file.set_len(end);
            return Err(error);
        }
        Ok(())
    }

    fn rotate(&self) -> io::Result<()> {
        if self.files == 1 {
            return fs::remove_file(&self.path);
        }
        for n in (1..self.files).rev() {
            let from = if n == 1 { self.path.clone() } else { self.older(n - 1) };
            match fs::rename(from, self.older(n)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }

    fn older(&self, n: u32) -> PathBuf {
        let mut name = self.path.clone().into_os_string();
        name.push(format!(".{n}"));
        name.into()
    }
}

fn ends_a_line(file: &File, length: u64) -> io::Result<bool> {
    let Some(last) = length.checked_sub(1) else { return Ok(true) };
    let mut byte = [0];
    file.read_exact_at(&mut byte, last)?;
    Ok(byte == *b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_rotated_and_no_more_kept_than_asked_for() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { path: dir.path().join("events.jsonl"), bytes_max: 10, files: 3 };
        for n in 0..5 {
            place.write(&format!("{{\"n\":{n}}}\n")).unwrap();
        }
        let read = |path: &Path| fs::read_to_string(path).unwrap();
        assert_eq!(
            (read(&place.path), read(&place.older(1)), read(&place.older(2))),
            ("{\"n\":4}\n".into(), "{\"n\":3}\n".into(), "{\"n\":2}\n".into())
        );
        assert!(!place.older(3).exists());
        let single = Place { files: 1, ..place };
        single.write("{\"n\":5}\n").unwrap();
        assert_eq!(read(&single.path), "{\"n\":5}\n");
    }

    #[test]
    fn a_line_that_was_cut_off_spoils_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let place = Place { path: dir.path().join("events.jsonl"), bytes_max: 1000, files: 2 };
        place.write("{\"n\":1}\n").unwrap();
        fs::write(&place.path, "{\"n\":1}\n{\"n\":").unwrap();
        place.write("{\"n\":2}\n").unwrap();
        assert_eq!(fs::read_to_string(&place.path).unwrap(), "{\"n\":1}\n{\"n\":\n{\"n\":2}\n");
    }
}

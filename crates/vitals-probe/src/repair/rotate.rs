//! Putting a log aside, in the way that its writers survive.
//!
//! A writer that opens the log for each line follows its name, so the file is renamed. One that holds it open writes
//! on into what it holds: then the file is copied and cut, which is safe only for one that appends. Whoever else holds
//! it would leave a hole as long as the log was, so nothing is done.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use vitals_model::text::bytes;

/// Access mode and appending in the flags of `/proc/PID/fdinfo/FD` (open(2), the values of Linux).
const ACCESS: u32 = 0o3;
const READ_ONLY: u32 = 0;
const APPEND: u32 = 0o2000;

/// How the writers of a file hold it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
enum Writers {
    /// Nobody holds it open for writing.
    Gone,
    /// All who do append.
    Append,
    /// This process does not.
    Place(u32),
}

/// Puts the log at `path` aside as `path.1`, those before it one further, and keeps `keep` of them.
///
/// # Errors
/// Why nothing was done, in one line.
pub(super) fn rotate(path: &Path, keep: u32) -> Result<String, String> {
    let fail = |error: io::Error| format!("{}: {error}", path.display());
    let path = path.canonicalize().map_err(fail)?;
    let log = fs::metadata(&path).map_err(fail)?;
    if !log.is_file() {
        return Err(format!("{} is no file", path.display()));
    }
    let us = rustix::process::geteuid();
    if !us.is_root() && log.uid() != us.as_raw() {
        return Err("the log is another user's, so who writes it cannot be seen".to_owned());
    }
    let writers = writers(&log);
    if let Writers::Place(pid) = writers {
        return Err(format!("process {pid} holds it open without appending: cut, it would be filled up with a hole"));
    }
    let aside = aside(&path, 1);
    for n in (1..keep).rev() {
        match fs::rename(self::aside(&path, n), self::aside(&path, n + 1)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(fail(error)),
            _ => {}
        }
    }
    let how = if writers == Writers::Gone {
        fs::rename(&path, &aside).map_err(fail)?;
        "renamed, its writer opens it anew"
    } else {
        copy_and_cut(&path, &aside).map_err(fail)?;
        "copied and cut, its writer appends"
    };
    Ok(format!("{} put aside as {}, {how}", bytes(log.len()), aside.display()))
}

/// `path.N`.
fn aside(path: &Path, n: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{n}"));
    name.into()
}

/// Lines that are written between the copy and the cut are lost: a few at most.
fn copy_and_cut(path: &Path, aside: &Path) -> io::Result<()> {
    let copied = File::open(path).and_then(|mut log| {
        let mut copy = File::create(aside)?;
        copy.set_permissions(log.metadata()?.permissions())?;
        io::copy(&mut log, &mut copy)
    });
    if let Err(error) = copied {
        // Half a copy on a disk that is full helps nobody; the log itself is as it was.
        let _ = fs::remove_file(aside);
        return Err(error);
    }
    OpenOptions::new().write(true).open(path)?.set_len(0)
}

/// Who of all processes that can be looked at holds this file open for writing.
fn writers(file: &fs::Metadata) -> Writers {
    let numbers = |folder: &str| {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok()).collect::<Vec<_>>()
    };
    let mut found = Writers::Gone;
    for pid in numbers("/proc") {
        for fd in numbers(&format!("/proc/{pid}/fd")) {
            let is_it = fs::metadata(format!("/proc/{pid}/fd/{fd}"))
                .is_ok_and(|held| (held.dev(), held.ino()) == (file.dev(), file.ino()));
            if is_it {
                found = found.max(writer(pid, fd));
            }
        }
    }
    found
}

fn writer(pid: u32, fd: u32) -> Writers {
    let info = fs::read_to_string(format!("/proc/{pid}/fdinfo/{fd}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
    match flags.and_then(|flags| u32::from_str_radix(flags.trim(), 8).ok()) {
        Some(flags) if flags & ACCESS == READ_ONLY => Writers::Gone,
        Some(flags) if flags & APPEND != 0 => Writers::Append,
        _ => Writers::Place(pid),
    }
}

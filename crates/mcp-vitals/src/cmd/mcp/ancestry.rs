//! Whether `mcp` was started by itself: it can be a target of its own configuration, and would then start itself to be
//! looked at, and that one the next, without end.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The longest line of ancestors that is followed.
const ANCESTORS_MAX: usize = 64;

/// Whether one of our ancestors is this program, answering agents.
pub(super) fn is_our_own_target() -> bool {
    let Ok(own) = fs::read_link("/proc/self/exe") else { return false };
    let line = std::iter::successors(parent("self"), |pid| parent(&pid.to_string()));
    line.take(ANCESTORS_MAX).take_while(|pid| *pid > 1).any(|pid| answers_agents(pid, &own))
}

fn answers_agents(pid: u32, own: &Path) -> bool {
    let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == own)
        && words.split(|byte| *byte == 0).skip(1).any(|word| OsStr::from_bytes(word) == "mcp")
}

/// The second field after the name, which is in brackets and may hold any character.
fn parent(pid: &str) -> Option<u32> {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit_once(')')?.1.split_whitespace().nth(1)?.parse().ok()
}

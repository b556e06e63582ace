//! The files of `/proc` that a look needs, read and parsed.
//!
//! Written by hand because it runs every second: one read per fact, nothing kept that is not used.
//! A process may vanish between two reads and `/proc` may be restricted (`hidepid`), so everything
//! here is an `Option`.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::str::FromStr;
use std::time::Duration;

use vitals_model::observation::{ProcessId, RunState};

/// Most bytes read of one file of `/proc`: enough for a list of ten thousand children.
const PROC_BYTES_MAX: u64 = 64 << 10;

/// Most threads read of one process; with more, its CPU time comes from its `stat`.
const THREADS_MAX: usize = 1024;

/// Whose children are listed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Threads {
    /// The main thread's: those of most programs, at a tenth of the cost.
    Main,
    /// Every thread's.
    All,
}

/// Most processes of one scan of `/proc`; the kernel's default bound of pids is 32,768.
const PROCESSES_MAX: usize = 65_536;

/// The part of `/proc/PID/stat` that is used.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Stat {
    /// The program's name, at most 15 bytes.
    pub(super) name: String,
    pub(super) state: RunState,
    pub(super) parent: u32,
    /// The process group.
    pub(super) group: u32,
    /// User and system time in clock ticks, ended threads included.
    pub(super) cpu_ticks: u64,
    pub(super) threads: u64,
    pub(super) start_ticks: u64,
    pub(super) rss_pages: u64,
}

impl Stat {
    /// Whether nothing of the process runs any more. The main thread alone can be a zombie while
    /// others go on.
    pub(super) fn has_ended(&self) -> bool {
        self.state == RunState::Zombie && self.threads <= 1
    }
}

/// Parses `/proc/PID/stat`. The name is in brackets and may hold brackets and spaces itself, so the
/// fields are counted from the last closing one.
pub(super) fn parse_stat(raw: &[u8]) -> Option<Stat> {
    let open = memchr::memchr(b'(', raw)?;
    let close = memchr::memrchr(b')', raw)?;
    let name = String::from_utf8_lossy(raw.get(open + 1..close)?).into_owned();
    // Numbers in proc(5) count from 1, and the state is field 3.
    let mut fields = [""; 22];
    let rest = std::str::from_utf8(raw.get(close + 1..)?).ok()?;
    let mut found = 0;
    for (slot, word) in fields.iter_mut().zip(rest.split_ascii_whitespace()) {
        *slot = word;
        found += 1;
    }
    let field = |number: usize| fields[..found].get(number - 3)?.parse::<u64>().ok();
    Some(Stat {
        name,
        state: match *fields.first()? {
            "T" | "t" => RunState::Stopped,
            "D" => RunState::DiskSleep,
            "Z" | "X" | "x" => RunState::Zombie,
            "" => return None,
            _ => RunState::Normal,
        },
        parent: u32::try_from(field(4)?).ok()?,
        group: u32::try_from(field(5)?).ok()?,
        cpu_ticks: field(14)?.saturating_add(field(15)?),
        threads: field(20)?,
        start_ticks: field(22)?,
        rss_pages: field(24)?,
    })
}

/// A file of `/proc` from its start, at most [`PROC_BYTES_MAX`] bytes.
pub(super) fn read(path: impl AsRef<Path>) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(512);
    File::open(path).ok()?.take(PROC_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}

/// What the kernel knows of the process with this pid.
pub(super) fn stat(pid: u32) -> Option<Stat> {
    parse_stat(&read(format!("/proc/{pid}/stat"))?)
}

/// What the kernel knows of this process; `None` when the pid has another one now.
pub(super) fn stat_of(id: ProcessId) -> Option<Stat> {
    stat(id.pid).filter(|s| s.start_ticks == id.start_ticks)
}

/// Time since boot, as the start times of processes count it.
pub(super) fn uptime() -> Option<Duration> {
    let seconds: f64 = first_number(&read("/proc/uptime")?)?;
    Duration::try_from_secs_f64(seconds).ok()
}

/// How long ago `start_ticks` was.
pub(super) fn age(uptime: Duration, start_ticks: u64) -> Duration {
    uptime.saturating_sub(ticks(start_ticks))
}

/// Clock ticks as time.
pub(super) fn ticks(count: u64) -> Duration {
    Duration::from_secs_f64(count as f64 / rustix::param::clock_ticks_per_second().max(1) as f64)
}

/// The part of `/proc/PID/task/TID/schedstat` that is used, in nanoseconds since the thread's start.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct ThreadTimes {
    pub(super) id: u32,
    /// On a core.
    pub(super) ran_ns: u64,
    /// Ready, and without a core.
    pub(super) waited_ns: u64,
}

impl ThreadTimes {
    /// A thread that has not run yet.
    pub(super) const fn of(id: u32) -> Self {
        Self { id, ran_ns: 0, waited_ns: 0 }
    }

    /// What came since `earlier`.
    pub(super) const fn since(self, earlier: Self) -> Self {
        let ran_ns = self.ran_ns.saturating_sub(earlier.ran_ns);
        Self { ran_ns, waited_ns: self.waited_ns.saturating_sub(earlier.waited_ns), ..self }
    }
}

/// The times of every thread, in order of thread id; `None` when the kernel does not tell or there are more than
/// [`THREADS_MAX`].
pub(super) fn thread_times(pid: u32) -> Option<Vec<ThreadTimes>> {
    let threads = numbers_in(&format!("/proc/{pid}/task"), THREADS_MAX + 1)?;
    if threads.len() > THREADS_MAX {
        return None;
    }
    let mut times = Vec::with_capacity(threads.len());
    for id in threads {
        // A thread that has ended in between is left out.
        if let Some(raw) = read(format!("/proc/{pid}/task/{id}/schedstat")) {
            times.push(ThreadTimes { id, ran_ns: number(&raw, 0)?, waited_ns: number(&raw, 1)? });
        }
    }
    times.sort_unstable();
    (!times.is_empty()).then_some(times)
}

/// Open file descriptors; `None` when they may not be counted.
pub(super) fn fds(pid: u32) -> Option<u64> {
    let folder = format!("/proc/{pid}/fd");
    // Since Linux 6.2 the folder's size is their number; before, it was zero.
    let size = std::fs::metadata(&folder).ok()?.len();
    if size > 0 { Some(size) } else { std::fs::read_dir(&folder).ok().map(|entries| entries.count() as u64) }
}

/// The soft limit of open files; `None` when there is none or it may not be read.
pub(super) fn fds_max(pid: u32) -> Option<u64> {
    let limits = read(format!("/proc/{pid}/limits"))?;
    let at = memchr::memmem::find(&limits, b"Max open files")?;
    first_number(&limits[at + "Max open files".len()..])
}

/// The words of the command line; a process that has ended has none.
pub(super) fn command_line(pid: u32) -> Option<Vec<String>> {
    let raw = read(format!("/proc/{pid}/cmdline"))?;
    let words = raw.split(|b| *b == 0).map(|word| String::from_utf8_lossy(word).into_owned());
    Some(words.collect())
}

/// Direct children by the kernel's own list, which is kept per thread; `None` when this kernel keeps
/// none (`CONFIG_PROC_CHILDREN`), or when the process is gone.
pub(super) fn children(pid: u32, threads: Threads) -> Option<Vec<u32>> {
    let mut children = Vec::new();
    let mut listed = false;
    let threads = match threads {
        Threads::Main => vec![pid],
        Threads::All => numbers_in(&format!("/proc/{pid}/task"), THREADS_MAX)?,
    };
    for thread in threads {
        if let Some(raw) = read(format!("/proc/{pid}/task/{thread}/children")) {
            listed = true;
            let text = String::from_utf8_lossy(&raw);
            children.extend(text.split_ascii_whitespace().filter_map(|word| word.parse::<u32>().ok()));
        }
    }
    listed.then_some(children)
}

/// Every pid of this machine that can be seen.
pub(super) fn pids() -> Vec<u32> {
    numbers_in("/proc", PROCESSES_MAX).unwrap_or_default()
}

/// The numeric names in a folder, at most `count_max`.
pub(super) fn numbers_in(folder: &str, count_max: usize) -> Option<Vec<u32>> {
    let entries = std::fs::read_dir(folder).ok()?;
    let number = |entry: std::io::Result<std::fs::DirEntry>| entry.ok()?.file_name().to_str()?.parse().ok();
    Some(entries.filter_map(number).take(count_max).collect())
}

fn first_number<T: FromStr>(raw: &[u8]) -> Option<T> {
    number(raw, 0)
}

/// The word at `index`, from 0, as a number.
fn number<T: FromStr>(raw: &[u8], index: usize) -> Option<T> {
    let text = String::from_utf8_lossy(raw);
    text.split_ascii_whitespace().nth(index)?.parse().ok()
}

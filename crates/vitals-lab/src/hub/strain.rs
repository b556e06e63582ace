//! What a sick hub does to its machine: it spins, it keeps memory, it keeps files. Each stops, and gives
//! back what it took, when it is told to.

use std::collections::BTreeSet;
use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::sync::watch;

use super::journal::{Journal, Level, Record};
use crate::fault::HubFault;

/// Open files that the hub allows itself: enough for a thousand sessions, and few enough that a leak ends.
const FILES_MAX: u64 = 8192;

/// Memory that a leak takes in each step, in bytes.
const LEAK_BYTES: usize = 16 << 20;

/// Most steps of a leak: 512 MiB.
const LEAK_STEPS_MAX: usize = 32;

/// Time between two steps of a leak of memory.
const LEAK_EVERY: Duration = Duration::from_secs(1);

/// Files that a leak opens in each step.
const FILES_STEP: usize = 256;

/// Time between two steps of a leak of files.
const FILES_EVERY: Duration = Duration::from_millis(100);

/// Sets the soft limit of open files to [`FILES_MAX`], or to the hard limit where that is lower.
pub(crate) fn limit_files() -> io::Result<()> {
    let hard = getrlimit(Resource::Nofile).maximum;
    let soft = hard.map_or(FILES_MAX, |hard| hard.min(FILES_MAX));
    Ok(setrlimit(Resource::Nofile, Rlimit { current: Some(soft), maximum: hard })?)
}

/// Does what it is told to, for ever.
pub(crate) async fn run(mut faults: watch::Receiver<BTreeSet<HubFault>>, journal: Journal) {
    let mut spin = None;
    let mut memory: Vec<Vec<u8>> = Vec::new();
    let mut files: Vec<File> = Vec::new();
    loop {
        let now = faults.borrow_and_update().clone();
        spin = match (now.contains(&HubFault::CpuSpin), spin) {
            (true, None) => Spin::start(&journal),
            (true, running) => running,
            (false, _) => None,
        };
        let leaks = now.contains(&HubFault::MemoryLeak);
        if !leaks {
            memory = Vec::new();
        }
        let opens = now.contains(&HubFault::FdLeak);
        if !opens {
            files = Vec::new();
        }
        let more = leaks && memory.len() < LEAK_STEPS_MAX;
        let further = opens && files.len() < files_max();
        tokio::select! {
            changed = faults.changed() => if changed.is_err() { return },
            () = tokio::time::sleep(LEAK_EVERY), if more && !further => memory.push(vec![1; LEAK_BYTES]),
            () = tokio::time::sleep(FILES_EVERY), if further => open_some(&mut files),
        }
    }
}

/// Nine tenths of the limit: what is left lets the hub say how it is.
fn files_max() -> usize {
    let soft = getrlimit(Resource::Nofile).current.unwrap_or(FILES_MAX);
    usize::try_from(soft / 10 * 9).unwrap_or(usize::MAX)
}

fn open_some(files: &mut Vec<File>) {
    let room = files_max().saturating_sub(files.len()).min(FILES_STEP);
    files.extend((0..room).map_while(|_| File::open("/dev/null").ok()));
}

/// A spinning thread, until it is dropped.
struct Spin(Arc<AtomicBool>);

impl Spin {
    fn start(journal: &Journal) -> Option<Self> {
        let on = Arc::new(AtomicBool::new(true));
        let seen = Arc::clone(&on);
        let thread = std::thread::Builder::new().name("spin".to_owned()).spawn(move || {
            while seen.load(Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        match thread {
            Ok(_) => Some(Self(on)),
            Err(error) => {
                journal.write(Record::new(Level::Error, format!("No thread could be started to spin: {error}")));
                None
            }
        }
    }
}

impl Drop for Spin {
    fn drop(&mut self) {
        self.0.store(false, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use tokio::time::timeout;
    use vitals_probe::task::Task;

    use super::*;

    async fn until(holds: impl Fn() -> bool) {
        let waiting = async {
            while !holds() {
                tokio::time::sleep(Duration::from_millis(20)).await;
            }
        };
        timeout(Duration::from_secs(20), waiting).await.unwrap();
    }

    fn nulls() -> usize {
        let own = std::fs::read_dir("/proc/self/fd").unwrap();
        own.filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()).filter(|to| to.ends_with("dev/null")).count()
    }

    fn spinning() -> usize {
        let threads = std::fs::read_dir("/proc/self/task").unwrap();
        let named = threads.filter_map(|entry| std::fs::read_to_string(entry.ok()?.path().join("comm")).ok());
        named.filter(|name| name.trim() == "spin").count()
    }

    fn resident_mib() -> u64 {
        let statm = std::fs::read_to_string("/proc/self/statm").unwrap();
        statm.split(' ').nth(1).unwrap().parse::<u64>().unwrap() * 4 / 1024
    }

    #[tokio::test]
    async fn what_is_taken_is_given_back() {
        let (tell, faults) = watch::channel(BTreeSet::new());
        let _run = Task::spawn(run(faults, Journal::new(|_, _| {})));
        let (files, memory) = (nulls(), resident_mib());

        tell.send(BTreeSet::from([HubFault::FdLeak, HubFault::CpuSpin])).unwrap();
        until(|| nulls() >= files + 200 && spinning() == 1).await;
        tell.send(BTreeSet::from([HubFault::MemoryLeak])).unwrap();
        until(|| nulls() <= files + 10 && spinning() == 0).await;
        until(|| resident_mib() >= memory + 14).await;
        let most = resident_mib();
        tell.send(BTreeSet::new()).unwrap();
        until(|| resident_mib() + 14 <= most).await;
    }
}

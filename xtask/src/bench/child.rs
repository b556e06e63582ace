//! What a child process costs: wall time, CPU time, memory. Children are measured one at a time,
//! because the kernel sums the CPU time of all that have been waited for.

use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use nix::sys::resource::{UsageWho, getrusage};
use nix::sys::time::{TimeVal, TimeValLike as _};
use nix::unistd::{SysconfVar, sysconf};

/// A running measurement on the monotonic clock.
#[derive(Clone, Copy, Debug)]
pub struct Stopwatch(Instant);

impl Stopwatch {
    /// Starts now.
    #[expect(clippy::disallowed_methods, reason = "the one home of the clock in this crate")]
    pub fn start() -> Self {
        Self(Instant::now())
    }

    /// Time since the start.
    pub fn elapsed(self) -> Duration {
        self.0.elapsed()
    }
}

/// What one run of a program cost.
#[derive(Clone, Copy, Debug)]
pub struct Cost {
    /// From start to end.
    pub wall: Duration,
    /// User and system time of all its threads, to the microsecond.
    pub cpu: Duration,
    /// Its exit code; a measurement knows which one it expects.
    pub code: i32,
}

/// Runs a program to its end, its output thrown away.
///
/// # Errors
/// When it does not start, or a signal ends it.
pub fn run(command: &mut Command) -> anyhow::Result<Cost> {
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let before = children_cpu()?;
    let clock = Stopwatch::start();
    let status = command.status().with_context(|| format!("{command:?} does not start"))?;
    let wall = clock.elapsed();
    let Some(code) = status.code() else { bail!("{command:?} was ended by a signal: {status}") };
    Ok(Cost { wall, cpu: children_cpu()?.saturating_sub(before), code })
}

/// CPU time of all children that have been waited for.
fn children_cpu() -> anyhow::Result<Duration> {
    let usage = getrusage(UsageWho::RUSAGE_CHILDREN)?;
    let duration = |t: TimeVal| u64::try_from(t.num_microseconds()).map(Duration::from_micros);
    Ok(duration(usage.user_time())? + duration(usage.system_time())?)
}

/// What a running process has used so far.
#[derive(Clone, Copy, Debug)]
pub struct Use {
    /// User and system time of all its threads, in steps of a clock tick (10 ms): for long runs only.
    pub cpu: Duration,
    /// Resident memory now, in bytes.
    pub rss_bytes: u64,
    /// The part of it that is no file's: heap and stacks, in bytes.
    pub anonymous_bytes: u64,
}

/// Looks at a running process.
///
/// # Errors
/// When it is gone, or `/proc` does not read as expected.
pub fn look(pid: u32) -> anyhow::Result<Use> {
    let read = |file: &str| std::fs::read_to_string(format!("/proc/{pid}/{file}")).with_context(|| format!("no process {pid}"));
    let ticks_per_second = sysconf(SysconfVar::CLK_TCK)?.context("the kernel does not say its clock tick")?;
    let ticks = cpu_ticks(&read("stat")?).context("/proc/PID/stat is not as expected")?;
    let status = read("status")?;
    let bytes = |name| kib(&status, name).map(|n| n * 1024).context("/proc/PID/status is not as expected");
    let (rss_bytes, anonymous_bytes) = (bytes("VmRSS:")?, bytes("RssAnon:")?);
    #[expect(clippy::cast_precision_loss, reason = "ticks of hours fit f64 exactly")]
    let cpu = Duration::from_secs_f64(ticks as f64 / ticks_per_second as f64);
    Ok(Use { cpu, rss_bytes, anonymous_bytes })
}

/// `utime + stime`: fields 14 and 15, counted from after the name in parentheses, which is field 2.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    Some(fields.get(11)?.parse::<u64>().ok()? + fields.get(12)?.parse::<u64>().ok()?)
}

fn kib(status: &str, name: &str) -> Option<u64> {
    status.lines().find_map(|l| l.strip_prefix(name))?.trim().strip_suffix("kB")?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_of_a_child_is_counted_to_it() {
        let busy =
            run(Command::new("sh").args(["-c", "i=0; while [ $i -lt 100000 ]; do i=$((i+1)); done; exit 7"])).expect("sh runs");
        assert_eq!(busy.code, 7);
        assert!(busy.cpu > Duration::from_millis(1), "{busy:?}");
        assert!(run(&mut Command::new("no-such-program-here")).is_err());
    }

    #[test]
    fn a_running_process_says_what_it_uses() {
        let own = look(std::process::id()).expect("this process runs");
        assert!(own.rss_bytes > 100_000 && own.anonymous_bytes < own.rss_bytes && own.cpu < Duration::from_secs(3600), "{own:?}");
        assert!(look(u32::MAX).is_err());
    }

    #[test]
    fn a_name_with_parentheses_moves_no_field() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194560 90 0 0 0 25 17 0 0 20 0 1 0 5 6 7";
        assert_eq!(cpu_ticks(stat), Some(42));
        assert_eq!(kib("Name:\tx\nVmRSS:\t   12 kB\n", "VmRSS:"), Some(12));
    }
}

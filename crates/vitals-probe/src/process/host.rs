//! How the machine is: what the kernel tells of its memory and its cores.

use std::path::Path;

use vitals_model::observation::HostFacts;

use super::procfs;

/// Looks at the machine by way of its `/proc`; what the hub itself waited for is known to its own look. What this
/// kernel does not tell is `None`.
pub(super) fn look(proc: &Path) -> HostFacts {
    let text = |name: &str| procfs::read(proc.join(name)).map(|raw| String::from_utf8_lossy(&raw).into_owned());
    HostFacts {
        memory_stall_percent: text("pressure/memory").and_then(|text| stall_percent(&text, "full")),
        cpu_stall_percent: text("pressure/cpu").and_then(|text| stall_percent(&text, "some")),
        cpu_wait_percent: None,
        memory_free_bytes: text("meminfo").and_then(|text| free_bytes(&text)),
    }
}

/// The average over ten seconds of the line that begins with `whose`: `full avg10=1.53 avg60=… total=…`.
fn stall_percent(text: &str, whose: &str) -> Option<f64> {
    let line = text.lines().find_map(|line| line.strip_prefix(whose))?;
    let percent: f64 = line.split_ascii_whitespace().find_map(|word| word.strip_prefix("avg10="))?.parse().ok()?;
    (0.0..=100.0).contains(&percent).then_some(percent)
}

/// `MemAvailable: 2071040 kB`, which are units of 1024 bytes.
fn free_bytes(text: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix("MemAvailable:"))?;
    line.split_ascii_whitespace().next()?.parse::<u64>().ok()?.checked_mul(1024)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_machine_in_need_tells_by_its_files() {
        let proc = tempfile::tempdir().unwrap();
        fs::create_dir(proc.path().join("pressure")).unwrap();
        let write = |name: &str, text: &str| fs::write(proc.path().join(name), text).unwrap();
        let memory = "some avg10=71.20 avg60=40.00 avg300=9.10 total=1\nfull avg10=62.50 avg60=31.00 avg300=7.00 total=1\n";
        write("pressure/memory", memory);
        write("pressure/cpu", "some avg10=98.76 avg60=90.00 avg300=50.00 total=1\n");
        write("meminfo", "MemTotal:        8000000 kB\nMemFree:           10000 kB\nMemAvailable:      20000 kB\n");
        let wanted = HostFacts {
            memory_stall_percent: Some(62.5),
            cpu_stall_percent: Some(98.76),
            cpu_wait_percent: None,
            memory_free_bytes: Some(20_480_000),
        };
        assert_eq!(look(proc.path()), wanted);
    }

    #[test]
    fn what_is_not_told_is_not_known() {
        let proc = tempfile::tempdir().unwrap();
        assert_eq!(look(proc.path()), HostFacts::default());
        fs::create_dir(proc.path().join("pressure")).unwrap();
        for odd in ["", "full", "full avg10=", "full avg10=NaN", "full avg10=-1.0", "full avg10=1e9", "some avg10=5.00"] {
            fs::write(proc.path().join("pressure/memory"), odd).unwrap();
            assert_eq!(look(proc.path()).memory_stall_percent, None, "{odd}");
        }
        for odd in ["MemAvailable:", "MemAvailable: many kB", "MemAvailable: 18446744073709551615 kB"] {
            fs::write(proc.path().join("meminfo"), odd).unwrap();
            assert_eq!(look(proc.path()).memory_free_bytes, None, "{odd}");
        }
    }

    #[test]
    fn this_machine_tells_of_itself() {
        let host = look(Path::new("/proc"));
        assert!(host.memory_free_bytes.is_some_and(|free| free > 1_000_000), "{host:?}");
        let has_pressure = fs::read("/proc/pressure/memory").is_ok();
        assert_eq!(host.memory_stall_percent.is_some(), has_pressure, "{host:?}");
        assert_eq!(host.cpu_stall_percent.is_some(), has_pressure, "{host:?}");
    }
}

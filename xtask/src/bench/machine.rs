//! What a reader must know about the machine to compare figures. Nothing that names it.

use std::fs;

/// Cores, processor, kernel, kind of build and the load before we add to it, in one line; what cannot be read is left out.
pub(super) fn facts() -> String {
    let cores = std::thread::available_parallelism().map_or_else(|_| "unknown".into(), |n| n.to_string());
    let read = |path: &str| fs::read_to_string(path).unwrap_or_default();
    let build = if cfg!(debug_assertions) { "debug build" } else { "release build" };
    let mut facts = vec![format!("{cores} cores")];
    facts.extend(processor(&read("/proc/cpuinfo")));
    facts.extend(read("/proc/sys/kernel/osrelease").lines().next().map(|release| format!("Linux {release}")));
    facts.push(build.to_owned());
    facts.extend(read("/proc/loadavg").split(' ').next().filter(|l| !l.is_empty()).map(|load| format!("load {load}")));
    facts.join(", ")
}

/// The first `model name` of `/proc/cpuinfo`; ARM kernels have none.
fn processor(cpuinfo: &str) -> Option<String> {
    let line = cpuinfo.lines().find(|l| l.starts_with("model name"))?;
    Some(line.split_once(':')?.1.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_processor_is_named_once() {
        assert_eq!(processor("processor\t: 0\nmodel name\t: A CPU @ 2 GHz\nmodel name\t: B\n"), Some("A CPU @ 2 GHz".into()));
        assert_eq!(processor("processor\t: 0\n"), None);
        assert!(facts().contains("cores") && facts().contains("build"), "{}", facts());
    }
}

//! How much memory a process may take: the limit of its control group, of version 2 or 1, and of those above it.

use std::path::{Component, Path, PathBuf};

use super::procfs;

/// Where control groups are: version 2 alone, version 2 beside version 1, and version 1's memory.
const ROOT: &str = "/sys/fs/cgroup";
const UNIFIED: [&str; 2] = ["", "unified"];
const MEMORY: &str = "memory";

/// Groups above one another that are looked at; of deeper ones, the lowest.
const DEPTH_MAX: usize = 32;

/// Version 1 says "no limit" by the largest number of whole pages: from here on there is none.
const NO_LIMIT: u64 = 1 << 62;

/// The smallest limit of memory in bytes that holds for this process; `None` when there is none or none can be read.
pub(super) fn memory_max(pid: u32) -> Option<u64> {
    smallest(Path::new(ROOT), &procfs::read(format!("/proc/{pid}/cgroup"))?)
}

/// The smallest limit of the groups that `membership` names (cgroups(7): `ID:CONTROLLERS:PATH` a line), below `root`.
fn smallest(root: &Path, membership: &[u8]) -> Option<u64> {
    let text = String::from_utf8_lossy(membership);
    let limits = text.lines().filter_map(|line| {
        let mut parts = line.splitn(3, ':');
        let (_, controllers, path) = (parts.next(), parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let of = |folder: &str, file: &str| along(&root.join(folder), path, file);
        if controllers.is_empty() {
            UNIFIED.into_iter().filter_map(|folder| of(folder, "memory.max")).min()
        } else if controllers.split(',').any(|name| name == MEMORY) {
            of(MEMORY, "memory.limit_in_bytes")
        } else {
            None
        }
    });
    limits.min()
}

/// The smallest limit of the group `path` and of all above it. In a container its own group is the top of what is
/// mounted, and `path` may be one of the machine outside: what is not there has no limit.
fn along(mounted: &Path, path: &str, file: &str) -> Option<u64> {
    let names =
        Path::new(path).components().filter_map(|part| if let Component::Normal(name) = part { Some(name) } else { None });
    let group: PathBuf = mounted.join(names.collect::<PathBuf>());
    let groups = group.ancestors().take(DEPTH_MAX).take_while(|group| group.starts_with(mounted));
    groups.filter_map(|group| limit(&group.join(file))).min()
}

/// `max`, and what is as good as that, is no limit.
fn limit(file: &Path) -> Option<u64> {
    String::from_utf8_lossy(&procfs::read(file)?).trim().parse().ok().filter(|bytes| *bytes < NO_LIMIT)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GB: u64 = 1_000_000_000;

    /// A tree of files below a temporary folder.
    fn tree(files: &[(&str, &str)]) -> tempfile::TempDir {
        let root = tempfile::tempdir().unwrap();
        for (path, text) in files {
            let path = root.path().join(path);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        }
        root
    }

    fn found(files: &[(&str, &str)], membership: &str) -> Option<u64> {
        smallest(tree(files).path(), membership.as_bytes())
    }

    #[test]
    fn of_version_2_the_smallest_of_all_groups_above_one_another_holds() {
        let files = [
            ("user.slice/hub.service/memory.max", "4000000000\n"),
            ("user.slice/memory.max", "2000000000\n"),
            ("other.slice/memory.max", "1000\n"),
        ];
        assert_eq!(found(&files, "0::/user.slice/hub.service\n"), Some(2 * GB));
        assert_eq!(found(&files[..1], "0::/user.slice/hub.service\n"), Some(4 * GB));
        assert_eq!(found(&[("hub/memory.max", "max\n")], "0::/hub\n"), None);
        assert_eq!(found(&files, "0::/\n"), None, "the group of all has none");
        assert_eq!(found(&files, "0::/user.slice/hub.service:a\n"), Some(2 * GB), "a name may hold a colon");
    }

    #[test]
    fn version_1_and_both_at_once() {
        let both = "9:name=systemd:/x\n4:cpu,memory:/pod/hub\n0::/pod/hub\n";
        let first = ("memory/pod/hub/memory.limit_in_bytes", "3000000000\n");
        assert_eq!(found(&[first], both), Some(3 * GB));
        assert_eq!(found(&[first, ("unified/pod/memory.max", "1000000000\n")], both), Some(GB));
        let unlimited = ("memory/pod/hub/memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(found(&[unlimited], both), None);
    }

    #[test]
    fn in_a_container_the_top_of_what_is_mounted_is_its_own_group() {
        let first = [("memory/memory.limit_in_bytes", "500000000\n")];
        assert_eq!(found(&first, "4:memory:/docker/0a1b\n"), Some(GB / 2));
        let second = [("memory.max", "500000000\n")];
        assert_eq!(found(&second, "0::/\n"), Some(GB / 2));
        assert_eq!(found(&second, "0::/../../outside\n"), Some(GB / 2), "never above what is mounted");
    }

    #[test]
    fn what_is_not_there_or_no_number_is_no_limit() {
        assert_eq!(found(&[], "0::/hub\n"), None);
        assert_eq!(found(&[("hub/memory.max", "soon\n")], "0::/hub\n"), None);
        assert_eq!(found(&[("hub/memory.max", "1000\n")], "nonsense"), None);
        assert!(memory_max(std::process::id()).is_none_or(|bytes| bytes > 1_000_000), "we run within it");
    }
}

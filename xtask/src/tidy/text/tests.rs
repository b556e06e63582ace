//! Good and bad texts. Bad ones are put together here, so that this file does not break its own rules.

use super::*;
use crate::tidy::said;

fn said_of(path: &str, text: &str) -> Vec<String> {
    said(&check(&Repo::of(&[(path, text)])))
}

#[test]
fn a_path_of_one_machine_is_said() {
    for folder in ONE_MACHINE {
        let bad = format!("one\nsee \"/{folder}/project/file\", please");
        assert_eq!(said_of("a.md", &bad), ["a.md:2 machine-path"], "{bad}");
        assert_eq!(machine_path(&bad), Some(format!("/{folder}/project/file").as_str()));
        let url = format!("file:///{folder}/x");
        assert_eq!(said_of("a.md", &url), ["a.md:1 machine-path"], "{url}");
    }
}

#[test]
fn paths_of_every_machine_and_relative_ones_are_free() {
    let good = "/proc/self/stat ~/tmp/x $HOME/work/x ./root/x https://host/tmp/y crates/work/z /tmpfs/a a/tmp/b";
    assert_eq!(said_of("a.md", good), [""; 0]);
}

#[test]
fn a_registry_host_is_said() {
    let bad = format!("npm --from https:{}registry.example/x", "//");
    assert_eq!(said_of("ci.sh", &bad), ["ci.sh:1 registry-host"]);
    assert_eq!(said_of("ci.sh", "see https://github.com/npm/registry"), [""; 0]);
    assert_eq!(said_of(".npmrc", "fund=false\n@x:registry = y\n"), [".npmrc:2 registry-host"]);
    assert_eq!(said_of(".npmrc", "omit-lockfile-registry-resolved=true\n"), [""; 0]);
}

#[test]
fn an_npm_lock_has_hashes_and_no_addresses() {
    let good = "\"node_modules/a\": {\n\"integrity\": \"sha512-x\"\n},\n\"node_modules/b\": {\n\"integrity\": \"sha512-y\"\n}";
    assert_eq!(said_of("t/package-lock.json", good), [""; 0]);
    let resolved = good.replace("\"integrity\": \"sha512-x\"", "\"resolved\": \"host\",\n\"integrity\": \"x\"");
    assert_eq!(said_of("package-lock.json", &resolved), ["package-lock.json:2 lock-file"]);
    let unpinned = good.replace("\"integrity\": \"sha512-x\"\n", "");
    assert_eq!(said_of("package-lock.json", &unpinned), ["package-lock.json:1 lock-file"]);
    assert_eq!(said_of("package-lock.json", "\"node_modules/a\": {\n}"), ["package-lock.json:1 lock-file"]);
}

#[test]
fn a_cargo_lock_knows_one_source() {
    assert_eq!(said_of("Cargo.lock", &format!("name = \"a\"\n{CRATES_IO}\n")), [""; 0]);
    assert_eq!(said_of("Cargo.lock", "source = \"git+https://host/a\"\n"), ["Cargo.lock:1 lock-file"]);
}

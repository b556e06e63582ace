//! Registries as real hubs leave them, and as nobody should.

use std::fs;

use proptest::prelude::*;

use super::*;
use crate::clock::now;
use crate::process::tests::Started;

const SAMPLE: &[u8] = include_bytes!("../../tests/data/workspaces.json");

fn registry(text: &str) -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("workspaces.json");
    fs::write(&path, text).unwrap();
    (dir, path)
}

fn entry_of(process: &Started, started_at: Timestamp) -> Option<ProcessId> {
    let (_dir, path) = registry(&format!(r#"{{"7001":{{"pid":{},"startTime":"{started_at}"}}}}"#, process.id().pid));
    look(&path, 7001).entry.unwrap().process
}

#[test]
fn the_sample_of_a_real_hub() {
    let [entry] = &parse(SAMPLE).unwrap()[..] else { panic!("one entry") };
    assert_eq!((entry.port, entry.pid, entry.state.as_str()), (7001, 31685, "active"));
    assert_eq!(entry.started_at, Timestamp::parse("2026-11-22T13:36:41.095Z"));
    assert_eq!(entry.cwd.as_deref(), Some(Path::new("/srv/hub")));
    assert_eq!(entry.config_files, [Path::new("/srv/hub/up.json")]);
}

#[test]
fn the_places_of_a_registry() {
    let home = Path::new("/home/u");
    let standard = home.join(".local/state/mcp-hub/workspaces.json");
    let legacy = home.join(".mcp-hub/workspaces.json");
    assert_eq!(registries(home, None), [standard.clone(), legacy.clone()]);
    assert_eq!(registries(home, Some(&home.join(".local/state"))), [standard.clone(), legacy.clone()]);
    assert_eq!(registries(home, Some(Path::new("/state"))), [PathBuf::from("/state/mcp-hub/workspaces.json"), standard, legacy]);
}

#[test]
fn the_log_is_beside_the_registry_or_where_a_legacy_hub_puts_it() {
    let home = tempfile::tempdir().unwrap();
    let legacy = home.path().join(".mcp-hub");
    let standard = home.path().join(".local/state/mcp-hub/logs/mcp-hub.log");
    fs::create_dir_all(&legacy).unwrap();
    assert_eq!(log_file(&legacy.join("workspaces.json")), legacy.join("logs/mcp-hub.log"));
    fs::create_dir_all(standard.parent().unwrap()).unwrap();
    fs::write(&standard, "").unwrap();
    assert_eq!(log_file(&legacy.join("workspaces.json")), standard);
    fs::create_dir_all(legacy.join("logs")).unwrap();
    assert_eq!(log_file(&legacy.join("workspaces.json")), legacy.join("logs/mcp-hub.log"));
}

#[test]
fn a_live_hub_is_told_apart_from_a_stale_entry() {
    let hub = Started::new("sleep", &["60"]);
    let id = hub.id();
    let hour = Duration::from_secs(3600);
    assert_eq!(entry_of(&hub, now()), Some(id));
    // The pid was given to a later process, or belongs to one that is far older than the entry.
    assert_eq!(entry_of(&hub, now().minus(hour)), None);
    assert_eq!(entry_of(&hub, now().plus(2 * hour)), None);
    let gone = hub.kill();
    assert_eq!(process::identify(gone), None);
    let (_dir, path) = registry(&format!(r#"{{"7001":{{"pid":{gone}}}}}"#));
    assert_eq!(look(&path, 7001).entry.unwrap().process, None);
}

#[test]
fn relative_configuration_files_are_made_absolute_and_unreadable_ones_named() {
    let (dir, path) = registry("");
    let cwd = dir.path().display();
    fs::write(dir.path().join("hub.json"), "{}").unwrap();
    fs::write(
        &path,
        format!(r#"{{"1":{{"cwd":"{cwd}","config_files":["hub.json","no.json",7]}},"2":{{"config_files":["x"]}}}}"#),
    )
    .unwrap();
    let [first, second] = &read(&path).unwrap()[..] else { panic!("two entries") };
    assert_eq!(first.config_files, [dir.path().join("hub.json"), dir.path().join("no.json")]);
    assert_eq!(first.unreadable.len(), 1);
    assert_eq!(first.unreadable[0].0, dir.path().join("no.json"));
    assert_eq!(second.unreadable[0].1.as_str(), "relative, and the hub's working directory is not known");
}

#[test]
fn what_is_no_registry_is_a_failure_with_evidence() {
    let kind = |text: &str| {
        let (_dir, path) = registry(text);
        read(&path).map_err(|f| (f.kind, f.evidence.to_string()))
    };
    assert_eq!(kind(r#"{"7001":{"pid"#), Err((FailureKind::NotJson, r#"{"7001":{"pid"#.to_owned())));
    assert_eq!(kind("[1]"), Err((FailureKind::Malformed, "[1]".to_owned())));
    assert_eq!(kind(&"[".repeat(5000)).unwrap_err().0, FailureKind::TooDeep);
    assert_eq!(kind("{}"), Ok(vec![]));
    assert_eq!(kind("").unwrap_err().0, FailureKind::NotJson);
    assert_eq!(read(Path::new("/nowhere/workspaces.json")).unwrap_err().kind, FailureKind::Missing);
    let (_dir, path) = registry("{}");
    let failure = look(&path, 9).entry.unwrap_err();
    assert_eq!(failure.to_string(), "not found: no entry for port 9");
}

proptest! {
    #[test]
    fn no_bytes_make_the_parser_panic(mut bytes in proptest::collection::vec(any::<u8>(), 0..80), cut in 0..SAMPLE.len(), at in 0..SAMPLE.len()) {
        prop_assert!(parse(&bytes).map_or(true, |entries| entries.len() < 80));
        let mut sample = SAMPLE[..cut].to_vec();
        sample.splice(at.min(cut)..at.min(cut), bytes.drain(..));
        prop_assert!(parse(&sample).map_or(true, |entries| entries.len() < 80));
    }
}

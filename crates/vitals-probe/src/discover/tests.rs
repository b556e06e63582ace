//! What is found for what was asked, over registries written for the test.

use std::time::Duration;

use vitals_model::config::Configured;

use super::*;

/// A pid beyond the kernel's greatest.
const NOBODY: u32 = 4_194_304;

/// A folder with one registry per content.
struct World {
    _dir: tempfile::TempDir,
    surroundings: Surroundings,
}

/// `(port, pid, started)` per hub, per registry.
fn world(registries: &[&[(u16, u32, Timestamp)]]) -> World {
    let dir = tempfile::tempdir().unwrap();
    let write = |(n, hubs): (usize, &&[(u16, u32, Timestamp)])| {
        let path = dir.path().join(format!("{n}.json"));
        let entries = hubs.iter().map(|(port, pid, at)| format!(r#""{port}":{{"pid":{pid},"startTime":"{at}"}}"#));
        std::fs::write(&path, format!("{{{}}}", entries.collect::<Vec<_>>().join(","))).unwrap();
        path
    };
    let registries = registries.iter().enumerate().map(write).collect();
    World { _dir: dir, surroundings: Surroundings { registries, proxy: None } }
}

fn configured(targets: &[(&str, Address)]) -> Settings {
    let one = |(name, address): &(&str, Address)| {
        ((*name).to_owned(), Configured { address: address.clone(), settings: Arc::default() })
    };
    Settings { targets: targets.iter().map(one).collect(), ..Settings::default() }
}

fn hub(url: &str) -> Address {
    Address::Hub { url: url.to_owned() }
}

fn named(text: &str) -> Wanted {
    Wanted::Named(text.to_owned())
}

fn ids(found: &Found) -> Vec<&str> {
    found.targets.iter().map(|t| t.id.as_str()).collect()
}

/// Ids found for what is wanted, with two hubs of one user alive and `mine` configured on the first.
fn check(wanted: &[Wanted], expected: &[&str]) -> Found {
    let now = clock::now();
    let world = world(&[&[(7001, std::process::id(), now), (7002, std::process::id(), now)]]);
    let settings = configured(&[("mine", hub("http://localhost:7001")), ("far", hub("https://hub.example/base"))]);
    let found = find(&settings, &world.surroundings, wanted);
    assert_eq!(ids(&found), expected, "{:?}", found.unknown);
    found
}

#[test]
fn without_a_name_all_are_found_and_the_configuration_names_its_own() {
    let found = check(&[], &["far", "mine", "hub-7002"]);
    assert_eq!(found.looked.len(), 1);
    assert_eq!(found.looked[0].1, "2 hub records");
    assert!(matches!(found.targets[2].origin, Origin::Discovered { .. }));
}

#[test]
fn a_hub_is_named_by_url_by_name_and_by_port() {
    check(&[named("http://127.0.0.1:7002/")], &["hub-7002"]);
    check(&[named("hub-7002")], &["hub-7002"]);
    check(&[named("7002")], &["hub-7002"]);
    check(&[named("http://127.0.0.1:9999")], &["hub-9999"]);
    check(&[named("https://other.example")], &["other.example-443"]);
}

#[test]
fn what_the_configuration_names_keeps_its_name_however_it_is_asked_for() {
    for text in ["mine", "http://localhost:7001", "http://127.0.0.1:7001/"] {
        let found = check(&[named(text)], &["mine"]);
        assert_eq!(found.targets[0].origin, Origin::Configured, "{text}");
    }
    check(&[named("https://hub.example/base/")], &["far"]);
    let url = "http://127.0.0.1:5000/mcp".to_owned();
    let settings = configured(&[("server", Address::Http { url: url.clone() })]);
    assert_eq!(ids(&find(&settings, &Surroundings::default(), &[Wanted::Mcp(url)])), ["server"]);
}

#[test]
fn what_is_named_twice_is_one_target() {
    check(&[named("7002"), named("http://localhost:7002"), named("hub-7002")], &["hub-7002"]);
}

#[test]
fn two_servers_of_one_program_are_two_targets() {
    let stdio = |package: &str| Wanted::Stdio(vec!["/usr/bin/npx".to_owned(), package.to_owned()]);
    check(&[stdio("a"), stdio("b"), stdio("a")], &["npx", "npx-2"]);
    let hostile = Wanted::Stdio(vec!["bin/a\u{1b}[31m\nb".to_owned()]);
    let found = check(&[hostile], &["a\\u{1b}[31m b"]);
    assert!(found.unknown.is_empty());
}

#[test]
fn a_name_that_leads_nowhere_is_said_with_what_is_known() {
    let found = check(&[named("8000"), named("ftp://x"), named("http://[")], &[]);
    assert_eq!(found.unknown.len(), 3);
    assert_eq!(found.unknown[0], "8000: no target of this name; known are far, mine, hub-7001, hub-7002");
    assert_eq!(found.unknown[1], "ftp://x: expected an http:// or https:// URL");
    let mcp = check(&[Wanted::Mcp("ws://127.0.0.1:1/".to_owned()), Wanted::Stdio(Vec::new())], &[]);
    assert_eq!(mcp.unknown, ["ws://127.0.0.1:1/: expected an http:// or https:// URL", "an empty command"]);
}

#[test]
fn a_record_from_before_the_machine_started_is_no_target_and_a_dead_hub_is_one() {
    let (now, old) = (clock::now(), booted_at().minus(Duration::from_secs(60)));
    let world = world(&[&[(7001, NOBODY, old), (7002, NOBODY, now)]]);
    let found = find(&Settings::default(), &world.surroundings, &[]);
    assert_eq!(ids(&found), ["hub-7002"]);
    assert_eq!(found.looked[0].1, "1 hub record, 1 from before this machine started");
}

#[test]
fn of_two_records_of_one_port_that_lives_is_right_else_the_later_one() {
    let now = clock::now();
    let earlier = now.minus(Duration::from_secs(1));
    let registry_of = |first, second| {
        let world = world(&[&[first], &[second]]);
        let found = find(&Settings::default(), &world.surroundings, &[]);
        assert_eq!(ids(&found), ["hub-7001"]);
        let Origin::Discovered { registry } = &found.targets[0].origin else { panic!("discovered") };
        world.surroundings.registries.iter().position(|r| r == registry)
    };
    let us = std::process::id();
    assert_eq!(registry_of((7001, NOBODY, now), (7001, us, earlier)), Some(1), "alive");
    assert_eq!(registry_of((7001, us, earlier), (7001, NOBODY, now)), Some(0), "alive");
    assert_eq!(registry_of((7001, NOBODY, earlier), (7001, NOBODY, now)), Some(1), "later");
    assert_eq!(registry_of((7001, NOBODY, now), (7001, NOBODY, earlier)), Some(0), "later");
    assert_eq!(registry_of((7001, us, now), (7001, us, now)), Some(0), "the likelier place");
}

#[test]
fn a_registry_that_cannot_be_read_is_said_and_hides_no_other() {
    let mut world = world(&[&[(7001, std::process::id(), clock::now())]]);
    world.surroundings.registries.insert(0, PathBuf::from("/nonexistent/workspaces.json"));
    let found = find(&Settings::default(), &world.surroundings, &[]);
    assert_eq!(ids(&found), ["hub-7001"]);
    assert_eq!(found.looked.len(), 2);
    let off = find(&Settings { discover: false, ..Settings::default() }, &world.surroundings, &[]);
    assert!(off.targets.is_empty());
}

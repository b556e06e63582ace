//! The lab's folder: what is in it, whose it is, and what stays at the end.

use vitals_model::config::{Expect, Source, load};
use vitals_model::target::Address;
use vitals_probe::hub_config;

use super::*;
use crate::lab::settings::Exposure;
use crate::part::Program;

fn settings() -> Settings {
    Settings::new(Program { path: "/opt/mcp-vitals".into(), words: vec!["lab-part".into()] })
}

fn names(root: &Path) -> BTreeSet<String> {
    fs::read_dir(root).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
}

#[test]
fn the_monitor_reads_the_hubs_configuration_as_it_is_meant() {
    let files = Files::take(&Where::Temporary).unwrap();
    let settings = Settings { filtering: Filtering::PromptBased { exposure: Exposure::MetaOnly }, ..settings() };
    files.configure(&settings, "http://127.0.0.1:9").unwrap();
    let config = hub_config::read(&[files.place().config()]);
    assert_eq!(config.problems, []);
    let seen: Vec<_> = config.servers.iter().map(|s| (s.raw_name.as_str(), s.disabled)).collect();
    assert_eq!(seen, [("echo", false), ("filesystem", false), ("github", true)]);
    let lines: BTreeSet<_> = config.servers.iter().map(|s| (s.command.clone(), s.args.clone())).collect();
    assert_eq!(lines.len(), config.servers.len(), "each command line belongs to one server");
    assert_eq!((config.filtering_enabled, config.filtering_mode.unwrap().as_str()), (Some(true), "prompt-based"));
    let llm = config.llm.unwrap();
    assert_eq!((llm.provider.as_str(), llm.base_url.as_deref()), ("gemini", Some("http://127.0.0.1:9")));
    assert_eq!(llm.key.to_string(), "env:LAB_LLM_KEY");
}

#[test]
fn an_honest_hub_has_a_server_that_never_connects() {
    let files = Files::take(&Where::Temporary).unwrap();
    files.configure(&Settings { persona: Persona::Honest, ..settings() }, "").unwrap();
    let config = hub_config::read(&[files.place().config()]);
    assert!(config.servers.iter().all(|server| !server.disabled));
    assert!(config.llm.is_none() && config.filtering_mode.is_none());
}

#[test]
fn other_servers_come_from_a_file_that_is_read_as_a_hub_reads_it() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("mine.json");
    let files = Files::take(&Where::Temporary).unwrap();
    let settings = Settings { servers: Servers::Of(path.clone()), ..settings() };
    fs::write(&path, "{ // JSON5\n servers: {everything: {command: 'npx', args: ['-y', 'x']}},\n}").unwrap();
    files.configure(&settings, "").unwrap();
    assert_eq!(hub_config::read(&[files.place().config()]).servers[0].raw_name, "everything");
    let mode = fs::metadata(files.place().config()).unwrap().mode() & 0o777;
    assert_eq!(mode, 0o600, "the file may hold secrets of the servers");
    for (text, why) in [("{}", "names no server"), ("{", "is no configuration of a hub")] {
        fs::write(&path, text).unwrap();
        let error = files.configure(&settings, "").unwrap_err();
        assert!(error.to_string().contains(why), "{error}");
    }
}

#[test]
fn the_products_own_check_finds_the_labs_configuration_sound() {
    let files = Files::take(&Where::Temporary).unwrap();
    files.write_vitals_config(7001).unwrap();
    let path = files.place().vitals_config();
    let source = Source { name: path.display().to_string(), text: fs::read_to_string(&path).unwrap() };
    let (settings, warnings) = load(&[source]).unwrap();
    assert!(warnings.is_empty());
    let lab = &settings.targets["lab"];
    assert_eq!(lab.address, Address::Hub { url: "http://127.0.0.1:7001".to_owned() });
    assert_eq!(lab.settings.log_file, Some(files.place().log()));
    assert_eq!(lab.settings.servers["github"].expect, Expect::Down);
}

#[test]
fn a_folder_with_other_things_is_refused_and_left_as_it_is() {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join("thesis.txt"), "mine").unwrap();
    let error = Files::take(&Where::At(dir.path().to_owned())).unwrap_err();
    assert!(matches!(error, LabError::NotOurs(_)), "{error}");
    assert_eq!(names(dir.path()), BTreeSet::from(["thesis.txt".to_owned()]));
}

#[test]
fn a_second_lab_in_the_same_folder_is_refused_until_the_first_ends() {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("lab");
    let place = Place::new(root.clone());
    assert!(!is_taken(&place));
    let first = Files::take(&Where::At(root.clone())).unwrap();
    assert!(is_taken(&place));
    assert!(matches!(Files::take(&Where::At(root.clone())), Err(LabError::Held(_))));
    first.remove().unwrap();
    assert!(!root.exists());
    drop(Files::take(&Where::At(root.clone())).unwrap());
    assert!(!is_taken(&place), "one that was killed holds nothing");
    Files::take(&Where::At(root)).unwrap().remove().unwrap();
}

#[test]
fn what_a_killed_lab_left_is_replaced_and_what_others_added_stays() {
    let dir = tempfile::tempdir().unwrap();
    let at = Where::At(dir.path().to_owned());
    let killed = Files::take(&at).unwrap();
    fs::write(killed.place().log().parent().unwrap().with_file_name("old"), "x").unwrap();
    fs::write(killed.place().control(), "{}").unwrap();
    drop(killed);
    let files = Files::take(&at).unwrap();
    assert!(!files.place().control().exists() && !files.place().state().join("old").exists());
    fs::write(dir.path().join("notes.md"), "mine").unwrap();
    files.remove().unwrap();
    assert_eq!(names(dir.path()), BTreeSet::from(["notes.md".to_owned()]));
}

#[test]
fn a_servers_faults_are_written_as_it_reads_them() {
    let files = Files::take(&Where::Temporary).unwrap();
    let faults = BTreeSet::from([ServerFault::SlowCalls, ServerFault::IgnoreEnd]);
    files.write_server_faults("echo", &faults).unwrap();
    let text = fs::read_to_string(files.place().server_faults("echo")).unwrap();
    assert_eq!(text, r#"["slow-calls","ignore-end"]"#);
    let root = files.place().root().to_owned();
    files.remove().unwrap();
    assert!(!root.exists());
}

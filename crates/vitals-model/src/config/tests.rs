//! The configuration as an operator meets it: what is read, merged, shown and documented.

mod errors;
mod hostile;
mod incidents;
mod notices;
mod round_trip;

use std::fs;
use std::path::Path;

use serde_json::Value as Json;

use super::*;
use crate::target::Address;

fn source(name: &str, text: &str) -> Source {
    Source { name: name.to_owned(), text: text.to_owned() }
}

fn read(text: &str) -> Result<(Settings, Vec<Problem>), Vec<Problem>> {
    load(&[source("vitals.yaml", text)])
}

fn show_problems(problems: &[Problem]) -> String {
    problems.iter().map(ToString::to_string).collect::<Vec<_>>().join("\n")
}

/// The settings of a text that is right.
#[track_caller]
fn settings(text: &str) -> Settings {
    read(text).map_or_else(|problems| panic!("{}", show_problems(&problems)), |(settings, _)| settings)
}

/// What a text that is wrong gives.
#[track_caller]
fn errors(text: &str) -> String {
    show_problems(&read(text).expect_err("the text is wrong"))
}

#[test]
fn nothing_written_is_the_default() {
    assert_eq!(load(&[]), Ok((Settings::default(), vec![])));
    for text in ["", "# only a comment\n", "---\n", "version: 1\n", "defaults:\ntargets:\nstorage:\n", "\u{feff}version: 1\r\n"] {
        assert_eq!(settings(text), Settings::default(), "{text:?}");
    }
}

#[test]
fn a_target_overrides_the_defaults_field_by_field() {
    let settings = settings(
        "
defaults:
  schedule: {light: 20s, meta_tool: off}
  thresholds:
    cpu_percent: {warning: 30, critical: 60}
    api_latency: {warning: 1s 500ms}
    log_bytes: {critical: 1GiB}
  headers: {authorization: env:COMMON, X-Team: ops}
  servers: {github: {expect: down}}
targets:
  - name: staging
    hub: http://127.0.0.1:7001/
    schedule: {session: 1m 30s}
    thresholds:
      cpu_percent: {critical: 90}
    headers: {Authorization: file:/run/token}
    servers: {github: {canary: whoami, canary_arguments: {deep: [1, 2.5, 'true', ~]}}}
  - name: local
    stdio: node server.js 'a b'
    env: {PORT: 8080}
  - {name: remote, mcp: 'https://example.com/mcp?x=1'}
",
    );
    let staging = &settings.targets["staging"];
    assert_eq!(staging.address, Address::Hub { url: "http://127.0.0.1:7001".to_owned() });
    let of = &staging.settings;
    assert_eq!((of.schedule.light.as_secs(), of.schedule.session.as_secs(), of.schedule.meta_tool), (20, 90, None));
    assert_eq!(of.schedule.llm, Schedule::default().llm);
    assert_eq!(of.thresholds.cpu_percent, (30.0, 90.0));
    assert_eq!(of.thresholds.api_ms, (1500.0, 10_000.0));
    assert_eq!(of.thresholds.log_bytes, (50e6, 1_073_741_824.0));
    let headers: Vec<_> = of.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    assert_eq!(headers, ["Authorization: file:/run/token", "X-Team: (set)"]);
    let github = &of.servers["github"];
    assert_eq!((github.expect, github.canary.as_deref()), (Expect::Down, Some("whoami")));
    assert_eq!(github.canary_arguments.as_deref(), Some(r#"{"deep":[1,2.5,"true",null]}"#));

    let words = ["server.js", "a b"].map(str::to_owned).to_vec();
    assert_eq!(settings.targets["local"].address, Address::Stdio { command: "node".to_owned(), args: words });
    assert_eq!(settings.targets["local"].settings.env["PORT"], SecretRef::Plain("8080".to_owned()));
    assert_eq!(settings.targets["remote"].address, Address::Http { url: "https://example.com/mcp?x=1".to_owned() });
    assert_eq!(settings.defaults.thresholds.cpu_percent, (30.0, 60.0));
}

#[test]
fn an_anchor_can_be_repeated() {
    let text = "targets:\n  - {name: a, hub: 'http://a', schedule: &slow {light: 5m}}\n  - {name: b, hub: 'http://b', schedule: *slow}\n";
    let settings = settings(text);
    assert_eq!(settings.targets["b"].settings.schedule.light, Duration::from_secs(300));
}

#[test]
fn files_are_merged_and_targets_appended() {
    let (settings, warnings) = load(&[
        source("a.yaml", "version: 1\ndefaults: {schedule: {light: 20s}}\ntargets: [{name: a, hub: 'http://a'}]\nstorage:\n"),
        source("b.yaml", ""),
        source(
            "c.yaml",
            "version: 1\ndefaults: {schedule: {session: 2m}}\ntargets: [{name: c, hub: 'http://c'}]\nstorage: {raw: 1d}\n",
        ),
    ])
    .unwrap();
    assert_eq!(warnings, []);
    assert_eq!(settings.targets.keys().collect::<Vec<_>>(), ["a", "c"]);
    let schedule = &settings.targets["a"].settings.schedule;
    assert_eq!((schedule.light.as_secs(), schedule.session.as_secs()), (20, 120));
    assert_eq!(settings.storage.raw.as_secs(), 86_400);
}

#[test]
fn a_conflict_between_files_names_both_places() {
    let problems = load(&[
        source("a.yaml", "discover: true\ndefaults:\n  schedule: {light: 20s}\ntargets:\n- {name: x, hub: 'http://a'}\n"),
        source("b.yaml", "discover: false\ndefaults: {schedule: {light: 30s}}\ntargets:\n- {name: x, hub: 'http://b'}\n"),
    ])
    .unwrap_err();
    let places: Vec<_> = problems.iter().map(|p| format!("{}:{}:{} {}", p.file, p.line, p.column, p.message)).collect();
    assert_eq!(
        places,
        [
            "b.yaml:1:1 `discover` is also set at a.yaml:1:1",
            "b.yaml:2:23 `defaults.schedule.light` is also set at a.yaml:3:14",
            "b.yaml:4:10 the name `x` is also used at a.yaml:5:10",
        ]
    );
}

#[test]
fn a_plain_secret_is_a_warning_and_is_not_shown() {
    let (settings, warnings) =
        read("defaults:\n  headers: {Authorization: Bearer hunter2, X-Team: ops}\n  llm: {key: hunter3}\n").unwrap();
    assert_eq!(warnings.iter().map(|p| p.severity).collect::<Vec<_>>(), [Severity::Warning; 2]);
    let everything = format!("{}{warnings:?}{settings:?}{}", show_problems(&warnings), show(&settings));
    assert!(!everything.contains("hunter"), "{everything}");
    // What is not shown must not be taken for the value.
    assert!(errors(&show(&settings)).contains("`Authorization` holds the mark that stands for a secret"));
}

#[test]
fn the_example_is_right_as_it_is_and_with_every_key_switched_on() {
    assert_eq!(settings(example()), Settings::default());
    let switch_on = |line: &'static str| line.strip_prefix('#').filter(|text| is_key(text)).unwrap_or(line);
    let switched_on = example().lines().map(switch_on).collect::<Vec<_>>().join("\n");
    assert_eq!(settings(&switched_on).targets.len(), 3);
    // It says the defaults, apart from what has none.
    let full = settings(&switched_on);
    assert_eq!((&full.defaults.schedule, &full.defaults.timeouts), (&Schedule::default(), &Timeouts::default()));
    assert_eq!((&full.defaults.thresholds, &full.defaults.meta_tool), (&Thresholds::default(), &MetaToolSettings::default()));
    assert_eq!(Storage { dir: None, ..full.storage }, Storage::default());
    for key in schema_keys() {
        let name = key.rsplit('.').next().unwrap_or_default();
        assert!(switched_on.contains(&format!("{name}:")), "the example does not name {key}");
    }
}

/// Behind its `#`, a key is indented by an even number of spaces, and prose by an odd one.
fn is_key(text: &str) -> bool {
    let key = text.trim_start();
    (text.len() - key.len()).is_multiple_of(2) && !key.is_empty()
}

#[test]
fn all_examples_are_right() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let mut seen = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|e| e == "yaml") {
            let (_, warnings) =
                read(&fs::read_to_string(&path).unwrap()).unwrap_or_else(|p| panic!("{path:?}: {}", show_problems(&p)));
            assert_eq!(warnings, [], "{path:?}");
            seen += 1;
        }
    }
    assert!(seen >= 3, "only {seen} examples were found");
}

/// Every key of the schema by its path; `[]` stands for a list and `*` for a name.
fn schema_keys() -> Vec<String> {
    fn walk(schema: &Json, path: &str, out: &mut Vec<String>) {
        for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
            out.push(format!("{path}{key}"));
            walk(inner, &format!("{path}{key}."), out);
        }
        if schema["items"]["properties"].is_object() {
            walk(&schema["items"], &format!("{path}[]."), out);
        }
        if schema["additionalProperties"].is_object() {
            walk(&schema["additionalProperties"], &format!("{path}*."), out);
        }
    }
    let mut keys = vec![];
    walk(&serde_json::from_str(&schema()).unwrap(), "", &mut keys);
    keys
}

/// A file with nothing but the key at `path`, on one line; its value is null.
fn only(path: &str) -> String {
    path.split('.').rev().fold("~".to_owned(), |inner, part| match part {
        "[]" => format!("[{inner}]"),
        "*" => format!("{{name: {inner}}}"),
        key => format!("{{{key}: {inner}}}"),
    })
}

#[test]
fn every_key_of_the_schema_is_accepted() {
    let keys = schema_keys();
    assert!(keys.len() > 100, "{keys:?}");
    for key in &keys {
        let text = only(key);
        let problems = read(&text).err().unwrap_or_default();
        assert!(!problems.iter().any(|p| p.message.contains("unknown key")), "{text}: {}", show_problems(&problems));
    }
}

#[test]
fn every_key_that_is_accepted_is_in_the_schema() {
    // `show` writes each key that holds something, by way of the same lenses that the parser fills.
    let text = "
version: 1
defaults: {log_file: /l, llm: {base_url: 'http://x', key: env:K}, headers: {a: env:A}, env: {b: env:B}}
targets:
- {name: h, hub: 'http://h', servers: {s: {canary: c, canary_arguments: {}}}}
- {name: m, mcp: 'http://m'}
- {name: s, stdio: [s]}
storage: {dir: /d}
";
    let shown = raw::parse(0, &show(&settings(text)), &mut problem::Report::default()).unwrap();
    let schema: Json = serde_json::from_str(&schema()).unwrap();
    let checked = covered(&value::json(&shown), &schema, "");
    assert!(checked > 150, "only {checked} keys were compared");
}

/// Compares the keys of `value` with the schema; returns how many there were.
fn covered(value: &Json, schema: &Json, path: &str) -> usize {
    let open = schema["type"] == serde_json::json!(["object", "null"]) && schema["additionalProperties"].is_null();
    match value {
        Json::Object(map) if !open => map
            .iter()
            .map(|(key, inner)| {
                let known = schema["properties"].get(key).unwrap_or(&schema["additionalProperties"]);
                assert!(known.is_object(), "{path}.{key} is not in the schema");
                1 + covered(inner, known, &format!("{path}.{key}"))
            })
            .sum(),
        Json::Array(items) => items.iter().map(|item| covered(item, &schema["items"], path)).sum(),
        _ => 0,
    }
}

#[test]
fn the_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/configuration.md");
    #[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
    if std::env::var("UPDATE").is_ok() {
        fs::write(&path, reference()).unwrap();
    }
    let committed = fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == reference(), "docs/reference/configuration.md is not current; run this test with UPDATE=1");
}

#[test]
fn the_guide_shows_configurations_that_work() {
    for (guide, least) in [("configuration.md", 4), ("notices.md", 8)] {
        let guide = fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/guide").join(guide)).unwrap();
        let blocks: Vec<_> = guide.split("```yaml\n").skip(1).filter_map(|rest| rest.split("```").next()).collect();
        assert!(blocks.len() >= least);
        for block in blocks {
            settings(block);
        }
    }
}

//! The lock file comes back as it was, changes only with its cause, and tells what is wrong with it.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn pins(tools: &[(&str, &[Value])]) -> Pins {
    let set = |tools: &[Value]| -> ToolSet {
        tools.iter().map(|tool| (Text::new(tool["name"].as_str().unwrap()), Definition::of(tool))).collect()
    };
    Pins { servers: tools.iter().map(|(name, tools)| (Text::new(name), set(tools))).collect() }
}

fn two() -> Pins {
    let read = json!({"name": "read", "description": "Reads “a” file\nwhole", "inputSchema": {
        "type": "object", "properties": {"path": {"type": "string"}, "n": {"type": "number", "maximum": 1.5}}, "required": ["path", "n"],
    }});
    pins(&[
        ("fs", &[read, json!({"name": "bare"})]),
        ("web\u{1b}[2J", &[json!({"name": "fe\u{202e}tch", "annotations": {"readOnlyHint": true}})]),
    ])
}

#[test]
fn it_is_a_line_per_fact_in_a_fixed_order() {
    let text = show(&two());
    assert!(text.starts_with("{\n  \"format\": \"mcp-vitals.lock\",\n  \"version\": 1,\n  \"servers\": {\n    \"fs\": {\n      \"bare\": {\n        \"sha256\": \""), "{text}");
    assert!(text.contains("\n        \"description\": \"Reads “a” file\\nwhole\",\n        \"inputSchema\": {\n          \"properties\": {\n            \"n\": {\n              \"maximum\": 1.5,\n"), "{text}");
    assert!(
        text.contains(
            "\n          \"required\": [\"path\",\"n\"],\n          \"type\": \"object\"\n        }\n      }\n    },\n"
        ),
        "{text}"
    );
    assert!(!text.contains(['\u{1b}', '\u{202e}']) || text.contains("\"name\": \"fe"), "{text}");
    assert_eq!(parse(&text).unwrap(), two());
}

#[test]
fn writing_the_same_again_leaves_the_file_alone_and_a_link_a_link() {
    let dir = tempfile::tempdir().unwrap();
    let (path, link) = (dir.path().join("real.lock"), dir.path().join(NAME));
    assert_eq!(look(&path), LockFile::Absent);
    assert!(write(&path, &two()).unwrap());
    let first = stamp(&path);
    assert!(!write(&path, &two()).unwrap());
    assert_eq!(stamp(&path), first);
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(write(&link, &pins(&[])).unwrap());
    assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
    assert_eq!(read(&path).unwrap(), Some(pins(&[])));
    assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2, "nothing is left beside it");
}

#[test]
fn what_cannot_be_written_leaves_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("no/such/folder").join(NAME);
    assert!(matches!(write(&path, &two()), Err(LockFileError::Io { .. })));
}

#[test]
fn what_is_wrong_is_told_with_its_place() {
    let good = show(&two());
    let line = |words: &str| 1 + good.lines().position(|line| line.contains(words)).unwrap();
    let at_version =
        good.replacen("  \"version\": 1,", "<<<<<<< ours\n  \"version\": 1,\n=======\n  \"version\": 1,\n>>>>>>> theirs", 1);
    let rows = [
        (at_version, "line 3: an unresolved merge conflict".to_owned()),
        (good.replacen("\"maximum\":", "\"maximum\"", 1), format!("line {}, column", line("maximum"))),
        (good[..good.len() / 2].to_owned(), "not JSON".to_owned()),
        (String::new(), "line 1, column 0: not JSON".to_owned()),
        ("{}".to_owned(), "not a lock file of mcp-vitals: no \"format\" that says so".to_owned()),
        (
            good.replacen("\"version\": 1", "\"version\": 2", 1),
            "version 2 of the format, this program reads version 1".to_owned(),
        ),
        (good.replacen("\"servers\"", "\"server\"", 1), "no \"servers\"".to_owned()),
        (good.replacen("1.5", "2.5", 1), "tool `read` of server `fs` is not what its sha256 says".to_owned()),
        (good.replacen("sha256", "sha", 1), "tool `bare` of server `fs` is not what its sha256 says".to_owned()),
    ];
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join(NAME);
    for (text, words) in rows {
        fs::write(&path, &text).unwrap();
        let LockFile::Damaged { why, .. } = look(&path) else { panic!("{text} was read") };
        assert!(why.contains(&words), "{why}, expected {words}");
        assert_eq!(fs::read_to_string(&path).unwrap(), text);
    }
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(json!(null)),
        any::<bool>().prop_map(Value::from),
        any::<f64>().prop_map(|n| json!(n)),
        any::<String>().prop_map(Value::from)
    ];
    leaf.prop_recursive(4, 32, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(any::<String>(), inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn whatever_a_server_sends_comes_back(schema in any_json(), words in any::<String>(), name in any::<String>()) {
        let all = pins(&[("s", &[json!({"name": name, "description": words, "inputSchema": schema})])]);
        let text = show(&all);
        prop_assert_eq!(parse(&text).unwrap(), all);
        prop_assert_eq!(show(&parse(&text).unwrap()), text);
    }
}

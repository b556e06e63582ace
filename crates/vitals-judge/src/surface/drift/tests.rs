//! The meaning of changes, as a table.

use serde_json::{Value, json};
use vitals_model::drift::{Fate, Meaning};
use vitals_model::text::Text;
use vitals_model::tool::{Definition, ToolSet};

use super::*;
use Meaning::{Breaking, MaybeBreaking, TextOnly, Widening};

fn set(tools: &[Value]) -> ToolSet {
    tools.iter().map(|tool| (Text::new(tool["name"].as_str().unwrap()), Definition::of(tool))).collect()
}

/// All that is told of a change of one field: `path: what`.
fn told(field: &str, before: &Value, now: &Value) -> (Meaning, Vec<String>) {
    let tool = |value: &Value| {
        let mut tool = json!({"name": "t"});
        tool[field] = value.clone();
        set(&[tool])
    };
    let drifts = compare(&tool(before), &tool(now));
    let [drift] = drifts.as_slice() else { panic!("one tool differs: {drifts:?}") };
    let words =
        |change: &Change| if change.path.is_empty() { change.what.clone() } else { format!("{}: {}", change.path, change.what) };
    (drift.meaning(), drift.changes.iter().map(words).collect())
}

fn check(field: &str, rows: &[(Value, Value, Meaning, &str)]) {
    for (before, now, meaning, words) in rows {
        let (seen, all) = told(field, before, now);
        assert_eq!(seen, *meaning, "{field}: {before} → {now}: {all:?}");
        assert!(all[0].contains(words), "{field}: {before} → {now}: {all:?} has no “{words}” first");
    }
}

/// The arguments of a tool with one property `p`.
fn with(p: impl Into<Value>) -> Value {
    json!({"type": "object", "properties": {"p": p.into()}})
}

#[test]
fn arguments() {
    let object = |properties: Value, required: Value| json!({"type": "object", "properties": properties, "required": required});
    let string = || json!({"type": "string"});
    check(
        "inputSchema",
        &[
            (
                object(json!({}), json!([])),
                object(json!({"p": string()}), json!(["p"])),
                Breaking,
                "p: new required property `p`",
            ),
            (object(json!({}), json!([])), object(json!({"p": string()}), json!([])), Widening, "p: new optional property `p`"),
            (object(json!({"p": string()}), json!([])), object(json!({}), json!([])), Breaking, "p: property `p` is gone"),
            (
                object(json!({"p": string()}), json!([])),
                object(json!({"p": string()}), json!(["p"])),
                Breaking,
                "p: optional → required",
            ),
            (
                object(json!({"p": string()}), json!(["p"])),
                object(json!({"p": string()}), json!([])),
                Widening,
                "p: required → optional",
            ),
            (with(string()), with(json!({"type": "number"})), Breaking, "p: type string → number"),
            (with(json!({"type": "integer"})), with(json!({"type": "number"})), Widening, "p: type integer → number"),
            (with(json!({"type": "number"})), with(json!({"type": "integer"})), Breaking, "p: type number → integer"),
            (with(string()), with(json!({"type": ["string", "null"]})), Widening, "p: type string → string|null"),
            (with(json!({})), with(string()), Breaking, "p: type any → string"),
            (with(json!({"enum": ["a", "b"]})), with(json!({"enum": ["a"]})), Breaking, "p: value \"b\" is gone"),
            (with(json!({"enum": ["a"]})), with(json!({"enum": ["a", "b"]})), Widening, "p: new value \"b\""),
            (with(json!({"enum": ["a"]})), with(json!({"enum": ["b"]})), Breaking, "p: value \"a\" is gone"),
            (with(json!({"const": 1})), with(json!({"enum": [1, 2]})), Widening, "p: new value 2"),
            (with(json!({})), with(json!({"enum": ["a"]})), Breaking, "p: any value → one of \"a\""),
            (json!({}), json!({"additionalProperties": false}), Breaking, "additional properties open → closed"),
            (json!({"additionalProperties": false}), json!({}), Widening, "additional properties closed → open"),
            (
                json!({"additionalProperties": string()}),
                json!({"additionalProperties": {"type": "number"}}),
                Breaking,
                "*: type string → number",
            ),
            (with(json!({"minLength": 1})), with(json!({"minLength": 2})), Breaking, "p: minLength 1 → 2"),
            (with(json!({"maximum": 10})), with(json!({"maximum": 20})), Widening, "p: maximum 10 → 20"),
            (with(json!({})), with(json!({"maxItems": 3})), Breaking, "p: maxItems absent → 3"),
            (with(json!({})), with(json!({"pattern": "^a"})), Breaking, "p: pattern absent → \"^a\""),
            (with(json!({"pattern": "a"})), with(json!({"pattern": "b"})), MaybeBreaking, "is not decided"),
            (with(json!({})), with(json!({"format": "uri"})), MaybeBreaking, "up to the server"),
            (with(json!({"default": 1})), with(json!({"default": 2})), MaybeBreaking, "p: default 1 → 2: a call without it"),
            (with(json!({})), with(json!({"default": 2})), Widening, "p: default absent → 2"),
            (with(json!({"items": string()})), with(json!({"items": {"type": "number"}})), Breaking, "p[]: type string → number"),
            (with(with(string())), with(with(json!({"type": "null"}))), Breaking, "p.p: type string → null"),
            (with(json!({"description": "a"})), with(json!({"description": "b"})), TextOnly, "p: description: “a” → “b”"),
            (with(json!({})), with(json!({"x-order": 1})), TextOnly, "p: x-order: absent → 1"),
            (with(json!({})), with(json!({"not": {}})), MaybeBreaking, "not: absent → {}: what this keyword does is not decided"),
            (with(json!(true)), with(json!(false)), Breaking, "p: anything → nothing"),
            (with(json!({"uniqueItems": false})), with(json!({"uniqueItems": true})), Breaking, "p: uniqueItems false → true"),
            (json!(null), json!({"type": "object"}), Breaking, "anything → object"),
        ],
    );
}

#[test]
fn choices_and_references() {
    let any = |branches: Value| with(json!({ "anyOf": branches }));
    let (string, number) = (json!({"type": "string"}), json!({"type": "number"}));
    let defs = |kind: &str| json!({"properties": {"p": {"$ref": "#/$defs/P"}}, "$defs": {"P": {"type": kind}}});
    let node = |value: &str| {
        let of = json!({"properties": {"next": {"$ref": "#/$defs/N"}, "value": {"type": value}}});
        json!({"properties": {"head": {"$ref": "#/$defs/N"}}, "$defs": {"N": of}})
    };
    let unused = |kind: &str| json!({"properties": {"p": {"type": "string"}}, "$defs": {"Q": {"type": kind}}});
    check(
        "inputSchema",
        &[
            (
                any(json!([string, {"type": "null"}])),
                any(json!([{"type": "null"}, string, number])),
                Widening,
                "p: may also be number",
            ),
            (any(json!([string, number, {"type": "null"}])), any(json!([string])), Breaking, "p: may no longer be number, null"),
            (
                any(json!([string, {"type": "null"}])),
                any(json!([number, {"type": "null"}])),
                MaybeBreaking,
                "p: type string → number in one branch: another may still allow it",
            ),
            (with(string.clone()), any(json!([string, {"type": "null"}])), Widening, "p: may also be null"),
            (
                any(json!([string, {"type": "null"}])),
                with(json!({"type": "string", "title": "P"})),
                Breaking,
                "p: may no longer be null",
            ),
            (any(json!([string, {"type": "null"}])), with(number.clone()), MaybeBreaking, "is not decided"),
            (
                with(json!({"oneOf": [string]})),
                with(json!({"oneOf": [string, number]})),
                MaybeBreaking,
                "whether the branches overlap",
            ),
            (
                any(json!([{"type": "string", "title": "A"}])),
                any(json!([{"type": "string", "title": "B"}])),
                TextOnly,
                "title: “A” → “B”",
            ),
            (
                with(json!({"allOf": [string]})),
                with(json!({"allOf": [string, {"minLength": 2}]})),
                Breaking,
                "one more condition",
            ),
            (with(json!({"allOf": [{"minLength": 1}]})), with(json!({"allOf": [{"minLength": 2}]})), Breaking, "minLength 1 → 2"),
            (defs("string"), defs("number"), Breaking, "p: type string → number"),
            (defs("string"), json!({"properties": {"p": {"type": "string"}, "q": {}}}), Widening, "q: new optional property"),
            (
                defs("string"),
                json!({"properties": {"p": {"$ref": "https://example.com/p"}}}),
                MaybeBreaking,
                "a reference that cannot be followed",
            ),
            (node("string"), node("number"), Breaking, "head.value: type string → number"),
            (unused("string"), unused("number"), TextOnly, "definitions that nothing in use refers to"),
        ],
    );
}

#[test]
fn results() {
    let closed = |properties: Value| json!({"type": "object", "properties": properties, "additionalProperties": false});
    let required = |names: Value| json!({"properties": {"p": {}}, "required": names});
    check(
        "outputSchema",
        &[
            (with(json!({})), json!({"type": "object", "properties": {}}), Breaking, "p: property `p` is gone"),
            (json!({"type": "object"}), with(json!({})), Widening, "p: new property `p`"),
            (closed(json!({})), closed(json!({"p": {}})), MaybeBreaking, "a strict reader may refuse it"),
            (required(json!(["p"])), required(json!([])), Breaking, "p: required → optional"),
            (required(json!([])), required(json!(["p"])), Widening, "p: optional → required"),
            (with(json!({"enum": ["a"]})), with(json!({"enum": ["a", "b"]})), Breaking, "p: new value \"b\""),
            (
                with(json!({"type": "string"})),
                with(json!({"type": ["string", "null"]})),
                Breaking,
                "p: type string → string|null",
            ),
            (with(json!({"type": "number"})), with(json!({"type": "integer"})), Widening, "p: type number → integer"),
            (json!(null), json!({"type": "object"}), Widening, "answers have a schema now"),
            (json!({"type": "object"}), json!(null), Breaking, "answers have no schema any more"),
        ],
    );
}

#[test]
fn words_and_hints() {
    check(
        "description",
        &[
            (json!("Reads a file."), json!("Reads a file. Slowly."), TextOnly, "“…eads a file.” → “…eads a file. Slowly.”"),
            (json!(null), json!("x"), TextOnly, "absent → \"x\""),
        ],
    );
    let hint = |name: &str, value: Value| json!({ name: value });
    check(
        "annotations",
        &[
            (
                hint("readOnlyHint", json!(true)),
                hint("readOnlyHint", json!(false)),
                MaybeBreaking,
                "readOnlyHint: true → false: a client may have relied on it",
            ),
            (hint("readOnlyHint", json!(false)), hint("readOnlyHint", json!(true)), Widening, "readOnlyHint: false → true"),
            (hint("destructiveHint", json!(false)), json!({}), MaybeBreaking, "destructiveHint: false → absent"),
            (hint("title", json!("A")), hint("title", json!("B")), TextOnly, "title: \"A\" → \"B\""),
        ],
    );
}

#[test]
fn tools_that_come_go_or_are_known_by_their_digest_only() {
    let (a, b) = (json!({"name": "a"}), json!({"name": "b"}));
    assert_eq!(compare(&set(&[a.clone(), b.clone()]), &set(&[b.clone(), a.clone()])), []);
    let drifts = compare(&set(&[a]), &set(&[b]));
    let short: Vec<_> = drifts.iter().map(|d| (d.tool.as_str(), d.fate, d.meaning())).collect();
    assert_eq!(short, [("a", Fate::Removed, Breaking), ("b", Fate::Added, Widening)]);
    assert_eq!(worst(&drifts), Some(Breaking));
    let digest = |n: u64| [(Text::new("t"), n)].into_iter().collect::<ToolSet>();
    assert_eq!(compare(&digest(1), &digest(2))[0].meaning(), MaybeBreaking);
}

#[test]
fn hostile_schemas_end() {
    let mut deep = json!({"type": "string"});
    let mut other = json!({"type": "number"});
    for _ in 0..55 {
        deep = with(deep);
        other = with(other);
    }
    check("inputSchema", &[(deep, other, MaybeBreaking, "too large or too deep to compare")]);
    let chain = |to: &str| json!({"$ref": "#/$defs/a", "$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": to}}});
    check("inputSchema", &[(chain("#/$defs/a"), chain("#/$defs/b"), MaybeBreaking, "a reference that cannot be followed")]);
    // Doubling at each step: 2^40 pairs without a bound.
    let wide = |kind: &str| {
        let step = |n: usize| json!({"properties": {"a": {"$ref": format!("#/$defs/{}", n + 1)}, "b": {"$ref": format!("#/$defs/{}", n + 1)}}});
        let mut defs: Map<_, _> = (0..40).map(|n| (n.to_string(), step(n))).collect();
        defs.insert("40".to_owned(), json!({"type": kind}));
        json!({"$ref": "#/$defs/0", "$defs": defs})
    };
    let (meaning, all) = told("inputSchema", &wide("string"), &wide("number"));
    assert!(meaning >= MaybeBreaking && all.len() <= 64, "{}", all.len());
}

#[test]
fn of_too_many_differences_the_worst_are_told() {
    let many = |words: &str| (0..100).map(|n| (format!("a{n:03}"), json!({ "description": words }))).collect::<Map<_, _>>();
    let (before, mut now) = (json!({"properties": many("x")}), json!({"properties": many("y")}));
    now["properties"]["a099"] = json!({"type": "string", "description": "x"});
    let (meaning, all) = told("inputSchema", &before, &now);
    assert_eq!((meaning, all.len(), all[0].as_str()), (Breaking, 64, "a099: type any → string"));
}

#[test]
fn what_a_server_writes_is_made_harmless() {
    let (_, all) = told("inputSchema", &json!({}), &json!({"properties": {"\u{1b}[2J": {}}}));
    assert!(all.iter().all(|line| !line.contains('\u{1b}')), "{all:?}");
}

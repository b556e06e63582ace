//! What is called harmless harms nobody: random changes of random schemas against a plain validator.

use proptest::prelude::*;
use serde_json::{Map, Value, json};
use vitals_judge::surface::{compare, worst};
use vitals_model::drift::Meaning;
use vitals_model::text::Text;
use vitals_model::tool::{Definition, ToolSet};

/// What the change of one field means.
fn meaning(field: &str, before: &Value, now: &Value) -> Option<Meaning> {
    let set = |schema: &Value| -> ToolSet {
        let mut tool = json!({"name": "t"});
        tool[field] = schema.clone();
        [(Text::new("t"), Definition::of(&tool))].into_iter().collect()
    };
    worst(&compare(&set(before), &set(now)))
}

fn is_type(kind: &str, value: &Value) -> bool {
    match kind {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" => value.as_f64().is_some_and(|n| n.fract() == 0.0),
        "number" => value.is_number(),
        "string" => value.is_string(),
        "array" => value.is_array(),
        _ => value.is_object(),
    }
}

/// Whether `schema` allows `value`. With `known_only`, an object may have no property that the schema does not
/// name: what a caller sends who knows no other.
fn allows(schema: &Value, value: &Value, known_only: bool) -> bool {
    let Some(schema) = schema.as_object() else { return schema == &Value::Bool(true) };
    let list = |name: &str| schema.get(name).and_then(Value::as_array);
    let types: Vec<_> = match schema.get("type") {
        Some(Value::String(one)) => vec![one.as_str()],
        Some(Value::Array(many)) => many.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    let has_type = types.is_empty() || types.iter().any(|kind| is_type(kind, value));
    let listed = list("enum").is_none_or(|all| all.contains(value));
    let bound = |name: &str| schema.get(name).and_then(Value::as_f64).zip(value.as_f64());
    let bounded = bound("minimum").is_none_or(|(min, n)| n >= min) && bound("maximum").is_none_or(|(max, n)| n <= max);
    let chosen = list("anyOf").is_none_or(|all| all.iter().any(|branch| allows(branch, value, known_only)));
    let all = list("allOf").is_none_or(|all| all.iter().all(|branch| allows(branch, value, known_only)));
    let items = value
        .as_array()
        .zip(schema.get("items"))
        .is_none_or(|(items, schema)| items.iter().all(|item| allows(schema, item, known_only)));
    has_type
        && listed
        && bounded
        && chosen
        && all
        && items
        && value.as_object().is_none_or(|object| allows_object(schema, object, known_only))
}

fn allows_object(schema: &Map<String, Value>, object: &Map<String, Value>, known_only: bool) -> bool {
    let properties = schema.get("properties").and_then(Value::as_object);
    let required = schema.get("required").and_then(Value::as_array);
    let is_closed = schema.get("additionalProperties") == Some(&Value::Bool(false));
    let complete = required.is_none_or(|names| names.iter().filter_map(Value::as_str).all(|name| object.contains_key(name)));
    complete
        && object.iter().all(|(name, value)| match properties.and_then(|all| all.get(name)) {
            Some(schema) => allows(schema, value, known_only),
            None => !known_only && !is_closed,
        })
}

fn any_schema() -> impl Strategy<Value = Value> {
    let kinds = || prop::sample::select(vec!["null", "boolean", "integer", "number", "string", "object"]);
    let kind = prop_oneof![kinds().prop_map(Value::from), prop::collection::vec(kinds(), 1..3).prop_map(Value::from),];
    let values = prop::sample::subsequence(vec![json!(0), json!(1), json!("a"), json!(null)], 1..4).prop_map(Value::from);
    let bound = (-1i64..3).prop_map(Value::from);
    let keyword = prop_oneof![
        4 => kind.prop_map(|kind| json!({ "type": kind })),
        1 => values.prop_map(|values| json!({ "enum": values })),
        2 => bound.clone().prop_map(|n| json!({ "minimum": n })),
        2 => bound.prop_map(|n| json!({ "maximum": n })),
        1 => Just(json!({ "description": "words" })),
        1 => Just(json!({})),
    ];
    let several = prop::collection::vec(keyword, 1..4).prop_map(|all| {
        let fields = all.iter().filter_map(Value::as_object).flatten();
        Value::Object(fields.map(|(name, value)| (name.clone(), value.clone())).collect())
    });
    let nested = several.clone().prop_recursive(3, 12, 3, |inner| {
        let names = || prop::sample::select(vec!["a", "b", "c"]);
        let properties = prop::collection::btree_map(names(), inner.clone(), 0..3);
        let required = prop::collection::btree_set(names(), 0..2);
        let object = (properties, required, prop::option::of(any::<bool>())).prop_map(|(properties, required, open)| {
            let mut schema = json!({"type": "object", "properties": properties, "required": required});
            if let Some(open) = open {
                schema["additionalProperties"] = open.into();
            }
            schema
        });
        let branches = || prop::collection::vec(inner.clone(), 1..3);
        prop_oneof![
            4 => object,
            1 => inner.clone().prop_map(|items| json!({ "items": items })),
            2 => branches().prop_map(|all| json!({ "anyOf": all })),
            1 => branches().prop_map(|all| json!({ "allOf": all })),
            1 => (inner.clone(), branches()).prop_map(|(mut schema, all)| { schema["anyOf"] = all.into(); schema }),
        ]
    });
    prop_oneof![several, nested]
}

/// Two schemas that have much in common: the second is another one, or the first with a part taken from another.
fn a_change() -> impl Strategy<Value = (Value, Value)> {
    (any_schema(), any_schema(), any::<prop::sample::Index>()).prop_map(|(before, other, part)| {
        let mut now = before.clone();
        let keys: Vec<String> = other.as_object().into_iter().flat_map(Map::keys).cloned().collect();
        if keys.is_empty() || part.index(3) == 0 {
            return (before, other);
        }
        let key = &keys[part.index(keys.len())];
        now[key] = other[key].clone();
        (before, now)
    })
}

fn any_value() -> impl Strategy<Value = Value> {
    let leaf = prop::sample::select(vec![
        json!(null),
        json!(true),
        json!(-1),
        json!(0),
        json!(1),
        json!(1.5),
        json!("a"),
        json!("b"),
        json!([]),
    ]);
    let nested = leaf.clone().prop_recursive(3, 12, 3, |inner| {
        let names = prop::sample::select(vec!["a", "b", "c"]);
        prop_oneof![
            3 => prop::collection::btree_map(names, inner.clone(), 0..3).prop_map(|all| json!(all)),
            1 => prop::collection::vec(inner, 0..2).prop_map(Value::from),
        ]
    });
    prop_oneof![leaf, nested]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn arguments_that_worked_still_do((before, now) in a_change(), values in prop::collection::vec(any_value(), 24)) {
        if meaning("inputSchema", &before, &now) <= Some(Meaning::Widening) {
            for value in values.iter().filter(|value| allows(&before, value, true)) {
                prop_assert!(allows(&now, value, false), "{value} worked with {before} and does not with {now}");
            }
        }
    }

    #[test]
    fn results_are_what_was_promised((before, now) in a_change(), values in prop::collection::vec(any_value(), 24)) {
        if meaning("outputSchema", &before, &now) <= Some(Meaning::Widening) {
            for value in values.iter().filter(|value| allows(&now, value, false)) {
                prop_assert!(allows(&before, value, false), "{value} comes with {now} and was not promised by {before}");
            }
        }
    }

    #[test]
    fn nothing_is_told_of_what_is_the_same_and_something_of_all_else((before, now) in a_change()) {
        prop_assert_eq!(meaning("inputSchema", &before, &now).is_none(), before == now);
    }
}

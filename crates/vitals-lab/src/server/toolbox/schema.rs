//! Whether arguments fit a tool's schema: required ones are there and simple types are right. No more of
//! JSON Schema is needed here.

use rmcp::model::JsonObject;
use serde_json::Value;

/// Checks arguments.
///
/// # Errors
/// What does not fit, in words for the caller.
pub(in crate::server) fn check(schema: &JsonObject, arguments: &JsonObject) -> Result<(), String> {
    let required = schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
    for name in required {
        if !arguments.contains_key(name) {
            return Err(format!("{name} is required"));
        }
    }
    for (name, value) in arguments {
        let Some(wanted) = schema.get("properties").and_then(|all| all.get(name)?.get("type")?.as_str()) else { continue };
        if !is(value, wanted) {
            return Err(format!("{name} is not of type {wanted}"));
        }
    }
    Ok(())
}

fn is(value: &Value, wanted: &str) -> bool {
    match wanted {
        "string" => value.is_string(),
        "number" => value.is_number(),
        "integer" => value.is_i64() || value.is_u64(),
        "boolean" => value.is_boolean(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => true,
    }
}

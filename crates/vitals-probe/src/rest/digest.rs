//! Digests of tool definitions, the same whichever way and in whatever order a definition came.

use serde_json::Value;
use sha2::{Digest, Sha256};
use vitals_model::tool::ToolDigest;

/// The fields that make a tool what it is for its callers, in order of name; the rest (`_meta`,
/// `execution`, icons) may change without a caller noticing.
const FIELDS: [&str; 6] = ["annotations", "description", "inputSchema", "name", "outputSchema", "title"];

/// The digest of one tool as `tools/list` or the hub's REST API shows it. A field that is `null` is
/// as good as absent.
pub fn digest(tool: &Value) -> ToolDigest {
    let mut canonical = Vec::new();
    let fields = FIELDS.iter().filter_map(|field| Some((*field, tool.get(field).filter(|v| !v.is_null())?)));
    write_object(fields, &mut canonical);
    let hash = Sha256::digest(&canonical);
    hash.iter().take(size_of::<ToolDigest>()).fold(0, |digest, byte| digest << 8 | ToolDigest::from(*byte))
}

/// Writes JSON without white space and with sorted keys. A parsed value is at most
/// [`vitals_model::limits::JSON_DEPTH_MAX`] deep, and so is this recursion.
fn write_canonical(value: &Value, out: &mut Vec<u8>) {
    match value {
        Value::Object(map) => {
            // Sorted here, because whether a map keeps its order is a feature that any crate may turn on.
            let mut fields: Vec<_> = map.iter().map(|(name, value)| (name.as_str(), value)).collect();
            fields.sort_unstable_by_key(|(name, _)| *name);
            write_object(fields.into_iter(), out);
        }
        Value::Array(items) => {
            out.push(b'[');
            for (n, item) in items.iter().enumerate() {
                separate(n, out);
                write_canonical(item, out);
            }
            out.push(b']');
        }
        scalar => write_scalar(scalar, out),
    }
}

fn write_object<'a>(fields: impl Iterator<Item = (&'a str, &'a Value)>, out: &mut Vec<u8>) {
    out.push(b'{');
    for (n, (name, value)) in fields.enumerate() {
        separate(n, out);
        write_scalar(&Value::from(name), out);
        out.push(b':');
        write_canonical(value, out);
    }
    out.push(b'}');
}

fn separate(n: usize, out: &mut Vec<u8>) {
    if n > 0 {
        out.push(b',');
    }
}

fn write_scalar(scalar: &Value, out: &mut Vec<u8>) {
    out.extend_from_slice(scalar.to_string().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_and_unknown_fields_do_not_change_it_and_every_known_field_does() {
        let text = r#"{"name":"t","description":"d","inputSchema":{"a":{"x":1,"y":[2]},"b":2}}"#;
        let other = r#"{"inputSchema":{"b":2,"a":{"y":[2],"x":1}},"_meta":{"n":1},"title":null,"description":"d","name":"t"}"#;
        let tool: Value = serde_json::from_str(text).unwrap();
        assert_eq!(digest(&tool), digest(&serde_json::from_str(other).unwrap()));
        for field in FIELDS {
            let mut changed = tool.clone();
            changed[field] = json!({"z": 1});
            assert_ne!(digest(&changed), digest(&tool), "{field}");
        }
    }

    #[test]
    fn it_is_what_it_was_in_every_version_because_the_store_keeps_it() {
        // The first 8 bytes of `printf '{"name":"echo","title":"\\u0001"}' | sha256sum`.
        assert_eq!(digest(&json!({"title": "\u{1}", "name": "echo"})), 0xe1d0_c826_bc99_5ea3);
    }
}

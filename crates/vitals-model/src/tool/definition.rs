//! The definition of one tool: what its callers rely on, in canonical JSON, with its hashes. It compares
//! nothing.

use std::fmt::{self, Write as _};
use std::sync::Arc;

use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

use super::ToolDigest;
use crate::canonical::canonical;

/// A part of a definition. The rest of what servers send (`_meta`, `execution`, icons) may change without
/// a caller noticing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Field {
    /// `title`: the name for people.
    Title,
    /// `description`: what a model reads.
    Description,
    /// `inputSchema`: the arguments.
    InputSchema,
    /// `outputSchema`: the structured result.
    OutputSchema,
    /// `annotations`: hints on what it may do.
    Annotations,
}

impl Field {
    /// All but the name, which is what a tool is known by.
    pub const ALL: [Self; 5] = [Self::Title, Self::Description, Self::InputSchema, Self::OutputSchema, Self::Annotations];

    /// The field's name in `tools/list`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Title => "title",
            Self::Description => "description",
            Self::InputSchema => "inputSchema",
            Self::OutputSchema => "outputSchema",
            Self::Annotations => "annotations",
        }
    }
}

/// The definition of one tool: its name and its [fields](Field), or only the digest where nobody kept more.
#[derive(Clone, PartialEq, Eq)]
pub struct Definition {
    digest: ToolDigest,
    text: Option<Arc<str>>,
}

impl Definition {
    /// The definition in a tool as `tools/list` or a hub's REST API shows it. A field that is `null` is as
    /// good as absent.
    pub fn of(tool: &Value) -> Self {
        let names = std::iter::once("name").chain(Field::ALL.map(Field::as_str));
        let fields = names.filter_map(|name| Some((name.to_owned(), tool.get(name).filter(|v| !v.is_null())?.clone())));
        let text = canonical(&Value::Object(fields.collect::<Map<_, _>>()));
        let digest =
            Sha256::digest(&text).iter().take(size_of::<ToolDigest>()).fold(0, |d, byte| d << 8 | ToolDigest::from(*byte));
        Self { digest, text: Some(text.into()) }
    }

    /// A definition of which only the digest is known.
    pub const fn known_by(digest: ToolDigest) -> Self {
        Self { digest, text: None }
    }

    /// The same under another name: a hub lists a server's tool with a prefix.
    #[must_use]
    pub fn renamed(&self, name: &str) -> Self {
        let Some(mut tool) = self.value() else { return self.clone() };
        tool["name"] = name.into();
        Self::of(&tool)
    }

    /// The digest.
    pub const fn digest(&self) -> ToolDigest {
        self.digest
    }

    /// The canonical JSON; `None` where only the digest is known. It holds what the server sent: not to be
    /// shown as it is.
    pub fn text(&self) -> Option<&str> {
        self.text.as_deref()
    }

    /// The same as a value: an object.
    pub fn value(&self) -> Option<Value> {
        serde_json::from_str(self.text()?).ok()
    }

    /// SHA-256 of the canonical JSON, in hexadecimal.
    pub fn hash(&self) -> Option<String> {
        Some(sha256(self.text()?))
    }
}

/// The digest alone: what a server sent is not harmless.
impl fmt::Debug for Definition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.digest, f)
    }
}

/// SHA-256 of the canonical JSON of `value`, in hexadecimal: the hash of one field.
pub fn hash(value: &Value) -> String {
    sha256(&canonical(value))
}

fn sha256(text: &str) -> String {
    Sha256::digest(text).iter().fold(String::with_capacity(64), |mut out, byte| {
        // Writing to a String cannot fail.
        let _ = write!(out, "{byte:02x}");
        out
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn order_and_unknown_fields_do_not_change_it_and_every_known_field_does() {
        let text = r#"{"name":"t","description":"d","inputSchema":{"a":{"x":1,"y":[2]},"b":2}}"#;
        let other = r#"{"inputSchema":{"b":2.0,"a":{"y":[2],"x":1}},"_meta":{"n":1},"title":null,"description":"d","name":"t"}"#;
        let tool: Value = serde_json::from_str(text).unwrap();
        assert_eq!(Definition::of(&tool), Definition::of(&serde_json::from_str(other).unwrap()));
        for field in ["name"].into_iter().chain(Field::ALL.map(Field::as_str)) {
            let mut changed = tool.clone();
            changed[field] = json!({"z": 1});
            assert_ne!(Definition::of(&changed).digest(), Definition::of(&tool).digest(), "{field}");
        }
    }

    #[test]
    fn it_is_what_it_was_in_every_version_because_the_store_keeps_it() {
        // `printf '{"name":"echo","title":"\\u0001"}' | sha256sum`; the digest is its first 8 bytes.
        let echo = Definition::of(&json!({"title": "\u{1}", "name": "echo"}));
        assert_eq!(echo.digest(), 0xe1d0_c826_bc99_5ea3);
        assert!(echo.hash().unwrap().starts_with("e1d0c826bc995ea3"));
        assert_eq!(echo.renamed("hub__echo").renamed("echo"), echo);
        assert_eq!(echo.value().unwrap(), json!({"title": "\u{1}", "name": "echo"}));
    }
}

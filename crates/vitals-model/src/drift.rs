//! How tools change, and what that means for those who call them. It compares nothing.

use crate::text::Text;
use crate::tool::Field;

/// What a change means for callers that know the tool as it was. The order is the order of badness.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Meaning {
    /// Only words changed: calls mean what they meant, but a model reads the words.
    TextOnly,
    /// All that worked still works, and more does.
    Widening,
    /// It cannot be decided; the reason is told.
    MaybeBreaking,
    /// A call that worked may fail, or its answer may lack what it had.
    Breaking,
}

impl Meaning {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::TextOnly => "text-only",
            Self::Widening => "widening",
            Self::MaybeBreaking => "breaking-possible",
            Self::Breaking => "breaking",
        }
    }
}

/// One difference in one field of a tool.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Change {
    /// The field; `None` where the tool as a whole came, went, or is not known well enough.
    pub field: Option<Field>,
    /// Where in the field: `path.mode` for the property `mode` of the property `path`; may be empty.
    pub path: String,
    /// What it means.
    pub meaning: Meaning,
    /// What changed, from old to new, in a few words.
    pub what: String,
}

/// Whether a tool came, went or was redefined.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fate {
    /// It was not there before.
    Added,
    /// It is not there any more.
    Removed,
    /// Its definition differs.
    Redefined,
}

impl Fate {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Added => "added",
            Self::Removed => "removed",
            Self::Redefined => "redefined",
        }
    }
}

/// How one tool differs from what it was.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToolDrift {
    /// Its name, without a hub's prefix.
    pub tool: Text,
    /// Whether it came, went or was redefined.
    pub fate: Fate,
    /// Every difference, the worst first; never empty.
    pub changes: Vec<Change>,
}

impl ToolDrift {
    /// The worst meaning of its changes.
    pub fn meaning(&self) -> Meaning {
        self.changes.iter().map(|change| change.meaning).max().unwrap_or(Meaning::MaybeBreaking)
    }
}

/// What may show that a text gives orders to the model that reads it.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum SignKind {
    /// Characters that nobody sees: zero-width, bidirectional overrides, Unicode tags.
    HiddenText,
    /// Markup that only a model heeds: `<IMPORTANT>`, `[SYSTEM]`, an HTML comment.
    OrderTag,
    /// Orders to ignore earlier instructions, or to give the system prompt away.
    Override,
    /// Orders to keep something from the user.
    Concealment,
    /// Orders to read files that hold secrets.
    SecretFile,
    /// Orders to hand over a conversation or credentials.
    HandOver,
    /// Orders on the use of other tools, or a tool of another server by name.
    OtherTool,
    /// A long run of encoded data.
    EncodedData,
    /// Text pushed out of sight by white space.
    OutOfSight,
}

impl SignKind {
    /// The sign's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::HiddenText => "hidden-text",
            Self::OrderTag => "order-tag",
            Self::Override => "override",
            Self::Concealment => "concealment",
            Self::SecretFile => "secret-file",
            Self::HandOver => "hand-over",
            Self::OtherTool => "other-tool",
            Self::EncodedData => "encoded-data",
            Self::OutOfSight => "out-of-sight",
        }
    }
}

/// A sign, where it is, and the words that show it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Sign {
    /// Which sign.
    pub kind: SignKind,
    /// The tool.
    pub tool: Text,
    /// The field.
    pub field: Field,
    /// Where in the field, as [`Change::path`].
    pub path: String,
    /// The words.
    pub excerpt: Text,
}

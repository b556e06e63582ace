//! Version 1 of the JSON that `tools diff --format json` prints.
//!
//! The fields are a contract (docs/reference/tools-json.md): new ones may come, none goes or changes its meaning.

use serde::Serialize;

use crate::drift::{Change, Sign, ToolDrift};
use crate::tool::{Definition, hash};

/// The value of `schema`.
pub const SCHEMA: &str = "mcp-vitals/tools/v1";

/// The tools of a target against its lock file.
#[derive(Serialize, Debug)]
pub struct ToolsView {
    /// [`SCHEMA`].
    pub schema: &'static str,
    /// The target's id.
    pub target: String,
    /// The lock file.
    pub lock: String,
    /// The exit code.
    pub exit_code: u8,
    /// Every server that is pinned or there, in order of name.
    pub servers: Vec<ServerToolsView>,
}

/// One server.
#[derive(Serialize, Debug)]
pub struct ServerToolsView {
    /// Its name.
    pub name: String,
    /// `compared`, `new`, `gone`, `unseen`.
    pub presence: &'static str,
    /// Why its tools cannot be seen.
    pub reason: Option<String>,
    /// Tools that differ, in order of name.
    pub tools: Vec<ToolDriftView>,
    /// Signs of orders to a model in what was not approved.
    pub signs: Vec<SignView>,
    /// What the pinned tools cost a model in tokens, as an estimate.
    pub tokens_before: u64,
    /// The same of the tools of now.
    pub tokens: u64,
}

/// One tool that differs.
#[derive(Serialize, Debug)]
pub struct ToolDriftView {
    /// Its name.
    pub tool: String,
    /// `added`, `removed`, `redefined`.
    pub fate: &'static str,
    /// The worst meaning of its changes.
    pub meaning: &'static str,
    /// SHA-256 of the pinned definition in canonical JSON.
    pub sha256_before: Option<String>,
    /// The same of the definition of now.
    pub sha256: Option<String>,
    /// Every difference, the worst first.
    pub changes: Vec<ChangeView>,
}

/// One difference.
#[derive(Serialize, Debug)]
pub struct ChangeView {
    /// The field.
    pub field: Option<&'static str>,
    /// Where in the field.
    pub path: String,
    /// `text-only`, `widening`, `breaking-possible`, `breaking`.
    pub meaning: &'static str,
    /// What changed, for people.
    pub what: String,
    /// SHA-256 of the whole field before, in canonical JSON.
    pub field_sha256_before: Option<String>,
    /// The same now.
    pub field_sha256: Option<String>,
}

/// One sign.
#[derive(Serialize, Debug)]
pub struct SignView {
    /// Its name.
    pub sign: &'static str,
    /// The tool.
    pub tool: String,
    /// The field.
    pub field: &'static str,
    /// Where in the field.
    pub path: String,
    /// The words.
    pub excerpt: String,
}

impl ToolDriftView {
    /// The view of a drift between these two definitions.
    pub fn new(drift: &ToolDrift, before: Option<&Definition>, now: Option<&Definition>) -> Self {
        let values = [before, now].map(|side| side.and_then(Definition::value));
        let change = |change: &Change| {
            let field = change.field.map(crate::tool::Field::as_str);
            let [before, now] = values.each_ref().map(|tool| Some(hash(tool.as_ref()?.get(field?)?)));
            ChangeView {
                field,
                path: change.path.clone(),
                meaning: change.meaning.as_str(),
                what: change.what.clone(),
                field_sha256_before: before,
                field_sha256: now,
            }
        };
        Self {
            tool: drift.tool.to_string(),
            fate: drift.fate.as_str(),
            meaning: drift.meaning().as_str(),
            sha256_before: before.and_then(Definition::hash),
            sha256: now.and_then(Definition::hash),
            changes: drift.changes.iter().map(change).collect(),
        }
    }
}

impl From<&Sign> for SignView {
    fn from(sign: &Sign) -> Self {
        Self {
            sign: sign.kind.as_str(),
            tool: sign.tool.to_string(),
            field: sign.field.as_str(),
            path: sign.path.clone(),
            excerpt: sign.excerpt.to_string(),
        }
    }
}

//! A hub's own configuration files: which servers it starts, and the LLM behind its tool filtering.
//!
//! Read as the hub reads them (JSON5; `mcpServers`, or VS Code's `servers`; a later file wins), and
//! more leniently: what cannot be read is a problem beside the rest. Placeholders stay as they are
//! written; nothing is executed.

pub(crate) mod file;
mod key;
#[cfg(test)]
mod tests;
mod tree;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use vitals_model::limits::{CONFIG_BYTES_MAX, EVIDENCE_CHARS_MAX, SERVERS_MAX};
use vitals_model::text::Text;

pub use key::KeyRef;

/// What a hub's configuration files say.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct HubConfig {
    /// Servers in order of name; at most [`SERVERS_MAX`].
    pub servers: Vec<ConfiguredServer>,
    /// The LLM of the tool filtering; `None` when none is named or it is switched off.
    pub llm: Option<HubLlm>,
    /// `toolFiltering.enabled`.
    pub filtering_enabled: Option<bool>,
    /// `toolFiltering.mode`, such as `prompt-based`.
    pub filtering_mode: Option<Text>,
    /// What could not be read, with the reason.
    pub problems: Vec<(PathBuf, Text)>,
}

/// One server as it is configured.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ConfiguredServer {
    /// Name, for people.
    pub name: Text,
    /// Name as written: for comparison and for requests to the hub, never for a face.
    pub raw_name: String,
    /// Program of a stdio server, placeholders as written.
    pub command: Option<String>,
    /// Its arguments, placeholders as written.
    pub args: Vec<String>,
    /// Address of a remote server, placeholders as written.
    pub url: Option<String>,
    /// Whether it is switched off.
    pub disabled: bool,
}

/// The LLM that a hub asks.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HubLlm {
    /// Provider, such as `gemini`.
    pub provider: Text,
    /// Model.
    pub model: Option<Text>,
    /// Base URL when it is not the provider's own.
    pub base_url: Option<String>,
    /// Where the key comes from.
    pub key: KeyRef,
}

/// Reads `files` in order; a later file replaces the servers and sections that it names again.
pub fn read(files: &[PathBuf]) -> HubConfig {
    let mut config = HubConfig::default();
    let mut servers = BTreeMap::new();
    for path in files {
        match document(path) {
            Ok(root) => merge(&root, path, &mut servers, &mut config),
            Err(problem) => config.problems.push((path.clone(), problem)),
        }
    }
    if servers.len() > SERVERS_MAX
        && let Some(last) = files.last()
    {
        let left_out = format!("{} servers beyond the first {SERVERS_MAX} are left out", servers.len() - SERVERS_MAX);
        config.problems.push((last.clone(), Text::new(&left_out)));
    }
    config.servers = servers.into_values().take(SERVERS_MAX).collect();
    config
}

fn document(path: &Path) -> Result<Map<String, Value>, Text> {
    let bytes = file::read(path, CONFIG_BYTES_MAX).map_err(|e| Text::cut(&e.to_string(), EVIDENCE_CHARS_MAX))?;
    let bytes = bytes.ok_or_else(|| Text::new(&format!("larger than {CONFIG_BYTES_MAX} bytes")))?;
    object(std::str::from_utf8(&bytes).map_err(|e| Text::new(&e.to_string()))?)
}

/// The object that a JSON5 text holds, of bounded depth.
///
/// # Errors
/// A sentence for people: it is no JSON5, too deep, or no object.
pub fn object(text: &str) -> Result<Map<String, Value>, Text> {
    match json5::from_str::<tree::Tree>(text) {
        Ok(tree::Tree(Value::Object(root))) => Ok(root),
        Ok(_) => Err(Text::new("not an object")),
        Err(error) => Err(Text::cut(&error.to_string(), EVIDENCE_CHARS_MAX)),
    }
}

fn merge(root: &Map<String, Value>, path: &Path, servers: &mut BTreeMap<String, ConfiguredServer>, config: &mut HubConfig) {
    // `servers` counts only when `mcpServers` is not there or empty: the hub's own rule.
    let named = |key| root.get(key).and_then(Value::as_object).filter(|m| !m.is_empty());
    for (name, entry) in named("mcpServers").or_else(|| named("servers")).into_iter().flatten() {
        match entry.as_object() {
            Some(entry) => {
                servers.insert(name.clone(), server(name, entry));
            }
            None => config.problems.push((path.to_owned(), Text::new(&format!("server '{name}' is not an object")))),
        }
    }
    if let Some(filtering) = root.get("toolFiltering") {
        config.filtering_enabled = filtering.get("enabled").and_then(Value::as_bool);
        config.filtering_mode = filtering.get("mode").and_then(Value::as_str).map(Text::new);
        config.llm = filtering.get("llmCategorization").and_then(|section| llm(section, path));
    }
}

fn server(name: &str, entry: &Map<String, Value>) -> ConfiguredServer {
    let text = |key| entry.get(key).and_then(Value::as_str).map(str::to_owned);
    let args = entry.get("args").and_then(Value::as_array).into_iter().flatten().filter_map(scalar);
    ConfiguredServer {
        name: Text::new(name),
        raw_name: name.to_owned(),
        command: text("command"),
        args: args.collect(),
        url: text("url"),
        disabled: entry.get("disabled").and_then(Value::as_bool).unwrap_or(false),
    }
}

/// A word of a command line; numbers and booleans become the words that the hub would pass.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

fn llm(section: &Value, path: &Path) -> Option<HubLlm> {
    let text = |key: &str| section.get(key).and_then(Value::as_str).filter(|t| !t.is_empty());
    if section.get("enabled").and_then(Value::as_bool) == Some(false) {
        return None;
    }
    Some(HubLlm {
        provider: Text::new(text("provider")?),
        model: text("model").map(Text::new),
        base_url: text("baseURL").or_else(|| text("baseUrl")).map(str::to_owned),
        key: KeyRef::parse(text("apiKey"), path),
    })
}

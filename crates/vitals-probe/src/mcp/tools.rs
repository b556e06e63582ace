//! Tool lists as servers send them, and the choice of a tool that may be called without harm.
//!
//! It asks nothing of a server, and never looks at what a tool returned.

use std::time::Duration;

use serde_json::Value;
use vitals_model::limits::TOOLS_MAX;
use vitals_model::observation::Failure;
use vitals_model::text::Text;
use vitals_model::tool::{Definition, ToolSet};

/// Words in a tool's name that suggest that it gives secrets away, even if it changes nothing.
const SECRETIVE: [&str; 6] = ["env", "secret", "token", "credential", "password", "key"];

/// What one reading of a tool list saw.
#[derive(Debug)]
pub struct Listing {
    /// Name and definition of every tool over all pages, or why the list is not complete.
    pub tools: Result<ToolSet, Failure>,
    /// What the list says of each tool, as far as it was read, in the server's order.
    pub infos: Vec<ToolInfo>,
    /// Tools beyond [`TOOLS_MAX`], counted and left out.
    pub left_out: u64,
    /// Pages read.
    pub pages: u64,
    /// Time for all pages.
    pub took: Duration,
}

/// What matters of one tool for choosing a canary.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ToolInfo {
    /// The name exactly as the server sent it, for calling it; never for showing it.
    pub name: String,
    /// `annotations.readOnlyHint`.
    pub read_only: Option<bool>,
    /// `annotations.openWorldHint`.
    pub open_world: Option<bool>,
    /// Whether an argument is required.
    pub required: bool,
    /// Whether it takes arguments at all.
    pub arguments: bool,
}

/// The tools of a list while its pages come in.
#[derive(Debug, Default)]
pub(super) struct Pages {
    pub(super) tools: Vec<(Text, Definition)>,
    pub(super) infos: Vec<ToolInfo>,
    pub(super) left_out: u64,
}

impl Pages {
    /// Adds one page's tools. A tool without a name is `None`: then this is no tool list.
    pub(super) fn add(&mut self, result: &Value) -> Option<()> {
        for tool in result.get("tools")?.as_array()? {
            let name = tool.get("name")?.as_str()?;
            if self.infos.len() == TOOLS_MAX {
                self.left_out += 1;
                continue;
            }
            self.tools.push((Text::new(name), Definition::of(tool)));
            self.infos.push(info(name, tool));
        }
        Some(())
    }
}

fn info(name: &str, tool: &Value) -> ToolInfo {
    let hint = |key: &str| tool.get("annotations")?.get(key)?.as_bool();
    let schema = |key: &str| tool.get("inputSchema").and_then(|schema| schema.get(key));
    ToolInfo {
        name: name.to_owned(),
        read_only: hint("readOnlyHint"),
        open_world: hint("openWorldHint"),
        required: schema("required").and_then(Value::as_array).is_some_and(|names| !names.is_empty()),
        arguments: schema("properties").and_then(Value::as_object).is_some_and(|fields| !fields.is_empty()),
    }
}

/// The tool for the canary call among those whose name begins with `prefix` (a hub's prefix of one
/// server, or nothing for a server reached directly).
///
/// Only a tool that says itself that it changes nothing and stays at home (`readOnlyHint: true`,
/// `openWorldHint: false`), needs no arguments and does not sound as if it gave secrets away. Of
/// those, one that takes no arguments at all, then the first by name: the same tool every time.
pub fn canary<'a>(infos: &'a [ToolInfo], prefix: &str) -> Option<&'a ToolInfo> {
    infos
        .iter()
        .filter(|tool| tool.read_only == Some(true) && tool.open_world == Some(false) && !tool.required)
        .filter(|tool| tool.name.strip_prefix(prefix).is_some_and(|own| !sounds_secretive(own)))
        .min_by_key(|tool| (tool.arguments, &tool.name))
}

/// The canary among the tools of one server as a hub's REST list has them: the same choice as [`canary`]'s.
/// A name that cannot be shown as it is cannot be called either, and is passed over.
pub(crate) fn declared_harmless(tools: &[Value]) -> Option<Text> {
    let named = tools.iter().take(TOOLS_MAX).filter_map(|tool| Some(info(tool.get("name")?.as_str()?, tool)));
    let infos: Vec<_> = named.filter(|info| Text::new(&info.name).as_str() == info.name).collect();
    canary(&infos, "").map(|info| Text::new(&info.name))
}

fn sounds_secretive(name: &str) -> bool {
    let name = name.to_lowercase();
    SECRETIVE.iter().any(|word| name.contains(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn tool(name: &str) -> Value {
        json!({"name": name, "annotations": {"readOnlyHint": true, "openWorldHint": false}, "inputSchema": {"type": "object"}})
    }

    fn infos(tools: &[Value]) -> Vec<ToolInfo> {
        let mut pages = Pages::default();
        pages.add(&json!({ "tools": tools })).unwrap();
        pages.infos
    }

    fn chosen(tools: &[Value], prefix: &str) -> Option<String> {
        canary(&infos(tools), prefix).map(|tool| tool.name.clone())
    }

    #[test]
    fn the_canary_is_harmless_and_always_the_same() {
        let mut optional = tool("fs__a");
        optional["inputSchema"]["properties"] = json!({"depth": {}});
        let tools = [optional, tool("fs__zeta"), tool("fs__list"), tool("db__first")];
        assert_eq!(chosen(&tools, "fs__").as_deref(), Some("fs__list"));
        assert_eq!(chosen(&tools, "").as_deref(), Some("db__first"));
        assert_eq!(chosen(&tools[..1], "fs__").as_deref(), Some("fs__a"));
    }

    #[test]
    fn no_tool_that_may_do_harm_is_chosen() {
        let mut required = tool("a");
        required["inputSchema"]["required"] = json!(["path"]);
        let mut writes = tool("b");
        writes["annotations"]["readOnlyHint"] = json!(false);
        let mut open = tool("c");
        open["annotations"]["openWorldHint"] = json!(true);
        let unsaid = json!({"name": "d", "annotations": {"readOnlyHint": "true"}});
        let mut tools = vec![required, writes, open, unsaid];
        tools.extend(["get-env", "listSecrets", "TOKEN_info", "credentials", "password_policy", "api_keys"].map(tool));
        assert_eq!(chosen(&tools, ""), None);
    }

    #[test]
    fn a_prefix_with_a_secretive_word_does_not_hide_its_tools() {
        assert_eq!(chosen(&[tool("keycloak__list")], "keycloak__").as_deref(), Some("keycloak__list"));
        assert_eq!(chosen(&[tool("other__list")], "keycloak__"), None);
    }

    #[test]
    fn tools_beyond_the_limit_are_counted() {
        let tools: Vec<Value> = (0..TOOLS_MAX + 3).map(|n| json!({"name": format!("t{n}")})).collect();
        let mut pages = Pages::default();
        pages.add(&json!({ "tools": tools })).unwrap();
        assert_eq!((pages.infos.len(), pages.left_out), (TOOLS_MAX, 3));
    }

    #[test]
    fn what_is_no_tool_list_is_refused() {
        for result in [json!({}), json!({"tools": {}}), json!({"tools": [{"name": 3}]}), json!(null)] {
            assert!(Pages::default().add(&result).is_none(), "{result}");
        }
    }
}

//! Whose tools a session lists. A hub puts the server's name before each tool's, and one server's name
//! may begin with another's: the longest name that fits is meant.

use std::collections::{BTreeMap, BTreeSet};

use vitals_model::claim::ServerClaim;
use vitals_model::text::Text;
use vitals_model::tool::{Definition, ToolSet, namespace_prefix};

/// The hub's own tool, which is no server's even when a server is called `hub`.
const META_TOOL: &str = "hub__analyze_prompt";

/// Whose the tools in a session's list are.
#[derive(Clone, Debug)]
pub(super) struct Listed {
    /// The list, and the names of the servers.
    tools: ToolSet,
    servers: Vec<Text>,
    by: BTreeMap<Text, ToolSet>,
    /// Those of a server that has none.
    none: ToolSet,
}

impl Listed {
    /// Sorts a session's list.
    pub(super) fn of_session(tools: &ToolSet, servers: &[ServerClaim]) -> Self {
        let by = by_server(tools, servers);
        let servers = servers.iter().map(|claim| claim.name.clone()).collect();
        Self { tools: tools.clone(), servers, by, none: ToolSet::default() }
    }

    /// Whether this is what this list of these servers would give.
    pub(super) fn is_of(&self, tools: &ToolSet, servers: &[ServerClaim]) -> bool {
        self.tools == *tools && self.servers.iter().eq(servers.iter().map(|claim| &claim.name))
    }

    /// The tools of one server.
    pub(super) fn of(&self, server: &Text) -> &ToolSet {
        self.by.get(server).unwrap_or(&self.none)
    }
}

/// The tools of every server in a session's list, without the hub's prefix. Servers without tools are
/// left out; two servers whose names give the same prefix share them.
fn by_server(tools: &ToolSet, servers: &[ServerClaim]) -> BTreeMap<Text, ToolSet> {
    let mut prefixes: BTreeMap<String, Vec<&Text>> = BTreeMap::new();
    for claim in servers {
        prefixes.entry(namespace_prefix(claim.name.as_str())).or_default().push(&claim.name);
    }
    let mut sets: BTreeMap<Text, Vec<(Text, Definition)>> = BTreeMap::new();
    for (name, definition) in tools.definitions().filter(|(name, _)| name.as_str() != META_TOOL) {
        let Some((prefix, owners)) = longest(name.as_str(), &prefixes) else { continue };
        for owner in owners {
            sets.entry((*owner).clone()).or_default().push((Text::new(&name.as_str()[prefix..]), definition.clone()));
        }
    }
    sets.into_iter().map(|(server, tools)| (server, tools.into_iter().collect())).collect()
}

/// The tools that the servers truly have, as a session would list them; `None` when the hub does not say.
pub(super) fn all_of(servers: &[ServerClaim]) -> Option<BTreeSet<String>> {
    let sets: Vec<_> =
        servers.iter().filter_map(|claim| Some((namespace_prefix(claim.name.as_str()), claim.tools.as_ref()?))).collect();
    (!sets.is_empty())
        .then(|| sets.iter().flat_map(|(prefix, tools)| tools.iter().map(move |(name, _)| format!("{prefix}{name}"))).collect())
}

/// The length of the longest known prefix of `name`, and whose it is.
fn longest<'a>(name: &str, prefixes: &'a BTreeMap<String, Vec<&'a Text>>) -> Option<(usize, &'a [&'a Text])> {
    (2..=name.len())
        .rev()
        .filter(|end| name.is_char_boundary(*end) && name[..*end].ends_with("__"))
        .find_map(|end| Some((end, prefixes.get(&name[..end])?.as_slice())))
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitals_model::claim::ClaimStatus;

    fn claim(name: &str) -> ServerClaim {
        ServerClaim {
            name: Text::new(name),
            status: ClaimStatus::Connected,
            error: None,
            uptime: None,
            started_at: None,
            transport: None,
            tools: None,
            canary: None,
        }
    }

    fn counts(servers: &[&str], tools: &[&str]) -> Vec<(String, Vec<String>)> {
        let tools = tools.iter().map(|t| (Text::new(t), Definition::known_by(1))).collect();
        let claims: Vec<_> = servers.iter().map(|s| claim(s)).collect();
        let names = |set: &ToolSet| set.iter().map(|(name, _)| name.to_string()).collect();
        by_server(&tools, &claims).iter().map(|(server, set)| (server.to_string(), names(set))).collect()
    }

    #[test]
    fn a_tool_belongs_to_the_server_with_the_longest_name_that_fits() {
        let tools = ["a__x", "a__b__y", "a__bb", "c_d__z", "hub__analyze_prompt", "stray", "é__x"];
        let found = counts(&["a", "a__b", "c.d", "hub"], &tools);
        let own = |server: &str, tools: &[&str]| (server.to_owned(), tools.iter().map(|t| (*t).to_owned()).collect::<Vec<_>>());
        assert_eq!(found, [own("a", &["bb", "x"]), own("a__b", &["y"]), own("c.d", &["z"])]);
    }

    #[test]
    fn underscores_at_the_seam_are_not_lost() {
        assert_eq!(counts(&["a"], &["a___x"])[0].1, ["_x"]);
        assert_eq!(counts(&["a", "a_"], &["a___x"])[0].0, "a_");
    }
}

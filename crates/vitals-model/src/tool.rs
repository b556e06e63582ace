//! Tools as a list shows them, and the difference between two lists.

mod definition;

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

pub use definition::{Definition, Field, hash};

use crate::text::Text;

/// A digest of one tool's definition (name, description, schemas, annotations) in canonical JSON:
/// the first 8 bytes of its SHA-256, big-endian. The order of keys and of tools does not change it.
pub type ToolDigest = u64;

/// The tools of one server or of one session, by name. Order carries no meaning. A copy shares them, so every
/// snapshot can have one.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ToolSet {
    tools: Arc<Tools>,
}

/// The tools, and figures of them that are asked for again and again.
#[derive(Clone, Default)]
struct Tools {
    /// In the order of their names; each name once.
    by_name: Vec<(Text, Definition)>,
    digest: OnceLock<u64>,
    names: OnceLock<u64>,
}

impl Tools {
    /// Where a tool of this name is, or would be.
    fn place(&self, name: &str) -> Result<usize, usize> {
        self.by_name.binary_search_by(|(known, _)| known.as_str().cmp(name))
    }
}

impl PartialEq for Tools {
    fn eq(&self, other: &Self) -> bool {
        self.by_name == other.by_name
    }
}

impl Eq for Tools {}

impl fmt::Debug for Tools {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.by_name, f)
    }
}

/// The tools that an operator has approved: those of each server, by its name in the hub's configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Pins {
    /// Server by server.
    pub servers: BTreeMap<Text, ToolSet>,
}

/// What was found of a lock file.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub enum LockFile {
    /// There is none.
    #[default]
    Absent,
    /// It was read.
    Read {
        /// Where it is.
        path: PathBuf,
        /// What it holds.
        pins: Arc<Pins>,
    },
    /// It cannot be read.
    Damaged {
        /// Where it is.
        path: PathBuf,
        /// Why, with the place in the file.
        why: String,
    },
}

/// What changed between two tool sets.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct ToolChange {
    /// Tools that the later set has and the earlier has not.
    pub added: Vec<Text>,
    /// Tools that the earlier set had and the later has not.
    pub removed: Vec<Text>,
    /// Tools whose definition differs.
    pub changed: Vec<Text>,
}

impl ToolChange {
    /// Whether nothing changed.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty() && self.changed.is_empty()
    }
}

impl ToolSet {
    /// How many tools there are.
    pub fn len(&self) -> usize {
        self.tools.by_name.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.tools.by_name.is_empty()
    }

    /// Whether a tool of this name is in the set.
    pub fn has(&self, name: &str) -> bool {
        self.tools.place(name).is_ok()
    }

    /// Names with their digests, in order of name.
    pub fn iter(&self) -> impl Iterator<Item = (&Text, ToolDigest)> {
        self.definitions().map(|(name, definition)| (name, definition.digest()))
    }

    /// Names with their definitions, in order of name.
    pub fn definitions(&self) -> impl Iterator<Item = (&Text, &Definition)> {
        self.tools.by_name.iter().map(|(name, definition)| (name, definition))
    }

    /// The definition of one tool.
    pub fn get(&self, name: &str) -> Option<&Definition> {
        self.tools.place(name).ok().map(|n| &self.tools.by_name[n].1)
    }

    /// Puts a tool in, in place of one of the same name.
    pub fn put(&mut self, name: Text, definition: Definition) {
        let tools = self.tools_mut();
        match tools.place(name.as_str()) {
            Ok(n) => tools.by_name[n].1 = definition,
            Err(n) => tools.by_name.insert(n, (name, definition)),
        }
    }

    /// Takes a tool out.
    pub fn remove(&mut self, name: &str) {
        let tools = self.tools_mut();
        if let Ok(n) = tools.place(name) {
            tools.by_name.remove(n);
        }
    }

    fn tools_mut(&mut self) -> &mut Tools {
        let tools = Arc::make_mut(&mut self.tools);
        (tools.digest, tools.names) = (OnceLock::new(), OnceLock::new());
        tools
    }

    /// Shares the memory of `other` when it is the same set.
    pub fn share(&mut self, other: &Self) {
        if !Arc::ptr_eq(&self.tools, &other.tools) && self == other {
            *self = other.clone();
        }
    }

    /// Whether both sets have tools of the same names, whatever their definitions.
    pub fn has_names_of(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.tools, &other.tools) || self.len() == other.len() && self.names() == other.names()
    }

    /// What changed from `earlier` to `self`.
    pub fn change_since(&self, earlier: &Self) -> ToolChange {
        if Arc::ptr_eq(&self.tools, &earlier.tools) {
            return ToolChange::default();
        }
        let mut change = ToolChange::default();
        for (name, now) in &self.tools.by_name {
            match earlier.get(name.as_str()) {
                None => change.added.push(name.clone()),
                Some(before) if before.digest() != now.digest() => change.changed.push(name.clone()),
                Some(_) => {}
            }
        }
        let removed = earlier.definitions().map(|(name, _)| name).filter(|name| !self.has(name.as_str()));
        change.removed = removed.cloned().collect();
        change
    }

    /// One digest for the whole set, for display and comparison: FNV-1a over names and digests.
    pub fn digest(&self) -> u64 {
        let bytes = |(name, digest): (&Text, ToolDigest)| fnv_name(name).chain(digest.to_be_bytes()).collect::<Vec<_>>();
        *self.tools.digest.get_or_init(|| fnv(self.iter().flat_map(bytes)))
    }

    /// FNV-1a over the names.
    fn names(&self) -> u64 {
        *self.tools.names.get_or_init(|| fnv(self.definitions().flat_map(|(name, _)| fnv_name(name))))
    }
}

impl FromIterator<(Text, Definition)> for ToolSet {
    fn from_iter<I: IntoIterator<Item = (Text, Definition)>>(iter: I) -> Self {
        // Of two tools of one name the later counts.
        let mut by_name: Vec<_> = iter.into_iter().collect();
        by_name.reverse();
        by_name.sort_by(|(a, _), (b, _)| a.cmp(b));
        by_name.dedup_by(|(a, _), (b, _)| a == b);
        Self { tools: Arc::new(Tools { by_name, ..Tools::default() }) }
    }
}

/// Tools of which only the digests are known.
impl FromIterator<(Text, ToolDigest)> for ToolSet {
    fn from_iter<I: IntoIterator<Item = (Text, ToolDigest)>>(iter: I) -> Self {
        iter.into_iter().map(|(name, digest)| (name, Definition::known_by(digest))).collect()
    }
}

/// The bytes of a name, and what ends it.
fn fnv_name(name: &Text) -> impl Iterator<Item = u8> + '_ {
    name.as_str().bytes().chain([0])
}

/// FNV-1a, 64 bits.
fn fnv(bytes: impl Iterator<Item = u8>) -> u64 {
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// The name under which a hub lists a server's tool: `server__tool`, where every character of the
/// server's name that is not alphanumeric becomes `_` (measured on npm mcp-hub 4.2.1).
pub fn namespaced(server: &str, tool: &str) -> String {
    format!("{}{tool}", namespace_prefix(server))
}

/// The prefix of all tools of `server` in the hub's list.
pub fn namespace_prefix(server: &str) -> String {
    let safe: String = server.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect();
    format!("{safe}__")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(tools: &[(&str, u64)]) -> ToolSet {
        tools.iter().map(|(n, d)| (Text::new(n), *d)).collect()
    }

    #[test]
    fn order_is_not_a_change_and_a_definition_is() {
        let before = set(&[("echo", 1), ("sum", 2), ("old", 3)]);
        assert_eq!(before.digest(), set(&[("sum", 2), ("old", 3), ("echo", 1)]).digest());
        let change = set(&[("sum", 9), ("echo", 1), ("new", 4)]).change_since(&before);
        assert_eq!(change.added, [Text::new("new")]);
        assert_eq!(change.removed, [Text::new("old")]);
        assert_eq!(change.changed, [Text::new("sum")]);
        assert!(before.change_since(&before).is_empty());
    }

    #[test]
    fn server_names_become_prefixes_as_the_hub_makes_them() {
        assert_eq!(namespaced("file-system.v2", "read_file"), "file_system_v2__read_file");
    }
}

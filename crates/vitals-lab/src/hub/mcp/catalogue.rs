//! The tools of all servers, sorted into categories once for each listing, and what a session sees of them.

use std::collections::hash_map::DefaultHasher;
use std::collections::{BTreeSet, HashMap};
use std::hash::{Hash as _, Hasher as _};
use std::sync::Arc;

use rmcp::model::{JsonObject, Tool};
use serde_json::json;
use vitals_probe::mcp::META_TOOL;

use crate::hub::backend::Listing;
use crate::hub::filter::{Category, Exposure};

/// Tools on one page of `tools/list`.
pub(super) const PAGE_TOOLS: usize = 50;

/// What a cursor of ours begins with; the number of the first tool follows.
const CURSOR: &str = "tool:";

/// A listing and what was found out about it.
pub(super) struct Catalogue {
    pub(super) listing: Arc<Listing>,
    /// Category, and a digest of the whole tool, in the listing's order.
    sorted: Vec<(Category, u64)>,
    places: HashMap<String, usize>,
}

/// What one session may see.
pub(super) struct Sight<'a> {
    /// What it sees without asking.
    pub(super) exposure: Exposure,
    /// What it asked for.
    pub(super) asked: &'a BTreeSet<Category>,
    /// Whether the meta-tool is among its tools.
    pub(super) meta_tool: bool,
}

impl Catalogue {
    pub(super) fn new(listing: Arc<Listing>) -> Self {
        let sorted = listing.tools.iter().map(|listed| (Category::of(listed), digest(&listed.tool))).collect();
        let places = listing.tools.iter().enumerate().map(|(place, l)| (l.tool.name.clone().into_owned(), place)).collect();
        Self { listing, sorted, places }
    }

    /// All tools, seen or not.
    pub(super) fn len(&self) -> usize {
        self.listing.tools.len()
    }

    /// The tool of this name, whoever sees it.
    pub(super) fn tool(&self, name: &str) -> Option<&Tool> {
        Some(&self.listing.tools.get(*self.places.get(name)?)?.tool)
    }

    /// Whether a session sees the tool of this name.
    pub(super) fn sees(&self, name: &str, sight: &Sight<'_>) -> bool {
        self.places.get(name).is_some_and(|place| sight.has(self.sorted[*place].0))
    }

    /// How many tools a session sees, the meta-tool left aside.
    pub(super) fn count(&self, sight: &Sight<'_>) -> usize {
        self.sorted.iter().filter(|(category, _)| sight.has(*category)).count()
    }

    /// One page of what a session sees, and the cursor of the next. `None` for a cursor that is not ours.
    pub(super) fn page(&self, sight: &Sight<'_>, cursor: Option<&str>) -> Option<(Vec<Tool>, Option<String>)> {
        let first = match cursor {
            None => 0,
            Some(cursor) => cursor.strip_prefix(CURSOR)?.parse().ok()?,
        };
        let meta = usize::from(sight.meta_tool);
        let total = meta + self.count(sight);
        if cursor.is_some() && first >= total {
            return None;
        }
        let own = (sight.meta_tool && first == 0).then(meta_tool);
        let skipped = first.saturating_sub(meta);
        let room = PAGE_TOOLS - usize::from(own.is_some());
        let tools = self.listing.tools.iter().zip(&self.sorted).filter(|(_, (category, _))| sight.has(*category));
        let page = own.into_iter().chain(tools.skip(skipped).take(room).map(|(listed, _)| listed.tool.clone()));
        let next = first + PAGE_TOOLS;
        Some((page.collect(), (next < total).then(|| format!("{CURSOR}{next}"))))
    }

    /// A digest of what a session sees: another one means another list.
    pub(super) fn signature(&self, sight: &Sight<'_>) -> u64 {
        let mut hasher = DefaultHasher::new();
        sight.meta_tool.hash(&mut hasher);
        for (category, digest) in &self.sorted {
            if sight.has(*category) {
                digest.hash(&mut hasher);
            }
        }
        hasher.finish()
    }
}

impl Sight<'_> {
    fn has(&self, category: Category) -> bool {
        self.exposure == Exposure::All
            || self.asked.contains(&category)
            || (self.exposure == Exposure::Minimal && Category::MINIMAL.contains(&category))
    }
}

fn digest(tool: &Tool) -> u64 {
    let mut hasher = DefaultHasher::new();
    // A tool of a client library's own type is always JSON; one that were not would be like another.
    serde_json::to_string(tool).unwrap_or_default().hash(&mut hasher);
    hasher.finish()
}

/// The meta-tool, as the recorded variant lists it.
fn meta_tool() -> Tool {
    let schema = json!({
        "type": "object",
        "properties": {
            "prompt": { "type": "string", "description": "What the user wants to do, in their own words" },
            "context": { "type": "string", "description": "More that helps to understand it" },
        },
        "required": ["prompt"],
    });
    let schema = match schema {
        serde_json::Value::Object(schema) => schema,
        _ => JsonObject::new(),
    };
    let description = "Says which tools a request needs, and makes them available in this session. \
                       Call it first, then list the tools again.";
    Tool::new(META_TOOL, description, schema)
}

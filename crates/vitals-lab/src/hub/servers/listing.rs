//! The list of all tools as MCP clients are given it, with the tools that a fault takes away or makes up.

use std::sync::{Arc, PoisonError};

use rmcp::model::Tool;
use vitals_model::limits::TOOLS_MAX;

use super::{Server, Shelf, Status};
use crate::fault::HubFault;
use crate::hub::backend::{Listed, Listing};
use crate::persona::Persona;

/// The name of the tool that no server has.
const PHANTOM: &str = "phantom_tool";

/// Publishes the list anew whenever what is said of servers, or what goes wrong, changes.
pub(super) async fn publish(shelf: Arc<Shelf>) {
    let mut changes = shelf.common.changes.subscribe();
    let mut faults = shelf.faults.clone();
    loop {
        let new = shelf.list();
        shelf.listing.send_if_modified(|old| {
            let same = old.tools.len() == new.tools.len()
                && old.tools.iter().zip(&new.tools).all(|(old, new)| old.tool == new.tool && old.server == new.server);
            if !same {
                *old = Arc::new(new);
            }
            !same
        });
        let woken = tokio::select! {
            woken = changes.changed() => woken,
            woken = faults.changed() => woken,
        };
        if woken.is_err() {
            return;
        }
    }
}

/// The name that clients see.
fn public(server: &Server, tool: &str) -> String {
    match server.config.namespace.as_str() {
        "" => tool.to_owned(),
        namespace => format!("{namespace}__{tool}"),
    }
}

impl Shelf {
    pub(super) fn all(&self) -> Vec<Arc<Server>> {
        let servers = self.servers.lock().unwrap_or_else(PoisonError::into_inner);
        servers.iter().map(|(server, _)| Arc::clone(server)).collect()
    }

    pub(super) fn are_settled(&self) -> bool {
        self.all().iter().all(|server| server.state().settled)
    }

    /// The server and the own name of a tool that clients may call.
    pub(super) fn find(&self, name: &str) -> Option<(Arc<Server>, String)> {
        let listing = Arc::clone(&self.listing.borrow());
        let listed = listing.tools.iter().find(|listed| listed.tool.name == name)?;
        let server = self.all().into_iter().find(|server| server.config.name == listed.server)?;
        let own = match server.config.namespace.as_str() {
            "" => name,
            namespace => name.strip_prefix(namespace)?.strip_prefix("__")?,
        };
        let own = own.to_owned();
        Some((server, own))
    }

    fn list(&self) -> Listing {
        // npm mcp-hub offers nothing until every server has answered or failed.
        if self.common.persona == Persona::Npm421 && !self.are_settled() {
            return Listing::default();
        }
        let mut tools = Vec::new();
        for server in self.all() {
            let state = server.state();
            if state.status != Status::Connected {
                continue;
            }
            for mut tool in state.capabilities.tools {
                tool.name = public(&server, &tool.name).into();
                tools.push(Listed { tool, server: server.config.name.clone() });
            }
        }
        tools.truncate(TOOLS_MAX);
        let faults = self.faults.borrow().clone();
        if let Some(place) = self.draw(&tools) {
            if faults.contains(&HubFault::PhantomTool) {
                let phantom = self.phantom(&tools[place]);
                tools.push(phantom);
            }
            if faults.contains(&HubFault::ToolDropped) {
                tools.remove(place);
            }
        }
        Listing { tools }
    }

    /// One tool by lot: the same for the same seed, whatever else is listed.
    fn draw(&self, tools: &[Listed]) -> Option<usize> {
        let lot = |listed: &Listed| {
            // FNV-1a, over the seed and the name.
            let bytes = self.seed.to_le_bytes().into_iter().chain(listed.tool.name.bytes());
            bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
        };
        (0..tools.len()).min_by_key(|place| lot(&tools[*place]))
    }

    /// A tool of the same server that it does not have.
    fn phantom(&self, beside: &Listed) -> Listed {
        let server = self.all().into_iter().find(|server| server.config.name == beside.server);
        let name = server.map_or_else(|| PHANTOM.to_owned(), |server| public(&server, PHANTOM));
        let mut tool = Tool::default();
        tool.name = name.into();
        tool.description = Some("Does what no server can.".into());
        tool.input_schema = Arc::new(serde_json::Map::from_iter([("type".to_owned(), "object".into())]));
        Listed { tool, server: beside.server.clone() }
    }
}

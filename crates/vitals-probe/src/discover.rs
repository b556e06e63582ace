//! Discovery: which targets there are, from what the operator named, the configuration and the hubs'
//! own records. It opens no connection.

use std::cmp::Reverse;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;
use vitals_model::config::{Settings, TargetSettings};
use vitals_model::observation::WorkspaceEntry;
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::{Text, count};
use vitals_model::time::Timestamp;

use crate::hands::Surroundings;
use crate::{clock, workspace};

/// What the operator asked for on the command line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Wanted {
    /// A hub's URL, a configured name, or the name or port of a discovered hub.
    Named(String),
    /// An MCP server's URL.
    Mcp(String),
    /// An MCP server's command line.
    Stdio(Vec<String>),
}

/// What there is to watch.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The targets, each once.
    pub targets: Vec<Target>,
    /// Where hubs were looked for, and what was there.
    pub looked: Vec<(PathBuf, String)>,
    /// Names that were asked for and lead to nothing, with what was expected.
    pub unknown: Vec<String>,
}

/// Finds the targets: those that are wanted, else all that are configured or discovered.
pub fn find(settings: &Settings, surroundings: &Surroundings, wanted: &[Wanted]) -> Found {
    let mut found = Found::default();
    let discovered = discover(settings, surroundings, &mut found.looked);
    if wanted.is_empty() {
        found.targets = configured(settings);
        let named = |t: &Target| found.targets.iter().any(|other| is_same_hub(&other.address, &t.address));
        let unnamed: Vec<_> = discovered.into_iter().filter(|t| settings.discover && !named(t)).collect();
        found.targets.extend(unnamed);
        return found;
    }
    for want in wanted {
        match resolve(want, settings, &discovered) {
            Ok(target) if found.targets.iter().any(|t| t.address == target.address) => {}
            Ok(target) => {
                let id = unlike(target.id, &found.targets);
                found.targets.push(Target { id, ..target });
            }
            Err(why) => found.unknown.push(why),
        }
    }
    found
}

/// The id, numbered when another target has it: `npx` starts many a server, and a host has many a path.
fn unlike(id: TargetId, others: &[Target]) -> TargetId {
    let numbered = (2..).map(|n| TargetId::new(&format!("{id}-{n}")));
    let free = |id: &TargetId| others.iter().all(|other| other.id != *id);
    std::iter::once(id.clone()).chain(numbered).find(free).unwrap_or(id)
}

fn resolve(want: &Wanted, settings: &Settings, discovered: &[Target]) -> Result<Target, String> {
    let configured = configured(settings);
    // What the configuration names keeps its name and settings, and with them its history.
    let on_command_line = |id: &str, address: Address| {
        let known = configured.iter().find(|t| t.address == address).cloned();
        let id = TargetId::new(Text::new(id).as_str());
        known.unwrap_or_else(|| Target { id, address, origin: Origin::CommandLine, settings: Arc::clone(&settings.defaults) })
    };
    match want {
        Wanted::Named(text) if text.contains("://") => {
            let parsed = web_address(text)?;
            let address = Address::Hub { url: text.trim_end_matches('/').to_owned() };
            let known = configured.iter().chain(discovered).find(|t| is_same_hub(&t.address, &address)).cloned();
            Ok(known.unwrap_or_else(|| on_command_line(&name_of(&parsed), address)))
        }
        Wanted::Named(name) => {
            let all: Vec<_> = configured.iter().chain(discovered).collect();
            let named = all.iter().find(|t| t.id.as_str() == name || t.id.as_str().strip_prefix("hub-") == Some(name));
            named.copied().cloned().ok_or_else(|| {
                let known = all.iter().map(|t| t.id.to_string()).collect::<Vec<_>>().join(", ");
                let known = if known.is_empty() { "no target is known".to_owned() } else { format!("known are {known}") };
                format!("{name}: no target of this name; {known}")
            })
        }
        Wanted::Mcp(url) => {
            let parsed = web_address(url)?;
            Ok(on_command_line(&name_of(&parsed), Address::Http { url: url.clone() }))
        }
        Wanted::Stdio(words) => {
            let (command, args) = words.split_first().ok_or("an empty command")?;
            let name = std::path::Path::new(command).file_name().map_or_else(|| "server".into(), |n| n.to_string_lossy());
            Ok(on_command_line(&name, Address::Stdio { command: command.clone(), args: args.to_vec() }))
        }
    }
}

fn web_address(text: &str) -> Result<Url, String> {
    let url = Url::parse(text).map_err(|error| format!("{text}: {error}"))?;
    if matches!(url.scheme(), "http" | "https") { Ok(url) } else { Err(format!("{text}: expected an http:// or https:// URL")) }
}

fn configured(settings: &Settings) -> Vec<Target> {
    let target = |(name, configured): (&String, &vitals_model::config::Configured)| Target {
        id: TargetId::new(name),
        address: configured.address.clone(),
        origin: Origin::Configured,
        settings: Arc::clone(&configured.settings),
    };
    settings.targets.iter().map(target).collect()
}

/// The hubs that their own records name: those that live, and those that died without taking their
/// record with them. A record from before the machine started is an old one, and no target.
fn discover(settings: &Settings, surroundings: &Surroundings, looked: &mut Vec<(PathBuf, String)>) -> Vec<Target> {
    let booted = booted_at();
    let mut hubs: Vec<(WorkspaceEntry, &PathBuf)> = Vec::new();
    for registry in &surroundings.registries {
        match workspace::read(registry) {
            Err(failure) => looked.push((registry.clone(), failure.to_string())),
            Ok(entries) => {
                let (now, old): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| is_current(entry, booted));
                let old =
                    if old.is_empty() { String::new() } else { format!(", {} from before this machine started", old.len()) };
                looked.push((registry.clone(), format!("{}{old}", count(now.len() as u64, "hub record"))));
                hubs.extend(now.into_iter().map(|entry| (entry, registry)));
            }
        }
    }
    // Of two records of one port that lives is right, else the later one: a dead hub stays where it lived.
    hubs.sort_by_key(|(entry, _)| (entry.port, Reverse((entry.process.is_some(), entry.started_at))));
    hubs.dedup_by_key(|(entry, _)| entry.port);
    hubs.iter().map(|(entry, registry)| discovered(entry, registry, &settings.defaults)).collect()
}

fn discovered(entry: &WorkspaceEntry, registry: &std::path::Path, settings: &Arc<TargetSettings>) -> Target {
    Target {
        id: TargetId::new(&format!("hub-{}", entry.port)),
        address: Address::Hub { url: format!("http://127.0.0.1:{}", entry.port) },
        origin: Origin::Discovered { registry: registry.to_owned() },
        settings: Arc::clone(settings),
    }
}

fn is_current(entry: &WorkspaceEntry, booted: Timestamp) -> bool {
    entry.process.is_some() || entry.started_at.is_none_or(|at| at >= booted)
}

fn booted_at() -> Timestamp {
    let up = u64::try_from(rustix::system::sysinfo().uptime).unwrap_or(0);
    clock::now().minus(std::time::Duration::from_secs(up))
}

/// The port of a hub on this machine.
fn loopback_port(address: &Address) -> Option<u16> {
    let Address::Hub { url } = address else { return None };
    let url = Url::parse(url).ok()?;
    matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]")).then(|| url.port_or_known_default())?
}

/// Whether two addresses lead to the same hub: one port of this machine has many names.
pub fn is_same_hub(one: &Address, other: &Address) -> bool {
    match (one, other) {
        (Address::Hub { url: one_url }, Address::Hub { url: other_url }) => {
            let port = loopback_port(one);
            let same_url = || Url::parse(one_url).is_ok_and(|url| Url::parse(other_url) == Ok(url));
            (port.is_some() && port == loopback_port(other)) || same_url()
        }
        _ => false,
    }
}

/// `hub-7001` for a port of this machine, else host and port.
fn name_of(url: &Url) -> String {
    let port = url.port_or_known_default().unwrap_or(0);
    match url.host_str() {
        Some("127.0.0.1" | "localhost" | "[::1]") if url.path().trim_matches('/').is_empty() => format!("hub-{port}"),
        Some(host) => format!("{host}-{port}"),
        None => "target".to_owned(),
    }
}

#[cfg(test)]
mod tests;

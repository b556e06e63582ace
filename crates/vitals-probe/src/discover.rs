//! Discovery: which targets there are, from what the operator named, the configuration and the hubs'
//! own records. It opens no connection.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use url::Url;
use vitals_model::config::{Settings, TargetSettings};
use vitals_model::observation::WorkspaceEntry;
use vitals_model::target::{Address, Origin, Target, TargetId};
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
        let taken: BTreeSet<_> = found.targets.iter().filter_map(|t| loopback_port(&t.address)).collect();
        found.targets.extend(
            discovered.into_iter().filter(|t| settings.discover && loopback_port(&t.address).is_none_or(|p| !taken.contains(&p))),
        );
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
    let on_command_line = |id: &str, address: Address| {
        let configured = settings.targets.values().find(|c| c.address == address);
        let settings = configured.map_or_else(|| Arc::clone(&settings.defaults), |c| Arc::clone(&c.settings));
        Target { id: TargetId::new(id), address, origin: Origin::CommandLine, settings }
    };
    match want {
        Wanted::Named(text) if text.contains("://") => {
            let url = text.trim_end_matches('/').to_owned();
            let parsed = Url::parse(&url).map_err(|error| format!("{text}: {error}"))?;
            if !matches!(parsed.scheme(), "http" | "https") {
                return Err(format!("{text}: expected an http:// or https:// URL"));
            }
            let known = discovered.iter().chain(&configured(settings)).find(|t| same_hub(&t.address, &parsed)).cloned();
            Ok(known.unwrap_or_else(|| on_command_line(&name_of(&parsed), Address::Hub { url })))
        }
        Wanted::Named(name) => {
            let all: Vec<_> = configured(settings).into_iter().chain(discovered.iter().cloned()).collect();
            let named = all.iter().find(|t| t.id.as_str() == name || t.id.as_str().strip_prefix("hub-") == Some(name));
            named.cloned().ok_or_else(|| {
                let known = all.iter().map(|t| t.id.to_string()).collect::<Vec<_>>().join(", ");
                let known = if known.is_empty() { "no target is known".to_owned() } else { format!("known are {known}") };
                format!("{name}: no target of this name; {known}")
            })
        }
        Wanted::Mcp(url) => {
            let parsed = Url::parse(url).map_err(|error| format!("{url}: {error}"))?;
            Ok(on_command_line(&name_of(&parsed), Address::Http { url: url.clone() }))
        }
        Wanted::Stdio(words) => {
            let (command, args) = words.split_first().ok_or("an empty command")?;
            let name = std::path::Path::new(command).file_name().map_or_else(|| "server".into(), |n| n.to_string_lossy());
            Ok(on_command_line(&name, Address::Stdio { command: command.clone(), args: args.to_vec() }))
        }
    }
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
    let mut targets: Vec<Target> = Vec::new();
    for registry in &surroundings.registries {
        match workspace::read(registry) {
            Err(failure) => looked.push((registry.clone(), failure.to_string())),
            Ok(entries) => {
                let (now, old): (Vec<_>, Vec<_>) = entries.into_iter().partition(|entry| is_current(entry, booted));
                let old =
                    if old.is_empty() { String::new() } else { format!(", {} from before this machine started", old.len()) };
                looked.push((registry.clone(), format!("{} hub records{old}", now.len())));
                for entry in now {
                    let id = TargetId::new(&format!("hub-{}", entry.port));
                    if targets.iter().all(|t| t.id != id) {
                        targets.push(discovered(id, &entry, registry, &settings.defaults));
                    }
                }
            }
        }
    }
    targets
}

fn discovered(id: TargetId, entry: &WorkspaceEntry, registry: &std::path::Path, settings: &Arc<TargetSettings>) -> Target {
    Target {
        id,
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

fn same_hub(address: &Address, url: &Url) -> bool {
    let Address::Hub { url: known } = address else { return false };
    let same_port =
        loopback_port(address).is_some_and(|port| loopback_port(&Address::Hub { url: url.to_string() }) == Some(port));
    same_port || Url::parse(known).is_ok_and(|known| known == *url)
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

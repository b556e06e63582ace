//! `tools`: what a hub's tools are now against what was approved, and the approving.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use vitals_engine::lockfile;
use vitals_judge::surface::review::{self, Approval, Now, ServerReview};
use vitals_model::reading::Health;
use vitals_model::target::Target;
use vitals_model::text::{Text, count};
use vitals_model::tool::{Pins, ToolSet};
use vitals_model::verdict::ServerTruth;
use vitals_model::view::tools_v1::ToolsView;

use crate::cli::{Common, LineFormat, LockArgs, ToolsAction, ToolsArgs};
use crate::exit::Exit;
use crate::render;
use crate::wiring::Ground;

pub(crate) fn run(common: &Common, args: &ToolsArgs) -> anyhow::Result<Exit> {
    let ground = Ground::new(common)?;
    let target = the_target(&ground)?;
    match &args.action {
        ToolsAction::Diff { lock, format } => diff(&ground, &target, &path(lock, &target), *format),
        ToolsAction::Pin { lock } => pin(&ground, &target, &path(lock, &target)),
        ToolsAction::Approve { what, lock } => approve(&ground, &target, &path(lock, &target), what.as_deref()),
    }
}

/// A lock file holds the tools of one target.
fn the_target(ground: &Ground) -> anyhow::Result<Target> {
    let mut targets = ground.targets()?;
    match (targets.pop(), targets.is_empty()) {
        (Some(target), true) => Ok(target),
        (last, _) => {
            let names: Vec<_> = targets.iter().chain(&last).map(|target| target.id.as_str()).collect();
            bail!("a lock file holds the tools of one target: name one of {} with --target", names.join(", "))
        }
    }
}

fn path(args: &LockArgs, target: &Target) -> PathBuf {
    args.path.clone().unwrap_or_else(|| lockfile::path_of(&target.settings))
}

/// The pins in the file; `None` when there is none.
fn pins(path: &Path) -> anyhow::Result<Option<Pins>> {
    let hint = "mend it from its history, or remove it and write it anew with `mcp-vitals tools pin`";
    lockfile::read(path).with_context(|| format!("{} (left as it is; {hint})", path.display()))
}

fn known_pins(path: &Path) -> anyhow::Result<Pins> {
    pins(path)?.with_context(|| format!("there is no {}: write it with `mcp-vitals tools pin`", path.display()))
}

/// Looks at the target.
fn now(ground: &Ground, target: &Target) -> anyhow::Result<Now> {
    let look = super::visit::look(ground, vec![target.clone()])?;
    let state = look.snapshot.targets.first().context("nothing was seen")?;
    let api = state.readings.iter().find(|reading| reading.id == vitals_judge::check::api_id());
    if let Some(api) = api.filter(|api| api.health == Health::Failing) {
        bail!("{} cannot be asked for its tools: {}", target.id, api.summary);
    }
    let tools = look.tools();
    Ok(Now { unseen: unseen(&state.servers, &tools), tools })
}

fn diff(ground: &Ground, target: &Target, path: &Path, format: LineFormat) -> anyhow::Result<Exit> {
    let pins = known_pins(path)?;
    let now = now(ground, target)?;
    let servers = review::review(&pins, &now);
    let exit = exit_of(&servers);
    let text = match format {
        LineFormat::Text => render::tools::review(&servers, &path.display().to_string(), target),
        LineFormat::Json => render::json(&view(target, path, &servers, &pins, &now))?,
    };
    render::print(&text)?;
    Ok(exit)
}

/// The exit code of a review: that of the worst server.
fn exit_of(servers: &[ServerReview]) -> Exit {
    servers.iter().map(ServerReview::health).max().map_or(Exit::Ok, Exit::from)
}

fn view(target: &Target, path: &Path, servers: &[ServerReview], pins: &Pins, now: &Now) -> ToolsView {
    ToolsView {
        schema: vitals_model::view::tools_v1::SCHEMA,
        target: target.id.to_string(),
        lock: path.display().to_string(),
        exit_code: exit_of(servers).code(),
        servers: servers.iter().map(|server| render::tools::view(server, pins, now)).collect(),
    }
}

/// The tools of a target as they are known now against its lock file; `None` when it has none.
pub(super) fn review_known(
    target: &Target,
    truths: &[ServerTruth],
    tools: BTreeMap<Text, ToolSet>,
) -> anyhow::Result<Option<ToolsView>> {
    let path = lockfile::path_of(&target.settings);
    let Some(pins) = pins(&path)? else { return Ok(None) };
    let now = Now { unseen: unseen(truths, &tools), tools };
    Ok(Some(view(target, &path, &review::review(&pins, &now), &pins, &now)))
}

/// The servers of which no tool is known, and why.
fn unseen(truths: &[ServerTruth], tools: &BTreeMap<Text, ToolSet>) -> BTreeMap<Text, String> {
    let unseen = truths.iter().filter(|truth| !tools.contains_key(&truth.name));
    unseen.map(|truth| (truth.name.clone(), truth.reason.clone())).collect()
}

fn pin(ground: &Ground, target: &Target, path: &Path) -> anyhow::Result<Exit> {
    let before = pins(path)?;
    let now = now(ground, target)?;
    if now.tools.is_empty() {
        bail!("{} shows no tool now: there is nothing to pin", target.id);
    }
    let mut pins = before.unwrap_or_default();
    review::approve(&mut pins, &now, &Approval::All);
    for (server, why) in &now.unseen {
        let kept = if pins.servers.contains_key(server) { "its pins are kept" } else { "it is not pinned" };
        render::note(&format!("{server} shows no tools, {kept}: {why}"));
    }
    let tools: u64 = pins.servers.values().map(|tools| tools.len() as u64).sum();
    let what = format!("{} of {}", count(tools, "tool"), count(pins.servers.len() as u64, "server"));
    keep(path, &pins, &format!("pinned {what}"))?;
    Ok(Exit::Ok)
}

fn approve(ground: &Ground, target: &Target, path: &Path, what: Option<&str>) -> anyhow::Result<Exit> {
    let mut pins = known_pins(path)?;
    let now = now(ground, target)?;
    let known: Vec<&Text> = pins.servers.keys().chain(now.tools.keys()).collect();
    let what = match what {
        None => Approval::All,
        Some(text) => Approval::parse(text, &known)
            .with_context(|| format!("neither {} nor the lock file has a server `{text}`", target.id))?,
    };
    if let Approval::Tool(server, tool) = &what
        && ![pins.servers.get(server), now.tools.get(server)].into_iter().flatten().any(|tools| tools.has(tool.as_str()))
    {
        bail!("server `{server}` has no tool `{tool}`, neither now nor in the lock file");
    }
    let taken = review::approve(&mut pins, &now, &what);
    render::print(&render::tools::taken(&taken))?;
    keep(path, &pins, &format!("approved {}", count(taken.len() as u64, "tool")))?;
    Ok(Exit::Ok)
}

fn keep(path: &Path, pins: &Pins, what: &str) -> anyhow::Result<()> {
    let is_new = lockfile::write(path, pins).with_context(|| path.display().to_string())?;
    let how = if is_new { format!("{what} in {}", path.display()) } else { format!("{} is as it was", path.display()) };
    render::print(&format!("{how}\n"))
}

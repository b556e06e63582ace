//! `service`: `watch` as a service of systemd. The unit is written, the rest is asked of `systemctl`.

mod unit;

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use vitals_model::config::{LogWay, Settings};
use vitals_model::target::Address;

use self::unit::{MARK, Scope, Unit};
use crate::cli::{Common, ScopeArgs, ServiceAction, ServiceArgs};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, Ground};

const NAME: &str = "mcp-vitals.service";

/// Where a system service finds its configuration when nobody says.
const SYSTEM_CONFIG: &str = "/etc/mcp-vitals/config.yaml";

/// Where systemd keeps the state of a system service (`StateDirectory=`).
const SYSTEM_STATE: &str = "/var/lib/mcp-vitals";

pub(crate) fn run(common: &Common, args: &ServiceArgs) -> anyhow::Result<Exit> {
    match &args.action {
        ServiceAction::Install { scope, run_as, dry_run } => {
            let scope = scope_of(scope);
            let text = unit(common, scope, run_as.as_deref(), *dry_run)?;
            if *dry_run {
                render::print(&text)?;
                return Ok(Exit::Ok);
            }
            install(scope, &text)
        }
        ServiceAction::Uninstall { scope } => uninstall(scope_of(scope)),
        ServiceAction::Status { scope } => status(scope_of(scope)),
    }
}

fn scope_of(args: &ScopeArgs) -> Scope {
    let is_root = rustix::process::geteuid().is_root();
    if args.system || (is_root && !args.user) { Scope::System } else { Scope::User }
}

/// The unit for what was asked on the command line and in the configuration.
fn unit(common: &Common, scope: Scope, run_as: Option<&str>, dry_run: bool) -> anyhow::Result<String> {
    let mut common = common.clone();
    if scope == Scope::System && common.config.is_none() && Path::new(SYSTEM_CONFIG).exists() {
        common.config = Some(SYSTEM_CONFIG.into());
    }
    // A mistake in the configuration is better found now than by the service.
    let ground = Ground::new(&common)?;
    let named = common.state_dir.as_ref().or(ground.settings.storage.dir.as_ref());
    let state = match (scope, named) {
        (Scope::System, None) => None,
        (Scope::System, Some(dir)) => Some(absolute(dir)?),
        (Scope::User, _) => Some(absolute(&ground.state_dir)?),
    };
    let writes = written(&ground.settings)?;
    if !dry_run {
        for dir in state.iter().filter(|_| scope == Scope::User).chain(&writes) {
            std::fs::create_dir_all(dir).with_context(|| format!("cannot make {}", dir.display()))?;
        }
    }
    let state_dir = state.clone().unwrap_or_else(|| SYSTEM_STATE.into());
    let unit = Unit {
        scope,
        command: command(&common, &state_dir)?,
        run_as,
        state: state.as_deref(),
        writes,
        starts_programs: starts_programs(&common, &ground.settings),
    };
    Ok(unit.text())
}

/// The watch that the service is, with all paths whole.
fn command(common: &Common, state_dir: &Path) -> anyhow::Result<Vec<String>> {
    let program = std::env::current_exe().context("this program does not know where it lies")?;
    let mut words = vec![program.to_string_lossy().into_owned(), "watch".to_owned()];
    let mut option = |name: &str, value: String| words.extend([name.to_owned(), value]);
    if let Some(config) = &common.config {
        option("--config", absolute(config)?.to_string_lossy().into_owned());
    }
    option("--state-dir", state_dir.to_string_lossy().into_owned());
    for (name, values) in [("--target", &common.target), ("--mcp", &common.mcp), ("--stdio", &common.stdio)] {
        for value in values {
            option(name, value.clone());
        }
    }
    Ok(words)
}

fn absolute(path: &Path) -> anyhow::Result<PathBuf> {
    std::path::absolute(path).with_context(|| format!("cannot tell where {} is", path.display()))
}

/// Folders besides that of the history that a watch with these settings writes to.
fn written(settings: &Settings) -> anyhow::Result<Vec<PathBuf>> {
    let file = |way| match way {
        LogWay::File(path) => path.parent(),
        LogWay::Elasticsearch(_) | LogWay::Loki(_) | LogWay::Otlp(_) => None,
    };
    let logs = settings.logs.values().filter_map(|destination| file(destination.way()?));
    let mut dirs: Vec<_> = logs.chain(settings.report.folder.as_deref()).map(absolute).collect::<Result<_, _>>()?;
    dirs.sort();
    dirs.dedup();
    Ok(dirs)
}

fn starts_programs(common: &Common, settings: &Settings) -> bool {
    !common.stdio.is_empty() || settings.targets.values().any(|target| matches!(target.address, Address::Stdio { .. }))
}

fn path_of(scope: Scope) -> anyhow::Result<PathBuf> {
    let dir = match scope {
        Scope::System => PathBuf::from("/etc/systemd/system"),
        Scope::User => wiring::config_home().context("HOME is not set")?.join("systemd/user"),
    };
    Ok(dir.join(NAME))
}

fn install(scope: Scope, text: &str) -> anyhow::Result<Exit> {
    let path = path_of(scope)?;
    refuse_others(&path)?;
    let folder = path.parent().context("a unit lies in a folder")?;
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(&path, text));
    written.with_context(|| format!("cannot write {}", path.display()))?;
    render::note(&format!("wrote {}", path.display()));
    systemctl(scope, &["daemon-reload"])?;
    systemctl(scope, &["enable", NAME])?;
    // An older one that runs gives way to this one.
    systemctl(scope, &["restart", NAME])?;
    render::note("it runs; `mcp-vitals service status` says how it is");
    if scope == Scope::User {
        render::note("it ends when you log out, unless `loginctl enable-linger` says that your services go on");
    }
    Ok(Exit::Ok)
}

/// A unit that somebody else wrote is neither replaced nor taken away.
fn refuse_others(path: &Path) -> anyhow::Result<()> {
    let text = match std::fs::read_to_string(path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        read => read.with_context(|| format!("cannot read {}", path.display()))?,
    };
    if !text.starts_with(MARK) {
        bail!("{} was not written by this command: move it away first", path.display());
    }
    Ok(())
}

fn uninstall(scope: Scope) -> anyhow::Result<Exit> {
    let path = path_of(scope)?;
    if !path.exists() {
        bail!("{} is not there: nothing to take away", path.display());
    }
    refuse_others(&path)?;
    systemctl(scope, &["disable", "--now", NAME])?;
    std::fs::remove_file(&path).with_context(|| format!("cannot remove {}", path.display()))?;
    systemctl(scope, &["daemon-reload"])?;
    render::note(&format!("removed {}; configuration and history stay", path.display()));
    Ok(Exit::Ok)
}

fn status(scope: Scope) -> anyhow::Result<Exit> {
    const SHOWN: &str = "LoadState,UnitFileState,ActiveState,SubState,StatusText,MainPID,NRestarts,MemoryCurrent,Result";
    let said = systemctl(scope, &["show", NAME, "--property", SHOWN])?;
    let value = |name: &str| said.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix('=')).unwrap_or_default();
    if value("LoadState") != "loaded" {
        render::print("mcp-vitals is not installed as a service\n")?;
        return Ok(Exit::Unknown);
    }
    let (active, sub, enabled) = (value("ActiveState"), value("SubState"), value("UnitFileState"));
    let mut lines = format!("mcp-vitals is {active} ({sub}), {enabled}\n");
    let memory = value("MemoryCurrent").parse().map(vitals_model::text::bytes).unwrap_or_default();
    for (name, text) in
        [("status", value("StatusText")), ("pid", value("MainPID")), ("memory", &memory), ("restarts", value("NRestarts"))]
    {
        if !matches!(text, "" | "0") {
            lines.extend(["  ", name, ": ", text, "\n"]);
        }
    }
    if !matches!(value("Result"), "" | "success") {
        lines.extend(["  ended with: ", value("Result"), "; `journalctl -u mcp-vitals` says more\n"]);
    }
    render::print(&lines)?;
    Ok(if active == "active" { Exit::Ok } else { Exit::Critical })
}

/// Asks the service manager; its answer, or its own words on why not.
fn systemctl(scope: Scope, arguments: &[&str]) -> anyhow::Result<String> {
    let mut command = Command::new("systemctl");
    if scope == Scope::User {
        command.arg("--user");
    }
    let ended = command.args(arguments).output().context("systemctl does not run: is this a machine with systemd?")?;
    if !ended.status.success() {
        let why = String::from_utf8_lossy(&ended.stderr);
        bail!("systemctl {}: {}", arguments.join(" "), why.trim());
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

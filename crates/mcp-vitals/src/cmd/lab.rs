//! `lab`: a hub of our own in the foreground, and the faults of one that runs.

mod fault;

use std::ffi::OsString;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context as _;
use vitals_lab::fault::Fault;
use vitals_lab::lab::{Filtering, Lab, Servers, Settings, Where};
use vitals_lab::part::{self, Part};
use vitals_lab::persona::Persona;

use crate::cli::{LabAction, LabArgs};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, EndSignals};

/// How often the lab looks whether its hub still runs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

pub(crate) fn run(args: &LabArgs) -> anyhow::Result<Exit> {
    match &args.action {
        Some(LabAction::Fault(fault)) => fault::run(&fault.action),
        None => wiring::block_on(serve(args))?,
    }
}

/// This program as one part of a lab, until that part ends.
pub(crate) fn part(words: impl Iterator<Item = OsString>) -> anyhow::Result<Exit> {
    part::run(Part::parse(words)?)?;
    Ok(Exit::Ok)
}

fn folder(named: Option<&PathBuf>) -> anyhow::Result<PathBuf> {
    let dir = named.cloned().or_else(wiring::lab_dir);
    dir.context("no folder for the lab: HOME is not set; name one with --dir")
}

async fn serve(args: &LabArgs) -> anyhow::Result<Exit> {
    let settings = Settings {
        program: wiring::lab_program()?,
        place: Where::At(folder(args.dir.as_ref())?),
        persona: args.persona(),
        log_format: args.log_format(),
        port: args.port,
        seed: args.seed,
        filtering: args.filtering.0,
        servers: args.servers.clone().map_or(Servers::BuiltIn, Servers::Of),
    };
    let mut end = EndSignals::listen()?;
    let lab = tokio::select! {
        () = end.told() => return Ok(Exit::Ok),
        lab = Lab::start(settings) => lab?,
    };
    render::print(&welcome(&lab, args))?;
    tokio::select! {
        () = end.told() => {}
        () = mind(&lab) => {}
    }
    render::note("ending the lab");
    lab.end().await?;
    Ok(Exit::Ok)
}

/// Says so when the hub ends and no fault ended it. Never ends itself.
async fn mind(lab: &Lab) {
    let mut last = lab.hub_pid();
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let now = lab.hub_pid();
        let takes = |fault| matches!(fault, Fault::HubKilled | Fault::HubRestarted | Fault::OrphanLeft);
        let is_taken = lab.active().iter().any(|active| takes(active.fault));
        if now.is_none() && last.is_some() && !is_taken {
            render::note("the hub has ended by itself; `mcp-vitals lab fault inject hub-restarted` starts it again");
        }
        last = now;
    }
}

fn welcome(lab: &Lab, args: &LabArgs) -> String {
    let speaks = match args.persona() {
        Persona::Honest => "says what is true",
        Persona::Npm421 => "lies as npm mcp-hub 4.2.1 does",
    };
    let filters = match args.filtering.0 {
        Filtering::Off => "",
        Filtering::PromptBased { .. } => ", and filters tools by prompts",
    };
    let place = lab.place();
    let config = place.vitals_config();
    let dir = args.dir.as_ref().map_or_else(String::new, |_| format!(" --dir {}", place.root().display()));
    let pid = lab.hub_pid().map_or_else(String::new, |pid| format!(" (pid {pid})"));
    let mut text = format!("A hub of our own runs. It {speaks}{filters}.\n\n");
    let rows = [
        ("hub", format!("{}{pid}", lab.url())),
        ("its MCP endpoint", format!("{}/mcp", lab.url())),
        ("its log", place.log().display().to_string()),
        ("look at it", format!("mcp-vitals check --config {}", config.display())),
        ("watch it", format!("mcp-vitals dashboard --config {}", config.display())),
        ("break it", format!("mcp-vitals lab fault inject server-killed{dir}")),
        ("what can break", format!("mcp-vitals lab fault list{dir}")),
        ("mend it", format!("mcp-vitals lab fault clear --all{dir}")),
        ("end it", "Ctrl-C".to_owned()),
    ];
    for (what, how) in rows {
        let _ = writeln!(text, "  {what:<18}{how}");
    }
    text
}

//! `lab fault`: what can go wrong in a lab that another process runs.

use std::fmt::Write as _;
use std::path::PathBuf;

use serde::Serialize;
use vitals_lab::lab::control::{Done, Entry, Remote, RemoteError, catalogue};
use vitals_lab::place::Place;

use crate::cli::{FaultAction, LineFormat};
use crate::exit::Exit;
use crate::{render, wiring};

pub(super) fn run(action: &FaultAction) -> anyhow::Result<Exit> {
    match action {
        FaultAction::List { format, dir } => list(*format, &place(dir.as_ref())?)?,
        FaultAction::Inject { fault, server, dir } => {
            // A name that is none is said also when no lab runs.
            vitals_lab::lab::control::fault(fault).map_err(anyhow::Error::msg)?;
            let remote = Remote::find(&place(dir.as_ref())?)?;
            say(&wiring::block_on(remote.inject(fault, server))??, "in force")?;
        }
        FaultAction::Clear { fault: Some(fault), dir, .. } => {
            vitals_lab::lab::control::fault(fault).map_err(anyhow::Error::msg)?;
            let remote = Remote::find(&place(dir.as_ref())?)?;
            say(&wiring::block_on(remote.clear(fault))??, "cleared")?;
        }
        FaultAction::Clear { fault: None, dir, .. } => {
            let remote = Remote::find(&place(dir.as_ref())?)?;
            say(&wiring::block_on(remote.clear_all())??, "cleared")?;
        }
    }
    Ok(Exit::Ok)
}

fn place(dir: Option<&PathBuf>) -> anyhow::Result<Place> {
    Ok(Place::new(super::folder(dir)?))
}

/// `api-slow in force`, or that nothing was.
fn say(done: &Done, what: &str) -> anyhow::Result<()> {
    if done.faults.is_empty() {
        return render::print("nothing was in force\n");
    }
    done.faults.iter().try_for_each(|fault| render::print(&format!("{fault} {what}\n")))
}

/// What `lab fault list --format json` prints.
#[derive(Serialize)]
struct List {
    /// The hub of the lab that runs; `null` when none does.
    hub: Option<String>,
    persona: Option<String>,
    faults: Vec<Entry>,
}

fn list(format: LineFormat, place: &Place) -> anyhow::Result<()> {
    let (list, running) = match Remote::find(place) {
        Ok(remote) => {
            let listing = wiring::block_on(remote.list())??;
            (List { hub: Some(listing.hub), persona: Some(listing.persona), faults: listing.faults }, None)
        }
        Err(none @ RemoteError::NotRunning(_)) => (List { hub: None, persona: None, faults: catalogue() }, Some(none)),
        Err(error) => return Err(error.into()),
    };
    match format {
        LineFormat::Json => render::print(&render::json(&list)?)?,
        LineFormat::Text => render::print(&table(&list.faults))?,
    }
    if let Some(none) = running {
        render::note(&none.to_string());
    }
    Ok(())
}

/// One line per fault below its layer; those in force are marked, with the server and the time.
fn table(faults: &[Entry]) -> String {
    let mut text = String::new();
    let mut layer = "";
    let width = faults.iter().map(|fault| fault.id.len()).max().unwrap_or_default();
    for fault in faults {
        if fault.layer != layer {
            let gap = if layer.is_empty() { "" } else { "\n" };
            let _ = writeln!(text, "{gap}{}", fault.layer);
            layer = &fault.layer;
        }
        let mark = if fault.active { '*' } else { ' ' };
        let _ = write!(text, "{mark} {:<width$}  {}", fault.id, fault.what);
        if let Some(since) = &fault.since {
            let on = fault.server.as_ref().map_or_else(String::new, |server| format!(" on {server}"));
            let _ = write!(text, "  [in force{on} since {since}]");
        }
        text.push('\n');
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_stand_below_their_layer_and_those_in_force_are_marked() {
        let mut faults = catalogue();
        let killed = faults.iter_mut().find(|fault| fault.id == "server-killed").unwrap();
        (killed.active, killed.server) = (true, Some("echo".to_owned()));
        killed.since = Some("2026-11-22T10:00:00.000Z".to_owned());
        let text = table(&faults);
        let line = text.lines().find(|line| line.starts_with('*')).unwrap();
        assert!(line.contains("server-killed") && line.ends_with("[in force on echo since 2026-11-22T10:00:00.000Z]"), "{line}");
        let layers: Vec<_> = text.lines().filter(|line| !line.is_empty() && !line.starts_with(['*', ' '])).collect();
        assert_eq!(layers, ["hub", "server", "llm", "sessions", "logging"]);
        assert_eq!(text.lines().filter(|line| line.starts_with(['*', ' '])).count(), faults.len());
    }
}

//! `incidents`: what the history knows of incidents, and what people say about them. It writes no history: what is
//! said is left beside it for the watch that holds it, or for the next one.

use std::path::Path;

use anyhow::{Context as _, bail};
use vitals_engine::store::{IncidentFilter, Reader, Store};
use vitals_model::incident::IncidentState;
use vitals_model::quiet::{Order, Pattern, Remark, Silence};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_probe::clock;

use crate::cli::{Author, Common, IncidentsAction, IncidentsArgs, LineFormat};
use crate::exit::Exit;
use crate::render;
use crate::wiring;

pub(crate) fn run(common: &Common, args: &IncidentsArgs) -> anyhow::Result<Exit> {
    let settings = wiring::settings(common)?;
    let dir = wiring::state_dir(common, &settings)?;
    let Some(reader) = wiring::reader(&dir)? else {
        bail!("no history in {} yet: `mcp-vitals watch` keeps one", dir.display());
    };
    let now = clock::now();
    match &args.action {
        IncidentsAction::List { since, format } => list(&reader, &dir, since.map(|since| now.minus(since)), *format, now),
        IncidentsAction::Show { id, format } => show(&reader, *id, *format, now),
        IncidentsAction::Ack { id, text, author } => {
            if there(&reader, *id)? == IncidentState::Resolved {
                bail!("I{id} is over: a note can still be written");
            }
            order(&dir, &Order::Acknowledge(*id, remark(author, text, now)), now)
        }
        IncidentsAction::Note { id, text, author } => {
            there(&reader, *id)?;
            order(&dir, &Order::Note(*id, remark(author, text, now)), now)
        }
        IncidentsAction::Silence { checks, reason, for_, of, author } => {
            let (target, check) = (Pattern::new(of), Pattern::new(checks));
            let silence = Silence { id: 0, target, check, until: now.plus(*for_), remark: remark(author, reason, now) };
            order(&dir, &Order::Silence(silence), now)
        }
        IncidentsAction::Unsilence { id, author } => {
            let holds = reader.silences()?.into_iter().any(|silence| silence.id == *id && now < silence.until);
            if !holds {
                bail!("there is no silence S{id} that holds");
            }
            order(&dir, &Order::Unsilence(*id, remark(author, "", now)), now)
        }
    }
}

fn list(reader: &Reader, dir: &Path, since: Option<Timestamp>, format: LineFormat, now: Timestamp) -> anyhow::Result<Exit> {
    let incidents = reader.incidents(since.map_or(IncidentFilter::Open, IncidentFilter::Since))?;
    let silences: Vec<_> = reader.silences()?.into_iter().filter(|silence| now < silence.until).collect();
    let waiting = Store::ordered(dir).len();
    render::print(&match format {
        LineFormat::Text => render::incidents::list(&incidents, &silences, waiting, now),
        LineFormat::Json => render::json(&render::incidents::list_view(&incidents, &silences, waiting))?,
    })?;
    Ok(Exit::Ok)
}

fn show(reader: &Reader, id: u64, format: LineFormat, now: Timestamp) -> anyhow::Result<Exit> {
    let incident = reader.incident(id)?.with_context(|| format!("the history knows no incident I{id}"))?;
    let (posted, decisions) = (reader.posted_of(id)?, reader.decisions(id)?);
    render::print(&match format {
        LineFormat::Text => {
            let done = reader.actions_for(id)?;
            let done = done.iter().map(render::remedy::action).collect::<String>();
            render::incidents::one(&incident, now) + &done + &render::notices::of_incident(&posted, &decisions)
        }
        LineFormat::Json => render::json(&vitals_model::view::v1::IncidentView::from(&incident))?,
    })?;
    Ok(Exit::Ok)
}

fn there(reader: &Reader, id: u64) -> anyhow::Result<IncidentState> {
    Ok(reader.incident(id)?.with_context(|| format!("the history knows no incident I{id}"))?.state)
}

pub(super) fn remark(author: &Author, text: &str, at: Timestamp) -> Remark {
    let author = author.author.clone().unwrap_or_else(wiring::user);
    Remark { at, author: Text::new(&author), text: Text::new(text) }
}

fn order(dir: &Path, order: &Order, now: Timestamp) -> anyhow::Result<Exit> {
    Store::order(dir, order, now).context("cannot leave it for the watch")?;
    render::note("left for the watch, which takes it in within two seconds; without one, for the next");
    Ok(Exit::Ok)
}

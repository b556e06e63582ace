//! `notify`: who is told of what, how receivers do, and samples to try them. It sends nothing else, and writes no history.

use anyhow::bail;
use vitals_engine::notify;
use vitals_model::notice::Notices;

use crate::cli::{Common, LineFormat, NotifyAction, NotifyArgs};
use crate::exit::Exit;
use crate::render;
use crate::render::notices::{Answer, Queue};
use crate::wiring;

pub(crate) fn run(common: &Common, args: &NotifyArgs) -> anyhow::Result<Exit> {
    match &args.action {
        NotifyAction::Test { name, format } => test(common, name, *format),
        NotifyAction::List { format } => list(common, *format),
    }
}

/// The route and the receivers that a name stands for.
fn named<'n>(notices: &'n Notices, name: &'n str) -> Option<(&'n str, Vec<&'n String>)> {
    if let Some(route) = notices.route(name) {
        return Some((name, route.receivers.iter().chain(&route.escalate.receivers).collect()));
    }
    let (receiver, _) = notices.receivers.get_key_value(name)?;
    Some(("sample", vec![receiver]))
}

fn test(common: &Common, name: &str, format: LineFormat) -> anyhow::Result<Exit> {
    let settings = wiring::settings(common)?;
    let Some((route, receivers)) = named(&settings.notices, name) else {
        let all = settings.notices.routes.iter().map(|route| &route.name).chain(settings.notices.receivers.keys());
        let all = all.map(String::as_str).collect::<Vec<_>>().join(", ");
        bail!("no route and no receiver is called {name}; there is {}", if all.is_empty() { "none" } else { &all });
    };
    let proxy = wiring::surroundings(common).proxy;
    let answers = wiring::block_on(async {
        let mut answers = Vec::new();
        for receiver in receivers {
            if let Some(said) = notify::test(&settings, proxy.clone(), route, receiver).await {
                answers.push(Answer { receiver: receiver.clone(), said: said.map_err(|trouble| trouble.why().clone()) });
            }
        }
        answers
    })?;
    render::print(&match format {
        LineFormat::Text => render::notices::answers(&answers),
        LineFormat::Json => render::json(&render::notices::answers_view(&answers))?,
    })?;
    Ok(if answers.iter().all(|answer| answer.said.is_ok()) { Exit::Ok } else { Exit::Critical })
}

fn list(common: &Common, format: LineFormat) -> anyhow::Result<Exit> {
    let settings = wiring::settings(common)?;
    let reader = wiring::reader(&wiring::state_dir(common, &settings)?)?;
    let queue = |name: &String| -> anyhow::Result<Queue> {
        let Some(reader) = &reader else { return Ok(Queue::default()) };
        Ok(Queue { waiting: reader.posted_waiting(name)?, last: reader.last_posted(name)? })
    };
    let queues = settings.notices.receivers.keys().map(queue).collect::<anyhow::Result<Vec<_>>>()?;
    render::print(&match format {
        LineFormat::Text => render::notices::list(&settings.notices, &queues),
        LineFormat::Json => render::json(&render::notices::list_view(&settings.notices, &queues))?,
    })?;
    Ok(Exit::Ok)
}

//! Scenarios about sessions: isolation, cleanup, changes at the same time, a stream that breaks.

use std::sync::Arc;
use std::time::Duration;

use vitals_model::observation::{Failure, Transport};
use vitals_model::scenario::Figure;
use vitals_model::text::count;
use vitals_model::tool::ToolSet;
use vitals_probe::clock::Stopwatch;
use vitals_probe::mcp::{Listen, META_TOOL, Session};

use super::load::{self, Client, Tally};
use super::stage::{CLEANUP_MAX, LOOK_EVERY, Result, Stage, failed, seen, skipped};

/// Prompts that lead to different tools, one for each of three clients.
const PROMPTS: [&str; 3] =
    ["read the file notes.txt and list the folder", "echo a message and add two numbers", "search the repositories on GitHub"];

/// How often each client lists and calls side by side with the others.
const ROUNDS: usize = 10;

/// How long a list change may take to be seen in a list after the meta-tool has answered.
const SETTLE_MAX: Duration = Duration::from_secs(2);

/// Waits until the hub counts this many clients, [`CLEANUP_MAX`] at most; the last count, and how long that took.
pub(super) async fn counted(
    stage: &Stage<'_>,
    wanted: impl Fn(u64) -> bool,
) -> std::result::Result<(Option<u64>, Duration), Failure> {
    let began = Stopwatch::start();
    loop {
        let now = stage.ground.clients().await?;
        if now.is_none_or(&wanted) || began.elapsed() >= CLEANUP_MAX {
            return Ok((now, began.elapsed()));
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// Opens sessions one after the other and lists their tools.
pub(super) async fn open(stage: &Stage<'_>, n: usize, listen: Listen) -> std::result::Result<Vec<Client>, Failure> {
    let mut clients = Vec::with_capacity(n);
    for _ in 0..n {
        let session = stage.open(listen).await?;
        clients.push(Client::of(session, stage.ground.timeouts()).await?);
    }
    Ok(clients)
}

/// Names that one set has and the other has not, either way, for people.
fn difference(before: &ToolSet, after: &ToolSet) -> Option<String> {
    let change = after.change_since(before);
    let names =
        |names: &[vitals_model::text::Text]| names.iter().map(vitals_model::text::Text::as_str).collect::<Vec<_>>().join(", ");
    let mut parts = Vec::new();
    for (word, list) in [("more", &change.added), ("fewer", &change.removed), ("changed", &change.changed)] {
        if !list.is_empty() {
            parts.push(format!("{} {word} ({})", count(list.len() as u64, "tool"), names(&list[..list.len().min(5)])));
        }
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

/// Lists until the list is another than `before`, [`SETTLE_MAX`] at most.
async fn list_after(session: &Session, before: &ToolSet, stage: &Stage<'_>) -> std::result::Result<ToolSet, Failure> {
    let began = Stopwatch::start();
    loop {
        let now = session.list(stage.ground.timeouts().list).await.tools?;
        if now.change_since(before).is_empty() && began.elapsed() < SETTLE_MAX {
            tokio::time::sleep(LOOK_EVERY).await;
        } else {
            return Ok(now);
        }
    }
}

/// `session-isolation`.
pub(super) async fn isolation(stage: &Stage<'_>) {
    let opened = stage.step(async {
        let mut clients = open(stage, 2, Listen::Asked).await?;
        let (Some(second), Some(first)) = (clients.pop(), clients.pop()) else { return failed("no session", Vec::new()) };
        match difference(&first.tools, &second.tools) {
            None => {
                let text = format!("both see {}", count(first.tools.len() as u64, "tool"));
                seen((first, second), text, vec![])
            }
            Some(difference) => failed(format!("the second session sees {difference}"), Vec::new()),
        }
    });
    let Some((first, second)) = opened.await else { return };
    stage.step(ask_in_one(stage, &first, &second)).await;
    stage
        .step(async {
            let Client { session, .. } = first;
            let closing = stage.close(session).await;
            if let Some(trouble) = closing.troubles.first() {
                return failed(trouble.clone(), load::closing_figures(&closing));
            }
            let now = second.session.list(stage.ground.timeouts().list).await.tools?;
            if let Some(end) = second.session.ended() {
                return failed(format!("the second session ended with it: {end}"), Vec::new());
            }
            match difference(&second.tools, &now) {
                None => seen((), "the second session lives and sees the same tools", load::closing_figures(&closing)),
                Some(difference) => failed(format!("the second session now sees {difference}"), Vec::new()),
            }
        })
        .await;
}

/// Asks for tools in the first session, by the meta-tool where the hub has one, and looks at the second.
async fn ask_in_one(stage: &Stage<'_>, first: &Client, second: &Client) -> Result {
    let timeouts = stage.ground.timeouts();
    second.session.take_list_changes();
    let said = if first.tools.has(META_TOOL) {
        match gain(stage, first).await? {
            Some(said) => said,
            None => return skipped("asking changed nothing in the session that asked: nothing could leak"),
        }
    } else if let Some(tool) = &first.canary {
        first.session.call(tool, &serde_json::json!({}), timeouts.call).await?;
        format!("this hub does not filter by prompt; {tool} was called in the first session")
    } else {
        return skipped("this hub does not filter by prompt, and lists no tool that is known to do no harm");
    };
    // Looked at for a while: what leaks may come late.
    let other = list_after(&second.session, &second.tools, stage).await?;
    let told = second.session.take_list_changes();
    match difference(&second.tools, &other) {
        Some(leaked) => failed(format!("{said}; the second session sees {leaked}"), Vec::new()),
        None => seen(
            (),
            format!("{said}; the second session sees what it saw"),
            vec![Figure::count("list changes told to the second", told)],
        ),
    }
}

/// Asks in a session until it sees other tools, and says so. What all sessions see already, by configuration or because
/// it leaked, cannot show whether a new thing leaks, so there are several prompts.
async fn gain(stage: &Stage<'_>, client: &Client) -> std::result::Result<Option<String>, Failure> {
    for prompt in PROMPTS {
        let asked = load::ask(&client.session, prompt, stage.ground.timeouts()).await?;
        let now = list_after(&client.session, &client.tools, stage).await?;
        if let Some(gained) = difference(&client.tools, &now) {
            return Ok(Some(format!("the first session was answered ({}) and sees {gained}", asked.summary())));
        }
    }
    Ok(None)
}

/// `session-cleanup`.
pub(super) async fn cleanup(stage: &Stage<'_>) {
    let before = stage.step(async {
        match stage.ground.clients().await? {
            Some(n) => seen(n, format!("the hub counts {}", count(n, "client")), vec![Figure::count("clients", n)]),
            None => skipped("the hub does not say how many clients it has"),
        }
    });
    let Some(before) = before.await else { return };
    let files = stage.ground.process().await.and_then(|facts| facts.fds);
    let opened = stage.step(async {
        open(stage, 3, Listen::Unasked).await?;
        let (now, _) = counted(stage, |n| n >= before + 3).await?;
        match now {
            Some(n) if n >= before + 3 => seen((), format!("the hub counts {n}"), vec![Figure::count("clients", n)]),
            n => failed(format!("the hub counts {}, {} expected", n.unwrap_or(0), before + 3), Vec::new()),
        }
    });
    opened.await;
    stage
        .step(async {
            let closing = stage.close_all().await;
            let (now, took) = counted(stage, |n| n <= before).await?;
            let mut figures = load::closing_figures(&closing);
            figures.push(Figure::time("counted again after", took));
            if let (Some(before), Some(after)) = (files, stage.ground.process().await.and_then(|facts| facts.fds)) {
                figures.extend([Figure::count("files before", before), Figure::count("files after", after)]);
            }
            match (closing.troubles.first(), now) {
                (Some(trouble), _) => failed(trouble.clone(), figures),
                (None, Some(n)) if n > before => failed(format!("{n} are still counted, {before} before"), figures),
                (None, _) => seen((), format!("the hub counts {before} again"), figures),
            }
        })
        .await;
}

/// `concurrent-modification`.
pub(super) async fn concurrent(stage: &Stage<'_>) {
    let opened = stage.step(async {
        let clients = open(stage, PROMPTS.len(), Listen::Asked).await?;
        let text = format!("each sees {}", count(clients[0].tools.len() as u64, "tool"));
        seen(clients, text, Vec::new())
    });
    let Some(clients) = opened.await else { return };
    stage
        .step(async {
            let timeouts = stage.ground.timeouts();
            let work = clients.iter().map(|client| async move {
                let mut tally = Tally::default();
                for _ in 0..ROUNDS {
                    client.round(timeouts, &mut tally).await;
                }
                tally
            });
            let mut sum = Tally::default();
            for tally in futures_util::future::join_all(work).await {
                sum.merge(tally);
            }
            let text = format!("{}; called {}", sum.summary(), clients[0].calls());
            if sum.errors() == 0 { seen((), text, sum.figures()) } else { failed(text, sum.figures()) }
        })
        .await;
    stage.step(change_at_once(stage, &clients)).await;
}

/// Each of three sessions asks for something else at the same time; then a lone session asks for each in turn.
async fn change_at_once(stage: &Stage<'_>, clients: &[Client]) -> Result {
    if !clients[0].tools.has(META_TOOL) {
        return skipped("this hub keeps nothing per session that a client could change: it does not filter by prompt");
    }
    let timeouts = stage.ground.timeouts();
    let asking = clients.iter().zip(PROMPTS).map(|(client, prompt)| async move {
        load::ask(&client.session, prompt, timeouts).await?;
        list_after(&client.session, &client.tools, stage).await
    });
    let together = futures_util::future::try_join_all(asking).await?;
    if together.iter().zip(clients).all(|(now, client)| now.change_since(&client.tools).is_empty()) {
        return skipped("asking changed nothing in any session: nothing could be mixed up");
    }
    let mut wrong = Vec::new();
    // A lone session is no measure when everything leaks into it too; one that asks for nothing is.
    let unasked = Client::of(stage.open(Listen::Asked).await?, timeouts).await?;
    wrong.extend(difference(&clients[0].tools, &unasked.tools).map(|d| format!("a new session that asked for nothing sees {d}")));
    drop(unasked);
    for (n, (prompt, got)) in PROMPTS.into_iter().zip(&together).enumerate() {
        let session = stage.open(Listen::Asked).await?;
        let client = Client::of(Arc::clone(&session), timeouts).await?;
        load::ask(&session, prompt, timeouts).await?;
        let alone = list_after(&session, &client.tools, stage).await?;
        wrong.extend(difference(&alone, got).map(|d| format!("client {} sees {d} than a lone one", n + 1)));
        drop((client, session));
    }
    let figures: Vec<_> = together
        .iter()
        .enumerate()
        .map(|(n, tools)| Figure::count(format!("client {} tools", n + 1), tools.len() as u64))
        .collect();
    if wrong.is_empty() {
        seen((), "each session sees what a lone one sees for the same prompt", figures)
    } else {
        failed(wrong.join("; "), figures)
    }
}

/// `sse-loss`.
pub(super) async fn loss(stage: &Stage<'_>) {
    let before = stage.ground.clients().await.ok().flatten();
    let opened = stage.step(async {
        let clients = open(stage, 3, Listen::Asked).await?;
        let events = stage.ground.events().await?;
        let text = format!("three sessions by {}, and the event stream", clients[0].session.opened().transport.as_str());
        seen((clients, events), text, Vec::new())
    });
    let Some((mut clients, events)) = opened.await else { return };
    let transport = clients[0].session.opened().transport;
    stage
        .step(async {
            let lost = clients.remove(0);
            stage.abandon(lost.session);
            drop(events);
            let mut sum = Tally::default();
            for client in &clients {
                client.round(stage.ground.timeouts(), &mut sum).await;
            }
            let ended = clients.iter().find_map(|client| client.session.ended());
            let renewed: u64 = clients.iter().map(|client| client.session.renewed()).sum();
            match ended {
                Some(end) => failed(format!("another session ended with it: {end}"), sum.figures()),
                None if renewed > 0 => failed("another session was forgotten and had to be made anew", sum.figures()),
                None if sum.errors() > 0 => failed(sum.summary(), sum.figures()),
                None => seen((), format!("the other two: {}; called {}", sum.summary(), clients[0].calls()), sum.figures()),
            }
        })
        .await;
    stage
        .step(async {
            let Some(before) = before else { return skipped("the hub does not say how many clients it has") };
            if transport != Transport::LegacySse {
                return skipped("a session by Streamable HTTP has no connection whose loss the hub could see");
            }
            let left = before + clients.len() as u64;
            let (now, took) = counted(stage, |n| n <= left).await?;
            let figures = vec![Figure::time("counted again after", took)];
            match now {
                Some(n) if n > left => failed(format!("{n} are still counted, {left} expected"), figures),
                _ => seen((), format!("the hub counts {left}"), figures),
            }
        })
        .await;
}

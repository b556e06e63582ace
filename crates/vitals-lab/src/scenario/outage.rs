//! What only the lab can take away: the LLM, and the room for the log.

use std::time::Duration;

use vitals_model::scenario::Figure;
use vitals_model::text::bytes;
use vitals_probe::clock::Stopwatch;
use vitals_probe::mcp::{Listen, META_TOOL};

use super::load::{self, Asked, Client, Tally};
use super::log::grown_since;
use super::sessions::open;
use super::stage::{LOOK_EVERY, Result, Stage, failed, seen};
use crate::fault::Fault;

/// Three prompts, because a hub may keep its answers.
const PROMPTS: [&str; 3] = ["read a file in my folder", "echo this message back to me", "list the files and read the newest one"];

/// How long a hub may go on with keywords after its LLM is back.
const RETURN_MAX: Duration = Duration::from_secs(30);

/// `llm-outage`.
pub(super) async fn llm(stage: &Stage<'_>) {
    let asked = stage.step(async {
        let Some(client) = open(stage, 1, Listen::Asked).await?.pop() else { return failed("no session", Vec::new()) };
        if !client.tools.has(META_TOOL) {
            return failed(format!("{META_TOOL} is not listed"), Vec::new());
        }
        let asked = load::ask(&client.session, PROMPTS[0], stage.ground.timeouts()).await?;
        by_llm(client, &asked)
    });
    let Some(client) = asked.await else { return };
    let fell_back = stage.step(async {
        stage.inject(Fault::LlmUnavailable, "").await?;
        let asked = load::ask(&client.session, PROMPTS[1], stage.ground.timeouts()).await?;
        let figures = vec![Figure::time("answer", asked.took)];
        if asked.is_fallback() {
            seen((), format!("the keyword fallback: {}", asked.summary()), figures)
        } else {
            failed(format!("not the fallback, whose confidence is 0.6: {}", asked.summary()), figures)
        }
    });
    fell_back.await;
    stage
        .step(async {
            // What was asked for so far is listed now.
            let client = Client::of(std::sync::Arc::clone(&client.session), stage.ground.timeouts()).await?;
            let mut tally = Tally::default();
            client.round(stage.ground.timeouts(), &mut tally).await;
            let text = format!("{}; called {}", tally.summary(), client.calls());
            if tally.errors() == 0 { seen((), text, tally.figures()) } else { failed(text, tally.figures()) }
        })
        .await;
    stage
        .step(async {
            stage.clear(Fault::LlmUnavailable).await?;
            let began = Stopwatch::start();
            // Each try has a prompt of its own: the answer to one that fell back may be kept.
            for n in 0_u64.. {
                let prompt = format!("{} ({n})", PROMPTS[2]);
                let asked = load::ask(&client.session, &prompt, stage.ground.timeouts()).await?;
                if !asked.is_fallback() || began.elapsed() >= RETURN_MAX {
                    return by_llm((), &asked);
                }
                tokio::time::sleep(LOOK_EVERY * 10).await;
            }
            failed("never asked", Vec::new())
        })
        .await;
}

fn by_llm<T>(value: T, asked: &Asked) -> Result<T> {
    let figures = vec![Figure::time("answer", asked.took)];
    if asked.is_fallback() || asked.confidence.is_none() {
        failed(format!("not by the LLM: {}", asked.summary()), figures)
    } else {
        seen(value, asked.summary(), figures)
    }
}

/// `log-disk-full`.
pub(super) async fn disk_full(stage: &Stage<'_>) {
    let logs = stage.step(async {
        let Some(client) = open(stage, 1, Listen::Unasked).await?.pop() else { return failed("no session", Vec::new()) };
        let (grown, text, figures) = work(stage, &client).await?;
        if grown > 0 { seen(client, text, figures) } else { failed(text, figures) }
    });
    let Some(client) = logs.await else { return };
    stage
        .step(async {
            stage.inject(Fault::DiskFull, "").await?;
            let (grown, text, figures) = work(stage, &client).await?;
            if grown == 0 { seen((), text, figures) } else { failed(format!("there was room: {text}"), figures) }
        })
        .await;
    stage
        .step(async {
            stage.clear(Fault::DiskFull).await?;
            let (grown, text, figures) = work(stage, &client).await?;
            if grown > 0 { seen((), text, figures) } else { failed(text, figures) }
        })
        .await;
}

/// Lets the hub work and log: requests in one session, and a server stopped and started, which every hub logs.
/// How much the log grew, in words and figures too; an error when the hub did not answer.
async fn work(
    stage: &Stage<'_>,
    client: &Client,
) -> std::result::Result<(u64, String, Vec<Figure>), vitals_model::observation::Failure> {
    let before = stage.ground.log_bytes();
    let mut tally = Tally::default();
    let server = stage.ground.servers().await?.into_iter().find(|s| s.status.as_str() == "connected");
    if let Some(server) = server {
        stage.ground.restart(server.name.as_str()).await?;
    }
    stage.ground.health().await?;
    for _ in 0..10 {
        client.round(stage.ground.timeouts(), &mut tally).await;
    }
    if let Some(failure) = tally.first_error() {
        return Err(failure.clone());
    }
    let grown = grown_since(stage, before).await;
    let mut figures = tally.figures();
    figures.push(Figure::bytes("log grew by", grown));
    Ok((grown, format!("{}; the log grew by {}", tally.summary(), bytes(grown)), figures))
}

//! `hub-servers/<server>/…` of a server that is reached directly, without a hub: one reading per phase.

use vitals_model::check::Unit;
use vitals_model::config::Expect;
use vitals_model::observation::{CallSeen, Failure, FailureKind, SessionSeen, SessionView};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::target::Target;
use vitals_model::text::{Text, count};
use vitals_model::time::{Timestamp, human};
use vitals_model::verdict::{ServerTruth, Verdict};

use super::{Scene, server, surface};
use crate::facts::{Facts, is_empty_answer};
use crate::truth::is_of_server;

/// The name of the one server of a direct target.
fn name_of(target: &Target) -> Text {
    Text::new(target.id.as_str())
}

/// The truth about a server reached directly: nobody claims anything of it.
pub(super) fn truth(target: &Target, facts: &Facts, now: Timestamp) -> Option<ServerTruth> {
    let known = facts.session.as_ref()?;
    let view = known.seen.sessions.first()?;
    let call = known.seen.calls.first();
    let expect = target.settings.servers.get(target.id.as_str()).map_or(Expect::Up, |s| s.expect);
    let (verdict, health, reason) = match judge(view, call) {
        (_, Health::Degraded | Health::Failing, reason) if expect == Expect::Down => {
            (Verdict::ExpectedDown, Health::Healthy, format!("down, as the configuration expects; {reason}"))
        }
        (Verdict::Agrees, Health::Healthy, reason) => match crate::truth::drift(facts, &name_of(target)) {
            Some(surface) => (Verdict::Drifted, Health::Degraded, format!("{reason}; {}", crate::truth::tell(surface))),
            None => (Verdict::Agrees, Health::Healthy, reason),
        },
        ruling => ruling,
    };
    let call_ms = call.filter(|c| matches!(c.answer, Some(Ok(_)))).map(|c| c.took.as_secs_f64() * 1000.0);
    let tools = view.tools.as_ref().ok().map(|set| set.len() as u64);
    Some(ServerTruth { name: name_of(target), claim: None, verdict, health, reason, tools, call_ms, since: now })
}

fn judge(view: &SessionView, call: Option<&CallSeen>) -> (Verdict, Health, String) {
    match (&view.opened, &view.tools, call.and_then(|c| Some((c, c.answer.as_ref()?)))) {
        (Err(failure), _, _) if failure.kind.wants_credentials() => {
            (Verdict::Agrees, Health::Degraded, format!("there, and wants credentials ({failure})"))
        }
        (Err(failure), _, _) if failure.kind.is_overload() => {
            (Verdict::Agrees, Health::Degraded, format!("there, and refuses for now ({failure})"))
        }
        (Err(failure), _, _) | (Ok(_), Err(failure), _) if is_timeout(failure) => {
            (Verdict::Hung, Health::Failing, failure.to_string())
        }
        (Err(failure), _, _) => (Verdict::Agrees, Health::Failing, format!("down: {failure}")),
        (Ok(_), Err(failure), _) => (Verdict::Agrees, Health::Failing, format!("its tools cannot be listed: {failure}")),
        (Ok(_), Ok(_), Some((_, Err(failure)))) if is_timeout(failure) => {
            (Verdict::Hung, Health::Failing, format!("no answer to a call: {failure}"))
        }
        (Ok(_), Ok(tools), Some((call, Err(failure)))) if is_empty_answer(failure) => {
            let tools = count(tools.len() as u64, "tool");
            (Verdict::Agrees, Health::Healthy, format!("{tools}, call answered with nothing in {}", human(call.took)))
        }
        (Ok(_), Ok(_), Some((_, Err(failure)))) if is_of_server(failure) => {
            (Verdict::Agrees, Health::Degraded, format!("works, and its canary call fails: {failure}"))
        }
        (Ok(_), Ok(_), Some((_, Err(failure)))) => (Verdict::Agrees, Health::Failing, format!("a call broke off: {failure}")),
        (Ok(_), Ok(tools), Some((call, Ok(_)))) => {
            let tools = count(tools.len() as u64, "tool");
            (Verdict::Agrees, Health::Healthy, format!("{tools}, call answered in {}", human(call.took)))
        }
        (Ok(_), Ok(tools), None) => {
            let tools = count(tools.len() as u64, "tool");
            (Verdict::Agrees, Health::Healthy, format!("{tools}, no tool can be called safely: weaker evidence"))
        }
    }
}

fn is_timeout(failure: &Failure) -> bool {
    matches!(failure.kind, FailureKind::TimedOut(_) | FailureKind::Rpc(-32001))
}

fn what_to_do(target: &Target, known: &SessionSeen, truth: &ServerTruth) -> String {
    let failure = known.sessions.first().and_then(|view| view.opened.as_ref().err());
    match failure {
        Some(failure) if failure.kind.wants_credentials() => {
            "give the credentials in the configuration: `headers: { Authorization: env:NAME }`".to_owned()
        }
        Some(failure) if failure.kind.is_overload() => "wait, and ask less often: `schedule: { session: … }`".to_owned(),
        _ if truth.verdict == Verdict::Drifted => surface::what_to_do(&truth.name),
        _ if truth.verdict == Verdict::Hung => "see what it waits for; restart it when it stays mute".to_owned(),
        _ => format!(
            "see whether it runs and what its own log says; if it is not meant to work, write `servers: {{ {}: {{ expect: down }} }}` in the configuration",
            target.id
        ),
    }
}

/// The readings of a server reached directly: one per phase.
pub(super) fn readings(target: &Target, scene: Scene<'_>) -> Vec<Reading> {
    let (Some(known), Some(truth)) = (&scene.facts.session, scene.truths.first()) else { return Vec::new() };
    let Some(view) = known.seen.sessions.first() else { return Vec::new() };
    let name = name_of(target);
    let cause = server::truth_id(&name);
    let mut readings = vec![server::truth_reading(scene, truth, known.at, || what_to_do(target, &known.seen, truth))];
    let draft = |question: &str| scene.of_server(&name, question, known).cause(cause.clone());
    match &view.opened {
        Err(failure) => {
            let is_there = failure.kind.wants_credentials() || failure.kind.is_overload();
            let health = if is_there { Health::Degraded } else { Health::Failing };
            let draft = draft("open").hint("see whether the server runs and the address is right");
            readings.push(draft.bad(health, || failure.to_string()));
        }
        Ok(opened) => {
            let total = opened.connect + opened.initialize;
            let text = || {
                format!("{} by {}, protocol {}, in {}", opened.server, opened.transport.as_str(), opened.protocol, human(total))
            };
            let phases = || format!("connect {}, initialise {}", human(opened.connect), human(opened.initialize));
            readings.push(draft("open").value(total.as_secs_f64() * 1000.0, Unit::Millis).evidence(phases).healthy(text));
            readings.push(match &view.tools {
                Err(failure) => draft("tools").hint("see the server's own log").failure(failure),
                Ok(tools) => draft("tools")
                    .value(tools.len() as f64, Unit::Count)
                    .evidence(|| format!("set {:016x}, {}", tools.digest(), count(view.pages, "page")))
                    .healthy(|| format!("{} listed in {}", count(tools.len() as u64, "tool"), human(view.list_took))),
            });
            if view.noise > 0 {
                let text = || format!("{} of output that is not JSON-RPC", count(view.noise, "line"));
                readings.push(
                    draft("noise")
                        .value(view.noise as f64, Unit::Count)
                        .hint("the server should write its messages to standard error")
                        .advice(text),
                );
            }
        }
    }
    if let Some(found) = scene.facts.surfaces.get(&name) {
        let changed = surface::drift(scene, &name, found, known);
        let signs = surface::signs(scene, &name, found, known);
        let of_tools = [Some(changed), Some(signs), surface::tokens(scene, &name, found, known)];
        readings.extend(of_tools.into_iter().flatten().map(|reading| Reading { cause: Some(cause.clone()), ..reading }));
    }
    readings.extend(surface::of_direct(scene, &name, known));
    if let Some(call) = known.seen.calls.first() {
        let mut reading = server::call_reading(scene, known, call, &name);
        reading.cause = Some(cause.clone());
        readings.push(reading);
    }
    if truth.verdict == Verdict::ExpectedDown {
        readings.iter_mut().filter(|r| r.health != Health::Healthy).for_each(|r| r.standing = Standing::Expected);
    }
    readings
}

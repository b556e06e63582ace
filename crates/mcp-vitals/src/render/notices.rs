//! Notices for people: what was decided about telling of an incident, what was sent, and what came of it.

use std::fmt::Write as _;

use serde_json::{Value, json};
use vitals_model::notice::{Decision, Notices, Outcome, Posted, Receiver, Route};
use vitals_model::text::{Text, plural};
use vitals_model::time::human;

use super::text::{BAD, BOLD, DIM, GOOD, WARN};

/// The values of `schema` of `notify list` and `notify test`.
const LIST_SCHEMA: &str = "mcp-vitals/notify-list/v1";
const TEST_SCHEMA: &str = "mcp-vitals/notify-test/v1";

/// What waits for a receiver, and what came of the last notice to it.
#[derive(Default)]
pub(crate) struct Queue {
    pub(crate) waiting: u64,
    pub(crate) last: Option<Posted>,
}

/// What a receiver answered to a sample.
pub(crate) struct Answer {
    pub(crate) receiver: String,
    pub(crate) said: Result<Text, Text>,
}

/// `notify test`.
pub(crate) fn answers(answers: &[Answer]) -> String {
    let line = |answer: &Answer| match &answer.said {
        Ok(said) => format!("{BOLD}{}{BOLD:#}  {GOOD}took it{GOOD:#}: {said}\n", answer.receiver),
        Err(why) => format!("{BOLD}{}{BOLD:#}  {BAD}did not take it{BAD:#}: {why}\n", answer.receiver),
    };
    answers.iter().map(line).collect()
}

/// `notify test` for programs.
pub(crate) fn answers_view(answers: &[Answer]) -> Value {
    let one = |answer: &Answer| {
        let (Ok(said) | Err(said)) = &answer.said;
        json!({"receiver": answer.receiver, "taken": answer.said.is_ok(), "said": said.as_str()})
    };
    json!({"schema": TEST_SCHEMA, "answers": answers.iter().map(one).collect::<Vec<_>>()})
}

/// `notify list`; the queues are in the order of the receivers.
pub(crate) fn list(notices: &Notices, queues: &[Queue]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    for route in &notices.routes {
        let _ = writeln!(out, "{BOLD}route {}{BOLD:#}  {} → {}", route.name, taken(route), route.receivers.join(", "));
        let _ = writeln!(out, "    {DIM}{}{DIM:#}", times(route));
    }
    if notices.routes.is_empty() {
        out.push_str("no route: no incident is sent\n");
    }
    for ((name, receiver), queue) in notices.receivers.iter().zip(queues) {
        let _ = writeln!(out, "{BOLD}receiver {name}{BOLD:#}  {}, {}", receiver.kind.as_str(), waiting(queue.waiting));
        if let Some(last) = &queue.last {
            let _ = writeln!(out, "    N{} {}", last.notice.id, outcome(last));
        }
    }
    out
}

fn waiting(n: u64) -> String {
    if n == 0 { "nothing waits".to_owned() } else { format!("{WARN}{}{WARN:#}", plural(n, "notice waits", "notices wait")) }
}

/// What a route takes, in words.
fn taken(route: &Route) -> String {
    let of = &route.matches;
    let labels: Vec<_> = of.labels.iter().map(|(name, pattern)| format!("with {name}={pattern}")).collect();
    format!("{} from {} on, of {} {}", of.check, of.severity.as_str(), of.target, labels.join(" ")).trim_end().to_owned()
}

/// When a route tells, in words.
fn times(route: &Route) -> String {
    let mut parts =
        vec![format!("after {}", human(route.group_wait)), format!("then at most every {}", human(route.group_interval))];
    parts.push(route.repeat.map_or_else(|| "not repeated".to_owned(), |every| format!("repeated after {}", human(every))));
    if !route.during.is_empty() {
        parts.push(format!("during {}", route.during.keys().map(String::as_str).collect::<Vec<_>>().join(", ")));
    }
    if let Some(after) = route.escalate.after {
        parts.push(format!("after {} also {}", human(after), route.escalate.receivers.join(", ")));
    }
    if route.goes_on {
        parts.push("and the next routes".to_owned());
    }
    parts.join(", ")
}

/// `notify list` for programs.
pub(crate) fn list_view(notices: &Notices, queues: &[Queue]) -> Value {
    let route = |route: &Route| {
        json!({"name": route.name, "takes": taken(route), "receivers": route.receivers, "escalates_to": route.escalate.receivers,
            "times": times(route)})
    };
    let receiver = |((name, receiver), queue): ((&String, &Receiver), &Queue)| {
        let last = queue.last.as_ref().and_then(|posted| posted.delivery.as_ref());
        let last = last.map(|of| {
            json!({"notice": format!("N{}", of.notice), "at": of.at.to_string(), "attempts": of.attempts,
                "outcome": of.outcome.as_str(), "said": of.outcome.words().as_str()})
        });
        json!({"name": name, "kind": receiver.kind.as_str(), "waiting": queue.waiting, "last": last})
    };
    json!({
        "schema": LIST_SCHEMA,
        "routes": notices.routes.iter().map(route).collect::<Vec<_>>(),
        "receivers": notices.receivers.iter().zip(queues).map(receiver).collect::<Vec<_>>(),
    })
}

/// The part of an incident that is about telling people.
pub(crate) fn of_incident(posted: &[Posted], decisions: &[Decision]) -> String {
    let mut out = String::new();
    // Writing to a String cannot fail.
    if !decisions.is_empty() {
        let _ = writeln!(out, "  {BOLD}decisions about telling{BOLD:#}");
    }
    for Decision { at, route, kind, sentence, .. } in decisions {
        let route = if route.is_empty() { String::new() } else { format!(" {route}:") };
        let _ = writeln!(out, "    {DIM}{at}{DIM:#} {kind:<12}{route} {sentence}");
    }
    if !posted.is_empty() {
        let _ = writeln!(out, "  {BOLD}notices{BOLD:#}");
    }
    for one in posted {
        let notice = &one.notice;
        let said = format!("{} to {} by {}, {}", notice.status.as_str(), notice.receiver, notice.route, outcome(one));
        let _ = writeln!(out, "    {DIM}{}{DIM:#} N{} {said}", notice.at, notice.id);
    }
    out
}

/// What came of a notice so far.
pub(crate) fn outcome(posted: &Posted) -> String {
    let Some(delivery) = &posted.delivery else { return format!("{WARN}waiting{WARN:#}: not tried yet") };
    let tries = plural(delivery.attempts.into(), "attempt", "attempts");
    let word = delivery.outcome.as_str();
    let words = delivery.outcome.words();
    match delivery.outcome {
        Outcome::Delivered(_) => format!("{GOOD}{word}{GOOD:#} at {} after {tries}: {words}", delivery.at),
        Outcome::Delayed(_) => format!("{WARN}waiting{WARN:#}, {tries} failed, last at {}: {words}", delivery.at),
        Outcome::Refused(_) | Outcome::Dropped(_) => format!("{BAD}{word}{BAD:#} at {}: {words}", delivery.at),
    }
}

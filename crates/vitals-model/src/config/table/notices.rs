//! The keys of receivers, of routes and of the heartbeat. It decides nothing.

use std::time::Duration;

use super::{At, Bounds, Carrier, File, Key, Slot, key};
use crate::limits::{HEARTBEAT_MIN, INTERVAL_MAX, ROUTE_WAIT_MAX, TIMEOUT_MAX, TIMEOUT_MIN};
use crate::notice::{Receiver, ReceiverKind, Route, Severity, Tls};

/// The keys of one receiver; [`ReceiverKind::keys`] says which of them a kind has.
pub(in crate::config) static RECEIVER: &[Key<Receiver>] = &[
    key(
        "kind",
        "What it is",
        Slot::Choice(
            &ReceiverKind::WORDS,
            |r| r.kind.as_str(),
            |r, word| r.kind = ReceiverKind::ALL.into_iter().find(|kind| kind.as_str() == word).unwrap_or_default(),
        ),
    ),
    key("url", "Where it is: a base URL, or that of a webhook, which is a secret by itself", Slot::Secret(|r| &mut r.url)),
    key(
        "token",
        "What it is asked with: PagerDuty's routing key, Opsgenie's API key, Telegram's bot token, ntfy's access token",
        Slot::Secret(|r| &mut r.token),
    ),
    key("topic", "The topic of ntfy", Slot::OptionalText(|r| &mut r.topic)),
    key("chat", "The chat of Telegram: a number, or `@channel`", Slot::OptionalText(|r| &mut r.chat)),
    key("headers", "Headers sent with every request to it", Slot::Secrets(Carrier::Headers, |r| &mut r.headers)),
    key("sign", "The key that a webhook's body is signed with (HMAC-SHA256)", Slot::Secret(|r| &mut r.sign)),
    key("smtp", "The mail server, as `host:port`", Slot::OptionalText(|r| &mut r.smtp)),
    key(
        "tls",
        "How it is spoken to: `starttls` (needed), `tls` from the first byte, or `none` for one on this machine",
        Slot::Choice(
            &Tls::WORDS,
            |r| r.tls.as_str(),
            |r, word| r.tls = [Tls::Tls, Tls::None].into_iter().find(|tls| tls.as_str() == word).unwrap_or_default(),
        ),
    ),
    key("username", "Who we are to the mail server", Slot::OptionalText(|r| &mut r.username)),
    key("password", "The password for that", Slot::Secret(|r| &mut r.password)),
    key("from", "Whom the mail is from", Slot::OptionalText(|r| &mut r.from)),
    key("to", "Whom the mail is to", Slot::Words(|r| &mut r.to)),
    key("command", "The program with its arguments; no shell is involved", Slot::Command(|r| &mut r.command)),
    key("subject", "The template of the subject; without it the built-in one", Slot::OptionalText(|r| &mut r.subject)),
    key("body", "The template of the body; without it the built-in one", Slot::OptionalText(|r| &mut r.body)),
    key(
        "timeout",
        "How long one attempt may take",
        Slot::Every(Bounds { min: TIMEOUT_MIN, max: TIMEOUT_MAX }, |r| &mut r.timeout),
    ),
];

const fn wait(name: &'static str, doc: &'static str, at: At<Route, Duration>) -> Key<Route> {
    key(name, doc, Slot::Every(Bounds { min: TIMEOUT_MIN, max: ROUTE_WAIT_MAX }, at))
}

const fn wait_or_off(name: &'static str, doc: &'static str, at: At<Route, Option<Duration>>) -> Key<Route> {
    key(name, doc, Slot::EveryOrOff(Bounds { min: Duration::from_secs(1), max: ROUTE_WAIT_MAX }, at))
}

/// The keys of one route.
pub(in crate::config) static ROUTE: &[Key<Route>] = &[
    key("name", "The name of the route, unique over all files", Slot::Name(|r| &mut r.name)),
    key("match", "What it takes; all of it must hold, and without it it takes everything", Slot::Group(MATCH)),
    key("receivers", "Who is told, by the names of receivers", Slot::Words(|r| &mut r.receivers)),
    key(
        "group_by",
        "What the incidents of one notice have in common: `target`, `point`, `server`, `check`, `severity`, or `incident` for a \
         notice each; an empty list is one for all",
        Slot::GroupBy(|r| &mut r.group_by),
    ),
    wait("group_wait", "How long the first notice of a group waits for more of the same", |r| &mut r.group_wait),
    wait("group_interval", "The shortest time between two notices of a group of which something changed", |r| {
        &mut r.group_interval
    }),
    wait_or_off("repeat", "After which time a group is told again that lasts, and that nobody acknowledged", |r| &mut r.repeat),
    key(
        "during",
        "When it tells, as windows by names of your own; without one always. What ends is told at any time",
        Slot::Maintenance(|r| &mut r.during),
    ),
    key("escalate", "Who else is told when nobody acknowledges", Slot::Group(ESCALATE)),
    key("continue", "Whether the routes behind it are asked too", Slot::Flag(|r| &mut r.goes_on)),
];

static MATCH: &[Key<Route>] = &[
    key("target", "Of which targets, as a pattern of their names", Slot::Pattern(|r| &mut r.matches.target)),
    key(
        "check",
        "Of which checks, as a pattern of their ids: `hub-llm/*` is an integration point",
        Slot::Pattern(|r| &mut r.matches.check),
    ),
    key(
        "severity",
        "The least severity",
        Slot::Choice(
            &Severity::WORDS,
            |r| r.matches.severity.as_str(),
            |r, word| {
                r.matches.severity = if word == Severity::Critical.as_str() { Severity::Critical } else { Severity::Warning };
            },
        ),
    ),
    key("labels", "Which labels their targets have, each with a pattern of its value", Slot::Patterns(|r| &mut r.matches.labels)),
];

static ESCALATE: &[Key<Route>] = &[
    wait_or_off("after", "When nobody acknowledged for this long", |r| &mut r.escalate.after),
    key("receivers", "Who is told then, by the names of receivers", Slot::Words(|r| &mut r.escalate.receivers)),
];

/// The keys of the heartbeat.
pub(super) static HEARTBEAT: &[Key<File>] = &[
    key(
        "url",
        "What is asked for with `GET` for as long as probes are truly sent; it may be a secret. Without it, nothing",
        Slot::Secret(|f| &mut f.notices.heartbeat.url),
    ),
    key("every", "How often", Slot::Every(Bounds { min: HEARTBEAT_MIN, max: INTERVAL_MAX }, |f| &mut f.notices.heartbeat.every)),
];

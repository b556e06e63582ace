//! Single values: from text to what they mean, and back. Everything written here can be read here.
//!
//! It knows neither keys nor places; a refusal is a [`Fault`] to which the caller adds both.

use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use jiff::SpanRelativeTo;
use url::Url;

use super::problem::Fault;
use super::raw::{Node, Scalar, Style, Value, may_hold_credentials};
use super::{Expect, SecretRef, TimeOfDay, split_command};
use crate::check::Unit;
use crate::criterion::Weight;
use crate::limits::{CONFIG_SIZE_MAX, CONFIG_TEXT_BYTES_MAX, OBJECTIVE_GOAL_MAX, TARGET_NAME_CHARS_MAX, WINDOW_MAX};
use crate::objective::Objective;
use crate::quiet::{Cron, Pattern};
use crate::remedy::{HubRestart, RepairMode, UnitOf};
use crate::text::{Text, is_unsafe};
use crate::time::Timestamp;

/// The smallest and the largest allowed.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds<V> {
    pub min: V,
    pub max: V,
}

/// What a URL points to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum UrlKind {
    /// Paths are added to it: no query, and a trailing slash is dropped.
    Base,
    /// Requests go to exactly this.
    Endpoint,
}

/// Where secrets are carried.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Carrier {
    /// HTTP headers.
    Headers,
    /// Environment variables.
    Env,
}

const DURATION_HINT: &str = "for example `10s`, `1m 30s` or `14d`";
const SIZE_HINT: &str = "for example `50MB` or `1GiB`";

/// The value as shown in a message.
fn quoted(scalar: &Scalar) -> Text {
    Text::cut(if may_hold_credentials(&scalar.text) { "***" } else { &scalar.text }, 64)
}

/// `true` or `false`.
pub(super) fn flag(scalar: &Scalar) -> Result<bool, Fault> {
    match (scalar.style, scalar.text.as_str()) {
        (Style::Plain, "true" | "True" | "TRUE") => Ok(true),
        (Style::Plain, "false" | "False" | "FALSE") => Ok(false),
        (Style::Quoted, "true" | "false") => {
            Err(Fault::new("must be `true` or `false`, not a text", "write it without the quotes"))
        }
        _ => Err(Fault::new(format!("must be `true` or `false`, not `{}`", quoted(scalar)), "")),
    }
}

/// A duration within bounds, as jiff reads it; a day has 24 hours.
pub(super) fn duration(scalar: &Scalar, bounds: Bounds<Duration>) -> Result<Duration, Fault> {
    let text = scalar.text.trim();
    if text.parse::<f64>().is_ok() {
        return Err(Fault::new("needs a unit", format!("write `{text}s` for seconds")));
    }
    let wrong = || Fault::new(format!("must be a duration, not `{}`", quoted(scalar)), DURATION_HINT);
    let span: jiff::Span = text.parse().map_err(|_| wrong())?;
    if span.get_years() != 0 || span.get_months() != 0 {
        return Err(Fault::new("must not count in months or years, which have no fixed length", "count in days, as in `30d`"));
    }
    if span.is_negative() || span.is_zero() {
        return Err(Fault::new("must be longer than zero", DURATION_HINT));
    }
    let exact = span.to_duration(SpanRelativeTo::days_are_24_hours()).map_err(|_| wrong())?;
    let value = Duration::try_from(exact).map_err(|_| wrong())?;
    within(value, bounds, show_duration)
}

/// A duration within bounds, or `off`.
pub(super) fn duration_or_off(scalar: &Scalar, bounds: Bounds<Duration>) -> Result<Option<Duration>, Fault> {
    match (scalar.style, scalar.text.as_str()) {
        (_, "off") | (Style::Plain, "false") => Ok(None),
        _ => duration(scalar, bounds).map(Some),
    }
}

fn within<V: PartialOrd + Copy>(value: V, bounds: Bounds<V>, show: impl Fn(V) -> String) -> Result<V, Fault> {
    if value < bounds.min {
        Err(Fault::new(format!("must be at least {}, not {}", show(bounds.min), show(value)), ""))
    } else if value > bounds.max {
        Err(Fault::new(format!("must be at most {}, not {}", show(bounds.max), show(value)), ""))
    } else {
        Ok(value)
    }
}

/// A duration in days, hours, minutes, seconds and fractions of them: `1m 30s`, `14d`, `0s`.
pub(super) fn show_duration(duration: Duration) -> String {
    const UNITS: [(u128, &str); 7] = [
        (86_400_000_000_000, "d"),
        (3_600_000_000_000, "h"),
        (60_000_000_000, "m"),
        (1_000_000_000, "s"),
        (1_000_000, "ms"),
        (1_000, "us"),
        (1, "ns"),
    ];
    let mut rest = duration.as_nanos();
    let mut parts = vec![];
    for (nanos, unit) in UNITS {
        if rest >= nanos {
            parts.push(format!("{}{unit}", rest / nanos));
            rest %= nanos;
        }
    }
    if parts.is_empty() { "0s".to_owned() } else { parts.join(" ") }
}

/// A whole number within bounds.
pub(super) fn count(scalar: &Scalar, bounds: Bounds<u32>) -> Result<u32, Fault> {
    let wrong = || Fault::new(format!("must be a whole number, not `{}`", quoted(scalar)), "");
    let number: i64 = plain(scalar).and_then(|text| text.parse().ok()).ok_or_else(wrong)?;
    let bounds = Bounds { min: i64::from(bounds.min), max: i64::from(bounds.max) };
    if bounds.min == bounds.max && number != bounds.min {
        return Err(Fault::new(format!("must be {}, not {number}", bounds.min), ""));
    }
    within(number, bounds, |n| n.to_string()).and_then(|n| u32::try_from(n).map_err(|_| wrong()))
}

fn plain(scalar: &Scalar) -> Option<&str> {
    (scalar.style == Style::Plain).then_some(scalar.text.as_str())
}

/// Units of sizes, largest first, as they are written.
const SIZES: [(u64, &str); 9] = [
    (1 << 40, "TiB"),
    (1_000_000_000_000, "TB"),
    (1 << 30, "GiB"),
    (1_000_000_000, "GB"),
    (1 << 20, "MiB"),
    (1_000_000, "MB"),
    (1 << 10, "KiB"),
    (1_000, "kB"),
    (1, "B"),
];

/// A size in bytes within bounds: a number and a unit, which may be written in any case.
pub(super) fn size(scalar: &Scalar, bounds: Bounds<u64>) -> Result<u64, Fault> {
    let text = scalar.text.trim();
    let unit_at = text.find(|c: char| c.is_ascii_alphabetic()).unwrap_or(text.len());
    let (number, unit) = text.split_at(unit_at);
    let wrong = || Fault::new(format!("must be a size, not `{}`", quoted(scalar)), SIZE_HINT);
    let number: f64 = number.trim().parse().map_err(|_| wrong())?;
    if unit.is_empty() {
        return Err(Fault::new("needs a unit", SIZE_HINT));
    }
    let (factor, _) = SIZES.into_iter().find(|(_, name)| name.eq_ignore_ascii_case(unit)).ok_or_else(wrong)?;
    let bytes = (number * factor as f64).round();
    if !(0.0..=CONFIG_SIZE_MAX as f64).contains(&bytes) {
        return Err(Fault::new(format!("must be between 0B and {}", show_size(CONFIG_SIZE_MAX)), ""));
    }
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "whole, and between 0 and a limit far below 2^53"
    )]
    let bytes = bytes as u64;
    within(bytes, bounds, show_size)
}

/// A size within bounds, or `off`.
pub(super) fn size_or_off(scalar: &Scalar, bounds: Bounds<u64>) -> Result<Option<u64>, Fault> {
    if scalar.text == "off" { Ok(None) } else { size(scalar, bounds).map(Some) }
}

/// A size in the largest unit of which it is a whole number.
pub(super) fn show_size(bytes: u64) -> String {
    let (factor, unit) = SIZES.into_iter().find(|(factor, _)| bytes != 0 && bytes.is_multiple_of(*factor)).unwrap_or((1, "B"));
    format!("{}{unit}", bytes / factor)
}

/// A threshold in its unit: durations in milliseconds or seconds, sizes in bytes, plain numbers.
pub(super) fn amount(scalar: &Scalar, unit: Unit, max: f64) -> Result<f64, Fault> {
    let span = Bounds { min: Duration::from_nanos(1), max: WINDOW_MAX };
    match unit {
        Unit::Millis => duration(scalar, span).map(|d| d.as_nanos() as f64 / 1e6),
        Unit::Seconds => duration(scalar, span).map(|d| d.as_nanos() as f64 / 1e9),
        Unit::Bytes | Unit::BytesPerHour => size(scalar, Bounds { min: 1, max: CONFIG_SIZE_MAX }).map(|n| n as f64),
        Unit::Count | Unit::Percent => {
            let number = plain(scalar).filter(|text| starts_as_number(text)).and_then(|text| text.parse::<f64>().ok());
            let hint = if scalar.text.ends_with('%') { "write it without the `%`" } else { "" };
            let number = number.filter(|n| n.is_finite());
            let number = number.ok_or_else(|| Fault::new(format!("must be a number, not `{}`", quoted(scalar)), hint))?;
            within(number, Bounds { min: 0.0, max }, |n| n.to_string())
        }
    }
}

/// A threshold as [`amount`] reads it.
pub(super) fn show_amount(value: f64, unit: Unit) -> String {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a negative or huge threshold cannot be configured"
    )]
    let whole = |value: f64| value.round() as u64;
    match unit {
        Unit::Millis => show_duration(Duration::from_nanos(whole(value * 1e6))),
        Unit::Seconds => show_duration(Duration::from_nanos(whole(value * 1e9))),
        Unit::Bytes | Unit::BytesPerHour => show_size(whole(value)),
        Unit::Count | Unit::Percent => value.to_string(),
    }
}

/// Any single value, as text that is not empty.
pub(super) fn text(scalar: &Scalar) -> Result<String, Fault> {
    if scalar.text.is_empty() {
        return Err(Fault::new("is empty", ""));
    }
    if scalar.text.len() > CONFIG_TEXT_BYTES_MAX {
        return Err(Fault::new(format!("is longer than {CONFIG_TEXT_BYTES_MAX} bytes"), ""));
    }
    if scalar.text.contains('\0') {
        return Err(Fault::new("must not hold a NUL character", ""));
    }
    Ok(scalar.text.clone())
}

/// A pattern of names.
pub(super) fn pattern(scalar: &Scalar) -> Result<Pattern, Fault> {
    text(scalar).map(|text| Pattern::new(&text))
}

/// An instant.
pub(super) fn instant(scalar: &Scalar) -> Result<Timestamp, Fault> {
    let wrong = || Fault::new(format!("must be an instant, not `{}`", quoted(scalar)), "for example `2026-12-24T18:00:00Z`");
    Timestamp::parse(scalar.text.trim()).ok_or_else(wrong)
}

/// An IP address and a port.
pub(super) fn listen(scalar: &Scalar) -> Result<SocketAddr, Fault> {
    let wrong =
        |_| Fault::new(format!("must be an IP address and a port, not `{}`", quoted(scalar)), "for example `127.0.0.1:9180`");
    scalar.text.trim().parse().map_err(wrong)
}

/// Minutes that come again.
pub(super) fn cron(scalar: &Scalar) -> Result<Cron, Fault> {
    Cron::parse(&scalar.text).map_err(|why| Fault::new(why, "for example `30 2 * * mon-fri`"))
}

/// The name of a target: it becomes part of file names, labels and URLs.
pub(super) fn name(scalar: &Scalar) -> Result<String, Fault> {
    let name = &scalar.text;
    let safe = name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-'));
    if safe && (1..=TARGET_NAME_CHARS_MAX).contains(&name.len()) && !matches!(name.as_str(), "." | "..") {
        return Ok(name.clone());
    }
    let predicate = format!("must be 1 to {TARGET_NAME_CHARS_MAX} of the characters A-Z a-z 0-9 . _ -, not `{}`", quoted(scalar));
    let suggestion: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(TARGET_NAME_CHARS_MAX).collect();
    let suggestion = suggestion.trim_matches('-');
    Err(Fault::new(predicate, if suggestion.is_empty() { String::new() } else { format!("for example `{suggestion}`") }))
}

/// An http or https URL with a host and without credentials.
pub(super) fn url(scalar: &Scalar, kind: UrlKind) -> Result<String, Fault> {
    let text = text(scalar)?;
    // The parser of the URL standard drops white space and control characters silently.
    let clean = !text.chars().any(|c| c.is_whitespace() || c.is_control() || is_unsafe(c));
    let parsed = Url::parse(&text).ok().filter(|_| clean);
    let Some(url) = parsed.filter(|url| url.has_host() && text.contains("://")) else {
        let hint = if text.contains("://") { String::new() } else { "write `http://` or `https://` before it".to_owned() };
        return Err(Fault::new(format!("must be a URL, not `{}`", quoted(scalar)), hint));
    };
    if !matches!(url.scheme(), "http" | "https") {
        return Err(Fault::new(format!("must begin with `http://` or `https://`, not `{}://`", url.scheme()), ""));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(Fault::new("must not hold credentials", "put them in `headers`, as in `Authorization: env:NAME`"));
    }
    if url.fragment().is_some() {
        return Err(Fault::new("must not hold a `#` part", ""));
    }
    match kind {
        UrlKind::Endpoint => Ok(text),
        UrlKind::Base if url.query().is_some() => Err(Fault::new("must not hold a `?` part: paths are added to it", "")),
        UrlKind::Base => Ok(text.trim_end_matches('/').to_owned()),
    }
}

/// A secret or a reference to one. The value never appears in a fault.
pub(super) fn secret(scalar: &Scalar) -> Result<SecretRef, Fault> {
    const HINT: &str = "write `env:NAME` or `file:PATH`";
    let text = text(scalar)?;
    if text == SecretRef::Plain(String::new()).to_string() {
        return Err(Fault::new("holds the mark that stands for a secret which is not shown", HINT));
    }
    if text.chars().any(char::is_control) {
        return Err(Fault::new("must be a single line", HINT));
    }
    match SecretRef::parse(&text) {
        SecretRef::Env(name) if name.is_empty() || name.contains(['=', ' ']) => {
            Err(Fault::new("refers to a variable without a proper name", HINT))
        }
        SecretRef::File(path) if path.as_os_str().is_empty() => Err(Fault::new("refers to a file without a name", HINT)),
        secret => Ok(secret),
    }
}

/// Whether `key` can be the name of a header or of a variable.
pub(super) fn carried_name(key: &str, carrier: Carrier) -> Result<(), Fault> {
    let fits = match carrier {
        Carrier::Headers => key.chars().all(|c| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c)),
        Carrier::Env => !key.contains(['=', '\0']),
    };
    let what = if carrier == Carrier::Headers { "header" } else { "variable" };
    if fits && !key.is_empty() { Ok(()) } else { Err(Fault::new(format!("cannot be the name of a {what}"), "")) }
}

/// One of `words`.
pub(super) fn choice(scalar: &Scalar, words: &'static [&'static str]) -> Result<&'static str, Fault> {
    let known = words.iter().find(|word| **word == scalar.text);
    known.copied().ok_or_else(|| {
        let words: Vec<_> = words.iter().map(|word| format!("`{word}`")).collect();
        Fault::new(format!("must be one of {}, not `{}`", words.join(", "), quoted(scalar)), "")
    })
}

/// A time of day, or `off`.
pub(super) fn time_or_off(scalar: &Scalar) -> Result<Option<TimeOfDay>, Fault> {
    match (scalar.style, scalar.text.as_str()) {
        (_, "off") | (Style::Plain, "false") => Ok(None),
        (_, text) => TimeOfDay::parse(text)
            .map(Some)
            .ok_or_else(|| Fault::new(format!("must be a time of day, not `{}`", quoted(scalar)), "for example `08:00`")),
    }
}

/// `up` or `down`.
pub(super) fn expect(scalar: &Scalar) -> Result<Expect, Fault> {
    match scalar.text.as_str() {
        "up" => Ok(Expect::Up),
        "down" => Ok(Expect::Down),
        _ => Err(Fault::new(format!("must be `up` or `down`, not `{}`", quoted(scalar)), "")),
    }
}

/// The word for an expectation.
pub(super) const fn show_expect(expect: Expect) -> &'static str {
    match expect {
        Expect::Up => "up",
        Expect::Down => "down",
    }
}

/// `observe`, `suggest` or `act`.
pub(super) fn repair_mode(scalar: &Scalar) -> Result<RepairMode, Fault> {
    let wrong = || Fault::new(format!("must be `observe`, `suggest` or `act`, not `{}`", quoted(scalar)), "");
    RepairMode::ALL.into_iter().find(|mode| mode.as_str() == scalar.text).ok_or_else(wrong)
}

/// `api`, `systemd [--user] UNIT` or `command WORDS`.
pub(super) fn hub_restart(scalar: &Scalar) -> Result<HubRestart, Fault> {
    const HINT: &str = "write `api`, `systemd mcp-hub.service`, `systemd --user mcp-hub.service` or `command /path/to/program`";
    let words = split_command(&text(scalar)?).map_err(|why| Fault::new(why, HINT))?;
    let words: Vec<_> = words.iter().map(String::as_str).collect();
    let unit = |of, unit: &str| {
        let wrong = || Fault::new(format!("must name a unit of systemd, not `{}`", Text::cut(unit, 64)), HINT);
        if is_unit_name(unit) { Ok(HubRestart::Unit(of, unit.to_owned())) } else { Err(wrong()) }
    };
    match words.as_slice() {
        ["api"] => Ok(HubRestart::Api),
        ["systemd", name] => unit(UnitOf::System, name),
        ["systemd", "--user", name] => unit(UnitOf::User, name),
        ["command", program, arguments @ ..] if !program.is_empty() => {
            Ok(HubRestart::Command([program].into_iter().chain(arguments).map(|word| (*word).to_owned()).collect()))
        }
        _ => Err(Fault::new(format!("must say how the hub is restarted, not `{}`", quoted(scalar)), HINT)),
    }
}

/// Whether systemd could call a unit so (systemd.unit(5)); it must not be taken for an option.
fn is_unit_name(name: &str) -> bool {
    const UNIT_BYTES_MAX: usize = 255;
    let fits = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
    !name.starts_with('-') && (1..=UNIT_BYTES_MAX).contains(&name.len()) && name.chars().all(fits)
}

/// How a hub is restarted, as [`hub_restart`] reads it.
pub(super) fn show_hub_restart(way: &HubRestart) -> String {
    let word = |word: &str| format!("'{}'", word.replace('\'', r"'\''"));
    match way {
        HubRestart::Api => "api".to_owned(),
        HubRestart::Unit(UnitOf::System, unit) => format!("systemd {}", word(unit)),
        HubRestart::Unit(UnitOf::User, unit) => format!("systemd --user {}", word(unit)),
        HubRestart::Command(words) => words.iter().fold("command".to_owned(), |line, next| line + " " + &word(next)),
    }
}

/// `must`, `should` or `nice`.
pub(super) fn weight(scalar: &Scalar) -> Result<Weight, Fault> {
    let wrong = || Fault::new(format!("must be `must`, `should` or `nice`, not `{}`", quoted(scalar)), "");
    Weight::parse(&scalar.text).ok_or_else(wrong)
}

/// The goal of an objective in percent: 100 would leave no budget.
pub(super) fn goal(scalar: &Scalar) -> Result<f64, Fault> {
    let goal = amount(scalar, Unit::Percent, 100.0)?;
    if goal > 0.0 && goal <= OBJECTIVE_GOAL_MAX {
        return Ok(goal);
    }
    let predicate = format!("must be above 0 and at most {OBJECTIVE_GOAL_MAX}, not {goal}");
    Err(Fault::new(predicate, "what is left over is the error budget, for example 0.1 % of a goal of 99.9"))
}

/// The id of a check, in which `*` may stand for a server.
pub(super) fn check(scalar: &Scalar) -> Result<String, Fault> {
    let text = text(scalar)?;
    if Objective::may_name_a_check(&text) && !text.contains(is_unsafe) {
        return Ok(text);
    }
    let hint = "for example `hub-servers/api`, `hub-servers/filesystem/call` or `hub-servers/*/truth`";
    Err(Fault::new(format!("must be the id of a check, not `{}`", quoted(scalar)), hint))
}

/// A tree of values as JSON; plain scalars are read as YAML 1.2 means them.
pub(super) fn json(node: &Node) -> serde_json::Value {
    match &node.value {
        Value::Scalar(scalar) => json_scalar(scalar),
        Value::List(items) => items.iter().map(json).collect(),
        Value::Map(entries) => entries.iter().map(|e| (e.key.clone(), json(&e.node))).collect(),
    }
}

fn json_scalar(scalar: &Scalar) -> serde_json::Value {
    let text = scalar.text.as_str();
    if scalar.is_null() {
        return serde_json::Value::Null;
    }
    if let Ok(flag) = flag(scalar) {
        return flag.into();
    }
    if scalar.style == Style::Plain && starts_as_number(text) {
        if let Ok(number) = text.parse::<i64>() {
            return number.into();
        }
        if let Ok(number) = text.parse::<u64>() {
            return number.into();
        }
        if let Some(number) = text.parse::<f64>().ok().and_then(serde_json::Number::from_f64) {
            return number.into();
        }
    }
    text.into()
}

/// Rust also reads `inf` and `nan` as numbers.
fn starts_as_number(text: &str) -> bool {
    text.trim_start_matches(['-', '+', '.']).starts_with(|c: char| c.is_ascii_digit())
}

/// JSON as YAML on one line.
pub(super) fn show_json(value: &serde_json::Value) -> String {
    match value {
        serde_json::Value::String(text) => quote(text),
        serde_json::Value::Array(items) => flow_list(items.iter().map(show_json)),
        serde_json::Value::Object(map) => {
            let entries: Vec<_> = map.iter().map(|(key, value)| format!("{}: {}", quote(key), show_json(value))).collect();
            format!("{{{}}}", entries.join(", "))
        }
        other => other.to_string(),
    }
}

/// A list on one line of items that are YAML already.
pub(super) fn flow_list(items: impl Iterator<Item = String>) -> String {
    format!("[{}]", items.collect::<Vec<_>>().join(", "))
}

/// Text as a YAML scalar: as it is where that cannot be mistaken, else in double quotes.
pub(super) fn quote(text: &str) -> String {
    const WORDS: [&str; 8] = ["true", "false", "null", "yes", "no", "on", "off", "nan"];
    let plain = text.starts_with(|c: char| c.is_ascii_alphabetic() || c == '/')
        && text.chars().all(|c| c.is_ascii_alphanumeric() || "._/:-".contains(c))
        && !text.ends_with(':')
        && !WORDS.iter().any(|word| word.eq_ignore_ascii_case(text))
        && text.len() > 1; // `y` and `n` are truth values to older readers
    if plain {
        return text.to_owned();
    }
    let mut out = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            '\n' => out.push_str("\\n"),
            c if c.is_control() || is_unsafe(c) => {
                let _ = write!(out, "\\U{:08X}", u32::from(c)); // writing to a String cannot fail
            }
            c => out.push(c),
        }
    }
    out.push('"');
    out
}

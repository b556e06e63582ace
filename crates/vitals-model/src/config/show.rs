//! Settings as a configuration file, complete, with secrets as references only.
//! [`super::load`] reads it back to the same settings.

use std::collections::BTreeMap;

use super::table::{
    ADDRESS, Draft, FILE, File, Key, LEVEL_KEYS, MAINTENANCE, OBJECTIVE, POLICY, RECEIVER, ROUTE, SERVER, SETTINGS, Slot,
};
use super::table_onward::LOG;
use super::{CheckPolicy, SecretRef, Settings, value};
use crate::notice::Receiver;
use crate::quiet::Pattern;

/// Writes the settings as YAML, every default included.
///
/// A secret that was written in plain text appears as `(set)`, which [`super::load`] refuses: what is
/// not shown must not be taken for the value.
pub fn show(settings: &Settings) -> String {
    let mut out = String::new();
    write(&mapping(FILE, &mut File::from(settings)), "", &mut out);
    out
}

/// A value as it is written.
pub(super) enum Shown {
    /// Nothing is set, and nothing is written.
    Absent,
    /// On one line.
    Line(String),
    Map(Vec<(String, Shown)>),
    List(Vec<Vec<(String, Shown)>>),
}

/// Every key of a table with its value in `of`, which is only read.
fn mapping<T>(keys: &'static [Key<T>], of: &mut T) -> Vec<(String, Shown)> {
    keys.iter().map(|key| (key.name.to_owned(), shown(&key.slot, of))).collect()
}

/// The value of one key in `of`, which is only read.
pub(super) fn shown<T>(slot: &Slot<T>, of: &mut T) -> Shown {
    let line = |text: Option<String>| text.map_or(Shown::Absent, Shown::Line);
    line(Some(match slot {
        Slot::Flag(at) => at(of).to_string(),
        Slot::Every(_, at) => value::show_duration(*at(of)),
        Slot::EveryOrOff(_, at) => at(of).map_or_else(|| "off".to_owned(), value::show_duration),
        Slot::Count(_, get, _) => get(of).to_string(),
        Slot::Size(_, at) => value::show_size(*at(of)),
        Slot::SizeOrOff(_, at) => at(of).map_or_else(|| "off".to_owned(), value::show_size),
        Slot::Level(level, at) => {
            let (warning, critical) = *at(of);
            let [first, second] = LEVEL_KEYS;
            let show = |value| value::show_amount(value, level.unit);
            format!("{{{first}: {}, {second}: {}}}", show(warning), show(critical))
        }
        Slot::Text(at) | Slot::Name(at) => value::quote(at(of)),
        Slot::OptionalText(at) | Slot::Url(_, at) => return line(at(of).as_deref().map(value::quote)),
        Slot::Path(at) => return line(at(of).as_deref().map(|path| value::quote(&path.to_string_lossy()))),
        Slot::Command(at) => return line(at(of).as_deref().map(|words| value::flow_list(words.iter().map(|w| value::quote(w))))),
        Slot::Expect(at) => value::show_expect(*at(of)).to_owned(),
        Slot::Weight(at) => at(of).as_str().to_owned(),
        Slot::RepairMode(at) => at(of).as_str().to_owned(),
        Slot::HubRestart(at) => return line(at(of).as_ref().map(|way| value::quote(&value::show_hub_restart(way)))),
        Slot::Goal(at) => at(of).to_string(),
        Slot::Check(at) => return line(Some(&*at(of)).filter(|check| !check.is_empty()).map(|check| value::quote(check))),
        Slot::Json(at) => {
            return line(at(of).as_deref().and_then(|text| serde_json::from_str(text).ok()).map(|json| value::show_json(&json)));
        }
        Slot::Secret(at) => return line(at(of).as_ref().map(secret)),
        Slot::Secrets(_, at) => return named(at(of), |of| Shown::Line(secret(of))),
        Slot::Pattern(at) => value::quote(at(of).as_str()),
        Slot::Instant(at) => return line(at(of).map(|at| value::quote(&at.to_string()))),
        Slot::Listen(at) => return line(at(of).map(|address| value::quote(&address.to_string()))),
        Slot::Choice(_, get, _) => get(of).to_owned(),
        Slot::TimeOrOff(at) => at(of).map_or_else(|| "off".to_owned(), |time| value::quote(&time.to_string())),
        Slot::Names(at) => value::flow_list(at(of).iter().map(|name| value::quote(name))),
        Slot::Cron(at) => return line(at(of).as_ref().map(|cron| value::quote(&cron.to_string()))),
        Slot::Checks(at) => {
            let policy = |(pattern, policy): (&Pattern, &mut CheckPolicy)| {
                (value::quote(pattern.as_str()), Shown::Map(mapping(POLICY, policy)))
            };
            return Shown::Map(at(of).iter_mut().map(policy).collect());
        }
        Slot::Maintenance(at) => return named(at(of), |of| Shown::Map(mapping(MAINTENANCE, of))),
        Slot::Servers(at) => return named(at(of), |of| Shown::Map(mapping(SERVER, of))),
        Slot::Objectives(at) => return named(at(of), |of| Shown::Map(mapping(OBJECTIVE, of))),
        Slot::Logs(at) => return named(at(of), |of| Shown::Map(mapping(LOG, of))),
        Slot::Group(keys) => return Shown::Map(mapping(keys, of)),
        Slot::Words(at) => {
            return line(
                Some(&*at(of))
                    .filter(|words| !words.is_empty())
                    .map(|words| value::flow_list(words.iter().map(|w| value::quote(w)))),
            );
        }
        Slot::GroupBy(at) => value::flow_list(at(of).iter().map(|by| by.as_str().to_owned())),
        Slot::Labels(at) => return named(at(of), |of| Shown::Line(value::quote(of))),
        Slot::Patterns(at) => return named(at(of), |of| Shown::Line(value::quote(of.as_str()))),
        Slot::Receivers(at) => return named(at(of), |of| Shown::Map(receiver(of))),
        Slot::Routes(at) => return Shown::List(at(of).iter_mut().map(|route| mapping(ROUTE, route)).collect()),
        Slot::Defaults(at) => return Shown::Map(mapping(SETTINGS, at(of))),
        Slot::Targets(at) => return Shown::List(at(of).1.iter_mut().map(target).collect()),
    }))
}

/// What its kind has.
fn receiver(receiver: &mut Receiver) -> Vec<(String, Shown)> {
    let (needed, known) = receiver.kind.keys();
    let is_its = |key: &str| matches!(key, "kind" | "timeout") || needed.contains(&key) || known.contains(&key);
    mapping(RECEIVER, receiver).into_iter().filter(|(key, _)| is_its(key)).collect()
}

fn target(draft: &mut Draft) -> Vec<(String, Shown)> {
    [ADDRESS, SETTINGS].into_iter().flat_map(|keys| mapping(keys, draft)).collect()
}

fn named<V>(map: &mut BTreeMap<String, V>, show: impl Fn(&mut V) -> Shown) -> Shown {
    Shown::Map(map.iter_mut().map(|(name, value)| (value::quote(name), show(value))).collect())
}

fn secret(secret: &SecretRef) -> String {
    value::quote(&secret.to_string())
}

fn write(entries: &[(String, Shown)], indent: &str, out: &mut String) {
    for (key, shown) in entries {
        match shown {
            Shown::Absent => {}
            Shown::Line(text) => out.extend([indent, key, ": ", text, "\n"]),
            Shown::Map(entries) if entries.is_empty() => out.extend([indent, key, ": {}\n"]),
            Shown::List(items) if items.is_empty() => out.extend([indent, key, ": []\n"]),
            Shown::Map(entries) => {
                out.extend([indent, key, ":\n"]);
                write(entries, &format!("{indent}  "), out);
            }
            Shown::List(items) => {
                out.extend([indent, key, ":\n"]);
                for item in items {
                    let at = out.len();
                    write(item, &format!("{indent}    "), out);
                    // The first key of an item stands behind its dash.
                    out.replace_range(at..at + indent.len() + 4, &format!("{indent}  - "));
                }
            }
        }
    }
}

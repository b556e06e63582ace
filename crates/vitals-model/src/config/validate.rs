//! From the file as written to [`Settings`], every error at once.
//!
//! Each mapping is walked along the table of its keys; a value that is refused leaves the default in
//! place, so that the rest can still be checked. It does no IO.

mod notices;

use std::collections::{BTreeMap, HashMap, HashSet};

use super::problem::{Fault, Place, Report};
use super::raw::{self, Entry, Node, Scalar, Style, Value};
use super::table::{
    ADDRESS, Draft, FILE, File, Key, LEVEL_KEYS, Level, MAINTENANCE, OBJECTIVE, POLICY, SERVER, SETTINGS, Slot, WAYS, Worse,
};
use super::table_onward::{LOG, LOG_WAYS};
use super::value::{self, Carrier};
use super::{CheckPolicy, LogDestination, Problem, SecretRef, ServerSettings, Settings, Severity, split_command};
use crate::limits::{CONFIG_BYTES_MAX, LOG_DESTINATIONS_MAX, OBJECTIVES_MAX, TARGETS_MAX};
use crate::objective::Objective;
use crate::quiet::{Maintenance, Pattern};
use crate::text::Text;

/// One configuration file, already read.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Source {
    /// How it is called in messages: the path as the operator wrote it.
    pub name: String,
    /// Its content.
    pub text: String,
}

/// Reads any number of sources as one configuration: mappings are merged, targets are appended, and
/// any other key may stand in one source only. No source at all is the default configuration.
///
/// Returns the settings with the warnings.
///
/// # Errors
/// Every problem found, warnings included, in the order of the sources and of their lines.
pub fn load(sources: &[Source]) -> Result<(Settings, Vec<Problem>), Vec<Problem>> {
    let mut report = Report::default();
    let mut root: Option<Vec<Entry>> = None;
    for (index, source) in sources.iter().enumerate() {
        let Some(entries) = entries_of(index, source, &mut report) else { continue };
        match &mut root {
            None => root = Some(entries),
            Some(root) => merge(root, entries, "", sources, &mut report),
        }
    }
    let mut file = File::from(&Settings::default());
    let mut reader = Reader { report, sources };
    let root = root.unwrap_or_default();
    reader.mapping(&root, &[FILE], &mut file);
    reader.lead_somewhere(&root, &file);
    reader.report_is_taken(&root, &file);
    let problems = reader.report.finish(sources);
    if problems.iter().any(|p| p.severity == Severity::Error) { Err(problems) } else { Ok((file.into(), problems)) }
}

/// The keys of one source; `None` when there are none.
fn entries_of(index: usize, source: &Source, report: &mut Report) -> Option<Vec<Entry>> {
    if source.text.len() as u64 > CONFIG_BYTES_MAX {
        let place = Place { source: index, line: 1, column: 1, bytes: usize::MAX..usize::MAX };
        report.error(&place, format!("the file is larger than {}", value::show_size(CONFIG_BYTES_MAX)), "");
        return None;
    }
    let node = raw::parse(index, &source.text, report)?;
    raw::mask_secrets(&node, report);
    match node.value {
        Value::Map(entries) => Some(entries),
        _ if node.is_null() => None,
        _ => {
            report.error(
                &node.place,
                format!("a configuration is a mapping, not {}", node.kind()),
                "for example `discover: true`",
            );
            None
        }
    }
}

/// Adds `more` to `into`; `path` is the path of both with a dot behind it.
fn merge(into: &mut Vec<Entry>, more: Vec<Entry>, path: &str, sources: &[Source], report: &mut Report) {
    let places: HashMap<String, usize> = into.iter().enumerate().map(|(at, entry)| (entry.key.clone(), at)).collect();
    for entry in more {
        let Some(first) = places.get(&entry.key).and_then(|at| into.get_mut(*at)) else {
            into.push(entry);
            continue;
        };
        let path = format!("{path}{}", Text::cut(&entry.key, 64));
        match (&mut first.node.value, entry.node.value) {
            (Value::Map(first), Value::Map(more)) => merge(first, more, &format!("{path}."), sources, report),
            (Value::List(first), Value::List(more)) if path == "targets" || path == "routes" => first.extend(more),
            (Value::Scalar(first), Value::Scalar(more)) if path == "version" && *first == more => {}
            (Value::Scalar(scalar), value) if scalar.is_null() => first.node.value = value,
            (_, Value::Scalar(scalar)) if scalar.is_null() => {}
            _ => {
                let elsewhere = show_place(&first.key_place, sources);
                report.error(&entry.key_place, format!("`{path}` is also set at {elsewhere}"), "keep it in one file");
            }
        }
    }
}

/// `file:line:column`.
fn show_place(place: &Place, sources: &[Source]) -> String {
    let name = sources.get(place.source).map_or("", |s| s.name.as_str());
    format!("{}:{}:{}", Text::new(name), place.line, place.column)
}

struct Reader<'a> {
    report: Report,
    sources: &'a [Source],
}

impl Reader<'_> {
    /// Reads `entries` into `into`, in the order of the table.
    fn mapping<T>(&mut self, entries: &[Entry], tables: &[&'static [Key<T>]], into: &mut T) {
        for entry in entries {
            if !tables.iter().copied().flatten().any(|key| key.name == entry.key) {
                self.unknown(entry, nearest(&entry.key, tables));
            }
        }
        for key in tables.iter().copied().flatten() {
            if let Some(entry) = entries.iter().find(|entry| entry.key == key.name) {
                self.fill(key, entry, into);
            }
        }
    }

    /// Reads one value into its place.
    fn fill<T>(&mut self, key: &Key<T>, entry: &Entry, into: &mut T) {
        match &key.slot {
            Slot::Flag(at) => self.put(entry, value::flag, at(into)),
            Slot::Every(bounds, at) => self.put(entry, |s| value::duration(s, *bounds), at(into)),
            Slot::EveryOrOff(bounds, at) => self.put(entry, |s| value::duration_or_off(s, *bounds), at(into)),
            Slot::Count(bounds, _, set) => {
                if let Some(n) = self.single(entry, |s| value::count(s, *bounds)) {
                    set(into, n);
                }
            }
            Slot::Size(bounds, at) => self.put(entry, |s| value::size(s, *bounds), at(into)),
            Slot::SizeOrOff(bounds, at) => self.put(entry, |s| value::size_or_off(s, *bounds), at(into)),
            Slot::Level(level, at) => self.level(entry, *level, at(into)),
            Slot::Text(at) => self.put(entry, value::text, at(into)),
            Slot::OptionalText(at) => self.put(entry, |s| value::text(s).map(Some), at(into)),
            Slot::Name(at) => self.put(entry, value::name, at(into)),
            Slot::Path(at) => self.put(entry, |s| value::text(s).map(|path| Some(path.into())), at(into)),
            Slot::Url(kind, at) => self.put(entry, |s| value::url(s, *kind).map(Some), at(into)),
            Slot::Command(at) => self.command(entry, at(into)),
            Slot::Expect(at) => self.put(entry, value::expect, at(into)),
            Slot::Weight(at) => self.put(entry, value::weight, at(into)),
            Slot::RepairMode(at) => self.put(entry, value::repair_mode, at(into)),
            Slot::HubRestart(at) => self.put(entry, |s| value::hub_restart(s).map(Some), at(into)),
            Slot::Goal(at) => self.put(entry, value::goal, at(into)),
            Slot::Check(at) => self.put(entry, value::check, at(into)),
            Slot::Json(at) => self.json(entry, at(into)),
            Slot::Secret(at) => self.secret(entry, at(into)),
            Slot::Secrets(carrier, at) => self.secrets(entry, *carrier, at(into)),
            Slot::Group(keys) => {
                if let Some(entries) = self.entries(entry) {
                    self.mapping(entries, &[keys], into);
                }
            }
            Slot::Pattern(at) => self.put(entry, value::pattern, at(into)),
            Slot::Instant(at) => self.put(entry, |s| value::instant(s).map(Some), at(into)),
            Slot::Listen(at) => self.put(entry, |s| value::listen(s).map(Some), at(into)),
            Slot::Cron(at) => self.put(entry, |s| value::cron(s).map(Some), at(into)),
            Slot::Servers(at) => self.servers(entry, at(into)),
            Slot::Checks(at) => self.checks(entry, at(into)),
            Slot::Maintenance(at) => self.maintenance(entry, at(into)),
            Slot::Objectives(at) => self.objectives(entry, at(into)),
            Slot::Choice(words, _, set) => {
                if let Some(word) = self.single(entry, |s| value::choice(s, words)) {
                    set(into, word);
                }
            }
            Slot::TimeOrOff(at) => self.put(entry, value::time_or_off, at(into)),
            Slot::Names(at) => self.names(entry, at(into)),
            Slot::Logs(at) => self.logs(entry, at(into)),
            Slot::Words(at) => self.words(entry, at(into)),
            Slot::GroupBy(at) => self.group_by(entry, at(into)),
            Slot::Labels(at) => self.named(entry, Self::label, at(into)),
            Slot::Patterns(at) => self.patterns(entry, at(into)),
            Slot::Receivers(at) => self.receivers(entry, at(into)),
            Slot::Routes(at) => self.routes(entry, at(into)),
            Slot::Defaults(at) => {
                if let Some(entries) = self.entries(entry) {
                    self.mapping(entries, &[SETTINGS], at(into));
                }
            }
            Slot::Targets(at) => {
                let (defaults, targets) = at(into);
                self.targets(entry, defaults, targets);
            }
        }
    }

    fn json(&mut self, entry: &Entry, into: &mut Option<String>) {
        if self.entries(entry).is_some() {
            *into = Some(value::json(&entry.node).to_string());
        }
    }

    fn secret(&mut self, entry: &Entry, into: &mut Option<SecretRef>) {
        if let Some(secret) = self.single(entry, value::secret) {
            self.advise_on_secret(entry, &secret);
            *into = Some(secret);
        }
    }

    /// Reads a single value into `into`, or leaves it as it is.
    fn put<V>(&mut self, entry: &Entry, read: impl Fn(&Scalar) -> Result<V, Fault>, into: &mut V) {
        if let Some(value) = self.single(entry, read) {
            *into = value;
        }
    }

    fn single<V>(&mut self, entry: &Entry, read: impl Fn(&Scalar) -> Result<V, Fault>) -> Option<V> {
        match &entry.node.value {
            Value::Scalar(scalar) if !scalar.is_null() => read(scalar).map_err(|fault| self.refuse(entry, &fault)).ok(),
            Value::Scalar(_) => {
                self.report.error(
                    &entry.key_place,
                    format!("`{}` has no value", name_of(entry)),
                    "leave the key out to keep the default",
                );
                None
            }
            _ => {
                self.refuse(entry, &Fault::new(format!("must be a single value, not {}", entry.node.kind()), ""));
                None
            }
        }
    }

    /// The keys of a mapping; nothing at all is an empty one.
    fn entries<'e>(&mut self, entry: &'e Entry) -> Option<&'e [Entry]> {
        match &entry.node.value {
            Value::Map(entries) => Some(entries),
            _ if entry.node.is_null() => Some(&[]),
            _ => {
                self.refuse(entry, &Fault::new(format!("must be a mapping, not {}", entry.node.kind()), ""));
                None
            }
        }
    }

    fn refuse(&mut self, entry: &Entry, fault: &Fault) {
        self.report.error(&entry.node.place, format!("`{}` {}", name_of(entry), fault.predicate), fault.hint.as_str());
    }

    fn unknown(&mut self, entry: &Entry, hint: String) {
        self.report.error(&entry.key_place, format!("unknown key `{}`", name_of(entry)), hint);
    }

    fn level(&mut self, entry: &Entry, level: Level, into: &mut (f64, f64)) {
        let Some(entries) = self.entries(entry) else { return };
        let mut pair = [into.0, into.1];
        let mut places = [None, None];
        for found in entries {
            if let Some(at) = LEVEL_KEYS.iter().position(|key| *key == found.key) {
                places[at] = Some(&found.node.place);
                self.put(found, |s| value::amount(s, level.unit, level.max), &mut pair[at]);
            } else {
                self.unknown(found, did_you_mean(&found.key, LEVEL_KEYS.into_iter()));
            }
        }
        let [warning, critical] = pair;
        let (beyond, word) = match level.worse {
            Worse::Above => (warning > critical, "above"),
            Worse::Below => (warning < critical, "below"),
        };
        if beyond {
            let show = |value, place: Option<_>| {
                format!("{}{}", value::show_amount(value, level.unit), if place.is_some() { "" } else { " by default" })
            };
            let (warning, critical) = (show(warning, places[0]), show(critical, places[1]));
            let message = format!("`{}` warns at {warning}, which is {word} critical ({critical})", name_of(entry));
            let hint = "a warning comes before critical; set both";
            self.report.error(places[0].or(places[1]).unwrap_or(&entry.node.place), message, hint);
        } else {
            *into = (warning, critical);
        }
    }

    fn command(&mut self, entry: &Entry, into: &mut Option<Vec<String>>) {
        let words = match &entry.node.value {
            Value::List(items) => {
                let word = |item: &Node| {
                    let item = Entry { key: entry.key.clone(), key_place: item.place.clone(), node: item.clone() };
                    // An argument may be empty; a program may not.
                    self.single(&item, |s| if s.text.is_empty() { Ok(String::new()) } else { value::text(s) })
                };
                items.iter().map(word).collect::<Vec<_>>().into_iter().collect::<Option<Vec<_>>>()
            }
            _ => self.single(entry, |s| {
                value::text(s)
                    .and_then(|line| split_command(&line).map_err(|why| Fault::new(why, "for example `node server.js`")))
            }),
        };
        match words {
            Some(words) if words.first().is_none_or(String::is_empty) => self.refuse(entry, &Fault::new("names no program", "")),
            Some(words) => *into = Some(words),
            None => {}
        }
    }

    /// Reads headers or variables over those of the defaults; a header's name has no case.
    fn secrets(&mut self, entry: &Entry, carrier: Carrier, into: &mut BTreeMap<String, SecretRef>) {
        let plain = |name: &str| if carrier == Carrier::Headers { name.to_ascii_lowercase() } else { name.to_owned() };
        let (mut seen, mut read) = (HashSet::new(), BTreeMap::new());
        for found in self.entries(entry).unwrap_or_default() {
            if let Err(fault) = value::carried_name(&found.key, carrier) {
                self.report.error(&found.key_place, format!("`{}` {}", name_of(found), fault.predicate), fault.hint);
            } else if !seen.insert(plain(&found.key)) {
                let message = format!("`{}` is written twice here", name_of(found));
                self.report.error(&found.key_place, message, "the case of a header does not matter");
            } else if let Some(secret) = self.single(found, value::secret) {
                self.advise_on_secret(found, &secret);
                read.insert(found.key.clone(), secret);
            }
        }
        into.retain(|name, _| !seen.contains(&plain(name)));
        into.extend(read);
    }

    /// Warns of a secret written in plain text, and of a reference in a syntax that is not ours.
    fn advise_on_secret(&mut self, entry: &Entry, secret: &SecretRef) {
        const HINT: &str = "write `env:NAME` or `file:PATH`, and keep the whole value there";
        let SecretRef::Plain(text) = secret else { return };
        if text.contains("${") {
            self.report.warning(&entry.node.place, format!("`{}` holds `${{`, which is sent as it is", name_of(entry)), HINT);
        } else if raw::may_name_secret(&entry.key) {
            self.report.warning(&entry.node.place, format!("`{}` holds a secret in plain text", name_of(entry)), HINT);
        }
    }

    /// Reads a list of names; one alone is a list of one.
    fn names(&mut self, entry: &Entry, into: &mut Vec<String>) {
        let name = |reader: &mut Self, item: &Node| {
            let item = Entry { key: entry.key.clone(), key_place: item.place.clone(), node: item.clone() };
            reader.single(&item, value::name)
        };
        let names: Option<Vec<_>> = match &entry.node.value {
            Value::List(items) => items.iter().map(|item| name(self, item)).collect(),
            _ if entry.node.is_null() => Some(Vec::new()),
            _ => name(self, &entry.node).map(|one| vec![one]),
        };
        *into = names.unwrap_or_default();
    }

    fn servers(&mut self, entry: &Entry, into: &mut BTreeMap<String, ServerSettings>) {
        for found in self.entries(entry).unwrap_or_default() {
            if found.key.is_empty() {
                self.report.error(&found.key_place, "a server needs a name", "");
            } else if let Some(entries) = self.entries(found) {
                self.mapping(entries, &[SERVER], into.entry(found.key.clone()).or_default());
            }
        }
    }

    fn checks(&mut self, entry: &Entry, into: &mut BTreeMap<Pattern, CheckPolicy>) {
        for found in self.entries(entry).unwrap_or_default() {
            if found.key.is_empty() {
                self.report.error(&found.key_place, "a pattern of checks is empty", "`*` is all of them");
            } else if let Some(entries) = self.entries(found) {
                let policy = into.entry(Pattern::new(&found.key)).or_default();
                self.mapping(entries, &[POLICY], policy);
                if policy.flap_stop_percent > policy.flap_start_percent && policy.flap_start_percent > 0 {
                    let message = format!("`{}` stops to flap above where it begins", name_of(found));
                    self.report.error(&found.key_place, message, "`flap_stop` is the lower one");
                }
            }
        }
    }

    fn maintenance(&mut self, entry: &Entry, into: &mut BTreeMap<String, Maintenance>) {
        for found in self.entries(entry).unwrap_or_default() {
            if found.key.is_empty() {
                self.report.error(&found.key_place, "a window of maintenance needs a name", "");
            } else if let Some(entries) = self.entries(found) {
                let window = into.entry(found.key.clone()).or_default();
                self.mapping(entries, &[MAINTENANCE], window);
                let ends_first = window.from.is_some_and(|from| window.to.is_some_and(|to| to <= from));
                if window.cron.is_none() && (window.to.is_none() || ends_first) {
                    let message = format!("`{}` never holds", name_of(found));
                    self.report.error(&found.key_place, message, "give it `from` and a later `to`, or `cron` and `for`");
                }
            }
        }
    }

    /// Reads objectives over those of the defaults, key by key.
    fn objectives(&mut self, entry: &Entry, into: &mut BTreeMap<String, Objective>) {
        for found in self.entries(entry).unwrap_or_default() {
            if found.key.is_empty() {
                self.report.error(&found.key_place, "an objective needs a name", "");
            } else if into.len() >= OBJECTIVES_MAX && !into.contains_key(&found.key) {
                self.report.error(&found.key_place, format!("more than {OBJECTIVES_MAX} objectives"), "");
            } else if let Some(entries) = self.entries(found) {
                let objective = into.entry(found.key.clone()).or_default();
                self.mapping(entries, &[OBJECTIVE], objective);
                if objective.check.is_empty() && entries.iter().all(|entry| entry.key != "check") {
                    self.report.error(
                        &found.key_place,
                        format!("the objective `{}` needs a `check`", name_of(found)),
                        "for example `check: hub-servers/*/truth`",
                    );
                }
            }
        }
    }

    /// Reads destinations of logs; each is reached in exactly one way.
    fn logs(&mut self, entry: &Entry, into: &mut BTreeMap<String, LogDestination>) {
        for found in self.entries(entry).unwrap_or_default() {
            let name = Scalar { text: found.key.clone(), style: Style::Quoted };
            if let Err(fault) = value::name(&name) {
                // It is also the name of a folder.
                self.report.error(&found.key_place, format!("the name `{}` {}", name_of(found), fault.predicate), fault.hint);
            } else if into.len() >= LOG_DESTINATIONS_MAX {
                self.report.error(&found.key_place, format!("more than {LOG_DESTINATIONS_MAX} destinations of logs"), "");
            } else if let Some(entries) = self.entries(found) {
                let destination = into.entry(found.key.clone()).or_default();
                self.mapping(entries, &[LOG], destination);
                if destination.index.starts_with(['-', '_']) || destination.index.contains(|c: char| c.is_ascii_uppercase()) {
                    let message = format!("Elasticsearch takes no index `{}`", destination.index);
                    self.report.error(&found.key_place, message, "in small letters, and not with `-` or `_` at its beginning");
                }
                if entries.iter().filter(|e| LOG_WAYS.contains(&e.key.as_str())).count() != 1 {
                    let message = format!("`{}` needs one of `elasticsearch`, `loki`, `otlp` and `file`", name_of(found));
                    self.report.error(&found.key_place, message, "for example `loki: http://127.0.0.1:3100`");
                }
            }
        }
    }

    fn targets(&mut self, entry: &Entry, defaults: &Draft, into: &mut Vec<Draft>) {
        let items = match &entry.node.value {
            Value::List(items) => items.as_slice(),
            _ if entry.node.is_null() => &[],
            _ => {
                return self.refuse(
                    entry,
                    &Fault::new(format!("must be a list, not {}", entry.node.kind()), "begin each target with `- name:`"),
                );
            }
        };
        if items.len() > TARGETS_MAX {
            self.report.error(
                &items[TARGETS_MAX].place,
                format!("more than {TARGETS_MAX} targets"),
                "share them between several instances",
            );
        }
        let mut names: BTreeMap<&str, &Place> = BTreeMap::new();
        for item in items.iter().take(TARGETS_MAX) {
            let Value::Map(entries) = &item.value else {
                self.report.error(
                    &item.place,
                    format!("a target is a mapping, not {}", item.kind()),
                    "begin each target with `- name:`",
                );
                continue;
            };
            let mut draft = defaults.clone();
            self.mapping(entries, &[ADDRESS, SETTINGS], &mut draft);
            self.ways(item, entries);
            match entries.iter().find(|e| e.key == "name").map(|e| (&e.node.value, &e.node.place)) {
                None => self.report.error(&item.place, "a target needs a `name`", ""),
                Some((Value::Scalar(Scalar { text, .. }), place)) => match names.insert(text, place) {
                    Some(first) if !text.is_empty() => {
                        let elsewhere = show_place(first, self.sources);
                        let message = format!("the name `{}` is also used at {elsewhere}", Text::cut(text, 64));
                        self.report.error(place, message, "each target has a name of its own");
                    }
                    _ => into.push(draft),
                },
                Some(_) => {}
            }
        }
    }

    /// A target is reached in exactly one way.
    fn ways(&mut self, item: &Node, entries: &[Entry]) {
        let mut ways = entries.iter().filter(|entry| WAYS.contains(&entry.key.as_str()));
        match (ways.next(), ways.next()) {
            (None, _) => self.report.error(
                &item.place,
                "a target needs one of `hub`, `mcp` or `stdio`",
                "for example `hub: http://127.0.0.1:7001`",
            ),
            (Some(one), Some(two)) => {
                let message =
                    format!("a target has only one of `hub`, `mcp` and `stdio`, and this one has `{}` already", one.key);
                self.report.error(&two.key_place, message, "make two targets of it");
            }
            (Some(_), None) => {}
        }
    }
}

fn name_of(entry: &Entry) -> Text {
    Text::cut(&entry.key, 64)
}

/// A hint that names what `wrong` may have meant, also one level down; empty when nothing is near.
fn nearest<T>(wrong: &str, tables: &[&'static [Key<T>]]) -> String {
    let keys = || tables.iter().copied().flatten();
    if wrong == "<<" {
        return "there is no merge key here; `defaults` is what all targets begin with".to_owned();
    }
    for key in keys() {
        let inner = match &key.slot {
            Slot::Group(group) => group.iter().any(|inner| inner.name == wrong),
            Slot::Defaults(_) => SETTINGS.iter().any(|inner| inner.name == wrong),
            _ => false,
        };
        if inner {
            return format!("it belongs under `{}`", key.name);
        }
    }
    did_you_mean(wrong, keys().map(|key| key.name))
}

fn did_you_mean<'k>(wrong: &str, keys: impl Iterator<Item = &'k str> + Clone) -> String {
    let beginning = keys.clone().find(|key| wrong.len() >= 3 && key.starts_with(wrong));
    let near = keys.map(|key| (distance(wrong, key), key)).min();
    let near = near.filter(|(distance, key)| *distance <= 1.max(key.len() / 3)).map(|(_, key)| key);
    beginning.or(near).map_or_else(String::new, |key| format!("did you mean `{key}`?"))
}

/// How many letters must be changed, added or removed (Levenshtein), case aside; a text much longer than
/// any key is far from all of them.
fn distance(a: &str, b: &str) -> usize {
    const LETTERS_MAX: usize = 40;
    if a.len() > LETTERS_MAX {
        return usize::MAX;
    }
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.bytes().enumerate() {
            let changed = diagonal + usize::from(!x.eq_ignore_ascii_case(&y));
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row.last().copied().unwrap_or(0)
}

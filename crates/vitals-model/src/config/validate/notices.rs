//! Reading receivers and routes: what each kind needs, names that lead somewhere, templates that can be written.

use std::collections::{BTreeMap, BTreeSet};

use super::super::problem::{Fault, Place};
use super::super::raw::{Entry, Node, Scalar, Value};
use super::super::table::{File, RECEIVER, ROUTE};
use super::super::value;
use super::{Reader, did_you_mean, name_of, show_place};
use crate::config::SecretRef;
use crate::limits::{RECEIVERS_MAX, RECIPIENTS_MAX, TARGET_NAME_CHARS_MAX};
use crate::notice::{GroupBy, Receiver, ReceiverKind, Route, words};
use crate::quiet::Pattern;
use crate::text::Text;

impl Reader<'_> {
    pub(super) fn receivers(&mut self, entry: &Entry, into: &mut BTreeMap<String, Receiver>) {
        for found in self.entries(entry).unwrap_or_default() {
            if let Err(fault) = self.nameable(&found.key) {
                self.report.error(&found.key_place, format!("the name of a receiver {}", fault.predicate), fault.hint);
            } else if into.len() >= RECEIVERS_MAX {
                self.report.error(&found.key_place, format!("more than {RECEIVERS_MAX} receivers"), "");
            } else if let Some(entries) = self.entries(found) {
                let mut receiver = Receiver::default();
                self.mapping(entries, &[RECEIVER], &mut receiver);
                self.complete(found, entries, &receiver);
                into.insert(found.key.clone(), receiver);
            }
        }
    }

    fn nameable(&self, name: &str) -> Result<String, Fault> {
        let _ = self;
        value::name(&Scalar { text: name.to_owned(), style: super::super::raw::Style::Plain })
    }

    /// Whether a receiver has what its kind needs, and nothing that its kind does not know.
    fn complete(&mut self, found: &Entry, entries: &[Entry], receiver: &Receiver) {
        let of = |name: &str| entries.iter().find(|entry| entry.key == name);
        let name = name_of(found);
        if of("kind").is_none() {
            let hint = format!("one of {}", ReceiverKind::WORDS.join(", "));
            return self.report.error(&found.key_place, format!("the receiver `{name}` needs a `kind`"), hint);
        }
        let kind = receiver.kind.as_str();
        let (needed, known) = receiver.kind.keys();
        for key in needed.iter().filter(|key| of(key).is_none()) {
            self.report.error(
                &found.key_place,
                format!("the receiver `{name}` is {} {kind}, which needs a `{key}`", article(kind)),
                "",
            );
        }
        for entry in entries {
            let key = entry.key.as_str();
            if RECEIVER.iter().any(|of| of.name == key)
                && !matches!(key, "kind" | "timeout")
                && !needed.contains(&key)
                && !known.contains(&key)
            {
                let hint = format!("it has {}", [needed, known].concat().join(", "));
                self.report.error(&entry.key_place, format!("`{key}` means nothing to {} {kind}", article(kind)), hint);
            }
        }
        self.addresses(receiver, &of);
        for (key, template) in [("subject", &receiver.subject), ("body", &receiver.body)] {
            if let (Some(entry), Some(template)) = (of(key), template)
                && let Err(why) = words::check(template)
            {
                let why = Text::cut(&why, 200);
                self.report.error(
                    &entry.node.place,
                    format!("`{key}` is no template: {why}"),
                    "docs/guide/notices.md names what a template is given",
                );
            }
        }
    }

    /// Whether a URL, a mail server and the addresses of a mail are such, where they are written in plain text.
    fn addresses<'e>(&mut self, receiver: &Receiver, of: &impl Fn(&str) -> Option<&'e Entry>) {
        if let (Some(entry), Some(SecretRef::Plain(_))) = (of("url"), &receiver.url) {
            let mut url = String::new();
            self.put(entry, |scalar| value::url(scalar, value::UrlKind::Endpoint), &mut url);
        }
        if let (Some(entry), Some(smtp)) = (of("smtp"), &receiver.smtp)
            && smtp.rsplit_once(':').is_none_or(|(host, port)| host.is_empty() || port.parse::<u16>().is_err())
        {
            self.refuse(entry, &Fault::new("must be a host and a port", "for example `mail.example.org:587`"));
        }
        if receiver.to.len() > RECIPIENTS_MAX
            && let Some(entry) = of("to")
        {
            self.refuse(entry, &Fault::new(format!("has more than {RECIPIENTS_MAX} recipients"), "write to a mailing list"));
        }
        if let (Some(entry), Some(_), None) = (of("password"), &receiver.password, &receiver.username) {
            self.refuse(entry, &Fault::new("needs a `username` beside it", ""));
        }
    }

    /// Reads a list of names, or one.
    pub(super) fn words(&mut self, entry: &Entry, into: &mut Vec<String>) {
        if let Some(words) = self.list(entry, value::text) {
            *into = words;
        }
    }

    pub(super) fn group_by(&mut self, entry: &Entry, into: &mut Vec<GroupBy>) {
        let parse = |scalar: &Scalar| {
            let hint = format!("one of {}", GroupBy::ALL.map(GroupBy::as_str).join(", "));
            GroupBy::parse(&scalar.text).ok_or_else(|| Fault::new(format!("has no `{}`", Text::cut(&scalar.text, 64)), hint))
        };
        if let Some(by) = self.list(entry, parse) {
            *into = by;
        }
    }

    fn list<V>(&mut self, entry: &Entry, read: impl Fn(&Scalar) -> Result<V, Fault>) -> Option<Vec<V>> {
        let Value::List(items) = &entry.node.value else {
            return self.single(entry, read).map(|one| vec![one]);
        };
        let one = |item: &Node| {
            let item = Entry { key: entry.key.clone(), key_place: item.place.clone(), node: item.clone() };
            self.single(&item, &read)
        };
        items.iter().map(one).collect::<Vec<_>>().into_iter().collect()
    }

    /// Reads labels over those of the defaults.
    pub(super) fn named<V>(&mut self, entry: &Entry, read: impl Fn(&Scalar) -> Result<V, Fault>, into: &mut BTreeMap<String, V>) {
        for found in self.entries(entry).unwrap_or_default() {
            if let Err(fault) = self.nameable(&found.key) {
                self.report.error(&found.key_place, format!("the name of a label {}", fault.predicate), fault.hint);
            } else if let Some(value) = self.single(found, &read) {
                into.insert(found.key.clone(), value);
            }
        }
    }

    pub(super) fn label(scalar: &Scalar) -> Result<String, Fault> {
        let text = value::text(scalar)?;
        let is_fine = text.chars().count() <= TARGET_NAME_CHARS_MAX && Text::new(&text).as_str() == text;
        if is_fine {
            Ok(text)
        } else {
            Err(Fault::new(format!("must be one line of at most {TARGET_NAME_CHARS_MAX} characters"), ""))
        }
    }

    pub(super) fn routes(&mut self, entry: &Entry, into: &mut Vec<Route>) {
        let items = match &entry.node.value {
            Value::List(items) => items.as_slice(),
            _ if entry.node.is_null() => &[],
            _ => {
                let fault = Fault::new(format!("must be a list, not {}", entry.node.kind()), "begin each route with `- name:`");
                return self.refuse(entry, &fault);
            }
        };
        let mut names: BTreeMap<String, Place> = BTreeMap::new();
        for (n, item) in items.iter().enumerate() {
            if n == RECEIVERS_MAX {
                return self.report.error(&item.place, format!("more than {RECEIVERS_MAX} routes"), "");
            }
            let Value::Map(entries) = &item.value else {
                self.report.error(
                    &item.place,
                    format!("a route is a mapping, not {}", item.kind()),
                    "begin each route with `- name:`",
                );
                continue;
            };
            let mut route = Route::default();
            self.mapping(entries, &[ROUTE], &mut route);
            for key in ["name", "receivers"] {
                if entries.iter().all(|entry| entry.key != key) {
                    self.report.error(&item.place, format!("a route needs `{key}`"), "");
                }
            }
            if route.escalate.after.is_some() == route.escalate.receivers.is_empty() {
                self.report.error(&item.place, "`escalate` needs both `after` and `receivers`", "");
            }
            if let Some(first) = names.insert(route.name.clone(), item.place.clone()).filter(|_| !route.name.is_empty()) {
                let elsewhere = show_place(&first, self.sources);
                let message = format!("the name `{}` is also used at {elsewhere}", Text::cut(&route.name, 64));
                self.report.error(&item.place, message, "each route has a name of its own");
            }
            into.push(route);
        }
    }

    /// Whether every receiver of a route is there, and every receiver is used: asked when all is read.
    pub(super) fn lead_somewhere(&mut self, root: &[Entry], file: &File) {
        let routes = root.iter().find(|entry| entry.key == "routes").map(|entry| &entry.node.value);
        let Some(Value::List(items)) = routes else { return };
        let names: BTreeSet<&str> = file.notices.receivers.keys().map(String::as_str).collect();
        for (item, route) in items.iter().zip(&file.notices.routes) {
            for name in route.receivers.iter().chain(&route.escalate.receivers) {
                if !names.contains(name.as_str()) {
                    let message = format!(
                        "the route `{}` leads to `{}`, which is no receiver",
                        Text::cut(&route.name, 64),
                        Text::cut(name, 64)
                    );
                    self.report.error(&item.place, message, did_you_mean(name, names.iter().copied()));
                }
            }
        }
    }

    /// Whether all whom the daily report is sent to are there, and take it: asked when all is read.
    pub(super) fn report_is_taken(&mut self, root: &[Entry], file: &File) {
        let find = |entries: &'_ [Entry], key: &str| entries.iter().find(|entry| entry.key == key).cloned();
        let Some(Value::Map(entries)) = find(root, "report").map(|entry| entry.node.value) else { return };
        let Some(to) = find(&entries, "to") else { return };
        let places: Vec<_> = match &to.node.value {
            Value::List(items) => items.iter().map(|item| &item.place).collect(),
            _ => vec![&to.node.place],
        };
        let receivers = &file.notices.receivers;
        for (name, place) in file.report.to.iter().zip(places) {
            let shown = Text::cut(name, 64);
            match receivers.get(name).map(|receiver| receiver.kind) {
                None => {
                    let hint = did_you_mean(name, receivers.keys().map(String::as_str));
                    self.report.error(place, format!("the report is sent to `{shown}`, which is no receiver"), hint);
                }
                Some(kind) if !kind.takes_reports() => {
                    let kind = kind.as_str();
                    let message = format!("the report is sent to `{shown}`, which is {} {kind}", article(kind));
                    self.report.error(place, message, "that takes alerts alone; name a mail, a chat or a webhook");
                }
                Some(_) => {}
            }
        }
    }

    pub(super) fn patterns(&mut self, entry: &Entry, into: &mut BTreeMap<String, Pattern>) {
        self.named(entry, value::pattern, into);
    }
}

fn article(word: &str) -> &'static str {
    if word.starts_with(['a', 'e', 'o']) { "an" } else { "a" }
}

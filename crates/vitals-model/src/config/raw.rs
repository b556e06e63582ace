//! The configuration file as written: a tree of values, each with its place. It knows YAML and no key.
//!
//! The tree is built from the parser's events rather than by serde, because serde stops at the first
//! error and forgets places. Depth and size are bounded, so an alias can be expanded where it stands.

use std::collections::{BTreeMap, HashSet};

use granit_parser::{Event, Marker, Parser, ScalarStyle, ScanError, Span};

use super::problem::{Place, Report};
use crate::limits::{CONFIG_DEPTH_MAX, CONFIG_KEY_BYTES_MAX, CONFIG_NODES_MAX};
use crate::text::Text;

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub place: Place,
    pub value: Value,
}

/// What a value is.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Entry>),
}

/// A single value as written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Scalar {
    pub text: String,
    pub style: Style,
}

/// How a scalar is written: quotes decide whether `true` is a word or a truth value.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Style {
    Plain,
    Quoted,
}

/// One key of a mapping and its value.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub key: String,
    pub key_place: Place,
    pub node: Node,
}

impl Scalar {
    /// Whether it stands for "nothing".
    pub(super) fn is_null(&self) -> bool {
        self.style == Style::Plain && matches!(self.text.as_str(), "" | "~" | "null" | "Null" | "NULL")
    }
}

impl Node {
    /// Whether it stands for "nothing", as after a key whose content is commented out.
    pub(super) fn is_null(&self) -> bool {
        matches!(&self.value, Value::Scalar(scalar) if scalar.is_null())
    }

    /// What it is, in words.
    pub(super) fn kind(&self) -> &'static str {
        match &self.value {
            Value::Scalar(scalar) if scalar.is_null() => "nothing",
            Value::Scalar(_) => "a single value",
            Value::List(_) => "a list",
            Value::Map(_) => "a mapping",
        }
    }

    /// How many values it holds, itself included.
    fn size(&self) -> usize {
        1 + match &self.value {
            Value::Scalar(_) => 0,
            Value::List(items) => items.iter().map(Self::size).sum(),
            Value::Map(entries) => entries.iter().map(|e| e.node.size()).sum(),
        }
    }
}

/// Reads one document; `None` when it is empty or cannot be read, which `report` then says.
pub(super) fn parse(source: usize, text: &str, report: &mut Report) -> Option<Node> {
    let options = granit_parser::options! {
        flow_nesting_limit: CONFIG_DEPTH_MAX,
        block_nesting_limit: CONFIG_DEPTH_MAX,
        emit_unresolved_aliases: true,
    };
    let mut tree = Tree { source, text, report, stack: vec![], root: None, anchors: BTreeMap::new(), nodes: 0, documents: 0 };
    for event in Parser::new_from_str_with_options(text, options) {
        let flow = match event {
            Ok((event, span)) => tree.take(event, span),
            Err(error) => tree.broken(&error),
        };
        if flow == Flow::Stop {
            tree.mask_rest();
            return None;
        }
    }
    tree.root
}

/// Whether reading goes on.
#[derive(PartialEq, Eq)]
enum Flow {
    On,
    Stop,
}

/// A collection that is not complete yet.
struct Frame {
    place: Place,
    anchor: usize,
    value: Value,
    /// Of a mapping: the key whose value comes next.
    key: Option<(String, Place)>,
    /// Of a mapping: the keys so far.
    seen: HashSet<String>,
}

struct Tree<'a> {
    source: usize,
    text: &'a str,
    report: &'a mut Report,
    stack: Vec<Frame>,
    root: Option<Node>,
    anchors: BTreeMap<usize, Node>,
    nodes: usize,
    documents: usize,
}

impl Tree<'_> {
    fn take(&mut self, event: Event<'_>, span: Span) -> Flow {
        let place = self.place(span);
        match event {
            Event::DocumentStart(..) => {
                self.documents += 1;
                if self.documents > 1 {
                    self.report.error(
                        &place,
                        "a second document begins here",
                        "write one document per file; a directory of files is merged",
                    );
                    return Flow::Stop;
                }
            }
            Event::Scalar(text, style, anchor, _) => {
                let style = if style == ScalarStyle::Plain { Style::Plain } else { Style::Quoted };
                self.refuse_tag(span);
                let value = Value::Scalar(Scalar { text: text.into_owned(), style });
                return self.add(Node { place, value }, anchor);
            }
            Event::SequenceStart(_, anchor, _) => {
                self.refuse_tag(span);
                self.open(place, anchor, Value::List(vec![]));
            }
            Event::MappingStart(_, anchor, _) => {
                self.refuse_tag(span);
                self.open(place, anchor, Value::Map(vec![]));
            }
            Event::SequenceEnd | Event::MappingEnd => {
                if let Some(Frame { place, anchor, value, .. }) = self.stack.pop() {
                    return self.add(Node { place, value }, anchor);
                }
            }
            Event::Alias(anchor) => return self.alias(place, anchor),
            Event::UnresolvedAlias(name) => {
                let name = Text::cut(&name, 64);
                self.report.error(&place, format!("nothing above is anchored as `&{name}`"), "");
                return self.add(null(place), 0);
            }
            _ => {}
        }
        Flow::On
    }

    /// Expands an alias where it stands; its content keeps the place where it was written.
    fn alias(&mut self, place: Place, anchor: usize) -> Flow {
        let Some(node) = self.anchors.get(&anchor).cloned() else {
            self.report.error(&place, "an alias stands inside of what it repeats", "");
            return self.add(null(place), 0);
        };
        self.nodes += node.size() - 1;
        self.add(node, 0)
    }

    fn open(&mut self, place: Place, anchor: usize, value: Value) {
        self.stack.push(Frame { place, anchor, value, key: None, seen: HashSet::new() });
    }

    /// Puts a complete value where it belongs.
    fn add(&mut self, node: Node, anchor: usize) -> Flow {
        self.nodes += 1;
        if self.nodes > CONFIG_NODES_MAX {
            self.report.error(
                &node.place,
                format!("more than {CONFIG_NODES_MAX} values in one file"),
                "aliases count as what they stand for",
            );
            return Flow::Stop;
        }
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(frame) = self.stack.last_mut() else {
            self.root = Some(node);
            return Flow::On;
        };
        match (&mut frame.value, frame.key.take()) {
            (Value::List(items), _) => items.push(node),
            (Value::Map(entries), Some((key, key_place))) => {
                if frame.seen.insert(key.clone()) {
                    entries.push(Entry { key, key_place, node });
                } else {
                    self.report.error(&key_place, format!("`{}` is written twice here", Text::cut(&key, 64)), "keep one of them");
                    let above = self.stack.iter().filter_map(|frame| frame.key.as_ref()).map(|(key, _)| key);
                    mask(&node, above.chain([&key]).fold(Secrecy::Open, |secrecy, key| secrecy.under(key)), self.report);
                }
            }
            (Value::Map(_), None) => {
                let Node { place, value } = node;
                let Value::Scalar(Scalar { text: key, .. }) = value else {
                    self.report.error(&place, "a key must be a word", "");
                    return Flow::Stop;
                };
                if key.len() > CONFIG_KEY_BYTES_MAX {
                    self.report.error(&place, format!("a key longer than {CONFIG_KEY_BYTES_MAX} bytes"), "");
                }
                frame.key = Some((key, place));
            }
            (Value::Scalar(_), _) => {}
        }
        Flow::On
    }

    fn refuse_tag(&mut self, span: Span) {
        if let Some(tag) = span.tag_span() {
            self.report.error(&self.place(tag), "tags are not supported", "leave out the word that begins with `!`");
        }
    }

    /// Reports what is not YAML. Nothing is known about the line yet, so it is not shown when it may
    /// hold a secret.
    fn broken(&mut self, error: &ScanError) -> Flow {
        let mut place = self.place(Span::empty(*error.marker()));
        if error.marker().byte_offset().is_none() {
            place.bytes = self.text.len()..self.text.len();
        }
        let (head, tail) = self.text.split_at_checked(place.bytes.start).unwrap_or((self.text, ""));
        let above = head.rsplit(['\n', '\r']).filter(|line| !line.is_empty()).take(2);
        let is_secret =
            |line: &str| may_name_secret(line) || ["key", "headers", "env", "@"].iter().any(|sign| line.contains(sign));
        if above.chain(tail.lines().next()).any(is_secret) {
            place.bytes = usize::MAX..usize::MAX;
        }
        let info = error.info();
        let hint = if info.contains("tab") { "indent with spaces" } else { "" };
        self.report.error(&place, format!("this is not YAML: {}", Text::new(&info)), hint);
        Flow::Stop
    }

    /// Masks what was read of a document that cannot be read to its end: problems found before are still shown.
    fn mask_rest(&mut self) {
        let mut secrecy = Secrecy::Open;
        for Frame { place, value, key, .. } in std::mem::take(&mut self.stack) {
            mask(&Node { place, value }, secrecy, self.report);
            secrecy = key.map_or(secrecy, |(key, _)| secrecy.under(&key));
        }
    }

    fn place(&self, span: Span) -> Place {
        let offset = |marker: Marker| marker.byte_offset().unwrap_or(0);
        let start = offset(span.start);
        // A block scalar reaches to the next token; the white space between them is not part of it.
        let written = self.text.get(start..offset(span.end)).unwrap_or_default().trim_end();
        let (line, column) = (span.start.line().max(1), span.start.col() + 1);
        Place { source: self.source, line, column, bytes: start..start + written.len() }
    }
}

fn null(place: Place) -> Node {
    Node { place, value: Value::Scalar(Scalar { text: String::new(), style: Style::Plain }) }
}

/// Whether a name (of a header, a variable, a key) is one under which secrets are kept.
pub(super) fn may_name_secret(name: &str) -> bool {
    const SIGNS: [&str; 12] = [
        "authorization",
        "token",
        "secret",
        "password",
        "passwd",
        "cookie",
        "credential",
        "api-key",
        "api_key",
        "apikey",
        "-key",
        "_key",
    ];
    let name = name.to_ascii_lowercase();
    name.trim_start().starts_with("key") || SIGNS.iter().any(|sign| name.contains(sign))
}

/// Whether a text may be a URL with a user and a password, with or without its scheme.
pub(super) fn may_hold_credentials(text: &str) -> bool {
    text.contains(':') && text.contains('@')
}

/// Masks what may be a secret, wherever it stands: what `headers` and `env` hold, the value of a key
/// whose name tells, and the credentials in a URL. References are not secret.
pub(super) fn mask_secrets(node: &Node, report: &mut Report) {
    mask(node, Secrecy::Open, report);
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Secrecy {
    Open,
    Secret,
}

impl Secrecy {
    fn under(self, key: &str) -> Self {
        if matches!(key, "headers" | "env" | "url" | "sign") || may_name_secret(key) { Self::Secret } else { self }
    }
}

fn mask(node: &Node, secrecy: Secrecy, report: &mut Report) {
    match &node.value {
        Value::Scalar(Scalar { text, .. }) => {
            let reference = text.starts_with("env:") || text.starts_with("file:");
            if !text.is_empty() && (may_hold_credentials(text) || (secrecy == Secrecy::Secret && !reference)) {
                report.mask(&node.place);
            }
        }
        Value::List(items) => items.iter().for_each(|item| mask(item, secrecy, report)),
        Value::Map(entries) => entries.iter().for_each(|entry| mask(&entry.node, secrecy.under(&entry.key), report)),
    }
}

//! Signs that a tool's texts give orders to the model that reads them. A sign is no proof: it names the words,
//! and a person decides.
//!
//! All that a model is given is read: titles, descriptions, and the words inside of schemas. The patterns are
//! words with gaps between them; none was found in the tools of npm's filesystem and everything servers.

use std::collections::BTreeSet;
use std::ops::Range;

use serde_json::Value;
use vitals_model::drift::{Sign, SignKind};
use vitals_model::text::Text;
use vitals_model::tool::{Definition, Field, ToolSet};

use super::words::{self, Part, Word, is_hidden};

/// Most signs told of one server; a page of orders is one finding, not a thousand.
pub const SIGNS_MAX: usize = 64;

/// Characters of an excerpt, and those of them that stand before the words themselves.
const EXCERPT_CHARS_MAX: usize = 80;
const LEAD_CHARS: usize = 8;

/// Deepest place in a schema whose words are read.
const DEPTH_MAX: usize = 64;

/// A run of encoded data that nobody needs in a description: a SHA-512 in hexadecimal has 128.
const ENCODED_CHARS_MIN: usize = 130;

/// White space that pushes text out of sight: more than a screen is wide, or as many lines as it has.
const SPACES_MIN: usize = 120;
const LINES_MIN: usize = 20;

/// Shortest name of another server's tool that is looked for; shorter ones are words of every day.
const NAME_CHARS_MIN: usize = 6;

const NOT: &[&str] = &["not", "dont", "never", "without", "cannot", "mustnt", "shouldnt"];
const USER: &[&str] = &["user", "users", "human", "operator"];
const INSTRUCTIONS: &[&str] =
    &["instruction", "instructions", "prompt", "prompts", "directions", "guidelines", "rules", "directives"];
const USING: &[&str] = &["using", "use", "calling", "call", "invoking", "invoke", "running"];

/// Patterns of words by sign.
const PATTERNS: &[(SignKind, &[Part])] = &[
    (
        SignKind::Override,
        &[
            (0, &["ignore", "disregard", "forget", "override", "bypass"]),
            (4, &["previous", "prior", "earlier", "above", "preceding", "system", "your"]),
            (2, INSTRUCTIONS),
        ],
    ),
    (
        SignKind::Override,
        &[(0, &["reveal", "print", "repeat", "output", "show", "leak", "include"]), (4, &["system"]), (0, &["prompt"])],
    ),
    (
        SignKind::Override,
        &[
            (0, &["these", "this", "following"]),
            (2, INSTRUCTIONS),
            (3, &["override", "overrides", "supersede", "supersedes", "precedence", "priority"]),
        ],
    ),
    (
        SignKind::Concealment,
        &[
            (0, NOT),
            (
                1,
                &["tell", "telling", "inform", "informing", "notify", "notifying", "alert", "alerting", "warn", "warning", "let"],
            ),
            (3, USER),
        ],
    ),
    (
        SignKind::Concealment,
        &[
            (0, NOT),
            (1, &["mention", "mentioning", "reveal", "revealing", "disclose", "disclosing"]),
            (6, &["user", "users", "human", "instruction", "instructions"]),
        ],
    ),
    (SignKind::Concealment, &[(0, &["hide", "conceal"]), (4, &["from"]), (2, USER)]),
    (SignKind::Concealment, &[(0, &["secretly", "covertly"])]),
    (
        SignKind::HandOver,
        &[
            (0, &["send", "forward", "upload", "include", "append", "pass", "post", "submit", "exfiltrate", "summarize"]),
            (5, &["conversation", "chat", "message", "messages"]),
            (1, &["history", "context", "log", "transcript"]),
        ],
    ),
    (
        SignKind::HandOver,
        &[
            (0, &["send", "forward", "upload", "append", "post", "submit", "exfiltrate", "bcc"]),
            (5, &["credentials", "passwords", "secrets", "tokens", "keys"]),
            (4, &["to", "into", "in"]),
        ],
    ),
    (
        SignKind::OtherTool,
        &[
            (0, &["before", "after", "when", "whenever"]),
            (1, USING),
            (2, &["any", "other", "another", "every", "all"]),
            (2, &["tool", "tools"]),
        ],
    ),
    (
        SignKind::OtherTool,
        &[(0, &["instead"]), (0, &["of"]), (1, USING), (2, &["any", "other", "another"]), (2, &["tool", "tools"])],
    ),
];

/// Verbs that make the name of a secret file an order.
const FETCH: &[&str] =
    &["read", "open", "cat", "load", "include", "send", "pass", "copy", "upload", "provide", "paste", "attach", "fetch"];

/// Files that hold secrets, as they are written.
const SECRET_FILES: &[&str] = &[
    "/.ssh",
    "id_rsa",
    "id_ed25519",
    "/.aws",
    "/etc/passwd",
    "/etc/shadow",
    "/.kube/config",
    "/.netrc",
    "/.npmrc",
    "/.docker/config",
    "/.gnupg",
    ".cursor/mcp.json",
    "claude_desktop_config.json",
    "/.git-credentials",
];

/// Names of elements that only a model heeds.
const TAGS: &[&str] = &[
    "important",
    "system",
    "instruction",
    "instructions",
    "secret",
    "hidden",
    "admin",
    "critical",
    "priority",
    "assistant",
    "im_start",
    "sys",
    "s",
    "inst",
    "override",
];

/// The signs in the tools of one server that are not as they were approved, and how many the others have.
/// `names` are those of all tools of all servers.
pub fn unapproved(tools: &ToolSet, approved: Option<&ToolSet>, names: &BTreeSet<&str>) -> (Vec<Sign>, usize) {
    let (mut signs, mut accepted) = (Vec::new(), 0);
    for (name, definition) in tools.definitions() {
        let known = approved.and_then(|approved| approved.get(name.as_str()));
        let is_other = |word: &str| is_a_name(word) && names.contains(word) && !tools.has(word);
        let found = of_tool(name, definition, &is_other);
        if known.is_some_and(|known| known.digest() == definition.digest()) {
            accepted += found.len();
        } else {
            signs.extend(found.into_iter().take(SIGNS_MAX - signs.len()));
        }
    }
    (signs, accepted)
}

fn of_tool(name: &Text, definition: &Definition, is_other: &dyn Fn(&str) -> bool) -> Vec<Sign> {
    let mut signs = Vec::new();
    let Some(value) = definition.value() else { return signs };
    for field in Field::ALL {
        let Some(value) = value.get(field.as_str()) else { continue };
        each_text(value, "", 0, &mut |path, text| {
            for (kind, excerpt) in of_text(text, is_other) {
                signs.push(Sign { kind, tool: name.clone(), field, path: path.to_owned(), excerpt });
            }
        });
    }
    signs
}

/// A word that is plainly a name, such as `read_file` or `readFile`.
fn is_a_name(name: &str) -> bool {
    name.len() >= NAME_CHARS_MIN && (name.contains(['_', '-']) || name.chars().skip(1).any(char::is_uppercase))
}

/// Every text below a value: names of properties are read too, a model sees them.
fn each_text(value: &Value, path: &str, depth: usize, read: &mut impl FnMut(&str, &str)) {
    if depth > DEPTH_MAX {
        return;
    }
    match value {
        Value::String(text) => read(path, text),
        Value::Array(items) => items.iter().for_each(|item| each_text(item, path, depth + 1, read)),
        Value::Object(map) => {
            for (name, value) in map {
                let path = format!("{path}{}{}", if path.is_empty() { "" } else { "." }, Text::cut(name, EXCERPT_CHARS_MAX));
                read(&path, name);
                each_text(value, &path, depth + 1, read);
            }
        }
        _ => {}
    }
}

/// The signs in one text, each kind once, with the words that show it.
fn of_text(text: &str, is_other: &dyn Fn(&str) -> bool) -> Vec<(SignKind, Text)> {
    let mut found = Vec::new();
    let mut say = |kind: SignKind, span: Range<usize>| {
        if !found.iter().any(|(known, _)| *known == kind) {
            found.push((kind, excerpt(text, &span)));
        }
    };
    if let Some(at) = hidden(text) {
        say(SignKind::HiddenText, at..at + 1);
    }
    if let Some(span) = tag(text) {
        say(SignKind::OrderTag, span);
    }
    let words = words::split(text);
    for (kind, pattern) in PATTERNS {
        if let Some(span) = words::find(&words, pattern) {
            say(*kind, span);
        }
    }
    if let Some(span) = secret_file(text, &words) {
        say(SignKind::SecretFile, span);
    }
    if let Some(span) = other_tool(text, is_other) {
        say(SignKind::OtherTool, span);
    }
    if let Some(span) = encoded(text) {
        say(SignKind::EncodedData, span);
    }
    if let Some(at) = out_of_sight(text) {
        say(SignKind::OutOfSight, at..text.len());
    }
    found
}

/// The words of a span with a little of what stands before, harmless.
fn excerpt(text: &str, span: &Range<usize>) -> Text {
    let lead = text[..span.start].char_indices().rev().nth(LEAD_CHARS).map_or(0, |(at, _)| at);
    Text::cut(text[lead..].trim_start(), EXCERPT_CHARS_MAX)
}

/// Hidden characters. Joiners belong into emoji and into many scripts: they are a sign between ASCII letters
/// only; a mark at the very beginning is a byte order mark.
fn hidden(text: &str) -> Option<usize> {
    let mut before = None;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = chars.peek().map(|(_, c)| *c);
        let is_sign = match c {
            '\u{200c}' | '\u{200d}' | '\u{200e}' | '\u{200f}' => {
                before.is_some_and(|c: char| c.is_ascii()) && after.is_some_and(|c| c.is_ascii())
            }
            '\u{feff}' => at > 0,
            // A flag of emoji spells its region with tags.
            '\u{e0000}'..='\u{e007f}' => !text.contains('\u{1f3f4}'),
            c => is_hidden(c),
        };
        if is_sign {
            return Some(at);
        }
        before = Some(c);
    }
    None
}

/// `<IMPORTANT>`, `</system>`, `<|im_start|>`, `[SYSTEM]`, or an HTML comment.
fn tag(text: &str) -> Option<Range<usize>> {
    if let Some(at) = text.find("<!--") {
        return Some(at..at + 4);
    }
    let is_open = |c: char| matches!(c, '<' | '[');
    text.match_indices(is_open).find_map(|(at, open)| {
        let rest = &text[at + 1..];
        let close = if open == "<" { '>' } else { ']' };
        let name = rest.get(..rest.find(close)?)?;
        let end = at + 1 + name.len() + 1;
        let bare = name.trim_matches(|c: char| matches!(c, '/' | '|') || c.is_whitespace());
        let known = TAGS.contains(&bare.to_lowercase().as_str());
        // `<system>` and `[system]` are place-holders; what is shouted, closed or a chat model's mark is not.
        let is_shouted = bare.len() > 2 && !bare.chars().any(char::is_lowercase);
        let is_closed = || text.to_lowercase().contains(&format!("</{}>", bare.to_lowercase()));
        let is_mark = name.starts_with('|');
        (known && (is_shouted || is_mark || open == "<" && is_closed())).then_some(at..end)
    })
}

/// The name of a file with secrets, and an order to fetch it in the same sentence.
fn secret_file(text: &str, words: &[Word]) -> Option<Range<usize>> {
    let lower = text.to_ascii_lowercase();
    SECRET_FILES.iter().filter_map(|file| lower.find(file).map(|at| at..at + file.len())).find_map(|span| {
        let before = words.iter().rev().skip_while(|word| word.span.start >= span.start);
        let order = before.take_while(|word| !word.text.is_empty()).find(|word| FETCH.contains(&word.text.as_str()))?;
        Some(order.span.start..span.end)
    })
}

/// The name of another server's tool.
fn other_tool(text: &str, is_other: &dyn Fn(&str) -> bool) -> Option<Range<usize>> {
    let words = text.split(|c: char| !c.is_alphanumeric() && !matches!(c, '_' | '-'));
    words.filter(|word| is_other(word)).map(|word| place_of(word, text)).next()
}

/// Where a part of `text` stands in it.
fn place_of(part: &str, text: &str) -> Range<usize> {
    let at = part.as_ptr() as usize - text.as_ptr() as usize;
    at..at + part.len()
}

/// A long run of base64 or hexadecimal. A path or a URL has more slashes, and words have no digits.
fn encoded(text: &str) -> Option<Range<usize>> {
    let is_code = |c: char| c.is_ascii_alphanumeric() || matches!(c, '+' | '/' | '=' | '_' | '-');
    text.split(|c| !is_code(c)).filter(|run| run.len() >= ENCODED_CHARS_MIN).find_map(|run| {
        let count = |is: fn(&u8) -> bool| run.bytes().filter(is).count();
        let digits = count(u8::is_ascii_digit);
        let marks = count(|b| matches!(b, b'/' | b'_' | b'-'));
        (digits * 50 >= run.len() && marks * 10 <= run.len()).then(|| place_of(run, text))
    })
}

/// Text after so much white space that a reader does not see it.
fn out_of_sight(text: &str) -> Option<usize> {
    let (mut spaces, mut lines) = (0, 0);
    for (at, c) in text.char_indices() {
        match c {
            '\n' => lines += 1,
            c if c.is_whitespace() => spaces += 1,
            _ if spaces >= SPACES_MIN || lines >= LINES_MIN => return Some(at),
            _ => (spaces, lines) = (0, 0),
        }
    }
    None
}

#[cfg(test)]
mod tests;

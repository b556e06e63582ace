//! Which categories a prompt asks for, by keywords. Clients ask in words of their own, so the user's part is
//! looked for: what follows the last "prompt:" or "request:", or all of it.

use serde_json::{Value, json};

/// Words that tell a category, in lower case. Plurals and endings come with their stem.
const KEYWORDS: [(&str, &[&str]); 6] = [
    ("filesystem", &["file", "folder", "director", "disk", "path", "readme"]),
    ("search", &["search", "find", "look up", "lookup"]),
    ("math", &["math", "add ", "sum", "multipl", "calculat", "number", "plus", "times"]),
    ("web", &["web", "url", "http", "browser", "internet", "fetch", "page"]),
    ("database", &["database", "sql", "query", "queries", "table"]),
    ("git", &["git", "commit", "branch", "repositor", "pull request", "issue"]),
];

/// Names that lists of categories use. Three of them in a row, with commas or quotes between, are such a list.
const NAMES: [&str; 20] = [
    "filesystem",
    "search",
    "math",
    "web",
    "database",
    "git",
    "github",
    "echo",
    "memory",
    "communication",
    "code",
    "media",
    "other",
    "development",
    "system",
    "data",
    "files",
    "utility",
    "browser",
    "general",
];

/// Names of one category in different lists.
const SAME: [(&str, &[&str]); 4] =
    [("filesystem", &["files"]), ("math", &["echo", "utility"]), ("web", &["browser"]), ("git", &["github", "code"])];

/// What stands before the user's words.
const MARKS: [&str; 4] = ["prompt:", "prompt\":", "request:", "request\":"];

/// Fewest names that make a list.
const LIST_NAMES_MIN: usize = 3;

/// Confidence of an answer with a category, and of one without.
const CONFIDENCE: [f64; 2] = [0.95, 0.2];

/// The text of a request's contents; `None` when there is none.
pub(super) fn prompt(request: &Value) -> Option<String> {
    let contents = request.get("contents")?;
    // Gemini takes one content as well as a list of them.
    let contents = contents.as_array().map_or_else(|| std::slice::from_ref(contents), Vec::as_slice);
    let parts = contents.iter().filter_map(|content| content.get("parts")?.as_array()).flatten();
    let texts: Vec<_> = parts.filter_map(|part| part.get("text")?.as_str()).collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// The answer to it, as the JSON text of a model that was asked for JSON.
pub(super) fn answer(text: &str) -> String {
    let text = text.to_lowercase();
    let (allowed, rest) = split(&text);
    let mut found = Vec::new();
    for (category, words) in KEYWORDS {
        if words.iter().any(|word| begins_a_word(rest, word))
            && let Some(name) = name_in(&allowed, category)
            && !found.contains(&name)
        {
            found.push(name);
        }
    }
    let reasoning = match found.as_slice() {
        [] => "No keyword of a category is in the prompt.".to_owned(),
        found => format!("The prompt speaks of {}.", found.join(", ")),
    };
    json!({ "categories": found, "confidence": CONFIDENCE[usize::from(found.is_empty())], "reasoning": reasoning }).to_string()
}

/// The categories that a request names, or else our own, and the text in which the user is to be heard.
fn split(text: &str) -> (Vec<&str>, &str) {
    let (listed, end) = list(text);
    let allowed = if listed.is_empty() { KEYWORDS.map(|(name, _)| name).to_vec() } else { listed };
    let marked = MARKS.iter().filter_map(|mark| text.rfind(mark).map(|at| at + mark.len())).max();
    // Without a mark, what a list names is not what the user asks for.
    (allowed, &text[marked.unwrap_or(end)..])
}

/// The first list of categories in a text, and where it ends; nothing, at the start, without one.
fn list(text: &str) -> (Vec<&str>, usize) {
    let (mut found, mut end, mut at) = (Vec::new(), 0, 0);
    for piece in text.split_inclusive([',', '\n', '"', '\'', '`', '[', ']', ':', '|']) {
        at += piece.len();
        let name = piece.trim_matches(|c: char| !c.is_alphanumeric());
        if NAMES.contains(&name) {
            found.push(name);
            end = at;
        } else if name.is_empty() {
            // Between a quote and a comma.
        } else if found.len() >= LIST_NAMES_MIN {
            break;
        } else {
            found.clear();
        }
    }
    if found.len() < LIST_NAMES_MIN { (Vec::new(), 0) } else { (found, end) }
}

/// What a list calls a category.
fn name_in<'a>(allowed: &[&'a str], category: &str) -> Option<&'a str> {
    let others = SAME.iter().find(|(name, _)| *name == category).map_or(&[][..], |(_, others)| others);
    let is = |name: &str| allowed.iter().find(|allowed| **allowed == name).copied();
    is(category).or_else(|| others.iter().find_map(|name| is(name)))
}

fn begins_a_word(text: &str, word: &str) -> bool {
    text.match_indices(word).any(|(at, _)| !text[..at].ends_with(char::is_alphanumeric))
}

//! The categories that tools are sorted into, and the words that say so. One table serves both sides: a
//! tool is of the category that its name speaks of, and a prompt asks for those that it speaks of.

use std::collections::BTreeSet;

use crate::hub::backend::Listed;

/// What a tool is for.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub(crate) enum Category {
    Filesystem,
    Git,
    Database,
    Web,
    Math,
    Echo,
    Search,
    /// No word of its name is known.
    Other,
}

/// The words of each category, in the order in which they are looked for: the first that speaks decides
/// on a tool. `Search` stands last, because files and repositories are searched too.
const WORDS: [(Category, &[&str]); 7] = [
    (Category::Filesystem, &["filesystem", "fs", "file", "files", "folder", "folders", "directory", "directories", "disk"]),
    (Category::Git, &["git", "github", "commit", "commits", "branch", "repository", "repositories", "repo", "issue", "issues"]),
    (Category::Database, &["database", "databases", "db", "sql", "sqlite", "postgres", "table", "tables"]),
    (Category::Web, &["web", "website", "http", "https", "url", "fetch", "browser", "page", "pages", "download"]),
    (Category::Math, &["math", "add", "sum", "plus", "multiply", "calculate", "calculator", "arithmetic", "number", "numbers"]),
    (Category::Echo, &["echo", "repeat", "about"]),
    (Category::Search, &["search", "find", "lookup", "grep"]),
];

impl Category {
    /// All of them.
    pub(crate) const ALL: [Self; 8] =
        [Self::Filesystem, Self::Git, Self::Database, Self::Web, Self::Math, Self::Echo, Self::Search, Self::Other];

    /// Those of the exposure `minimal`.
    pub(crate) const MINIMAL: [Self; 2] = [Self::Filesystem, Self::Search];

    /// The category as a word.
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Git => "git",
            Self::Database => "database",
            Self::Web => "web",
            Self::Math => "math",
            Self::Echo => "echo",
            Self::Search => "search",
            Self::Other => "other",
        }
    }

    /// Reads the word.
    pub(crate) fn parse(word: &str) -> Option<Self> {
        let word = word.trim();
        Self::ALL.into_iter().find(|category| category.as_str().eq_ignore_ascii_case(word))
    }

    /// The category of a tool: its own name speaks first, then its server's.
    pub(crate) fn of(listed: &Listed) -> Self {
        let full = listed.tool.name.as_ref();
        let own = full.split_once("__").map_or(full, |(_, own)| own);
        spoken(own).next().or_else(|| spoken(&listed.server).next()).unwrap_or(Self::Other)
    }

    /// The categories that a prompt speaks of; [`Category::Other`] when it speaks of none.
    pub(crate) fn asked(prompt: &str) -> BTreeSet<Self> {
        let asked: BTreeSet<_> = spoken(prompt).collect();
        if asked.is_empty() { BTreeSet::from([Self::Other]) } else { asked }
    }
}

/// The categories that a text speaks of, in the table's order.
fn spoken(text: &str) -> impl Iterator<Item = Category> {
    let text = text.to_lowercase();
    WORDS.into_iter().filter_map(move |(category, words)| {
        text.split(|c: char| !c.is_alphanumeric()).any(|word| words.contains(&word)).then_some(category)
    })
}

//! The repository's own rules, those that neither the compiler nor clippy can hold.
//!
//! Rules are pure: they see the repository as text in memory and return what is broken. Each has a
//! reason and a way out, both printed, and a test with a good and a bad sample. None changes a file.

mod crates;
mod docs;
mod rust;
mod text;

use std::fmt;
use std::path::{Path, PathBuf};

/// Largest file read, in bytes; a larger one is listed (links to it resolve) and not looked into.
const FILE_BYTES_MAX: u64 = 4 << 20;

/// Folders that hold what is built or fetched, never what is written.
const NOT_OURS: [&str; 3] = [".git", "target", "node_modules"];

/// One rule: what it is called, why it is there, and what to do when it is broken.
#[derive(Debug)]
pub struct Rule {
    /// Name.
    pub id: &'static str,
    /// The reason.
    pub why: &'static str,
    /// The way out.
    pub fix: &'static str,
}

/// A place where a rule is broken.
#[derive(Debug)]
pub struct Violation {
    /// File, relative to the repository.
    pub path: String,
    /// Line, from 1.
    pub line: usize,
    /// The broken rule.
    pub rule: &'static Rule,
    /// What was found.
    pub found: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, rule, found } = self;
        write!(f, "{path}:{line}: {}: {found}\n  why: {}\n  do:  {}", rule.id, rule.why, rule.fix)
    }
}

/// A file of the repository.
#[derive(Debug)]
struct File {
    /// Path relative to the repository, with `/`.
    path: String,
    /// Content; empty for a file that is too large or not UTF-8.
    text: String,
}

impl File {
    fn is_rust(&self) -> bool {
        has_extension(&self.path, "rs")
    }

    fn broken(&self, rule: &'static Rule, line: usize, found: impl Into<String>) -> Violation {
        Violation { path: self.path.clone(), line, rule, found: found.into() }
    }

    /// Lines with their number from 1.
    fn lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.text.lines().enumerate().map(|(n, line)| (n + 1, line))
    }
}

fn has_extension(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|e| e == extension)
}

/// The repository in memory.
#[derive(Debug)]
pub struct Repo {
    files: Vec<File>,
}

impl Repo {
    /// Reads every file under `root` except what is built or fetched. It asks no git, so that it says
    /// the same in a checkout, a worktree and an unpacked archive.
    ///
    /// # Errors
    /// When a folder or a file cannot be read.
    pub fn read(root: &Path) -> std::io::Result<Self> {
        let mut files = Vec::new();
        let mut folders = vec![root.to_owned()];
        while let Some(folder) = folders.pop() {
            for entry in std::fs::read_dir(&folder)? {
                let entry = entry?;
                let kind = entry.file_type()?;
                if kind.is_dir() && !NOT_OURS.iter().any(|n| entry.file_name() == *n) {
                    folders.push(entry.path());
                } else if kind.is_file() && entry.file_name() != ".git" {
                    files.push(File { path: relative(root, &entry.path()), text: read_text(&entry.path())? });
                }
            }
        }
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(Self { files })
    }

    /// How many files it has.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether it has no file.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    fn file(&self, path: &str) -> Option<&File> {
        self.files.iter().find(|f| f.path == path)
    }

    #[cfg(test)]
    fn of(files: &[(&str, &str)]) -> Self {
        let file = |&(path, text): &(&str, &str)| File { path: path.to_owned(), text: text.to_owned() };
        Self { files: files.iter().map(file).collect() }
    }
}

fn relative(root: &Path, path: &Path) -> String {
    path.strip_prefix(root).unwrap_or(path).to_string_lossy().replace('\\', "/")
}

fn read_text(path: &PathBuf) -> std::io::Result<String> {
    if std::fs::metadata(path)?.len() > FILE_BYTES_MAX {
        return Ok(String::new());
    }
    Ok(String::from_utf8(std::fs::read(path)?).unwrap_or_default())
}

/// Everything that is broken, in order of file and line.
pub fn check(repo: &Repo) -> Vec<Violation> {
    let rules = [crates::check, rust::check, text::check, docs::check];
    let mut broken: Vec<Violation> = rules.iter().flat_map(|rule| rule(repo)).collect();
    broken.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    broken
}

/// What a rule says about these files: `path:line rule`, for tests.
#[cfg(test)]
fn said(broken: &[Violation]) -> Vec<String> {
    broken.iter().map(|v| format!("{}:{} {}", v.path, v.line, v.rule.id)).collect()
}

#[cfg(test)]
mod tests;

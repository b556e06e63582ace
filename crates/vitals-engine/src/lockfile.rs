//! The lock file: the tools that an operator approved, as JSON made for version control. One fact is one line,
//! the order is always the same, and no line changes without cause.
//!
//! ```text
//! {
//!   "format": "mcp-vitals.lock",
//!   "version": 1,
//!   "servers": {
//!     "filesystem": {
//!       "read_file": {
//!         "sha256": "…",
//!         "description": "…",
//!         "inputSchema": {
//! ```
//!
//! `sha256` is the hash of the tool's canonical JSON (RFC 8785), its name included: a file that was changed by
//! hand, or by half a merge, does not pass for an approval.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;

use serde_json::{Map, Value};
use vitals_model::canonical::canonical;
use vitals_model::config::TargetSettings;
use vitals_model::text::Text;
use vitals_model::tool::{Definition, Field, LockFile, Pins, ToolSet};

/// The lock file of a target whose configuration names none, in the current folder.
pub const NAME: &str = "mcp-vitals.lock";

/// Largest lock file read, in bytes: four times the largest list of tools.
const BYTES_MAX: u64 = 32 << 20;

/// What `format` says.
const FORMAT: &str = NAME;

/// The version that is read and written.
const VERSION: u64 = 1;

/// The key of a tool's hash.
const HASH: &str = "sha256";

/// How the lines of an unresolved merge begin (git, `merge-conflict-marker-size` 7).
const CONFLICTS: [&str; 4] = ["<<<<<<<", "|||||||", "=======", ">>>>>>>"];

/// Why a lock file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum LockFileError {
    /// The file system says no.
    #[error("cannot {what}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: std::io::Error,
    },
    /// It is larger than [`BYTES_MAX`].
    #[error("larger than {} MB", BYTES_MAX >> 20)]
    TooLarge,
    /// A merge was not finished.
    #[error("line {line}: an unresolved merge conflict")]
    Conflict {
        /// Where it begins.
        line: usize,
    },
    /// It is no JSON.
    #[error("line {line}, column {column}: not JSON")]
    NotJson {
        /// Line.
        line: usize,
        /// Column.
        column: usize,
        /// Why not.
        source: serde_json::Error,
    },
    /// It is JSON and no lock file.
    #[error("not a lock file of mcp-vitals: {0}")]
    Foreign(String),
    /// A later version of the format.
    #[error("version {0} of the format, this program reads version {VERSION}")]
    Version(String),
    /// A tool is not what its hash says.
    #[error("tool `{tool}` of server `{server}` is not what its sha256 says")]
    Hash {
        /// The server.
        server: Text,
        /// The tool.
        tool: Text,
    },
}

/// Where the lock file of a target is.
pub fn path_of(settings: &TargetSettings) -> PathBuf {
    settings.lock.clone().unwrap_or_else(|| NAME.into())
}

/// What identifies one state of a file without reading it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Stamp(PathBuf, Option<(SystemTime, u64)>);

/// The state of the file at `path` now.
pub fn stamp(path: &Path) -> Stamp {
    let seen = fs::metadata(path).ok().and_then(|seen| Some((seen.modified().ok()?, seen.len())));
    Stamp(path.to_owned(), seen)
}

/// Looks at the lock file at `path`. What cannot be read is told, never taken for an empty one.
pub fn look(path: &Path) -> LockFile {
    match read(path) {
        Ok(Some(pins)) => LockFile::Read { path: path.to_owned(), pins: Arc::new(pins) },
        Ok(None) => LockFile::Absent,
        Err(error) => {
            let why = std::iter::successors(Some(&error as &dyn std::error::Error), |error| error.source());
            LockFile::Damaged { path: path.to_owned(), why: why.map(ToString::to_string).collect::<Vec<_>>().join(": ") }
        }
    }
}

/// Reads the lock file at `path`; `None` when there is none.
///
/// # Errors
/// Whatever is wrong with it, with the place.
pub fn read(path: &Path) -> Result<Option<Pins>, LockFileError> {
    let io = |source| LockFileError::Io { what: "read it", source };
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(io(source)),
    };
    let mut text = String::new();
    file.take(BYTES_MAX + 1).read_to_string(&mut text).map_err(io)?;
    if text.len() as u64 > BYTES_MAX {
        return Err(LockFileError::TooLarge);
    }
    parse(&text).map(Some)
}

/// Writes the lock file at `path`, whole or not at all; `false` when it holds that already.
///
/// # Errors
/// [`LockFileError::Io`]; the file is then what it was.
pub fn write(path: &Path, pins: &Pins) -> Result<bool, LockFileError> {
    let text = show(pins);
    // A link goes on to point to the file.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    if fs::read(path).is_ok_and(|now| now == text.as_bytes()) {
        return Ok(false);
    }
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut aside = path.file_name().unwrap_or_default().to_owned();
    aside.push(format!(".{}.new", std::process::id()));
    let aside = folder.join(aside);
    let written = replace(path, &aside, folder, text.as_bytes());
    if written.is_err() {
        let _ = fs::remove_file(&aside);
    }
    written.map(|()| true).map_err(|source| LockFileError::Io { what: "write it", source })
}

fn replace(path: &Path, aside: &Path, folder: &Path, text: &[u8]) -> std::io::Result<()> {
    let mut file = File::create(aside)?;
    if let Ok(old) = fs::metadata(path) {
        file.set_permissions(old.permissions())?;
    }
    file.write_all(text)?;
    file.sync_all()?;
    fs::rename(aside, path)?;
    File::open(folder)?.sync_all()
}

/// From text to pins.
fn parse(text: &str) -> Result<Pins, LockFileError> {
    let conflict = |(_, line): &(usize, &str)| CONFLICTS.iter().any(|mark| line.starts_with(mark));
    if let Some((n, _)) = text.lines().enumerate().find(conflict) {
        return Err(LockFileError::Conflict { line: n + 1 });
    }
    let file: Value = serde_json::from_str(text).map_err(|source| LockFileError::NotJson {
        line: source.line(),
        column: source.column(),
        source,
    })?;
    let foreign = |what: &str| LockFileError::Foreign(what.to_owned());
    if file.get("format").and_then(Value::as_str) != Some(FORMAT) {
        return Err(foreign("no \"format\" that says so"));
    }
    match file.get("version") {
        Some(version) if version.as_u64() == Some(VERSION) => {}
        version => return Err(LockFileError::Version(version.map_or("no".to_owned(), ToString::to_string))),
    }
    let servers = file.get("servers").and_then(Value::as_object).ok_or_else(|| foreign("no \"servers\""))?;
    let one = |(name, tools): (&String, &Value)| {
        let tools = tools.as_object().ok_or_else(|| foreign("a server that is no object"))?;
        Ok((Text::new(name), tools_of(name, tools)?))
    };
    Ok(Pins { servers: servers.iter().map(one).collect::<Result<_, _>>()? })
}

fn tools_of(server: &str, tools: &Map<String, Value>) -> Result<ToolSet, LockFileError> {
    let one = |(name, pinned): (&String, &Value)| {
        let mut tool = pinned.clone();
        let hash = || LockFileError::Hash { server: Text::new(server), tool: Text::new(name) };
        // The key is harmless text; the name itself stands in the tool where the two differ.
        let fields = tool.as_object_mut().ok_or_else(hash)?;
        fields.entry("name").or_insert_with(|| name.as_str().into());
        let definition = Definition::of(&tool);
        let says = pinned.get(HASH).and_then(Value::as_str);
        if says.is_none() || definition.hash().as_deref() != says {
            return Err(hash());
        }
        Ok((Text::new(name), definition))
    };
    tools.iter().map(one).collect()
}

/// From pins to text. Tools of which only a digest is known are left out: there is nothing to compare with.
fn show(pins: &Pins) -> String {
    let mut out = format!("{{\n  \"format\": \"{FORMAT}\",\n  \"version\": {VERSION},\n  \"servers\": ");
    let servers = pins.servers.iter().map(|(name, tools)| {
        let tools = tools.definitions().filter_map(|(name, definition)| Some((name.to_string(), tool(name, definition)?)));
        (name.to_string(), Shown::Map(tools.collect()))
    });
    Shown::Map(servers.collect()).write(1, &mut out);
    out.push_str("\n}\n");
    out
}

fn tool(name: &Text, definition: &Definition) -> Option<Shown> {
    let value = definition.value()?;
    let mut fields = vec![(HASH.to_owned(), Shown::Value(definition.hash()?.into()))];
    let own = value.get("name").filter(|own| own.as_str() != Some(name.as_str()));
    fields.extend(own.map(|own| ("name".to_owned(), Shown::Value(own.clone()))));
    let known =
        Field::ALL.iter().filter_map(|field| Some((field.as_str().to_owned(), Shown::Value(value.get(field.as_str())?.clone()))));
    fields.extend(known);
    Some(Shown::Map(fields))
}

/// JSON whose order is ours.
enum Shown {
    Map(Vec<(String, Shown)>),
    Value(Value),
}

impl Shown {
    /// Writes it with two spaces for each level; the definitions are at most as deep as what is read from a target.
    fn write(&self, level: usize, out: &mut String) {
        let items: Vec<(String, &Self)>;
        match self {
            Self::Map(fields) if fields.is_empty() => out.push_str("{}"),
            Self::Map(fields) => {
                items = fields.iter().map(|(name, shown)| (format!("{}: ", canonical(&name.as_str().into())), shown)).collect();
                Self::block(&items, level, ['{', '}'], out);
            }
            Self::Value(Value::Object(map)) if !map.is_empty() => {
                let mut fields: Vec<_> = map.iter().collect();
                fields.sort_unstable_by_key(|(name, _)| *name);
                let fields: Vec<_> = fields.into_iter().map(|(name, value)| (name.clone(), Self::Value(value.clone()))).collect();
                Self::Map(fields).write(level, out);
            }
            // Short lists, such as `required`, are one fact.
            Self::Value(Value::Array(list)) if list.iter().any(|item| item.is_object() || item.is_array()) => {
                let list: Vec<_> = list.iter().map(|item| Self::Value(item.clone())).collect();
                let items: Vec<_> = list.iter().map(|item| (String::new(), item)).collect();
                Self::block(&items, level, ['[', ']'], out);
            }
            Self::Value(value) => out.push_str(&canonical(value)),
        }
    }

    fn block(items: &[(String, &Self)], level: usize, [open, close]: [char; 2], out: &mut String) {
        out.push(open);
        for (n, (name, item)) in items.iter().enumerate() {
            out.push_str(if n == 0 { "\n" } else { ",\n" });
            out.push_str(&"  ".repeat(level + 1));
            out.push_str(name);
            item.write(level + 1, out);
        }
        out.push('\n');
        out.push_str(&"  ".repeat(level));
        out.push(close);
    }
}

#[cfg(test)]
mod tests;

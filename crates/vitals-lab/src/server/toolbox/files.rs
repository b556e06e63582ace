//! A server for the files below one folder, with the tools of the npm filesystem server that a lab needs,
//! under the same names and schemas. Files elsewhere are refused.

mod beneath;
mod wild;

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::Path;
use std::sync::Arc;

use rmcp::model::{CallToolResult, JsonObject, Tool, ToolAnnotations};
use serde_json::{Value, json};
use vitals_model::time::Timestamp;

use super::{argument, object, reads, text, tool};
use crate::server::ServerError;
use beneath::Root;

/// Largest file that is read or written, in bytes; a larger one is refused.
const CONTENT_BYTES_MAX: u64 = 1 << 20;

/// Most entries of one folder that are listed; the rest are counted.
const ENTRIES_MAX: usize = 10_000;

/// Most paths that one search looks at; the answer says when it stopped there.
const SEARCH_PATHS_MAX: usize = 10_000;

/// Deepest folder that a search looks into.
const SEARCH_DEPTH_MAX: usize = 32;

/// The server.
pub(in crate::server) struct Files {
    root: Arc<Root>,
}

/// Its tools. They declare no output schema, unlike npm's: a client that checks those would refuse an empty
/// answer before anybody could take it for success, which is a fault that a lab must be able to show.
pub(super) fn tools() -> Vec<Tool> {
    let path = json!({ "path": { "type": "string" } });
    let read = json!({
        "path": { "type": "string" },
        "tail": { "type": "number", "description": "If provided, returns only the last N lines of the file" },
        "head": { "type": "number", "description": "If provided, returns only the first N lines of the file" },
    });
    let write = json!({ "path": { "type": "string" }, "content": { "type": "string" } });
    let search = json!({ "path": { "type": "string" }, "pattern": { "type": "string" } });
    let writes = || ToolAnnotations::new().read_only(false).idempotent(true).open_world(false);
    vec![
        tool("read_text_file", "Read Text File", "Read a file as text, or its first or last lines.", object(&read, &["path"]))
            .annotate(reads()),
        tool("write_file", "Write File", "Create or overwrite a file.", object(&write, &["path", "content"]))
            .annotate(writes().destructive(true)),
        tool("create_directory", "Create Directory", "Create a folder, and those above it.", object(&path, &["path"]))
            .annotate(writes().destructive(false)),
        tool("list_directory", "List Directory", "List a folder, [FILE] or [DIR] before each name.", object(&path, &["path"]))
            .annotate(reads()),
        tool(
            "search_files",
            "Search Files",
            "Find files and folders by a pattern such as *.txt or **/*.txt.",
            object(&search, &["path", "pattern"]),
        )
        .annotate(reads()),
        tool("get_file_info", "Get File Info", "Size, times and permissions of a file or folder.", object(&path, &["path"]))
            .annotate(reads()),
        tool(
            "list_allowed_directories",
            "List Allowed Directories",
            "The folders that this server may use.",
            object(&json!({}), &[]),
        )
        .annotate(reads()),
    ]
}

impl Files {
    /// A server for this folder, which must be there.
    ///
    /// # Errors
    /// When it cannot be used.
    pub(super) fn new(folder: &Path) -> Result<Self, ServerError> {
        let root = Root::new(folder).map_err(|source| ServerError::Folder { path: folder.to_owned(), source })?;
        Ok(Self { root: Arc::new(root) })
    }

    pub(super) async fn call(&self, tool: &str, arguments: &JsonObject) -> Result<CallToolResult, String> {
        let (root, tool, arguments) = (Arc::clone(&self.root), tool.to_owned(), arguments.clone());
        let work = tokio::task::spawn_blocking(move || work(&root, &tool, &arguments));
        work.await.map_err(|e| e.to_string())?.map(text)
    }
}

/// One call, on a thread that may wait for the disk.
fn work(root: &Root, tool: &str, arguments: &JsonObject) -> Result<String, String> {
    let asked = argument(arguments, "path");
    match tool {
        "list_allowed_directories" => Ok(format!("Allowed directories:\n{}", root.folder().display())),
        "list_directory" => list(&root.existing(&asked)?),
        "read_text_file" => read(&root.existing(&asked)?, arguments),
        "get_file_info" => info(&root.existing(&asked)?),
        "search_files" => search(&root.existing(&asked)?, &argument(arguments, "pattern")),
        "create_directory" => {
            std::fs::create_dir_all(root.new_folder(&asked)?).map_err(|e| e.to_string())?;
            Ok(format!("Successfully created directory {asked}"))
        }
        "write_file" => {
            write(&root.file(&asked)?, &argument(arguments, "content"))?;
            Ok(format!("Successfully wrote to {asked}"))
        }
        other => Err(format!("no tool {other}")),
    }
}

fn list(folder: &Path) -> Result<String, String> {
    let entries = std::fs::read_dir(folder).map_err(|e| e.to_string())?;
    let (mut lines, mut more) = (Vec::new(), 0_u64);
    for entry in entries {
        let entry = entry.map_err(|e| e.to_string())?;
        if lines.len() == ENTRIES_MAX {
            more += 1;
            continue;
        }
        let kind = if entry.file_type().is_ok_and(|kind| kind.is_dir()) { "[DIR]" } else { "[FILE]" };
        lines.push(format!("{kind} {}", entry.file_name().to_string_lossy()));
    }
    lines.sort_unstable();
    if more > 0 {
        lines.push(format!("({more} more)"));
    }
    Ok(lines.join("\n"))
}

fn read(path: &Path, arguments: &JsonObject) -> Result<String, String> {
    let about = std::fs::metadata(path).map_err(|e| e.to_string())?;
    // A pipe or a device would be read for ever.
    if !about.is_file() {
        return Err("not a file".to_owned());
    }
    let mut content = String::new();
    let file = File::open(path).map_err(|e| e.to_string())?;
    file.take(CONTENT_BYTES_MAX + 1).read_to_string(&mut content).map_err(|e| e.to_string())?;
    if content.len() as u64 > CONTENT_BYTES_MAX {
        return Err(format!("larger than {CONTENT_BYTES_MAX} bytes"));
    }
    let count = |name| arguments.get(name).and_then(Value::as_f64).map(lines_of);
    match (count("head"), count("tail")) {
        (Some(_), Some(_)) => Err("cannot specify both head and tail parameters simultaneously".to_owned()),
        (Some(head), None) => Ok(content.lines().take(head).collect::<Vec<_>>().join("\n")),
        (None, Some(tail)) => {
            let lines: Vec<_> = content.lines().collect();
            Ok(lines[lines.len().saturating_sub(tail)..].join("\n"))
        }
        (None, None) => Ok(content),
    }
}

/// A number of lines out of JSON's only kind of number.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "the cast saturates, which is what is meant")]
fn lines_of(number: f64) -> usize {
    number as usize
}

fn write(path: &Path, content: &str) -> Result<(), String> {
    if content.len() as u64 > CONTENT_BYTES_MAX {
        return Err(format!("larger than {CONTENT_BYTES_MAX} bytes"));
    }
    // Neither a link that was put there in between, nor a pipe without a reader, is opened.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(true).custom_flags(flags.bits().cast_signed());
    options.open(path).and_then(|mut file| file.write_all(content.as_bytes())).map_err(|e| e.to_string())
}

fn info(path: &Path) -> Result<String, String> {
    let about = std::fs::metadata(path).map_err(|e| e.to_string())?;
    let time = |secs: i64, nanos: i64| Timestamp::from_millis(secs.saturating_mul(1000).saturating_add(nanos / 1_000_000));
    Ok([
        format!("size: {}", about.len()),
        format!("modified: {}", time(about.mtime(), about.mtime_nsec())),
        format!("accessed: {}", time(about.atime(), about.atime_nsec())),
        format!("isDirectory: {}", about.is_dir()),
        format!("isFile: {}", about.is_file()),
        format!("permissions: {:o}", about.mode() & 0o777),
    ]
    .join("\n"))
}

/// Looks below `folder`, and into no folder by a link.
fn search(folder: &Path, pattern: &str) -> Result<String, String> {
    let pattern = wild::Pattern::parse(pattern)?;
    let (mut found, mut seen) = (Vec::new(), 0_usize);
    let mut folders = vec![(folder.to_owned(), 0_usize)];
    'all: while let Some((next, depth)) = folders.pop() {
        // A folder that went away, or may not be read, has nothing to be found.
        for entry in std::fs::read_dir(&next).into_iter().flatten().flatten() {
            seen += 1;
            if seen > SEARCH_PATHS_MAX {
                found.push(format!("(stopped after {SEARCH_PATHS_MAX} paths)"));
                break 'all;
            }
            let path = entry.path();
            let below = path.strip_prefix(folder).unwrap_or(&path).to_string_lossy();
            if pattern.fits(&below) {
                found.push(path.display().to_string());
            }
            if depth < SEARCH_DEPTH_MAX && entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                folders.push((path, depth + 1));
            }
        }
    }
    found.sort_unstable();
    Ok(if found.is_empty() { "No matches found".to_owned() } else { found.join("\n") })
}

//! The lab's folder: taken, filled, and emptied at the end. Only what a lab made is ever removed.

use std::collections::BTreeSet;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use serde_json::{Map, Value, json};
use vitals_model::limits::CONFIG_BYTES_MAX;

use super::error::LabError;
use super::settings::{Filtering, Servers, Settings, Where};
use crate::fault::ServerFault;
use crate::part::{Part, ServerKind, ServerPart};
use crate::persona::Persona;
use crate::place::Place;

/// The variable of the hub's environment that holds the LLM key.
pub(super) const KEY_VARIABLE: &str = "LAB_LLM_KEY";

/// The model that the hub asks; the stub offers it.
const MODEL: &str = "gemini-2.5-flash";

/// The file whose lock says that a lab runs here, and whose presence that the folder is a lab's.
const LOCK: &str = "lab.lock";

/// How often the lock is tried again, and the time between: far longer than asking for it takes.
const LOCK_TRIES: u32 = 5;
const LOCK_PAUSE: Duration = Duration::from_millis(10);

/// The lab's own servers, in order of name.
pub(super) const BUILT_IN: [(&str, ServerKind); 3] =
    [("echo", ServerKind::Echo), ("filesystem", ServerKind::Filesystem), ("github", ServerKind::Github)];

/// The extension of a file until it is whole.
const NEXT: &str = "next";

/// What lies in the folder of the filesystem server at the start.
const SAMPLES: [(&str, &str); 3] = [
    ("readme.txt", "This folder belongs to a lab of mcp-vitals. It goes away with the lab.\n"),
    ("notes/todo.txt", "- break something\n- see who notices\n"),
    ("numbers.csv", "n,square\n1,1\n2,4\n3,9\n"),
];

/// A folder that is this lab's alone.
#[derive(Debug)]
pub(super) struct Files {
    place: Place,
    /// A temporary one goes away when this is dropped.
    temporary: Option<tempfile::TempDir>,
    _lock: File,
}

impl Files {
    /// Takes the folder; what a lab that was killed left in it is removed.
    pub(super) fn take(place: &Where) -> Result<Self, LabError> {
        let (root, temporary) = match place {
            Where::Temporary => {
                let made = tempfile::Builder::new().prefix("mcp-vitals-lab-").tempdir();
                let made = made.map_err(|source| LabError::File { path: std::env::temp_dir(), source })?;
                (made.path().to_owned(), Some(made))
            }
            Where::At(path) => (path.clone(), None),
        };
        fs::create_dir_all(&root).map_err(failed(&root))?;
        // Processes with other working directories use it, and the hub's configuration names it.
        let root = fs::canonicalize(&root).map_err(failed(&root))?;
        let lock = lock(&root)?;
        let files = Self { place: Place::new(root), temporary, _lock: lock };
        files.empty()?;
        for folder in [files.place.registry(), files.place.files(), files.place.root().join("servers")] {
            fs::create_dir_all(&folder).map_err(failed(&folder))?;
        }
        for (name, text) in SAMPLES {
            let path = files.place.files().join(name);
            fs::create_dir_all(path.parent().unwrap_or(&path)).map_err(failed(&path))?;
            fs::write(&path, text).map_err(failed(&path))?;
        }
        Ok(files)
    }

    pub(super) const fn place(&self) -> &Place {
        &self.place
    }

    /// Writes the hub's configuration; `llm` is the base URL of the LLM stub.
    pub(super) fn configure(&self, settings: &Settings, llm: &str) -> Result<(), LabError> {
        let mut root = match &settings.servers {
            Servers::BuiltIn => json!({ "mcpServers": built_in(settings, &self.place) }),
            Servers::Of(path) => read(path)?,
        };
        if let Filtering::PromptBased { exposure } = settings.filtering {
            root["toolFiltering"] = json!({
                "enabled": true,
                "mode": "prompt-based",
                "promptBasedFiltering": { "enabled": true, "defaultExposure": exposure.as_str() },
                "llmCategorization": {
                    "enabled": true,
                    "provider": "gemini",
                    "model": MODEL,
                    "baseURL": llm,
                    "apiKey": format!("${{{KEY_VARIABLE}}}"),
                },
            });
        }
        // A file of servers may hold their secrets, and may have been for its owner alone.
        write_private(&self.place.config(), &format!("{root:#}\n"))
    }

    /// Writes a configuration with which mcp-vitals looks at this lab and nothing else.
    pub(super) fn write_vitals_config(&self, port: u16) -> Result<(), LabError> {
        write(&self.place.vitals_config(), &vitals_config(&self.place, port))
    }

    /// Writes what a server does wrong from now on, in one step.
    pub(super) fn write_server_faults(&self, server: &str, faults: &BTreeSet<ServerFault>) -> Result<(), LabError> {
        let path = self.place.server_faults(server);
        let next = path.with_extension(NEXT);
        write(&next, &json!(faults).to_string())?;
        fs::rename(&next, &path).map_err(failed(&path))
    }

    /// Removes all that a lab makes, and the folder itself when nothing else is in it.
    pub(super) fn remove(mut self) -> Result<(), LabError> {
        if let Some(temporary) = self.temporary.take() {
            let path = temporary.path().to_owned();
            return temporary.close().map_err(failed(&path));
        }
        self.empty()?;
        let lock = self.place.root().join(LOCK);
        fs::remove_file(&lock).map_err(failed(&lock))?;
        // It stays when the operator has put something of their own there.
        let _ = fs::remove_dir(self.place.root());
        Ok(())
    }

    fn empty(&self) -> Result<(), LabError> {
        let root = self.place.root();
        for folder in [self.place.state(), self.place.files(), root.join("servers")] {
            absent(fs::remove_dir_all(&folder)).map_err(failed(&folder))?;
        }
        for file in [self.place.config(), self.place.vitals_config(), self.place.control()] {
            for file in [file.with_extension(NEXT), file] {
                absent(fs::remove_file(&file)).map_err(failed(&file))?;
            }
        }
        Ok(())
    }
}

/// Whether a lab runs in this folder.
pub(super) fn is_taken(place: &Place) -> bool {
    let Ok(file) = File::open(place.root().join(LOCK)) else { return false };
    // A shared lock, given back at once: two who ask do not take each other for a lab.
    flock(&file, FlockOperation::NonBlockingLockShared) == Err(rustix::io::Errno::WOULDBLOCK)
}

/// Takes the folder's lock. Without one from before, the folder has to be empty.
fn lock(root: &Path) -> Result<File, LabError> {
    let path = root.join(LOCK);
    if !path.exists() && fs::read_dir(root).map_err(failed(root))?.next().is_some() {
        return Err(LabError::NotOurs(root.to_owned()));
    }
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path).map_err(failed(&path))?;
    // Who asks whether a lab runs here holds it for a moment ([`is_taken`]), and a watch asks often.
    let mut locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
    for _ in 0..LOCK_TRIES {
        if locked != Err(rustix::io::Errno::WOULDBLOCK) {
            break;
        }
        std::thread::sleep(LOCK_PAUSE);
        locked = flock(&file, FlockOperation::NonBlockingLockExclusive);
    }
    match locked {
        Ok(()) => {}
        Err(rustix::io::Errno::WOULDBLOCK) => return Err(LabError::Held(root.to_owned())),
        Err(errno) => return Err(failed(&path)(errno.into())),
    }
    // A lab that ended just now has removed the file that we hold: another may make it anew beside us.
    let same = fs::metadata(&path).ok().zip(file.metadata().ok()).is_some_and(|(a, b)| a.ino() == b.ino());
    if same { Ok(file) } else { Err(LabError::Held(root.to_owned())) }
}

fn built_in(settings: &Settings, place: &Place) -> Value {
    let mut servers = Map::new();
    for (name, kind) in BUILT_IN {
        let folder = (kind == ServerKind::Filesystem).then(|| place.files());
        let part = Part::Server(ServerPart { kind, faults: Some(place.server_faults(name)), folder });
        let command = settings.program.command(&part);
        let args: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
        let mut entry = json!({ "command": command.get_program().to_string_lossy(), "args": args });
        if kind == ServerKind::Github && settings.persona == Persona::Npm421 {
            // One server that never answers keeps npm mcp-hub `starting` for 60 s, with no tool offered:
            // true to life, and nothing to begin with. Starting it over the API shows that.
            entry["disabled"] = true.into();
        }
        servers.insert(name.to_owned(), entry);
    }
    servers.into()
}

fn read(path: &Path) -> Result<Value, LabError> {
    let wrong = |why: String| LabError::Servers { path: path.to_owned(), why };
    let size = fs::metadata(path).map_err(failed(path))?.len();
    if size > CONFIG_BYTES_MAX {
        return Err(wrong(format!("it has {size} bytes, expected at most {CONFIG_BYTES_MAX}")));
    }
    let text = fs::read_to_string(path).map_err(failed(path))?;
    let root: Value = json5::from_str(&text).map_err(|error| wrong(error.to_string()))?;
    let named = |key| root.get(key).and_then(Value::as_object).is_some_and(|servers: &Map<_, _>| !servers.is_empty());
    if named("mcpServers") || named("servers") {
        Ok(root)
    } else {
        Err(wrong("it names no server under `mcpServers`".to_owned()))
    }
}

/// JSON texts are YAML texts, so paths need no other quoting. `github` has no token: it never works.
fn vitals_config(place: &Place, port: u16) -> String {
    let log = json!(place.log().to_string_lossy());
    format!(
        "# Looks at this lab, and at no other hub. Everything not named here is as it is by default.\n\
         version: 1\n\
         discover: false\n\
         targets:\n\
         \x20 - name: lab\n\
         \x20   hub: http://127.0.0.1:{port}\n\
         \x20   log_file: {log}\n\
         \x20   schedule: {{light: 1s, session: 10s, llm: 30s, meta_tool: 1m, discovery: 1s}}\n\
         \x20   meta_tool: {{calls_per_day: 1440}}\n\
         \x20   servers:\n\
         \x20     github: {{expect: down}}\n"
    )
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    fs::write(path, text).map_err(failed(path))
}

/// Writes a file that only its owner may read, in one step.
pub(super) fn write_private(path: &Path, text: &str) -> Result<(), LabError> {
    let next = path.with_extension(NEXT);
    absent(fs::remove_file(&next)).map_err(failed(&next))?;
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&next).map_err(failed(&next))?;
    file.write_all(text.as_bytes()).map_err(failed(&next))?;
    fs::rename(&next, path).map_err(failed(path))
}

pub(super) fn failed(path: &Path) -> impl FnOnce(io::Error) -> LabError + use<> {
    let path: PathBuf = path.to_owned();
    |source| LabError::File { path, source }
}

/// What was not there need not be removed.
fn absent(removed: io::Result<()>) -> io::Result<()> {
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

#[cfg(test)]
mod tests;

//! The parts of a lab: processes of this same program, started under a hidden subcommand. Each ends when
//! its standard input does, so none outlives the lab.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::Command;

use crate::persona::{LogFormat, Persona};

/// How this program is started as a part: the program, and the words before a part's own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Program {
    /// The program.
    pub path: PathBuf,
    /// The hidden subcommand, if it needs one.
    pub words: Vec<OsString>,
}

/// What a part is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Part {
    /// The hub.
    Hub(HubPart),
    /// A server on standard input and output.
    Server(ServerPart),
    /// A process that listens on a port and answers nothing.
    Squatter {
        /// The port.
        port: u16,
    },
}

/// How the hub is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HubPart {
    /// The lab's folder.
    pub root: PathBuf,
    /// The port on 127.0.0.1.
    pub port: u16,
    /// How it speaks.
    pub persona: Persona,
    /// The form of its log.
    pub log_format: LogFormat,
    /// Decides what is drawn by lot: which tool is lost, say.
    pub seed: u64,
}

/// Which server it is to be.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerPart {
    /// Its tools.
    pub kind: ServerKind,
    /// The file that says what it does wrong; see [`crate::place::Place::server_faults`].
    pub faults: Option<PathBuf>,
    /// The folder that a filesystem server may use.
    pub folder: Option<PathBuf>,
}

/// The servers of the lab.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ServerKind {
    /// Files below one folder: `list_allowed_directories`, `read_text_file`, `write_file`, …
    Filesystem,
    /// `echo`, `add`, `about` and others.
    Echo,
    /// Never answers `initialize`: it waits for a token.
    Github,
    /// One tool for each kind of content, as the MCP conformance suite wants them.
    Contents,
}

impl Program {
    /// The command that starts this program as `part`.
    pub fn command(&self, part: &Part) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.words);
        match part {
            Part::Hub(hub) => {
                command.args(["hub", "--persona", hub.persona.as_str(), "--log-format", hub.log_format.as_str()]);
                command.arg("--port").arg(hub.port.to_string()).arg("--seed").arg(hub.seed.to_string());
                command.arg("--root").arg(&hub.root);
            }
            Part::Server(server) => {
                command.args(["server", server.kind.as_str()]);
                if let Some(faults) = &server.faults {
                    command.arg("--faults").arg(faults);
                }
                if let Some(folder) = &server.folder {
                    command.arg("--folder").arg(folder);
                }
            }
            Part::Squatter { port } => {
                command.args(["squatter", "--port"]).arg(port.to_string());
            }
        }
        command
    }
}

impl Part {
    /// The part that these words name.
    pub fn parse(words: impl Iterator<Item = OsString>) -> Result<Self, PartError> {
        Err(PartError(words.map(|word| word.to_string_lossy().into_owned()).collect::<Vec<_>>().join(" ")))
    }
}

/// Why a part cannot be run.
#[derive(Debug, thiserror::Error)]
#[error("not a part: {0}")]
pub struct PartError(String);

/// Runs a part to its end.
pub fn run(part: &Part) -> Result<(), PartError> {
    Err(PartError(format!("{part:?}")))
}

impl ServerKind {
    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Echo => "echo",
            Self::Github => "github",
            Self::Contents => "contents",
        }
    }
}

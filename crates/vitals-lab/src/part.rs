//! The parts of a lab: processes of this same program, started under a hidden subcommand. Each ends when
//! its standard input does, so none outlives the lab.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use crate::hub::{self, HubError};
use crate::lab::with_causes;
use crate::persona::{LogFormat, Persona};
use crate::server::{self, ServerError};

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

/// Why a part cannot be.
#[derive(Debug, thiserror::Error)]
pub enum PartError {
    /// The words name no part; a sentence for people.
    #[error("{0}")]
    Words(String),
    /// The part has no runtime or no port.
    #[error("the part cannot start")]
    Start(#[source] std::io::Error),
    /// The hub ended with an error.
    #[error("the hub ended")]
    Hub(#[source] HubError),
    /// The server ended with an error.
    #[error("the server ended")]
    Server(#[source] ServerError),
}

impl Program {
    /// The command that starts this program as `part`.
    pub fn command(&self, part: &Part) -> Command {
        let mut command = Command::new(&self.path);
        command.args(&self.words).args(part.words());
        command
    }
}

impl Part {
    /// The words that [`Part::parse`] reads.
    pub fn words(&self) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        match self {
            Self::Hub(hub) => {
                words.extend(["hub".into(), "--root".into(), hub.root.clone().into()]);
                words.extend(["--port".into(), hub.port.to_string().into()]);
                words.extend(["--persona".into(), hub.persona.as_str().into()]);
                words.extend(["--log-format".into(), hub.log_format.as_str().into()]);
                words.extend(["--seed".into(), hub.seed.to_string().into()]);
            }
            Self::Server(server) => {
                words.extend(["server".into(), server.kind.as_str().into()]);
                for (name, path) in [("--faults", &server.faults), ("--folder", &server.folder)] {
                    words.extend(path.iter().flat_map(|path| [name.into(), path.clone().into()]));
                }
            }
            Self::Squatter { port } => words.extend(["squatter".into(), "--port".into(), port.to_string().into()]),
        }
        words
    }

    /// Reads the words that follow the program's own.
    ///
    /// # Errors
    /// They name no part.
    pub fn parse(words: impl Iterator<Item = OsString>) -> Result<Self, PartError> {
        let mut words = words;
        let what = text(words.next().ok_or_else(|| PartError::Words("no part is named".to_owned()))?)?;
        let kind = match what.as_str() {
            "server" => {
                let kind = text(words.next().unwrap_or_default())?;
                Some(ServerKind::parse(&kind).ok_or_else(|| PartError::Words(format!("there is no server '{kind}'")))?)
            }
            _ => None,
        };
        let mut options = Options::read(words)?;
        let part = match (what.as_str(), kind) {
            ("hub", _) => Self::Hub(HubPart {
                root: options.needed("--root")?.into(),
                port: options.number("--port")?,
                persona: options.one_of("--persona", Persona::parse)?,
                log_format: options.one_of("--log-format", LogFormat::parse)?,
                seed: options.number("--seed")?,
            }),
            ("server", Some(kind)) => Self::Server(ServerPart {
                kind,
                faults: options.0.remove("--faults").map(PathBuf::from),
                folder: options.0.remove("--folder").map(PathBuf::from),
            }),
            ("squatter", _) => Self::Squatter { port: options.number("--port")? },
            _ => return Err(PartError::Words(format!("there is no part '{what}'"))),
        };
        match options.0.keys().next() {
            Some(unknown) => Err(PartError::Words(format!("{what} has no option {unknown}"))),
            None => Ok(part),
        }
    }
}

impl ServerKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Filesystem, Self::Echo, Self::Github, Self::Contents];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Filesystem => "filesystem",
            Self::Echo => "echo",
            Self::Github => "github",
            Self::Contents => "contents",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }
}

/// Is the part, until it ends.
///
/// # Errors
/// It could not start, or ended with an error.
pub fn run(part: Part) -> Result<(), PartError> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(PartError::Start)?;
    let ended = runtime.block_on(async {
        match part {
            Part::Hub(hub) => hub::run(hub).await.map_err(PartError::Hub),
            Part::Server(server) => server::run(server).await.map_err(PartError::Server),
            Part::Squatter { port } => squat(port).await.map_err(PartError::Start),
        }
    });
    // A thread that reads standard input cannot be waited for.
    runtime.shutdown_background();
    ended
}

/// Reads the words, is the part, and tells standard error why it ended if that was an error.
pub fn main(words: impl Iterator<Item = OsString>) -> ExitCode {
    match Part::parse(words).and_then(run) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // With standard error gone, there is nobody to tell.
            drop(writeln!(std::io::stderr(), "lab-part: {}", with_causes(&error)));
            ExitCode::FAILURE
        }
    }
}

/// Holds a port and answers nobody until standard input ends.
async fn squat(port: u16) -> std::io::Result<()> {
    let _held = tokio::net::TcpListener::bind((std::net::Ipv4Addr::LOCALHOST, port)).await?;
    writeln!(std::io::stdout(), "{{\"ready\":{{\"port\":{port}}}}}")?;
    // What comes is thrown away; its end is what is waited for.
    std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink())?;
    Ok(())
}

fn text(word: OsString) -> Result<String, PartError> {
    word.into_string().map_err(|word| PartError::Words(format!("{} is not UTF-8", word.display())))
}

/// Options as pairs of a name and a value.
struct Options(BTreeMap<String, OsString>);

impl Options {
    fn read(mut words: impl Iterator<Item = OsString>) -> Result<Self, PartError> {
        let mut options = BTreeMap::new();
        while let Some(name) = words.next() {
            let name = text(name)?;
            let value = words.next().ok_or_else(|| PartError::Words(format!("{name} has no value")))?;
            options.insert(name, value);
        }
        Ok(Self(options))
    }

    fn needed(&mut self, name: &str) -> Result<OsString, PartError> {
        self.0.remove(name).ok_or_else(|| PartError::Words(format!("{name} is missing")))
    }

    fn one_of<T>(&mut self, name: &str, parse: impl Fn(&str) -> Option<T>) -> Result<T, PartError> {
        let value = text(self.needed(name)?)?;
        parse(&value).ok_or_else(|| PartError::Words(format!("{name} cannot be '{value}'")))
    }

    fn number<T: std::str::FromStr>(&mut self, name: &str) -> Result<T, PartError> {
        self.one_of(name, |value| value.parse().ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_part_is_read_from_its_own_words() {
        let server = |kind| ServerPart { kind, faults: Some("/lab/servers/a b.json".into()), folder: Some("/lab/files".into()) };
        let hub = HubPart { root: "/lab".into(), port: 7001, persona: Persona::Honest, log_format: LogFormat::Plain, seed: 7 };
        let mut parts = vec![Part::Hub(hub), Part::Squatter { port: 1 }];
        parts.extend(ServerKind::ALL.map(|kind| Part::Server(server(kind))));
        parts.push(Part::Server(ServerPart { kind: ServerKind::Github, faults: None, folder: None }));
        let program = Program { path: "/bin/lab".into(), words: vec!["lab-part".into()] };
        for part in parts {
            let command = program.command(&part);
            let mut words = command.get_args().map(OsString::from);
            assert_eq!(words.next().unwrap(), "lab-part");
            assert_eq!(Part::parse(words).unwrap(), part);
        }
    }

    #[test]
    fn other_words_are_refused_with_a_reason() {
        for (words, why) in [
            ("", "no part"),
            ("cat", "no part 'cat'"),
            ("server cat", "no server 'cat'"),
            ("squatter", "--port is missing"),
            ("squatter --port", "no value"),
            ("squatter --port x", "cannot be 'x'"),
            ("squatter --port 1 --color red", "no option --color"),
        ] {
            let error = Part::parse(words.split_whitespace().map(OsString::from)).unwrap_err();
            assert!(error.to_string().contains(why), "{words}: {error}");
        }
    }
}

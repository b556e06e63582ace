//! Where a hub takes its LLM key from, and the key's value when it can be had.
//!
//! A placeholder that runs a command is never run.

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

use serde_json::Value;
use vitals_model::config::SecretRef;
use vitals_model::observation::{Failure, FailureKind, Phase, ProcessId};
use vitals_model::text::Text;

use crate::clock::Stopwatch;
use crate::process;
use crate::secret::{self, Secret};

/// Largest environment read, in bytes: the kernel's own bound of arguments and environment is a
/// quarter of an 8 MiB stack.
const ENVIRON_BYTES_MAX: u64 = 2 << 20;

/// Where the key comes from. `Display` and `Debug` never write the value.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum KeyRef {
    /// Written in a configuration file.
    Written {
        /// The value.
        value: Secret,
        /// The file.
        file: PathBuf,
    },
    /// `${NAME}`, `${env:NAME}` or the older `$NAME`: a variable of the hub's environment.
    Env(String),
    /// A placeholder that cannot be resolved from outside, such as `${cmd: …}`.
    Placeholder(Text),
    /// The configuration names none.
    Missing,
}

impl KeyRef {
    /// Reads `apiKey` as it stands in `file`.
    pub(super) fn parse(value: Option<&str>, file: &Path) -> Self {
        let Some(value) = value.map(str::trim).filter(|v| !v.is_empty()) else { return Self::Missing };
        let inner = value.strip_prefix("${").and_then(|v| v.strip_suffix('}')).or_else(|| value.strip_prefix('$'));
        match inner {
            Some(inner) => {
                let name = inner.strip_prefix("env:").unwrap_or(inner).trim();
                let plain = !name.is_empty() && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
                if plain { Self::Env(name.to_owned()) } else { Self::Placeholder(Text::cut(value, 40)) }
            }
            None if value.contains("${") => Self::Placeholder(Text::new("text with a placeholder")),
            None => Self::Written { value: Secret::new(value.to_owned()), file: file.to_owned() },
        }
    }

    /// The value. A variable is looked up in the environment of the hub's process, because that is
    /// what the hub has; only when that environment may not be read is ours asked.
    ///
    /// A failure is always `NoSecret`, with the reference as evidence.
    pub fn resolve(&self, hub: Option<ProcessId>) -> Result<Secret, Failure> {
        let since = Stopwatch::start();
        let none = |why: &str| Failure {
            phase: Phase::Connect,
            kind: FailureKind::NoSecret,
            evidence: Text::new(&format!("{self}{why}")),
            after: since.elapsed(),
        };
        match self {
            Self::Written { value, .. } => Ok(value.clone()),
            Self::Env(name) => match hub.and_then(environment) {
                Some(environment) => {
                    variable(&environment, name).map(Secret::new).ok_or_else(|| none(" is not set in the hub's environment"))
                }
                None => secret::resolve(&SecretRef::Env(name.clone())),
            },
            Self::Placeholder(_) | Self::Missing => Err(none("")),
        }
    }
}

/// Writes the reference: `env:GEMINI_API_KEY`, `configured in hub.json`.
impl fmt::Display for KeyRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Written { file, .. } => {
                let name = file.file_name().unwrap_or(file.as_os_str());
                write!(f, "configured in {}", Text::new(&name.to_string_lossy()))
            }
            Self::Env(name) => write!(f, "env:{}", Text::new(name)),
            Self::Placeholder(text) => write!(f, "placeholder {text}"),
            Self::Missing => f.write_str("no key configured"),
        }
    }
}

/// The environment with which the process was started; `None` when it may not be read, or when the
/// pid is no longer this process.
fn environment(id: ProcessId) -> Option<Vec<u8>> {
    let file = std::fs::File::open(format!("/proc/{}/environ", id.pid)).ok()?;
    let mut bytes = Vec::new();
    file.take(ENVIRON_BYTES_MAX).read_to_end(&mut bytes).ok()?;
    (process::identify(id.pid) == Some(id)).then_some(bytes)
}

/// A variable as the hub sees it: `MCP_HUB_ENV` is a JSON object that goes before the environment
/// (npm mcp-hub 4.2.1).
fn variable(environment: &[u8], name: &str) -> Option<String> {
    let plain = |name: &str| {
        let mut entries = environment.split(|b| *b == 0);
        let value = entries.find_map(|e| e.strip_prefix(name.as_bytes())?.strip_prefix(b"="))?;
        Some(String::from_utf8_lossy(value).into_owned())
    };
    let global = plain("MCP_HUB_ENV").and_then(|json| serde_json::from_str::<Value>(&json).ok());
    let from_global = global.as_ref().and_then(|v| v.get(name)).and_then(Value::as_str).map(str::to_owned);
    from_global.or_else(|| plain(name)).filter(|v| !v.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(value: &str) -> KeyRef {
        KeyRef::parse(Some(value), Path::new("/etc/hub.json"))
    }

    #[test]
    fn every_way_to_write_a_key_is_told_apart_and_none_is_shown() {
        for (written, shown) in [
            ("${GEMINI_API_KEY}", "env:GEMINI_API_KEY"),
            ("${env:GEMINI_API_KEY}", "env:GEMINI_API_KEY"),
            ("$OPENAI_KEY", "env:OPENAI_KEY"),
            ("AIza-secret", "configured in hub.json"),
            ("${cmd: pass show gemini}", "placeholder ${cmd: pass show gemini}"),
            ("sk-${REST}", "placeholder text with a placeholder"),
            ("  ", "no key configured"),
        ] {
            assert_eq!(parse(written).to_string(), shown, "{written}");
        }
        assert!(!format!("{:?}", parse("AIza-secret")).contains("AIza"));
    }

    #[test]
    fn the_hubs_own_environment_decides() {
        let mut hub = std::process::Command::new("sleep")
            .arg("60")
            .env_clear()
            .envs([("KEY_A", "from the hub"), ("MCP_HUB_ENV", r#"{"KEY_B":"from the object"}"#)])
            .spawn()
            .unwrap();
        let id = process::identify(hub.id()).unwrap();
        assert_eq!(parse("${KEY_A}").resolve(Some(id)).unwrap().expose(), "from the hub");
        assert_eq!(parse("${KEY_B}").resolve(Some(id)).unwrap().expose(), "from the object");
        // PATH is set in our environment, and not in the hub's.
        let failure = parse("${PATH}").resolve(Some(id)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NoSecret);
        assert_eq!(failure.evidence.as_str(), "env:PATH is not set in the hub's environment");
        hub.kill().unwrap();
        hub.wait().unwrap();
        assert!(!parse("${PATH}").resolve(Some(id)).unwrap().expose().is_empty(), "the hub is gone: ours is asked");
    }

    #[test]
    fn a_command_placeholder_is_not_run() {
        let failure = parse("${cmd: echo key}").resolve(None).unwrap_err();
        assert_eq!((failure.kind, failure.evidence.as_str()), (FailureKind::NoSecret, "placeholder ${cmd: echo key}"));
    }
}

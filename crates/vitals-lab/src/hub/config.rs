//! The hub's configuration file: the servers that it starts, and what is said of tool filtering. Every
//! problem is found before anything is started. No command is run to fill a placeholder.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use vitals_model::config::SecretRef;
use vitals_model::limits::{CONFIG_BYTES_MAX, CONFIG_PROBLEMS_MAX, SERVERS_MAX};
use vitals_probe::hub_config;
use vitals_probe::secret::{self, Secret};

/// What the file says.
#[derive(Clone, Debug, Default)]
pub(crate) struct Config {
    /// In order of name.
    pub servers: Vec<ServerConfig>,
    /// `toolFiltering` as it is written.
    pub filtering: Option<Value>,
}

/// One server.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct ServerConfig {
    pub name: String,
    /// What stands before its tools' names and `__`; empty: the tools keep their names.
    pub namespace: String,
    pub way: Way,
    pub disabled: bool,
}

/// How it is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Way {
    Stdio { command: String, args: Vec<String>, env: Vec<(String, Secret)>, cwd: Option<PathBuf> },
    Http { url: String, headers: Vec<(String, Secret)> },
}

/// Why the file cannot be used: every problem, at most [`CONFIG_PROBLEMS_MAX`].
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
pub struct ConfigError(pub Vec<String>);

/// Reads the file; placeholders are filled from the environment.
pub(crate) fn read(path: &Path) -> Result<Config, ConfigError> {
    let one = |problem: String| ConfigError(vec![format!("{}: {problem}", path.display())]);
    let size = std::fs::metadata(path).map_err(|e| one(e.to_string()))?.len();
    if size > CONFIG_BYTES_MAX {
        return Err(one(format!("larger than {CONFIG_BYTES_MAX} bytes")));
    }
    let text = std::fs::read_to_string(path).map_err(|e| one(e.to_string()))?;
    parse(&text, &|name| secret::resolve(&SecretRef::Env(name.to_owned())).ok().map(|s| s.expose().to_owned()))
}

/// Reads the text; `variable` knows the environment.
fn parse(text: &str, variable: &dyn Fn(&str) -> Option<String>) -> Result<Config, ConfigError> {
    let root = hub_config::object(text).map_err(|problem| ConfigError(vec![problem.to_string()]))?;
    let mut reader = Reader { variable, problems: Vec::new() };
    // `servers` counts only when `mcpServers` is not there or empty: the rule of npm mcp-hub.
    let named = |key| root.get(key).and_then(Value::as_object).filter(|m| !m.is_empty());
    let mut servers = Vec::new();
    for (name, entry) in named("mcpServers").or_else(|| named("servers")).into_iter().flatten() {
        servers.extend(reader.server(name, entry));
    }
    if servers.len() > SERVERS_MAX {
        reader.problems.push(format!("{} servers, at most {SERVERS_MAX} are possible", servers.len()));
    }
    reader.problems.truncate(CONFIG_PROBLEMS_MAX);
    if reader.problems.is_empty() {
        Ok(Config { servers, filtering: root.get("toolFiltering").cloned() })
    } else {
        Err(ConfigError(reader.problems))
    }
}

struct Reader<'a> {
    variable: &'a dyn Fn(&str) -> Option<String>,
    problems: Vec<String>,
}

impl Reader<'_> {
    fn server(&mut self, name: &str, entry: &Value) -> Option<ServerConfig> {
        let Some(entry) = entry.as_object() else {
            self.problems.push(format!("server '{name}' is not an object"));
            return None;
        };
        let disabled = entry.get("disabled").and_then(Value::as_bool).unwrap_or(false);
        let namespace = match entry.get("namespace").and_then(Value::as_str) {
            Some(own) => own.to_owned(),
            None => name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }).collect(),
        };
        let way = match (entry.get("command").and_then(Value::as_str), entry.get("url").and_then(Value::as_str)) {
            (Some(command), None) => self.stdio(name, command, entry),
            (None, Some(url)) => Way::Http { url: self.fill(name, url), headers: self.pairs(name, "headers", entry) },
            (Some(_), Some(_)) => {
                self.problems.push(format!("server '{name}' has both command and url"));
                return None;
            }
            (None, None) => {
                self.problems.push(format!("server '{name}' has neither command nor url"));
                return None;
            }
        };
        Some(ServerConfig { name: name.to_owned(), namespace, way, disabled })
    }

    fn stdio(&mut self, name: &str, command: &str, entry: &Map<String, Value>) -> Way {
        let mut args = Vec::new();
        match entry.get("args") {
            None => {}
            Some(Value::Array(words)) => {
                for word in words {
                    match scalar(word) {
                        Some(word) => args.push(self.fill(name, &word)),
                        None => self.problems.push(format!("server '{name}': an argument is no text")),
                    }
                }
            }
            Some(_) => self.problems.push(format!("server '{name}': args is no list")),
        }
        let cwd = entry.get("cwd").and_then(Value::as_str).map(|cwd| PathBuf::from(self.fill(name, cwd)));
        Way::Stdio { command: self.fill(name, command), args, env: self.pairs(name, "env", entry), cwd }
    }

    fn pairs(&mut self, name: &str, key: &str, entry: &Map<String, Value>) -> Vec<(String, Secret)> {
        let pairs = match entry.get(key) {
            None => return Vec::new(),
            Some(Value::Object(pairs)) => pairs,
            Some(_) => {
                self.problems.push(format!("server '{name}': {key} is not an object"));
                return Vec::new();
            }
        };
        let mut filled = Vec::new();
        for (word, value) in pairs {
            match scalar(value) {
                Some(value) => filled.push((word.clone(), Secret::new(self.fill(name, &value)))),
                // npm mcp-hub takes `null` as "the variable of the same name".
                None if value.is_null() => filled.push((word.clone(), Secret::new(self.value(name, word)))),
                None => self.problems.push(format!("server '{name}': {key}.{word} is no text")),
            }
        }
        filled
    }

    /// The text with its placeholders filled.
    fn fill(&mut self, server: &str, text: &str) -> String {
        let mut filled = String::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once("${") {
            filled.push_str(before);
            let Some((place, behind)) = after.split_once('}') else {
                filled.push_str("${");
                rest = after;
                continue;
            };
            filled.push_str(&self.value(server, place.trim()));
            rest = behind;
        }
        filled + rest
    }

    fn value(&mut self, server: &str, place: &str) -> String {
        let name = place.strip_prefix("env:").unwrap_or(place);
        let problem = if name.contains(':') {
            format!("server '{server}': the lab's hub does not fill ${{{place}}}")
        } else if let Some(value) = (self.variable)(name) {
            return value;
        } else {
            format!("server '{server}': the environment has no {name}")
        };
        self.problems.push(problem);
        String::new()
    }
}

/// A word of a command line; numbers and booleans become the words that a real hub would pass.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(flag) => Some(flag.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn known(name: &str) -> Option<String> {
        (name == "TOKEN").then(|| "s3cret".to_owned())
    }

    #[test]
    fn a_file_of_either_dialect_is_read_with_its_placeholders_filled() {
        let text = r#"{
            // a comment, and a comma at the end
            "servers": {
                "my files": {"command": "serve", "args": ["--port", 7, "${env:TOKEN}", "a${TOKEN}b"], "env": {"KEY": "${TOKEN}", "TOKEN": null}, "cwd": "/srv"},
                "far": {"url": "http://127.0.0.1:9/mcp", "headers": {"Authorization": "Bearer ${TOKEN}"}, "disabled": true, "namespace": ""},
            },
            "toolFiltering": {"mode": "prompt-based"},
        }"#;
        let config = parse(text, &known).unwrap();
        let [far, files] = &config.servers[..] else { panic!("{:?}", config.servers) };
        assert_eq!((far.namespace.as_str(), far.disabled), ("", true));
        assert_eq!(files.namespace, "my_files");
        let Way::Stdio { args, env, cwd, .. } = &files.way else { panic!("{files:?}") };
        assert_eq!(args[..], ["--port", "7", "s3cret", "as3cretb"]);
        assert_eq!(
            env.iter().map(|(name, value)| (name.as_str(), value.expose())).collect::<Vec<_>>(),
            [("KEY", "s3cret"), ("TOKEN", "s3cret")]
        );
        assert_eq!(cwd.as_deref(), Some(Path::new("/srv")));
        let Way::Http { headers, .. } = &far.way else { panic!("{far:?}") };
        assert_eq!(headers[0].1.expose(), "Bearer s3cret");
        assert_eq!(config.filtering.unwrap()["mode"], "prompt-based");
    }

    #[test]
    fn every_problem_is_told_at_once() {
        let text = r#"{"mcpServers": {
            "a": 1, "b": {}, "c": {"command": "x", "url": "y"}, "d": {"command": "x", "args": "y"},
            "e": {"command": "${NO_SUCH}", "env": {"K": [1]}}, "f": {"command": "x", "args": ["${cmd: date}"]}
        }}"#;
        let ConfigError(problems) = parse(text, &known).unwrap_err();
        let found = [
            "'a' is not an object",
            "'b' has neither",
            "'c' has both",
            "'d': args is no list",
            "the environment has no NO_SUCH",
            "'e': env.K is no text",
            "does not fill ${cmd: date}",
        ];
        assert_eq!(problems.len(), found.len(), "{problems:?}");
        for (problem, words) in problems.iter().zip(found) {
            assert!(problem.contains(words), "{problem}");
        }
    }

    #[test]
    fn what_is_no_configuration_is_a_problem_and_no_crash() {
        for text in ["", "[]", "{", &"[".repeat(100_000)] {
            assert!(parse(text, &known).is_err());
        }
        assert!(read(Path::new("/no/such/hub.json")).unwrap_err().to_string().contains("hub.json"));
        assert_eq!(parse("{}", &known).unwrap().servers, []);
    }
}

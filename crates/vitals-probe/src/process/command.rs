//! Command lines: how they are shown, and which configured server they run.
//!
//! A hub starts `npx -y pkg`, and the process calls itself `npm exec pkg`; it starts a script, and
//! the process is `node /path/script`. The rules here were taken from such real processes. Nothing
//! is resolved: a placeholder of the configuration matches any text.

use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::text::Text;

use super::procfs;
use crate::hub_config::{ConfiguredServer, HubConfig};

/// Most words before the configured command: an interpreter with its options (`node --flag`), or
/// `uv tool` before `uvx`.
const LEADING_WORDS_MAX: usize = 4;

/// Parts of an option's name behind which a secret stands.
const SECRET_WORDS: [&str; 6] = ["key", "token", "secret", "passw", "auth", "credential"];

/// What stands in place of a secret.
const HIDDEN: &str = "(hidden)";

/// The words of a process's command line.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Command(Vec<String>);

impl Command {
    /// The command line of a live process; empty when it has none (it ended, or it may not be read).
    pub(super) fn of(pid: u32) -> Self {
        Self::new(procfs::command_line(pid).unwrap_or_default())
    }

    fn new(mut words: Vec<String>) -> Self {
        // A process that renames itself (npm does) writes one text and leaves empty words behind it.
        let used = words.iter().rposition(|w| !w.is_empty()).map_or(0, |last| last + 1);
        words.truncate(used);
        match &words[..] {
            [title] if title.contains(' ') => Self(title.split_whitespace().map(str::to_owned).collect()),
            _ => Self(words),
        }
    }

    /// The command line for people, cut, without what looks like a secret; `name` stands in for a
    /// process without one.
    pub(super) fn shown(&self, name: &str) -> Text {
        if self.0.is_empty() {
            return Text::new(&format!("[{name}]"));
        }
        let mut shown = Vec::with_capacity(self.0.len());
        let mut secret_next = false;
        for word in &self.0 {
            let is_secret = std::mem::take(&mut secret_next) && !word.starts_with('-');
            let (option, value) = word.split_once('=').map_or((word.as_str(), None), |(o, v)| (o, Some(v)));
            let lower = option.to_ascii_lowercase();
            let names_secret = SECRET_WORDS.iter().any(|s| lower.contains(s)) && !lower.contains('/');
            secret_next = names_secret && value.is_none() && word.starts_with('-');
            shown.push(match value {
                _ if is_secret => HIDDEN.to_owned(),
                Some(_) if names_secret => format!("{option}={HIDDEN}"),
                _ => without_userinfo(word),
            });
        }
        Text::cut(&shown.join(" "), EVIDENCE_CHARS_MAX)
    }

    /// The one server whose configured command this is; `None` when none or several match. Servers
    /// that are switched off count only when no other matches.
    pub(super) fn server(&self, config: &HubConfig) -> Option<Text> {
        let only = |disabled: bool| {
            let mut matching = config.servers.iter().filter(|s| s.disabled == disabled && self.runs(s));
            (matching.next(), matching.next())
        };
        let found = match only(false) {
            (None, _) => only(true),
            enabled => enabled,
        };
        match found {
            (Some(server), None) => Some(server.name.clone()),
            _ => None,
        }
    }

    fn runs(&self, server: &ConfiguredServer) -> bool {
        let Some(command) = &server.command else { return false };
        let words: Vec<String> = std::iter::once(command).chain(&server.args).cloned().collect();
        self.is(&words) || unwrapped(&words).is_some_and(|inner| self.is(&inner))
    }

    /// Whether this process was started as `words`.
    fn is(&self, words: &[String]) -> bool {
        let [command, args @ ..] = words else { return false };
        let args_pattern = pattern(args);
        let direct = (0..self.0.len().min(LEADING_WORDS_MAX + 1))
            .any(|at| is_program(&self.0[at], command) && matches(&args_pattern, &self.0[at + 1..].join(" ")));
        direct || self.is_npm_exec(command, args)
    }

    /// Whether this is what `npx pkg …` or `npm exec pkg …` calls itself: options before the package
    /// are gone, and the words are joined.
    fn is_npm_exec(&self, command: &str, args: &[String]) -> bool {
        let configured = match (base_name(command), args.first().map(String::as_str)) {
            ("npx", _) => args,
            ("npm", Some("exec" | "x")) => &args[1..],
            _ => return false,
        };
        match &self.0[..] {
            [npm, exec, rest @ ..] if npm == "npm" && exec == "exec" => {
                matches(&pattern(positional(configured)), &positional(rest).join(" "))
            }
            _ => false,
        }
    }
}

/// What a wrapper replaces itself with: `env NAME=value program …`, and the last command of
/// `sh -c 'cd /x && exec program …'`.
fn unwrapped(words: &[String]) -> Option<Vec<String>> {
    let [wrapper, args @ ..] = words else { return None };
    match (base_name(wrapper), args) {
        ("env", _) => {
            let inner = args.iter().skip_while(|w| w.contains('=') || w.starts_with('-'));
            Some(inner.cloned().collect())
        }
        ("sh" | "bash" | "dash" | "zsh", [option, script]) if option == "-c" || option == "-lc" => {
            let last = script.rsplit(['&', ';', '|']).next()?.trim();
            let program = last.strip_prefix("exec ").unwrap_or(last);
            Some(program.split_whitespace().map(str::to_owned).collect())
        }
        _ => None,
    }
}

/// What follows npm's own options.
fn positional(words: &[String]) -> &[String] {
    let mut rest = words;
    while let [option, after @ ..] = rest {
        if !option.starts_with('-') {
            break;
        }
        let takes_value = matches!(option.as_str(), "-p" | "--package" | "-c" | "--call" | "-w" | "--workspace");
        rest = if takes_value { after.get(1..).unwrap_or_default() } else { after };
    }
    rest
}

/// Whether `word` is the program `command`: the same text, or the file that a bare name was found as.
fn is_program(word: &str, command: &str) -> bool {
    word == command || matches(command, word) || (!command.contains('/') && base_name(word) == command)
}

fn base_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// Arguments as one pattern. `$NAME` as a whole argument is the hub's older form of a placeholder.
fn pattern(args: &[String]) -> String {
    let word = |arg: &String| {
        let older = arg.starts_with('$') && !arg.starts_with("${");
        if older { "${}".to_owned() } else { arg.clone() }
    };
    args.iter().map(word).collect::<Vec<_>>().join(" ")
}

/// Whether `text` is `pattern`, where each `${…}` stands for any text.
fn matches(pattern: &str, text: &str) -> bool {
    let pieces = literals(pattern);
    let [first, middle @ .., last] = &pieces[..] else { return pattern == text };
    let Some(mut rest) = text.strip_prefix(first) else { return false };
    for piece in middle {
        let Some(at) = rest.find(piece) else { return false };
        rest = &rest[at + piece.len()..];
    }
    rest.ends_with(last)
}

/// The text before, between and behind the placeholders of `pattern`; a single piece when it has none.
fn literals(pattern: &str) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = pattern;
    while let Some(start) = rest.find("${") {
        let Some(length) = placeholder_length(&rest[start..]) else { break };
        pieces.push(&rest[..start]);
        rest = &rest[start + length..];
    }
    pieces.push(rest);
    pieces
}

/// The length of the placeholder at the start of `text`, nested ones included; `None` when it has no end.
fn placeholder_length(text: &str) -> Option<usize> {
    let mut depth = 0_usize;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' => depth = depth.saturating_sub(1),
            _ => continue,
        }
        if depth == 0 {
            return Some(at + 1);
        }
    }
    None
}

/// A word without the name and password of a URL in it.
fn without_userinfo(word: &str) -> String {
    let Some((scheme, rest)) = word.split_once("://") else { return word.to_owned() };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rfind('@') {
        Some(at) => format!("{scheme}://{HIDDEN}{}", &rest[at..]),
        None => word.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A configuration of servers written as `name: command args…`.
    fn config(servers: &[&str]) -> HubConfig {
        let server = |line: &&str| {
            let (name, command) = line.split_once(": ").unwrap();
            let mut words = command.split(' ').map(str::to_owned);
            ConfiguredServer {
                name: Text::new(name),
                raw_name: name.to_owned(),
                command: words.next(),
                args: words.collect(),
                url: None,
                disabled: name.starts_with("off"),
            }
        };
        HubConfig { servers: servers.iter().map(server).collect(), ..HubConfig::default() }
    }

    fn server_of(process: &[&str], servers: &[&str]) -> Option<String> {
        let command = Command::new(process.iter().map(|&w| w.to_owned()).collect());
        command.server(&config(servers)).map(|name| name.to_string())
    }

    #[test]
    fn real_command_lines_find_their_server() {
        for (process, configured) in [
            (&["node", "/x/.bin/mcp-server-filesystem", "/data", ""][..], "/x/.bin/mcp-server-filesystem /data"),
            (&["/opt/server", "--port", "1"], "/opt/server --port 1"),
            (&["node", "--max-old-space-size=99", "/usr/bin/tool"], "tool"),
            (&["npm exec @scope/pkg /data", "", ""], "npx -y @scope/pkg /data"),
            (&["node", "/usr/bin/npx", "-y", "@scope/pkg", "/data"], "npx -y @scope/pkg /data"),
            (&["npm exec @scope/pkg"], "npm exec --yes -- @scope/pkg"),
            (&["npm exec tool --flag"], "npx --package @scope/pkg tool --flag"),
            (&["/home/u/.local/bin/uv", "tool", "uvx", "mcp-server-git"], "uvx mcp-server-git"),
            (&["/home/u/bin/run", "k-123", "end"], "${HOME}/bin/run ${cmd:\u{a0}pass\u{a0}${X}} end"),
            (&["run", "value"], "run $OLDER"),
            (&["node", "/srv/run.js", "--all"], "env -i A=b NODE_ENV=x node /srv/run.js --all"),
        ] {
            let servers = [&format!("right: {configured}"), "other: node /y.js", "off: /z"].map(str::to_owned);
            let servers: Vec<&str> = servers.iter().map(String::as_str).collect();
            assert_eq!(server_of(process, &servers).as_deref(), Some("right"), "{process:?}");
        }
    }

    #[test]
    fn the_last_command_of_a_shell_script_is_its_process() {
        let mut config = config(&["right: bash -c"]);
        config.servers[0].args.push("cd /srv && exec run.js ${HOME}".to_owned());
        let server = |line: &[&str]| Command::new(line.iter().map(|&w| w.to_owned()).collect()).server(&config);
        assert_eq!(server(&["node", "/usr/bin/run.js", "/root"]), Some(Text::new("right")));
        assert_eq!(server(&["bash", "-c", "cd /srv && exec run.js /root"]), Some(Text::new("right")));
        assert_eq!(server(&["node", "/usr/bin/walk.js", "/root"]), None);
    }

    #[test]
    fn what_is_another_server_or_ambiguous_finds_none() {
        let npx = ["a: npx -y pkg one", "b: npx -y pkg two"];
        assert_eq!(server_of(&["npm exec pkg two"], &npx).as_deref(), Some("b"));
        assert_eq!(server_of(&["npm exec pkg three"], &npx), None);
        assert_eq!(server_of(&["run", "x"], &["a: run x", "b: run ${ANY}"]), None);
        assert_eq!(server_of(&["run", "x"], &["a: run x", "off: run x"]).as_deref(), Some("a"));
        assert_eq!(server_of(&["run", "x"], &["off: run x"]).as_deref(), Some("off"));
        assert_eq!(server_of(&["node", "/y/server"], &["a: /x/server"]), None);
        assert_eq!(server_of(&[], &["a: ${ANY}"]), None);
    }

    #[test]
    fn secrets_on_a_command_line_are_not_shown() {
        let shown = |line: &str| Command::new(line.split(' ').map(str::to_owned).collect()).shown("x").to_string();
        assert_eq!(
            shown("run --api-key k1 --TOKEN=k2 --token --verbose"),
            "run --api-key (hidden) --TOKEN=(hidden) --token --verbose"
        );
        assert_eq!(shown("env GITHUB_TOKEN=k3 run"), "env GITHUB_TOKEN=(hidden) run");
        assert_eq!(shown("run postgres://u:p@ss@db/x a@b"), "run postgres://(hidden)@db/x a@b");
        assert_eq!(shown("node /srv/auth-server/index.js a=b"), "node /srv/auth-server/index.js a=b");
        assert_eq!(Command::default().shown("node").as_str(), "[node]");
    }

    proptest! {
        #[test]
        fn a_pattern_matches_itself_with_its_placeholders_filled(pieces in proptest::collection::vec("[a-z /]{0,6}", 1..5), fill in "[a-z]{0,4}") {
            let pattern = pieces.join("${X}");
            prop_assert!(matches(&pattern, &pieces.join(&fill)));
        }

        #[test]
        fn no_pattern_makes_the_matcher_panic(pattern in "[${}a é]{0,30}", text in "[a é}]{0,30}") {
            let literal = !pattern.contains("${");
            prop_assert!(!matches(&pattern, &text) || !literal || pattern == text);
        }
    }
}

//! What a hub's log messages mean. It reads no files and counts nothing.
//!
//! The wording is that of npm mcp-hub 4.2.1 and of its filtering variant; every other message means
//! nothing here.

use memchr::memmem;
use vitals_model::observation::{Level, Turn};

/// The code of the error that the hub's event stream logs when a client goes away.
const CLIENT_ABORT_CODE: &str = "SSE_CONNECTION_ERROR";

/// A message with a meaning.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mark<'a> {
    /// A server connected or was lost.
    Turn(&'a str, Turn),
    /// One line of a disconnect storm.
    StormLine,
    /// A client of the event stream went away.
    ClientAbort,
    /// The LLM did not answer, and the hub used its keywords instead.
    Fallback,
}

/// The meaning of `message`, written at `level`.
///
/// A fallback is only believed from records of level warn and above, and from plain text: below that
/// the hub merely names the function.
pub fn mark(level: Option<Level>, message: &str) -> Option<Mark<'_>> {
    match message.as_bytes().last()? {
        b'd' if message.starts_with('\'') => turn(message),
        b'B' if message.ends_with("client disconnected from MCP HUB") => Some(Mark::StormLine),
        _ if message.starts_with(CLIENT_ABORT_CODE) && message.contains("aborted") => Some(Mark::ClientAbort),
        _ if level.is_none_or(|level| level >= Level::Warn) && is_fallback(message) => Some(Mark::Fallback),
        _ => None,
    }
}

/// Whether an error record with this `code` only says that a client went away; `texts` are its
/// message and its error.
pub fn is_client_abort(code: &str, texts: [&str; 2]) -> bool {
    code == CLIENT_ABORT_CODE && texts.iter().any(|text| text.contains("aborted"))
}

fn turn(message: &str) -> Option<Mark<'_>> {
    const ENDINGS: [(&str, Turn); 3] = [
        ("' MCP server connected", Turn::Connected),
        ("' transport closed", Turn::Lost),
        ("' MCP server disconnected", Turn::Lost),
    ];
    let rest = message.strip_prefix('\'')?;
    let (server, turn) = ENDINGS.iter().find_map(|(ending, turn)| Some((rest.strip_suffix(ending)?, *turn)))?;
    (!server.is_empty()).then_some(Mark::Turn(server, turn))
}

fn is_fallback(message: &str) -> bool {
    let says = |word: &str| memmem::find(message.as_bytes(), word.as_bytes()).is_some();
    (says("allback") || says("alling back")) && (says("LLM") || says("rompt analysis") || says("euristic"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_of_both_hubs_are_understood() {
        let cases = [
            ("'filesystem' MCP server connected", Some(Mark::Turn("filesystem", Turn::Connected))),
            ("'it's' transport closed", Some(Mark::Turn("it's", Turn::Lost))),
            ("'github' MCP server disconnected", Some(Mark::Turn("github", Turn::Lost))),
            ("'' transport closed", None),
            ("'", None),
            ("'a' client disconnected from MCP HUB", Some(Mark::StormLine)),
            ("SSE_CONNECTION_ERROR: aborted", Some(Mark::ClientAbort)),
            ("SSE_CONNECTION_ERROR: write EPIPE", None),
            ("LLM prompt analysis failed, using heuristic fallback", Some(Mark::Fallback)),
            ("CHECKPOINT 2: Calling analyzePromptWithFallback", None),
            ("Fetch failed, falling back to curl", None),
            ("3 servers disconnected", None),
            ("", None),
        ];
        for (message, meaning) in cases {
            assert_eq!(mark(None, message), meaning, "{message}");
        }
        assert_eq!(mark(Some(Level::Debug), "LLM has a fallback"), None, "naming it is not using it");
        assert_eq!(mark(Some(Level::Warn), "LLM failed, falling back"), Some(Mark::Fallback));
    }

    #[test]
    fn an_error_with_the_abort_code_is_one_only_when_it_says_so() {
        assert!(is_client_abort("SSE_CONNECTION_ERROR", ["SSE connection error", "aborted"]));
        assert!(!is_client_abort("SSE_CONNECTION_ERROR", ["write EPIPE", ""]));
        assert!(!is_client_abort("TOOL_EXECUTION_ERROR", ["aborted", "aborted"]));
    }
}

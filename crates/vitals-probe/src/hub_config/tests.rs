//! Configuration files of every kind, read from real files.

use std::fs;

use proptest::prelude::*;

use super::*;

fn read_texts(texts: &[&str]) -> HubConfig {
    let dir = tempfile::tempdir().unwrap();
    let paths: Vec<PathBuf> = (0..texts.len()).map(|n| dir.path().join(format!("{n}.json"))).collect();
    for (path, text) in paths.iter().zip(texts) {
        fs::write(path, text).unwrap();
    }
    read(&paths)
}

fn only_problem(text: &str) -> String {
    let config = read_texts(&[text]);
    assert_eq!(config.problems.len(), 1, "{config:?}");
    config.problems[0].1.to_string()
}

#[test]
fn json5_with_comments_placeholders_and_remote_servers() {
    let config = read_texts(&[r"{
        // the hub takes JSON5
        mcpServers: {
            files: { command: '${HOME}/bin/files', args: ['--port', 3000, '${cmd: touch never}',], },
            remote: { url: 'https://example.org/mcp', headers: { Authorization: 'Bearer x' }, disabled: true },
        },
    }"]);
    assert_eq!(config.problems, []);
    let [files, remote] = &config.servers[..] else { panic!("{config:?}") };
    assert_eq!(files.command.as_deref(), Some("${HOME}/bin/files"));
    assert_eq!(files.args, ["--port", "3000", "${cmd: touch never}"]);
    assert_eq!((remote.url.as_deref(), remote.disabled), (Some("https://example.org/mcp"), true));
    assert_eq!(config.llm, None);
}

#[test]
fn a_later_file_replaces_servers_and_sections_and_vscode_shape_counts() {
    let config = read_texts(&[
        r#"{"mcpServers":{"a":{"command":"old","args":["x"]},"b":{"command":"b"}},"toolFiltering":{"enabled":true,"mode":"static"}}"#,
        r#"{"servers":{"a":{"command":"new"}},"toolFiltering":{"mode":"prompt-based","llmCategorization":
            {"enabled":true,"provider":"gemini","model":"gemini-2.5-flash","apiKey":"${GEMINI_API_KEY}","baseURL":"http://127.0.0.1:1"}}}"#,
    ]);
    let names: Vec<_> = config.servers.iter().map(|s| (s.raw_name.as_str(), s.command.as_deref(), s.args.len())).collect();
    assert_eq!(names, [("a", Some("new"), 0), ("b", Some("b"), 0)]);
    assert_eq!((config.filtering_enabled, config.filtering_mode), (None, Some(Text::new("prompt-based"))));
    let llm = config.llm.unwrap();
    assert_eq!((llm.provider.as_str(), llm.base_url.as_deref()), ("gemini", Some("http://127.0.0.1:1")));
    assert_eq!(llm.key.to_string(), "env:GEMINI_API_KEY");
}

#[test]
fn a_switched_off_llm_is_none() {
    let config = read_texts(&[r#"{"toolFiltering":{"enabled":true,"llmCategorization":{"enabled":false,"provider":"gemini"}}}"#]);
    assert_eq!((config.llm, config.filtering_enabled), (None, Some(true)));
}

#[test]
fn what_cannot_be_read_is_said_and_the_rest_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let good = dir.path().join("good.json");
    fs::write(&good, r#"{"mcpServers":{"a":{"command":"a"},"bad":7}}"#).unwrap();
    let config = read(&[dir.path().join("absent.json"), dir.path().to_owned(), good]);
    let problems: Vec<_> = config.problems.iter().map(|(_, why)| why.as_str()).collect();
    assert_eq!(problems, ["No such file or directory (os error 2)", "not a regular file", "server 'bad' is not an object"]);
    assert_eq!(config.servers.len(), 1);
}

#[test]
fn broken_deep_and_large_files_are_problems() {
    assert_eq!(only_problem("[]"), "not an object");
    assert!(only_problem("{\"mcpServers\":{").contains("line 1"));
    assert!(only_problem(&format!("{{a:{}1", "[".repeat(500_000))).contains("nested deeper than 128"));
    assert!(only_problem(&" ".repeat(2 << 20)).contains("larger than"));
    let servers: Vec<String> = (0..600).map(|n| format!("s{n}:{{}}")).collect();
    assert_eq!(
        only_problem(&format!("{{mcpServers:{{{}}}}}", servers.join(","))),
        "88 servers beyond the first 512 are left out"
    );
}

#[test]
fn a_named_pipe_does_not_block() {
    let dir = tempfile::tempdir().unwrap();
    let pipe = dir.path().join("pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    assert_eq!(read(&[pipe]).problems[0].1.as_str(), "not a regular file");
}

proptest! {
    #[test]
    fn no_text_makes_the_reader_panic(text in "[\\[\\]{}:,\"'a-z0-9/*\\\\\n .$-]{0,200}") {
        let config = read_texts(&[&text]);
        prop_assert!(config.servers.is_empty() || config.problems.is_empty());
    }
}

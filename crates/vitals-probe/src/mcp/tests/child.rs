//! stdio, against small shell scripts that are real child processes.

use super::*;

/// Answers `initialize` (id 1) and reads on.
const GREET: &str = r#"read -r line
echo '{"jsonrpc":"2.0","id":1,"result":{"protocolVersion":"2025-11-25","capabilities":{"tools":{}},"serverInfo":{"name":"sh"}}}'
read -r line
"#;

fn sh(script: &str) -> Address {
    Address::Stdio { command: "sh".into(), args: vec!["-c".into(), script.into()] }
}

fn greeting_then(rest: &str) -> Address {
    sh(&format!("{GREET}{rest}"))
}

/// Live processes whose command line contains `mark`.
fn processes(mark: &str) -> usize {
    let commands = std::fs::read_dir("/proc").unwrap().filter_map(|entry| std::fs::read(entry.ok()?.path().join("cmdline")).ok());
    commands.filter(|words| words.split(|b| *b == 0).any(|word| String::from_utf8_lossy(word).contains(mark))).count()
}

#[tokio::test]
async fn lines_that_are_no_json_are_counted_and_not_fatal() {
    let script = r#"echo 'Server v1 starting'
        read -r line
        echo; echo '{"jsonrpc":"2.0","id":2,"result":{"tools":[{"name":"a"}]}}'
        read -r line"#;
    let session = opened(&greeting_then(script)).await;
    let opened = session.opened();
    assert_eq!((opened.transport, opened.server.as_str()), (Transport::Stdio, "sh"));
    assert_eq!(session.list(LIMIT).await.tools.unwrap().len(), 1);
    assert_eq!((session.noise(), session.first_noise().unwrap().as_str()), (1, "Server v1 starting"));
    session.close().await.unwrap();
}

#[tokio::test]
async fn trap_12_the_end_of_a_session_leaves_no_process_of_its_group() {
    // As npx does: what we started ends when its input closes, what it started does not care.
    let session = opened(&greeting_then("sleep 31557601 & read -r line")).await;
    eventually("the shell and its sleep", || processes("31557601") == 2).await;
    session.close().await.unwrap();
    assert_eq!(processes("31557601"), 0);
}

#[tokio::test]
async fn trap_12_a_group_that_ignores_sigterm_is_killed() {
    let session = opened(&greeting_then("trap '' TERM; sleep 31557602 & while :; do sleep 31557602; done")).await;
    session.close().await.unwrap();
    assert_eq!(processes("31557602"), 0);
}

#[tokio::test]
async fn trap_22_a_session_that_is_dropped_or_never_came_to_be_leaves_no_process() {
    drop(opened(&greeting_then("sleep 31557603")).await);
    eventually("the group's end", || processes("31557603") == 0).await;
    let failure = open(&sh("sleep 31557604"), &impatient()).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Initialize, FailureKind::TimedOut(SHORT)));
    assert_eq!(processes("31557604"), 0);
}

#[tokio::test]
async fn a_child_that_ends_says_how_and_its_last_words() {
    let failure = open(&sh("echo 'API_KEY is not set' >&2; exit 3"), &context(Listen::Unasked)).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Initialize, FailureKind::Closed));
    assert_eq!(failure.evidence.as_str(), "exit status 3: API_KEY is not set");

    let session = opened(&greeting_then("read -r line; sleep 31557605 & kill -9 $$")).await;
    let failure = session.call("x", &json!({}), LIMIT).await.unwrap_err();
    assert_eq!((failure.phase, failure.evidence.as_str()), (Phase::Call, "killed by signal 9"));
    assert_eq!(soon(session.wait_end()).await.kind, FailureKind::Closed);
    session.close().await.unwrap();
    assert_eq!(processes("31557605"), 0, "what a killed child left behind");
}

#[tokio::test]
async fn a_program_that_is_not_there_is_a_failure_to_spawn() {
    let address = Address::Stdio { command: "/nowhere/mcp-server".into(), args: Vec::new() };
    let failure = open(&address, &context(Listen::Unasked)).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Connect, FailureKind::Spawn));
}

#[tokio::test]
async fn a_child_gets_a_minimal_environment_and_what_was_configured() {
    let timeouts = timeouts(LIMIT);
    let environment = vec![("TOKEN".to_owned(), Secret::new("t".into()))];
    let context = Context::new(Arc::new(Client::new(&timeouts, Vec::new())), timeouts, environment, Listen::Unasked);
    let script = r#"[ "$TOKEN" = t ] && [ -n "$PATH" ] && [ -z "$CARGO_MANIFEST_DIR" ] || exit 9; "#;
    let session = open(&sh(&format!("{script}{GREET}read -r line")), &context).await.unwrap();
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_secret_that_a_child_echoes_is_not_evidence() {
    let timeouts = timeouts(LIMIT);
    let environment = vec![("TOKEN".to_owned(), Secret::new("hunter2hunter2".into()))];
    let context = Context::new(Arc::new(Client::new(&timeouts, Vec::new())), timeouts, environment, Listen::Unasked);
    let failure = open(&sh(r#"echo "invalid key $TOKEN" >&2; exit 1"#), &context).await.unwrap_err();
    assert_eq!(failure.evidence.as_str(), "exit status 1: invalid key (secret)");
}

#[tokio::test]
async fn a_stateless_server_is_found_out_over_stdio_too() {
    let script = r#"read -r line
        echo '{"jsonrpc":"2.0","id":1,"error":{"code":-32601,"message":"Method not found"}}'
        read -r line
        case "$line" in *'"server/discover"'*2026-07-28*) ;; *) exit 8 ;; esac
        echo '{"jsonrpc":"2.0","id":2,"result":{"supportedVersions":["2026-07-28"],"serverInfo":{"name":"m","version":"2"}}}'
        read -r line
        case "$line" in *'"subscriptions/listen"'*) ;; *) exit 7 ;; esac
        echo '{"jsonrpc":"2.0","method":"notifications/tools/list_changed"}'
        read -r line"#;
    let session = open(&sh(script), &context(Listen::Asked)).await.unwrap();
    assert_eq!(session.opened().protocol.as_str(), wire::PROTOCOL_STATELESS);
    eventually("a list change", || session.take_list_changes() == 1).await;
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_line_beyond_the_limit_is_a_failure_and_the_session_goes_on() {
    let script = r#"read -r line
        head -c 9000000 /dev/zero | tr '\0' x; echo
        read -r line
        echo '{"jsonrpc":"2.0","id":3,"result":{"content":[{"type":"text","text":"ok"}]}}'
        read -r line"#;
    let session = opened(&greeting_then(script)).await;
    let failure = session.call("x", &json!({}), LIMIT).await.unwrap_err();
    assert_eq!((failure.kind, session.noise()), (FailureKind::TooLarge, 1));
    assert_eq!(session.call("x", &json!({}), LIMIT).await.unwrap().items, 1);
    session.close().await.unwrap();
}

#[tokio::test]
async fn a_child_that_stops_reading_and_answering_times_out() {
    let session = opened(&greeting_then("kill -STOP $$")).await;
    let big = json!({"text": "x".repeat(1 << 20)});
    let failure = session.call("x", &big, SHORT).await.unwrap_err();
    assert_eq!((failure.phase, failure.kind), (Phase::Call, FailureKind::TimedOut(SHORT)));
    session.close().await.unwrap();
}

//! MCP servers without a hub: by command and by URL, real ones and ones that are not there.

use std::net::TcpStream;
use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::product::{Home, Ran, Running};
use crate::wait::Stopwatch;
use crate::{contract, hub, procs, said, wait};

/// Far more than a server takes to start and answer on a busy machine.
const PATIENCE: Duration = Duration::from_secs(30);

/// The program of a real server, or a word about why there is none.
fn program(name: &str) -> Option<String> {
    let path = hub::modules()?.join("node_modules/.bin").join(name);
    Some(path.to_str().expect("a plain path").to_owned())
}

fn check(home: &Home, arguments: &[&str]) -> (Ran, Value) {
    let ran = home.run(&[&["check", "--format", "json"], arguments].concat(), PATIENCE);
    said::assert_no_panic(&ran);
    let report = said::json(&ran);
    contract::assert_report(&report);
    (ran, report)
}

/// The only target: healthy, with so many tools, and what its session said of itself.
fn healthy(home: &Home, arguments: &[&str], tools: u64) -> String {
    let (ran, report) = check(home, arguments);
    let target = &report["targets"][0];
    let server = &target["servers"][0];
    assert_eq!((ran.code, &target["kind"], &server["verdict"]), (Some(0), &json!("server"), &json!("agrees")), "{target:#}");
    assert_eq!((&server["claim"], &server["tools"]), (&Value::Null, &json!(tools)), "nobody claims anything of it: {server}");
    let name = said::text(server, "name");
    said::text(said::check(target, &format!("hub-servers/{name}/open")), "summary").to_owned()
}

/// Its failure: exit 2 and one line that says what was seen.
fn failing(home: &Home, arguments: &[&str]) -> (Value, String) {
    let (ran, report) = check(home, arguments);
    let target = report["targets"][0].clone();
    assert_eq!((ran.code, &target["health"]), (Some(2), &json!("failing")), "{target:#}");
    let name = said::text(&target["servers"][0], "name");
    let seen = said::text(said::check(&target, &format!("hub-servers/{name}/open")), "summary").to_owned();
    (target, seen)
}

#[test]
fn servers_on_stdio_are_healthy_and_gone_afterwards() {
    let (Some(everything), Some(filesystem)) = (program("mcp-server-everything"), program("mcp-server-filesystem")) else {
        return;
    };
    let home = Home::new();
    let said = healthy(&home, &["--stdio", &format!("{everything} stdio")], 13);
    assert!(said.contains("everything") && said.contains("by stdio, protocol 2025-11-25"), "{said}");
    let folder = home.path().display();
    let said = healthy(&home, &["--stdio", &format!("{filesystem} '{folder}'")], 14);
    assert!(said.contains("by stdio, protocol 20"), "{said}");
    let left: Vec<u32> = procs::with_variable("HOME", &folder.to_string()).collect();
    assert_eq!(left, [0; 0], "processes of this user that live on");
}

#[test]
fn a_server_by_streamable_http_and_by_sse_is_healthy() {
    let Some(program) = program("mcp-server-everything") else { return };
    let home = Home::new();
    for (mode, path, transport) in [("streamableHttp", "mcp", "streamable-http, protocol 20"), ("sse", "sse", "sse, protocol 20")]
    {
        let port = hub::free_port();
        let mut command = Command::new(&program);
        home.furnish(&mut command);
        let _server = Running::start({
            command.arg(mode).env("PORT", port.to_string());
            command
        });
        wait::until("the server to listen", PATIENCE, || TcpStream::connect(("127.0.0.1", port)).ok());
        let url = format!("http://127.0.0.1:{port}/{path}");
        let said = healthy(&home, &["--mcp", &url], 13);
        assert!(said.contains(transport), "`{transport}` in {said}");
    }
}

#[test]
fn a_command_that_does_not_exist_and_a_port_without_listener_are_2() {
    let home = Home::new();
    let (_, said) = failing(&home, &["--stdio", "no-such-program --at all"]);
    assert!(said.contains("cannot be started") && said.contains("No such file"), "{said}");
    let (_, said) = failing(&home, &["--stdio", "sh -c 'echo no MCP; exit 3'"]);
    assert!(!said.is_empty(), "{said}");
    let (_, said) = failing(&home, &["--mcp", &format!("http://127.0.0.1:{}/mcp", hub::free_port())]);
    assert!(said.contains("refused"), "{said}");
    let broken = home.run(&["check", "--stdio", "'never closed"], PATIENCE);
    assert_eq!(broken.code, Some(3), "{broken:?}");
}

#[test]
fn a_server_that_never_answers_is_hung_and_not_left_behind() {
    let home = Home::new();
    home.configure("version: 1\ndefaults:\n  timeouts: {initialize: 1s, list: 1s, call: 1s}\n");
    let began = Stopwatch::start();
    let (target, said) = failing(&home, &["--stdio", "tail -f /dev/null"]);
    assert_eq!(target["servers"][0]["verdict"], "hung", "{target:#}");
    assert!(said.contains("no answer within 1.0 s"), "{said}");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
    let left: Vec<u32> = procs::with_variable("HOME", &home.path().display().to_string()).collect();
    assert_eq!(left, [0; 0], "processes of this user that live on");
}

#[test]
fn two_servers_of_one_program_are_two_targets() {
    let home = Home::new();
    let words = ["--stdio", "no-such-program one", "--stdio", "no-such-program two", "--stdio", "no-such-program one"];
    let (_, report) = check(&home, &words);
    let ids: Vec<_> = report["targets"].as_array().expect("targets").iter().map(|t| said::text(t, "id")).collect();
    assert_eq!(ids, ["no-such-program", "no-such-program-2"]);
}

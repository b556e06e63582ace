//! `mcp` as an agent's client runs it: on pipes, with a lab's hub that lies, beside a `watch` and without one.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::product::{Home, Running};
use crate::wait::Stopwatch;
use crate::{install, procs, rest, wait};

/// How long a lab may take to start, on a busy machine.
const START_MAX: Duration = Duration::from_secs(20);

/// How long anything else may take.
const LONG: Duration = Duration::from_secs(30);

/// How long until a killed server is told: what a watch is given in the same test of its own.
const SEEN_MAX: Duration = Duration::from_secs(10);

/// An agent's client.
struct Agent {
    running: Running,
    asked: u64,
}

impl Agent {
    fn start(home: &Home, more: &[&str]) -> Self {
        let running = Running::start_with_input(home.mcp_vitals(&[&["mcp"], more].concat()));
        let mut agent = Self { running, asked: 0 };
        let client = json!({"name": "test", "version": "1"});
        let opened = agent.ask("initialize", &json!({"protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client}));
        assert_eq!(opened["result"]["serverInfo"]["name"], "mcp-vitals", "{opened}");
        agent.running.type_in("{\"jsonrpc\":\"2.0\",\"method\":\"notifications/initialized\"}\n");
        agent
    }

    fn ask(&mut self, method: &str, params: &Value) -> Value {
        self.asked += 1;
        let id = format!("ask {}.", self.asked);
        self.running.type_in(&format!("{}\n", json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params})));
        let line = self.running.expect_line(&id, LONG);
        serde_json::from_str(&line).expect("a line is a message")
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let answer = self.ask("tools/call", &json!({"name": tool, "arguments": arguments}));
        assert_eq!(answer["result"]["isError"], false, "{answer}");
        answer["result"]["structuredContent"].clone()
    }

    /// Asks whether a tool is usable until the answer is this one.
    fn until(&mut self, tool: &str, wanted: &str, within: Duration) -> Value {
        let what = format!("{tool} to be {wanted}");
        wait::until_now_and_then(&what, within, || {
            Some(self.call("can_use_tool", &json!({"tool": tool}))).filter(|said| said["answer"] == wanted)
        })
    }

    /// Ends its input: it must end by itself, and have written nothing but messages.
    fn end(self) {
        let ran = self.running.wait_without_input(LONG);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let is_message = |line: &str| serde_json::from_str::<Value>(line).is_ok_and(|message| message["jsonrpc"] == "2.0");
        assert!(ran.stdout.lines().all(is_message), "{}", ran.stdout);
    }
}

fn lab(home: &Home) -> (Running, u16) {
    let mut lab = Running::start(home.mcp_vitals(&["lab"]));
    let line = lab.expect_line("hub  ", START_MAX);
    let port = line.split("127.0.0.1:").nth(1).and_then(|rest| rest.split(' ').next()).expect("the hub's port");
    (lab, port.parse().expect("a number"))
}

fn fault(home: &Home, arguments: &[&str]) {
    let ran = home.run(&[&["lab", "fault"], arguments].concat(), LONG);
    assert_eq!(ran.code, Some(0), "{}", ran.stderr);
}

/// MCP sessions that the hub counts.
fn sessions(port: u16) -> u64 {
    let (_, health) = rest::ask(port, "GET", "/api/health", "").expect("the hub answers");
    health["mcpEndpoint"]["activeClients"].as_u64().expect("a count")
}

#[test]
fn a_killed_server_is_not_usable_and_a_healed_one_is() {
    let home = Home::new();
    let (_lab, port) = lab(&home);
    let mut agent = Agent::start(&home, &[]);
    // The first call waits for the first look: it never says unknown of what can be known.
    let first = agent.call("can_use_tool", &json!({"tool": "filesystem__read_text_file"}));
    assert_eq!((&first["answer"], &first["source"]), (&json!("usable"), &json!("own")), "{first}");
    assert_eq!(sessions(port), 2, "the two that are held");

    fault(&home, &["inject", "server-killed", "--server", "filesystem"]);
    let dead = agent.until("read_text_file", "not_usable", SEEN_MAX);
    let offer = &dead["offers"][0];
    assert_eq!((&offer["claim"], &offer["verdict"]), (&json!("connected"), &json!("ghost")), "{dead}");
    assert!(offer["reason"].as_str().expect("a reason").contains("is gone since"), "{dead}");
    assert_eq!(agent.call("hub_health", &json!({}))["health"], "failing");
    let red = agent.call("explain", &json!({}));
    assert_eq!(red["checks"][0]["check"], "hub-servers/filesystem/truth", "{red}");
    wait::until("an incident", LONG, || {
        Some(agent.call("open_incidents", &json!({}))).filter(|said| said["incidents"][0]["kind"] == "ghost")
    });
    assert_eq!(agent.until("echo", "usable", LONG)["offers"][0]["server"], "echo", "another server is not blamed");

    fault(&home, &["clear", "--all"]);
    agent.until("read_text_file", "usable", SEEN_MAX);
    agent.end();
    wait::until("the sessions to be closed", LONG, || (sessions(port) == 0).then_some(()));
}

#[test]
fn beside_a_watch_its_history_answers_and_the_hub_is_not_asked_twice() {
    let home = Home::new();
    let (_lab, port) = lab(&home);
    let mut watch = Running::start(home.mcp_vitals(&["watch"]));
    watch.expect_note("watching", START_MAX);
    let mut agent = Agent::start(&home, &[]);
    let healthy = wait::until_now_and_then("what the watch has written", LONG, || {
        Some(agent.call("hub_health", &json!({}))).filter(|said| said["health"] == "healthy")
    });
    assert_eq!(healthy["source"], "watch", "{healthy}");
    agent.until("read_text_file", "usable", LONG);
    wait::until("the watch's two sessions", LONG, || (sessions(port) == 2).then_some(()));

    fault(&home, &["inject", "server-killed", "--server", "filesystem"]);
    agent.until("read_text_file", "not_usable", SEEN_MAX);
    let told = wait::until("the incident", LONG, || {
        Some(agent.call("can_use_tool", &json!({"tool": "read_text_file"})))
            .filter(|said| said["offers"][0]["verdict"] == "ghost")
    });
    assert_eq!((&told["source"], &told["offers"][0]["claim"]), (&json!("watch"), &json!("connected")), "{told}");
    assert_eq!(sessions(port), 2, "nobody else opened one");
    fault(&home, &["clear", "--all"]);
    agent.until("read_text_file", "usable", SEEN_MAX);
    let report = agent.call("latest_report", &json!({}));
    assert_eq!(report["targets"][0]["incidents"], 1, "{report}");

    // Without the watch it looks by itself.
    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(LONG).code, Some(0));
    let own = wait::until_now_and_then("a look of its own", LONG, || {
        Some(agent.call("can_use_tool", &json!({"tool": "read_text_file"}))).filter(|said| said["source"] == "own")
    });
    assert_eq!(own["answer"], "usable", "{own}");
    agent.end();
}

#[test]
fn our_own_prober_finds_it_healthy() {
    let home = Home::new();
    let (_lab, _) = lab(&home);
    let command = format!("{} mcp", env!("CARGO_BIN_EXE_mcp-vitals"));
    let checked = home.run(&["check", "--no-history", "--stdio", &command, "--format", "json"], LONG);
    assert_eq!(checked.code, Some(0), "{}{}", checked.stdout, checked.stderr);
    let checked: Value = serde_json::from_str(&checked.stdout).expect("JSON");
    let target = &checked["targets"][0];
    let check = |id: &str| {
        let checks = target["checks"].as_array().expect("checks");
        checks
            .iter()
            .find(|check| check["id"] == format!("hub-servers/mcp-vitals/{id}").as_str())
            .unwrap_or_else(|| panic!("{id}"))
    };
    assert_eq!(
        (&target["health"], &check("tools")["value"], &check("signs")["value"]),
        (&json!("healthy"), &json!(5.0), &json!(0.0))
    );
    assert!(check("call")["summary"].as_str().expect("a summary").contains(" answered in "), "{target}");
    let tokens = check("tokens")["value"].as_f64().expect("a count");
    assert!(tokens < 600.0, "docs/guide/agents.md says what it costs: {tokens}");
}

#[test]
fn as_a_target_of_its_own_configuration_it_is_started_once() {
    let home = Home::new();
    let program = env!("CARGO_BIN_EXE_mcp-vitals");
    home.configure(&format!("version: 1\ntargets:\n  - name: myself\n    stdio: [\"{program}\", mcp]\n"));
    let mut agent = Agent::start(&home, &[]);
    let said = agent.call("hub_health", &json!({"target": "myself"}));
    assert_eq!(said["health"], "healthy", "{said}");
    let below: Vec<_> = procs::children(agent.running.pid()).into_iter().map(|child| child.pid).collect();
    assert_eq!(below.len(), 1, "one to look at: {below:?}");
    assert!(procs::children(below[0]).is_empty(), "and that one starts none");
    agent.end();
    wait::until("the end of what it started", LONG, || procs::find(below[0]).is_none().then_some(()));
}

#[test]
fn whatever_is_typed_it_answers_before_and_after_and_without_a_hub() {
    let home = Home::new();
    home.configure("version: 1\ntargets:\n  - {name: nobody, hub: 'http://127.0.0.1:9'}\n");
    let began = Stopwatch::start();
    let mut agent = Agent::start(&home, &[]);
    assert!(began.elapsed() < Duration::from_secs(5), "{:?} until initialize was answered", began.elapsed());
    for line in [
        "",
        "no JSON",
        "{}",
        "[]",
        "null",
        "{\"jsonrpc\":\"2.0\",\"id\":1}",
        "\u{1b}[2J",
        "{\"jsonrpc\":\"2.0\",\"method\":5,\"id\":2}",
    ] {
        agent.running.type_in(&format!("{line}\n"));
    }
    let said = agent.call("can_use_tool", &json!({"tool": "read_file"}));
    assert_eq!(said["answer"], "unknown", "{said}");
    assert_eq!(agent.call("hub_health", &json!({}))["health"], "failing");
    agent.end();
    let unknown = home.run(&["mcp", "--target", "no-such-hub"], LONG);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(3), ""), "{}", unknown.stderr);
}

/// The commands of the guide that ask with the MCP inspector, each as its words after `--cli`.
fn documented() -> Vec<Vec<String>> {
    let guide = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/guide/agents.md");
    let text = std::fs::read_to_string(guide).expect("the guide is in the repository");
    let commands = text.lines().filter_map(|line| line.trim().strip_prefix("npx @modelcontextprotocol/inspector --cli "));
    commands.map(|command| command.split(' ').map(str::to_owned).collect()).collect()
}

#[test]
fn the_inspector_is_answered_as_the_guide_says() {
    let Some(folder) = install::inspector() else { return };
    let home = Home::new();
    let lab = Running::start(home.mcp_vitals(&["lab"]));
    let commands = documented();
    assert_eq!(commands.len(), 4);
    for words in commands {
        let [program, rest @ ..] = words.as_slice() else { panic!("an empty command") };
        assert_eq!(program, "mcp-vitals");
        let mut inspector = std::process::Command::new("node");
        home.furnish(&mut inspector);
        inspector.arg(folder.join("node_modules/.bin/mcp-inspector")).arg("--cli");
        inspector.arg(env!("CARGO_BIN_EXE_mcp-vitals")).args(rest);
        let ran = Running::start(inspector).wait(LONG);
        assert_eq!(ran.code, Some(0), "{rest:?}: {ran:?}");
        let answer: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|why| panic!("{why}: {ran:?}"));
        let expected = ["/tools/0/name", "/structuredContent/health", "/contents/0/text", "/prompts/0/name"];
        assert!(expected.iter().any(|place| answer.pointer(place).is_some_and(Value::is_string)), "{rest:?}: {answer}");
    }
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

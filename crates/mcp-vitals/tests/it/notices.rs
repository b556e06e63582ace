//! Notices on a lab with the built binary, as timelines: what happens to a server, and what a receiver hears when.

mod life;
mod real;

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};
use vitals_lab::part::{Part, Program, ServerKind, ServerPart};

use crate::inbox::{Inbox, Mood};
use crate::product::{Home, Ran, Running};
use crate::{said, wait};

/// Far more than anything here takes that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(40);

/// The bound on hearing of a fault that an event tells.
const TOLD_MAX: Duration = Duration::from_secs(2);

/// A lab, and a watch on it that tells.
struct Telling {
    home: Home,
    lab: Running,
    watch: Running,
}

impl Telling {
    /// Starts both with this configuration, and waits until every server has been called.
    fn start(configuration: &str) -> Self {
        Self::start_with(Home::new(), configuration, &[], &[])
    }

    /// The same with arguments for the lab, and variables for the watch.
    fn start_with(home: Home, configuration: &str, lab: &[&str], variables: &[(&str, &str)]) -> Self {
        home.configure(configuration);
        let mut lab = Running::start(home.mcp_vitals(&[&["lab"], lab].concat()));
        lab.expect_line("hub  ", PATIENCE);
        let watch = begin(&home, variables);
        Self { home, lab, watch }
    }

    /// Kills the watch at once, and starts another one.
    fn kill_the_watch(&mut self, meanwhile: impl FnOnce(&Self)) {
        self.watch.signal(Signal::KILL);
        wait::until("the end of the watch", PATIENCE, || {
            crate::procs::find(self.watch.pid()).is_none_or(|p| p.state == 'Z').then_some(())
        });
        meanwhile(self);
        let mut watch = Running::start(self.home.mcp_vitals(&["watch"]));
        watch.expect_note("watching ", PATIENCE);
        self.watch = watch;
    }

    fn fault(&self, arguments: &[&str]) {
        let ran = self.home.run(&[&["lab", "fault"], arguments].concat(), PATIENCE);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    fn kill(&self, server: &str) {
        self.fault(&["inject", "server-killed", "--server", server]);
    }

    fn heal(&self) {
        self.fault(&["clear", "--all"]);
    }

    fn end(self) -> (Home, Ran) {
        self.watch.signal(Signal::TERM);
        let ran = self.watch.wait(PATIENCE);
        said::assert_no_panic(&ran);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        self.lab.signal(Signal::TERM);
        assert_eq!(self.lab.wait(PATIENCE).code, Some(0));
        (self.home, ran)
    }
}

/// Starts a watch, and waits until it knows that all is well.
fn begin(home: &Home, variables: &[(&str, &str)]) -> Running {
    let mut command = home.mcp_vitals(&["watch"]);
    command.envs(variables.iter().copied());
    let mut watch = Running::start(command);
    watch.expect_note("watching ", PATIENCE);
    let is_well = || {
        let check = home.run(&["check", "--no-history", "--format", "json"], PATIENCE);
        let seen: Value = serde_json::from_str(&check.stdout).ok()?;
        (seen["targets"][0]["health"] == "healthy").then_some(())
    };
    wait::until_now_and_then("a hub that is well", PATIENCE, is_well);
    watch
}

/// One route to one webhook, quick enough for a test.
fn to(inbox: &Inbox) -> String {
    format!(
        "version: 1\nreceivers:\n  hook: {{kind: webhook, url: '{}'}}\nroutes:\n  - {{name: all, receivers: [hook], group_interval: 1s}}\n",
        inbox.url()
    )
}

#[test]
fn a_killed_server_is_told_within_two_seconds_and_its_end_when_it_is_healed() {
    let inbox = Inbox::open();
    let telling = Telling::start(&to(&inbox));
    assert_eq!(inbox.all().len(), 0, "nothing is wrong yet");
    let killed_at = inbox.elapsed();
    telling.kill("filesystem");
    let first = inbox.nth(0, PATIENCE);
    // The command that kills takes its time too, which counts against us.
    assert!(first.after <= killed_at + TOLD_MAX, "killed at {killed_at:?}, told at {:?}", first.after);
    let told = first.json();
    assert_eq!((&told["status"], &told["stage"], &told["severity"]), (&json!("firing"), &json!("first"), &json!("critical")));
    let incident = &told["incidents"][0];
    assert_eq!(incident["check"], "hub-servers/filesystem/truth");
    assert!(said::text(incident, "why").contains("hub says connected"), "{told:#}");
    assert!(said::text(incident, "todo").contains("start"), "{told:#}");
    assert_eq!(first.header("idempotency-key"), said::text(&told, "once"));

    telling.heal();
    let second = inbox.nth(1, PATIENCE).json();
    assert_eq!((&second["status"], &second["key"]), (&json!("resolved"), &told["key"]));
    assert_eq!(second["incidents"][0]["id"], incident["id"]);
    let (home, _) = telling.end();
    assert_eq!(inbox.all().len(), 2, "each is told once");

    let id = said::text(incident, "id").to_owned();
    let explained = home.run(&["explain", &id], PATIENCE);
    for words in ["matched", "waiting", "sent", "N1 to hook", "delivered"] {
        assert!(explained.stdout.contains(words), "{words} is not in {}", explained.stdout);
    }
}

/// What came, in words: what it is known by, what it says, and of which incident first.
fn words(inbox: &Inbox) -> Vec<String> {
    let one = |told: &Value| {
        format!("{} {} {}", said::text(told, "id"), said::text(told, "status"), said::text(&told["incidents"][0], "check"))
    };
    inbox.all().iter().map(|received| one(&received.json())).collect()
}

#[test]
fn a_hub_that_takes_a_hundred_servers_with_it_is_one_notice() {
    const SERVERS: usize = 100;
    let home = Home::new();
    let part = Part::Server(ServerPart { kind: ServerKind::Echo, faults: None, folder: None });
    let program = Program { path: env!("CARGO_BIN_EXE_mcp-vitals").into(), words: vec!["lab-part".into()] };
    let command = program.command(&part);
    let words: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
    let entry = json!({"command": command.get_program().to_string_lossy(), "args": words});
    let servers: serde_json::Map<_, _> = (0..SERVERS).map(|n| (format!("echo-{n:03}"), entry.clone())).collect();
    let file = home.path().join("servers.json");
    std::fs::write(&file, json!({"mcpServers": servers}).to_string()).expect("a folder of ours");
    let inbox = Inbox::open();
    let telling = Telling::start_with(home, &to(&inbox), &["--servers", file.to_str().expect("a plain path")], &[]);
    // The many do not connect at once, and what is told of that is not what this is about.
    let connected = || (telling.servers_that_work() == SERVERS).then_some(());
    wait::until_now_and_then("a hundred servers that work", PATIENCE * 2, connected);
    wait::until_now_and_then("nothing that waits to be told", PATIENCE, || {
        (inbox.quiet_for(Duration::from_secs(5))).then_some(())
    });
    let before = inbox.all().len();

    telling.fault(&["inject", "hub-killed"]);
    let told = inbox.nth(before, PATIENCE).json();
    assert_eq!((&told["status"], &told["incidents"][0]["check"]), (&json!("firing"), &json!("hub-servers/process")), "{told:#}");
    assert_eq!(told["incidents"].as_array().map(Vec::len), Some(1), "{told:#}");
    // As long as what follows from it has to be bad before it would be told on its own.
    wait::until_now_and_then("silence", PATIENCE, || (inbox.quiet_for(Duration::from_secs(8))).then_some(()));
    assert_eq!(inbox.all().len(), before + 1, "1 notice, not {}: {:?}", SERVERS + 1, words_of(&inbox, before));
    telling.end();
}

fn words_of(inbox: &Inbox, from: usize) -> Vec<String> {
    words(inbox).split_off(from)
}

impl Telling {
    /// How many servers answered their canary call, as a look by itself sees it.
    fn servers_that_work(&self) -> usize {
        let check = self.home.run(&["check", "--no-history", "--format", "json"], PATIENCE);
        let seen: Value = serde_json::from_str(&check.stdout).unwrap_or_default();
        let works = |server: &&Value| server["verdict"] == "agrees" && server["health"] == "healthy";
        seen["targets"][0]["servers"].as_array().map_or(0, |servers| servers.iter().filter(works).count())
    }
}

#[test]
fn a_receiver_that_was_down_gets_everything_once_and_in_order() {
    let inbox = Inbox::open();
    let configuration = to(&inbox).replace("group_interval: 1s", "group_interval: 1s, group_by: [incident]");
    let telling = Telling::start(&configuration);
    let port = inbox.port;
    drop(inbox);
    for (n, server) in ["filesystem", "echo"].into_iter().enumerate() {
        telling.kill(server);
        telling.listed(2 * n as u64 + 1);
        telling.heal();
        telling.listed(2 * n as u64 + 2);
    }
    let inbox = Inbox::open_at(port);
    inbox.nth(3, PATIENCE * 2);
    telling.listed(0);
    let expected = [
        "N1 firing hub-servers/filesystem/truth",
        "N2 resolved hub-servers/filesystem/truth",
        "N3 firing hub-servers/echo/truth",
        "N4 resolved hub-servers/echo/truth",
    ];
    assert_eq!(words(&inbox), expected);
    telling.end();
    assert_eq!(inbox.all().len(), 4);
}

impl Telling {
    /// Waits until so many notices wait for the receiver.
    fn listed(&self, n: u64) {
        let waiting = || {
            let listed = self.home.run(&["notify", "list", "--format", "json"], PATIENCE);
            let all: Value = serde_json::from_str(&listed.stdout).ok()?;
            (all["receivers"][0]["waiting"] == n).then_some(())
        };
        wait::until_now_and_then("the notices that wait", PATIENCE, waiting);
    }
}

#[test]
fn a_watch_that_is_killed_loses_no_notice_and_tells_none_twice() {
    let inbox = Inbox::open();
    inbox.mood(Mood::Status(503));
    let mut telling = Telling::start(&to(&inbox));
    telling.kill("filesystem");
    let first = inbox.nth(0, PATIENCE).json();
    telling.kill_the_watch(Telling::heal);
    let tried = inbox.all().len();
    inbox.mood(Mood::Status(200));
    inbox.nth(tried + 1, PATIENCE);
    let all: Vec<_> = inbox.all().iter().map(crate::inbox::Received::json).collect();
    assert!(all[..=tried].iter().all(|told| told["once"] == first["once"] && told["status"] == "firing"), "{:?}", words(&inbox));
    assert_eq!((&all[tried + 1]["status"], &all[tried + 1]["key"]), (&json!("resolved"), &first["key"]));

    // Once more, and now it dies after everything was delivered.
    telling.kill("echo");
    let third = inbox.nth(tried + 2, PATIENCE).json();
    telling.listed(0);
    telling.kill_the_watch(|_| {});
    telling.heal();
    let last = inbox.nth(tried + 3, PATIENCE).json();
    assert_eq!((&third["status"], &last["status"], &last["key"]), (&json!("firing"), &json!("resolved"), &third["key"]));
    telling.end();
    assert_eq!(inbox.all().len(), tried + 4, "{:?}", words(&inbox));
}

#[test]
fn a_receiver_that_hangs_delays_no_probe() {
    const STEP: Duration = Duration::from_secs(1);
    const LATE_MAX: Duration = Duration::from_secs(1);
    let (hanging, target) = (Inbox::open(), Inbox::open());
    hanging.mood(Mood::Hang);
    let home = Home::new();
    home.configure(&format!(
        "{}discover: false\ntargets:\n  - {{name: hub, hub: 'http://127.0.0.1:{}', schedule: {{light: 1s}}}}\n",
        to(&hanging)
            .replace("group_interval: 1s", "group_interval: 1s, repeat: 1s")
            .replace("kind: webhook", "kind: webhook, timeout: 60s"),
        target.port
    ));
    let watch = Running::start(home.mcp_vitals(&["watch"]));
    hanging.nth(0, PATIENCE);
    let began = target.all().len();
    let asked = || target.all().iter().filter(|r| r.path == "/api/health").map(|r| r.after).collect::<Vec<_>>();
    wait::until("25 probes beside a receiver that hangs", PATIENCE * 2, || (asked().len() >= began + 25).then_some(()));
    let asked = asked();
    let mut late: Vec<_> = asked.windows(2).map(|pair| pair[1].saturating_sub(pair[0]).saturating_sub(STEP)).collect();
    late.sort();
    let p99 = late[(late.len() * 99).div_ceil(100) - 1];
    assert!(p99 <= LATE_MAX, "{p99:?} of {}", late.len());
    assert_eq!(hanging.all().len(), 1, "one at a time, and the first has a minute");
    watch.signal(Signal::TERM);
    let ran = watch.wait(PATIENCE);
    assert_eq!(ran.code, Some(0), "{ran:?}");
}

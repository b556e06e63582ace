//! Notices on a lab with the built binary, as timelines: what happens to a server, and what a receiver hears when.

use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::inbox::Inbox;
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
        let home = Home::new();
        home.configure(configuration);
        let mut lab = Running::start(home.mcp_vitals(&["lab"]));
        lab.expect_line("hub  ", PATIENCE);
        let watch = begin(&home);
        Self { home, lab, watch }
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
fn begin(home: &Home) -> Running {
    let mut watch = Running::start(home.mcp_vitals(&["watch"]));
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
    assert!(first.after - killed_at <= TOLD_MAX, "{:?}", first.after - killed_at);
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

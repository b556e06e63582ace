//! What is around notices: samples, the heartbeat, a supervisor, and where secrets are not.

use std::os::unix::net::UnixDatagram;

use super::*;

#[test]
fn a_sample_says_what_each_receiver_answers() {
    let (taking, refusing) = (Inbox::open(), Inbox::open());
    refusing.mood(Mood::Status(410));
    let home = Home::new();
    home.configure(&format!(
        "receivers:\n  good: {{kind: webhook, url: '{}', sign: env:KEY}}\n  gone: {{kind: slack, url: '{}'}}\n  \
         away: {{kind: ntfy, url: 'http://127.0.0.1:1', topic: t, token: file:/there/is/none}}\n  \
         told: {{kind: command, command: [sh, -c, 'cat > told.json; echo thanks']}}\n\
         routes:\n  - {{name: all, receivers: [good, told, gone], escalate: {{after: 1m, receivers: [away]}}}}\n",
        taking.url(),
        refusing.url()
    ));
    let run = |words: &[&str]| {
        let mut command = home.mcp_vitals(&[&["notify"], words].concat());
        command.env("KEY", "a-key-of-ours");
        Running::start(command).wait(PATIENCE)
    };
    let one = run(&["test", "good"]);
    assert_eq!((one.code, one.stdout.as_str()), (Some(0), "good  took it: 200 ok\n"), "{}", one.stderr);
    let sample = taking.nth(0, PATIENCE);
    assert_eq!((&sample.json()["stage"], sample.path.as_str()), (&json!("sample"), "/told"));
    assert!(sample.header("mcp-vitals-signature").starts_with("v1="), "{:?}", sample.headers);
    assert_eq!(sample.header("mcp-vitals-timestamp").len(), 10);

    let all = run(&["test", "all"]);
    assert_eq!(all.code, Some(2), "{all:?}");
    for line in [
        "good  took it",
        "told  took it: exit 0 thanks",
        "gone  did not take it: HTTP 410",
        "away  did not take it: referenced secret",
    ] {
        assert!(all.stdout.contains(line), "{line:?} is not in {}", all.stdout);
    }
    let told: Value =
        serde_json::from_str(&std::fs::read_to_string(home.path().join("told.json")).expect("it was told")).expect("JSON");
    assert_eq!(told["schema"], "mcp-vitals/notice/v1");
    let none = run(&["test", "nobody"]);
    assert!(none.code == Some(3) && none.stderr.contains("all, away, gone, good, told"), "{none:?}");

    let listed = run(&["list"]);
    for words in ["route all", "* from warning on, of *", "receiver good  webhook, nothing waits"] {
        assert!(listed.stdout.contains(words), "{words:?} is not in {}", listed.stdout);
    }
    for ran in [one, all, none, listed, run(&["list", "--format", "json"]), home.run(&["config", "show"], PATIENCE)] {
        assert!(!format!("{ran:?}").contains("a-key-of-ours"), "{ran:?}");
        said::assert_no_panic(&ran);
    }
}

#[test]
fn a_heart_beats_while_the_watch_goes_on_and_not_while_it_stands() {
    let inbox = Inbox::open();
    let home = Home::new();
    home.configure(&format!("discover: false\nheartbeat: {{url: '{}', every: 5s}}\n", inbox.url()));
    let watch = Running::start(home.mcp_vitals(&["watch"]));
    inbox.nth(1, PATIENCE);
    let gap = inbox.all()[1].after.saturating_sub(inbox.all()[0].after);
    assert!((4..9).contains(&gap.as_secs()), "{gap:?}");
    watch.signal(Signal::STOP);
    let beats = inbox.all().len();
    wait::until("two beats that are not made", PATIENCE, || inbox.quiet_for(Duration::from_secs(11)).then_some(()));
    assert!(inbox.all().len() <= beats + 1, "one may have been on its way");
    watch.signal(Signal::CONT);
    inbox.nth(beats + 1, PATIENCE);
    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(PATIENCE).code, Some(0));
}

#[test]
fn a_supervisor_hears_when_it_is_ready_that_it_goes_on_and_when_it_stops() {
    let home = Home::new();
    home.configure("discover: false\n");
    let path = home.path().join("supervisor");
    let socket = UnixDatagram::bind(&path).expect("a socket of ours");
    socket.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let mut command = home.mcp_vitals(&["watch"]);
    command.env("NOTIFY_SOCKET", &path).env("WATCHDOG_USEC", "1000000");
    let watch = Running::start(command);
    let hear = || {
        let mut buffer = [0; 256];
        let n = socket.recv(&mut buffer).expect("it tells");
        String::from_utf8_lossy(&buffer[..n]).into_owned()
    };
    assert_eq!(hear(), "READY=1");
    let next: Vec<_> = (0..6).map(|_| hear()).collect();
    assert!(next.iter().filter(|told| *told == "WATCHDOG=1").count() >= 4, "{next:?}");
    assert!(next.iter().any(|told| told.starts_with("STATUS=0 targets")), "{next:?}");
    watch.signal(Signal::TERM);
    wait::until("its last word", PATIENCE, || (hear() == "STOPPING=1").then_some(()));
    assert_eq!(watch.wait(PATIENCE).code, Some(0));
}

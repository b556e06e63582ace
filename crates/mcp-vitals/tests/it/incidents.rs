//! What people say about incidents, by way of a running watch and without one.

use std::process::Command;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::Value;

use crate::product::{Home, Ran, Running};
use crate::{said, wait};

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(30);

/// A server that is not there: nobody listens on port 1.
const NOBODY: &str = "http://127.0.0.1:1/mcp";

fn incidents(home: &Home, arguments: &[&str]) -> Ran {
    home.run(&[&["incidents"], arguments].concat(), PATIENCE)
}

fn done(home: &Home, arguments: &[&str]) -> String {
    let ran = incidents(home, arguments);
    said::assert_no_panic(&ran);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    ran.stdout
}

fn shown(home: &Home) -> Value {
    serde_json::from_str(&done(home, &["show", "I1", "--format", "json"])).expect("JSON")
}

#[test]
fn an_incident_is_taken_up_silenced_and_shown_with_its_reasons() {
    let home = Home::new();
    let ran = incidents(&home, &["list"]);
    assert!(ran.code == Some(3) && ran.stderr.contains("no history in"), "{ran:?}");

    let mut watch = Running::start(home.mcp_vitals(&["watch", "--mcp", NOBODY]));
    watch.expect_line("OPENED", PATIENCE);
    let listed = || done(&home, &["list"]);
    wait::until_now_and_then("the incident in the history", PATIENCE, || listed().contains("I1  critical").then_some(()));

    done(&home, &["ack", "I1", "starting it", "--author", "anna"]);
    let line = watch.expect_line("ACKNOWLEDGED", PATIENCE);
    assert!(line.contains("(by anna: starting it)"), "{line}");
    // This user's session does not say who it is.
    done(&home, &["note", "i1", "the port was wrong"]);
    done(&home, &["silence", "hub-servers/*", "known", "--for", "1h", "--author", "anna"]);
    watch.expect_note("S1: anna silences hub-servers/* of *", PATIENCE);
    let noted = || (!shown(&home)["notes"].as_array()?.is_empty()).then_some(());
    wait::until_now_and_then("the note in the history", PATIENCE, noted);
    let one = shown(&home);
    assert_eq!((&one["acknowledged"]["author"], &one["acknowledged"]["text"]), (&"anna".into(), &"starting it".into()));
    assert_eq!(one["notes"][0]["text"], "the port was wrong");
    let text = done(&home, &["show", "I1"]);
    let me = Command::new("id").arg("-un").output().expect("runs").stdout;
    let noted = format!("{}: the port was wrong", String::from_utf8_lossy(&me).trim());
    assert!(text.contains("acknowledged at") && text.contains(&noted), "{text}");

    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(PATIENCE).code, Some(0));
    let list: Value = serde_json::from_str(&done(&home, &["list", "--format", "json"])).expect("JSON");
    assert_eq!((&list["silences"][0]["id"], &list["silences"][0]["reason"]), (&"S1".into(), &"known".into()));

    // Without a watch it waits for the next one, which has forgotten nothing and tells nothing again.
    done(&home, &["unsilence", "S1", "--author", "anna"]);
    assert!(listed().contains("1 order waits for a watch"), "{}", listed());
    let mut again = Running::start(home.mcp_vitals(&["watch", "--mcp", NOBODY]));
    again.expect_note("S1 was ended by anna", PATIENCE);
    again.signal(Signal::TERM);
    let ran = again.wait(PATIENCE);
    assert!(ran.code == Some(0) && ran.stdout.is_empty(), "{ran:?}");
    assert_eq!(shown(&home)["acknowledged"]["author"], "anna");
}

#[test]
fn a_check_is_explained_with_its_bounds_its_causes_and_what_people_hear() {
    let home = Home::new();
    let explain = |what: &str| home.run(&["explain", what, "--mcp", NOBODY], PATIENCE);
    let truth = explain("*/truth");
    assert!(truth.code == Some(0) && truth.stdout.contains("no incident yet: it must last for 5.0 s"), "{truth:?}");
    let open = explain("*/open");
    let causes = ["may be    hub-servers/", "/truth failing", "no incident of its own: it follows from"];
    for words in ["failing, judged, since", "connection refused"].into_iter().chain(causes) {
        assert!(open.stdout.contains(words), "{words:?} is not in\n{}", open.stdout);
    }
    let json = home.run(&["explain", "*/open", "--mcp", NOBODY, "--format", "json"], PATIENCE);
    let json: Value = serde_json::from_str(&json.stdout).expect("JSON");
    assert_eq!((&json[0]["check"]["health"], &json[0]["incident"]), (&"failing".into(), &Value::Null));
    let nothing = explain("no-such-check");
    assert!(nothing.code == Some(3) && nothing.stderr.contains("no check no-such-check has a reading"), "{nothing:?}");
}

#[test]
fn what_is_not_there_is_refused() {
    let home = Home::new();
    let ran = home.run(&["check", "--mcp", NOBODY], PATIENCE);
    assert_eq!(ran.code, Some(2), "{ran:?}");
    for (arguments, words) in [
        (vec!["show", "I9"], "the history knows no incident I9"),
        (vec!["ack", "I9", "--author", "anna"], "the history knows no incident I9"),
        (vec!["note", "I9", "x", "--author", "anna"], "the history knows no incident I9"),
        (vec!["unsilence", "S9", "--author", "anna"], "there is no silence S9"),
        (vec!["ack", "nine"], "expected a number such as I42"),
    ] {
        let ran = incidents(&home, &arguments);
        assert!(ran.code == Some(3) && ran.stderr.contains(words), "{arguments:?}: {ran:?}");
    }
    assert!(done(&home, &["list"]).contains("no incident lasts"));
}

//! The report of each day: `watch` writes what was missed, once.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use vitals_probe::clock;

use crate::product::{Home, Running};
use crate::stability::watched;

const LONG: Duration = Duration::from_secs(40);

/// A time of day that was an hour ago, and the day of it, in UTC.
fn an_hour_ago() -> (String, String) {
    let then = clock::now().minus(Duration::from_secs(3600)).to_string();
    (then[11..16].to_owned(), then[..10].to_owned())
}

fn watch(home: &Home, more: &[&str]) -> Running {
    let mut command = home.mcp_vitals(&[&["watch"], more].concat());
    command.env("TZ", "UTC");
    Running::start(command)
}

/// What it said until its end, of which nothing was wrong.
fn ended(watch: Running) -> String {
    let ended = watch.wait(LONG);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    ended.stderr
}

#[test]
fn a_missed_report_is_written_at_the_next_start_once_and_says_whom_it_did_not_reach() {
    let home = watched(300, 0);
    let (at, day) = an_hour_ago();
    let folder = home.path().join("reports");
    home.configure(&format!("version: 1\ndiscover: false\nreport: {{at: '{at}', folder: {}, to: [team]}}\n", folder.display()));
    let mut first = watch(&home, &[]);
    let note = first.expect_note("the report of ", LONG);
    let page = folder.join(format!("report-{day}.html"));
    assert!(note.contains(&day) && note.contains("not sent to team"), "{note}");
    first.signal(Signal::TERM);
    ended(first);
    let html = fs::read_to_string(&page).expect("it is written");
    let markdown = fs::read_to_string(page.with_extension("md")).expect("it is written");
    assert!(html.contains("hub-7001") && html.contains("</html>") && markdown.contains("hub-7001"), "{markdown}");
    // The 24 hours before it was due, and nothing of the hour since.
    assert!(markdown.contains(&format!("{day}T{at}:00")), "{markdown}");

    fs::write(&page, "kept").expect("a folder of ours");
    let second = ended(watch(&home, &["--for", "2s"]));
    assert!(!second.contains("the report of"), "{second}");
    assert_eq!(fs::read_to_string(&page).expect("it is there"), "kept");
    home.configure(&format!("version: 1\ndiscover: false\nreport: {{at: off, folder: {}}}\n", folder.display()));
    fs::remove_file(&page).expect("it is there");
    ended(watch(&home, &["--for", "2s"]));
    assert!(!page.exists());
}

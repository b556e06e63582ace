//! The report of each day: `watch` writes what was missed, once, and sends it to each receiver, once.

use std::fs;
use std::time::Duration;

use rustix::process::Signal;
use vitals_probe::clock;

use crate::inbox::{Inbox, Mood};
use crate::product::{Home, Running};
use crate::said;
use crate::stability::watched;

const LONG: Duration = Duration::from_secs(40);

/// A time of day that was an hour ago, and the day of it, in UTC.
pub(crate) fn an_hour_ago() -> (String, String) {
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
fn a_missed_report_is_written_at_the_next_start_once() {
    let home = watched(300, 0);
    let (at, day) = an_hour_ago();
    let folder = home.path().join("reports");
    home.configure(&format!("version: 1\ndiscover: false\nreport: {{at: '{at}', folder: {}}}\n", folder.display()));
    let mut first = watch(&home, &[]);
    let note = first.expect_note("the report of ", LONG);
    let page = folder.join(format!("report-{day}.html"));
    assert!(note.contains(&day), "{note}");
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

/// One hook of each inbox, and the report to all of them.
fn to(inboxes: &[&Inbox], at: &str) -> String {
    let hook = |(n, inbox): (usize, &&Inbox)| format!("  hook-{n}: {{kind: webhook, url: '{}'}}\n", inbox.url());
    let hooks: Vec<_> = inboxes.iter().enumerate().map(hook).collect();
    let names: Vec<_> = (0..inboxes.len()).map(|n| format!("hook-{n}")).collect();
    format!("version: 1\ndiscover: false\nreceivers:\n{}report: {{at: '{at}', to: [{}]}}\n", hooks.concat(), names.join(", "))
}

#[test]
fn a_report_is_sent_once_to_each_over_a_watch_that_is_killed_and_one_that_ends() {
    let home = watched(300, 0);
    let (at, day) = an_hour_ago();
    let [first, second, third] = std::array::from_fn(|_| Inbox::open());
    first.mood(Mood::Status(503));
    home.configure(&to(&[&first], &at));
    let killed = watch(&home, &[]);
    let told = first.nth(0, LONG).json();
    assert_eq!((&told["status"], &told["stage"], &told["route"]), (&"report".into(), &"daily".into(), &"report.to".into()));
    assert_eq!((&told["report"]["day"], &told["incidents"]), (&day.as_str().into(), &serde_json::json!([])));
    let title = said::text(&told, "title");
    assert!(title.starts_with(&format!("{day}: hub-7001 ")) && title.contains("/100"), "{title}");
    let page = said::text(&told["report"], "page");
    let markdown = fs::read_to_string(std::path::Path::new(page).with_extension("md")).expect("it is written");
    assert_eq!(said::text(&told["report"], "text"), markdown);
    killed.signal(Signal::KILL);
    assert_eq!(killed.wait(LONG).code, None);

    // That the second is told shows that the watch looked at whom to tell.
    first.mood(Mood::Status(200));
    let tried = first.all().len();
    home.configure(&to(&[&first, &second], &at));
    let ending = watch(&home, &[]);
    assert_eq!(second.nth(0, LONG).json()["report"], told["report"]);
    assert_eq!(first.nth(tried, LONG).json()["once"], told["once"], "what waited is sent");
    ending.signal(Signal::TERM);
    let said = ended(ending);
    assert!(said.contains(&format!("the report of {day} goes to hook-1\n")), "{said}");

    home.configure(&to(&[&first, &second, &third], &at));
    let last = watch(&home, &[]);
    third.nth(0, LONG);
    let listed = home.run(&["notify", "list"], LONG);
    last.signal(Signal::TERM);
    ended(last);
    assert_eq!([&first, &second, &third].map(|inbox| inbox.all().len()), [tried + 1, 1, 1]);
    assert!(listed.stdout.contains("receiver hook-0") && listed.stdout.contains("N1 delivered"), "{}", listed.stdout);
}

//! `criteria` and `report` on a history of two days that lies on a disk: what they say, and how they end.

use std::fs;
use std::time::Duration;

use serde_json::Value;
use vitals_engine::store::{Bulk, Record, Store};
use vitals_model::check::CheckId;
use vitals_model::config::Storage;
use vitals_model::reading::Health;
use vitals_model::scenario::{Outcome, Run, Stand, Step};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

use crate::product::{Home, Ran};
use crate::said;

const PATIENCE: Duration = Duration::from_secs(60);
const MINUTE: Duration = Duration::from_secs(60);

/// A server's name with all that ends an attribute, an element, a cell.
const HOSTILE: &str = "e\"v|i`l<script>alert(1)<_script>";

/// What is measured each minute, and its value.
const GOOD: [(&str, f64); 15] = [
    ("hub-servers/process", 1.0),
    ("hub-servers/restarts", 0.0),
    ("hub-servers/api", 4.0),
    ("hub-servers/cpu", 0.4),
    ("hub-servers/memory", 0.8),
    ("hub-servers/fds", 30.0),
    ("hub-servers/filesystem/truth", 0.0),
    ("hub-servers/filesystem/call", 12.0),
    ("hub-servers/filesystem/tools", 14.0),
    ("hub-servers/filesystem/drift", 0.0),
    ("filtering-sessions/isolation", 0.0),
    ("logging/errors", 0.0),
    ("logging/lines/info", 9.0),
    ("logging/growth", 1e6),
    ("logging/size", 1e6),
];

fn hub() -> TargetId {
    TargetId::new("hub-7001")
}

/// A user whose hub was watched for `minutes`; in the last `bad` of them a server with a hostile name was down.
pub(crate) fn watched(minutes: u32, bad: u32) -> Home {
    let home = Home::new();
    let end = vitals_probe::clock::now();
    let at = |ago: u32| end.minus(MINUTE * ago);
    let dir = home.path().join(".local/state/mcp-vitals");
    fs::create_dir_all(&dir).expect("a folder of ours");
    let mut bulk = Bulk::open(&dir).expect("a new history");
    let mut add = |id: &str, samples: Vec<(Timestamp, Health, Option<f64>)>| {
        bulk.add(&hub(), &CheckId::from_stored(id), samples).expect("it is written");
    };
    for (id, value) in GOOD {
        add(id, (0..minutes).rev().map(|ago| (at(ago), Health::Healthy, Some(value))).collect());
    }
    if bad > 0 {
        let health = |ago| if ago < bad { Health::Failing } else { Health::Healthy };
        add(&format!("hub-servers/{HOSTILE}/truth"), (0..minutes).rev().map(|ago| (at(ago), health(ago), None)).collect());
    }
    drop(bulk);
    let store = Store::open(&dir, &Storage::default()).expect("the history");
    for name in ["clients-5", "server-crash", "sse-loss", "log-growth"] {
        store.put(Record::Scenario(Box::new(passed(name, at(minutes / 3)))));
        // A lab that was there for a scenario alone neither meets nor misses criteria.
        store.put(Record::Scenario(Box::new(Run { target: TargetId::new("lab"), ..passed(name, at(1)) })));
    }
    assert_eq!(store.close().lost, 0);
    home
}

fn passed(name: &str, at: Timestamp) -> Run {
    let step = Step {
        does: "do it".to_owned(),
        expects: "it is done".to_owned(),
        outcome: Outcome::Passed,
        seen: "done".to_owned(),
        figures: Vec::new(),
        took: MINUTE,
    };
    Run { scenario: name.to_owned(), target: hub(), stand: Stand::Hub, at, took: MINUTE, steps: vec![step] }
}

fn run(home: &Home, arguments: &[&str]) -> Ran {
    let ran = home.run(arguments, PATIENCE);
    said::assert_no_panic(&ran);
    ran
}

fn fulfilment(criteria: &Value, name: &str) -> String {
    said::text(said::find(&criteria["targets"][0]["criteria"], "name", name), "fulfilment").to_owned()
}

#[test]
fn two_good_days_are_stable_and_one_is_not_two() {
    let home = watched(49 * 60, 0);
    let criteria = run(&home, &["criteria", "--format", "json"]);
    assert_eq!(criteria.code, Some(0), "{criteria:?}");
    let json = said::json(&criteria);
    assert_eq!(json["schema"], "mcp-vitals/criteria/v1");
    for name in ["process-continuous", "servers-connected", "tool-sync", "degradation-scenarios", "flat-resources"] {
        assert_eq!(fulfilment(&json, name), "met", "{name}: {json:#}");
    }
    assert_eq!(fulfilment(&json, "meta-tool-latency"), "pending", "never measured, never met");

    let verdict = run(&home, &["report", "--final"]);
    assert_eq!(verdict.code, Some(0), "{verdict:?}");
    for wanted in ["verdict: STABLE: all 7 musts were met", "Phase stress: met", "✓ met      servers-connected"] {
        assert!(verdict.stdout.contains(wanted), "no `{wanted}` in {}", verdict.stdout);
    }
    // Of twice the time only half was observed.
    let longer = run(&home, &["criteria", "--since", "96h"]);
    assert_eq!(longer.code, Some(3), "{longer:?}");
    assert!(longer.stdout.contains("? pending  process-continuous") && longer.stdout.contains("must 0/7"), "{longer:?}");
    let short = run(&home, &["report", "--final", "--since", "12h"]);
    assert!(short.code == Some(3) && short.stdout.contains("verdict: NOT SHOWN: a run takes 24 to 48 hours"), "{short:?}");
}

#[test]
fn a_server_that_is_down_is_unmet_and_burns_its_budget() {
    let home = watched(25 * 60, 30);
    home.configure(
        "version: 1\ndefaults:\n  objectives:\n    works: {check: hub-servers/*/truth, goal: 90, window: 24h, weight: should}\n    \
         quick: {check: hub-servers/*/call, goal: 99, latency: 11ms, window: 24h, weight: nice}\n",
    );
    let criteria = run(&home, &["criteria", "--since", "24h", "--format", "json"]);
    assert_eq!(criteria.code, Some(2), "{criteria:?}");
    let json = said::json(&criteria);
    assert_eq!(fulfilment(&json, "servers-connected"), "unmet");
    assert_eq!(fulfilment(&json, "works hub-servers/filesystem/truth"), "met");
    // Every call takes 12 ms.
    assert_eq!(fulfilment(&json, "quick hub-servers/filesystem/call"), "unmet");
    let works = said::find(&json["targets"][0]["criteria"], "name", &format!("works hub-servers/{HOSTILE}/truth"));
    let [hour, six, _] = [0, 1, 2].map(|n| works["budget"]["burns"][n].clone());
    // Half of the last hour is 5 times a tenth, a twelfth of the last six hours 0.8 times.
    assert!(hour["long_rate"].as_f64().is_some_and(|rate| (rate - 5.0).abs() < 0.2), "{works:#}");
    assert!(six["long_rate"].as_f64().is_some_and(|rate| (rate - 0.83).abs() < 0.05), "{works:#}");

    let junit = run(&home, &["criteria", "--since", "24h", "--format", "junit"]);
    assert!(junit.stdout.contains("<failure type=\"must\"") && !junit.stdout.contains("<script>"), "{junit:?}");
    let markdown = run(&home, &["criteria", "--since", "24h", "--format", "markdown"]);
    assert!(markdown.stdout.contains("| ✗ unmet | `servers-connected` | must |"), "{markdown:?}");
}

#[test]
fn the_page_is_written_and_a_hostile_name_is_text_in_it() {
    let home = watched(3 * 60, 30);
    let ran = run(&home, &["report", "--since", "2h", "--format", "html", "--out", "day.html"]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(2), ""), "a server is down now: {ran:?}");
    let page = fs::read_to_string(home.path().join("day.html")).expect("the page");
    assert!(page.starts_with("<!DOCTYPE html>") && page.ends_with("</html>"), "the whole page");
    assert!(!page.contains("<script") && page.contains("&lt;script&gt;alert(1)"), "the name is text");
    for wanted in ["Score over time", "<svg", "filesystem", "What to do first", "Criteria"] {
        assert!(page.contains(wanted), "no {wanted}");
    }
    assert_eq!(page.matches("http").count(), page.matches("http-equiv").count(), "it asks for nothing");
    let refused = run(&home, &["report", "--format", "html", "--out", "no/such/folder.html"]);
    assert!(refused.code == Some(3) && refused.stderr.contains("no/such/folder.html"), "{refused:?}");
}

//! Every form of one small snapshot with hostile names: what a target says stays in its place.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals_judge::expected::Stale;
use vitals_model::check::{CheckId, Point, Threshold, Unit};
use vitals_model::claim::ClaimStatus;
use vitals_model::incident::{Handling, Incident, IncidentChange, IncidentState, Ties};
use vitals_model::observation::VisitSeen;
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::scenario::{Figure, Outcome, Run, Stand, Step};
use vitals_model::score::{Deduction, Score};
use vitals_model::snapshot::{Snapshot, TargetState};
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::verdict::{ServerTruth, Verdict};

use super::*;
use crate::exit::Exit;

mod reports;

const AT: Timestamp = Timestamp::from_millis(1_795_356_120_000);

/// A server's name with all that ends a cell, a code span, an attribute, a label or an element.
const HOSTILE: &str = "e|v`i'l=\"]]></failure><b>&*_x_\u{1b}[31m\nnext";

fn hostile() -> Text {
    Text::new(HOSTILE)
}

fn truth(name: Text, verdict: Verdict, health: Health) -> ServerTruth {
    let reason = format!("claimed connected; {name} answers nothing");
    let claim = Some(ClaimStatus::Connected);
    ServerTruth { name, claim, verdict, health, reason, tools: None, call_ms: None, since: AT }
}

fn reading(id: CheckId, health: Health, value: Option<f64>) -> Reading {
    Reading {
        summary: format!("{} said {}", id.question(), hostile()),
        evidence: vec![format!("evidence {}", hostile())],
        hint: format!("restart {}", hostile()),
        id,
        point: Point::HubServers,
        health,
        standing: Standing::Judged,
        value,
        unit: Unit::Millis,
        threshold: Some(Threshold::Above(100.0, f64::INFINITY)),
        cause: None,
        at: AT,
        took: Duration::from_micros(1500),
        since: AT,
    }
}

fn of_target(question: &str) -> CheckId {
    CheckId::of_target(Point::HubServers, question)
}

/// Two servers, one of them hostile; a failing call, what follows from it, advice and good readings.
fn snapshot() -> Snapshot {
    let call = CheckId::of_server(&hostile(), "call");
    let consequence = Reading { cause: Some(call.clone()), ..reading(of_target("state"), Health::Degraded, None) };
    let advice = Reading { standing: Standing::Advice, ..reading(of_target("exposure"), Health::Degraded, None) };
    let readings = vec![
        reading(of_target("api"), Health::Healthy, Some(4.5)),
        reading(of_target("cpu"), Health::Unknown, Some(f64::NAN)),
        reading(call, Health::Failing, Some(5000.0)),
        consequence,
        advice,
    ];
    let address = Address::Hub { url: "http://127.0.0.1:7001".to_owned() };
    let deductions = vec![Deduction { points: 25, reason: format!("{} is a ghost", hostile()) }];
    let state = TargetState {
        health: Health::Failing,
        score: Score { points: Some(75), deductions },
        servers: vec![
            truth(hostile(), Verdict::Ghost, Health::Failing),
            truth(Text::new("fs"), Verdict::Agrees, Health::Healthy),
        ],
        readings,
        visit: VisitSeen { requests: 5, sessions: 1, ..VisitSeen::default() },
        ..TargetState::unmeasured(Target {
            id: TargetId::new("it's=hub|1"),
            address,
            origin: Origin::Configured,
            settings: Arc::default(),
        })
    };
    Snapshot { at: AT, began_at: AT, targets: vec![Arc::new(state)], ..Snapshot::default() }
}

fn incident() -> Incident {
    Incident {
        id: 3,
        target: TargetId::new("hub-7001"),
        check: CheckId::of_server(&hostile(), "truth"),
        kind: "ghost".to_owned(),
        health: Health::Failing,
        state: IncidentState::Open,
        summary: format!("{} is dead", hostile()),
        evidence: vec!["transport closed".to_owned()],
        hint: "stop and start it".to_owned(),
        opened_at: AT,
        updated_at: AT,
        resolved_at: None,
        flapping: false,
        ties: Ties::default(),
        handling: Handling::default(),
    }
}

/// A run with a step of every outcome, and hostile text in each.
fn scenario_run() -> Run {
    let step = |outcome: Outcome| Step {
        does: format!("call {}", hostile()),
        expects: format!("{} answers", hostile()),
        outcome,
        seen: format!("{} said {}", outcome.as_str(), hostile()),
        figures: vec![Figure::time(format!("call of {}", hostile()), Duration::from_millis(12))],
        took: Duration::from_millis(1500),
    };
    Run {
        scenario: "server-crash".to_owned(),
        target: TargetId::new("hub-7001"),
        stand: Stand::Hub,
        at: AT,
        took: Duration::from_secs(31),
        steps: Outcome::ALL.map(step).to_vec(),
    }
}

fn plain(text: &str) -> String {
    anstream::adapter::strip_str(text).to_string()
}

#[test]
fn nagios_is_one_line_with_one_bar_and_perfdata_that_can_be_read() {
    let text = nagios::check(&snapshot(), Exit::Critical);
    assert_eq!(text.matches('\n').count(), 1);
    assert!(text.ends_with('\n') && text.starts_with("MCP CRITICAL - "), "{text}");
    let (said, perfdata) = text.trim_end().split_once('|').unwrap();
    assert!(!perfdata.contains('|'), "{perfdata}");
    assert!(said.contains("/call ") && !said.contains("/state "), "the cause and not what follows from it: {said}");
    let mut rest = perfdata.trim();
    let mut read = Vec::new();
    while !rest.is_empty() {
        let (label, after) = rest.strip_prefix('\'').unwrap().split_once("'=").unwrap();
        let (value, more) = after.split_once(' ').unwrap_or((after, ""));
        assert!(!label.contains(['\'', '=']), "{label}");
        read.push((label.rsplit('/').next().unwrap(), value));
        rest = more;
    }
    // A value that is no number is left out; a bound that is never reached is empty.
    assert_eq!(read, [("score", "75;;;0;100"), ("api", "4.500ms;100;"), ("call", "5000.000ms;100;")]);
}

/// The names of the elements as they begin; fails where the text is no well-formed XML of the kind we write.
fn elements(xml: &str) -> Vec<&str> {
    let (mut open, mut seen, mut rest) =
        (Vec::new(), Vec::new(), xml.strip_prefix("<?xml version=\"1.0\" encoding=\"UTF-8\"?>").unwrap());
    while let Some((text, after)) = rest.split_once('<') {
        assert!(!text.contains('>'), "{text}");
        // Attribute values hold no bare angle bracket, so the next one ends the tag.
        let (tag, more) = after.split_once('>').unwrap();
        assert!(!tag.contains('<') && tag.matches('"').count() % 2 == 0, "{tag}");
        match (tag.strip_prefix('/'), tag.strip_suffix('/')) {
            (Some(end), _) => assert_eq!(open.pop(), Some(end)),
            (None, closed) => {
                let name = tag.split([' ', '/']).next().unwrap();
                seen.push(name);
                if closed.is_none() {
                    open.push(name);
                }
            }
        }
        rest = more;
    }
    assert!(open.is_empty() && rest.trim().is_empty(), "{open:?} {rest}");
    assert!(xml.split('&').skip(1).all(|e| ["lt;", "gt;", "amp;", "quot;"].iter().any(|known| e.starts_with(known))));
    seen
}

#[test]
fn junit_is_well_formed_and_its_counts_are_right() {
    let xml = junit::check(&snapshot(), &[]);
    let seen = elements(&xml);
    let of = |name: &str| seen.iter().filter(|e| **e == name).count();
    assert_eq!([of("testsuite"), of("testcase"), of("failure"), of("skipped"), of("b")], [1, 5, 2, 1, 0]);
    assert!(xml.contains("tests=\"5\" failures=\"2\" errors=\"0\" skipped=\"1\""), "{xml}");
    assert!(xml.contains("time=\"0.001500\""));
}

/// An entry of a hostile list, for which nothing fails.
fn stale() -> Vec<Stale> {
    let list = format!("a|`b`<c>&\"d\" # why {}\n", HOSTILE.replace('\n', " "));
    let entry = vitals_judge::expected::read(&list).unwrap().remove(0);
    vec![Stale { entry, why: "it passes" }]
}

/// As [`snapshot`], its failing call expected.
fn expecting() -> Snapshot {
    let mut snapshot = snapshot();
    let list = vitals_judge::expected::read("hub-servers/*/call # no <token>").unwrap();
    assert_eq!(vitals_judge::expected::apply(&mut snapshot, &list), []);
    snapshot
}

#[test]
fn junit_shows_what_is_expected_as_skipped_and_stale_entries_as_failures() {
    let xml = junit::check(&expecting(), &stale());
    let seen = elements(&xml);
    let of = |name: &str| seen.iter().filter(|e| **e == name).count();
    assert_eq!([of("testsuite"), of("testcase"), of("failure"), of("skipped")], [2, 6, 2, 2]);
    assert!(xml.contains("(expected: no &lt;token&gt;)\"/>"), "{xml}");
    assert!(xml.contains("<failure type=\"stale\" message=\"it passes\">line 1: take it out; its reason was: why "), "{xml}");
}

#[test]
fn markdown_has_what_is_expected_and_stale_entries_in_tables_of_their_own() {
    let text = markdown::check(&expecting(), &stale());
    check_markdown(&text);
    assert!(rows(&text).iter().all(|row| row.len() == 4), "{text}");
    let (_, expected) = text.split_once("Fails as expected:").unwrap();
    let (expected, stale) = expected.split_once("Expected failures that are none, to be taken out:").unwrap();
    assert!(expected.contains("expected: no &lt;token&gt;"), "{expected}");
    assert!(stale.contains("| 1 | `a¦'b'<c>&\"d\"` | it passes | why "), "{stale}");
}

/// The rows of every table; each must have as many cells as its table's head.
fn rows(markdown: &str) -> Vec<Vec<String>> {
    let mut rows: Vec<Vec<String>> = Vec::new();
    let mut in_table = false;
    for line in markdown.lines() {
        if let Some(row) = line.strip_prefix('|') {
            let cells: Vec<_> = row.replace("\\|", "¦").trim_end_matches('|').split('|').map(|c| c.trim().to_owned()).collect();
            if in_table {
                assert_eq!(Some(cells.len()), rows.last().map(Vec::len), "{line}");
            }
            rows.push(cells);
        }
        in_table = line.starts_with('|');
    }
    rows
}

/// No code span ends early, and no HTML stands outside of one.
fn check_markdown(markdown: &str) {
    for line in markdown.lines() {
        let pieces: Vec<_> = line.replace("\\`", "'").split('`').map(str::to_owned).collect();
        assert_eq!(pieces.len() % 2, 1, "{line}");
        assert!(pieces.iter().step_by(2).all(|outside| !outside.contains(['<', '>'])), "{line}");
    }
}

#[test]
fn markdown_keeps_every_name_in_its_cell() {
    let text = markdown::check(&snapshot(), &[]);
    check_markdown(&text);
    let rows = rows(&text);
    assert!(rows.iter().all(|row| row.len() == 4), "{rows:?}");
    // Head, rule and two servers; head, rule and what is judged and not healthy.
    assert_eq!(rows.len(), 4 + 5);
    assert_eq!(markdown::code("my_server/a`b|c"), "`my_server/a'b¦c`");
}

#[test]
fn a_check_in_text_has_its_columns_and_says_everything_once() {
    let text = plain(&text::check(&snapshot(), false));
    assert!(!text.contains('\u{1b}'), "what a target wrote is no escape sequence");
    let column = |row: &str, cell: &str| row.find(cell).map(|at| row[..at].chars().count());
    let of = |start: &str| text.lines().find(|line| line.trim_start().starts_with(start)).unwrap();
    let (head, good) = (of("server "), of("✓ fs"));
    assert_eq!(column(head, "hub says"), column(good, "connected"));
    assert_eq!(column(head, "truth"), column(good, "claimed connected;"));
    assert!(
        text.contains("GHOST") && text.contains("Advice") && text.contains("This visit cost the hub 5 requests, 1 MCP session.")
    );
    assert!(text.contains("FAILING  score 75"));
    assert!(!text.contains("evidence of a good reading") && text.matches("    evidence").count() >= 2);
    let verbose = plain(&text::check(&snapshot(), true));
    let pieces = |text: &str| text.lines().filter(|line| line.trim_start().starts_with("evidence e|v")).count();
    assert_eq!((pieces(&text), pieces(&verbose)), (2, 4), "of what is bad; of all that is judged");
}

#[test]
fn an_incident_is_one_line_with_what_to_do_below_it() {
    let opened = plain(&text::incident(IncidentChange::Opened, &incident()));
    assert_eq!(opened.lines().count(), 2);
    assert!(opened.contains("OPENED   critical ghost") && opened.ends_with("  → stop and start it\n"), "{opened}");
    let over = Incident { resolved_at: Some(AT.plus(Duration::from_secs(90))), ..incident() };
    let resolved = plain(&text::incident(IncidentChange::Resolved, &over));
    assert_eq!(resolved.lines().count(), 1);
    assert!(resolved.contains("RESOLVED ok ") && resolved.trim_end().ends_with("; transport closed)"), "{resolved}");
    let line = incident_line(IncidentChange::Opened, &incident());
    assert_eq!(line.matches('\n').count(), 1);
    assert_eq!(serde_json::from_str::<serde_json::Value>(&line).unwrap()["change"], "opened");
}

#[test]
fn scenarios_say_all_there_is_in_every_form_and_every_name_stays_in_its_place() {
    let runs = [scenario_run()];
    let text = plain(&scenario::text(&runs));
    assert!(!text.contains('\u{1b}'));
    for part in
        ["FAILED  31.0 s", "✓ call", "? call", "✗ call", "expected: ", "skipped: skipped said", "0 passed, 0 skipped, 1 failed"]
    {
        assert!(text.contains(part), "{part} in {text}");
    }
    let table = scenario::markdown(&runs);
    check_markdown(&table);
    assert_eq!(rows(&table).iter().map(Vec::len).collect::<Vec<_>>(), [5, 5, 5, 5, 5]);
    let xml = scenario::junit(&runs);
    let seen = elements(&xml);
    let of = |name: &str| seen.iter().filter(|e| **e == name).count();
    assert_eq!([of("testsuite"), of("testcase"), of("failure"), of("skipped"), of("system-out")], [1, 3, 1, 1, 1]);
    assert!(xml.contains("tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"31.000\""), "{xml}");
}

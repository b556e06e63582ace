//! What is written can be read, and what is read is harmless.

use serde_json::{Value, json};

use super::*;
use crate::reading::Health;
use crate::view::live_v1::LiveView;

/// A snapshot as another process writes it: every field, some of them hostile.
fn written() -> Value {
    let check = |id: &str, value: f64| {
        json!({
            "id": id, "point": "hub-servers", "health": "degraded", "severity": "warning", "standing": "judged",
            "summary": "answered in 2.9 s", "value": value, "unit": "ms", "warning": 2000.0, "critical": 10000.0,
            "evidence": ["connect 1 ms"], "hint": "look at the CPU", "took_ms": 2900.5, "since": "2026-11-22T14:00:00.000Z",
        })
    };
    let incident = |id: &str, resolved: Value| {
        json!({
            "id": id, "target": "hub-7001", "check": "hub-servers/fs/truth", "kind": "ghost", "health": "failing",
            "state": if resolved.is_null() { "open" } else { "resolved" }, "summary": "fs is a ghost",
            "evidence": ["pid 7 ended"], "hint": "restart it", "opened_at": "2026-11-22T14:00:00.000Z", "resolved_at": resolved,
            "flapping": true, "follows": "I40", "follows_check": "hub-servers/process",
            "suppressed": [{"check": "hub-servers/fs/call", "health": "unknown", "since": "2026-11-22T14:00:01.000Z"}],
            "suppressed_more": 2,
            "acknowledged": {"at": "2026-11-22T14:05:00.000Z", "author": "ada", "text": "on it"},
            "notes": [{"at": "2026-11-22T14:06:00.000Z", "author": "ada", "text": "disk full"}],
            "withheld": [{
                "at": "2026-11-22T14:07:00.000Z", "change": "updated", "reason": "acknowledged", "sentence": "ada takes care of it",
            }],
        })
    };
    let over = Value::from("2026-11-22T14:10:00.000Z");
    json!({
        "schema": "mcp-vitals/check/v1", "at": "2026-11-22T14:22:00.000Z", "health": "failing", "exit_code": 2,
        "targets": [{
            "id": "hub-7001", "kind": "hub", "url": "http://127.0.0.1:7001", "health": "failing", "score": 45, "grade": "POOR",
            "deductions": [{"points": 25, "reason": "fs is a ghost"}],
            "servers": [{
                "name": "fs", "claim": "connected", "verdict": "ghost", "health": "failing", "reason": "process 7 is gone",
                "tools": 14, "call_ms": null, "since": "2026-11-22T14:00:00.000Z",
            }],
            "checks": [check("hub-servers/api", 2900.5)],
            "incidents": [incident("I42", Value::Null)],
            "anomalies": [{"kind": "leak", "outcome": "warning", "reason": "1 MB/min", "hint": "restart"}],
            "visit": {"requests": 8, "sessions": 1, "log_bytes": 20, "latency_after_ms": 5.5, "clients_before": 0, "clients_after": 0},
        }],
        "began_at": "2026-11-22T12:00:00.000Z",
        "own": {
            "probes": 9, "dropped": 1, "store_error": "disk full", "samples_lost": 3, "incidents": [], "gaps": 1,
            "last_gap": "slept 5 s",
            "silences": [{
                "id": "S3", "target": "*", "check": "logging/*", "until": "2026-11-22T15:00:00.000Z",
                "remark": {"at": "2026-11-22T14:00:00.000Z", "author": "ada", "text": "moving"},
            }],
        },
        "beside": {"hub-7001": {
            "recent": [incident("I41", over)],
            "told_at": {"I42": "2026-11-22T14:00:02.000Z"},
            "measured_at": {"hub-servers/api": "2026-11-22T14:21:58.000Z"},
            "causes": {"hub-servers/api": "hub-servers/process"},
            "log": ["14:00:01 error fs: gone"], "levels": {"error": 2, "info": 40}, "levels_over_ms": 600_000.0,
            "claim": {
                "state": "ready", "version": "4.2.1", "active_clients": 1, "mcp_clients": 2, "registered_tools": 14,
                "workspace": "7001",
            },
            "filtering": {
                "enabled": true, "mode": "prompt-based", "total_tools": 27, "filtered_tools": 26, "exposed_tools": 1,
                "cache_hit_rate": 0.5, "llm_cache_hit_rate": 0.25,
            },
            "repair": {"under_way": "A2 restart the server fs: under way", "last": "A1 restart the server fs: did not help"},
        }},
    })
}

fn read(view: &Value) -> Snapshot {
    Follower::default().read(&view.to_string()).unwrap()
}

#[test]
fn what_is_read_and_written_again_is_the_same() {
    let snapshot = read(&written());
    let again = serde_json::to_value(LiveView::from(&snapshot)).unwrap();
    assert_eq!(again, written());
}

#[test]
fn a_plain_check_is_a_snapshot_too() {
    let mut view = written();
    for beside in ["began_at", "own", "beside"] {
        view.as_object_mut().unwrap().remove(beside);
    }
    let snapshot = read(&view);
    assert_eq!((snapshot.health(), snapshot.targets[0].open[0].id), (Health::Failing, 42));
    assert!(snapshot.targets[0].log.is_empty() && snapshot.own.silences.is_empty());
}

#[test]
fn a_value_counts_once_however_often_it_is_shown_and_only_the_latest_are_kept() {
    let id = CheckId::from_stored("hub-servers/api");
    let mut follower = Follower::default();
    let mut view = written();
    follower.read(&view.to_string()).unwrap();
    let twice = follower.read(&view.to_string()).unwrap();
    assert_eq!(twice.targets[0].trends[&id], [2900.5]);
    let start = Timestamp::parse("2026-11-22T14:22:00.000Z").unwrap();
    let mut last = twice;
    for n in 1..=200_u32 {
        view["beside"]["hub-7001"]["measured_at"]["hub-servers/api"] = start.plus(Duration::from_secs(1) * n).to_string().into();
        view["targets"][0]["checks"][0]["value"] = f64::from(n).into();
        last = follower.read(&view.to_string()).unwrap();
    }
    let trend = &last.targets[0].trends[&id];
    assert_eq!((trend.len(), trend.last()), (TREND_POINTS_MAX, Some(&200.0)));
}

#[test]
fn hostile_text_is_cleaned_and_cut() {
    let mut view = written();
    let name = format!("\u{1b}[2J\u{202e}{}", "x".repeat(10_000));
    view["targets"][0]["servers"][0]["name"] = name.clone().into();
    view["targets"][0]["checks"][0]["summary"] = name.clone().into();
    view["beside"]["hub-7001"]["log"][0] = name.into();
    let snapshot = read(&view);
    let state = &snapshot.targets[0];
    for text in [state.servers[0].name.as_str(), &state.readings[0].summary, &state.log[0]] {
        // Two characters of the name are written as escapes, which are longer.
        assert!(!text.chars().any(crate::text::is_unsafe) && text.chars().count() <= TEXT_LONG_MAX + 20, "{text}");
    }
}

#[test]
fn what_is_no_snapshot_is_refused_and_nonsense_in_one_is_left_out() {
    let refused = |text: &str| Follower::default().read(text).map(|_| ()).map_err(|error| error.to_string());
    assert_eq!(refused("{"), Err("not JSON".to_owned()));
    assert_eq!(refused("[]"), Err("no snapshot: `at` is missing".to_owned()));
    assert_eq!(refused(r#"{"at":"2026-11-22T14:22:00Z"}"#), Err("no snapshot: `targets` is missing".to_owned()));
    let snapshot =
        read(&json!({"at": "2026-11-22T14:22:00Z", "targets": [7, {"health": "splendid", "checks": [{"point": "x"}, 3]}]}));
    assert!(snapshot.targets.iter().all(|state| state.health == Health::Unknown && state.readings.is_empty()));
}

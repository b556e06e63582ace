//! How the hub process begins and ends, and what it starts.

use std::path::PathBuf;

use rustix::process::Signal;
use serde_json::{Value, json};
use vitals_lab::persona::Persona;

use crate::hub::{Hub, LAB_PART, LIMIT, children, data, lives, names, server};
use crate::install;
use crate::wire::said;

#[tokio::test]
async fn told_to_end_it_ends_its_sessions_its_servers_and_its_entry() {
    for signal in [Signal::INT, Signal::TERM] {
        let mut hub = Hub::start(Persona::Honest, &json!({ "echo": server("echo"), "contents": server("contents") })).await;
        let (legacy, streamable) = (hub.legacy().await, hub.streamable().await);
        assert_eq!(names(&legacy).await, names(&streamable).await);
        let below = children(hub.pid());
        assert_eq!(below.len(), 2);
        assert!(std::fs::read_to_string(hub.place.workspaces()).unwrap().contains(&hub.pid().to_string()));
        hub.signal(signal);
        tokio::time::timeout(LIMIT, legacy.wait_end()).await.expect("the session ends");
        let pid = hub.pid();
        assert!(hub.ended().await.success());
        assert!(!below.iter().any(|pid| lives(*pid)), "{below:?}");
        assert!(!std::fs::read_to_string(hub.place.workspaces()).unwrap().contains(&pid.to_string()));
        let log = hub.log();
        assert!(log.contains("initiating graceful shutdown") && log.contains("Graceful shutdown completed"), "{log}");
        streamable.list(LIMIT).await.tools.unwrap_err();
    }
}

#[tokio::test]
async fn a_restart_reads_the_configuration_anew_and_a_hard_one_ends_the_process() {
    let mut hub = Hub::start(Persona::Honest, &json!({ "echo": server("echo") })).await;
    let session = hub.legacy().await;
    let first = children(hub.pid());
    let changed = session.changed();
    hub.configure(&json!({ "other": server("echo") }));
    assert_eq!(hub.post("/api/restart", &json!({})).await.status, 200);
    hub.until_servers(|servers| servers.len() == 1 && servers[0]["name"] == "other" && servers[0]["status"] == "connected").await;
    tokio::time::timeout(LIMIT, changed).await.expect("the session is told");
    assert!(names(&session).await.iter().all(|name| name.starts_with("other__")));
    let second = children(hub.pid());
    assert!(!first.iter().any(|pid| lives(*pid)) && second.len() == 1, "{first:?} {second:?}");
    assert_eq!(hub.post("/api/hard-restart", &json!({})).await.status, 200);
    assert!(hub.ended().await.success());
    assert!(!lives(second[0]));
}

#[tokio::test]
async fn placeholders_are_filled_from_its_environment() {
    let script = data("server.sh");
    let servers = json!({
        "kind": { "command": "${PROGRAM}", "args": ["server", "${env:KIND}"] },
        "shell": { "command": "sh", "args": [script], "env": { "PASSED": "<${KIND}>" } },
    });
    let hub = Hub::start_with(Persona::Honest, &servers, &[("PROGRAM", LAB_PART), ("KIND", "echo")]).await;
    let session = hub.legacy().await;
    assert!(names(&session).await.contains(&"kind__about".to_owned()));
    let pid = said(&hub, "shell__pid", &json!({})).await;
    let environment = std::fs::read_to_string(format!("/proc/{pid}/environ")).unwrap();
    assert!(environment.split('\0').any(|variable| variable == "PASSED=<echo>"), "{environment:?}");
}

/// The folder of the real hub's packages, with the public servers in it; `None` after saying why there is none.
fn npm_servers() -> Option<PathBuf> {
    install::had(install::version("node").and_then(|_| install::install("real-hub", &[])))
}

#[tokio::test]
async fn a_server_of_npm_works_behind_it() {
    let Some(folder) = tokio::task::spawn_blocking(npm_servers).await.unwrap() else { return };
    let everything = folder.join("node_modules/.bin/mcp-server-everything");
    let hub = Hub::start(Persona::Honest, &json!({ "everything": { "command": everything, "args": ["stdio"] } })).await;
    let session = hub.streamable().await;
    let names = names(&session).await;
    assert!(names.len() >= 10 && names.iter().all(|name| name.starts_with("everything__")), "{names:?}");
    assert_eq!(said(&hub, "everything__echo", &json!({ "message": "hi" })).await, "Echo: hi");
    let view = hub.get("/api/servers").await["servers"][0].take();
    assert_eq!((&view["status"], &view["transportType"]), (&json!("connected"), &json!("stdio")));
    assert_ne!(view["serverInfo"], Value::Null);
}

//! A real Prometheus scrapes a real `watch`, and the alert that we ship fires when a server is killed.

use std::path::Path;
use std::time::Duration;

use crate::prometheus::Prometheus;
use crate::web::Answering;
use crate::{programs, wait};

/// Prometheus is up within a second on an idle machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// The server that is killed.
const KILLED: &str = "filesystem";

#[test]
fn prometheus_scrapes_a_watch_and_its_alert_fires_while_a_server_is_dead() {
    let Some(program) = programs::program("prometheus") else { return };
    let answering = Answering::start();
    let rules = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/prometheus").canonicalize().expect("the rules");
    let prometheus = Prometheus::start(&program, answering.home.path(), &rules, &answering.address);
    let works = |value: &str| prometheus.query("mcp_server_up").contains(&(KILLED.to_owned(), value.to_owned()));
    let fires = || Some(prometheus.firing()?.iter().any(|alert| alert == "McpServerGhost"));

    wait::until("a scrape", PATIENCE, || works("1").then_some(()));
    assert_eq!(fires(), Some(false));
    answering.fault(&["inject", "server-killed", "--server", KILLED]);
    wait::until("the alert", PATIENCE, || fires()?.then_some(()));
    assert!(works("0"));
    answering.fault(&["clear", "--all"]);
    wait::until("its end", PATIENCE, || (!fires()?).then_some(()));
    drop(prometheus);
    answering.end();
}

//! The real Prometheus: its tool accepts what we write, it scrapes what we tell, and its alerts fire.

use std::io::Write as _;
use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::extract::State;
use axum::http::{HeaderMap, header};
use axum::response::IntoResponse;
use vitals_model::snapshot::Snapshot;
use vitals_web::metrics::{Format, render};

use super::deploy::in_repository;
use super::fixtures::{self, OVERHEAD};
use super::prometheus::Prometheus;
use super::tools;

/// Longest wait for Prometheus: it is up within a second on an idle machine.
pub(crate) const WAIT_MAX: Duration = Duration::from_secs(60);

/// Time between two looks.
const STEP: Duration = Duration::from_millis(50);

/// What is told at the moment, and in which formats it was asked for.
#[derive(Clone)]
struct Told {
    snapshot: Arc<Mutex<Snapshot>>,
    asked: Arc<Mutex<Vec<Format>>>,
}

async fn metrics(State(told): State<Told>, headers: HeaderMap) -> impl IntoResponse {
    let format = Format::negotiate(headers.get(header::ACCEPT).and_then(|value| value.to_str().ok()));
    told.asked.lock().expect("no panic").push(format);
    let text = render(&told.snapshot.lock().expect("no panic"), &OVERHEAD, format);
    ([(header::CONTENT_TYPE, format.content_type())], text)
}

/// Serves `/metrics` on loopback until the test ends.
fn serve(told: Told) -> SocketAddr {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    listener.set_nonblocking(true).expect("a socket of ours");
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        runtime.block_on(async move {
            let listener = tokio::net::TcpListener::from_std(listener).expect("a socket of ours");
            let router = axum::Router::new().route("/metrics", axum::routing::get(metrics)).with_state(told);
            axum::serve(listener, router).await.expect("it serves");
        });
    });
    address
}

/// Waits for a value with a deadline.
#[expect(clippy::disallowed_methods, reason = "these tests' one home of the clock")]
pub(crate) fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = Instant::now();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < WAIT_MAX, "waited {WAIT_MAX:?} for {what}");
        std::thread::sleep(STEP);
    }
}

/// The rules that we ship.
fn rules() -> PathBuf {
    in_repository("deploy/prometheus").canonicalize().expect("the rules are committed")
}

fn promtool(arguments: &[&str], input: &str) -> Option<String> {
    let mut command = Command::new(tools::program("promtool")?);
    command.args(arguments).current_dir(in_repository("deploy/prometheus"));
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("it starts");
    child.stdin.take().expect("it is piped").write_all(input.as_bytes()).expect("it reads");
    let ended = child.wait_with_output().expect("our child");
    let said = [ended.stdout, ended.stderr].concat();
    let said = String::from_utf8_lossy(&said).into_owned();
    assert!(ended.status.success(), "promtool {arguments:?}: {said}");
    Some(said)
}

#[test]
fn promtool_finds_nothing_in_the_metrics() {
    let hostile = fixtures::hub("h\"\\", vec![fixtures::server("a\"b\\c}\u{1b}é\n", vitals_model::verdict::Verdict::Hung)]);
    for snapshot in [fixtures::lying(), fixtures::snapshot(vec![hostile])] {
        let said = promtool(&["check", "metrics"], &render(&snapshot, &OVERHEAD, Format::Prometheus));
        assert!(said.is_none_or(|said| said.is_empty()), "it lints");
    }
}

#[test]
fn promtool_accepts_the_rules_and_their_tests_pass() {
    promtool(&["check", "rules", "alerts.yml", "recording.yml"], "");
    promtool(&["test", "rules", "tests.yml"], "");
}

#[test]
fn a_real_prometheus_scrapes_and_its_alert_fires_for_a_ghost_and_ends() {
    let Some(program) = tools::program("prometheus") else { return };
    let told = Told { snapshot: Arc::new(Mutex::new(fixtures::healthy())), asked: Arc::default() };
    let folder = tempfile::tempdir().expect("a folder of ours");
    let prometheus = Prometheus::start(&program, folder.path(), &rules(), &serve(told.clone()).to_string());

    let works = |value: &str| vec![("everything".to_owned(), "1".to_owned()), ("filesystem".to_owned(), value.to_owned())];
    until("a scrape", || (prometheus.query("mcp_server_up") == works("1")).then_some(()));
    assert!(told.asked.lock().expect("no panic").contains(&Format::OpenMetrics), "it prefers OpenMetrics");
    let is_ghost = |name: &String| name == "McpServerGhost";
    assert!(!prometheus.firing().expect("it answers").iter().any(is_ghost));

    *told.snapshot.lock().expect("no panic") = fixtures::lying();
    until("the alert", || prometheus.firing()?.iter().any(is_ghost).then_some(()));
    assert_eq!(prometheus.query("mcp_server_up"), works("0"));
    until("its recording", || (prometheus.query("target:mcp_server_up:ratio").pop()?.1 == "0.5").then_some(()));

    *told.snapshot.lock().expect("no panic") = fixtures::healthy();
    until("its end", || (!prometheus.firing()?.iter().any(is_ghost)).then_some(()));
}

//! A real collector of OpenTelemetry (`rotel`) takes what we make and reads the same in it.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vitals_model::limits::OTLP_SPANS_MAX;
use vitals_web::metrics::otlp::{self, CONTENT_TYPE, METRICS_PATH, TRACES_PATH, Traces};

use super::fixtures::{self, OVERHEAD};
use super::real::{WAIT_MAX, until};
use super::tools;

/// A collector of our own that writes down what it got; it ends with this.
struct Collector {
    child: Child,
    port: u16,
}

impl Drop for Collector {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Collector {
    fn start(program: &Path, said: &Path) -> Self {
        let free = || TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port").port();
        let (port, grpc) = (free(), free());
        let said = fs::File::create(said).expect("a folder of ours");
        let mut command = Command::new(program);
        command.args([
            "start",
            "--exporter",
            "blackhole",
            "--debug-log",
            "traces",
            "--debug-log",
            "metrics",
            "--debug-log-verbosity",
            "detailed",
        ]);
        command.arg(format!("--otlp-http-endpoint=127.0.0.1:{port}")).arg(format!("--otlp-grpc-endpoint=127.0.0.1:{grpc}"));
        let errors = said.try_clone().expect("a file of ours");
        let child = command.stdin(Stdio::null()).stdout(said).stderr(errors).spawn().expect("it starts");
        Self { child, port }
    }

    /// The status of its answer; `None` while it is not there.
    fn post(&self, path: &str, body: &[u8]) -> Option<String> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(WAIT_MAX)).ok()?;
        let length = body.len();
        write!(
            stream,
            "POST {path} HTTP/1.1\r\nhost: c\r\nconnection: close\r\ncontent-type: {CONTENT_TYPE}\r\ncontent-length: {length}\r\n\r\n"
        )
        .ok()?;
        stream.write_all(body).ok()?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).ok()?;
        Some(String::from_utf8_lossy(&answer).split(' ').nth(1)?.to_owned())
    }
}

#[test]
fn a_real_collector_reads_our_metrics_and_traces() {
    let Some(program) = tools::rotel() else { return };
    let folder = tempfile::tempdir().expect("a folder of ours");
    let log = folder.path().join("said.txt");
    let collector = Collector::start(&program, &log);
    let snapshot = fixtures::lying();
    let metrics = otlp::metrics(&snapshot, &OVERHEAD);
    assert_eq!(until("the collector", || collector.post(METRICS_PATH, &metrics)), "200");
    let mut traces = Traces::default();
    traces.take(&snapshot);
    let spans = traces.body().expect("probes ran");
    assert_eq!(collector.post(TRACES_PATH, &spans).as_deref(), Some("200"));
    assert_eq!(collector.post(TRACES_PATH, &spans[1..]).as_deref(), Some("400"), "it does read what it takes");
    for wanted in [
        "mcp.client.operation.duration",
        "gen_ai.operation.name",
        "mcp_server_verdict",
        "mcp_hub_restarts_total",
        "tools/call list_allowed_directories",
        "probe session",
        "service.name",
    ] {
        until(wanted, || fs::read_to_string(&log).ok()?.contains(wanted).then_some(()));
    }
}

#[test]
fn a_run_has_one_trace_however_often_it_is_seen() {
    let mut traces = Traces::default();
    let mut snapshot = fixtures::lying();
    traces.take(&snapshot);
    let first = traces.body().expect("probes ran");
    traces.take(&snapshot);
    assert!(traces.body().is_none(), "nothing ran since");
    // Of the runs before the first snapshot only the last can be seen.
    let before = traces.dropped();
    assert_eq!(before, 720 + 119 + 23);

    let hub = std::sync::Arc::make_mut(&mut snapshot.targets[0]);
    let tally = std::sync::Arc::make_mut(&mut hub.tally);
    tally.probes.entry(vitals_model::check::Probe::Api).and_modify(|(good, _)| *good += 3);
    tally.runs.get_mut(&vitals_model::check::Probe::Api).expect("it ran").at = fixtures::NOW.shifted(10_000);
    traces.take(&snapshot);
    let again = traces.body().expect("one ran");
    assert!(again.len() < first.len());
    assert_eq!(traces.dropped(), before + 2, "three ran, one is seen");
}

#[test]
fn traces_that_nobody_takes_are_bounded_and_counted() {
    let mut traces = Traces::default();
    let snapshot = fixtures::fleet(OTLP_SPANS_MAX / 8, 4);
    traces.take(&snapshot);
    let runs: u64 = snapshot.targets.iter().flat_map(|t| t.tally.probes.values()).map(|(good, bad)| good + bad).sum();
    assert!(traces.dropped() < runs && traces.dropped() > runs - OTLP_SPANS_MAX as u64, "{} of {runs}", traces.dropped());
    let body = traces.body().expect("some found room");
    // No run of the fixture makes less than one span, and none is longer than this.
    assert!(body.len() < OTLP_SPANS_MAX * 512, "{}", body.len());
}

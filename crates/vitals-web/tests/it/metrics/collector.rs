//! A real collector of OpenTelemetry (`rotel`) takes what we make and reads the same in it.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use vitals_model::limits::{OTLP_BODY_BYTES_MAX, OTLP_SPANS_MAX};
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
    let metrics = otlp::metrics(&snapshot, &OVERHEAD, OTLP_BODY_BYTES_MAX);
    assert_eq!(metrics.len(), 1);
    assert_eq!(until("the collector", || collector.post(METRICS_PATH, &metrics[0])), "200");
    // The metrics of one metric may come in several requests.
    let parts = otlp::metrics(&snapshot, &OVERHEAD, 4096);
    assert!(parts.len() > 4 && parts.iter().all(|part| collector.post(METRICS_PATH, part).as_deref() == Some("200")));
    let mut traces = Traces::default();
    traces.take(&snapshot);
    let spans = only(traces.bodies(OTLP_BODY_BYTES_MAX));
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
    let first = only(traces.bodies(OTLP_BODY_BYTES_MAX));
    traces.take(&snapshot);
    assert!(traces.bodies(OTLP_BODY_BYTES_MAX).is_empty(), "nothing ran since");
    // Of the runs before the first snapshot only the last can be seen.
    let before = traces.dropped();
    assert_eq!(before, 720 + 119 + 23);

    let hub = std::sync::Arc::make_mut(&mut snapshot.targets[0]);
    let tally = std::sync::Arc::make_mut(&mut hub.tally);
    tally.probes.entry(vitals_model::check::Probe::Api).and_modify(|(good, _)| *good += 3);
    tally.runs.get_mut(&vitals_model::check::Probe::Api).expect("it ran").at = fixtures::NOW.shifted(10_000);
    traces.take(&snapshot);
    let again = only(traces.bodies(OTLP_BODY_BYTES_MAX));
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
    let bodies = traces.bodies(OTLP_BODY_BYTES_MAX);
    assert!(bodies.iter().all(|(body, _)| body.len() <= OTLP_BODY_BYTES_MAX));
    assert_eq!(
        bodies.iter().map(|(_, in_body)| in_body).sum::<u64>() + traces.dropped(),
        runs,
        "every run is in one, or counted"
    );
}

#[test]
fn many_metrics_come_in_requests_of_a_bounded_length_and_none_is_left_out() {
    let snapshot = fixtures::fleet(60, 4);
    let whole = otlp::metrics(&snapshot, &OVERHEAD, usize::MAX);
    let bytes_max = 20_000;
    let parts = otlp::metrics(&snapshot, &OVERHEAD, bytes_max);
    assert!(whole.len() == 1 && parts.len() > whole[0].len() / bytes_max);
    let longest = parts.iter().map(Vec::len).max().expect("some");
    assert!(longest <= bytes_max && longest > bytes_max / 2, "{longest}");
    let mut together = BTreeMap::<String, usize>::new();
    for (name, points) in parts.iter().flat_map(|part| points(part)) {
        *together.entry(name).or_default() += points;
    }
    assert_eq!(together, points(&whole[0]).into_iter().collect());
    assert!(together["mcp_server_verdict"] == 60 * 4 * 9, "{together:?}");
}

/// The one body that there is.
fn only(mut bodies: Vec<(Vec<u8>, u64)>) -> Vec<u8> {
    assert_eq!(bodies.len(), 1);
    bodies.remove(0).0
}

/// The name of each metric in a request, and how many points it has there.
fn points(request: &[u8]) -> Vec<(String, usize)> {
    let within = |bytes: &[u8], number: u64| {
        fields(bytes).into_iter().filter(|(n, _)| *n == number).map(|(_, b)| b.to_vec()).collect::<Vec<_>>()
    };
    let (resource, scope) = (within(request, 1).remove(0), 2);
    let metrics = within(&within(&resource, scope).remove(0), 2);
    let of = |metric: &Vec<u8>| {
        let name = String::from_utf8(within(metric, 1).remove(0)).expect("a name");
        let data = [5, 7, 9].into_iter().find_map(|kind| within(metric, kind).pop()).expect("points");
        (name, within(&data, 1).len())
    };
    metrics.iter().map(of).collect()
}

/// The fields of a message that have a length, with their numbers.
fn fields(mut bytes: &[u8]) -> Vec<(u64, &[u8])> {
    fn varint(bytes: &mut &[u8]) -> u64 {
        let end = bytes.iter().position(|byte| byte & 0x80 == 0).expect("an end") + 1;
        let (number, rest) = bytes.split_at(end);
        *bytes = rest;
        number.iter().rev().fold(0, |sum, byte| sum << 7 | u64::from(byte & 0x7f))
    }
    let mut fields = Vec::new();
    while !bytes.is_empty() {
        let tag = varint(&mut bytes);
        match tag & 7 {
            0 => drop(varint(&mut bytes)),
            1 => bytes = &bytes[8..],
            2 => {
                let length = usize::try_from(varint(&mut bytes)).expect("a length");
                let (field, rest) = bytes.split_at(length);
                fields.push((tag >> 3, field));
                bytes = rest;
            }
            other => panic!("wire type {other}"),
        }
    }
    fields
}

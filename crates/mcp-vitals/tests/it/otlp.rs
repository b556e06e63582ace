//! `watch` with a collector of OpenTelemetry: what it gets, and that its absence costs nothing but what it would get.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use rustix::process::Signal;

use crate::lab::lab;
use crate::product::{Home, Running};
use crate::wait::Stopwatch;

/// How long anything may take, on a busy machine.
const LONG: Duration = Duration::from_secs(30);

/// A request that the stand-in got: its head in small letters, and its body.
pub(crate) struct Got {
    pub(crate) head: String,
    body: Vec<u8>,
}

impl Got {
    pub(crate) fn holds(&self, text: &str) -> bool {
        self.body.windows(text.len()).any(|part| part == text.as_bytes())
    }
}

/// Stands in for a collector: takes whatever is posted, one request for each connection.
fn collector() -> (SocketAddr, Receiver<Got>) {
    collector_that(|_| "200 OK\r\n")
}

/// The same at this address.
pub(crate) fn collector_at(address: SocketAddr) -> Receiver<Got> {
    answering(TcpListener::bind(address).expect("a free port"), |_| "200 OK\r\n")
}

/// The same, with an answer of its own for each request: the status and headers, each with the end of its line.
fn collector_that(answer: impl Fn(&Got) -> &'static str + Send + 'static) -> (SocketAddr, Receiver<Got>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
    let address = listener.local_addr().expect("a bound socket");
    (address, answering(listener, answer))
}

fn answering(listener: TcpListener, answer: impl Fn(&Got) -> &'static str + Send + 'static) -> Receiver<Got> {
    let (queue, inbox) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            let Some(got) = take(stream, &answer) else { continue };
            if queue.send(got).is_err() {
                break;
            }
        }
    });
    inbox
}

fn take(mut stream: TcpStream, answer: impl Fn(&Got) -> &'static str) -> Option<Got> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let line = line.trim_end().to_lowercase();
        if line.is_empty() {
            break;
        }
        length = line.strip_prefix("content-length: ").map_or(length, |n| n.parse().unwrap_or(0));
        head.push_str(&line);
        head.push('\n');
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let got = Got { head, body };
    write!(stream, "HTTP/1.1 {}connection: close\r\ncontent-length: 0\r\n\r\n", answer(&got)).ok()?;
    Some(got)
}

#[test]
fn a_watch_sends_metrics_and_traces_with_its_headers() {
    let (address, inbox) = collector();
    let home = Home::new();
    let (lab, _) = lab(&home, &[]);
    home.configure(&format!(
        "version: 1\notlp:\n  endpoint: http://{address}\n  interval: 1s\n  headers: {{authorization: 'env:COLLECTOR_KEY'}}\n\
         defaults:\n  schedule: {{light: 1s, session: 10s}}\n"
    ));
    let mut command = home.mcp_vitals(&["watch", "--no-history"]);
    command.env("COLLECTOR_KEY", "Bearer k");
    let watch = Running::start(command);
    let (mut has_metrics, mut has_traces) = (false, false);
    while !(has_metrics && has_traces) {
        let got = inbox.recv_timeout(LONG).expect("a request");
        assert!(got.head.contains("content-type: application/x-protobuf\n") && got.head.contains("authorization: bearer k\n"));
        has_metrics |= got.head.starts_with("post /v1/metrics ") && got.holds("mcp.client.operation.duration");
        has_traces |= got.head.starts_with("post /v1/traces ") && got.holds("tools/call ") && got.holds("probe api");
    }
    watch.signal(Signal::TERM);
    let ended = watch.wait(LONG);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

#[test]
fn a_collector_that_is_gone_costs_what_it_would_have_got_and_is_said_once() {
    let gone = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port");
    let home = Home::new();
    let (lab, _) = lab(&home, &[]);
    home.configure(&format!("version: 1\notlp: {{endpoint: 'http://{gone}', interval: 1s}}\n"));
    let ended = home.run(&["watch", "--no-history", "--for", "4s"], LONG);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert_eq!(ended.stderr.matches("; trying on").count(), 1, "{}", ended.stderr);
    assert!(ended.stderr.contains("failed, "), "what was lost is counted: {}", ended.stderr);
    assert!(ended.stderr.contains("healthy, score 100/100"), "{}", ended.stderr);

    home.configure(&format!("version: 1\notlp: {{endpoint: 'http://{gone}', headers: {{a: 'env:NOT_SET'}}}}\n"));
    let refused = home.run(&["watch", "--no-history", "--for", "1s"], LONG);
    assert!(refused.code == Some(3) && refused.stderr.contains("env:NOT_SET"), "{}", refused.stderr);
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

#[test]
fn a_request_that_is_not_taken_now_is_sent_again_when_the_collector_wants_it_and_what_is_refused_is_not() {
    let seen = AtomicU64::new(0);
    // The first request has to come back, traces never.
    let (address, inbox) =
        collector_that(move |got| match (got.head.starts_with("post /v1/traces "), seen.fetch_add(1, Ordering::Relaxed)) {
            (true, _) => "400 Bad Request\r\n",
            (false, 0) => "503 Service Unavailable\r\nretry-after: 2\r\n",
            (false, _) => "200 OK\r\n",
        });
    let home = Home::new();
    let (lab, _) = lab(&home, &[]);
    home.configure(&format!("version: 1\notlp: {{endpoint: 'http://{address}', interval: 1s}}\n"));
    let watch = Running::start(home.mcp_vitals(&["watch", "--no-history"]));
    let first = inbox.recv_timeout(LONG).expect("a request");
    let refused = Stopwatch::start();
    let again = inbox.recv_timeout(LONG).expect("it again");
    let waited = refused.elapsed();
    assert!(first.body == again.body && again.head.starts_with("post /v1/metrics "), "{}", again.head);
    assert!(waited >= Duration::from_millis(1900), "it came back after {waited:?}");
    // Traces are refused for good: the next request is another one.
    let traces = inbox.recv_timeout(LONG).expect("traces");
    let next = inbox.recv_timeout(LONG).expect("more");
    assert!(traces.head.starts_with("post /v1/traces ") && next.body != traces.body);
    wait_for_metric(&inbox, "mcp_vitals_otlp_retries_total");
    watch.signal(Signal::TERM);
    let ended = watch.wait(LONG);
    assert_eq!(ended.code, Some(0), "{}", ended.stderr);
    assert!(ended.stderr.contains(", 1 sent once more") && ended.stderr.contains("probes without a trace"), "{}", ended.stderr);
    assert!(ended.stderr.contains("takes requests again"), "{}", ended.stderr);
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(LONG).code, Some(0));
}

fn wait_for_metric(inbox: &Receiver<Got>, name: &str) {
    while !inbox.recv_timeout(LONG).expect("a request").holds(name) {}
}

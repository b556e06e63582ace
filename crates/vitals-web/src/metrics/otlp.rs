//! What goes to a collector of OpenTelemetry, as OTLP in protobuf: all metrics of a snapshot, and a trace for each run
//! of a probe. It sends nothing and waits for nothing: it is given snapshots and gives bodies of requests.
//!
//! Metrics keep the names that they have for Prometheus. The one that OpenTelemetry names itself,
//! `mcp.client.operation.duration`, has the name and the attributes of its MCP conventions.

mod points;
mod proto;
mod spans;

use std::collections::{BTreeMap, VecDeque};

use vitals_model::check::Probe;
use vitals_model::limits::OTLP_SPANS_MAX;
use vitals_model::snapshot::{Overhead, Snapshot};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

use self::proto::Message;
use super::View;

/// The path of metrics below the endpoint of a collector.
pub const METRICS_PATH: &str = "/v1/metrics";

/// The path of traces.
pub const TRACES_PATH: &str = "/v1/traces";

/// The `Content-Type` of both.
pub const CONTENT_TYPE: &str = "application/x-protobuf";

/// All metrics of a snapshot: the bodies of requests to [`METRICS_PATH`], each of `bytes_max` at most.
pub fn metrics(snapshot: &Snapshot, overhead: &Overhead, bytes_max: usize) -> Vec<Vec<u8>> {
    let parts = points::all(&View::new(snapshot, overhead), bytes_max.saturating_sub(FRAME_BYTES));
    parts.into_iter().map(framed).collect()
}

/// More than the frame around the points or spans of a request takes: resource, scope and lengths.
const FRAME_BYTES: usize = 256;

/// What a request holds (`ScopeMetrics` or `ScopeSpans`) as its body: `Export…ServiceRequest` and `Resource…` have the
/// same fields in both.
fn framed(held: Message) -> Vec<u8> {
    let resource = Message::default().with_message(1, &resource()).with_message(2, &held.with_message(1, &scope()));
    Message::default().with_message(1, &resource).bytes()
}

/// Makes traces of the probes that ran between snapshots.
#[derive(Debug, Default)]
pub struct Traces {
    /// Of each probe that ran: how often so far, and when the last time.
    seen: BTreeMap<(TargetId, Probe), (u64, Timestamp)>,
    /// Runs that wait, each with its spans as a request holds them.
    waiting: VecDeque<Message>,
    /// How many spans wait, at most [`OTLP_SPANS_MAX`].
    spans: usize,
    dropped: u64,
}

impl Traces {
    /// Takes in the runs that are new in a snapshot. Runs between two snapshots of which only the last can be seen,
    /// and those that find no room, are counted as dropped.
    pub fn take(&mut self, snapshot: &Snapshot) {
        let mut seen = BTreeMap::new();
        for state in &snapshot.targets {
            for (probe, run) in &state.tally.runs {
                let key = (state.target.id.clone(), *probe);
                let runs = state.tally.probes.get(probe).map_or(1, |(good, bad)| good + bad);
                let before = self.seen.get(&key).copied();
                if before.is_none_or(|(_, at)| at != run.at) {
                    let missed = runs.saturating_sub(before.map_or(0, |(runs, _)| runs)).saturating_sub(1);
                    let spans = spans::of(snapshot.began_at, &state.target, *probe, run);
                    let has_room = self.spans + spans.len() <= OTLP_SPANS_MAX;
                    self.dropped += missed + u64::from(!has_room);
                    if has_room {
                        self.spans += spans.len();
                        let held = spans.iter().fold(Message::default(), |held, span| held.with_message(2, span));
                        self.waiting.push_back(held);
                    }
                }
                seen.insert(key, (runs, run.at));
            }
        }
        self.seen = seen;
    }

    /// What waits, oldest first: the bodies of requests to [`TRACES_PATH`], each of `bytes_max` at most, and how many
    /// runs are in each.
    pub fn bodies(&mut self, bytes_max: usize) -> Vec<(Vec<u8>, u64)> {
        let bytes_max = bytes_max.saturating_sub(FRAME_BYTES);
        self.spans = 0;
        let (mut bodies, mut held, mut runs) = (Vec::new(), Message::default(), 0);
        for run in self.waiting.drain(..) {
            if runs > 0 && held.len() + run.len() > bytes_max {
                bodies.push((framed(std::mem::take(&mut held)), std::mem::take(&mut runs)));
            }
            held = held.with_all(&run);
            runs += 1;
        }
        if runs > 0 {
            bodies.push((framed(held), runs));
        }
        bodies
    }

    /// Runs of probes without a trace so far.
    pub const fn dropped(&self) -> u64 {
        self.dropped
    }
}

fn resource() -> Message {
    let version = proto::text("service.version", env!("CARGO_PKG_VERSION"));
    Message::default().with_message(1, &proto::text("service.name", "mcp-vitals")).with_message(1, &version)
}

fn scope() -> Message {
    Message::default().with_text(1, "mcp-vitals").with_text(2, env!("CARGO_PKG_VERSION"))
}

/// Nanoseconds since the Unix epoch; zero before it.
fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or(0).saturating_mul(1_000_000)
}

/// The name of one of our labels as an attribute of OpenTelemetry.
fn attribute(label: &'static str) -> &'static str {
    match label {
        "mcp_method_name" => "mcp.method.name",
        "gen_ai_tool_name" => "gen_ai.tool.name",
        "error_type" => "error.type",
        "network_transport" => "network.transport",
        "mcp_protocol_version" => "mcp.protocol.version",
        "target" => "mcp_vitals.target",
        "server" => "mcp_vitals.server",
        other => other,
    }
}

//! A run of a probe as a trace: a span for the probe, below it one for each MCP operation or each phase of its
//! request. Ids are made of what was seen and when, so the same run has the same trace wherever it is looked at.

use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::time::Duration;

use vitals_model::check::Probe;
use vitals_model::observation::Phase;
use vitals_model::tally::{Method, Operation, Run};
use vitals_model::target::{Address, Target};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use super::nanos;
use super::proto::{self, Message};
use crate::metrics::points::phase_name;

/// `SPAN_KIND_INTERNAL` and `SPAN_KIND_CLIENT`.
const INTERNAL: u64 = 1;
const CLIENT: u64 = 3;

/// `STATUS_CODE_ERROR`.
const ERROR: u64 = 2;

/// What all spans of a run have in common.
struct Trace<'a> {
    target: &'a Target,
    id: [u8; 16],
    /// When the run began, in nanoseconds since the Unix epoch.
    began: u64,
}

/// The spans of one run, that of the probe first.
pub(super) fn of(began_at: Timestamp, target: &Target, probe: Probe, run: &Run) -> Vec<Message> {
    let hash = |salt: u64| {
        // The hasher without keys: the same in every process of this version.
        let mut hasher = DefaultHasher::new();
        (salt, began_at, &target.id, probe, run.at).hash(&mut hasher);
        hasher.finish().to_be_bytes()
    };
    let mut id = [0; 16];
    id[..8].copy_from_slice(&hash(0));
    id[8..].copy_from_slice(&hash(1));
    let began = nanos(run.at).saturating_sub(length(run.took));
    let (trace, root) = (Trace { target, id, began }, hash(2));
    let whole = trace.span(&format!("probe {}", probe.as_str()), INTERNAL, began, run.took).with_bytes(2, &root);
    let whole = failed(whole.with_message(9, &proto::text("mcp_vitals.probe", probe.as_str())), run.error.as_ref());
    let parts = if run.operations.is_empty() { trace.phases(run) } else { trace.operations(run) };
    let parts = parts.into_iter().zip(3..).map(|(part, n)| part.with_bytes(2, &hash(n)).with_bytes(4, &root));
    std::iter::once(whole).chain(parts).collect()
}

fn length(took: Duration) -> u64 {
    u64::try_from(took.as_nanos()).unwrap_or(u64::MAX)
}

/// Adds why it failed, if it did.
fn failed(span: Message, error: Option<&Text>) -> Message {
    let Some(error) = error else { return span };
    let status = Message::default().with_text(2, error.as_str()).with_number(3, ERROR);
    span.with_message(9, &proto::text("error.type", error.as_str())).with_message(15, &status)
}

impl Trace<'_> {
    /// A span without its id and its parent.
    fn span(&self, name: &str, kind: u64, began: u64, took: Duration) -> Message {
        let span = Message::default()
            .with_bytes(1, &self.id)
            .with_text(5, name)
            .with_number(6, kind)
            .with_fixed(7, began)
            .with_fixed(8, began.saturating_add(length(took)));
        span.with_message(9, &proto::text("mcp_vitals.target", self.target.id.as_str()))
    }

    /// The phases of a request follow one another.
    fn phases(&self, run: &Run) -> Vec<Message> {
        let mut at = self.began;
        let mut spans = Vec::new();
        for (phase, took) in run.phases.iter().filter(|(_, took)| !took.is_zero()) {
            spans.push(self.span(phase_name(*phase), INTERNAL, at, *took));
            at = at.saturating_add(length(*took));
        }
        spans
    }

    /// Operations in the order of a visit: sessions are opened one after the other, then all are listed at once,
    /// then all servers are called at once. When each began within that was not measured.
    fn operations(&self, run: &Run) -> Vec<Message> {
        let opens = |operation: &Operation| matches!(operation.method, Method::Initialize | Method::Discover);
        let all_opened: u64 =
            run.operations.iter().filter(|(operation, _)| opens(operation)).map(|(_, took)| length(*took)).sum();
        let listed = run.phases.iter().filter(|(phase, _)| *phase == Phase::List).map(|(_, took)| length(*took)).max();
        let (mut opened, mut spans) = (0, Vec::new());
        for (operation, took) in &run.operations {
            let after = match operation.method {
                Method::Initialize | Method::Discover => {
                    opened += length(*took);
                    opened - length(*took)
                }
                Method::ListTools => all_opened,
                Method::CallTool => all_opened + listed.unwrap_or(0),
            };
            spans.push(self.operation(operation, self.began.saturating_add(after), *took));
        }
        spans
    }

    /// As the MCP conventions of OpenTelemetry have the span of a client.
    fn operation(&self, operation: &Operation, began: u64, took: Duration) -> Message {
        let method = operation.method.as_str();
        let name = operation.tool.as_ref().map_or_else(|| method.to_owned(), |tool| format!("{method} {tool}"));
        let mut attributes = vec![proto::text("mcp.method.name", method), proto::text("network.transport", operation.transport)];
        let mut add = |key, value: Option<&Text>| attributes.extend(value.map(|value| proto::text(key, value.as_str())));
        add("gen_ai.tool.name", operation.tool.as_ref());
        add("mcp_vitals.server", operation.server.as_ref());
        add("mcp.protocol.version", Some(&operation.protocol).filter(|protocol| !protocol.as_str().is_empty()));
        // The code of a JSON-RPC error; words are no codes.
        add("rpc.response.status_code", operation.error.as_ref().filter(|error| error.as_str().parse::<i64>().is_ok()));
        if operation.method == Method::CallTool {
            attributes.push(proto::text("gen_ai.operation.name", "execute_tool"));
        }
        if let Some((host, port)) = place(&self.target.address) {
            attributes.push(proto::text("server.address", &host));
            attributes.extend(port.map(|port| proto::number("server.port", u64::from(port))));
        }
        let span = attributes.iter().fold(self.span(&name, CLIENT, began, took), |span, a| span.with_message(9, a));
        failed(span, operation.error.as_ref())
    }
}

/// Host and port of a target that is reached by HTTP.
fn place(address: &Address) -> Option<(String, Option<u16>)> {
    let (Address::Hub { url } | Address::Http { url }) = address else { return None };
    let url = url::Url::parse(url).ok()?;
    Some((url.host_str()?.to_owned(), url.port_or_known_default()))
}

//! Counts what of one target only ever grows, and remembers how each probe last went. It judges nothing.

use std::sync::Arc;
use std::time::Duration;

use vitals_model::check::{CheckId, Point, Probe};
use vitals_model::incident::Incident;
use vitals_model::limits::{METRIC_LABEL_CHARS_MAX, OPERATIONS_MAX};
use vitals_model::observation::{
    ApiSeen, CallSeen, CallWay, Failure, FailureKind, LevelCounts, LlmSeen, LogSeen, MetaToolSeen, Observation, Opened, Phase,
    ProcessSeen, Seen, SessionSeen, SessionView, StreamNote, StreamSeen, Transport,
};
use vitals_model::tally::{Method, OTHER, Operation, Run, Tally};
use vitals_model::target::Address;
use vitals_model::text::Text;

/// The meta-tool's name: it belongs to the hub and not to a server behind it.
const META_TOOL: &str = "hub__analyze_prompt";

type Phases = Vec<(Phase, Duration)>;
type Operations = Vec<(Operation, Duration)>;

/// The tally of one target, and what it takes not to count anything twice.
#[derive(Clone, Debug, Default)]
pub(crate) struct Counting {
    /// Shared with the snapshots, and copied when one of them still has it.
    pub(crate) tally: Arc<Tally>,
    /// Sessions opened so far, as the latest visit said.
    opened_total: u64,
    /// Why no session could be opened the last time. A hub that is not asked again for a while gives the same
    /// answer, to the nanosecond.
    refused: Option<Failure>,
    /// The transport and the revision of the last session.
    spoken: Option<(&'static str, Text)>,
}

impl Counting {
    /// Takes in one observation.
    pub(crate) fn take(&mut self, observation: &Observation, address: &Address) {
        match &observation.seen {
            Seen::Log(seen) => self.take_log(seen),
            Seen::Stream(StreamSeen::Notes { notes, .. }) => self.take_notes(notes),
            _ => {}
        }
        let Some(probe) = observation.seen.probe() else { return };
        let Some((error, phases)) = outcome(&observation.seen) else { return };
        let mut run = Run { at: observation.at, took: observation.took, error, phases, operations: Vec::new() };
        match &observation.seen {
            Seen::Session(seen) => (run.phases, run.operations) = self.sessions(seen, address),
            Seen::MetaTool(MetaToolSeen::Called { answer, took, .. }) => {
                let error = answer.as_ref().err().map(error_type);
                let (transport, protocol) = self.spoken.clone().unwrap_or((network(address), Text::new("")));
                let tool = Some(Text::new(META_TOOL));
                let call = Operation { method: Method::CallTool, server: None, tool, error, transport, protocol };
                run.operations = vec![(call, *took)];
            }
            _ => {}
        }
        self.take_run(probe, run);
    }

    /// Counts incidents that opened just now.
    pub(crate) fn take_opened<'a>(&mut self, opened: impl Iterator<Item = &'a Incident>) {
        for incident in opened {
            if let Some(point) = point_of(&incident.check) {
                *Arc::make_mut(&mut self.tally).incidents.entry((point, incident.health)).or_default() += 1;
            }
        }
    }

    fn take_run(&mut self, probe: Probe, run: Run) {
        let tally = Arc::make_mut(&mut self.tally);
        let (good, bad) = tally.probes.entry(probe).or_default();
        *if run.error.is_none() { good } else { bad } += 1;
        for (operation, took) in &run.operations {
            if let Some(known) = tally.operations.get_mut(operation) {
                known.add(*took);
                continue;
            }
            let kind = if tally.operations.len() < OPERATIONS_MAX {
                operation.clone()
            } else {
                tally.operations_folded += 1;
                folded(operation)
            };
            tally.operations.entry(kind).or_default().add(*took);
        }
        tally.runs.insert(probe, run);
    }

    /// Records of before we followed the log are left out: they would be counted at every start.
    fn take_log(&mut self, seen: &LogSeen) {
        let stretch = &seen.stretch;
        if stretch.over.is_none() {
            return;
        }
        let mut counts = stretch.older;
        counts.merge(&stretch.untimed);
        stretch.minutes.iter().for_each(|(_, minute)| counts.merge(minute));
        if counts.total() > 0 {
            Arc::make_mut(&mut self.tally).file_records.merge(&counts);
        }
    }

    fn take_notes(&mut self, notes: &[StreamNote]) {
        let mut counts = LevelCounts::default();
        for note in notes {
            if let StreamNote::Log { level, .. } = note {
                counts.add(*level, 1);
            }
        }
        if counts.total() > 0 {
            Arc::make_mut(&mut self.tally).stream_records.merge(&counts);
        }
    }

    /// What a visit did: a held session was opened once, however often it is looked at.
    fn sessions(&mut self, seen: &SessionSeen, address: &Address) -> (Phases, Operations) {
        let new = seen.opened_total.checked_sub(self.opened_total).unwrap_or(seen.opened_total);
        self.opened_total = seen.opened_total;
        let opened: Vec<_> = seen.sessions.iter().filter_map(|view| Some((view, view.opened.as_ref().ok()?))).collect();
        let fresh = opened.len().saturating_sub(usize::try_from(new).unwrap_or(usize::MAX));
        let (mut operations, mut phases) = (Vec::new(), Phases::new());
        for (n, (view, opened)) in opened.iter().enumerate() {
            let spoken = spoken(opened);
            if n >= fresh {
                let method = if opened.transport == Transport::StatelessHttp { Method::Discover } else { Method::Initialize };
                operations.push((plain(method, &spoken), opened.initialize));
                phases.push((Phase::Connect, opened.connect));
                phases.push((Phase::Initialize, opened.initialize));
            }
            operations.push(list(view, &spoken));
            self.spoken = Some(spoken);
        }
        let refused = seen.sessions.iter().find_map(|view| view.opened.as_ref().err());
        if let Some(failure) = refused.filter(|failure| self.refused.as_ref() != Some(failure) && !failure.after.is_zero()) {
            let method = if failure.phase == Phase::Discover { Method::Discover } else { Method::Initialize };
            let unspoken = (network(address), Text::new(""));
            operations.push((Operation { error: Some(error_type(failure)), ..plain(method, &unspoken) }, failure.after));
        }
        self.refused = refused.cloned();
        // Sessions are listed side by side, and so are servers called.
        let listed = opened.iter().map(|(view, _)| view.list_took).max();
        let called = seen.calls.iter().filter(|call| call.answer.is_some()).map(|call| call.took).max();
        phases.extend(listed.map(|took| (Phase::List, took)).into_iter().chain(called.map(|took| (Phase::Call, took))));
        let first = opened.first().map(|(_, opened)| spoken(opened));
        operations.extend(first.iter().flat_map(|spoken| seen.calls.iter().filter_map(|c| call(c, spoken, address))));
        (phases, operations)
    }
}

/// A name as it is counted under: cut, and never empty, which in a label would mean that there is none.
fn name(of: &Text) -> Text {
    if of.as_str().is_empty() { Text::new(OTHER) } else { of.shortened(METRIC_LABEL_CHARS_MAX) }
}

fn plain(method: Method, (transport, protocol): &(&'static str, Text)) -> Operation {
    Operation { method, server: None, tool: None, error: None, transport, protocol: protocol.clone() }
}

fn list(view: &SessionView, spoken: &(&'static str, Text)) -> (Operation, Duration) {
    let error = view.tools.as_ref().err();
    let took = error.map_or(view.list_took, |failure| failure.after.max(view.list_took));
    (Operation { error: error.map(error_type), ..plain(Method::ListTools, spoken) }, took)
}

/// A call in a session. One over the REST API is no operation of an MCP client.
fn call(seen: &CallSeen, spoken: &(&'static str, Text), address: &Address) -> Option<(Operation, Duration)> {
    let answer = seen.answer.as_ref().filter(|_| seen.way == CallWay::Session)?;
    let server = matches!(address, Address::Hub { .. }).then(|| name(&seen.server));
    let error = answer.as_ref().err().map(error_type);
    let tool = seen.tool.as_ref().map(name);
    Some((Operation { server, tool, error, ..plain(Method::CallTool, spoken) }, seen.took))
}

/// Where operations beyond the limit are counted.
fn folded(operation: &Operation) -> Operation {
    let other = || Some(Text::new(OTHER));
    let error = operation.error.as_ref().and_then(|_| other());
    Operation { server: other(), tool: other(), error, protocol: Text::new(""), ..operation.clone() }
}

/// Why a probe saw less than it asked for, and its phases; `None` when there was nothing to ask.
fn outcome(seen: &Seen) -> Option<(Option<Text>, Phases)> {
    let failed = |failure: Option<&Failure>| Some((failure.map(error_type), Vec::new()));
    match seen {
        Seen::Workspace(seen) => failed(seen.entry.as_ref().err()),
        Seen::Process(ProcessSeen::Alive(_)) | Seen::Stream(StreamSeen::Opened { .. }) => failed(None),
        Seen::Process(ProcessSeen::Gone { .. }) => Some((Some(Text::new("not_running")), Vec::new())),
        Seen::Process(ProcessSeen::Hidden(failure)) | Seen::Stream(StreamSeen::Lost(failure)) => failed(Some(failure)),
        Seen::Api(seen) => Some((api_failure(seen).map(error_type), api_phases(seen))),
        Seen::Session(seen) => {
            let refused = seen.sessions.iter().find_map(|view| view.opened.as_ref().err());
            failed(refused.or_else(|| seen.sessions.iter().find_map(|view| view.tools.as_ref().err())))
        }
        Seen::MetaTool(MetaToolSeen::Called { answer, .. }) => failed(answer.as_ref().err()),
        Seen::Llm(LlmSeen::Asked { answer, .. }) => failed(answer.as_ref().err()),
        Seen::Log(seen) => failed(seen.file.as_ref().err()),
        Seen::Process(ProcessSeen::Remote)
        | Seen::MetaTool(MetaToolSeen::NotCalled(_))
        | Seen::Llm(LlmSeen::NotConfigured | LlmSeen::Unknown(_))
        | Seen::Stream(StreamSeen::Notes { .. })
        | Seen::Exit(_)
        | Seen::Visit(_) => None,
    }
}

fn api_failure(seen: &ApiSeen) -> Option<&Failure> {
    seen.health.as_ref().err().or(seen.servers.as_ref().err()).or_else(|| seen.filtering.as_ref()?.as_ref().err())
}

/// The phases of the health request; the other two requests go over the same connection.
fn api_phases(seen: &ApiSeen) -> Phases {
    let timing = seen.timing;
    let head = timing.resolve + timing.connect + timing.tls + timing.first_byte;
    vec![
        (Phase::Resolve, timing.resolve),
        (Phase::Connect, timing.connect),
        (Phase::Tls, timing.tls),
        (Phase::Request, timing.first_byte),
        (Phase::Body, timing.total.saturating_sub(head)),
    ]
}

/// What a session speaks over, as `network.transport`, and in which revision.
fn spoken(opened: &Opened) -> (&'static str, Text) {
    let transport = match opened.transport {
        Transport::Stdio => "pipe",
        Transport::LegacySse | Transport::StreamableHttp | Transport::StatelessHttp => "tcp",
    };
    (transport, opened.protocol.shortened(METRIC_LABEL_CHARS_MAX))
}

/// `network.transport` of a target with which no session was opened yet.
const fn network(address: &Address) -> &'static str {
    match address {
        Address::Stdio { .. } => "pipe",
        Address::Hub { .. } | Address::Http { .. } => "tcp",
    }
}

/// `error.type` as the MCP conventions of OpenTelemetry have it: `tool_error`, the JSON-RPC code, `timeout`; an HTTP
/// status as its code; for the rest a word of ours.
fn error_type(failure: &Failure) -> Text {
    Text::new(match &failure.kind {
        FailureKind::Rpc(code) => return Text::new(&code.to_string()),
        FailureKind::Status { code, .. } => return Text::new(&code.to_string()),
        FailureKind::ToolError => "tool_error",
        FailureKind::TimedOut(_) => "timeout",
        FailureKind::Refused => "connection_refused",
        FailureKind::Closed => "connection_closed",
        FailureKind::Unreachable => "unreachable",
        FailureKind::NoSuchHost => "no_such_host",
        FailureKind::Tls => "tls",
        FailureKind::NotJson => "not_json",
        FailureKind::TooLarge => "too_large",
        FailureKind::TooDeep => "too_deep",
        FailureKind::Malformed => "malformed",
        FailureKind::Empty => "empty",
        FailureKind::OtherHost => "other_host",
        FailureKind::Spawn => "spawn",
        FailureKind::NoSecret => "no_secret",
        FailureKind::Denied => "denied",
        FailureKind::Missing => "missing",
        FailureKind::Os => "os",
    })
}

fn point_of(check: &CheckId) -> Option<Point> {
    let first = check.as_str().split('/').next()?;
    Point::ALL.into_iter().find(|point| point.as_str() == first)
}

#[cfg(test)]
mod tests;

//! How a snapshot gives the points of those metrics that have labels of their own, and how values are written.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::check::Point;
use vitals_model::claim::ClaimStatus;
use vitals_model::incident::Incident;
use vitals_model::limits::{EVENT_QUEUE_MAX, STORE_QUEUE_MAX};
use vitals_model::observation::{Level, Phase};
use vitals_model::reading::{Health, Standing};
use vitals_model::remedy::{OutcomeKind, Remedy, RepairMode};
use vitals_model::snapshot::{Destination, Overhead};
use vitals_model::time::Timestamp;
use vitals_model::verdict::Verdict;

use super::Sink;
use super::view::{ServerRow, TargetRow, View, label};

const HEALTHS: [Health; 4] = [Health::Healthy, Health::Degraded, Health::Failing, Health::Unknown];

pub(super) fn number(n: u64) -> f64 {
    n as f64
}

pub(super) fn flag(is: bool) -> f64 {
    f64::from(u8::from(is))
}

pub(super) fn seconds(at: Timestamp) -> f64 {
    at.as_millis() as f64 / 1e3
}

/// An incident's health as severities are called elsewhere.
fn severity(health: Health) -> &'static str {
    if health == Health::Failing { "critical" } else { "warning" }
}

pub(super) fn probe_success(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (probe, run) in &target.state.tally.runs {
            sink.value(&[("target", target.id), ("probe", probe.as_str())], flag(run.error.is_none()));
        }
    }
}

/// The name of a phase; those of HTTP as `blackbox_exporter` has them.
pub(super) const fn phase_name(phase: Phase) -> &'static str {
    match phase {
        Phase::Resolve => "resolve",
        Phase::Connect => "connect",
        Phase::Tls => "tls",
        Phase::Request => "processing",
        Phase::Body => "transfer",
        Phase::Parse => "parse",
        Phase::Initialize => "initialize",
        Phase::Discover => "discover",
        Phase::List => "list",
        Phase::Call => "call",
        Phase::Close => "close",
    }
}

pub(super) fn probe_duration(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (probe, run) in &target.state.tally.runs {
            let mut point = |phase, seconds| {
                sink.value(&[("target", target.id), ("probe", probe.as_str()), ("phase", phase)], seconds);
            };
            let mut rest = run.took;
            // A visit that opens two sessions has some phases twice.
            let mut phases = Vec::<(Phase, Duration)>::new();
            for (phase, took) in &run.phases {
                match phases.iter_mut().find(|(known, _)| known == phase) {
                    Some((_, sum)) => *sum += *took,
                    None => phases.push((*phase, *took)),
                }
                rest = rest.saturating_sub(*took);
            }
            for (phase, took) in phases {
                point(phase_name(phase), took.as_secs_f64());
            }
            point("other", rest.as_secs_f64());
        }
    }
}

pub(super) fn probe_runs(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (probe, (good, bad)) in &target.state.tally.probes {
            for (outcome, n) in [("ok", good), ("failed", bad)] {
                sink.value(&[("target", target.id), ("probe", probe.as_str()), ("outcome", outcome)], number(*n));
            }
        }
    }
}

pub(super) fn operations(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (operation, histogram) in &target.state.tally.operations {
            let labels = [
                ("target", target.id),
                ("server", operation.server.as_ref().map_or("", |server| server.as_str())),
                ("mcp_method_name", operation.method.as_str()),
                ("gen_ai_tool_name", operation.tool.as_ref().map_or("", |tool| tool.as_str())),
                ("error_type", operation.error.as_ref().map_or("", |error| error.as_str())),
                ("network_transport", operation.transport),
                ("mcp_protocol_version", operation.protocol.as_str()),
            ];
            sink.histogram(&labels, histogram);
        }
    }
}

pub(super) fn target_info(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let version = target.state.claim.as_ref().and_then(|claim| claim.version.as_ref());
        let version = version.map_or(Cow::Borrowed(""), |version| label(version.as_str()));
        let kind = target.state.target.address.kind().as_str();
        sink.value(&[("target", target.id), ("kind", kind), ("version", &version)], 1.0);
    }
}

pub(super) fn target_health(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for health in HEALTHS {
            sink.value(&[("target", target.id), ("health", health.as_str())], flag(target.state.health == health));
        }
    }
}

pub(super) fn target_checks(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let mut counts = BTreeMap::<(Point, Health), u64>::new();
        for reading in target.state.readings.iter().filter(|reading| reading.standing == Standing::Judged) {
            // A point that has any check has a count of each health, so that none of them comes and goes.
            for health in HEALTHS {
                counts.entry((reading.point, health)).or_default();
            }
            *counts.entry((reading.point, reading.health)).or_default() += 1;
        }
        for ((point, health), n) in counts {
            sink.value(&[("target", target.id), ("point", point.as_str()), ("health", health.as_str())], number(n));
        }
    }
}

/// Each point has both severities always: a series that only comes with its first incident has no increase then.
fn by_severity(target: &str, sink: &mut dyn Sink, count: impl Fn(Point, &'static str) -> u64) {
    for point in Point::ALL {
        for severity in ["warning", "critical"] {
            let labels = [("target", target), ("point", point.as_str()), ("severity", severity)];
            sink.value(&labels, number(count(point, severity)));
        }
    }
}

pub(super) fn incidents_open(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let is_at = |incident: &&Incident, point: Point| incident.check.as_str().split('/').next() == Some(point.as_str());
        by_severity(target.id, sink, |point, wanted| {
            target.state.open.iter().filter(|i| is_at(i, point) && severity(i.health) == wanted).count() as u64
        });
    }
}

pub(super) fn incidents_total(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let counts = &target.state.tally.incidents;
        by_severity(target.id, sink, |point, wanted| {
            counts.iter().filter(|((at, health), _)| *at == point && severity(*health) == wanted).map(|(_, n)| n).sum()
        });
    }
}

pub(super) fn server_verdict(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        for (server, rows) in &target.servers {
            for verdict in Verdict::ALL {
                let labels = [("target", target.id), ("server", server.as_ref()), ("verdict", verdict.as_str())];
                sink.value(&labels, rows.iter().filter(|row| row.truth.verdict == verdict).count() as f64);
            }
        }
    }
}

pub(super) fn claimed(server: &ServerRow<'_>) -> Option<f64> {
    server.truth.claim.as_ref().map(|claim| flag(*claim == ClaimStatus::Connected))
}

pub(super) fn up(server: &ServerRow<'_>) -> Option<f64> {
    match (server.truth.verdict, server.truth.health) {
        (Verdict::Unknown, _) | (_, Health::Unknown) => None,
        (Verdict::ExpectedDown, _) | (_, Health::Failing) => Some(0.0),
        (_, Health::Healthy | Health::Degraded) => Some(1.0),
    }
}

pub(super) fn llm_up(target: &TargetRow<'_>) -> Option<f64> {
    let key = target.reading("hub-llm/key").filter(|key| key.standing == Standing::Judged)?;
    (key.health != Health::Unknown).then(|| flag(key.health == Health::Healthy))
}

pub(super) fn log_records(view: &View<'_>, sink: &mut dyn Sink) {
    for target in &view.targets {
        let tally = &target.state.tally;
        for (source, counts) in [("file", &tally.file_records), ("stream", &tally.stream_records)] {
            for level in Level::ALL {
                let labels = [("target", target.id), ("source", source), ("level", level.as_str())];
                sink.value(&labels, number(counts.of(level)));
            }
        }
    }
}

pub(super) fn actions(view: &View<'_>, sink: &mut dyn Sink) {
    // Where nothing may be done and nothing was, there is nothing to count.
    let is_off = |row: &&TargetRow<'_>| {
        row.state.target.settings.repair.mode == RepairMode::Observe && row.state.repair.outcomes.is_empty()
    };
    for target in view.targets.iter().filter(|row| !is_off(row)) {
        for remedy in Remedy::KINDS {
            for outcome in OutcomeKind::ALL {
                let count = target.state.repair.outcomes.get(&(remedy, outcome)).copied().unwrap_or(0);
                let labels = [("target", target.id), ("remedy", remedy), ("outcome", outcome.as_str())];
                sink.value(&labels, number(count));
            }
        }
    }
}

pub(super) fn own_info(_: &View<'_>, sink: &mut dyn Sink) {
    sink.value(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
}

pub(super) fn own_probes(view: &View<'_>, sink: &mut dyn Sink) {
    for (probe, histogram) in &view.snapshot.own.took {
        sink.histogram(&[("probe", probe.as_str())], histogram);
    }
}

pub(super) fn queue_depth(view: &View<'_>, sink: &mut dyn Sink) {
    let waiting = view.snapshot.own.waiting;
    sink.value(&[("queue", "events")], number(waiting.events));
    sink.value(&[("queue", "history")], number(waiting.records));
}

pub(super) fn queue_limit(_: &View<'_>, sink: &mut dyn Sink) {
    sink.value(&[("queue", "events")], EVENT_QUEUE_MAX as f64);
    sink.value(&[("queue", "history")], STORE_QUEUE_MAX as f64);
}

pub(super) fn otlp_requests(overhead: &Overhead, sink: &mut dyn Sink) {
    let Some(export) = overhead.export else { return };
    sink.value(&[("outcome", "ok")], number(export.sent));
    sink.value(&[("outcome", "failed")], number(export.failed));
}

pub(super) fn forwarded(view: &View<'_>, sink: &mut dyn Sink) {
    for away in &view.snapshot.own.destinations {
        for (outcome, records) in [("sent", away.sent), ("refused", away.refused), ("dropped", away.dropped)] {
            sink.value(&[("destination", &away.name), ("outcome", outcome)], number(records));
        }
    }
}

pub(super) fn notices_total(view: &View<'_>, sink: &mut dyn Sink) {
    for (receiver, state) in &view.snapshot.own.receivers {
        let outcomes =
            [("delivered", state.delivered), ("delayed", state.delayed), ("refused", state.refused), ("dropped", state.dropped)];
        for (outcome, n) in outcomes {
            sink.value(&[("receiver", receiver), ("outcome", outcome)], number(n));
        }
    }
}

pub(super) fn destinations(view: &View<'_>, sink: &mut dyn Sink, value: fn(&Destination) -> u64) {
    for away in &view.snapshot.own.destinations {
        sink.value(&[("destination", &away.name)], number(value(away)));
    }
}

pub(super) fn notices_waiting(view: &View<'_>, sink: &mut dyn Sink) {
    for (receiver, state) in &view.snapshot.own.receivers {
        sink.value(&[("receiver", receiver)], number(state.waiting));
    }
}

//! A snapshot laid out for metrics: readings by their question, servers by the label that they get. What has the
//! same label is one row, so no series comes twice; servers beyond the limit share one.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};

use vitals_model::limits::{METRIC_LABEL_CHARS_MAX, METRIC_SERVERS_MAX};
use vitals_model::reading::Reading;
use vitals_model::snapshot::{Overhead, Snapshot, TargetState};
use vitals_model::tally::OTHER;
use vitals_model::verdict::ServerTruth;

/// A snapshot laid out for metrics.
#[derive(Debug)]
pub struct View<'a> {
    pub(super) snapshot: &'a Snapshot,
    pub(super) overhead: &'a Overhead,
    pub(super) targets: Vec<TargetRow<'a>>,
}

/// One target.
#[derive(Debug)]
pub(super) struct TargetRow<'a> {
    pub(super) id: &'a str,
    pub(super) state: &'a TargetState,
    /// Readings of the target itself, by `point/question`.
    readings: HashMap<&'a str, &'a Reading>,
    /// Servers by their label.
    pub(super) servers: BTreeMap<Cow<'a, str>, Vec<ServerRow<'a>>>,
    /// How many servers share the label [`OTHER`] because there are too many.
    pub(super) folded: usize,
}

/// One server behind a target.
#[derive(Debug)]
pub(super) struct ServerRow<'a> {
    pub(super) truth: &'a ServerTruth,
    pub(super) tokens: Option<f64>,
    pub(super) flaps: Option<f64>,
}

impl<'a> View<'a> {
    /// Lays out a snapshot, with what our own process uses just now.
    pub fn new(snapshot: &'a Snapshot, overhead: &'a Overhead) -> Self {
        Self { snapshot, overhead, targets: snapshot.targets.iter().map(|state| TargetRow::new(state)).collect() }
    }
}

impl<'a> TargetRow<'a> {
    fn new(state: &'a TargetState) -> Self {
        let (mut readings, mut of_servers) = (HashMap::new(), HashMap::new());
        for reading in &state.readings {
            match (reading.id.server(), reading.id.question()) {
                (None, _) => drop(readings.insert(reading.id.as_str(), reading)),
                (Some(server), question @ ("tokens" | "flaps")) => drop(of_servers.insert((server, question), reading)),
                (Some(_), _) => {}
            }
        }
        let mut row = Self { id: state.target.id.as_str(), state, readings, servers: BTreeMap::new(), folded: 0 };
        for truth in &state.servers {
            // As an id has it.
            let name = truth.name.as_str().replace('/', "_");
            let value = |question| of_servers.get(&(name.as_str(), question)).and_then(|reading| reading.value);
            row.add(ServerRow { truth, tokens: value("tokens"), flaps: value("flaps") });
        }
        row
    }

    fn add(&mut self, server: ServerRow<'a>) {
        let mut label = label(server.truth.name.as_str());
        if self.servers.len() >= METRIC_SERVERS_MAX && !self.servers.contains_key(&label) {
            self.folded += 1;
            label = Cow::Borrowed(OTHER);
        }
        self.servers.entry(label).or_default().push(server);
    }

    pub(super) fn reading(&self, id: &str) -> Option<&'a Reading> {
        self.readings.get(id).copied()
    }

    /// The value of a reading.
    pub(super) fn value(&self, id: &str) -> Option<f64> {
        self.reading(id)?.value
    }
}

/// A name as a label: cut, and never empty, which would mean that there is no such label.
pub(super) fn label(name: &str) -> Cow<'_, str> {
    match name.char_indices().nth(METRIC_LABEL_CHARS_MAX) {
        _ if name.is_empty() => Cow::Borrowed(OTHER),
        Some((end, _)) => Cow::Owned(format!("{}…", &name[..end])),
        None => Cow::Borrowed(name),
    }
}

//! The matrix as `selftest --format json` prints it and `--out` writes it: a contract of its own. Fields may
//! be added; none goes or changes its meaning.

use serde::{Deserialize, Serialize};
use vitals_model::time::Timestamp;

use super::expect::{Expectation, Filtering, SERVER};
use super::hour::Hour;
use super::matrix::{Matrix, Other, Part, Trial};
use super::places::Places;
use crate::fault::Layer;

/// The value of `schema`.
pub const SCHEMA: &str = "mcp-vitals/selftest/v1";

/// The whole.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct MatrixView {
    /// [`SCHEMA`].
    pub schema: String,
    /// The version of mcp-vitals that was proved.
    pub version: String,
    /// When the proof ended, RFC 3339.
    pub at: String,
    /// What the labs drew lots with.
    pub seed: u64,
    /// Labs side by side, the one of the healthy hour not counted.
    pub lanes: usize,
    /// Whether all holds.
    pub holds: bool,
    /// Probes sent, all together.
    pub probes: u64,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// Every fault that was to be tried, in the order of the catalogue.
    pub faults: Vec<TrialView>,
    /// The healthy hour; null when it was not asked for.
    pub hour: Option<HourView>,
}

/// One fault.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct TrialView {
    /// Its id.
    pub fault: String,
    /// `hub`, `server`, `llm`, `sessions`, `logging`.
    pub layer: String,
    /// What happens.
    pub what: String,
    /// How the hub spoke: `honest`, `npm-4.2.1`.
    pub persona: String,
    /// `off` or `meta-only`.
    pub filtering: String,
    /// The server that the fault was done to; null for faults of no single server.
    pub server: Option<String>,
    /// The check whose incident must open; `<server>` stands for one server's name.
    pub check: String,
    /// The incident's expected kind; null where none may open.
    pub kind: Option<String>,
    /// Its expected health; null where none may open.
    pub health: Option<String>,
    /// What must stand in its summary or its evidence.
    pub words: Vec<String>,
    /// What tells of it: `event` or a probe, and what is added.
    pub source: String,
    /// The longest time to detection, in seconds.
    pub bound_s: f64,
    /// Whether it was seen as what it is.
    pub detected: bool,
    /// The time to detection, in seconds.
    pub detected_s: Option<f64>,
    /// Whether check, kind, health and words were right; null when nothing was seen.
    pub verdict: Option<bool>,
    /// The time from the end of the cause to the end of the incident, in seconds.
    pub resolved_s: Option<f64>,
    /// Probes sent meanwhile.
    pub probes: u64,
    /// The incident as it last was while the fault lasted.
    pub seen: Option<SeenView>,
    /// What was seen instead of an incident, where none may open; null when it was not, and elsewhere.
    #[serde(default)]
    pub counted: Option<String>,
    /// Other incidents that opened.
    pub others: Vec<OtherView>,
    /// Whether all holds.
    pub holds: bool,
    /// What does not hold.
    pub shortfalls: Vec<String>,
}

/// An incident.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct SeenView {
    /// The check.
    pub check: String,
    /// The kind.
    pub kind: String,
    /// The health.
    pub health: String,
    /// The summary.
    pub summary: String,
}

/// An incident beside the expected one.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct OtherView {
    /// It.
    #[serde(flatten)]
    pub incident: SeenView,
    /// `companion` when it rightly opens beside it, `stranger` when not.
    pub part: String,
}

/// The healthy hour.
#[derive(Serialize, Deserialize, Clone, PartialEq, Debug)]
pub struct HourView {
    /// The time of default watching that it stands for, in seconds.
    pub stands_for_s: f64,
    /// How long it took, in seconds.
    pub took_s: f64,
    /// Probes sent.
    pub probes: u64,
    /// Probes that default watching sends in that time.
    pub probes_wanted: u64,
    /// Incidents that opened.
    pub incidents: Vec<SeenView>,
    /// What the detectors found.
    pub findings: Vec<String>,
    /// Whether nothing was found, and enough was asked.
    pub holds: bool,
    /// What does not hold.
    pub shortfalls: Vec<String>,
}

impl MatrixView {
    /// The same for readers elsewhere: what is told of this machine's places is told in short.
    #[must_use]
    pub fn shortened(mut self, places: &Places) -> Self {
        let of_trials = self.faults.iter_mut().flat_map(TrialView::texts);
        for text in of_trials.chain(self.hour.iter_mut().flat_map(HourView::texts)) {
            *text = places.shorten(text);
        }
        self
    }

    /// The view of a matrix.
    pub fn of(matrix: &Matrix, version: &str, seed: u64, lanes: usize, at: Timestamp) -> Self {
        Self {
            schema: SCHEMA.to_owned(),
            version: version.to_owned(),
            at: at.to_string(),
            seed,
            lanes,
            holds: matrix.holds(),
            probes: matrix.probes(),
            took_s: seconds(matrix.took),
            faults: matrix.trials.iter().map(TrialView::from).collect(),
            hour: matrix.hour.as_ref().map(HourView::from),
        }
    }
}

impl From<&Trial> for TrialView {
    fn from(trial: &Trial) -> Self {
        Self {
            detected: trial.detected.is_some(),
            detected_s: trial.detected.map(seconds),
            verdict: trial.verdict_holds(),
            resolved_s: trial.resolved.map(seconds),
            probes: trial.probes,
            seen: trial.seen.as_ref().map(SeenView::from),
            counted: trial.counted.clone(),
            others: trial.others.iter().map(OtherView::from).collect(),
            holds: trial.holds(),
            shortfalls: trial.shortfalls.iter().map(ToString::to_string).collect(),
            ..Self::expected(trial.row)
        }
    }
}

impl TrialView {
    /// What was seen, in the words of this machine.
    fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        let seen = self.seen.iter_mut().chain(self.others.iter_mut().map(|other| &mut other.incident));
        seen.map(|incident| &mut incident.summary).chain(&mut self.counted).chain(&mut self.shortfalls)
    }

    /// What is expected, nothing tried.
    pub(super) fn expected(row: &Expectation) -> Self {
        let card = row.card();
        let verdict = row.expects.verdict();
        Self {
            fault: card.id.to_owned(),
            layer: card.layer.as_str().to_owned(),
            what: card.what.to_owned(),
            persona: row.stage.persona.as_str().to_owned(),
            filtering: match row.stage.filtering {
                Filtering::Off => "off",
                Filtering::MetaOnly => "meta-only",
            }
            .to_owned(),
            server: (card.layer == Layer::Server).then(|| SERVER.to_owned()),
            check: verdict.map_or("logging/rotation", |v| v.check).to_owned(),
            kind: verdict.map(|v| v.kind.to_owned()),
            health: verdict.map(|v| v.severity.as_str().to_owned()),
            words: verdict.into_iter().flat_map(|v| v.words).map(|&word| word.to_owned()).collect(),
            source: row.source.describe(),
            bound_s: seconds(row.bound()),
            detected: false,
            detected_s: None,
            verdict: None,
            resolved_s: None,
            probes: 0,
            seen: None,
            counted: None,
            others: Vec::new(),
            holds: false,
            shortfalls: Vec::new(),
        }
    }
}

impl HourView {
    /// What was seen, in the words of this machine.
    fn texts(&mut self) -> impl Iterator<Item = &mut String> {
        self.incidents.iter_mut().map(|incident| &mut incident.summary).chain(&mut self.findings).chain(&mut self.shortfalls)
    }
}

impl From<&vitals_model::incident::Incident> for SeenView {
    fn from(incident: &vitals_model::incident::Incident) -> Self {
        Self {
            check: incident.check.to_string(),
            kind: incident.kind.clone(),
            health: incident.health.as_str().to_owned(),
            summary: incident.summary.clone(),
        }
    }
}

impl From<&Other> for OtherView {
    fn from(other: &Other) -> Self {
        let part = match other.part {
            Part::Companion => "companion",
            Part::Stranger => "stranger",
        };
        Self { incident: SeenView::from(&other.incident), part: part.to_owned() }
    }
}

impl From<&Hour> for HourView {
    fn from(hour: &Hour) -> Self {
        Self {
            stands_for_s: seconds(hour.length.stands_for()),
            took_s: seconds(hour.took),
            probes: hour.probes,
            probes_wanted: hour.length.probes(),
            incidents: hour.incidents.iter().map(SeenView::from).collect(),
            findings: hour.findings.clone(),
            holds: hour.holds(),
            shortfalls: hour.shortfalls.iter().map(ToString::to_string).collect(),
        }
    }
}

/// Seconds to the millisecond.
fn seconds(duration: std::time::Duration) -> f64 {
    (duration.as_secs_f64() * 1000.0).round() / 1000.0
}

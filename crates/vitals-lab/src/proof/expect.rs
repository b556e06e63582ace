//! What is expected of the monitoring for each fault. The table itself is in [`super::rows`].

use std::time::Duration;

use vitals_model::check::Probe;
use vitals_model::config::TargetSettings;
use vitals_model::incident::Incident;
use vitals_model::reading::Health;

use super::settings;
use crate::fault::{Card, Fault, Means, Outside, ServerFault};
use crate::persona::Persona;

pub use super::rows::{EXPECTATIONS, QUICK};

/// The server of the lab to which faults of servers are done.
pub const SERVER: &str = "filesystem";

/// Bound of everything that an event tells of: the end of a process, a lost stream, a written record.
pub const EVENT_MAX: Duration = Duration::from_secs(1);

/// How often time alone is judged: added to every bound of what is polled, because a state that must last
/// is found to have lasted at the next of these.
pub const TICK: Duration = Duration::from_secs(1);

/// How long after its cause is gone an incident may stay, beyond what [`Expectation::lasts`] says: a
/// value must stay good for two looks or 15 s, a hub or a server must start.
pub const RESOLVE_MAX: Duration = Duration::from_secs(30);

/// The lab in which a fault is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Stage {
    /// How its hub speaks of itself.
    pub persona: Persona,
    /// Whether it filters tools.
    pub filtering: Filtering,
}

/// Tool filtering of a stage.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filtering {
    /// None: each session sees every tool.
    Off,
    /// By prompt: a new session sees the meta-tool only.
    MetaOnly,
}

impl Stage {
    /// An honest hub that filters nothing.
    pub const PLAIN: Self = Self { persona: Persona::Honest, filtering: Filtering::Off };
    /// An honest hub that filters by prompt and asks an LLM.
    pub const FILTERING: Self = Self { persona: Persona::Honest, filtering: Filtering::MetaOnly };
    /// A hub that lies as npm mcp-hub does.
    pub const LYING: Self = Self { persona: Persona::Npm421, filtering: Filtering::Off };
}

/// How bad it must be said to be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Severity {
    /// Just this.
    Exactly(Health),
    /// Degraded or failing: the fault grows, and how far depends on when it is looked at.
    Bad,
}

impl Severity {
    /// Whether this health is what is expected.
    pub fn holds(self, health: Health) -> bool {
        match self {
            Self::Exactly(expected) => health == expected,
            Self::Bad => matches!(health, Health::Degraded | Health::Failing),
        }
    }

    /// In a word or three.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Exactly(health) => health.as_str(),
            Self::Bad => "degraded or failing",
        }
    }
}

/// The incident that must open.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Verdict {
    /// The check; `<server>` stands for the name of one.
    pub check: &'static str,
    /// The incident's kind.
    pub kind: &'static str,
    /// How bad.
    pub severity: Severity,
    /// What must stand in its summary or its evidence, capital letters or not.
    pub words: &'static [&'static str],
}

impl Verdict {
    /// Whether this incident is about the expected check.
    pub fn is_about(&self, incident: &Incident) -> bool {
        fits(self.check, incident.check.as_str())
    }

    /// Whether this incident says all that is expected.
    pub fn holds(&self, incident: &Incident) -> bool {
        self.is_about(incident)
            && incident.kind == self.kind
            && self.severity.holds(incident.health)
            && self.words.iter().all(|word| says(incident, word))
    }
}

fn says(incident: &Incident, word: &str) -> bool {
    let word = word.to_lowercase();
    std::iter::once(&incident.summary).chain(&incident.evidence).any(|line| line.to_lowercase().contains(&word))
}

/// Whether a check id is this one, `<server>` standing for one name.
pub(super) fn fits(pattern: &str, id: &str) -> bool {
    match pattern.split_once("<server>") {
        None => pattern == id,
        Some((before, after)) => id
            .strip_prefix(before)
            .and_then(|rest| rest.strip_suffix(after))
            .is_some_and(|name| !name.is_empty() && !name.contains('/')),
    }
}

/// What must be seen of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Expects {
    /// An incident, as long as the fault lasts.
    Incident(Verdict),
    /// The same, and it ends by itself: the fault does.
    Passing(Verdict),
    /// No incident: the log's rotations are one more, and no more lines are broken than the one that was
    /// torn.
    Rotation,
}

impl Expects {
    /// The incident that must open, if any must.
    pub const fn verdict(&self) -> Option<&Verdict> {
        match self {
            Self::Incident(verdict) | Self::Passing(verdict) => Some(verdict),
            Self::Rotation => None,
        }
    }
}

/// What tells of the fault, and so how long it may take.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// An event: at most [`EVENT_MAX`].
    Event,
    /// An event that comes by design so many seconds after the fault: at most [`EVENT_MAX`] after it.
    EventAfter {
        /// The time, in seconds.
        more_s: u64,
        /// What it is for.
        why: &'static str,
    },
    /// A probe that comes by the clock.
    Polled(Polled),
}

/// How what is polled is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Polled {
    /// The probe that sees it.
    pub probe: Probe,
    /// How many times it must be seen.
    pub looks: u32,
    /// Time beyond intervals and timeout, in seconds.
    pub more_s: u64,
    /// What that time is for; empty when there is none.
    pub why: &'static str,
}

impl Source {
    /// The longest time to detection: interval times looks, one timeout, what the row adds, and
    /// [`TICK`].
    pub fn bound(self, settings: &TargetSettings) -> Duration {
        match self {
            Self::Event => EVENT_MAX,
            Self::EventAfter { more_s, .. } => EVENT_MAX + Duration::from_secs(more_s),
            Self::Polled(polled) => {
                let interval = settings.schedule.interval(polled.probe).unwrap_or_default();
                interval * polled.looks + timeout(polled.probe, settings) + Duration::from_secs(polled.more_s) + TICK
            }
        }
    }

    /// The source for people.
    pub fn describe(self) -> String {
        match self {
            Self::Event => "event".to_owned(),
            Self::EventAfter { more_s, why } => format!("event, +{more_s} s: {why}"),
            Self::Polled(polled) => {
                let looks = if polled.looks == 1 { String::new() } else { format!(" ×{}", polled.looks) };
                let more = if polled.more_s == 0 { String::new() } else { format!(", +{} s: {}", polled.more_s, polled.why) };
                format!("{}{looks}{more}", polled.probe.as_str())
            }
        }
    }
}

/// How long one run of a probe may take. What is read on this machine has no timeout.
fn timeout(probe: Probe, settings: &TargetSettings) -> Duration {
    let limits = &settings.timeouts;
    match probe {
        Probe::Workspace | Probe::Process | Probe::Log | Probe::Stream => Duration::ZERO,
        Probe::Api | Probe::Llm => limits.request,
        Probe::Session => limits.list + limits.call,
        Probe::MetaTool => limits.meta_tool + limits.list_changed,
    }
}

/// One row of the table: a fault, and what must be seen of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Expectation {
    /// The fault.
    pub fault: Fault,
    /// Where it is shown.
    pub stage: Stage,
    /// What must be seen.
    pub expects: Expects,
    /// What tells of it.
    pub source: Source,
    /// Checks whose incidents rightly open beside it.
    pub companions: &'static [&'static str],
    /// How many rounds of the sessions must have been seen before: what is compared with before needs one.
    pub rounds: u32,
    /// Checks that must have been healthy before: those that are measured late or now and then.
    pub needs: &'static [&'static str],
    /// How long it is still counted after its cause is gone: a window of time, in seconds.
    pub lasts_s: u64,
}

impl Expectation {
    /// The expectation of this fault.
    pub fn of(fault: Fault) -> &'static Self {
        &EXPECTATIONS[fault as usize]
    }

    /// The fault's card.
    pub fn card(&self) -> &'static Card {
        self.fault.card()
    }

    /// The longest time to detection under the proof's settings.
    pub fn bound(&self) -> Duration {
        self.source.bound(&settings::target())
    }

    /// The longest time from the end of the cause to the end of the incident.
    pub fn resolve_max(&self) -> Duration {
        RESOLVE_MAX + Duration::from_secs(self.lasts_s)
    }

    /// How long a trial may take at most, without start and end: long ones are begun first.
    pub(super) fn weight(&self) -> Duration {
        self.bound() + Duration::from_secs(self.lasts_s)
    }

    /// Whether a lab in which it was shown is not as new: processes were replaced, connections were lost
    /// and are counted, memory was taken.
    pub(super) fn leaves_traces(&self) -> bool {
        use crate::fault::HubFault;
        match self.card().means {
            Means::Outside(outside) => outside != Outside::StopServer,
            Means::Hub(fault) => matches!(
                fault,
                HubFault::MemoryLeak
                    | HubFault::ErrorSpike
                    | HubFault::LogFlood
                    | HubFault::StartingForEver
                    | HubFault::LogSilence
            ),
            Means::Server(fault) => {
                matches!(
                    fault,
                    ServerFault::CrashLoop | ServerFault::SlowStart | ServerFault::NeverInitialises | ServerFault::StdoutNoise
                )
            }
            Means::Llm(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_has_its_own_row_and_none_is_left_out() {
        for (place, fault) in Fault::all().enumerate() {
            assert_eq!(EXPECTATIONS[place].fault, fault);
            assert_eq!(Expectation::of(fault).fault, fault);
        }
        assert_eq!(EXPECTATIONS.len(), Fault::all().count());
    }

    #[test]
    fn the_quick_ones_are_ten_and_of_every_layer() {
        let quick: BTreeSet<Fault> = QUICK.into_iter().collect();
        assert_eq!(quick.len(), 10);
        let layers: BTreeSet<_> = QUICK.iter().map(|fault| fault.card().layer).collect();
        assert_eq!(layers.len(), 5);
        assert!(QUICK.iter().all(|fault| Expectation::of(*fault).lasts_s == 0));
    }

    #[test]
    fn a_fault_of_one_server_is_expected_on_that_server() {
        for row in EXPECTATIONS.iter().filter(|row| matches!(row.card().means, Means::Server(_))) {
            let check = row.expects.verdict().map_or("", |verdict| verdict.check);
            assert!(!check.contains("<server>"), "{}", row.fault);
            assert!(!check.starts_with("hub-servers/") || check.split('/').nth(1) == Some(SERVER), "{}", row.fault);
        }
    }

    #[test]
    fn what_is_added_to_a_bound_has_a_reason() {
        for row in &EXPECTATIONS {
            if let Source::Polled(polled) = row.source {
                assert_eq!(polled.more_s == 0, polled.why.is_empty(), "{}", row.fault);
                assert!(polled.looks > 0, "{}", row.fault);
            }
        }
    }

    #[test]
    fn bounds_are_interval_timeout_and_what_the_row_adds() {
        let settings = settings::target();
        assert_eq!(Source::Event.bound(&settings), Duration::from_secs(1));
        assert_eq!(Source::EventAfter { more_s: 1, why: "a test" }.bound(&settings), Duration::from_secs(2));
        let api = Polled { probe: Probe::Api, looks: 2, more_s: 5, why: "a test" };
        assert_eq!(Source::Polled(api).bound(&settings), Duration::from_secs(2 + 10 + 5 + 1));
        let process = Polled { probe: Probe::Process, looks: 1, more_s: 0, why: "" };
        assert_eq!(Source::Polled(process).bound(&settings), Duration::from_secs(2));
    }

    #[test]
    fn a_pattern_stands_for_one_server_and_no_other_check() {
        assert!(fits("hub-servers/<server>/truth", "hub-servers/echo/truth"));
        assert!(!fits("hub-servers/<server>/truth", "hub-servers/echo/call"));
        assert!(!fits("hub-servers/<server>/truth", "hub-servers/a/b/truth"));
        assert!(!fits("hub-servers/<server>/truth", "hub-servers//truth"));
        assert!(fits("hub-servers/api", "hub-servers/api") && !fits("hub-servers/api", "hub-servers/apis"));
    }
}

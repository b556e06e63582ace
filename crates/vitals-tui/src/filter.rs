//! Which part of a target is shown: only what is bad, only one integration point. It hides and never judges:
//! health and score stay those of the whole.

use std::borrow::Cow;
use vitals_model::check::{CheckId, Point};
use vitals_model::claim::HubClaim;
use vitals_model::observation::{LevelCounts, VisitSeen};
use vitals_model::reading::{Health, Reading, Standing};
use vitals_model::snapshot::TargetState;
use vitals_model::verdict::{ServerTruth, Verdict};

/// What is shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Filter {
    /// How well it must be.
    pub show: Show,
    /// Where it must belong; `None` for everywhere.
    pub point: Option<Point>,
}

/// How well something must be to be shown.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Show {
    /// Anyhow.
    #[default]
    All,
    /// Not healthy.
    Bad,
}

impl Filter {
    /// Whether everything is shown.
    pub fn is_open(self) -> bool {
        self == Self::default()
    }

    /// The filter as people read it; empty when everything is shown.
    pub fn label(self) -> String {
        let bad = (self.show == Show::Bad).then_some("bad only");
        bad.into_iter().chain(self.point.map(Point::as_str)).collect::<Vec<_>>().join(", ")
    }

    /// Bad only, or all again.
    pub fn turn_bad(&mut self) {
        self.show = if self.show == Show::All { Show::Bad } else { Show::All };
    }

    /// The next integration point; after the last one all of them.
    pub fn next_point(&mut self) {
        self.point = match self.point {
            None => Point::ALL.first().copied(),
            Some(point) => Point::ALL.into_iter().skip_while(|p| *p != point).nth(1),
        };
    }

    /// Whether a target of this health is shown.
    pub fn shows(self, health: Health) -> bool {
        self.show == Show::All || health != Health::Healthy
    }

    /// Whether a check belongs to what is shown.
    pub fn covers(self, check: &CheckId) -> bool {
        self.point.is_none_or(|point| check.as_str().split('/').next() == Some(point.as_str()))
    }

    /// What is shown of a target.
    pub fn of(self, state: &TargetState) -> Cow<'_, TargetState> {
        if self.is_open() {
            return Cow::Borrowed(state);
        }
        let mut state = state.clone();
        state.readings.retain(|reading| self.covers(&reading.id) && self.has(reading));
        state.servers.retain(|server| self.point.is_none_or(|p| p == Point::HubServers) && self.has_server(server));
        state.open.retain(|incident| self.covers(&incident.check));
        state.recent.retain(|incident| self.covers(&incident.check));
        self.hide_facts(&mut state);
        Cow::Owned(state)
    }

    /// What the hub says of one point is no matter of another.
    fn hide_facts(self, state: &mut TargetState) {
        let is = |points: &[Point]| self.point.is_none_or(|point| points.contains(&point));
        if !is(&[Point::Logging]) {
            state.levels = LevelCounts::default();
            state.log.clear();
        }
        if !is(&[Point::FilteringSessions, Point::HubLlm, Point::MetaToolClients]) {
            state.filtering = None;
        }
        if !is(&[Point::HubServers]) {
            state.claim = state.claim.take().map(|claim| HubClaim { workspace: claim.workspace, ..HubClaim::default() });
            state.visit = VisitSeen::default();
        }
        if let Some(claim) = state.claim.as_mut().filter(|_| !is(&[Point::Workspace])) {
            claim.workspace = None;
        }
    }

    fn has(self, reading: &Reading) -> bool {
        self.shows(reading.health) && (self.show == Show::All || reading.standing != Standing::Fact)
    }

    fn has_server(self, server: &ServerTruth) -> bool {
        self.shows(server.health) && (self.show == Show::All || server.verdict != Verdict::ExpectedDown)
    }
}

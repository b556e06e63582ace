//! Where in the dashboard the reader is, and the way back.

use vitals_model::target::TargetId;
use vitals_model::text::Text;

use crate::widgets::lines::Goal;

/// A screen, in the order of their numbers.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Screen {
    /// All targets.
    Overview,
    /// One target.
    Target,
    /// One server of a target.
    Server,
    /// The incidents of all targets, or one of them.
    Incidents,
    /// The log of a target.
    Log,
    /// The scenarios run on a target.
    Scenarios,
    /// The criteria of a target.
    Criteria,
}

impl Screen {
    /// All of them.
    pub const ALL: [Self; 7] =
        [Self::Overview, Self::Target, Self::Server, Self::Incidents, Self::Log, Self::Scenarios, Self::Criteria];

    /// Its name on the tab.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Overview => "overview",
            Self::Target => "target",
            Self::Server => "server",
            Self::Incidents => "incidents",
            Self::Log => "log",
            Self::Scenarios => "scenarios",
            Self::Criteria => "criteria",
        }
    }
}

/// What is shown: a screen, and what was last chosen of each kind.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The screen.
    pub screen: Screen,
    /// The target, by its id: its place may change from snapshot to snapshot.
    pub target: Option<TargetId>,
    /// The server of that target.
    pub server: Option<Text>,
    /// The incident; `None` for the list of them.
    pub incident: Option<u64>,
}

impl Place {
    /// The overview, with nothing chosen.
    pub const fn overview() -> Self {
        Self { screen: Screen::Overview, target: None, server: None, incident: None }
    }

    /// The place that `goal` leads to from here.
    #[must_use]
    pub fn towards(&self, goal: &Goal) -> Self {
        match goal.clone() {
            Goal::Target(id) => self.of_target(id, Screen::Target),
            Goal::Server(id, server) => Self { server: Some(server), ..self.of_target(id, Screen::Server) },
            Goal::Incident(id) => Self { screen: Screen::Incidents, incident: Some(id), ..self.clone() },
        }
    }

    /// A screen of a target. A server is forgotten with the target it belongs to.
    #[must_use]
    pub fn of_target(&self, id: TargetId, screen: Screen) -> Self {
        let server = self.server.clone().filter(|_| self.target.as_ref() == Some(&id));
        Self { screen, target: Some(id), server, incident: None }
    }
}

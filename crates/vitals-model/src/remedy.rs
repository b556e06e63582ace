//! Remedies: what can be done to a target that is ill, what is planned, what was done, and whether it helped.
//! Nothing is decided and nothing is done here.

use std::fmt;
use std::time::Duration;

use crate::check::CheckId;
use crate::observation::ProcessId;
use crate::quiet::Remark;
use crate::target::TargetId;
use crate::text::Text;
use crate::time::Timestamp;

/// Under which name we write down with an incident what we did about it.
pub const AUTHOR: &str = "mcp-vitals";

/// What can be done to a target that is ill.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Remedy {
    /// A server behind a hub is stopped and started again by the hub's API.
    RestartServer(Text),
    /// The hub is restarted, as the configuration says.
    RestartHub,
    /// The processes that a dead hub has left behind are ended.
    ReapOrphans,
    /// The hub's log is put aside, and it goes on with an empty one.
    RotateLog,
}

impl Remedy {
    /// The kinds of remedies, as the API, metrics and the disk record name them.
    pub const KINDS: [&str; 4] = ["restart-server", "restart-hub", "reap-orphans", "rotate-log"];

    /// Its kind.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::RestartServer(_) => Self::KINDS[0],
            Self::RestartHub => Self::KINDS[1],
            Self::ReapOrphans => Self::KINDS[2],
            Self::RotateLog => Self::KINDS[3],
        }
    }

    /// The server that it is for.
    pub const fn server(&self) -> Option<&Text> {
        match self {
            Self::RestartServer(server) => Some(server),
            Self::RestartHub | Self::ReapOrphans | Self::RotateLog => None,
        }
    }

    /// The remedy of this kind, for this server where it is for one; `None` for an unknown kind.
    pub fn of(kind: &str, server: Option<&str>) -> Option<Self> {
        Some(match Self::KINDS.iter().position(|known| *known == kind)? {
            0 => Self::RestartServer(Text::new(server?)),
            1 => Self::RestartHub,
            2 => Self::ReapOrphans,
            _ => Self::RotateLog,
        })
    }
}

/// In words, as they end "… is to" and begin a line.
impl fmt::Display for Remedy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RestartServer(server) => write!(f, "restart the server {server}"),
            Self::RestartHub => f.write_str("restart the hub"),
            Self::ReapOrphans => f.write_str("end the processes that the dead hub left"),
            Self::RotateLog => f.write_str("rotate the log"),
        }
    }
}

/// One thing that is done to a target. Moves are made in turn; when one fails, those after it are not made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Move {
    /// `POST /api/servers/stop`.
    StopServer(Text),
    /// `POST /api/servers/start`.
    StartServer(Text),
    /// `POST /api/restart`.
    RestartByApi,
    /// `systemctl restart` of a unit.
    RestartUnit {
        /// Its name.
        unit: String,
        /// Whose systemd.
        of: UnitOf,
    },
    /// A program is run: itself and its arguments, without a shell.
    Run(Vec<String>),
    /// A process is asked to end, and made to when it does not.
    End {
        /// Which one: a pid alone may be another's by now.
        process: ProcessId,
        /// Its command line, for people.
        command: Text,
    },
    /// The log is put aside.
    Rotate {
        /// How many of those put aside are kept.
        keep: u32,
    },
}

impl fmt::Display for Move {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StopServer(server) => write!(f, "stop {server} by the hub's API"),
            Self::StartServer(server) => write!(f, "start {server} by the hub's API"),
            Self::RestartByApi => f.write_str("have the hub start its servers anew, by its API"),
            Self::RestartUnit { unit, of } => write!(f, "systemctl {}restart {unit}", of.option()),
            Self::Run(words) => write!(f, "run {}", Text::new(&words.join(" "))),
            Self::End { process, command } => write!(f, "end process {} ({command})", process.pid),
            Self::Rotate { keep } => write!(f, "put the log aside, keep {keep} of those"),
        }
    }
}

/// Whose systemd runs a unit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum UnitOf {
    /// The machine's.
    System,
    /// The user's.
    User,
}

impl UnitOf {
    /// As an option of `systemctl`, with a space behind it.
    pub const fn option(self) -> &'static str {
        match self {
            Self::System => "",
            Self::User => "--user ",
        }
    }
}

/// What would be done about an incident.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Plan {
    /// The remedy.
    pub remedy: Remedy,
    /// Why this one fits, in one sentence.
    pub why: String,
    /// What is done, in turn.
    pub moves: Vec<Move>,
    /// Within this time after the last move it must have helped.
    pub within: Duration,
}

/// Why nothing is done about an incident: a reason for programs and a sentence for people.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Held {
    /// The reason.
    pub reason: HeldReason,
    /// In one sentence.
    pub sentence: String,
}

/// The reasons for doing nothing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum HeldReason {
    /// There is no remedy for what is wrong.
    NoRemedy,
    /// There is one, and it cannot be carried out: what it needs is not configured or not there.
    NoWay,
    /// The cause is repaired, or people have said that they take care of it, or do not want to hear of it.
    Quiet,
    /// Something is being done to this target already.
    Busy,
    /// It may be well again by itself within the moment.
    Settling,
    /// The same was done a short while ago.
    Cooldown,
    /// As much was done as may be.
    Budget,
    /// It was tried, and did not help.
    Useless,
    /// Repair is off, or only suggests.
    Mode,
}

impl HeldReason {
    /// The reason as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::NoRemedy => "no-remedy",
            Self::NoWay => "no-way",
            Self::Quiet => "quiet",
            Self::Busy => "busy",
            Self::Settling => "settling",
            Self::Cooldown => "cooldown",
            Self::Budget => "budget",
            Self::Useless => "useless",
            Self::Mode => "mode",
        }
    }

    /// Whether only a person can go on from here.
    pub const fn wants_a_person(self) -> bool {
        matches!(self, Self::Budget | Self::Useless)
    }
}

/// What may be done about one incident: the plan, and why it is not carried out by itself.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prospect {
    /// The target.
    pub target: TargetId,
    /// The incident.
    pub incident: u64,
    /// Its check.
    pub check: CheckId,
    /// What it says.
    pub summary: String,
    /// What would be done; `None` when nothing can be.
    pub plan: Option<Plan>,
    /// Why it is not done now; `None` when it is.
    pub held: Option<Held>,
}

impl Prospect {
    /// In one sentence.
    pub fn told(&self) -> String {
        match (&self.plan, &self.held) {
            (None, Some(held)) => format!("no remedy: {}", held.sentence),
            (Some(plan), Some(held)) => format!("to {} is not done by itself: {}", plan.remedy, held.sentence),
            (Some(plan), None) => format!("to {} is next", plan.remedy),
            (None, None) => "no remedy".to_owned(),
        }
    }
}

/// Who wants an action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum By {
    /// The watch, because its configuration says `act`.
    Watch,
    /// A person.
    Person(Remark),
}

impl fmt::Display for By {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Watch => f.write_str("the watch"),
            Self::Person(remark) if remark.text.as_str().is_empty() => write!(f, "{}", remark.author),
            Self::Person(remark) => write!(f, "{} ({})", remark.author, remark.text),
        }
    }
}

/// A remedy that is carried out, or was: who did what when to whom, why, and what came of it. Kept for ever.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Action {
    /// Unique in one store: `A` and a number that only grows.
    pub id: u64,
    /// The target.
    pub target: TargetId,
    /// The incident that it is for.
    pub incident: u64,
    /// The check of that incident: what must be good again.
    pub check: CheckId,
    /// The remedy.
    pub remedy: Remedy,
    /// Who wanted it.
    pub by: By,
    /// Why.
    pub why: String,
    /// What was planned, in words.
    pub moves: Vec<String>,
    /// When it was begun.
    pub begun_at: Timestamp,
    /// When all moves were made; `None` while they are being made, and when one failed.
    pub done_at: Option<Timestamp>,
    /// Within this time after that it must have helped.
    pub within: Duration,
    /// What was seen on the way, a line each; at most [`crate::limits::EVIDENCE_PIECES_MAX`].
    pub evidence: Vec<String>,
    /// What came of it; `None` while that is not known.
    pub outcome: Option<Outcome>,
}

impl Action {
    /// Where it is, in one line.
    pub fn standing(&self) -> String {
        let Self { id, remedy, .. } = self;
        match (&self.outcome, self.done_at) {
            (Some(outcome), _) => format!("A{id} {remedy}: {}, {}", outcome.kind.said(), outcome.reason),
            (None, Some(_)) => format!("A{id} {remedy}: done, looking whether it helped"),
            (None, None) => format!("A{id} {remedy}: under way since {}", self.begun_at),
        }
    }
}

/// What came of an action.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Outcome {
    /// In a word.
    pub kind: OutcomeKind,
    /// In one sentence.
    pub reason: String,
    /// When that was known.
    pub at: Timestamp,
}

/// What came of an action, in a word.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum OutcomeKind {
    /// The check that had found the fault is good again.
    Helped,
    /// It is not, and the time for that is over.
    DidNotHelp,
    /// A move failed, so the rest was not made.
    NotCarriedOut,
}

impl OutcomeKind {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Helped, Self::DidNotHelp, Self::NotCarriedOut];

    /// As the API, metrics and the disk record write it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::DidNotHelp => "did-not-help",
            Self::NotCarriedOut => "not-carried-out",
        }
    }

    /// In plain words.
    pub const fn said(self) -> &'static str {
        match self {
            Self::Helped => "helped",
            Self::DidNotHelp => "did not help",
            Self::NotCarriedOut => "not carried out",
        }
    }
}

/// How far the moves of an action came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Acted {
    /// The target.
    pub target: TargetId,
    /// The action.
    pub action: u64,
    /// What was seen on the way, a line each.
    pub evidence: Vec<String>,
    /// Why a move failed; `None` when all were made.
    pub failed: Option<String>,
}

/// What may be done to a target without being asked.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum RepairMode {
    /// Nothing.
    #[default]
    Observe,
    /// Nothing, but it is said what could be done.
    Suggest,
    /// What fits is done.
    Act,
}

impl RepairMode {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Observe, Self::Suggest, Self::Act];

    /// The mode as it is written.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Observe => "observe",
            Self::Suggest => "suggest",
            Self::Act => "act",
        }
    }
}

/// How a hub is restarted.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum HubRestart {
    /// By its own API, which starts its servers anew; a hub that does not answer cannot be restarted so.
    Api,
    /// As a unit of systemd.
    Unit(UnitOf, String),
    /// By a program with its arguments; no shell is involved.
    Command(Vec<String>),
}

/// What may be done to a target, and how often.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RepairSettings {
    /// Whether anything is done.
    pub mode: RepairMode,
    /// Most actions on this target in an hour; as often one is tried for one incident.
    pub budget: u32,
    /// The least time between two of the same, doubled each time that it did not help.
    pub cooldown: Duration,
    /// Whether people hear of an incident that was repaired.
    pub quiet_success: bool,
    /// How the hub is restarted; `None` is not at all.
    pub hub_restart: Option<HubRestart>,
    /// From which size in bytes the log is rotated; `None` is never.
    pub rotate_above: Option<u64>,
    /// How many logs put aside are kept.
    pub rotate_keep: u32,
}

impl Default for RepairSettings {
    /// Nothing is done. Three tries within an hour are what a person would make before looking closer; a minute is as
    /// long as a hub and its servers take to start.
    fn default() -> Self {
        Self {
            mode: RepairMode::Observe,
            budget: 3,
            cooldown: Duration::from_secs(60),
            quiet_success: false,
            hub_restart: None,
            rotate_above: None,
            rotate_keep: 3,
        }
    }
}

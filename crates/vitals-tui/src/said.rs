//! What the rest of the program tells the dashboard beside snapshots, and what the dashboard asks of it.

use std::collections::BTreeMap;
use std::time::Duration;
use vitals_model::check::CheckId;
use vitals_model::criterion::Criterion;
use vitals_model::quiet::Pattern;
use vitals_model::scenario::Run;
use vitals_model::target::TargetId;

/// What a reader asks of the rest of the program.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// Check everything now.
    CheckNow,
    /// Take an incident up, with a remark that may be empty.
    Acknowledge(u64, String),
    /// Write this about an incident.
    Note(u64, String),
    /// Tell nobody of these checks for so long.
    Silence(Quieting),
    /// End a silence.
    Unsilence(u64),
    /// Look something up in the history; the answer is [`Said::Recalled`].
    Recall(Recall),
    /// Go on in a recording in another way.
    Play(Play),
    /// The mouse is to be listened to, or not any more.
    Mouse(Mouse),
    /// The reader leaves.
    Quit,
}

/// A silence that is asked for.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Quieting {
    /// Of which target.
    pub target: Pattern,
    /// Of which checks.
    pub check: Pattern,
    /// For how long.
    pub lasts: Duration,
    /// Why; may be empty.
    pub reason: String,
}

/// How to go on in a recording.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Play {
    /// Stop, or go on.
    Toggle,
    /// One picture back.
    Back,
    /// One picture on.
    On,
}

/// Whether the terminal's mouse belongs to the dashboard. While it does, the terminal selects no text.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mouse {
    /// The terminal keeps it.
    Off,
    /// Wheel and clicks come here.
    On,
}

/// Something that is not in a snapshot and has to be looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recall {
    /// Of which target.
    pub target: TargetId,
    /// What.
    pub what: What,
}

/// What can be looked up.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum What {
    /// The values of its checks over a range.
    Trends(Range),
    /// The latest scenarios run on it.
    Scenarios,
    /// The criteria of stability.
    Criteria,
}

/// The time that trends show.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Range {
    /// The latest values, as they are in the snapshot.
    #[default]
    Live,
    /// An hour.
    Hour,
    /// Six hours.
    SixHours,
    /// A day.
    Day,
    /// A week.
    Week,
    /// Ninety days.
    Season,
}

impl Range {
    /// All of them, shortest first.
    pub const ALL: [Self; 6] = [Self::Live, Self::Hour, Self::SixHours, Self::Day, Self::Week, Self::Season];

    /// The next longer one; after the longest the shortest.
    #[must_use]
    pub fn next(self) -> Self {
        Self::ALL[(self as usize + 1) % Self::ALL.len()]
    }

    /// The range as people read it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Live => "live",
            Self::Hour => "1h",
            Self::SixHours => "6h",
            Self::Day => "24h",
            Self::Week => "7d",
            Self::Season => "90d",
        }
    }

    /// How long it is; `None` for the latest values, however far they reach.
    pub const fn length(self) -> Option<Duration> {
        const HOUR: u64 = 3600;
        let hours = match self {
            Self::Live => return None,
            Self::Hour => 1,
            Self::SixHours => 6,
            Self::Day => 24,
            Self::Week => 7 * 24,
            Self::Season => 90 * 24,
        };
        Some(Duration::from_secs(hours * HOUR))
    }
}

/// What the dashboard is told.
#[derive(Clone, Debug)]
pub enum Said {
    /// What a narrator says of the picture from now on.
    Caption(String),
    /// What became of something the reader asked for.
    Answer(String),
    /// What was looked up.
    Recalled(Recall, Found),
    /// How it stands with what the snapshots come from.
    Link(Link),
    /// Where in a recording the picture is.
    Playing(Playing),
}

/// What was found.
#[derive(Clone, Debug)]
pub enum Found {
    /// The greatest value in each part of the range, oldest first; NaN where nothing was measured.
    Trends(BTreeMap<CheckId, Vec<f64>>),
    /// Scenarios, latest first.
    Scenarios(Vec<Run>),
    /// Criteria, heaviest first, over so long a time.
    Criteria(Duration, Vec<Criterion>),
    /// Nothing, and why.
    Nothing(String),
}

/// How it stands with what the snapshots come from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Link {
    /// They come.
    Held,
    /// They do not come, and why; what is shown is the last one.
    Lost(String),
}

/// Where in a recording the picture is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Playing {
    /// The picture, from 1.
    pub nth: usize,
    /// Pictures in all.
    pub of: usize,
    /// Whether it goes on by itself.
    pub motion: Motion,
}

/// Whether a recording goes on by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Motion {
    /// It does.
    Running,
    /// It stands still.
    Held,
}

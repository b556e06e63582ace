//! The hub's log file: what it says, since when, and how it goes on. It judges nothing, and writes
//! nothing.
//!
//! Three formats occur mixed in one file (see [`Format`]). [`recent`] looks back from the end of the
//! file once; a [`Follower`] reads what is added, through rotation and truncation.

mod file;
mod follow;
mod lines;
mod mark;
mod parse;
mod quick;
mod recent;
mod shape;
mod tally;
mod tap;
mod watch;

pub use self::follow::Follower;
pub use self::mark::{Mark, is_client_abort, mark};
pub use self::parse::{Format, Record, parse};
pub use self::recent::recent;
pub use self::tally::{Filter, Tally};
pub(crate) use self::tap::Spout;
pub use self::tap::{Tap, Tapped};

/// Who writes to a log file.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Writers {
    /// Our hub alone: every record counts, also those of the pid that it had before a restart.
    OurHub,
    /// Other live hubs of the user too: records of another pid than our hub's do not count. With no
    /// pid known, all do.
    Several {
        /// Our hub's pid.
        ours: Option<u32>,
    },
}

impl Writers {
    fn are_several(self) -> bool {
        matches!(self, Self::Several { .. })
    }

    fn pid(self) -> Option<u32> {
        match self {
            Self::OurHub => None,
            Self::Several { ours } => ours,
        }
    }
}

/// Sums all lines of `bytes`, the last one also when it has no line end.
pub fn scan(bytes: &[u8], filter: Filter) -> vitals_model::observation::LogStretch {
    let mut tally = Tally::new(filter);
    let mut lines = lines::Lines::default();
    lines.feed(bytes, &mut tally);
    lines.end(&mut tally);
    tally.take()
}

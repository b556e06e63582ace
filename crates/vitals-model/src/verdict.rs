//! Verdicts: how a hub's claim about a server compares with what is true.

use crate::claim::ClaimStatus;
use crate::reading::Health;
use crate::text::Text;
use crate::time::Timestamp;

/// How the claim about one server compares with the truth.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Verdict {
    /// The claim is true, whatever it is.
    Agrees,
    /// Claimed connected; it is dead.
    Ghost,
    /// Claimed connected; it is there and does not answer.
    Hung,
    /// Claimed down; it works.
    Hidden,
    /// The hub lost tools of this server: its REST list has them, its MCP clients do not see them.
    Dropped,
    /// The hub lists tools for this server that no server has.
    Phantom,
    /// It works, and a tool's schema or description is not what it was.
    Drifted,
    /// Down, as the configuration expects.
    ExpectedDown,
    /// Not measured, or not enough to tell.
    Unknown,
}

impl Verdict {
    /// All of them.
    pub const ALL: [Self; 9] = [
        Self::Agrees,
        Self::Ghost,
        Self::Hung,
        Self::Hidden,
        Self::Dropped,
        Self::Phantom,
        Self::Drifted,
        Self::ExpectedDown,
        Self::Unknown,
    ];

    /// The verdict's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Agrees => "agrees",
            Self::Ghost => "ghost",
            Self::Hung => "hung",
            Self::Hidden => "hidden",
            Self::Dropped => "dropped",
            Self::Phantom => "phantom",
            Self::Drifted => "drifted",
            Self::ExpectedDown => "expected-down",
            Self::Unknown => "unknown",
        }
    }
}

/// What a hub claims of one server, and what is true.
#[derive(Clone, PartialEq, Debug)]
pub struct ServerTruth {
    /// The server's name.
    pub name: Text,
    /// The hub's claim; `None` for a server reached directly, of which nobody claims anything.
    pub claim: Option<ClaimStatus>,
    /// The verdict.
    pub verdict: Verdict,
    /// How well the server is for its users.
    pub health: Health,
    /// One sentence: the claim, the truth, and what the verdict rests on.
    pub reason: String,
    /// Tools that clients can list; `None` when they could not be listed.
    pub tools: Option<u64>,
    /// Latency of the last good canary call, in milliseconds.
    pub call_ms: Option<f64>,
    /// Since when the verdict is what it is.
    pub since: Timestamp,
}

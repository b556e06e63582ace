//! The catalogue of faults: what can go wrong, what it hurts, and who makes it happen.
//!
//! A fault lives outside of what it hurts where that is possible: a killed server is killed by a signal.
//! What can only happen inside a part is told to that part, and the part says when it does so.

mod catalogue;
mod inside;

pub use catalogue::{CATALOGUE, Card};
pub use inside::{HubFault, LlmFault, ServerFault};

/// The integration point or layer that a fault hurts, in the order in which people read them.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Layer {
    /// The hub's process, port and API.
    Hub,
    /// A server behind it.
    Server,
    /// The LLM that it asks.
    Llm,
    /// Sessions, filtering and the meta-tool.
    Sessions,
    /// The log and the event stream.
    Logging,
}

impl Layer {
    /// The layer as a word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Server => "server",
            Self::Llm => "llm",
            Self::Sessions => "sessions",
            Self::Logging => "logging",
        }
    }
}

/// Who makes a fault happen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Means {
    /// The lab, from outside: signals, processes, files, limits.
    Outside(Outside),
    /// The hub, which is told over its standard input.
    Hub(HubFault),
    /// A server, which reads its own file of faults.
    Server(ServerFault),
    /// The LLM stub.
    Llm(LlmFault),
}

/// What the lab does from outside.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Outside {
    /// SIGKILL to the hub; cleared by starting it again.
    KillHub,
    /// SIGSTOP to the hub; cleared by SIGCONT.
    StopHub,
    /// SIGKILL to the hub, and a new one on the same port two seconds later: long enough for a person to
    /// notice, and a fault that heals itself.
    RestartHub,
    /// The hub loses its listening socket and another process takes the port; cleared by ending that one,
    /// after which the hub listens again.
    HoldPort,
    /// SIGKILL to a server; cleared by stop and start over the hub's API.
    KillServer,
    /// SIGSTOP to a server; cleared by SIGCONT.
    StopServer,
    /// A server ignores the end of its input, the hub is killed and started again; cleared by ending the
    /// server that was left behind.
    LeaveOrphan,
    /// The log file becomes a folder: every write fails.
    BlockLog,
    /// The hub may not let any file grow beyond the log's size (`RLIMIT_FSIZE`): every write fails, as on a
    /// full disk or at a quota.
    FillDisk,
    /// The hub is told to write half a record, the file is renamed, the rest goes to a new file.
    RotateMidLine,
}

/// Writes the fault's id.
impl std::fmt::Display for Fault {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.card().id)
    }
}

impl Fault {
    /// Its entry in the catalogue.
    pub fn card(self) -> &'static Card {
        &CATALOGUE[self as usize]
    }

    /// The fault with this id.
    pub fn parse(id: &str) -> Option<Self> {
        CATALOGUE.iter().find(|card| card.id == id).map(|card| card.fault)
    }

    /// All of them, in order.
    pub fn all() -> impl Iterator<Item = Self> {
        CATALOGUE.iter().map(|card| card.fault)
    }
}

/// Something that can be made to go wrong. The order is the catalogue's.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[expect(missing_docs, reason = "the catalogue says what each one is, for people and programs alike")]
pub enum Fault {
    HubKilled,
    HubStopped,
    HubRestarted,
    ApiSlow,
    ApiHtml,
    ApiStatus500,
    ApiTruncated,
    CpuSpin,
    MemoryLeak,
    FdLeak,
    PortHeld,
    StartingForEver,
    ServerKilled,
    ServerStopped,
    CrashLoop,
    SlowStart,
    NeverInitialises,
    ToolsEmptied,
    ToolDropped,
    PhantomTool,
    SchemaDrift,
    DescriptionInjected,
    EmptyAnswers,
    SlowCalls,
    StdoutNoise,
    OrphanLeft,
    LlmUnauthorized,
    LlmQuota,
    LlmUnavailable,
    LlmTimeout,
    LlmMalformed,
    LlmSlow,
    ExposureLeak,
    SessionsKept,
    StreamCut,
    StreamSilent,
    ListChangedMute,
    MetaToolMissing,
    MetaToolShape,
    ToolsListError,
    LogBlocked,
    DiskFull,
    LogFlood,
    ErrorSpike,
    LogSilence,
    LogTorn,
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_fault_stands_at_its_own_place_under_an_id_of_its_own() {
        for (place, card) in CATALOGUE.iter().enumerate() {
            assert_eq!(card.fault as usize, place, "{}", card.id);
            assert_eq!(Fault::parse(card.id), Some(card.fault));
        }
        let ids: BTreeSet<_> = CATALOGUE.iter().map(|card| card.id).collect();
        assert_eq!(ids.len(), CATALOGUE.len());
        assert_eq!(Fault::parse("no-such-fault"), None);
    }
}

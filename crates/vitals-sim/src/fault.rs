//! Faults: what each does to the world, what must be told of it, and how soon.

use std::time::Duration;

use vitals_model::incident::Incident;

use crate::world::World;

/// A real fault.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Fault {
    /// A server's process is killed; the hub goes on to call it connected.
    ServerKilled,
    /// A server takes calls and never answers; its process lives.
    ServerHung,
    /// The hub's process is killed.
    HubKilled,
    /// Every answer of the API is 2.5 to 4.5 s late.
    ApiSlow,
    /// A server ends by itself again and again, and the hub starts it anew.
    Flapping,
    /// The LLM's quota is used up; on a hub without LLM there is nothing to see.
    LlmQuota,
    /// The hub works and logs nothing.
    LogSilent,
    /// The hub keeps 1 MB more each minute.
    MemoryLeak,
    /// A server's tool is redefined.
    ToolDrift,
    /// Other programs take the machine's cores: the hub is ready and gets none for half of the time, and is slow.
    ShortOfCores,
    /// Other programs take the machine's memory: all of it waits for pages, and the hub is slow.
    ShortOfMemory,
}

/// The server to which faults of servers are done.
pub const SERVER: &str = "filesystem";

/// What must be told of a fault.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Card {
    /// Its name.
    pub name: &'static str,
    /// The check of its one incident.
    pub check: &'static str,
    /// The incident's kind.
    pub kind: &'static str,
    /// How long the fault lasts.
    pub lasts: Duration,
    /// How soon it must be told: schedule, timeout and patience of the defaults.
    pub within: Duration,
    /// How long after its end the incident may stay open.
    pub stays: Duration,
}

const MINUTE: u64 = 60;

impl Fault {
    /// All of them.
    pub const ALL: [Self; 11] = [
        Self::ServerKilled,
        Self::ServerHung,
        Self::HubKilled,
        Self::ApiSlow,
        Self::Flapping,
        Self::LlmQuota,
        Self::LogSilent,
        Self::MemoryLeak,
        Self::ToolDrift,
        Self::ShortOfCores,
        Self::ShortOfMemory,
    ];

    /// What must be told of it.
    pub fn card(self) -> Card {
        let of = |name, check, kind, lasts_s, within_s, stays_s| Card {
            name,
            check,
            kind,
            lasts: Duration::from_secs(lasts_s),
            within: Duration::from_secs(within_s),
            stays: Duration::from_secs(stays_s),
        };
        let truth = "hub-servers/filesystem/truth";
        let of_machine = |name| of(name, "hub-servers/host", "host", 20 * MINUTE, 40, 60);
        match self {
            Self::ServerKilled => of("server killed", truth, "ghost", 20 * MINUTE, 10, 30),
            Self::ServerHung => of("server hung", truth, "hung", 20 * MINUTE, 80, 90),
            Self::HubKilled => of("hub killed", "hub-servers/process", "process", 20 * MINUTE, 1, 60),
            Self::ApiSlow => of("API slow", "hub-servers/api", "api", 20 * MINUTE, 40, 60),
            Self::Flapping => of("server flaps", "hub-servers/filesystem/flaps", "flaps", 20 * MINUTE, 5 * MINUTE, 61 * MINUTE),
            Self::LlmQuota => of("LLM quota", "hub-llm/key", "key", 60 * MINUTE, 6 * MINUTE, 6 * MINUTE),
            Self::LogSilent => of("log silent", "logging/silence", "silence", 20 * MINUTE, 6 * MINUTE, 2 * MINUTE),
            Self::MemoryLeak => of("memory leak", "hub-servers/memory", "memory", 420 * MINUTE, 330 * MINUTE, 60),
            Self::ToolDrift => of("tool drift", truth, "drifted", 20 * MINUTE, 15, 62 * MINUTE),
            Self::ShortOfCores => of_machine("machine short of cores"),
            Self::ShortOfMemory => of_machine("machine short of memory"),
        }
    }

    /// Whether an incident is the one that this fault must give.
    pub fn is_told_by(self, incident: &Incident) -> bool {
        let card = self.card();
        incident.check.as_str() == card.check && incident.kind == card.kind
    }

    /// Whether a world has what it takes.
    pub fn fits(self, world: &World) -> bool {
        self != Self::LlmQuota || world.has_llm()
    }
}

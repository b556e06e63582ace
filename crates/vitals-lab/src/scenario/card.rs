//! Every scenario on a card: what it is about, what harm it does, and its steps as they are planned.

/// What a step does and expects.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Plan {
    /// What is done.
    pub does: &'static str,
    /// What is expected.
    pub expects: &'static str,
}

/// The harm that a scenario does to the hub it runs on.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Harm {
    /// None beyond its load: a client could do the same.
    None,
    /// It breaks something and mends it again. In one clause, what.
    Destructive(&'static str),
    /// It breaks something that cannot be broken from outside: only the lab can. The reason, in one clause.
    OnlyLab(&'static str),
}

impl Harm {
    /// Whether it breaks something.
    pub const fn is_destructive(self) -> bool {
        !matches!(self, Self::None)
    }
}

/// How the lab's hub is to filter tools for a scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Filtering {
    /// Not at all: every session sees every tool.
    Off,
    /// By prompt: a session sees the meta-tool, and what it has asked for.
    ByPrompt,
}

/// Which scenario it is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// What one session does changes nothing for another.
    SessionIsolation,
    /// Closed sessions leave nothing behind.
    SessionCleanup,
    /// Three clients change what they see at the same time.
    ConcurrentModification,
    /// So many clients at once.
    Clients(usize),
    /// The LLM is lost and comes back.
    LlmOutage,
    /// A server's process is killed.
    ServerCrash,
    /// A client's stream breaks.
    SseLoss,
    /// No room is left for the log.
    LogDiskFull,
    /// How much each request adds to the log.
    LogGrowth,
    /// A steady load for a while.
    Soak,
}

/// One scenario.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Card {
    /// Which one.
    pub kind: Kind,
    /// Its name on the command line and in the history.
    pub name: &'static str,
    /// What it shows, in one line.
    pub about: &'static str,
    /// The harm that it does.
    pub harm: Harm,
    /// What it needs of the lab's hub.
    pub filtering: Filtering,
    /// Its steps.
    pub steps: &'static [Plan],
}

const fn plan(does: &'static str, expects: &'static str) -> Plan {
    Plan { does, expects }
}

const CLIENTS: [Plan; 3] = [
    plan("open the sessions", "every client gets one"),
    plan("list tools and call one in all of them at once", "less than 1 % errors; 95 of 100 requests answered within 2 s"),
    plan("close the sessions one by one", "the hub answers after each, and counts as many clients as before"),
];

/// All scenarios, in the order in which `run all` runs them: what does no harm first.
pub const CARDS: [Card; 12] = [
    Card {
        kind: Kind::SessionIsolation,
        name: "session-isolation",
        about: "what one session asks for changes nothing for another",
        harm: Harm::None,
        filtering: Filtering::ByPrompt,
        steps: &[
            plan("open two sessions and list their tools", "both see the same tools"),
            plan("ask for tools in the first session only", "it is answered, and the second session's list stays as it was"),
            plan("close the first session", "the second one lives on, with the same list"),
        ],
    },
    Card {
        kind: Kind::SessionCleanup,
        name: "session-cleanup",
        about: "closed sessions leave nothing behind in the hub",
        harm: Harm::None,
        filtering: Filtering::Off,
        steps: &[
            plan("count the hub's clients", "the hub says how many"),
            plan("open three sessions", "three more are counted"),
            plan("close them", "within 10 s as many are counted as before"),
        ],
    },
    Card {
        kind: Kind::ConcurrentModification,
        name: "concurrent-modification",
        about: "three clients change what they see at the same time, and each gets its own",
        harm: Harm::None,
        filtering: Filtering::ByPrompt,
        steps: &[
            plan("open three sessions", "every client gets one"),
            plan("list and call in all three, side by side", "no errors"),
            plan(
                "ask for other tools in each at the same time",
                "each session has the tools that a lone one gets for the same prompt; one that asks for nothing has no others",
            ),
        ],
    },
    Card {
        kind: Kind::Clients(5),
        name: "clients-5",
        about: "5 clients at once: latency and errors",
        harm: Harm::None,
        filtering: Filtering::Off,
        steps: &CLIENTS,
    },
    Card {
        kind: Kind::Clients(10),
        name: "clients-10",
        about: "10 clients at once: latency and errors",
        harm: Harm::None,
        filtering: Filtering::Off,
        steps: &CLIENTS,
    },
    Card {
        kind: Kind::Clients(100),
        name: "clients-100",
        about: "100 clients at once: latency and errors",
        harm: Harm::None,
        filtering: Filtering::Off,
        steps: &CLIENTS,
    },
    Card {
        kind: Kind::SseLoss,
        name: "sse-loss",
        about: "a client's stream breaks: its session goes, the others notice nothing",
        harm: Harm::None,
        filtering: Filtering::Off,
        steps: &[
            plan("open three sessions and the event stream", "all are open"),
            plan("break one session's stream and the event stream, without a word", "the other two are answered as before"),
            plan("count the hub's clients", "within 10 s the lost ones are counted no more"),
        ],
    },
    Card {
        kind: Kind::LogGrowth,
        name: "log-growth",
        about: "how much each request adds to the log, and what that comes to in a day",
        harm: Harm::None,
        filtering: Filtering::Off,
        steps: &[
            plan("find the hub's log", "it is a file on this machine"),
            plan("list tools and call one 100 times", "at one request a second the log grows by less than 100 MB a day"),
            plan("close the session", "at one session a minute the log grows by less than 100 MB a day"),
        ],
    },
    Card {
        kind: Kind::Soak,
        name: "soak",
        about: "a steady load for a while: errors and resources",
        harm: Harm::None,
        filtering: Filtering::Off,
        steps: &[
            plan("open three sessions", "every client gets one"),
            plan("list tools and call one in each, once a second", "less than 1 % errors"),
            plan(
                "compare the hub's memory and files early and late",
                "memory grows by less than 10 % or 16 MB, files by at most 5",
            ),
            plan("close the sessions one by one", "the hub answers after each, and counts as many clients as before"),
        ],
    },
    Card {
        kind: Kind::ServerCrash,
        name: "server-crash",
        about: "a server's process is killed: the hub reconnects it within 30 s and clients are told",
        harm: Harm::Destructive("it kills a server's process"),
        filtering: Filtering::Off,
        steps: &[
            plan("find a server's process and call a tool of it", "it is answered"),
            plan("kill the process", "it ends"),
            plan("call the tool every second", "it is answered again within 30 s"),
            plan("see what clients were told", "a list change, or an error as the tool's answer"),
            plan("stop and start the server, unless it is back", "the tool is answered again"),
        ],
    },
    Card {
        kind: Kind::LlmOutage,
        name: "llm-outage",
        about: "the LLM is lost: the hub falls back to keywords, works on, and returns to the LLM",
        harm: Harm::OnlyLab("a hub's LLM cannot be taken away from outside"),
        filtering: Filtering::ByPrompt,
        steps: &[
            plan("ask the meta-tool", "the LLM answers"),
            plan("take the LLM away and ask again", "the answer is the keyword fallback"),
            plan("list tools and call one", "the hub is still operational"),
            plan("give the LLM back and ask again", "the LLM answers"),
        ],
    },
    Card {
        kind: Kind::LogDiskFull,
        name: "log-disk-full",
        about: "no room is left for the log: the hub lives on and logs again when there is",
        harm: Harm::OnlyLab("a hub's disk cannot be filled from outside without harm to others"),
        filtering: Filtering::Off,
        steps: &[
            plan("see the hub work and log", "the log grows"),
            plan("take the room away and go on", "the hub answers, and the log does not grow"),
            plan("give the room back and go on", "the hub answers, and the log grows again"),
        ],
    },
];

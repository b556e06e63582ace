//! The parts of a target's checks. Each is judged as one, by the same facts.

/// A part of a target's checks, in the order in which they are judged.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// The hub's process and its port.
    Process,
    /// Its API, the state that it claims, what its tools cost.
    Api,
    /// The servers behind it; of a server that is reached directly, everything.
    Servers,
    /// Its LLM.
    Llm,
    /// How often it had to do without its LLM.
    Fallback,
    /// Sessions.
    Sessions,
    /// What it tells of filtering.
    Filtering,
    /// The meta-tool.
    MetaTool,
    /// The clients.
    Clients,
    /// The log file.
    File,
    /// The errors that it logs.
    Errors,
    /// The event stream.
    Stream,
    /// Whether what it does is written.
    Writing,
    /// Its own record of itself.
    Workspace,
    /// Its machine: the last, for it may tell what the others suffer from.
    Host,
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Self; 15] = [
        Self::Process,
        Self::Api,
        Self::Servers,
        Self::Llm,
        Self::Fallback,
        Self::Sessions,
        Self::Filtering,
        Self::MetaTool,
        Self::Clients,
        Self::File,
        Self::Errors,
        Self::Stream,
        Self::Writing,
        Self::Workspace,
        Self::Host,
    ];
}

/// Some of the parts.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Parts(u16);

impl Parts {
    /// None of them.
    pub const NONE: Self = Self(0);

    /// All of them.
    pub const ALL: Self = Self::of(&Part::ALL);

    /// These.
    pub const fn of(parts: &[Part]) -> Self {
        let (mut bits, mut n) = (0, 0);
        while n < parts.len() {
            bits |= 1 << parts[n] as u16;
            n += 1;
        }
        Self(bits)
    }

    /// These and the others.
    #[must_use]
    pub const fn and(self, others: Self) -> Self {
        Self(self.0 | others.0)
    }

    /// Whether this one is among them.
    pub const fn has(self, part: Part) -> bool {
        self.0 >> part as u16 & 1 == 1
    }

    /// They, in order.
    pub fn iter(self) -> impl Iterator<Item = Part> {
        Part::ALL.into_iter().filter(move |part| self.has(*part))
    }
}

impl FromIterator<Part> for Parts {
    fn from_iter<I: IntoIterator<Item = Part>>(parts: I) -> Self {
        parts.into_iter().fold(Self::NONE, |all, part| all.and(Self::of(&[part])))
    }
}

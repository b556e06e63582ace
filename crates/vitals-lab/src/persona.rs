//! How the lab's hub speaks: what it admits, and the form of its log.

/// How a hub speaks of itself and of its servers.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Persona {
    /// Says what is true: a lost server is `disconnected` at once, and connected again within 30 s.
    Honest,
    /// Lies as npm mcp-hub 4.2.1 was measured to: a dead server stays `connected` with all its tools,
    /// `start` does not heal it, `refresh` empties its list, no tool is offered until every server has
    /// answered. It speaks legacy HTTP+SSE only.
    #[default]
    Npm421,
}

impl Persona {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Honest, Self::Npm421];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Honest => "honest",
            Self::Npm421 => "npm-4.2.1",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|p| p.as_str() == name)
    }
}

/// The form of the lab's log file. The forms are those of real hubs.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum LogFormat {
    /// Lines without level or time: npm mcp-hub 4.2.1.
    Plain,
    /// pino JSON with named levels and RFC 3339 times: the filtering variant.
    #[default]
    Pino,
    /// The form of the hub's standard output: `{"type":…,"message":…,"data":…,"timestamp":…}`.
    Stdout,
}

impl LogFormat {
    /// All three.
    pub const ALL: [Self; 3] = [Self::Plain, Self::Pino, Self::Stdout];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Plain => "plain",
            Self::Pino => "pino",
            Self::Stdout => "stdout",
        }
    }

    /// Reads the name.
    pub fn parse(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|f| f.as_str() == name)
    }
}

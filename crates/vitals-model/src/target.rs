//! What we watch: targets, how they are reached, and where we know them from.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::config::TargetSettings;

/// The stable name of a target: `hub-7001`, or the name given in the configuration.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct TargetId(Arc<str>);

impl TargetId {
    /// A target id from its text.
    pub fn new(text: &str) -> Self {
        Self(text.into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TargetId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

/// Whether a target speaks for other servers or only for itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TargetKind {
    /// A hub or gateway with the REST API of mcp-hub: it makes claims about the servers behind it.
    Hub,
    /// One MCP server, reached directly: it makes no claims.
    Server,
}

impl TargetKind {
    /// The kind as the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Hub => "hub",
            Self::Server => "server",
        }
    }
}

/// How a target is reached.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Address {
    /// A hub's base URL, such as `http://127.0.0.1:7001`, without a trailing slash.
    Hub {
        /// Base URL.
        url: String,
    },
    /// An MCP server by HTTP: Streamable HTTP first, legacy HTTP+SSE when the server says 404 or 405.
    Http {
        /// The endpoint's URL.
        url: String,
    },
    /// An MCP server started by us as a child process.
    Stdio {
        /// Program.
        command: String,
        /// Its arguments.
        args: Vec<String>,
    },
}

impl Address {
    /// The kind of target behind this address.
    pub const fn kind(&self) -> TargetKind {
        match self {
            Self::Hub { .. } => TargetKind::Hub,
            Self::Http { .. } | Self::Stdio { .. } => TargetKind::Server,
        }
    }
}

/// Writes the URL, or the command line for a stdio server.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Hub { url } | Self::Http { url } => f.write_str(url),
            Self::Stdio { command, args } => {
                write!(f, "stdio:{command}")?;
                args.iter().try_for_each(|a| write!(f, " {a}"))
            }
        }
    }
}

/// Where we know a target from.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Origin {
    /// Found in this `workspaces.json`.
    Discovered {
        /// The file.
        registry: PathBuf,
    },
    /// Named in the configuration.
    Configured,
    /// Named on the command line.
    CommandLine,
}

/// A hub, gateway or MCP server that we watch.
#[derive(Clone, Debug)]
pub struct Target {
    /// Stable name.
    pub id: TargetId,
    /// How it is reached.
    pub address: Address,
    /// Where we know it from.
    pub origin: Origin,
    /// What the operator asked for.
    pub settings: Arc<TargetSettings>,
}

//! The tools of each kind of server, and calls to them. What goes wrong on purpose is elsewhere, apart from
//! how a list of tools drifts.

mod contents;
pub(super) mod drift;
mod echo;
mod files;
pub(super) mod logging;
pub(super) mod schema;

use rmcp::model::{CallToolResult, ContentBlock, ErrorData, JsonObject, Tool, ToolAnnotations};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::{Value, json};
use tokio::sync::watch;

use super::ServerError;
use crate::part::{ServerKind, ServerPart};
use contents::Contents;
use echo::Echo;
use files::Files;

/// What a server can do.
pub(super) enum Toolbox {
    Files(Files),
    Echo(Echo),
    Contents(Contents),
}

/// Why a tool gives no result.
pub(super) enum Problem {
    /// It says so itself, in words for its caller.
    OfTool(String),
    /// The call is one that the protocol refuses.
    OfProtocol(ErrorData),
}

impl From<String> for Problem {
    fn from(words: String) -> Self {
        Self::OfTool(words)
    }
}

impl Toolbox {
    /// The tools of this part.
    ///
    /// # Errors
    /// A folder that cannot be used.
    pub(super) fn new(part: &ServerPart) -> Result<Self, ServerError> {
        Ok(match part.kind {
            ServerKind::Filesystem => Self::Files(Files::new(part.folder.as_deref().ok_or(ServerError::NoFolder)?)?),
            // The one without a token never comes to the point of having tools.
            ServerKind::Echo | ServerKind::Github => Self::Echo(Echo::new()),
            ServerKind::Contents => Self::Contents(Contents::default()),
        })
    }

    /// The server's name for itself.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Self::Files(_) => "lab-filesystem",
            Self::Echo(_) => "lab-echo",
            Self::Contents(_) => "lab-contents",
        }
    }

    /// Its tools, in order.
    pub(super) fn tools(&self) -> Vec<Tool> {
        match self {
            Self::Files(_) => files::tools(),
            Self::Echo(_) => echo::tools(),
            Self::Contents(contents) => contents.tools(),
        }
    }

    /// Changes whenever its tools do, for one whose tools change.
    pub(super) fn changes(&self) -> Option<watch::Receiver<bool>> {
        match self {
            Self::Contents(contents) => Some(contents.grown.subscribe()),
            Self::Files(_) | Self::Echo(_) => None,
        }
    }

    /// Which log messages its client wants, for one that sends any.
    pub(super) fn logging(&self) -> Option<&logging::Wanted> {
        match self {
            Self::Contents(contents) => Some(&contents.wanted),
            Self::Files(_) | Self::Echo(_) => None,
        }
    }

    /// Calls one of its tools.
    pub(super) async fn call(
        &self,
        tool: &str,
        arguments: &JsonObject,
        context: &RequestContext<RoleServer>,
    ) -> Result<CallToolResult, Problem> {
        match self {
            Self::Files(files) => Ok(files.call(tool, arguments).await?),
            Self::Echo(echo) => Ok(echo.call(tool, arguments).await?),
            Self::Contents(contents) => contents.call(tool, context).await,
        }
    }
}

/// A tool with this schema of its arguments.
fn tool(name: &'static str, title: &str, description: &'static str, schema: Value) -> Tool {
    let Value::Object(schema) = schema else { unreachable!("a schema is written here as an object") };
    Tool::new(name, description, schema).with_title(title)
}

/// A schema of an object with these properties.
fn object(properties: &Value, required: &[&str]) -> Value {
    json!({ "type": "object", "properties": properties, "required": required })
}

/// What a tool that changes nothing, and touches nothing outside of this computer, says of itself.
fn reads() -> ToolAnnotations {
    ToolAnnotations::new().read_only(true).open_world(false)
}

/// A result of text.
fn text(words: impl Into<String>) -> CallToolResult {
    CallToolResult::success(vec![ContentBlock::text(words)])
}

/// An argument as text. One of another type, which a drifted schema asks for, is taken as it is written.
fn argument(arguments: &JsonObject, name: &str) -> String {
    match arguments.get(name) {
        Some(Value::String(text)) => text.clone(),
        Some(value) => value.to_string(),
        None => String::new(),
    }
}

/// An argument as a number; text, which a drifted schema asks for, is read as one.
fn number(arguments: &JsonObject, name: &str) -> Result<f64, String> {
    let value = arguments.get(name);
    let read = value.and_then(|v| v.as_f64().or_else(|| v.as_str()?.parse().ok()));
    read.ok_or_else(|| format!("{name} is no number"))
}

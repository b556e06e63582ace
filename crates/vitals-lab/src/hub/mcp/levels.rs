//! Log messages: the capability, and the order of their levels. They are deprecated by revision
//! 2026-07-28, and part of every revision before it, so the deprecated types are named here only.
#![expect(deprecated, reason = "clients of the earlier revisions have them")]

use rmcp::model::{LoggingLevel, RequestMetaObject, ServerCapabilities, ServerNotification, SetLevelRequestParams};

/// The request for a level.
pub(super) type SetLevel = SetLevelRequestParams;

/// What the endpoint can do: tools that may change, and log messages.
pub(super) fn capabilities() -> ServerCapabilities {
    ServerCapabilities::builder().enable_logging().enable_tools().enable_tool_list_changed().build()
}

/// The severity that a client asks for, least first.
pub(super) const fn asked(request: &SetLevel) -> u8 {
    place(request.level)
}

/// The severity that a request of the stateless revision asks for. Without one it is sent no log messages.
pub(super) fn asked_by_request(meta: &RequestMetaObject) -> Option<u8> {
    let level = meta.0.0.get("io.modelcontextprotocol/logLevel")?;
    serde_json::from_value(level.clone()).ok().map(place)
}

/// The severity of a log message; `None` for any other notification.
pub(super) const fn severity(note: &ServerNotification) -> Option<u8> {
    match note {
        ServerNotification::LoggingMessageNotification(log) => Some(place(log.params.level)),
        _ => None,
    }
}

const fn place(level: LoggingLevel) -> u8 {
    match level {
        LoggingLevel::Debug => 0,
        LoggingLevel::Info => 1,
        LoggingLevel::Notice => 2,
        LoggingLevel::Warning => 3,
        LoggingLevel::Error => 4,
        LoggingLevel::Critical => 5,
        LoggingLevel::Alert => 6,
        LoggingLevel::Emergency => 7,
    }
}

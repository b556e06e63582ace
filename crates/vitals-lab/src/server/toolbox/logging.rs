//! Log messages of a server to its client. Revision 2026-07-28 deprecates them; older ones have them, and
//! their conformance suite asks for them.
#![expect(deprecated, reason = "the one place that still speaks of it")]

use std::sync::{Mutex, PoisonError};

use rmcp::model::{LoggingLevel, LoggingMessageNotificationParam, ServerCapabilities, SetLevelRequestParams};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::json;

/// What the client of a session wants to be sent.
pub(in crate::server) struct Wanted(Mutex<LoggingLevel>);

impl Default for Wanted {
    fn default() -> Self {
        Self(Mutex::new(LoggingLevel::Info))
    }
}

impl Wanted {
    /// Sets the least level.
    pub(in crate::server) fn set(&self, request: &SetLevelRequestParams) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = request.level;
    }

    /// Sends a message of level info, if such are wanted. That the client has gone is no matter of the tool.
    pub(super) async fn send_info(&self, context: &RequestContext<RoleServer>, words: &str) {
        // Since 2026-07-28 each request says itself what it wants.
        let session = context.peer.peer_info().map(|_| *self.0.lock().unwrap_or_else(PoisonError::into_inner));
        let wanted = context.meta.log_level().or(session);
        if matches!(wanted, Some(LoggingLevel::Debug | LoggingLevel::Info)) {
            let message = LoggingMessageNotificationParam::new(LoggingLevel::Info, json!(words)).with_logger("lab-contents");
            let _client_gone = context.peer.notify_logging_message(message).await;
        }
    }
}

/// What a server with tools and log messages can do.
pub(in crate::server) fn capabilities() -> ServerCapabilities {
    ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_logging().build()
}

/// The request that sets the least level, under a name that is not deprecated.
pub(in crate::server) type SetLevel = SetLevelRequestParams;

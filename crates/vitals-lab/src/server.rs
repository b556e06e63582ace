//! The servers of the lab, on standard input and output.

use crate::part::ServerPart;

/// Why a server ended.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    /// It is not built in.
    #[error("this server is not built in")]
    NotBuiltIn,
}

/// Is the server until its input ends.
///
/// # Errors
/// Always, until the servers are built in.
#[expect(clippy::unused_async, reason = "the servers that take its place wait for their input")]
pub async fn run(_part: ServerPart) -> Result<(), ServerError> {
    Err(ServerError::NotBuiltIn)
}

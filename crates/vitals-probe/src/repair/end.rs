//! The end of a process, by request and then by force. Pid and start time are its identity: a signal reaches this
//! process or none.

use std::time::Duration;

use rustix::process::{Signal, pidfd_send_signal};
use tokio::time::timeout;
use vitals_model::observation::ProcessId;

use crate::process::hold;

/// How long it is given after each of SIGTERM and SIGKILL.
const PATIENCE: Duration = Duration::from_secs(3);

/// Ends a process, and says how that went.
///
/// # Errors
/// Why it still runs, in one line.
pub(super) async fn end(id: ProcessId) -> Result<&'static str, String> {
    // Held before the first signal: whatever takes the pid from now on is not reached by it.
    let Some(held) = hold(id).map_err(|error| error.to_string())? else { return Ok("it had ended already") };
    for (signal, how) in [(Signal::TERM, "ended when it was asked to"), (Signal::KILL, "ended by SIGKILL")] {
        pidfd_send_signal(held.get_ref(), signal).map_err(|error| error.to_string())?;
        if timeout(PATIENCE, held.readable()).await.is_ok() {
            return Ok(how);
        }
    }
    Err("it still runs after SIGKILL".to_owned())
}

//! The end of a process as an event: a pidfd, no polling.

use std::future::Future;
use std::io;
use std::os::fd::OwnedFd;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;
use vitals_model::observation::{Failure, ProcessId};

use crate::clock::Stopwatch;
use crate::hub_config::file::failure;
use crate::process::identify;

/// Resolves when the process ends, and at once when it already has, or when its pid belongs to
/// another process now. Fails when the kernel gives no pidfd (before Linux 5.3, or no descriptor
/// free). To be called on a runtime with IO.
pub fn exited(id: ProcessId) -> Result<impl Future<Output = ()> + Send + use<>, Failure> {
    let since = Stopwatch::start();
    let held = hold(id).map_err(|e| failure(&e, since))?;
    Ok(async move {
        if let Some(pidfd) = held {
            // An error means that the runtime is shutting down: nobody waits any more.
            let _ = pidfd.readable().await;
        }
    })
}

/// A pidfd of the process; `None` when it has ended.
pub(crate) fn hold(id: ProcessId) -> io::Result<Option<AsyncFd<OwnedFd>>> {
    let Some(pid) = i32::try_from(id.pid).ok().and_then(Pid::from_raw) else { return Ok(None) };
    let pidfd = match pidfd_open(pid, PidfdFlags::NONBLOCK) {
        Ok(pidfd) => pidfd,
        Err(Errno::SRCH) => return Ok(None),
        Err(error) => return Err(error.into()),
    };
    // Only after opening is it certain that no other process can take the pid unseen.
    if identify(id.pid) != Some(id) {
        return Ok(None);
    }
    #[expect(deprecated, reason = "its successor is unsafe, and `OwnedFd` keeps the promise that it asks for")]
    let pidfd = AsyncFd::with_interest(pidfd, Interest::READABLE)?;
    Ok(Some(pidfd))
}

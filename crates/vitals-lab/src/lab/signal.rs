//! Signals to processes that are known by pid and start time, so that no other process can be meant.

use std::io;

use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use vitals_model::observation::ProcessId;
use vitals_probe::process;

/// Sends a signal; `Ok(false)` when the process has ended.
pub(crate) fn send(id: ProcessId, signal: Signal) -> io::Result<bool> {
    let Some(pid) = i32::try_from(id.pid).ok().and_then(Pid::from_raw) else { return Ok(false) };
    let pidfd = match pidfd_open(pid, PidfdFlags::empty()) {
        Ok(pidfd) => pidfd,
        Err(Errno::SRCH) => return Ok(false),
        Err(error) => return Err(error.into()),
    };
    // Only with the descriptor open can no other process take the pid.
    if process::identify(id.pid) != Some(id) {
        return Ok(false);
    }
    match pidfd_send_signal(&pidfd, signal) {
        Ok(()) => Ok(true),
        Err(Errno::SRCH) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

/// A process that was stopped; it goes on when this is dropped, so that none stays stopped for ever.
#[derive(Debug)]
pub(super) struct Stopped(ProcessId);

impl Stopped {
    /// Stops the process; `Ok(None)` when it has ended.
    pub(super) fn stop(id: ProcessId) -> io::Result<Option<Self>> {
        Ok(send(id, Signal::STOP)?.then_some(Self(id)))
    }
}

impl Drop for Stopped {
    fn drop(&mut self) {
        // A process that may not be signalled now could not have been stopped by us before.
        let _ = send(self.0, Signal::CONT);
    }
}

/// A process that nobody else ends; it is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Orphan(pub(super) ProcessId);

impl Drop for Orphan {
    fn drop(&mut self) {
        let _ = send(self.0, Signal::KILL);
    }
}

#[cfg(test)]
mod tests {
    use std::process::{Child, Command};

    use vitals_model::observation::RunState;

    use super::*;

    fn sleeper() -> (Child, ProcessId) {
        let child = Command::new("sleep").arg("60").spawn().unwrap();
        let id = process::identify(child.id()).unwrap();
        (child, id)
    }

    fn state(id: ProcessId) -> Option<RunState> {
        let seen = process::Look::default().look(id, None, &vitals_probe::hub_config::HubConfig::default());
        match seen {
            vitals_model::observation::ProcessSeen::Alive(facts) => Some(facts.state),
            _ => None,
        }
    }

    fn wait_for(id: ProcessId, wanted: Option<RunState>) {
        for _ in 0..200 {
            if state(id) == wanted {
                return;
            }
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
        panic!("{id:?} is {:?}, expected {wanted:?}", state(id));
    }

    #[test]
    fn what_was_stopped_goes_on_and_an_orphan_ends() {
        let (mut child, id) = sleeper();
        let stopped = Stopped::stop(id).unwrap().unwrap();
        wait_for(id, Some(RunState::Stopped));
        drop(stopped);
        wait_for(id, Some(RunState::Normal));
        drop(Orphan(id));
        wait_for(id, None);
        child.wait().unwrap();
    }

    #[test]
    fn a_process_that_has_ended_and_another_of_its_pid_are_left_alone() {
        let (mut child, id) = sleeper();
        let other = ProcessId { start_ticks: id.start_ticks + 1, ..id };
        assert!(!send(other, Signal::KILL).unwrap());
        child.kill().unwrap();
        child.wait().unwrap();
        assert!(!send(id, Signal::STOP).unwrap());
        assert!(Stopped::stop(id).unwrap().is_none());
    }
}

//! How the hub and its servers end and begin: on purpose, or by a fault.

use vitals_model::claim::{ClaimStatus, HubState};
use vitals_model::observation::{Level, ProcessId, StreamNote};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;

use super::{Next, World};
use crate::fault::Fault;
use crate::queue::Ms;

/// The next turn in a life.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Turn {
    /// A process ends.
    Ends,
    /// A process begins.
    Begins,
    /// A hub takes connections.
    Listens,
    /// A server is connected; a hub is ready.
    Ready,
}

/// How long the hub takes between the end of a server's process and its next start.
const BETWEEN: Ms = 100;

/// A flapping server lives this long.
const FLAPS: (f64, f64) = (20_000.0, 60_000.0);

impl World {
    /// Somebody stops a server through the hub and starts it again.
    pub(super) fn restart_server(&mut self, n: usize) {
        if !self.hub.listens || !self.servers[n].is_claimed() {
            return;
        }
        self.stop_server(n);
        self.plan_server(n, BETWEEN, Turn::Begins);
    }

    fn stop_server(&mut self, n: usize) {
        self.end_process(n);
        self.claim(n, ClaimStatus::Disconnected, None);
        self.tell_turn(n, vitals_model::observation::Turn::Lost);
        self.note(StreamNote::Changed(Text::new("servers_updated")));
    }

    fn end_process(&mut self, n: usize) {
        self.servers[n].is_hung = false;
        if let Some((pid, _)) = self.servers[n].child.take() {
            self.plan(1, Next::Exited(pid));
        }
        self.changed(n);
    }

    pub(super) fn turn_server(&mut self, n: usize, turn: Turn) {
        match turn {
            Turn::Begins => {
                let (pid, now) = (self.pid(), self.clock());
                self.servers[n].child = Some((pid, now));
                self.servers[n].started = now;
                self.claim(n, ClaimStatus::Connecting, None);
                let takes = if self.servers[n].is_cold { (5000.0, 15_000.0) } else { (200.0, 900.0) };
                let after = self.draw(takes);
                self.hub.burst_ms += 80.0;
                self.plan_server(n, after, Turn::Ready);
            }
            Turn::Ready => {
                self.claim(n, ClaimStatus::Connected, None);
                self.servers[n].connected = self.clock();
                self.tell_turn(n, vitals_model::observation::Turn::Connected);
                self.note(StreamNote::Changed(Text::new("servers_updated")));
                if n == 0 && self.has(Fault::Flapping) {
                    let after = self.draw(FLAPS);
                    self.plan_server(n, after, Turn::Ends);
                }
            }
            // A server that ends by itself: the hub notices, says so, and starts it anew.
            Turn::Ends => {
                self.end_process(n);
                self.claim(n, ClaimStatus::Disconnected, Some("Connection closed"));
                self.tell_turn(n, vitals_model::observation::Turn::Lost);
                self.note(StreamNote::Changed(Text::new("servers_updated")));
                self.plan_server(n, 1000, Turn::Begins);
            }
            Turn::Listens => {}
        }
    }

    /// The hub restarts its servers and stays the same process.
    pub(super) fn restart_softly(&mut self) {
        if self.hub.state != HubState::Ready {
            return;
        }
        self.state(HubState::Restarting);
        for n in 0..self.servers.len() {
            self.stop_server(n);
            self.plan_server(n, BETWEEN, Turn::Begins);
        }
        self.plan_hub(BETWEEN + 50, Turn::Ready);
    }

    /// The hub is stopped in good order, and something starts it again.
    pub(super) fn restart_process(&mut self) {
        if self.hub.state != HubState::Ready {
            return;
        }
        self.state(HubState::Stopping);
        for n in 0..self.servers.len() {
            self.stop_server(n);
        }
        let after = self.draw((150.0, 900.0));
        self.plan_hub(after, Turn::Ends);
    }

    pub(super) fn kill_server(&mut self, n: usize) {
        if let Some((pid, _)) = self.servers[n].child.take() {
            self.plan(1, Next::Exited(pid));
        }
        self.changed(n);
    }

    /// The hub's process is gone, and nobody starts it again by itself.
    pub(super) fn kill_hub(&mut self) {
        self.end_hub();
        self.hub.run += 1;
    }

    /// Somebody starts a hub that is gone.
    pub(super) fn start_hub(&mut self) {
        self.plan_hub(0, Turn::Begins);
    }

    fn end_hub(&mut self) {
        let pid = self.hub.pid;
        (self.hub.lives, self.hub.listens, self.hub.mute_until) = (false, false, 0);
        self.plan(1, Next::Exited(pid));
        self.plan(2, Next::CutStream);
        for n in 0..self.servers.len() {
            self.end_process(n);
        }
        self.sessions_end();
    }

    pub(super) fn turn_hub(&mut self, turn: Turn) {
        match turn {
            Turn::Ends => {
                self.end_hub();
                self.hub.recorded = None;
                let after = self.draw((500.0, 4000.0));
                self.plan_hub(after, Turn::Begins);
            }
            Turn::Begins => {
                (self.hub.pid, self.hub.began, self.hub.lives) = (self.pid(), self.clock(), true);
                self.hub.state = HubState::Starting;
                self.hub.burst_ms = 900.0;
                for n in 0..self.servers.len() {
                    self.claim(n, ClaimStatus::Disconnected, None);
                }
                self.plan_hub(500, Turn::Listens);
            }
            Turn::Listens => {
                (self.hub.listens, self.hub.recorded) = (true, Some(self.hub.pid));
                self.hub.takes_sessions = self.now + 600;
                for n in 0..self.servers.len() {
                    self.plan_server(n, 300, Turn::Begins);
                }
                self.plan_hub(700, Turn::Ready);
            }
            // A hub is ready when all its servers have answered.
            Turn::Ready => {
                if self.servers.iter().all(super::Server::is_claimed) {
                    self.state(HubState::Ready);
                } else {
                    self.plan_hub(100, Turn::Ready);
                }
            }
        }
    }

    fn state(&mut self, state: HubState) {
        let is_other = state != self.hub.state;
        self.hub.state = state.clone();
        self.hub.run += u64::from(is_other);
        self.note(StreamNote::State { state, pid: Some(self.hub.pid) });
        self.write(Level::Info, "HUB_STATE", "state changed");
    }

    fn claim(&mut self, n: usize, status: ClaimStatus, error: Option<&str>) {
        let server = &mut self.servers[n];
        (server.claim, server.error) = (status, error.map(Text::new));
    }

    fn changed(&mut self, n: usize) {
        self.servers[n].run += 1;
        self.servers[n].changed = self.now;
    }

    fn plan_server(&mut self, n: usize, after: Ms, turn: Turn) {
        let run = self.servers[n].run;
        self.plan(after, Next::Server(n, run, turn));
    }

    fn plan_hub(&mut self, after: Ms, turn: Turn) {
        let run = self.hub.run;
        self.plan(after, Next::Hub(run, turn));
    }

    /// A draw between two bounds, in milliseconds.
    pub(super) fn draw(&mut self, (low, high): (f64, f64)) -> Ms {
        whole(self.answers.between(low, high))
    }
}

/// The identity of a process: its start is counted in ticks of 10 ms.
pub(super) fn id(pid: u32, began: Timestamp) -> ProcessId {
    ProcessId { pid, start_ticks: began.as_millis().unsigned_abs() / 10 }
}

/// Whole milliseconds.
pub(super) fn whole(value: f64) -> Ms {
    std::time::Duration::try_from_secs_f64(value / 1000.0).map_or(0, crate::table::ms)
}

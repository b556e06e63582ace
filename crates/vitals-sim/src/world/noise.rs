//! What disturbs a healthy hub on an ordinary day. None of it is a fault.

use vitals_model::observation::Level;

use super::{Next, World};
use crate::chance::Chance;

/// The kinds of noise.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Noise {
    /// The collector stops the hub's event loop for 0.2 to 2 s.
    Collection,
    /// Somebody restarts a server through the hub.
    Restart,
    /// The hub restarts its servers, or is itself restarted in good order.
    HubRestart,
    /// The machine is suspended.
    Suspend,
    /// A client comes.
    Comes,
    /// A client goes; npm mcp-hub stalls and floods its log.
    Goes,
    /// The hub writes a record.
    Record,
    /// The log is rotated by renaming, as every night.
    Rotation,
}

const MINUTE: f64 = 60_000.0;
const HOUR: f64 = 60.0 * MINUTE;

/// More clients than this besides us do not come: the default threshold is five.
const CLIENTS_MAX: u64 = 4;

impl Noise {
    pub(super) const ALL: [Self; 8] =
        [Self::Collection, Self::Restart, Self::HubRestart, Self::Suspend, Self::Comes, Self::Goes, Self::Record, Self::Rotation];

    /// The mean time from one to the next, in milliseconds.
    const fn mean(self) -> f64 {
        match self {
            Self::Collection => 30.0 * MINUTE,
            Self::Restart => 6.0 * HOUR,
            Self::HubRestart => 16.0 * HOUR,
            Self::Suspend => 40.0 * HOUR,
            Self::Comes | Self::Goes => 25.0 * MINUTE,
            Self::Record => 0.5 * MINUTE,
            Self::Rotation => 24.0 * HOUR,
        }
    }
}

impl World {
    pub(super) fn plan_noise(&mut self, noise: Noise) {
        let load = self.load();
        let mean = match noise {
            Noise::Rotation => return self.plan(super::life::whole(noise.mean()), Next::Noise(noise)),
            Noise::Comes | Noise::Record => noise.mean() / load,
            _ => noise.mean(),
        };
        let after = super::life::whole(self.chance(noise).wait(mean));
        self.plan(after, Next::Noise(noise));
    }

    /// Each kind has chance of its own: what is asked of the world changes none of it.
    fn chance(&mut self, noise: Noise) -> &mut Chance {
        self.chances.entry(noise).or_insert(Chance::of(0))
    }

    pub(super) fn disturb(&mut self, noise: Noise) {
        match noise {
            Noise::Collection => {
                let pause = self.chance(noise).between(200.0, 2000.0);
                self.block(pause);
            }
            Noise::Restart => {
                let servers = self.servers.len();
                let n = self.chance(noise).below(servers);
                if self.is_calm() {
                    self.restart_server(n);
                }
            }
            Noise::HubRestart => {
                let softly = self.chance(noise).happens(0.5);
                match (self.is_calm(), softly) {
                    (false, _) => {}
                    (true, true) => self.restart_softly(),
                    (true, false) => self.restart_process(),
                }
            }
            Noise::Suspend if !self.setting.sleeps => {}
            Noise::Suspend => self.slept += super::life::whole(self.chance(noise).between(10.0 * MINUTE, 5.0 * HOUR)),
            Noise::Comes => self.clients = (self.clients + 1).min(CLIENTS_MAX),
            Noise::Goes => self.client_goes(),
            Noise::Record => self.record(),
            Noise::Rotation => self.log.rotate(),
        }
    }

    /// Nobody restarts what is being mended.
    fn is_calm(&self) -> bool {
        self.faults.is_empty()
    }

    fn block(&mut self, pause_ms: f64) {
        if self.hub.lives {
            self.hub.mute_until = self.hub.mute_until.max(self.now + super::life::whole(pause_ms));
            self.hub.burst_ms += pause_ms;
        }
    }

    fn record(&mut self) {
        let draw = self.chance(Noise::Record).unit();
        match draw {
            d if d < 0.008 => self.write(Level::Error, "FETCH_FAILED", "fetch failed: connection reset"),
            d if d < 0.05 => self.write(Level::Warn, "SLOW", "a request took long"),
            _ => self.write(Level::Info, "REQUEST", "request served"),
        }
    }

    /// Measured on npm mcp-hub 4.2.1: 2,170–6,625 lines for each client that goes, and a loop that is
    /// blocked for 65–250 ms.
    fn client_goes(&mut self) {
        if self.clients == 0 || !self.hub.listens {
            return;
        }
        self.clients -= 1;
        if self.setting.persona == super::Persona::Npm {
            let (lines, pause) = {
                let chance = self.chance(Noise::Goes);
                (2170 + chance.below(4455) as u64, chance.between(65.0, 250.0))
            };
            self.block(pause);
            self.log.storm(lines);
            self.plan_read();
            self.note_storm(lines);
        }
    }
}

//! What the measurements stand on: the harness of the acceptance tests, a hub at rest, and seeded noise.
#![expect(dead_code, clippy::expect_used, reason = "made for tests: they use all of it, and a step that fails ends the run")]

#[path = "../../tests/it/hub.rs"]
pub(crate) mod hub;
#[path = "../../tests/it/install.rs"]
pub(crate) mod install;
#[path = "../../tests/it/procs.rs"]
pub(crate) mod procs;
#[path = "../../tests/it/product.rs"]
pub(crate) mod product;
#[path = "../../tests/it/rest.rs"]
pub(crate) mod rest;
#[path = "../../tests/it/wait.rs"]
pub(crate) mod wait;

use std::time::Duration;

use anyhow::Context as _;
use hub::{Options, RealHub};
use product::Running;
use wait::Stopwatch;

/// An API that answers faster than this is not busy with what was before.
const AT_REST: Duration = Duration::from_millis(10);

/// Longest wait for a hub to come to rest.
const REST_MAX: Duration = Duration::from_secs(30);

/// Clients that a `watch` is to the hub: one event stream, two MCP sessions.
const WATCH_CLIENTS: u64 = 3;

/// A real hub with its two servers, at rest.
pub(crate) fn hub() -> anyhow::Result<RealHub> {
    let hub =
        RealHub::start(Options::default()).context("the real hub cannot be had on this machine: node and npm are needed")?;
    rest_of(&hub);
    Ok(hub)
}

/// Waits until the hub has come to rest: npm mcp-hub is busy for a while after each client that left.
pub(crate) fn rest_of(hub: &RealHub) {
    let mut quick = 0;
    wait::until("the hub to come to rest", REST_MAX, || {
        let asked = Stopwatch::start();
        hub.get("/api/servers");
        quick = if asked.elapsed() < AT_REST { quick + 1 } else { 0 };
        (quick == 5).then_some(())
    });
}

/// A `watch` with its event stream and both sessions open.
pub(crate) fn watch(hub: &RealHub, arguments: &[&str]) -> Running {
    let running = Running::start(hub.home.mcp_vitals(&[&["watch"], arguments].concat()));
    wait::until("the watch to hold its sessions", REST_MAX, || (hub.clients() >= WATCH_CLIENTS).then_some(()));
    running
}

/// Lets time pass: what is measured needs it, nothing is waited for.
pub(crate) fn let_pass(time: Duration) {
    std::thread::sleep(time);
}

/// Noise that is the same in every run (xorshift).
pub(crate) struct Noise(u64);

impl Noise {
    /// Printed beside what was drawn.
    pub(crate) const SEED: u64 = 0x9e37_79b9_7f4a_7c15;

    pub(crate) const fn new() -> Self {
        Self(Self::SEED)
    }

    /// A time between these two.
    pub(crate) fn between(&mut self, least: Duration, most: Duration) -> Duration {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        let share = (self.0 >> 11) as f64 / 9_007_199_254_740_992.0;
        least + (most.saturating_sub(least)).mul_f64(share)
    }
}

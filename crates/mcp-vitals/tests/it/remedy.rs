//! Repair with the real hub and with a lab: what is healed, how soon, how often, and when it stops.

use std::time::Duration;

use rustix::process::Signal;

use crate::hub::{Options, RealHub, Server};
use crate::lab::lab;
use crate::product::{Home, Running};
use crate::wait::Stopwatch;
use crate::{procs, watch};

/// Far more than anything here takes that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bound on a remedy: from the incident to the probe that finds the server well again.
const HEALED_MAX: Duration = Duration::from_secs(5);

/// Carries out what fits.
const ACT: &str = "version: 1\ndefaults:\n  repair: {mode: act}\n";

/// Waits until a watch has healed the server that it finds ill, and says how long that took.
fn healed(watch: &mut Running, server: &str, kind: &str) -> Duration {
    let opened = watch.expect_line("OPENED", PATIENCE);
    let since = Stopwatch::start();
    assert!(opened.contains(kind) && opened.contains(server), "{opened}");
    watch.expect_line("RESOLVED", PATIENCE);
    let took = since.elapsed();
    watch.expect_note(": helped, ", PATIENCE);
    took
}

/// Ends a watch, which must have done this many things and told nothing else.
fn end(watch: Running, actions: usize) {
    watch.signal(Signal::TERM);
    let ran = watch.wait(PATIENCE);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(ran.stderr.matches("wanted by the watch").count(), actions, "{}", ran.stderr);
    assert_eq!(ran.stderr.matches(": helped, ").count(), actions, "{}", ran.stderr);
    assert_eq!(ran.stdout.matches("OPENED").count(), actions, "{}", ran.stdout);
}

#[test]
fn a_dead_and_a_hung_server_of_the_real_hub_are_healed_within_seconds_by_one_restart_each() {
    let Some(hub) = RealHub::start(Options::default()) else { return };
    hub.home.configure(ACT);
    let mut watch = watch::begin(&hub, &[]);
    procs::signal(hub.server_pid(Server::Filesystem), Signal::KILL);
    let ghost = healed(&mut watch, "filesystem", "ghost");
    procs::signal(hub.server_pid(Server::Everything), Signal::STOP);
    let hung = healed(&mut watch, "everything", "hung");
    assert!(ghost <= HEALED_MAX && hung <= HEALED_MAX, "ghost {ghost:?}, hung {hung:?}");
    end(watch, 2);
}

#[test]
fn a_dead_and_a_hung_server_of_a_lab_are_healed_within_seconds_by_one_restart_each() {
    // A lab has one fault of this kind at a time.
    for (fault, kind) in [("server-killed", "ghost"), ("server-stopped", "hung")] {
        let home = Home::new();
        home.configure(ACT);
        let (lab, _) = lab(&home, &[]);
        let mut watch = Running::start(home.mcp_vitals(&["watch"]));
        watch.expect_note("watching", PATIENCE);
        let ran = home.run(&["lab", "fault", "inject", fault, "--server", "echo"], PATIENCE);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        let took = healed(&mut watch, "echo", kind);
        assert!(took <= HEALED_MAX, "{kind} after {took:?}");
        end(watch, 1);
        drop(lab);
    }
}

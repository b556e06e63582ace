//! The whole proof: `selftest` of the built binary, every fault and the healthy hour.
//!
//! A test binary of its own, because what it proves is measured against bounds of a second: cargo runs test
//! binaries one after the other, so here no sixty others run beside it. What of `selftest` is quick is tested
//! among the others, in `it`.

use std::fs;
use std::io::Read;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Duration;

use vitals_lab::fault::Fault;
use vitals_lab::proof::view::MatrixView;

/// The longest that the whole proof may take.
const PROOF_MAX: Duration = Duration::from_secs(15 * 60);

/// Probes that an hour of default watching sends, at least: six of its light checks in a minute, and four
/// looks in each of them.
const HOUR_PROBES_MIN: u64 = 1440;

/// What reading the rest of the output of an ended program may take.
const DRAIN_MAX: Duration = Duration::from_secs(10);

/// The program; one that is still there when the test ends is killed. Its labs end with it.
struct Proof(Child);

impl Drop for Proof {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Reads an output to its end, in a thread: neither output may fill its pipe while the other is read.
fn follow(mut output: impl Read + Send + 'static) -> Receiver<String> {
    let (sender, receiver) = channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _ = output.read_to_end(&mut bytes);
        let _ = sender.send(String::from_utf8_lossy(&bytes).into_owned());
    });
    receiver
}

#[test]
fn every_fault_is_seen_as_what_it_is_and_a_healthy_hour_is_silent() {
    let home = tempfile::tempdir().expect("a temporary folder");
    let mut command = Command::new(env!("CARGO_BIN_EXE_mcp-vitals"));
    command.env_clear().env("HOME", home.path()).current_dir(home.path());
    command.args(["selftest", "--out", "out", "--format", "text"]);
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut proof = Proof(command.spawn().expect("the built binary starts"));
    let stdout = follow(proof.0.stdout.take().expect("a pipe"));
    let stderr = follow(proof.0.stderr.take().expect("a pipe"));

    let ended = stdout.recv_timeout(PROOF_MAX);
    if ended.is_err() {
        // What it said so far comes with its end.
        let _ = proof.0.kill();
    }
    let status = proof.0.wait().expect("our child");
    let said = ended.clone().or_else(|_| stdout.recv_timeout(DRAIN_MAX)).unwrap_or_default();
    let notes = stderr.recv_timeout(DRAIN_MAX).unwrap_or_default();
    assert!(ended.is_ok(), "it has not ended within {PROOF_MAX:?}\n{said}\n{notes}");
    assert_eq!(status.code(), Some(0), "{said}\n{notes}");

    let kept = fs::read_to_string(home.path().join("out/selftest.json")).expect("it was written");
    let kept: MatrixView = serde_json::from_str(&kept).expect("the JSON of a proof");
    let tried: Vec<&str> = kept.faults.iter().map(|trial| trial.fault.as_str()).collect();
    let all: Vec<&str> = Fault::all().map(|fault| fault.card().id).collect();
    assert_eq!((tried, all.len()), (all.clone(), 46), "every fault of the catalogue is tried: {said}");
    let red: Vec<&str> = kept.faults.iter().filter(|t| !t.holds || !t.detected).map(|t| t.fault.as_str()).collect();
    assert!(kept.holds && red.is_empty(), "{red:?} do not hold: {said}");
    let hour = kept.hour.expect("the healthy hour is part of the whole");
    assert!(hour.holds && hour.incidents.is_empty() && hour.findings.is_empty(), "{hour:?}");
    assert!(hour.probes >= hour.probes_wanted && hour.probes_wanted >= HOUR_PROBES_MIN, "{hour:?}");
    assert!(said.contains("The proof holds: 46 of 46 faults"), "{said}");
    assert!(fs::metadata(home.path().join("out/selftest.md")).is_ok_and(|page| page.len() > 0));
}

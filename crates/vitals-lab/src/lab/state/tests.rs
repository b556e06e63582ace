//! Faults as a lab keeps count of them, with a hub that is a shell script: it listens on no port, says
//! back what it is told, and runs one server.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use tempfile::TempDir;
use vitals_model::observation::RunState;

use super::*;
use crate::fault::ServerFault;
use crate::lab::{Exposure, Lab};
use crate::part::Program;

/// The server's command line is its mark among the hub's children.
const HUB: &str = r#"
sleep 86399 & server=$!
echo '{"ready":{"port":7001}}'
while read -r line; do echo "$line" >> "$LAB_TEST_TOLD"; echo "$line"; done
kill -CONT $server; kill $server
"#;

struct Bed {
    lab: Lab,
    _dir: TempDir,
    told: PathBuf,
}

impl Bed {
    async fn start(filtering: Filtering) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (script, servers, told) = (dir.path().join("hub.sh"), dir.path().join("mine.json"), dir.path().join("told"));
        fs::write(&script, HUB.replace("$LAB_TEST_TOLD", told.to_str().unwrap())).unwrap();
        fs::write(&servers, r#"{"mcpServers": {"sleeper": {"command": "sleep", "args": ["86399"]}}}"#).unwrap();
        let program = Program { path: "/bin/sh".into(), words: vec![script.into()] };
        let settings = Settings { servers: Servers::Of(servers), filtering, ..Settings::new(program) };
        Self { lab: Lab::start(settings).await.unwrap(), _dir: dir, told }
    }

    fn last_told(&self) -> BTreeSet<String> {
        let text = fs::read_to_string(&self.told).unwrap();
        let line: serde_json::Value = serde_json::from_str(text.lines().last().unwrap()).unwrap();
        serde_json::from_value(line["faults"].clone()).unwrap()
    }

    fn active(&self) -> Vec<Fault> {
        self.lab.active().into_iter().map(|active| active.fault).collect()
    }

    /// The server's process once it runs: the script starts it beside saying that it is ready.
    async fn server(&self) -> u32 {
        for _ in 0..200 {
            if let Some(pid) = self.lab.server_pid("sleeper").await {
                return pid;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        panic!("the server does not run");
    }

    async fn refused(&self, fault: Fault, server: &str) -> String {
        let before = self.lab.active();
        let error = self.lab.inject(fault, server).await.unwrap_err();
        assert_eq!(self.lab.active(), before, "{fault} was refused");
        error.to_string()
    }
}

fn words<const N: usize>(words: [&str; N]) -> BTreeSet<String> {
    words.map(str::to_owned).into()
}

fn run_state(pid: u32) -> Option<RunState> {
    let id = process::identify(pid)?;
    match Look::default().look(id, None, &HubConfig::default()) {
        ProcessSeen::Alive(facts) => Some(facts.state),
        _ => None,
    }
}

/// The soft limit of file sizes.
fn soft_limit(pid: u32) -> String {
    let limits = fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    limits.lines().find_map(|l| l.strip_prefix("Max file size")).unwrap().split_whitespace().next().unwrap().to_owned()
}

async fn wait_for(what: &str, done: impl Fn() -> bool) {
    for _ in 0..500 {
        if done() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("not so: {what}");
}

#[tokio::test]
async fn the_hub_is_told_all_that_is_in_force_and_nothing_else() {
    let bed = Bed::start(Filtering::Off).await;
    bed.lab.inject(Fault::ApiSlow, "").await.unwrap();
    bed.lab.inject(Fault::CpuSpin, "").await.unwrap();
    assert_eq!(bed.last_told(), words(["api-slow", "cpu-spin"]));
    assert_eq!(bed.refused(Fault::ApiSlow, "").await, "api-slow is in force already");
    bed.lab.clear(Fault::ApiSlow).await.unwrap();
    bed.lab.clear(Fault::ApiSlow).await.unwrap();
    assert_eq!((bed.last_told(), bed.active()), (words(["cpu-spin"]), vec![Fault::CpuSpin]));
    bed.lab.end().await.unwrap();
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_the_reason() {
    let bed = Bed::start(Filtering::Off).await;
    let cases = [
        (Fault::ServerKilled, "nobody", "no server `nobody`: there are sleeper"),
        (Fault::SlowCalls, "sleeper", "`sleeper` is no server of the lab's own"),
        (Fault::OrphanLeft, "sleeper", "`sleeper` is no server of the lab's own"),
        (Fault::LlmQuota, "", "llm-429 needs a hub that filters tools"),
        (Fault::ExposureLeak, "", "exposure-leak needs a hub that filters tools"),
    ];
    for (fault, server, why) in cases {
        let said = bed.refused(fault, server).await;
        assert!(said.starts_with(why), "{said}");
    }
    bed.lab.inject(Fault::HubStopped, "").await.unwrap();
    let said = bed.refused(Fault::HubKilled, "").await;
    assert!(said.starts_with("hub-killed cannot be in force together with hub-stopped"), "{said}");
    bed.lab.end().await.unwrap();
}

#[tokio::test]
async fn one_fault_of_the_llm_at_a_time() {
    let bed = Bed::start(Filtering::PromptBased { exposure: Exposure::MetaOnly }).await;
    bed.lab.inject(Fault::LlmQuota, "").await.unwrap();
    let said = bed.refused(Fault::LlmSlow, "").await;
    assert!(said.starts_with("llm-slow cannot be in force together with llm-429"), "{said}");
    bed.lab.clear(Fault::LlmQuota).await.unwrap();
    bed.lab.inject(Fault::LlmSlow, "").await.unwrap();
    bed.lab.end().await.unwrap();
}

#[tokio::test]
async fn a_killed_hub_stays_dead_until_cleared_and_then_does_what_is_in_force() {
    let bed = Bed::start(Filtering::Off).await;
    let server = bed.server().await;
    bed.lab.inject(Fault::LogSilence, "").await.unwrap();
    let first = bed.lab.hub_pid().unwrap();
    bed.lab.inject(Fault::HubKilled, "").await.unwrap();
    assert_eq!((bed.lab.hub_pid(), run_state(first)), (None, None));
    let said = bed.refused(Fault::ApiHtml, "").await;
    assert!(said.starts_with("there is no hub now"), "{said}");
    fs::remove_file(&bed.told).unwrap();
    bed.lab.clear(Fault::HubKilled).await.unwrap();
    assert_ne!(bed.lab.hub_pid().unwrap(), first);
    assert_eq!(bed.last_told(), words(["log-silence"]));
    bed.lab.end().await.unwrap();
    // A script's server does not end with it.
    drop(Orphan(process::identify(server).unwrap()));
}

#[tokio::test]
async fn a_restarted_hub_comes_back_by_itself_or_when_cleared() {
    let bed = Bed::start(Filtering::Off).await;
    let (first, servers) = (bed.lab.hub_pid(), [bed.server().await]);
    bed.lab.inject(Fault::HubRestarted, "").await.unwrap();
    assert_eq!((bed.lab.hub_pid(), bed.active()), (None, vec![Fault::HubRestarted]));
    wait_for("the hub is back", || bed.lab.hub_pid().is_some()).await;
    wait_for("the fault is over", || bed.active().is_empty()).await;
    assert_ne!(bed.lab.hub_pid(), first);
    let again = bed.server().await;
    bed.lab.inject(Fault::HubRestarted, "").await.unwrap();
    bed.lab.clear(Fault::HubRestarted).await.unwrap();
    assert!(bed.lab.hub_pid().is_some() && bed.active().is_empty());
    bed.lab.end().await.unwrap();
    servers.into_iter().chain([again]).for_each(|pid| drop(Orphan(process::identify(pid).unwrap())));
}

#[tokio::test]
async fn hub_and_server_stand_still_until_cleared_and_a_lab_that_ends_lets_them_go() {
    let bed = Bed::start(Filtering::Off).await;
    let (hub, server) = (bed.lab.hub_pid().unwrap(), bed.server().await);
    bed.lab.inject(Fault::HubStopped, "").await.unwrap();
    bed.lab.inject(Fault::ServerStopped, "sleeper").await.unwrap();
    assert_eq!(bed.lab.active()[1].server.as_deref(), Some("sleeper"));
    wait_for("both stand still", || [hub, server].into_iter().all(|pid| run_state(pid) == Some(RunState::Stopped))).await;
    bed.lab.clear(Fault::HubStopped).await.unwrap();
    wait_for("the hub goes on", || run_state(hub) == Some(RunState::Normal)).await;
    bed.lab.inject(Fault::HubStopped, "").await.unwrap();
    let root = bed.lab.place().root().to_owned();
    bed.lab.end().await.unwrap();
    wait_for("nothing runs", || [hub, server].into_iter().all(|pid| run_state(pid).is_none())).await;
    assert!(!root.exists());
}

#[tokio::test]
async fn a_killed_server_is_gone() {
    let bed = Bed::start(Filtering::Off).await;
    let server = bed.server().await;
    bed.lab.inject(Fault::ServerKilled, "sleeper").await.unwrap();
    wait_for("it is gone", || run_state(server).is_none()).await;
    let said = bed.refused(Fault::ServerStopped, "sleeper").await;
    assert!(said.contains("server-killed"), "{said}");
    // This hub has no API over which it could be healed.
    assert!(matches!(bed.lab.clear(Fault::ServerKilled).await, Err(LabError::Request { .. })));
    assert_eq!(bed.active(), [Fault::ServerKilled], "it may be cleared again");
    bed.lab.end().await.unwrap();
}

#[tokio::test]
async fn a_blocked_log_cannot_be_opened_and_comes_back_as_it_was() {
    let bed = Bed::start(Filtering::Off).await;
    let log = bed.lab.place().log();
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    fs::write(&log, "one\n").unwrap();
    bed.lab.inject(Fault::LogBlocked, "").await.unwrap();
    assert!(fs::OpenOptions::new().append(true).open(&log).is_err());
    bed.lab.clear(Fault::LogBlocked).await.unwrap();
    assert_eq!(fs::read_to_string(&log).unwrap(), "one\n");
    assert_eq!(fs::read_dir(log.parent().unwrap()).unwrap().count(), 1);
    fs::remove_file(&log).unwrap();
    bed.lab.inject(Fault::LogBlocked, "").await.unwrap();
    assert!(log.is_dir());
    bed.lab.clear(Fault::LogBlocked).await.unwrap();
    assert!(!log.exists());
    bed.lab.end().await.unwrap();
}

#[tokio::test]
async fn a_full_disk_is_a_limit_on_the_hub_alone_and_is_lifted() {
    let bed = Bed::start(Filtering::Off).await;
    let (log, hub) = (bed.lab.place().log(), bed.lab.hub_pid().unwrap());
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    fs::write(&log, "five\n").unwrap();
    let (before, ours) = (soft_limit(hub), soft_limit(std::process::id()));
    bed.lab.inject(Fault::DiskFull, "").await.unwrap();
    assert_eq!((soft_limit(hub).as_str(), soft_limit(std::process::id())), ("5", ours));
    bed.lab.clear(Fault::DiskFull).await.unwrap();
    assert_eq!(soft_limit(hub), before);
    bed.lab.end().await.unwrap();
}

#[tokio::test]
async fn a_disk_that_is_full_is_so_for_the_next_hub_too() {
    let bed = Bed::start(Filtering::Off).await;
    let (log, server) = (bed.lab.place().log(), bed.server().await);
    let before = soft_limit(bed.lab.hub_pid().unwrap());
    fs::create_dir_all(log.parent().unwrap()).unwrap();
    fs::write(&log, "five\n").unwrap();
    bed.lab.inject(Fault::DiskFull, "").await.unwrap();
    bed.lab.inject(Fault::HubKilled, "").await.unwrap();
    bed.lab.clear(Fault::HubKilled).await.unwrap();
    let next = bed.lab.hub_pid().unwrap();
    assert_eq!((soft_limit(next).as_str(), bed.active()), ("5", vec![Fault::DiskFull]));
    bed.lab.clear(Fault::DiskFull).await.unwrap();
    assert_eq!(soft_limit(next), before);
    bed.lab.end().await.unwrap();
    // A script's server does not end with it.
    drop(Orphan(process::identify(server).unwrap()));
}

#[tokio::test]
async fn a_hub_that_stands_still_is_told_nothing_that_would_come_true_later() {
    let bed = Bed::start(Filtering::Off).await;
    bed.lab.inject(Fault::ApiSlow, "").await.unwrap();
    bed.lab.inject(Fault::HubStopped, "").await.unwrap();
    assert_eq!(bed.refused(Fault::ApiHtml, "").await, "the hub stands still: clear hub-stopped first");
    assert!(matches!(bed.lab.clear(Fault::ApiSlow).await, Err(LabError::StandsStill)));
    assert_eq!(bed.active(), [Fault::ApiSlow, Fault::HubStopped]);
    bed.lab.clear(Fault::HubStopped).await.unwrap();
    bed.lab.inject(Fault::CpuSpin, "").await.unwrap();
    assert_eq!(bed.last_told(), words(["api-slow", "cpu-spin"]));
    let told = fs::read_to_string(&bed.told).unwrap();
    assert_eq!(told.lines().count(), 2, "{told}");
    bed.lab.end().await.unwrap();
}

#[tokio::test]
async fn a_lab_that_does_not_start_leaves_nothing_in_its_folder() {
    let dir = tempfile::tempdir().unwrap();
    let (root, script) = (dir.path().join("lab"), dir.path().join("hub.sh"));
    fs::write(&script, "exit 7").unwrap();
    let program = Program { path: "/bin/sh".into(), words: vec![script.into()] };
    let settings = Settings { place: crate::lab::Where::At(root.clone()), ..Settings::new(program) };
    let error = Lab::start(settings.clone()).await.unwrap_err();
    assert!(matches!(error, LabError::HubEnded(_)) && !root.exists(), "{error}");
    let nowhere = Servers::Of(dir.path().join("nowhere.json"));
    let error = Lab::start(Settings { servers: nowhere, ..settings }).await.unwrap_err();
    assert!(matches!(error, LabError::File { .. }) && !root.exists(), "{error}");
}

#[tokio::test]
async fn dropping_a_lab_kills_its_hub() {
    let bed = Bed::start(Filtering::Off).await;
    let (hub, server) = (bed.lab.hub_pid().unwrap(), bed.server().await);
    drop(bed);
    wait_for("the hub is gone", || run_state(hub).is_none()).await;
    // The script may have had the time to end its server.
    drop(process::identify(server).map(Orphan));
}

#[test]
fn a_hub_without_its_port_is_not_killed_as_it_could_not_come_back() {
    for fault in [Fault::HubKilled, Fault::HubRestarted, Fault::HubStopped, Fault::OrphanLeft] {
        assert!(exclude_each_other(fault, Fault::PortHeld) && exclude_each_other(Fault::PortHeld, fault), "{fault}");
    }
    assert!(!exclude_each_other(Fault::PortHeld, Fault::ServerKilled));
}

#[test]
fn what_would_hide_another_is_not_in_force_beside_it() {
    use Fault::{ApiHtml, ApiSlow, ApiTruncated, ErrorSpike, LogSilence, LogTorn, StreamCut, StreamSilent};
    for (one, other) in [(LogSilence, LogTorn), (LogSilence, ErrorSpike), (ApiHtml, ApiTruncated), (StreamCut, StreamSilent)] {
        assert!(exclude_each_other(one, other) && exclude_each_other(other, one), "{one} {other}");
    }
    for (one, other) in [(ApiSlow, ApiHtml), (LogSilence, StreamCut), (ErrorSpike, LogTorn)] {
        assert!(!exclude_each_other(one, other) && !exclude_each_other(other, one), "{one} {other}");
    }
}

#[test]
fn every_fault_has_somebody_who_carries_it_out() {
    for fault in Fault::all() {
        let outside = matches!(fault.card().means, Means::Outside(_) | Means::Llm(_));
        assert!(outside || told_to_hub(fault).is_some() != told_to_servers(fault).is_some(), "{fault}");
    }
    assert!(acts_at_start(ServerFault::NeverInitialises) && !acts_at_start(ServerFault::SchemaDrift));
}

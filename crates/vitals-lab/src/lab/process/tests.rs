//! A hub's process as the lab holds it, played by shell scripts: what it says, and how it ends.

use super::*;

/// Listens, and acknowledges each line by saying it back.
const OBEYS: &str = r#"echo '{"ready":{"port":7001}}'; while read -r line; do echo "$line"; done"#;

fn script(text: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", text]);
    command
}

async fn wait_gone(id: ProcessId) {
    for _ in 0..200 {
        if process::identify(id.pid) != Some(id) {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("{id:?} still runs");
}

#[tokio::test]
async fn a_hub_is_told_and_its_acknowledgement_is_waited_for() {
    let mut hub = HubProcess::start(script(OBEYS)).await.unwrap();
    assert_eq!(hub.port(), 7001);
    hub.tell(&BTreeSet::from([HubFault::ApiSlow])).await.unwrap();
    hub.tell(&BTreeSet::new()).await.unwrap();
    let id = hub.id();
    hub.end().await.unwrap();
    wait_gone(id).await;
}

#[tokio::test]
async fn one_that_ends_instead_of_listening_says_how() {
    let error = HubProcess::start(script("exit 7")).await.unwrap_err();
    assert!(matches!(&error, LabError::HubEnded(end) if end.contains('7')), "{error}");
    let nothing = Command::new("/nonexistent/hub");
    assert!(matches!(HubProcess::start(nothing).await, Err(LabError::Spawn(_))));
}

#[tokio::test(start_paused = true)]
async fn one_that_says_nothing_of_use_is_given_up_in_time() {
    let error = HubProcess::start(script("echo hello; read -r line")).await.unwrap_err();
    assert!(matches!(error, LabError::HubSilent { what: "listen", .. }), "{error}");
}

#[tokio::test]
async fn one_that_acknowledges_other_faults_than_it_was_told_is_not_believed() {
    let deaf = r#"echo '{"ready":{"port":1}}'; while read -r line; do echo '{"faults":["api-html"]}'; done"#;
    let mut hub = HubProcess::start(script(deaf)).await.unwrap();
    tokio::time::pause();
    let error = hub.tell(&BTreeSet::from([HubFault::ApiSlow])).await.unwrap_err();
    assert!(matches!(error, LabError::HubSilent { what: "acknowledge", .. }), "{error}");
}

#[tokio::test]
async fn one_that_has_ended_is_told_nothing_more() {
    let mut hub = HubProcess::start(script(r#"echo '{"ready":{"port":1}}'; exit 3"#)).await.unwrap();
    hub.heard.wait_for(|heard| heard.end.is_some()).await.unwrap();
    assert!(hub.ended().unwrap().contains('3'));
    assert!(matches!(hub.tell(&BTreeSet::new()).await, Err(LabError::HubEnded(_))));
}

#[tokio::test]
async fn a_killed_and_a_dropped_hub_are_gone() {
    let hub = HubProcess::start(script(OBEYS)).await.unwrap();
    let id = hub.id();
    hub.kill().await.unwrap();
    wait_gone(id).await;
    let hub = HubProcess::start(script(OBEYS)).await.unwrap();
    let id = hub.id();
    drop(hub);
    wait_gone(id).await;
}

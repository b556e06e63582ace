//! Servers with real processes, under both personas.

use std::time::Duration;

use serde_json::json;
use tokio::time::timeout;

use super::*;
use crate::hub::config::Way;
use crate::hub::events::Form;
use crate::hub::servers::link::Capabilities;

const SOON: Duration = Duration::from_secs(20);

/// A server whose process is a shell; with `words` it never answers.
pub(crate) fn shell(name: &str, words: &[&str]) -> ServerConfig {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/server.sh");
    let args = std::iter::once(script).chain(words.iter().copied()).map(str::to_owned).collect();
    let way = Way::Stdio { command: "sh".to_owned(), args, env: Vec::new(), cwd: None };
    ServerConfig { name: name.to_owned(), namespace: name.replace(' ', "_"), way, disabled: false }
}

/// A server whose program is not there.
pub(crate) fn absent() -> ServerConfig {
    let way = Way::Stdio { command: "/no/such/program".to_owned(), args: Vec::new(), env: Vec::new(), cwd: None };
    ServerConfig { name: "absent".to_owned(), namespace: "absent".to_owned(), way, disabled: false }
}

struct Stand {
    servers: Servers,
    records: Arc<Mutex<Vec<Record>>>,
    tell: watch::Sender<BTreeSet<HubFault>>,
}

impl Stand {
    fn of(persona: Persona, configs: Vec<ServerConfig>) -> Self {
        let (tell, faults) = watch::channel(BTreeSet::new());
        let records: Arc<Mutex<Vec<Record>>> = Arc::default();
        let sink = Arc::clone(&records);
        let common = Common {
            persona,
            journal: Journal::new(move |record, _| sink.lock().unwrap().push(record)),
            events: Arc::new(Events::new(Form::Single, faults.clone())),
            source: "/srv/hub.json".into(),
            changes: watch::Sender::default(),
        };
        let servers = Servers::new(Arc::new(common), faults, 7);
        servers.start(configs);
        Self { servers, records, tell }
    }

    fn view(&self, name: &str) -> Value {
        json!(self.servers.get(name).unwrap().view())
    }

    async fn until(&self, holds: impl Fn() -> bool) {
        let mut changes = self.servers.shelf.common.changes.subscribe();
        let waiting = async { while !holds() && changes.changed().await.is_ok() {} };
        timeout(SOON, waiting).await.unwrap();
    }

    async fn listed(&self, names: &[&str]) {
        let mut listing = self.servers.listing();
        let same =
            |listing: &Arc<Listing>| listing.tools.iter().map(|listed| listed.tool.name.as_ref()).eq(names.iter().copied());
        let waiting = listing.wait_for(same);
        assert!(timeout(SOON, waiting).await.is_ok(), "{:?}", self.servers.listing().borrow());
    }

    async fn call(&self, name: &str) -> Result<CallToolResult, ErrorData> {
        self.servers.call(CallToolRequestParams::new(name.to_owned())).await
    }

    async fn pid(&self, name: &str) -> u32 {
        let result = json!(self.call(name).await.unwrap());
        result["content"][0]["text"].as_str().unwrap().parse().unwrap()
    }

    fn messages(&self) -> Vec<String> {
        self.records.lock().unwrap().iter().map(|record| record.message.clone()).collect()
    }
}

fn kill(pid: u32) {
    let pid = rustix::process::Pid::from_raw(pid.cast_signed()).unwrap();
    rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
}

fn lives(pid: u32) -> bool {
    vitals_probe::process::identify(pid).is_some()
}

#[tokio::test]
async fn the_npm_persona_says_of_a_dead_server_that_it_is_well_until_it_is_stopped_and_started() {
    let stand = Stand::of(Persona::Npm421, vec![shell("my shell", &[])]);
    timeout(SOON, stand.servers.settled()).await.unwrap();
    stand.listed(&["my_shell__pid", "my_shell__quit"]).await;
    let pid = stand.pid("my_shell__pid").await;
    assert_eq!(stand.messages().last().unwrap(), "Calling tool 'pid' on 'my shell'");
    let before = stand.view("my shell");
    assert_eq!(before["serverInfo"], json!({"name": "shell", "version": "1"}));

    kill(pid);
    stand.until(|| stand.messages().iter().any(|m| m == "'my shell' transport closed")).await;
    let server = stand.servers.get("my shell").unwrap();
    let lie = |view: Value| {
        assert_eq!((&view["status"], &view["error"], &view["uptime"]), (&json!("connected"), &json!(null), &json!(0)));
        assert_eq!(view["lastStarted"], before["lastStarted"]);
        view["capabilities"]["tools"].as_array().unwrap().len()
    };
    assert_eq!(lie(stand.view("my shell")), 2);
    let dead = json!(stand.call("my_shell__pid").await.unwrap());
    assert_eq!((&dead["isError"], &dead["content"][0]["text"]), (&json!(true), &json!("Not connected")));
    assert_eq!(server.start().await, Ok(()));
    assert_eq!(lie(stand.view("my shell")), 2);
    server.refresh().await;
    assert_eq!(lie(stand.view("my shell")), 0);
    stand.listed(&[]).await;
    assert_eq!(stand.messages().iter().filter(|m| m.contains("transport closed")).count(), 1);

    assert_eq!(server.stop(AndThen::Down).await, Ok(()));
    assert_eq!(stand.view("my shell")["status"], "disconnected");
    assert_eq!(server.start().await, Ok(()));
    stand.listed(&["my_shell__pid", "my_shell__quit"]).await;
    assert_ne!(stand.pid("my_shell__pid").await, pid);
    stand.servers.end().await;
}

#[tokio::test]
async fn the_honest_persona_says_that_a_server_is_lost_and_brings_it_back() {
    let stand = Stand::of(Persona::Honest, vec![shell("shell", &[])]);
    stand.listed(&["shell__pid", "shell__quit"]).await;
    let pid = stand.pid("shell__pid").await;
    kill(pid);
    stand.until(|| stand.view("shell")["status"] == "disconnected").await;
    assert_eq!(stand.view("shell")["error"], "MCP error -32000: Connection closed");
    stand.listed(&[]).await;
    assert_eq!(stand.call("shell__pid").await.unwrap_err().code.0, -32602);
    stand.listed(&["shell__pid", "shell__quit"]).await;
    let again = stand.pid("shell__pid").await;
    assert_ne!(again, pid);
    stand.servers.end().await;
    assert!(!lives(again));
}

#[tokio::test]
async fn one_server_that_never_answers_keeps_the_npm_persona_from_offering_anything() {
    let both = || vec![shell("a", &[]), shell("b", &["mute"])];
    let honest = Stand::of(Persona::Honest, both());
    honest.listed(&["a__pid", "a__quit"]).await;
    assert_eq!(honest.view("b")["status"], "connecting");

    let npm = Stand::of(Persona::Npm421, both());
    npm.until(|| npm.view("a")["status"] == "connected").await;
    assert_eq!(npm.view("b")["status"], "connecting");
    npm.listed(&[]).await;
    // Stopping it settles it; the start that waits for it is told.
    let server = npm.servers.get("b").unwrap();
    let (started, stopped) = tokio::join!(server.start(), server.stop(AndThen::Disabled));
    assert_eq!((started, stopped), (Err(Trouble::Closed), Ok(())));
    assert_eq!(npm.view("b")["status"], "disabled");
    npm.listed(&["a__pid", "a__quit"]).await;
    honest.servers.end().await;
    npm.servers.end().await;
}

#[tokio::test]
async fn a_server_that_cannot_be_started_is_disconnected_with_the_reason() {
    let stand = Stand::of(Persona::Npm421, vec![absent(), ServerConfig { disabled: true, ..shell("off", &[]) }]);
    timeout(SOON, stand.servers.settled()).await.unwrap();
    let view = stand.view("absent");
    assert_eq!((&view["status"], &view["error"]), (&json!("disconnected"), &json!("spawn /no/such/program ENOENT")));
    assert_eq!(stand.view("off")["status"], "disabled");
    let records = stand.records.lock().unwrap().clone();
    let error = records.iter().find(|record| record.level == Level::Error).unwrap();
    assert_eq!(error.code, Some("CONNECTION_ERROR"));
    assert_eq!(error.message, "Failed to connect to \"absent\" MCP server: spawn /no/such/program ENOENT");
    let sum = records.last().unwrap();
    assert_eq!(sum.message, "1/2 servers started successfully");
    assert_eq!(sum.data["failedServers"], json!(["absent"]));
}

#[tokio::test]
async fn a_tool_is_lost_and_another_made_up_as_the_faults_say() {
    let stand = Stand::of(Persona::Npm421, vec![shell("shell", &[])]);
    stand.listed(&["shell__pid", "shell__quit"]).await;
    stand.tell.send_replace(BTreeSet::from([HubFault::PhantomTool]));
    stand.listed(&["shell__pid", "shell__quit", "shell__phantom_tool"]).await;
    stand.tell.send_replace(BTreeSet::from([HubFault::ToolDropped]));
    let mut listing = stand.servers.listing();
    timeout(SOON, listing.wait_for(|listing| listing.tools.len() == 1)).await.unwrap().unwrap();
    let tools = stand.view("shell")["capabilities"]["tools"].as_array().unwrap().len();
    assert_eq!(tools, 2, "the REST list does not show it");
    stand.tell.send_replace(BTreeSet::new());
    stand.listed(&["shell__pid", "shell__quit"]).await;
    stand.servers.end().await;
}

#[test]
fn capabilities_have_the_names_of_npm() {
    assert_eq!(json!(Capabilities::default()), json!({"tools": [], "resources": [], "resourceTemplates": [], "prompts": []}));
}

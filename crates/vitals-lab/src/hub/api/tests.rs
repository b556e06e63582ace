//! The API over HTTP: the shapes of npm mcp-hub 4.2.1, and what faults make of it.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;
use url::Url;
use vitals_model::config::Timeouts;
use vitals_probe::http::{Client, Request};
use vitals_probe::task::Task;

use super::*;
use crate::fault::HubFault;
use crate::hub::config::Config;
use crate::hub::events::{Events, Form};
use crate::hub::journal::Journal;
use crate::hub::log::Stamped;
use crate::hub::servers::tests::{absent, shell};
use crate::hub::{Hub, door};
use crate::part::HubPart;
use crate::persona::{LogFormat, Persona};

const SOON: Duration = Duration::from_secs(20);

struct Stand {
    hub: Arc<Hub>,
    tell: watch::Sender<BTreeSet<HubFault>>,
    port: u16,
    _dir: tempfile::TempDir,
    _serving: Task,
}

impl Stand {
    async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let (tell, faults) = watch::channel(BTreeSet::new());
        let listener = door::open(0).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let events = Arc::new(Events::new(Form::Single, faults.clone()));
        let told = Arc::clone(&events);
        let journal = Journal::new(move |record, times| told.log(&Stamped { record, at: clock::now() }, times));
        let kind = HubPart { root: dir.path().to_owned(), port, persona: Persona::Npm421, log_format: LogFormat::Plain, seed: 1 };
        let (restarts, _asked) = mpsc::channel(1);
        let hub = Arc::new(Hub::new(
            &kind,
            port,
            crate::hub::filter::Settings::off(),
            faults.clone(),
            events,
            journal.clone(),
            restarts,
        ));
        let router = routes(&hub, hub.front.routes());
        let listening = watch::Sender::new(true);
        let serving = Task::spawn(async move { drop(door::serve(listener, router, faults, journal, listening).await) });
        hub.begin(Config { servers: vec![absent(), shell("shell", &[])], filtering: None }).await;
        timeout(SOON, hub.servers.settled()).await.unwrap();
        Self { hub, tell, port, _dir: dir, _serving: serving }
    }

    async fn ask(&self, path: &str, body: Option<&str>) -> (u16, String) {
        let url: Url = format!("http://127.0.0.1:{}/{path}", self.port).parse().unwrap();
        let request = match body {
            None => Request::get(&url),
            Some(body) => {
                Request::new(Method::POST, &url).header("content-type", "application/json").body(Bytes::from(body.to_owned()))
            }
        };
        let answer = Client::new(&Timeouts::default(), Vec::new()).send(request, SOON).await.unwrap();
        let status = answer.status();
        (status, String::from_utf8(answer.bytes(1 << 20).await.unwrap().0.to_vec()).unwrap())
    }

    async fn get(&self, path: &str) -> (u16, Value) {
        let (status, body) = self.ask(path, None).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let (status, body) = self.ask(path, Some(&body.to_string())).await;
        (status, serde_json::from_str(&body).unwrap())
    }

    fn faults(&self, faults: &[HubFault]) {
        self.tell.send_replace(faults.iter().copied().collect());
    }
}

/// Whether `answer` is `sample`, in which `*` stands for anything.
fn fits(sample: &Value, answer: &Value) -> bool {
    match (sample, answer) {
        (Value::String(any), _) if any == "*" => true,
        (Value::Object(sample), Value::Object(answer)) => {
            sample.len() == answer.len() && sample.iter().all(|(key, value)| answer.get(key).is_some_and(|own| fits(value, own)))
        }
        (Value::Array(sample), Value::Array(answer)) => {
            sample.len() == answer.len() && sample.iter().zip(answer).all(|(sample, answer)| fits(sample, answer))
        }
        _ => sample == answer,
    }
}

fn keys(value: &Value) -> Vec<&str> {
    value.as_object().unwrap().keys().map(String::as_str).collect()
}

#[tokio::test]
async fn health_and_servers_have_the_fields_of_npm_and_no_others() {
    let sample: Value = serde_json::from_str(include_str!("../../../tests/data/npm-health.json")).unwrap();
    let stand = Stand::new().await;
    let (status, health) = stand.get("api/health").await;
    assert_eq!(status, 200);
    assert_eq!(keys(&health), keys(&sample));
    for key in ["connections", "mcpEndpoint", "workspaces"] {
        assert_eq!(keys(&health[key]), keys(&sample[key]), "{key}");
    }
    let [absent, shell] = &health["servers"].as_array().unwrap()[..] else { panic!("{health}") };
    assert_eq!(keys(shell), keys(&sample["servers"][0]));
    assert_eq!(keys(&shell["capabilities"]), keys(&sample["servers"][0]["capabilities"]));
    assert_eq!((&shell["status"], &absent["status"]), (&json!("connected"), &json!("disconnected")));
    let port = stand.port.to_string();
    assert_eq!(keys(&health["workspaces"]["allActive"][&port]), keys(&sample["workspaces"]["allActive"]["7001"]));
    assert_eq!(health["workspaces"]["current"], json!(port));

    let (_, servers) = stand.get("api/servers").await;
    assert_eq!(servers["servers"].as_array().unwrap().len(), 2);
    let (_, workspaces) = stand.get("api/workspaces").await;
    assert_eq!(keys(&workspaces), ["timestamp", "workspaces"]);
    stand.hub.servers.end().await;
}

#[tokio::test]
async fn calls_and_refusals_are_answered_as_npm_does() {
    let answers: Value = serde_json::from_str(include_str!("../../../tests/data/npm-answers.json")).unwrap();
    let stand = Stand::new().await;
    let shell = |tool: &str| json!({"server_name": "shell", "tool": tool, "arguments": {}});
    for (name, path, body, status) in [
        ("servers/info", "info", json!({"server_name": "shell"}), 200),
        ("servers/start", "start", json!({"server_name": "shell"}), 200),
        ("servers/start", "refresh", json!({"server_name": "absent"}), 200),
        ("servers/start", "stop", json!({"server_name": "absent"}), 200),
        ("servers/tools", "tools", shell("pid"), 200),
        ("no server name", "info", json!({}), 400),
        ("no tool name", "tools", json!({"server_name": "shell"}), 400),
        ("no such server", "stop", json!({"server_name": "nope"}), 500),
        ("no such tool", "tools", shell("nope"), 500),
        ("not initialized", "tools", json!({"server_name": "absent", "tool": "nope"}), 500),
        ("not started", "start", json!({"server_name": "absent"}), 500),
    ] {
        let (seen, answer) = stand.post(&format!("api/servers/{path}"), body).await;
        assert_eq!(seen, status, "{name}: {answer}");
        assert!(fits(&answers[name], &answer), "{name}: {answer}");
    }
    let quit = stand.post("api/servers/tools", shell("quit")).await;
    assert_eq!(quit.0, 500);
    let (status, answer) = stand.post("api/servers/tools", shell("pid")).await;
    assert_eq!(status, 500);
    assert!(fits(&answers["dead"], &answer), "{answer}");
    stand.hub.servers.end().await;
}

#[tokio::test]
async fn what_is_not_there_is_a_page_of_express() {
    let stand = Stand::new().await;
    for (path, body, line) in [
        ("api/nope", None, "Cannot GET /api/nope"),
        ("api/filtering/stats", None, "Cannot GET /api/filtering/stats"),
        ("api/logs", None, "Cannot GET /api/logs"),
        ("api/servers/start", None, "Cannot GET /api/servers/start"),
        ("mcp", Some("{}"), "Cannot POST /mcp"),
        ("", None, "Cannot GET /"),
    ] {
        let (status, page) = stand.ask(path, body).await;
        assert_eq!(status, 404);
        assert!(page.starts_with("<!DOCTYPE html>") && page.contains(&format!("<pre>{line}</pre>")), "{page}");
    }
    let (status, page) = stand.ask("api/servers/info", Some("{bad")).await;
    assert_eq!((status, page.contains("<pre>Bad Request</pre>")), (400, true));
}

#[tokio::test]
async fn faults_spoil_the_answers_and_not_the_event_stream() {
    let stand = Stand::new().await;
    stand.faults(&[HubFault::ApiHtml]);
    let (status, page) = stand.ask("api/health", None).await;
    assert!(status == 200 && page.starts_with("<!DOCTYPE html>"), "{status} {page}");
    stand.faults(&[HubFault::ApiStatus500]);
    assert_eq!(stand.get("api/servers").await.0, 500);
    stand.faults(&[HubFault::ApiTruncated]);
    let (status, half) = stand.ask("api/health", None).await;
    assert!(status == 200 && half.starts_with('{') && serde_json::from_str::<Value>(&half).is_err(), "{half}");
    stand.faults(&[HubFault::StartingForEver]);
    assert_eq!(stand.get("api/health").await.1["state"], "starting");
    stand.faults(&[HubFault::ApiSlow]);
    let began = clock::Stopwatch::start();
    assert_eq!(stand.get("api/servers").await.0, 200);
    assert!(began.elapsed() >= Duration::from_secs(5));
    stand.faults(&[HubFault::StreamCut]);
    assert_eq!(stand.get("api/events").await.0, 503);
}

#[tokio::test]
async fn a_stream_begins_as_npms_does_and_its_client_is_counted_while_it_is_there() {
    let stand = Stand::new().await;
    let url: Url = format!("http://127.0.0.1:{}/api/events", stand.port).parse().unwrap();
    let client = Client::new(&Timeouts::default(), Vec::new());
    let mut stream = client.send(Request::get(&url), SOON).await.unwrap();
    assert!(stream.is_type("text/event-stream"));
    let mut seen = String::new();
    while !seen.contains("event: hub_state") {
        let chunk = timeout(SOON, stream.chunk()).await.unwrap().unwrap().unwrap();
        seen.push_str(std::str::from_utf8(&chunk).unwrap());
    }
    assert!(seen.contains("\"message\":\"SSE client connected\""), "{seen}");
    let state = seen.split("event: hub_state\ndata: ").nth(1).unwrap().lines().next().unwrap();
    let state: Value = serde_json::from_str(state).unwrap();
    assert_eq!(keys(&state), ["pid", "port", "server_id", "state", "timestamp"]);
    let (_, health) = stand.get("api/health").await;
    assert_eq!((&health["activeClients"], &health["connections"]["totalConnections"]), (&json!(1), &json!(1)));
    drop(stream);
    let waiting = async {
        while stand.get("api/health").await.1["activeClients"] != 0 {
            tokio::task::yield_now().await;
        }
    };
    timeout(SOON, waiting).await.unwrap();
}

#[tokio::test]
async fn a_page_that_reaches_loopback_by_a_name_of_its_own_is_refused() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    let stand = Stand::new().await;
    for (headers, status) in
        [("Host: localhost", "200"), ("Host: evil.example", "403"), ("Host: 127.0.0.1\r\nOrigin: http://evil.example", "403")]
    {
        let mut connection = tokio::net::TcpStream::connect(("127.0.0.1", stand.port)).await.unwrap();
        let request = format!("GET /api/workspaces HTTP/1.1\r\n{headers}\r\nConnection: close\r\n\r\n");
        connection.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        timeout(SOON, connection.read_to_string(&mut answer)).await.unwrap().unwrap();
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}")), "{headers}: {answer}");
    }
}

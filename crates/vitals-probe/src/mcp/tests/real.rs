//! Real servers: the reference server over its three transports, and npm mcp-hub, where the acceptance
//! tests have installed them (`cargo test --workspace` runs those first); skipped aloud elsewhere.

use std::path::{Path, PathBuf};
use std::process::Stdio as Pipe;

use tokio::process::{Child, Command};

use super::*;

const EVERYTHING: &str = "node_modules/@modelcontextprotocol/server-everything/dist/index.js";
const HUB: &str = "node_modules/.bin/mcp-hub";

/// The folder with `node_modules`, below the target folder that this test was built in.
fn modules(test: &str) -> Option<PathBuf> {
    let program = std::env::current_exe().ok()?;
    let installed = program.ancestors().nth(3).map(|target| target.join("tmp"));
    let folders =
        installed.and_then(|tmp| std::fs::read_dir(tmp).ok()).into_iter().flatten().filter_map(|entry| Some(entry.ok()?.path()));
    let folder = folders.into_iter().find(|folder| folder.join(HUB).exists() && folder.join(EVERYTHING).exists());
    if folder.is_none() {
        eprintln!("skipped: {test}: the real servers are not installed; `cargo test -p mcp-vitals` installs them where node is");
    }
    folder
}

/// A port that was free a moment ago: these servers cannot say which one they got.
fn free_port() -> u16 {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// Runs `node ARGS` with a home of its own until the returned child is dropped.
fn node(program: &Path, args: &[&str], port: u16, home: &Path) -> Child {
    Command::new("node")
        .arg(program)
        .args(args)
        .env("PORT", port.to_string())
        .env("HOME", home)
        .env_remove("XDG_STATE_HOME")
        .stdin(Pipe::null())
        .stdout(Pipe::null())
        .stderr(Pipe::null())
        .kill_on_drop(true)
        .spawn()
        .unwrap()
}

/// Opens a session as soon as the server listens; npm mcp-hub says 500 for a moment more.
async fn open_when_up(address: &Address, context: &Context) -> Session {
    let waited = Stopwatch::start();
    loop {
        match open(address, context).await {
            Ok(session) => return session,
            Err(Failure { kind: FailureKind::Refused | FailureKind::Status { code: 500, .. }, .. }) => {}
            Err(failure) => panic!("{failure}"),
        }
        assert!(waited.elapsed() < LIMIT, "it never listens");
    }
}

/// What the reference server must show over every transport, behind a hub or not.
async fn visit(session: &Session, prefix: &str) {
    let listing = session.list(LIMIT).await;
    let tools = listing.tools.as_ref().unwrap();
    let echo = format!("{prefix}echo");
    assert!(tools.len() >= 10 && tools.has(&echo), "{listing:?}");
    assert!(canary(&listing.infos, prefix).is_some(), "some of its tools say that they are harmless");
    let message = json!({"message": "hello"});
    let calls = tokio::join!(session.call(&echo, &message, LIMIT), session.call(&echo, &message, LIMIT));
    for call in [calls.0.unwrap(), calls.1.unwrap()] {
        assert_eq!((call.items, call.text), (1, None));
    }
    let failure = session.call(&echo, &json!({}), LIMIT).await.unwrap_err();
    assert!(matches!(failure.kind, FailureKind::ToolError | FailureKind::Rpc(-32602)), "{failure}");
    assert_eq!(session.ended(), None);
}

#[tokio::test]
async fn the_reference_server_over_stdio() {
    let Some(modules) = modules("stdio") else { return };
    let script = modules.join(EVERYTHING).to_string_lossy().into_owned();
    let session = opened(&Address::Stdio { command: "node".into(), args: vec![script, "stdio".into()] }).await;
    assert_eq!((session.opened().transport, session.opened().protocol.as_str()), (Transport::Stdio, wire::PROTOCOL_STATEFUL));
    visit(&session, "").await;
    session.close().await.unwrap();
}

#[tokio::test]
async fn the_reference_server_over_streamable_http() {
    let Some(modules) = modules("Streamable HTTP") else { return };
    let (home, port) = (tempfile::tempdir().unwrap(), free_port());
    let _server = node(&modules.join(EVERYTHING), &["streamableHttp"], port, home.path());
    let address = Address::Http { url: format!("http://127.0.0.1:{port}/mcp") };
    let context = context(Listen::Asked);
    let session = open_when_up(&address, &context).await;
    assert_eq!(session.opened().transport, Transport::StreamableHttp);
    visit(&session, "").await;
    session.close().await.unwrap();
}

#[tokio::test]
async fn the_reference_server_over_legacy_sse() {
    let Some(modules) = modules("HTTP+SSE") else { return };
    let (home, port) = (tempfile::tempdir().unwrap(), free_port());
    let _server = node(&modules.join(EVERYTHING), &["sse"], port, home.path());
    let address = Address::Http { url: format!("http://127.0.0.1:{port}/sse") };
    let context = context(Listen::Asked);
    let session = open_when_up(&address, &context).await;
    assert_eq!(session.opened().transport, Transport::LegacySse);
    visit(&session, "").await;
    session.close().await.unwrap();
}

#[tokio::test]
async fn npm_mcp_hub_with_the_reference_server_behind_it() {
    let Some(modules) = modules("npm mcp-hub") else { return };
    let (home, port) = (tempfile::tempdir().unwrap(), free_port());
    let config = home.path().join("hub.json");
    let server = json!({"command": "node", "args": [modules.join(EVERYTHING), "stdio"]});
    std::fs::write(&config, json!({"mcpServers": {"everything": server}}).to_string()).unwrap();
    let args = ["--port", &port.to_string(), "--config", &config.to_string_lossy()];
    let _hub = node(&modules.join(HUB), &args, port, home.path());
    let address = Address::Hub { url: format!("http://127.0.0.1:{port}") };
    let context = context(Listen::Asked);
    let session = open_when_up(&address, &context).await;
    assert_eq!(session.opened().transport, Transport::LegacySse);
    // The hub answers before its server has connected, and tells when it has.
    let mut change = Box::pin(session.changed());
    while !session.list(LIMIT).await.tools.unwrap().has("everything__echo") {
        soon(change).await;
        change = Box::pin(session.changed());
    }
    visit(&session, "everything__").await;
    assert_eq!(clients(port).await, 1);
    session.close().await.unwrap();
    // Trap 22: a monitor must not leak its target to death.
    let waited = Stopwatch::start();
    while clients(port).await > 0 {
        assert!(waited.elapsed() < LIMIT, "the hub still counts our session");
    }
}

/// MCP sessions that the hub counts.
async fn clients(port: u16) -> u64 {
    let client = Client::new(&Timeouts::default(), Vec::new());
    let url = Url::parse(&format!("http://127.0.0.1:{port}/api/health")).unwrap();
    let health = client.get_json::<Value>(&url, LIMIT).await.unwrap().value;
    health["mcpEndpoint"]["activeClients"].as_u64().unwrap()
}

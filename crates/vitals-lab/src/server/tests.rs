//! The servers, spoken to by the client of the official SDK, and byte by byte where that would hide things.

mod faults;
mod files;
mod kinds;
mod life;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, CallToolResult, Tool};
use rmcp::service::{NotificationContext, RoleClient, RunningService, ServiceError};
use rmcp::{ClientHandler, ServiceExt as _};
use serde_json::Value;
use tempfile::TempDir;
use tokio::io::DuplexStream;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;
use vitals_probe::clock::Stopwatch;
use vitals_probe::task::Task;

use super::ServerError;
use super::life::{End, Pace, Terms, serve};
use crate::fault::ServerFault;
use crate::part::{ServerKind, ServerPart};

/// Nothing here takes longer, on the slowest machine.
const DEADLINE: Duration = Duration::from_secs(10);

/// Times that a test can wait for.
const QUICK: Pace = Pace {
    look: Duration::from_millis(5),
    crash: Duration::from_millis(100),
    start: Duration::from_millis(200),
    call_min: Duration::from_millis(100),
    noise: Duration::from_millis(20),
    ignore_max: Duration::from_millis(300),
};

/// A server with its file of faults, and what it ended with.
struct Running {
    folder: TempDir,
    term: CancellationToken,
    end: oneshot::Receiver<Result<End, ServerError>>,
    _task: Task,
}

/// A client that counts what it is told.
#[derive(Clone, Default)]
struct Ears {
    list_changed: Arc<AtomicUsize>,
}

impl ClientHandler for Ears {
    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.list_changed.fetch_add(1, Ordering::SeqCst);
    }
}

type Client = RunningService<RoleClient, Ears>;

/// Starts a server with these faults, and gives the other ends of its input and output.
fn start(kind: ServerKind, faults: &[ServerFault], pace: Pace) -> (Running, DuplexStream, DuplexStream) {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("files")).unwrap();
    let part = ServerPart { kind, faults: Some(faults_file(folder.path())), folder: Some(folder.path().join("files")) };
    write_faults(folder.path(), faults);
    let (input, server_input) = tokio::io::duplex(1 << 16);
    let (server_output, output) = tokio::io::duplex(1 << 16);
    let (ended, end) = oneshot::channel();
    let term = CancellationToken::new();
    let terms = Terms::From(term.clone());
    let task = Task::spawn(async move {
        let _ = ended.send(serve(part, server_input, server_output, terms, pace).await);
    });
    (Running { folder, term, end, _task: task }, input, output)
}

/// Starts a server and opens a session.
async fn open(kind: ServerKind, faults: &[ServerFault]) -> (Running, Client) {
    let (server, input, output) = start(kind, faults, QUICK);
    let client = within(Ears::default().serve((output, input))).await.unwrap();
    (server, client)
}

fn faults_file(folder: &Path) -> PathBuf {
    folder.join("faults.json")
}

/// Replaces the file as the lab does.
fn write_faults(folder: &Path, faults: &[ServerFault]) {
    let new = folder.join("faults.new");
    std::fs::write(&new, serde_json::to_string(faults).unwrap()).unwrap();
    std::fs::rename(new, faults_file(folder)).unwrap();
}

impl Running {
    fn inject(&self, faults: &[ServerFault]) {
        write_faults(self.folder.path(), faults);
    }

    async fn ended(&mut self) -> End {
        within(&mut self.end).await.unwrap().unwrap()
    }
}

async fn within<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(DEADLINE, future).await.expect("it took too long")
}

/// Asks until the answer is as wanted, or fails.
async fn until(mut done: impl AsyncFnMut() -> bool) {
    let clock = Stopwatch::start();
    while !done().await {
        assert!(clock.elapsed() < DEADLINE, "it did not come to that");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

async fn tools(client: &Client) -> Vec<Tool> {
    within(client.list_all_tools()).await.unwrap()
}

async fn call(client: &Client, tool: &str, arguments: Value) -> Result<CallToolResult, ServiceError> {
    let Value::Object(arguments) = arguments else { panic!("arguments are an object") };
    within(client.call_tool(CallToolRequestParams::new(tool.to_owned()).with_arguments(arguments))).await
}

/// The text of a result, or `isError: ` and its text.
async fn said(client: &Client, tool: &str, arguments: Value) -> String {
    let result = call(client, tool, arguments).await.unwrap();
    let text = result.content.first().and_then(|block| block.as_text()).map_or("", |text| text.text.as_str());
    if result.is_error == Some(true) { format!("isError: {text}") } else { text.to_owned() }
}

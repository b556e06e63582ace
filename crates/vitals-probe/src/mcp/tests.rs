//! The MCP client against doubles that do what real servers rarely do, and against real servers.

mod child;
pub(crate) mod double;
mod legacy;
mod real;
mod streamable;

use super::*;
use serde_json::{Value, json};

/// Long enough for a slow machine; no test waits for it unless something is broken.
const LIMIT: Duration = Duration::from_secs(20);

/// For what must time out.
const SHORT: Duration = Duration::from_millis(150);

fn timeouts(initialize: Duration) -> Timeouts {
    Timeouts { initialize, ..Timeouts::default() }
}

fn context(listen: Listen) -> Context {
    let timeouts = timeouts(LIMIT);
    Context::new(Arc::new(Client::new(&timeouts, Vec::new())), timeouts, Vec::new(), listen)
}

fn impatient() -> Context {
    let timeouts = timeouts(SHORT);
    Context::new(Arc::new(Client::new(&timeouts, Vec::new())), timeouts, Vec::new(), Listen::Unasked)
}

async fn opened(address: &Address) -> Session {
    open(address, &context(Listen::Unasked)).await.unwrap()
}

/// Awaits `work`, which is expected to end soon.
async fn soon<T>(work: impl Future<Output = T>) -> T {
    tokio::time::timeout(LIMIT, work).await.expect("it should have ended by now")
}

/// Waits until `value` is what it should be.
pub(crate) async fn eventually(what: &str, mut value: impl FnMut() -> bool) {
    let waited = Stopwatch::start();
    while !value() {
        assert!(waited.elapsed() < LIMIT, "never: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// The result of a friendly server's `initialize`.
fn welcome(protocol: &str) -> Value {
    json!({"protocolVersion": protocol, "capabilities": {"tools": {}}, "serverInfo": {"name": "double", "version": "1"}})
}

fn answer(id: &Value, result: &Value) -> String {
    json!({"jsonrpc": "2.0", "id": id, "result": result}).to_string()
}

fn refusal(id: &Value, code: i64, message: &str) -> String {
    json!({"jsonrpc": "2.0", "id": id, "error": {"code": code, "message": message}}).to_string()
}

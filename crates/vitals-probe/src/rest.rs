//! The hub's REST API: what it claims of itself and of its servers, read field by field. A field that
//! is missing or of another type is `None`; it never spoils its neighbours. Nothing is judged here,
//! and nothing is asked that changes the hub (`refresh` is destructive).

mod parse;
#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::{Value, json};
use url::Url;
use vitals_model::claim::HubClaim;
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::observation::{ApiSeen, Failure, FailureKind, Phase, Timing};
use vitals_model::text::Text;

use crate::http::{Client, Json, Request};

/// How much a visit asks for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Scope {
    /// Health and servers.
    Core,
    /// Filtering statistics too, which only the filtering variant has.
    WithFiltering,
}

/// Asks the hub at `base` for its claims; `limit` bounds each request. One request after the other
/// on one connection: asking at once takes 2.8 ms instead of 3.0 (npm mcp-hub 4.2.1, whose one thread
/// answers in turn anyway), and would count the second answer into the latency of the first.
pub async fn visit(client: &Client, base: &Url, scope: Scope, limit: Duration) -> ApiSeen {
    let health = client.get_json::<Value>(&endpoint(base, "api/health"), limit).await;
    // A hub that leaves one request unanswered is not made to keep us waiting for two more.
    if let Err(failure @ Failure { kind: FailureKind::TimedOut(_), .. }) = &health {
        return ApiSeen::failed(failure);
    }
    let servers = client.get_json::<Value>(&endpoint(base, "api/servers"), limit).await;
    let filtering = match scope {
        Scope::Core => None,
        Scope::WithFiltering => match client.get_json::<Value>(&endpoint(base, "api/filtering/stats"), limit).await {
            Err(Failure { kind: FailureKind::Status { code: 404, .. }, .. }) => None,
            stats => Some(stats),
        },
    };
    let (timing, health_bytes) = health.as_ref().map_or((Timing::default(), 0), |answer| (answer.timing, answer.bytes));
    let mut servers_left_out = 0;
    let servers = servers.and_then(|answer| {
        let (servers, left_out) = understood(&answer, parse::servers)?;
        servers_left_out = left_out;
        Ok(servers)
    });
    ApiSeen {
        health: health.and_then(|answer| understood(&answer, parse::health)),
        servers,
        servers_left_out,
        filtering: filtering.map(|stats| stats.and_then(|answer| understood(&answer, parse::filtering))),
        timing,
        health_bytes,
    }
}

/// Asks the hub at `base` for its health alone.
///
/// # Errors
/// As [`Client::send`], and `Malformed` for JSON of another shape.
pub async fn health(client: &Client, base: &Url, limit: Duration) -> Result<HubClaim, Failure> {
    let answer = client.get_json::<Value>(&endpoint(base, "api/health"), limit).await?;
    understood(&answer, parse::health)
}

/// What `read` makes of an answer; `Malformed` with the answer as evidence when that is nothing.
fn understood<T>(answer: &Json<Value>, read: impl Fn(&Value) -> Option<T>) -> Result<T, Failure> {
    read(&answer.value).ok_or_else(|| answer.malformed())
}

/// Calls `tool` of `server` by the REST API and counts the content items of its answer; what they say
/// is not kept. `arguments` is a JSON object.
///
/// # Errors
/// `Rpc` when the hub passes an MCP error on, `ToolError` when it says anything else went wrong (with
/// the hub's words), `Empty` for a result without content, else as [`Client::send`] and `Status`.
pub async fn call_tool(
    client: &Client,
    base: &Url,
    server: &str,
    tool: &str,
    arguments: &Value,
    limit: Duration,
) -> Result<u64, Failure> {
    let url = endpoint(base, "api/servers/tools");
    let body = json!({ "server_name": server, "tool": tool, "arguments": arguments });
    let answer = client.send(Request::post_json(&url, &body), limit).await?;
    let (after, result) = match answer.accepted().await {
        Ok(answer) => {
            let answer = answer.json::<Value>().await?;
            (answer.timing.total, answer.value)
        }
        Err(refusal) => match serde_json::from_str(&refusal.body) {
            Ok(value) if parse::hub_error(&value).is_some() => (refusal.failure.after, value),
            _ => return Err(refusal.failure),
        },
    };
    parse::call_result(&result).map_err(|(kind, words)| Failure {
        phase: Phase::Call,
        kind,
        evidence: Text::cut(&words, EVIDENCE_CHARS_MAX),
        after,
    })
}

/// `path` below `base`, whose own path is kept (a hub behind a reverse proxy).
pub(crate) fn endpoint(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_path(&format!("{}/{path}", base.path().trim_end_matches('/')));
    url.set_query(None);
    url.set_fragment(None);
    url
}

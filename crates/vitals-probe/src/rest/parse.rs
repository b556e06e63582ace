//! From the hub's JSON to claims, leniently.

use std::time::Duration;

use serde_json::Value;
use vitals_model::claim::{ClaimStatus, FilteringClaim, HubClaim, HubState, ServerClaim};
use vitals_model::limits::{SERVERS_MAX, TOOLS_MAX};
use vitals_model::observation::FailureKind;
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::{Definition, ToolSet};

use crate::mcp;

/// The tool that the filtering variant gives its clients instead of all others.
const META_TOOL: &str = "hub__analyze_prompt";

/// `/api/health`; `None` when it is no object.
pub(super) fn health(value: &Value) -> Option<HubClaim> {
    let body = value.as_object()?;
    let endpoint = value.get("mcpEndpoint").unwrap_or(&Value::Null);
    let tools = endpoint.pointer("/registeredCapabilities/tools");
    let list = tools.and_then(Value::as_array);
    let workspace = value.pointer("/workspaces/current").and_then(scalar);
    let entry = workspace.as_ref().and_then(|key| value.get("workspaces")?.get("allActive")?.get(key));
    Some(HubClaim {
        state: body.get("state").and_then(scalar).map(|word| HubState::parse(&word)),
        version: body.get("version").and_then(scalar).map(|v| Text::new(&v)),
        active_clients: body.get("activeClients").and_then(Value::as_u64),
        mcp_clients: endpoint.get("activeClients").and_then(Value::as_u64),
        registered_tools: list.map(|l| l.len() as u64).or_else(|| tools?.as_u64()),
        meta_tool: list.map(|l| l.iter().any(|tool| tool.get("name").unwrap_or(tool).as_str() == Some(META_TOOL))),
        pid: entry.and_then(|e| e.get("pid")?.as_u64()?.try_into().ok()),
        workspace: workspace.map(|key| Text::new(&key)),
        raw: Some(value.to_string().into()),
    })
}

/// `/api/servers`: the claims, and how many entries were left out because they are beyond
/// [`SERVERS_MAX`] or name no server; `None` when there is no list.
pub(super) fn servers(value: &Value) -> Option<(Vec<ServerClaim>, u64)> {
    let entries = value.get("servers")?.as_array()?;
    let claims: Vec<_> = entries.iter().filter_map(server).take(SERVERS_MAX).collect();
    let left_out = (entries.len() - claims.len()) as u64;
    Some((claims, left_out))
}

fn server(entry: &Value) -> Option<ServerClaim> {
    let text = |field: &str| entry.get(field).and_then(scalar);
    let tools = entry.pointer("/capabilities/tools").and_then(Value::as_array);
    Some(ServerClaim {
        name: Text::new(entry.get("name")?.as_str().filter(|name| !name.trim().is_empty())?),
        status: ClaimStatus::parse(&text("status").filter(|s| !s.is_empty()).unwrap_or_else(|| "no status".to_owned())),
        error: entry
            .get("error")
            .filter(|e| !e.is_null())
            .map(|e| scalar(e).unwrap_or_else(|| e.to_string()))
            .map(|e| Text::new(&e)),
        uptime: entry.get("uptime").and_then(Value::as_f64).and_then(|s| Duration::try_from_secs_f64(s).ok()),
        started_at: text("lastStarted").and_then(|t| Timestamp::parse(&t)),
        transport: text("transportType").map(|t| Text::new(&t)),
        tools: tools.map(|list| tool_set(list)),
        canary: tools.and_then(|list| mcp::declared_harmless(list)),
    })
}

/// The tools of a list; entries without a name are no tools.
fn tool_set(list: &[Value]) -> ToolSet {
    let named = list.iter().filter_map(|tool| Some((Text::new(tool.get("name")?.as_str()?), Definition::of(tool))));
    named.take(TOOLS_MAX).collect()
}

/// `/api/filtering/stats`; `None` when it is no object.
pub(super) fn filtering(value: &Value) -> Option<FilteringClaim> {
    let body = value.as_object()?;
    let count = |field: &str| body.get(field).and_then(Value::as_u64);
    let rate = |field: &str| body.get(field).and_then(Value::as_f64);
    Some(FilteringClaim {
        enabled: body.get("enabled").and_then(Value::as_bool),
        mode: body.get("mode").and_then(scalar).map(|m| Text::new(&m)),
        total_tools: count("totalTools"),
        filtered_tools: count("filteredTools"),
        exposed_tools: count("exposedTools"),
        cache_hit_rate: rate("cacheHitRate"),
        llm_cache_hit_rate: rate("llmCacheHitRate"),
    })
}

/// The words of `{"error": …, "code": …}`.
pub(super) fn hub_error(value: &Value) -> Option<&str> {
    value.get("error")?.as_str()
}

/// Content items of a tool's result, or what went wrong in the hub's words.
pub(super) fn call_result(value: &Value) -> Result<u64, (FailureKind, String)> {
    if let Some(words) = hub_error(value) {
        return Err((rpc_code(words).map_or(FailureKind::ToolError, FailureKind::Rpc), words.to_owned()));
    }
    let result = value.get("result").filter(|r| r.is_object()).ok_or_else(|| (FailureKind::Malformed, value.to_string()))?;
    let content = result.get("content").and_then(Value::as_array).map_or(&[][..], Vec::as_slice);
    if result.get("isError") == Some(&Value::Bool(true)) {
        let words = content.iter().find_map(|item| item.get("text")?.as_str()).unwrap_or_default();
        return Err((FailureKind::ToolError, words.to_owned()));
    }
    let structured = result.get("structuredContent").is_some_and(|s| !s.is_null());
    match content.len() as u64 + u64::from(content.is_empty() && structured) {
        0 => Err((FailureKind::Empty, String::new())),
        items => Ok(items),
    }
}

/// The code in words such as `MCP error -32001: Request timed out`, as the MCP SDK writes them.
fn rpc_code(words: &str) -> Option<i64> {
    let (_, after) = words.split_once("MCP error ")?;
    after.split_once(':')?.0.parse().ok()
}

/// A string, a number or a boolean as text; `None` for anything else.
fn scalar(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

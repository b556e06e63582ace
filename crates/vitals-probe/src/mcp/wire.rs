//! JSON-RPC 2.0 as MCP uses it: messages out, messages in.
//!
//! It reads whatever a server may send and names what is wrong with it. It keeps no state, matches no
//! ids and does no IO.

use bytes::Bytes;
use serde_json::{Map, Value, json};
use vitals_model::observation::FailureKind;

/// The newest revision with a handshake, offered by `initialize` on stdio and Streamable HTTP.
pub(super) const PROTOCOL_STATEFUL: &str = "2025-11-25";
/// The revision that defined HTTP+SSE.
pub(super) const PROTOCOL_LEGACY: &str = "2024-11-05";
/// The first revision without a handshake.
pub(super) const PROTOCOL_STATELESS: &str = "2026-07-28";

/// JSON-RPC's own code for a method that the other side does not have.
pub(super) const METHOD_NOT_FOUND: i64 = -32601;

/// How a server wants to be spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Era {
    /// A handshake first (`initialize`), then requests that rely on it: up to 2025-11-25.
    Stateful,
    /// Every request carries the version and capabilities in `_meta`: 2026-07-28.
    Stateless,
}

impl Era {
    pub(super) const fn other(self) -> Self {
        match self {
            Self::Stateful => Self::Stateless,
            Self::Stateless => Self::Stateful,
        }
    }
}

/// One message to a server, with the parts that some transports repeat outside its body.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    /// The JSON text, without a line break.
    pub(super) body: Bytes,
    /// The id; `None` for a notification or a reply.
    pub(super) id: Option<u64>,
    /// The method; `None` for a reply.
    pub(super) method: Option<&'static str>,
    /// `params.name`, the tool of a call.
    pub(super) name: Option<String>,
}

/// One message from a server.
#[derive(PartialEq, Debug)]
pub(super) enum Incoming {
    /// The answer to the request with this id; `None` when the server could not tell which.
    Answer { id: Option<u64>, result: Result<Value, RpcError> },
    /// A request to us; the id is sent back as it came.
    Request { id: Value, method: String },
    /// A notification.
    Notice { method: String },
}

/// A JSON-RPC error.
#[derive(PartialEq, Debug)]
pub(super) struct RpcError {
    /// Its code; 0 when the server sent none.
    pub(super) code: i64,
    /// Its message, as the server sent it.
    pub(super) message: String,
}

/// A request. In the stateless era it carries what a handshake would have said once.
pub(super) fn request(id: u64, method: &'static str, mut params: Value, era: Era) -> Outgoing {
    let name = params.get("name").and_then(Value::as_str).map(str::to_owned);
    if let (Era::Stateless, Some(fields)) = (era, params.as_object_mut()) {
        fields.insert("_meta".to_owned(), meta());
    }
    let body = json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params});
    Outgoing { body: text(&body), id: Some(id), method: Some(method), name }
}

/// A notification.
pub(super) fn notification(method: &'static str, params: Option<Value>) -> Outgoing {
    let mut body = json!({"jsonrpc": "2.0", "method": method});
    if let Some(params) = params {
        body["params"] = params;
    }
    Outgoing { body: text(&body), id: None, method: Some(method), name: None }
}

/// The parameters of `initialize`: we can do nothing for a server, and say so.
pub(super) fn handshake(protocol: &str) -> Value {
    json!({"protocolVersion": protocol, "capabilities": {}, "clientInfo": client_info()})
}

/// The answer to a request from a server. A prober is alive (`ping`), shares no folders
/// (`roots/list`), and does nothing else for anybody.
pub(super) fn reply(id: &Value, method: &str) -> Outgoing {
    let body = match method {
        "ping" => json!({"jsonrpc": "2.0", "id": id, "result": {}}),
        "roots/list" => json!({"jsonrpc": "2.0", "id": id, "result": {"roots": []}}),
        _ => json!({"jsonrpc": "2.0", "id": id, "error": {"code": METHOD_NOT_FOUND, "message": "not offered by this client"}}),
    };
    Outgoing { body: text(&body), id: None, method: None, name: None }
}

/// Reads one message, or the messages of a batch (an array, legal in 2025-03-26), never none.
/// What is no message is `NotJson`, `TooDeep` or `Malformed`.
pub(super) fn read(raw: &[u8]) -> Result<Vec<Incoming>, FailureKind> {
    let value = serde_json::from_slice(raw).map_err(|error| {
        // serde_json has no category for its recursion limit, only these words.
        let too_deep = error.to_string().starts_with("recursion limit");
        if too_deep { FailureKind::TooDeep } else { FailureKind::NotJson }
    })?;
    let messages = match value {
        Value::Array(batch) => batch.into_iter().map(incoming).collect::<Option<Vec<_>>>(),
        one => incoming(one).map(|message| vec![message]),
    };
    messages.filter(|m| !m.is_empty()).ok_or(FailureKind::Malformed)
}

fn incoming(value: Value) -> Option<Incoming> {
    let Value::Object(mut fields) = value else { return None };
    let id = fields.remove("id").filter(|id| !id.is_null());
    if let Some(Value::String(method)) = fields.remove("method") {
        return Some(match id {
            Some(id) => Incoming::Request { id, method },
            None => Incoming::Notice { method },
        });
    }
    let result = match (fields.remove("result"), fields.remove("error")) {
        (Some(result), None | Some(Value::Null)) => Ok(result),
        (None, Some(Value::Object(error))) => Err(rpc_error(&error)),
        _ => return None,
    };
    // Some servers send a number back as a string.
    let id = id.and_then(|id| id.as_u64().or_else(|| id.as_str()?.parse().ok()));
    Some(Incoming::Answer { id, result })
}

fn rpc_error(error: &Map<String, Value>) -> RpcError {
    let code = error.get("code").and_then(Value::as_i64).unwrap_or(0);
    let message = error.get("message").and_then(Value::as_str).unwrap_or_default();
    RpcError { code, message: message.to_owned() }
}

fn meta() -> Value {
    json!({
        "io.modelcontextprotocol/protocolVersion": PROTOCOL_STATELESS,
        "io.modelcontextprotocol/clientInfo": client_info(),
        "io.modelcontextprotocol/clientCapabilities": {},
    })
}

fn client_info() -> Value {
    json!({"name": "mcp-vitals", "version": env!("CARGO_PKG_VERSION")})
}

fn text(body: &Value) -> Bytes {
    Bytes::from(body.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_stateless_request_says_all_that_a_handshake_would() {
        let call = request(7, "tools/call", json!({"name": "echo", "arguments": {}}), Era::Stateless);
        let body: Value = serde_json::from_slice(&call.body).unwrap();
        assert_eq!(body["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"], PROTOCOL_STATELESS);
        assert_eq!(body["params"]["_meta"]["io.modelcontextprotocol/clientCapabilities"], json!({}));
        assert_eq!((call.id, call.method, call.name.as_deref()), (Some(7), Some("tools/call"), Some("echo")));
        let plain = request(8, "tools/list", json!({}), Era::Stateful);
        assert_eq!(plain.body, r#"{"id":8,"jsonrpc":"2.0","method":"tools/list","params":{}}"#);
    }

    #[test]
    fn what_a_server_may_ask_of_a_prober() {
        let body = |method| serde_json::from_slice::<Value>(&reply(&json!("x-1"), method).body).unwrap();
        assert_eq!(body("ping"), json!({"jsonrpc": "2.0", "id": "x-1", "result": {}}));
        assert_eq!(body("roots/list")["result"], json!({"roots": []}));
        assert_eq!(body("sampling/createMessage")["error"]["code"], METHOD_NOT_FOUND);
    }

    #[test]
    fn every_shape_of_message_is_told_apart() {
        let one = |raw: &str| read(raw.as_bytes()).unwrap().remove(0);
        assert_eq!(one(r#"{"id":3,"result":{}}"#), Incoming::Answer { id: Some(3), result: Ok(json!({})) });
        assert_eq!(one(r#"{"id":"3","result":1}"#), Incoming::Answer { id: Some(3), result: Ok(json!(1)) });
        assert_eq!(one(r#"{"method":"ping","id":"a"}"#), Incoming::Request { id: json!("a"), method: "ping".into() });
        assert_eq!(one(r#"{"method":"notifications/x","id":null}"#), Incoming::Notice { method: "notifications/x".into() });
        let error = RpcError { code: -5, message: "no".into() };
        assert_eq!(one(r#"{"id":null,"error":{"code":-5,"message":"no"}}"#), Incoming::Answer { id: None, result: Err(error) });
        assert_eq!(read(br#"[{"method":"a"},{"id":1,"result":2}]"#).unwrap().len(), 2);
    }

    #[test]
    fn garbage_is_named() {
        let kind = |raw: &str| read(raw.as_bytes()).unwrap_err();
        assert_eq!(kind("Server started"), FailureKind::NotJson);
        assert_eq!(kind(r#"{"id":1,"result":"#), FailureKind::NotJson);
        for shape in ["[]", "3", "{}", r#"{"id":1}"#, r#"{"id":1,"error":"bad"}"#] {
            assert_eq!(kind(shape), FailureKind::Malformed, "{shape}");
        }
        let deep = format!("{}{}", "[".repeat(200), "]".repeat(200));
        assert_eq!(kind(&deep), FailureKind::TooDeep);
    }

    proptest! {
        #[test]
        fn no_bytes_can_make_reading_panic(raw in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&raw).map_or(true, |messages| !messages.is_empty()));
        }
    }
}

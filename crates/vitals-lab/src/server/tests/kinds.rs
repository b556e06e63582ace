//! What each kind of server offers and answers in health.

use std::sync::Mutex;

use rmcp::model::{ProgressNotificationParam, ProtocolVersion, ServerCapabilities};
use serde_json::json;

use super::*;

#[tokio::test]
async fn the_echo_server_echoes_and_adds() {
    let (_server, client) = open(ServerKind::Echo, &[]).await;
    assert_eq!(said(&client, "echo", json!({ "message": "hi" })).await, "Echo: hi");
    assert_eq!(said(&client, "add", json!({ "a": 2, "b": 3 })).await, "5");
    assert_eq!(said(&client, "multiply", json!({ "a": 2.5, "b": 3 })).await, "7.5");
    assert_eq!(said(&client, "slow_echo", json!({ "message": "hi", "ms": 20 })).await, "Echo: hi");
    assert!(said(&client, "slow_echo", json!({ "message": "hi", "ms": 20_000 })).await.starts_with("isError"));
    assert!(said(&client, "add", json!({ "a": 2 })).await.contains("b is required"));
    assert!(said(&client, "add", json!({ "a": 2, "b": "x" })).await.contains("b is not of type number"));
    let about: Value = serde_json::from_str(&said(&client, "about", json!({})).await).unwrap();
    assert_eq!(about["pid"], std::process::id());
    assert!(matches!(call(&client, "no_such_tool", json!({})).await, Err(ServiceError::McpError(_))));
}

#[tokio::test]
async fn each_server_has_a_harmless_tool_without_arguments() {
    for (kind, name) in [(ServerKind::Echo, "about"), (ServerKind::Filesystem, "list_allowed_directories")] {
        let (_server, client) = open(kind, &[]).await;
        let tools = tools(&client).await;
        let tool = tools.iter().find(|tool| tool.name == name).unwrap();
        let hints = tool.annotations.as_ref().unwrap();
        assert_eq!((hints.read_only_hint, hints.open_world_hint), (Some(true), Some(false)));
        assert_eq!(tool.input_schema["properties"], json!({}));
        assert!(!said(&client, name, json!({})).await.starts_with("isError"));
    }
}

#[tokio::test]
async fn every_revision_is_spoken() {
    use rmcp::model::{ClientCapabilities, ClientConfig, Implementation};

    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let (_server, input, output) = start(ServerKind::Echo, &[], QUICK);
        let version: ProtocolVersion = serde_json::from_value(json!(version)).unwrap();
        let config = ClientConfig::new(ClientCapabilities::default(), Implementation::new("test", "1"));
        let client = within(config.with_protocol_version(version.clone()).serve((output, input))).await.unwrap();
        assert_eq!(client.peer_info().unwrap().protocol_version, version);
        assert_eq!(within(client.list_all_tools()).await.unwrap().len(), 5);
    }
}

#[tokio::test]
async fn content_of_each_kind_comes_as_the_conformance_suite_asks() {
    let (_server, client) = open(ServerKind::Contents, &[]).await;
    let kinds = async |tool: &str| {
        let result = serde_json::to_value(call(&client, tool, json!({})).await.unwrap()).unwrap();
        result["content"].as_array().unwrap().iter().map(|c| c["type"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(kinds("test_simple_text").await, ["text"]);
    assert_eq!(kinds("test_image_content").await, ["image"]);
    assert_eq!(kinds("test_audio_content").await, ["audio"]);
    assert_eq!(kinds("test_embedded_resource").await, ["resource"]);
    assert_eq!(kinds("test_multiple_content_types").await, ["text", "image", "resource"]);
    let failed = said(&client, "test_error_handling", json!({})).await;
    assert_eq!(failed, "isError: This tool intentionally returns an error for testing");

    let tools = tools(&client).await;
    let schema = &tools.iter().find(|tool| tool.name == "json_schema_2020_12_tool").unwrap().input_schema;
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["$defs"]["address"].is_object());
    assert_eq!(schema["additionalProperties"], false);
}

/// A client that keeps progress and log messages.
#[derive(Clone, Default)]
struct Keeper {
    progress: Arc<Mutex<Vec<f64>>>,
    logged: Arc<Mutex<Vec<Value>>>,
}

impl ClientHandler for Keeper {
    async fn on_progress(&self, params: ProgressNotificationParam, _context: NotificationContext<RoleClient>) {
        self.progress.lock().unwrap().push(params.progress);
    }

    #[expect(deprecated, reason = "older revisions have it")]
    async fn on_logging_message(
        &self,
        params: rmcp::model::LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.logged.lock().unwrap().push(params.data);
    }
}

#[tokio::test]
async fn progress_and_log_messages_come_while_a_tool_runs() {
    let (_server, input, output) = start(ServerKind::Contents, &[], QUICK);
    let keeper = Keeper::default();
    let client = within(keeper.clone().serve((output, input))).await.unwrap();
    let can: ServerCapabilities = client.peer_info().unwrap().capabilities.clone();
    assert!(serde_json::to_value(can).unwrap()["logging"].is_object());
    // The SDK's client gives each request a progress token.
    within(client.call_tool(CallToolRequestParams::new("test_tool_with_progress"))).await.unwrap();
    until(async || *keeper.progress.lock().unwrap() == [0.0, 50.0, 100.0]).await;
    within(client.call_tool(CallToolRequestParams::new("test_tool_with_logging"))).await.unwrap();
    until(async || keeper.logged.lock().unwrap().len() == 3).await;
}

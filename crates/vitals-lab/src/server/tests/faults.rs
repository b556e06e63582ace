//! Each fault of tools and calls, injected and cleared while a session is open.

use serde_json::json;

use super::*;

/// The tools once they are as `wanted`.
async fn tools_when(client: &Client, wanted: impl Fn(&[Tool]) -> bool) -> Vec<Tool> {
    until(async || wanted(&tools(client).await)).await;
    tools(client).await
}

#[tokio::test]
async fn emptied_tools_are_told_of_and_come_back() {
    let (server, client) = open(ServerKind::Echo, &[]).await;
    assert_eq!(tools(&client).await.len(), 5);
    server.inject(&[ServerFault::ToolsEmptied]);
    until(async || client.service().list_changed.load(Ordering::SeqCst) == 1).await;
    assert_eq!(tools(&client).await.len(), 0);
    server.inject(&[]);
    until(async || client.service().list_changed.load(Ordering::SeqCst) == 2).await;
    assert_eq!(tools(&client).await.len(), 5);
}

#[tokio::test]
async fn a_fault_that_leaves_the_tools_alone_is_not_told_of() {
    let (server, client) = open(ServerKind::Echo, &[]).await;
    server.inject(&[ServerFault::EmptyAnswers]);
    until(async || call(&client, "about", json!({})).await.unwrap().content.is_empty()).await;
    server.inject(&[ServerFault::ToolsEmptied]);
    until(async || client.service().list_changed.load(Ordering::SeqCst) == 1).await;
}

#[tokio::test]
async fn a_drifted_schema_wants_another_argument_and_another_type() {
    let (server, client) = open(ServerKind::Echo, &[]).await;
    let before = tools(&client).await;
    server.inject(&[ServerFault::SchemaDrift]);
    let after = tools_when(&client, |tools| tools != before).await;
    assert_eq!(after[0].input_schema["required"], json!(["message", "request_reason"]));
    assert_eq!(before[1].input_schema["properties"]["a"]["type"], "number");
    assert_eq!(after[1].input_schema["properties"]["a"]["type"], "string");
    assert_eq!(after[2..], before[2..]);
    assert!(said(&client, "echo", json!({ "message": "hi" })).await.contains("request_reason is required"));
    assert_eq!(said(&client, "echo", json!({ "message": "hi", "request_reason": "why" })).await, "Echo: hi");
    assert_eq!(said(&client, "add", json!({ "a": "2", "b": 3 })).await, "5");
    assert!(!said(&client, "about", json!({})).await.starts_with("isError"));
}

#[tokio::test]
async fn an_injected_description_changes_nothing_else() {
    for kind in [ServerKind::Echo, ServerKind::Filesystem, ServerKind::Contents] {
        let (server, client) = open(kind, &[]).await;
        let before = tools(&client).await;
        server.inject(&[ServerFault::DescriptionInjected]);
        let mut after = tools_when(&client, |tools| tools != before).await;
        let description = after[0].description.clone().unwrap();
        assert!(description.contains("<IMPORTANT>") && description.contains("id_rsa"), "{description}");
        after[0].description = before[0].description.clone();
        assert_eq!(after, before);
    }
}

#[tokio::test]
async fn failures_and_results_are_answered_with_nothing() {
    let (_server, client) = open(ServerKind::Contents, &[ServerFault::EmptyAnswers]).await;
    for tool in ["test_simple_text", "test_error_handling"] {
        let result = call(&client, tool, json!({})).await.unwrap();
        assert!(result.content.is_empty() && result.structured_content.is_none());
        assert_ne!(result.is_error, Some(true));
    }
}

#[tokio::test]
async fn slow_calls_take_ten_times_as_long_as_usual() {
    let (server, client) = open(ServerKind::Echo, &[]).await;
    let time = async |ms: u32| {
        let clock = Stopwatch::start();
        said(&client, "slow_echo", json!({ "message": "hi", "ms": ms })).await;
        clock.elapsed()
    };
    for _ in 0..3 {
        time(30).await;
    }
    server.inject(&[ServerFault::SlowCalls]);
    // The least time is 100 ms here, so what takes that long has been slowed by the factor or by the least.
    let about = async || {
        let clock = Stopwatch::start();
        said(&client, "about", json!({})).await;
        clock.elapsed()
    };
    until(async || about().await >= QUICK.call_min).await;
    assert!(time(30).await >= Duration::from_millis(300));
    server.inject(&[]);
    until(async || about().await < QUICK.call_min).await;
}

#[tokio::test]
async fn a_file_that_cannot_be_read_changes_nothing() {
    let (server, client) = open(ServerKind::Echo, &[ServerFault::ToolsEmptied]).await;
    let file = faults_file(server.folder.path());
    std::fs::write(&file, "no list").unwrap();
    // What comes after the unreadable one is seen, so that one has been read.
    std::fs::write(server.folder.path().join("faults.new"), r#"["no-such-fault"]"#).unwrap();
    std::fs::rename(server.folder.path().join("faults.new"), &file).unwrap();
    assert_eq!(tools(&client).await.len(), 0);
    std::fs::remove_file(&file).unwrap();
    tools_when(&client, |tools| tools.len() == 5).await;
    assert_eq!(client.service().list_changed.load(Ordering::SeqCst), 1);
}

#[test]
fn a_file_is_read_once_for_each_writing() {
    use crate::server::faults::File;

    let folder = tempfile::tempdir().unwrap();
    let path = faults_file(folder.path());
    let mut file = File::new(path.clone());
    assert_eq!(file.look(), None);
    write_faults(folder.path(), &[ServerFault::CrashLoop]);
    assert_eq!(file.look(), Some([ServerFault::CrashLoop].into()));
    assert_eq!(file.look(), None);
    std::fs::write(&path, "{").unwrap();
    assert_eq!(file.look(), None);
    std::fs::write(&path, " ".repeat(100_000)).unwrap();
    assert_eq!(file.look(), None);
    std::fs::remove_file(&path).unwrap();
    assert_eq!(file.look(), Some([].into()));
}

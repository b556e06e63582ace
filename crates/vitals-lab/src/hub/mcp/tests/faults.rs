//! The endpoint's own faults: each is seen while it lasts, and over when it is cleared.

use std::sync::Arc;

use serde_json::json;
use vitals_model::observation::FailureKind;
use vitals_probe::mcp::META_TOOL;

use super::double::tool;
use super::filtering::{analyze, filtering};
use super::stand::{LIMIT, names, until};
use crate::fault::HubFault;
use crate::hub::backend::Listing;
use crate::hub::front::Front as _;

#[tokio::test]
async fn leaking_exposure_shows_every_session_what_one_asked_for() {
    let stand = filtering("meta-only").await;
    let (one, other) = (stand.streamable().await, stand.legacy().await);
    let told = other.changed();
    stand.fault(HubFault::ExposureLeak);
    analyze(&one, "read a file").await;
    tokio::time::timeout(LIMIT, told).await.unwrap();
    assert_eq!(names(&other).await, ["filesystem__read_text_file", META_TOOL]);
    let told = other.changed();
    stand.heal();
    tokio::time::timeout(LIMIT, told).await.unwrap();
    assert_eq!(names(&other).await, [META_TOOL]);
    assert_eq!(names(&one).await, ["filesystem__read_text_file", META_TOOL]);
}

#[tokio::test]
async fn kept_sessions_stay_counted_until_it_is_cleared() {
    let stand = filtering("all").await;
    stand.fault(HubFault::SessionsKept);
    for _ in 0..3 {
        stand.legacy().await.close().await.unwrap();
        stand.streamable().await.close().await.unwrap();
    }
    // All have ended when the journal says so, and all are still counted.
    let ended = || stand.records.lock().unwrap().iter().filter(|r| r.message.contains("client disconnected")).count();
    until(|| ended() == 6, || format!("{} ended", ended())).await;
    assert_eq!(stand.endpoint.clients(), 6);
    stand.heal();
    assert_eq!(stand.endpoint.clients(), 0);
    stand.fault(HubFault::SessionsKept);
    assert_eq!(stand.endpoint.clients(), 0, "what was forgotten stays so");
}

#[tokio::test]
async fn a_mute_hub_tells_no_one_of_changes() {
    let stand = filtering("all").await;
    let (streamable, legacy) = (stand.streamable().await, stand.legacy().await);
    stand.fault(HubFault::ListChangedMute);
    stand.double.listing.send_replace(Arc::new(Listing { tools: vec![tool("echo", "echo__other")] }));
    assert_eq!(names(&legacy).await, ["echo__other", META_TOOL]);
    analyze(&streamable, "read a file").await;
    analyze(&legacy, "read a file").await;
    assert_eq!((streamable.take_list_changes(), legacy.take_list_changes()), (0, 0));
    stand.heal();
    let (one, two) = (streamable.changed(), legacy.changed());
    stand.double.listing.send_replace(Arc::new(Listing { tools: vec![tool("echo", "echo__third")] }));
    tokio::time::timeout(LIMIT, async { tokio::join!(one, two) }).await.unwrap();
}

#[tokio::test]
async fn a_missing_meta_tool_is_neither_listed_nor_known() {
    let stand = filtering("meta-only").await;
    let session = stand.streamable().await;
    let told = session.changed();
    stand.fault(HubFault::MetaToolMissing);
    tokio::time::timeout(LIMIT, told).await.unwrap();
    assert!(names(&session).await.is_empty());
    assert_eq!(stand.endpoint.registered(), 3);
    let failure = session.call(META_TOOL, &json!({ "prompt": "read a file" }), LIMIT).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Rpc(-32602));
    stand.heal();
    assert_eq!(names(&session).await, [META_TOOL]);
}

#[tokio::test]
async fn the_wrong_shape_lacks_categories_and_confidence() {
    let stand = filtering("meta-only").await;
    let session = stand.streamable().await;
    stand.fault(HubFault::MetaToolShape);
    let answer = analyze(&session, "read a file").await;
    assert_eq!(answer.as_object().unwrap().keys().collect::<Vec<_>>(), ["message", "nextStep", "reasoning"]);
    stand.heal();
    assert_eq!(analyze(&session, "read a file").await["categories"], json!(["filesystem"]));
}

#[tokio::test]
async fn a_failing_list_fails_for_every_session() {
    let stand = filtering("all").await;
    let (streamable, legacy) = (stand.streamable().await, stand.legacy().await);
    stand.fault(HubFault::ToolsListError);
    for session in [&streamable, &legacy] {
        assert_eq!(session.list(LIMIT).await.tools.unwrap_err().kind, FailureKind::Rpc(-32603));
    }
    stand.heal();
    assert_eq!(names(&streamable).await.len(), 4);
}

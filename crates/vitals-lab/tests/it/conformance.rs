//! The official conformance suite, in server mode, against the Streamable HTTP endpoint of the hub process, with the
//! server of the lab behind it that has the suite's tools.

use serde_json::json;
use vitals_lab::persona::Persona;

use crate::hub::{Hub, server};
use crate::suite;

/// Checks that pass at either revision, at least.
const CHECKS_MIN: u32 = 50;

#[tokio::test]
async fn the_stateful_revisions_conform() {
    conforms("2025-11-25").await;
}

#[tokio::test]
async fn the_stateless_revision_conforms() {
    conforms("2026-07-28").await;
}

async fn conforms(revision: &'static str) {
    let mut contents = server("contents");
    contents["namespace"] = json!("");
    let hub = Hub::start(Persona::Honest, &json!({ "contents": contents })).await;
    suite::conforms(format!("{}/mcp", hub.base), revision, "expected-failures", CHECKS_MIN).await;
}

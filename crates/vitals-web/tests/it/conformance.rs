//! The official conformance suite against `/mcp`, on a listener of the test.

use crate::http::listen;
use crate::suite;
use crate::world::World;

#[tokio::test]
async fn the_stateful_revisions_conform() {
    let (address, _server) = listen(World::lying(), Some(&[])).await;
    suite::conforms(format!("http://{address}/mcp"), "2025-11-25", "agents-expected-failures", 35).await;
}

#[tokio::test]
async fn the_stateless_revision_conforms() {
    let (address, _server) = listen(World::lying(), Some(&[])).await;
    suite::conforms(format!("http://{address}/mcp"), "2026-07-28", "agents-expected-failures", 90).await;
}

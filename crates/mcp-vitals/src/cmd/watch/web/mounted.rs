//! What is served beside the page and the API: metrics, and the MCP server for agents.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use vitals_model::history::Span;
use vitals_probe::{clock, process};
use vitals_web::agents::{self, Daily, Known, Looker};
use vitals_web::serve::Router;
use vitals_web::{Reach, Source as _, Trouble, metrics};

use super::super::otlp::Counts;
use super::source::WatchSource;
use crate::cmd::mcp::{STALE_AFTER, daily};

const DAY: Duration = Duration::from_secs(24 * 3600);

/// `/metrics` and `/mcp`; the guard, the limits and the headers of the page hold for them too.
pub(super) fn router(source: &Arc<WatchSource>, reach: Reach, exported: Option<Arc<Counts>>) -> Router {
    let cost = move || {
        let export = exported.as_ref().map(|counts| counts.exported());
        vitals_model::snapshot::Overhead { export, ..process::own() }
    };
    // Beyond loopback the guard wants the token for everything, by whatever name it is reached.
    let names: Option<&[String]> = if reach == Reach::Loopback { Some(&[]) } else { None };
    let agents = agents::router(Arc::new(Facts(Arc::clone(source))), names);
    metrics::router(source.snapshots(), Arc::new(cost)).merge(agents)
}

/// What agents are told: what this watch sees, and its history.
struct Facts(Arc<WatchSource>);

impl agents::Source for Facts {
    fn known(&self) -> BoxFuture<'_, Result<Known, String>> {
        Box::pin(async {
            let snapshot = Arc::clone(&self.0.snapshots().borrow());
            Ok(Known { snapshot, now: clock::now(), by: Looker::Own, stale_after: STALE_AFTER })
        })
    }

    fn report(&self) -> BoxFuture<'_, Result<Daily, String>> {
        let source = Arc::clone(&self.0);
        let read = move || {
            let to = clock::now();
            Ok(daily(Span { from: to.minus(DAY), to }, &source.reports(DAY).map_err(told)?))
        };
        Box::pin(async {
            tokio::task::spawn_blocking(read).await.unwrap_or_else(|_panic| Err("reading the history failed".to_owned()))
        })
    }
}

fn told(trouble: Trouble) -> String {
    match trouble {
        Trouble::NoHistory => "this watch keeps no history".to_owned(),
        Trouble::Busy => "the watch is busy: ask again in a second".to_owned(),
        Trouble::Nothing(why) | Trouble::Failed(why) => why,
    }
}

//! `mcp`: an MCP server for agents on standard input and output. A running `watch` is asked by way of its history; without
//! one, the same engine looks from here, as the dashboard's does. Nothing but messages goes to standard output.

mod ancestry;
mod facts;

use std::sync::Arc;

use tokio::sync::watch;

use crate::cli::Common;
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, EndSignals, Ground};
use facts::Sight;
pub(crate) use facts::{STALE_AFTER, daily};

pub(crate) fn run(common: &Common) -> anyhow::Result<Exit> {
    let mut ground = Ground::new(common)?;
    if ancestry::is_our_own_target() {
        render::note("started by another `mcp` to be looked at: that one answers for the hubs");
        ground.watch_nothing();
    }
    let found = vitals_probe::discover::find(&ground.settings, &ground.surroundings, &ground.wanted);
    anyhow::ensure!(found.unknown.is_empty(), "{}", found.unknown.join("\n"));
    wiring::block_on(serve(common, ground))?
}

/// Answers until the input ends or a signal comes. Then the sessions with the hubs are closed.
async fn serve(common: &Common, ground: Ground) -> anyhow::Result<Exit> {
    let mut signals = EndSignals::listen()?;
    let (stop, stopped) = watch::channel(false);
    let (sight, looking) = Sight::new(common.clone(), ground);
    let answer = async {
        tokio::select! {
            () = vitals_web::agents::serve(Arc::new(sight), tokio::io::stdin(), tokio::io::stdout()) => {}
            () = signals.told() => {}
        }
        stop.send_replace(true);
    };
    tokio::join!(answer, looking.run(stopped));
    Ok(Exit::Ok)
}

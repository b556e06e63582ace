//! The page and the API of a watch. They run on a thread of their own, so that whatever they are asked delays no probe;
//! they reach the watch by snapshots and bounded controls alone.

mod source;
mod token;

use std::net::TcpListener;
use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, bail};
use tokio::sync::{mpsc, oneshot, watch};
use vitals_engine::Control;
use vitals_model::config::Web;
use vitals_model::snapshot::Snapshot;
use vitals_web::serve;
use vitals_web::{Guard, Reach, limits};

use super::otlp::Counts;
use crate::cli::WatchArgs;
use crate::render;
use source::WatchSource;

/// A place to listen at that is ours, before the watch begins.
pub(super) struct Place {
    listener: TcpListener,
    guard: Guard,
}

impl Place {
    /// Takes the place that was asked for; `None` when none was.
    pub(super) fn take(args: &WatchArgs, web: &Web, state_dir: &Path) -> anyhow::Result<Option<Self>> {
        let Some(wanted) = args.listen.or(web.listen) else { return Ok(None) };
        let reach = Reach::of(wanted);
        if reach == Reach::Network && web.token.is_none() {
            bail!(
                "{wanted} can be reached from elsewhere: give the configuration a token (web: {{token: env:NAME}}), or listen on 127.0.0.1"
            );
        }
        let listener = TcpListener::bind(wanted).with_context(|| format!("cannot listen on {wanted}"))?;
        listener.set_nonblocking(true).context("cannot listen")?;
        let address = listener.local_addr().context("cannot listen")?;
        let (token, note) = match &web.token {
            Some(reference) => (token::configured(reference)?, None),
            None => token::own(state_dir, address)?,
        };
        render::note(&format!("page and API at http://{address}/"));
        if let Some(note) = note {
            render::note(&note);
        }
        Ok(Some(Self { listener, guard: Guard { token, reach } }))
    }

    /// Begins to answer.
    pub(super) fn open(
        self,
        state_dir: &Path,
        snapshots: watch::Receiver<Arc<Snapshot>>,
        controls: mpsc::Sender<Control>,
        exported: Option<Arc<Counts>>,
    ) -> anyhow::Result<Open> {
        let source = Arc::new(WatchSource::new(state_dir.to_owned(), snapshots, controls, exported));
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("web".to_owned());
        let thread = thread.spawn(move || answer(self, source, stopped)).context("cannot start the page")?;
        Ok(Open { stop, thread })
    }
}

/// The page and the API while they answer.
pub(super) struct Open {
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Open {
    /// Lets those who ask finish, for a bounded time.
    pub(super) fn close(self) {
        drop(self.stop);
        match self.thread.join() {
            Ok(Ok(())) => {}
            Ok(Err(error)) => render::note(&format!("the page ended: {error:#}")),
            Err(_panic) => render::note("the page ended: it panicked"),
        }
    }
}

fn answer(place: Place, source: Arc<WatchSource>, stopped: oneshot::Receiver<()>) -> anyhow::Result<()> {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_all().max_blocking_threads(limits::READS_MAX).thread_name("web-read").build();
    let runtime = runtime.context("cannot start the runtime")?;
    let served = runtime.block_on(async {
        let listener = tokio::net::TcpListener::from_std(place.listener).context("cannot listen")?;
        let router = serve::router(source, place.guard);
        anyhow::Ok(serve::run(listener, router, async { drop(stopped.await) }).await)
    });
    runtime.shutdown_background();
    served.map(|_| ())
}

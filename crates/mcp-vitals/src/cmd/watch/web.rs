//! The page and the API of a watch. They run on a thread of their own, so that whatever they are asked delays no probe;
//! they reach the watch by snapshots and bounded controls alone.

mod source;
mod token;

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;

use anyhow::{Context as _, bail};
use tokio::sync::oneshot;
use vitals_model::config::Web;
use vitals_web::serve;
use vitals_web::{Guard, Reach, Token, limits};

use crate::render;
pub(super) use source::WatchSource;

/// A place to listen at that is ours.
pub(super) struct Place {
    /// As it was asked for: port 0 is any that is free.
    wanted: SocketAddr,
    listener: TcpListener,
    guard: Guard,
}

impl Place {
    /// Takes the place that was asked for; `None` when none was.
    pub(super) fn take(wanted: Option<SocketAddr>, web: &Web, state_dir: &Path) -> anyhow::Result<Option<Self>> {
        let Some(wanted) = wanted else { return Ok(None) };
        let reach = Reach::of(wanted);
        if reach == Reach::Network && web.token.is_none() {
            bail!(
                "{wanted} can be reached from elsewhere: give the configuration a token (web: {{token: env:NAME}}), or listen on 127.0.0.1"
            );
        }
        let listener = TcpListener::bind(wanted).with_context(|| format!("cannot listen on {wanted}"))?;
        listener.set_nonblocking(true).context("cannot listen")?;
        let address = listener.local_addr().context("cannot listen")?;
        let (token, note) = token(web, state_dir, address)?;
        render::note(&format!("page and API at http://{address}/"));
        if let Some(note) = note {
            render::note(&note);
        }
        Ok(Some(Self { wanted, listener, guard: Guard { token, reach } }))
    }
}

/// The token that holds, and what is to be said of it.
fn token(web: &Web, state_dir: &Path, address: SocketAddr) -> anyhow::Result<(Token, Option<String>)> {
    match &web.token {
        Some(reference) => Ok((token::configured(reference)?, None)),
        None => token::own(state_dir, address),
    }
}

/// The page and the API of a watch, wherever they are just now.
pub(super) struct Page {
    state_dir: PathBuf,
    source: Arc<WatchSource>,
    open: Option<Open>,
}

/// The page and the API while they answer.
struct Open {
    wanted: SocketAddr,
    guard: Guard,
    /// The same place as the one that is answered at.
    listener: TcpListener,
    stop: oneshot::Sender<()>,
    thread: JoinHandle<anyhow::Result<()>>,
}

impl Page {
    /// Begins to answer where there is a place for it.
    pub(super) fn open(place: Option<Place>, state_dir: &Path, source: WatchSource) -> anyhow::Result<Self> {
        let source = Arc::new(source);
        let open = place.map(|place| Open::at(place, Arc::clone(&source))).transpose()?;
        Ok(Self { state_dir: state_dir.to_owned(), source, open })
    }

    /// Goes where the configuration wants it now, with the token that it names. What cannot be done leaves all as it was,
    /// and is said. It waits for those who are being answered, for a bounded time.
    pub(super) fn follow(mut self, wanted: Option<SocketAddr>, web: &Web) -> Self {
        let moved = match (self.open.take(), wanted) {
            (Some(open), None) => {
                open.close();
                render::note("page and API closed");
                Ok(None)
            }
            (Some(open), Some(wanted)) if open.wanted == wanted => self.sign(open, web),
            (Some(open), wanted) => self.go(open, wanted, web),
            (None, wanted) => self.begin(wanted, web).map_err(|why| (None, why)),
        };
        self.open = moved.unwrap_or_else(|(open, why)| {
            let is = if open.is_some() { "stay where they are" } else { "are closed" };
            render::note(&format!("page and API {is}: {why:#}"));
            open
        });
        self
    }

    fn begin(&self, wanted: Option<SocketAddr>, web: &Web) -> anyhow::Result<Option<Open>> {
        let place = Place::take(wanted, web, &self.state_dir)?;
        place.map(|place| Open::at(place, Arc::clone(&self.source))).transpose()
    }

    /// The same place with the token that is named now.
    fn sign(&self, open: Open, web: &Web) -> Moved {
        let place = || {
            let (token, _) = token(web, &self.state_dir, open.listener.local_addr()?)?;
            let changed = (token != open.guard.token).then(|| open.listener.try_clone()).transpose()?;
            anyhow::Ok(changed.map(|listener| (listener, token)))
        };
        match place() {
            Ok(None) => Ok(Some(open)),
            Ok(Some((listener, token))) => {
                let place = Place { wanted: open.wanted, listener, guard: Guard { token, reach: open.guard.reach } };
                open.close();
                render::note("page and API have another token");
                Open::at(place, Arc::clone(&self.source)).map(Some).map_err(|why| (None, why))
            }
            Err(why) => Err((Some(open), why)),
        }
    }

    /// Another place. The old one is left when the new one answers; where both have the same port, that is not possible.
    fn go(&self, old: Open, wanted: Option<SocketAddr>, web: &Web) -> Moved {
        match self.begin(wanted, web) {
            Ok(new) => {
                old.close();
                Ok(new)
            }
            Err(why) if is_in_use(&why) && wanted.is_some_and(|wanted| wanted.port() == old.wanted.port()) => {
                let (was, guard) = (old.wanted, old.guard.clone());
                old.close();
                self.begin(wanted, web).map_err(|why| (self.again(was, guard), why))
            }
            Err(why) => Err((Some(old), why)),
        }
    }

    /// The old place once more, where it can still be had.
    fn again(&self, wanted: SocketAddr, guard: Guard) -> Option<Open> {
        let listener = TcpListener::bind(wanted).ok()?;
        listener.set_nonblocking(true).ok()?;
        Open::at(Place { wanted, listener, guard }, Arc::clone(&self.source)).ok()
    }

    /// Lets those who ask finish, for a bounded time.
    pub(super) fn close(self) {
        self.open.into_iter().for_each(Open::close);
    }
}

/// What answers now; with an error, what answers instead.
type Moved = Result<Option<Open>, (Option<Open>, anyhow::Error)>;

fn is_in_use(why: &anyhow::Error) -> bool {
    why.root_cause().downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::AddrInUse)
}

impl Open {
    fn at(place: Place, source: Arc<WatchSource>) -> anyhow::Result<Self> {
        let (wanted, guard) = (place.wanted, place.guard.clone());
        let listener = place.listener.try_clone().context("cannot listen")?;
        let (stop, stopped) = oneshot::channel();
        let thread = std::thread::Builder::new().name("web".to_owned());
        let thread = thread.spawn(move || answer(place, source, stopped)).context("cannot start the page")?;
        Ok(Self { wanted, guard, listener, stop, thread })
    }

    fn close(self) {
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

//! `watch`: continuous monitoring in the foreground. Incidents on standard output, all else on standard
//! error.

mod daily;
mod otlp;
pub(crate) mod web;

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc as std_mpsc;
use std::thread::JoinHandle;
use std::time::Duration;

use anyhow::Context as _;
use tokio::signal::unix::{Signal, SignalKind};
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use vitals_engine::export::{Classic, Onward, Recording};
use vitals_engine::store::{Store, StoreError};
use vitals_engine::supervisor::Supervisor;
use vitals_engine::{Control, Engine, Faces, History, Outcome};
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::snapshot::{Exported, Snapshot};
use vitals_model::text::count;
use vitals_model::time::human;
use vitals_probe::clock::{self, Stopwatch};
use vitals_probe::discover;

use self::daily::Daily;
use self::otlp::Export;
use crate::cli::{Common, LineFormat, WatchArgs};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, Ground};

/// Lines waiting to be printed; a reader that is slower than this many incidents loses the rest, which
/// is said at the end.
const LINES_MAX: usize = 1024;

/// Controls waiting.
const CONTROLS_MAX: usize = 16;

/// How long printing what is left may take at the end.
const PRINT_MAX: Duration = Duration::from_secs(2);

/// How long to wait for a history that another command holds, and how long between two tries.
const HELD_MAX: Duration = Duration::from_secs(2);
const HELD_PAUSE: Duration = Duration::from_millis(50);

pub(crate) fn run(common: &Common, args: &WatchArgs) -> anyhow::Result<Exit> {
    wiring::block_on(watch_on(common, args))?
}

async fn watch_on(common: &Common, args: &WatchArgs) -> anyhow::Result<Exit> {
    // Before all else: a signal that comes while the history is opened is heard afterwards.
    let signals = Signals::listen()?;
    let mut ground = Ground::new(common)?;
    if args.classic {
        ground.make_classic();
    }
    let place = web::Place::take(args.listen.or(ground.settings.web.listen), &ground.settings.web, &ground.state_dir)?;
    announce(&ground)?;
    let memory = wiring::memory_and_past(&ground.state_dir);
    let history = if args.no_history { History::Off } else { open_history(&ground)? };
    let classic = match &args.jsonl {
        Some(dir) => Some(Classic::create(dir, clock::now(), ground.settings.defaults.schedule.light)?),
        None => None,
    };
    let mut recording = args.record.as_deref().map(Recording::create).transpose()?;
    let watch_began = Stopwatch::start();
    let printer = Printer::start(args.format);
    let (lines, said) = (printer.lines.clone(), printer.lines.clone());
    let (snapshot, mut seen) = watch::channel(Arc::<Snapshot>::default());
    let recorded = async {
        // Without a reader no snapshot is made.
        let Some(recording) = &mut recording else { return drop(seen) };
        while seen.changed().await.is_ok() {
            recording.put(&seen.borrow_and_update());
        }
    };
    let faces = Faces {
        snapshot,
        tell: Box::new(move |change, incident| lines.print(change, incident)),
        say: Box::new(move |line| said.put(Line::Note(line.to_owned()))),
    };
    let onward = send_onward(&ground, printer.lines.clone())?;
    let export = Export::start(&ground.settings.otlp, ground.surroundings.proxy.clone(), faces.snapshot.subscribe())?;
    let end = args.for_.map(|duration| Instant::now() + duration);
    let (controls, inbox) = mpsc::channel(CONTROLS_MAX);
    // It is made of the history.
    let daily = if args.no_history { None } else { Daily::start(&ground, printer.lines.clone(), controls.clone()) };
    let counts = export.as_ref().map(|export| Arc::clone(&export.counts));
    let kept = (!args.no_history).then(|| ground.state_dir.clone());
    let source = web::WatchSource::new(kept, faces.snapshot.subscribe(), controls.clone(), counts);
    let mut page = Some(web::Page::open(place, &ground.state_dir, source)?);
    let engine = Engine::new(ground.settings, ground.surroundings, ground.wanted, memory, history, classic, faces);
    let supervisor = Supervisor::from_environment(wiring::env);
    let engine = engine.looking_around(wiring::look_around(common)).sending(onward).supervised_by(supervisor);
    let watching = engine.run(inbox, end);
    let watched = async {
        tokio::pin!(watching);
        tokio::select! {
            outcome = &mut watching => outcome,
            () = obey(signals, common, args, controls, &mut page) => watching.await,
        }
    };
    // The snapshots end with the watching.
    let (outcome, ()) = tokio::join!(watched, recorded);
    page.into_iter().for_each(web::Page::close);
    daily.into_iter().for_each(Daily::end);
    let lost = printer.end();
    let exported = export.map(Export::end).unwrap_or_default();
    summarise(&outcome, watch_began.elapsed(), lost);
    if let Some(pictures @ 1..) = recording.map(Recording::end) {
        render::note(&format!("{} not recorded", count(pictures, "picture")));
    }
    say_lost(&exported);
    Ok(Exit::Ok)
}

/// Says what the collector did not get.
fn say_lost(exported: &Exported) {
    if exported.failed + exported.dropped > 0 {
        let requests = count(exported.failed, "request");
        render::note(&format!(
            "otlp: {requests} of {} failed, {} sent once more, {} probes without a trace",
            exported.sent + exported.failed,
            exported.retried,
            exported.dropped
        ));
    }
}

/// Begins to send logs onward, where destinations are configured.
fn send_onward(ground: &Ground, said: Lines) -> anyhow::Result<Option<Onward>> {
    let say = Box::new(move |line: &str| said.put(Line::Note(line.to_owned())));
    let proxy = ground.surroundings.proxy.as_ref();
    Ok(Onward::start(&ground.settings.logs, &ground.state_dir.join("onward"), &wiring::host(), proxy, say)?)
}

/// What will be watched; nothing to watch yet is no error, a hub may come.
fn announce(ground: &Ground) -> anyhow::Result<()> {
    let found = discover::find(&ground.settings, &ground.surroundings, &ground.wanted);
    if !found.unknown.is_empty() {
        anyhow::bail!("{}", found.unknown.join("\n"));
    }
    for target in &found.targets {
        render::note(&format!("watching {} at {}", target.id, target.address));
    }
    if found.targets.is_empty() {
        render::note("no hub yet: waiting for one to appear");
    }
    Ok(())
}

/// A history that another watch holds, or that a newer version wrote, is for the operator to settle; one
/// that cannot be written costs only the history.
fn open_history(ground: &Ground) -> anyhow::Result<History> {
    let began = Stopwatch::start();
    let mut opened = Store::open(&ground.state_dir, &ground.settings.storage);
    // A `check` holds it for the third of a second that it takes.
    while matches!(opened, Err(StoreError::Held { .. })) && began.elapsed() < HELD_MAX {
        std::thread::sleep(HELD_PAUSE);
        opened = Store::open(&ground.state_dir, &ground.settings.storage);
    }
    let store = match opened {
        Ok(store) => store,
        Err(error @ StoreError::Held { .. }) => {
            let hint = "end it, or watch without a history: --no-history, or with another: --state-dir DIR";
            return Err(anyhow::Error::from(error).context(format!("another watch keeps this history; {hint}")));
        }
        Err(error @ StoreError::Newer { .. }) => return Err(error).context("cannot open the history"),
        Err(error) => {
            let error = format!("{:#}", anyhow::Error::from(error));
            render::note(&format!("history is not kept ({error}); watching goes on"));
            return Ok(History::Lost { error, records: 0 });
        }
    };
    let health = store.health();
    if let Some(aside) = health.moved_aside {
        render::note(&format!("the history was damaged; it was moved to {} and a new one begun", aside.display()));
    }
    if let Some(error) = health.error {
        render::note(&format!("history is not kept for now ({error}); watching goes on"));
    }
    Ok(History::Kept(store))
}

/// What a watch is told by signals.
struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Listens from now on.
    fn listen() -> anyhow::Result<Self> {
        let listen = wiring::listen;
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }
}

/// The first INT or TERM ends the watch cleanly, HUP reads the configuration again.
async fn obey(
    mut signals: Signals,
    common: &Common,
    args: &WatchArgs,
    controls: mpsc::Sender<Control>,
    page: &mut Option<web::Page>,
) {
    loop {
        tokio::select! {
            _ = signals.interrupt.recv() => break,
            _ = signals.terminate.recv() => break,
            _ = signals.hangup.recv() => {
                match Ground::new(common) {
                    Ok(mut ground) => {
                        if args.classic {
                            ground.make_classic();
                        }
                        render::note("configuration read again");
                        let web = ground.settings.web.clone();
                        let (wanted, now) = (args.listen.or(web.listen), page.take());
                        // It waits for those who are being answered: not where probes are sent.
                        let moved = tokio::task::spawn_blocking(move || now.map(|page| page.follow(wanted, &web)));
                        *page = moved.await.unwrap_or_default();
                        let _ = controls.send(Control::Reload(Box::new(ground.settings))).await;
                    }
                    Err(error) => render::note(&format!("configuration not changed: {error:#}")),
                }
            }
        }
    }
    let _ = controls.send(Control::Stop).await;
}

/// Prints on a thread of its own: a terminal that is stopped or a pipe that is full delays no probe.
struct Printer {
    lines: Lines,
    thread: Option<JoinHandle<()>>,
    at_end: std_mpsc::Receiver<()>,
}

/// What is printed, and where.
enum Line {
    /// A change of an incident, on standard output.
    Change(String),
    /// Something about the watch itself, on standard error.
    Note(String),
}

#[derive(Clone)]
struct Lines {
    queue: std_mpsc::SyncSender<Line>,
    format: LineFormat,
    lost: Arc<AtomicU64>,
}

impl Lines {
    fn print(&self, change: IncidentChange, incident: &Incident) {
        let text = match self.format {
            LineFormat::Text => render::text::incident(change, incident),
            LineFormat::Json => render::incident_line(change, incident),
        };
        self.put(Line::Change(text));
    }

    fn put(&self, line: Line) {
        if self.queue.try_send(line).is_err() {
            self.lost.fetch_add(1, Ordering::Relaxed);
        }
    }
}

impl Printer {
    fn start(format: LineFormat) -> Self {
        let (queue, inbox) = std_mpsc::sync_channel::<Line>(LINES_MAX);
        let (say_finished, at_end) = std_mpsc::channel();
        let lost = Arc::new(AtomicU64::new(0));
        let unwritten = Arc::clone(&lost);
        let thread = std::thread::spawn(move || {
            let mut out = anstream::stdout();
            for line in inbox {
                let line = match line {
                    Line::Change(text) => text,
                    Line::Note(text) => {
                        render::note(&text);
                        continue;
                    }
                };
                // A reader that went away does not end the watch: it still keeps history.
                if out.write_all(line.as_bytes()).and_then(|()| out.flush()).is_err() {
                    unwritten.fetch_add(1, Ordering::Relaxed);
                }
            }
            let _ = say_finished.send(());
        });
        Self { lines: Lines { queue, format, lost }, thread: Some(thread), at_end }
    }

    /// Prints what is left; how many lines found no room or no reader.
    fn end(mut self) -> u64 {
        let lost = Arc::clone(&self.lines.lost);
        drop(self.lines);
        if self.at_end.recv_timeout(PRINT_MAX).is_ok()
            && let Some(thread) = self.thread.take()
        {
            let _ = thread.join();
        }
        lost.load(Ordering::Relaxed)
    }
}

fn summarise(outcome: &Outcome, watched: Duration, unprinted: u64) {
    let last = &outcome.last;
    let open: usize = last.targets.iter().map(|t| t.open.len()).sum();
    render::note(&format!(
        "watched {} for {}: {} probes, {} MCP sessions opened, {} opened, {} resolved, {open} still open",
        count(last.targets.len() as u64, "target"),
        human(watched),
        last.own.probes,
        outcome.sessions,
        count(outcome.opened, "incident"),
        outcome.resolved,
    ));
    for target in &last.targets {
        render::note(&format!("{}: {}, score {}", target.target.id, target.health.as_str(), target.score));
    }
    for away in &last.own.destinations {
        let (refused, dropped) = (away.refused, away.dropped);
        let gone = if refused + dropped == 0 { String::new() } else { format!(", {refused} refused, {dropped} dropped") };
        render::note(&format!("logs: {}: {} sent, {} wait on disk{gone}", away.name, count(away.sent, "record"), away.waiting));
    }
    if last.own.samples_lost + last.own.dropped + unprinted > 0 {
        render::note(&format!(
            "lost: {} samples of history, {} events, {unprinted} lines of output",
            last.own.samples_lost, last.own.dropped
        ));
    }
}

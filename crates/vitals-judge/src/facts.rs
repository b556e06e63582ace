//! Facts: the latest that is known of one target, and short windows of its past. It judges nothing.

mod by_server;
mod calls;
mod course;
mod cpu;
mod exits;
mod exposure;
mod known;
mod levels;
mod listed;
mod records;
mod servers;
mod skip;
mod stopped;
mod stretch;
mod surfaces;
mod taken;

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use vitals_model::claim::{HubState, ServerClaim};
use vitals_model::limits::SERVERS_MAX;
use vitals_model::observation::{
    ApiSeen, ErrorKind, ExitRole, ExitSeen, Failure, LevelCounts, LlmSeen, LogSeen, MetaToolSeen, Observation, ProcessId,
    ProcessSeen, RunState, Seen, ServerTurn, SessionSeen, StreamNote, StreamSeen, VisitSeen, WorkspaceSeen,
};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::{LockFile, Pins, ToolSet};

pub use by_server::ByServer;
use by_server::Place;
pub use calls::CallCourse;
pub(crate) use calls::is_empty_answer;
pub use course::{Course, StateCourse};
pub use cpu::CpuUse;
pub use exits::Exits;
use exposure::Exposure;
pub use levels::Levels;
use listed::Listed;
pub use records::Records;
use stopped::Stopped;
pub use stretch::{Lines, LogWindow};
pub use surfaces::Surface;
pub use taken::{Taken, Told};

/// Most server turns and child exits remembered; the oldest go first.
const TURNS_MAX: usize = 512;

/// Most log lines of level warn and above kept for faces.
const LOG_TAIL_MAX: usize = 20;

/// Most servers whose tools are remembered; beyond it those that the hub does not list any more are
/// forgotten.
const TOOLS_BEFORE_MAX: usize = 2 * SERVERS_MAX;

/// A minute: the width in which log records are counted.
const MINUTE: Duration = Duration::from_secs(60);

/// A fact with its time.
#[derive(Clone, Debug)]
pub struct Known<T> {
    /// What was seen.
    pub seen: T,
    /// When.
    pub at: Timestamp,
    /// How long looking took.
    pub took: Duration,
}

impl<T> Known<T> {
    /// When looking began. What it saw may be as old as this.
    pub fn began(&self) -> Timestamp {
        self.at.minus(self.took)
    }
}

/// The hub's event stream as we hold it.
#[derive(Clone, Debug, Default)]
pub struct Stream {
    /// When it opened, and how long the first event took; `None` while it is not open.
    pub opened: Option<(Timestamp, Duration)>,
    /// When anything last came.
    pub last_event: Option<Timestamp>,
    /// When a heartbeat last came.
    pub last_heartbeat: Option<Timestamp>,
    /// Why it is not open.
    pub lost: Option<(Timestamp, Failure)>,
    /// Events since it opened.
    pub events: u64,
    /// Events that were too many to look at.
    pub dropped: u64,
}

/// The latest that is known of one target.
#[derive(Clone, Debug, Default)]
pub struct Facts {
    /// The workspace record.
    pub workspace: Option<Known<WorkspaceSeen>>,
    /// The process.
    pub process: Option<Known<ProcessSeen>>,
    /// The REST API's answer.
    pub api: Option<Known<ApiSeen>>,
    /// The sessions.
    pub session: Option<Known<SessionSeen>>,
    /// The meta-tool's last call.
    pub meta_tool: Option<Known<MetaToolSeen>>,
    /// The LLM provider's answer.
    pub llm: Option<Known<LlmSeen>>,
    /// The log file and the latest stretch of it.
    pub log: Option<Known<LogSeen>>,
    /// The last hour of the log.
    pub log_window: LogWindow,
    /// Lines of disconnect storms so far.
    pub storm_lines: u64,
    /// Log records by level, from the file.
    pub file_levels: Levels,
    /// Log records by level, from the event stream.
    pub stream_levels: Levels,
    /// The event stream.
    pub stream: Stream,
    /// What our visits cost.
    pub visit: Option<Known<VisitSeen>>,
    /// Children that ended: when, which, and the server they ran.
    pub exits: Exits,
    /// Servers that connected or were lost.
    pub turns: VecDeque<ServerTurn>,
    /// How the hub's claim of each server went on.
    pub courses: ByServer<Course>,
    /// How the hub's claim of itself went on.
    pub state: Option<StateCourse>,
    /// Since when every call to a server was answered with "not connected".
    pub refused_since: ByServer<Timestamp>,
    /// How often the hub was seen with a new process.
    pub restarts: u64,
    /// The tools of each server as last seen, before the latest list.
    pub tools_before: ByServer<ToolSet>,
    /// What is known of each server's tools beside their names.
    pub surfaces: ByServer<Surface>,
    /// The lock file as last looked at, and when.
    pub lock: Option<(Timestamp, LockFile)>,
    /// What it last held while it could be read.
    pins: Option<Arc<Pins>>,
    /// What the tools of servers usually cost in tokens, as far as another monitor saw it.
    usual_tokens: BTreeMap<Text, u64>,
    /// How many of the hub's clients were ours when it last answered.
    pub own_clients: u64,
    /// The last good answer about servers, in the order of their names, for when the API does not answer.
    last_servers: Option<Vec<ServerClaim>>,
    /// The last known identity of the process: its successor is a restart.
    last_process: Option<ProcessId>,
    /// The tools that the first session lists, by server; `None` when it lists none.
    listed: Option<Listed>,
    /// The children of the hub's process by the name of their server, the youngest of each first.
    children: Vec<usize>,
    /// Where the claim, the call and the child of the server stand that was last asked for.
    places: [Place; 3],
    /// When the hub itself was last seen not to work: its process did not run, or its API gave no answer.
    pub hub_unwell: Option<Timestamp>,
    /// When the hub last told that it stops.
    pub stopping: Option<Timestamp>,
    /// The CPU that the process used lately.
    pub cpu: CpuUse,
    /// How the canary calls of each server went on.
    pub calls: ByServer<CallCourse>,
    /// What the hub wrote about its work.
    pub records: Records,
    /// Since when the log file, which could be read before, cannot be read.
    pub log_lost: Option<Timestamp>,
    /// When somebody stopped which server.
    stopped: Stopped,
    /// What is exposed to a session that asks for nothing.
    exposure: Option<Exposure>,
    /// Turns of servers that the latest observation added.
    pub new_turns: Vec<ServerTurn>,
    /// The latest log lines of level warn and above.
    pub tail: VecDeque<String>,
}

impl Facts {
    /// Nothing seen yet; the tools of each server, and what they usually cost in tokens, as another monitor saw them.
    pub fn remembering(tools_before: ByServer<ToolSet>, usual_tokens: BTreeMap<Text, u64>) -> Self {
        Self { tools_before, usual_tokens, ..Self::default() }
    }

    /// Takes in one observation.
    pub fn take(&mut self, observation: Observation) -> Taken {
        let (at, took) = (observation.at, observation.took);
        self.new_turns.clear();
        match observation.seen {
            Seen::Workspace(seen) => {
                self.workspace = Some(Known { seen, at, took });
                Taken::Workspace
            }
            Seen::Process(seen) => Taken::Process(self.take_process(seen, at, took)),
            Seen::Exit(seen) => {
                self.take_exit(&seen, at, took);
                Taken::Exit(seen.role)
            }
            Seen::Api(seen) => Taken::Api(self.take_api(*seen, at, took)),
            Seen::Session(seen) => Taken::Session(self.take_session(*seen, at, took)),
            Seen::MetaTool(seen) => {
                self.meta_tool = Some(Known { seen, at, took });
                Taken::MetaTool
            }
            Seen::Llm(seen) => {
                self.llm = Some(Known { seen, at, took });
                Taken::Llm
            }
            Seen::Log(seen) => {
                self.take_log(*seen, at, took);
                Taken::Log
            }
            Seen::Stream(seen) => {
                self.take_stream(&seen, at);
                Taken::Stream(seen)
            }
            Seen::Visit(seen) => {
                self.visit = Some(Known { seen, at, took });
                Taken::Visit
            }
        }
    }

    fn take_process(&mut self, mut seen: ProcessSeen, at: Timestamp, took: Duration) -> Told {
        let told = Told::by_process(self.process.as_ref(), &seen, at);
        match &mut seen {
            ProcessSeen::Alive(process) => {
                self.restarts += u64::from(self.last_process.is_some_and(|before| before != process.id));
                self.last_process = Some(process.id);
                self.cpu.take(process);
            }
            ProcessSeen::Gone { last, .. } => *last = last.or(self.last_process),
            ProcessSeen::Remote | ProcessSeen::Hidden(_) => {}
        }
        let runs = match &seen {
            ProcessSeen::Alive(process) => matches!(process.state, RunState::Normal | RunState::DiskSleep),
            ProcessSeen::Gone { .. } => false,
            ProcessSeen::Remote | ProcessSeen::Hidden(_) => true,
        };
        if !runs {
            self.hub_unwell = Some(at);
        }
        if told == Told::More {
            self.sort_children(&seen);
        }
        self.process = Some(Known { seen, at, took });
        told
    }

    fn sort_children(&mut self, seen: &ProcessSeen) {
        self.children.clear();
        if let ProcessSeen::Alive(process) = seen {
            let child = |n: &usize| &process.children[*n];
            self.children.extend((0..process.children.len()).filter(|n| child(n).server.is_some()));
            self.children.sort_by(|a, b| (&child(a).server, child(a).uptime).cmp(&(&child(b).server, child(b).uptime)));
        }
    }

    /// The hub's own end is known at once, so that what follows from it is not taken for a fault of its
    /// own; who outlived it is seen by the next look.
    fn take_exit(&mut self, seen: &ExitSeen, at: Timestamp, took: Duration) {
        match seen.role {
            ExitRole::Hub if self.last_process == Some(seen.id) => {
                _ = self.take_process(ProcessSeen::Gone { last: Some(seen.id), orphans: Vec::new() }, at, took);
            }
            ExitRole::Hub => {}
            ExitRole::Child { .. } => self.exits.take(at, seen, TURNS_MAX),
        }
    }

    fn take_log(&mut self, seen: LogSeen, at: Timestamp, took: Duration) {
        let stretch = &seen.stretch;
        // A record from the future would count as recent for ever.
        let this_minute = at.floor_to(MINUTE);
        for (minute, counts) in &stretch.minutes {
            self.file_levels.add((*minute).min(this_minute), counts);
        }
        if stretch.untimed != LevelCounts::default() {
            self.file_levels.add(this_minute, &stretch.untimed);
        }
        for kind in &stretch.errors {
            self.file_levels.add_kind(kind);
            self.push_tail(format!("error {} ×{}: {}", kind.code, kind.count, kind.example));
        }
        for turn in &stretch.turns {
            let turn = ServerTurn { at: turn.at.or(stretch.over.map(|_| at)), ..turn.clone() };
            self.push_turn(turn);
        }
        if stretch.over.is_none() {
            // Turns of before we followed the log are in history already, or were nobody's to keep.
            self.new_turns.clear();
        }
        self.log_window.take(stretch, at);
        self.records.read(&seen, at);
        let was_readable = self.log.as_ref().is_some_and(|log| log.seen.file.is_ok());
        self.log_lost = seen.file.is_err().then(|| self.log_lost.or(was_readable.then_some(at))).flatten();
        self.storm_lines += stretch.storm_lines;
        self.log = Some(Known { seen, at, took });
    }

    fn take_stream(&mut self, seen: &StreamSeen, at: Timestamp) {
        match seen {
            StreamSeen::Opened { first_event } => {
                self.stream = Stream { opened: Some((at, *first_event)), last_event: Some(at), ..Stream::default() };
            }
            StreamSeen::Lost(failure) => {
                // Tries to open it again that fail are no further loss.
                if self.stream.opened.take().is_some() || self.stream.lost.is_none() {
                    self.stream.lost = Some((at, failure.clone()));
                }
            }
            StreamSeen::Notes { notes, dropped } => {
                self.stream.last_event = Some(at);
                self.stream.events += notes.len() as u64 + dropped;
                self.stream.dropped += dropped;
                let told = notes.iter().filter(|note| matches!(note, StreamNote::Log { .. })).count() as u64;
                if told > 0 {
                    self.records.told(told, at);
                }
                for note in notes {
                    self.take_note(note, at);
                }
            }
        }
    }

    fn take_note(&mut self, note: &StreamNote, at: Timestamp) {
        match note {
            StreamNote::Heartbeat => self.stream.last_heartbeat = Some(at),
            StreamNote::Log { at: written, level, code, message } => {
                let mut counts = LevelCounts::default();
                counts.add(*level, 1);
                self.stream_levels.add(written.unwrap_or(at).min(at).floor_to(MINUTE), &counts);
                if counts.errors() > 0 {
                    let kind = ErrorKind { code: code.clone(), example: message.clone(), count: 1, first: *written };
                    self.stream_levels.add_kind(&kind);
                }
                if *level >= vitals_model::observation::Level::Warn {
                    self.push_tail(format!("{} {}: {message}", level.as_str(), code));
                }
            }
            StreamNote::Turn(turn) => self.push_turn(ServerTurn { at: turn.at.or(Some(at)), ..turn.clone() }),
            StreamNote::StormLine => self.storm_lines += 1,
            StreamNote::State { state: HubState::Stopping | HubState::Stopped, .. } => self.stopping = Some(at),
            StreamNote::ClientAbort | StreamNote::State { .. } | StreamNote::Changed(_) | StreamNote::Other(_) => {}
        }
    }

    /// A turn told twice, by the log file and by the stream, is one turn: the two reports of one
    /// event are at most this far apart.
    fn push_turn(&mut self, turn: ServerTurn) {
        const SAME: Duration = Duration::from_secs(2);
        let known = self.turns.iter().rev().take(16).any(|t| {
            t.server == turn.server
                && t.turn == turn.turn
                && matches!((t.at, turn.at), (Some(a), Some(b)) if a.since(b).max(b.since(a)) <= SAME)
        });
        if !known {
            self.new_turns.push(turn.clone());
            push_bounded(&mut self.turns, turn, TURNS_MAX);
        }
    }

    fn push_tail(&mut self, line: String) {
        if self.tail.back() != Some(&line) {
            push_bounded(&mut self.tail, line, LOG_TAIL_MAX);
        }
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() == max {
        queue.pop_front();
    }
    queue.push_back(item);
}

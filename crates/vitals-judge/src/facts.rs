//! Facts: the latest that is known of one target, and short windows of its past. It judges nothing.

use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

use vitals_model::claim::{FilteringClaim, HubClaim, ServerClaim};
use vitals_model::limits::{ERROR_KINDS_MAX, LOG_MINUTES_MAX};
use vitals_model::observation::{
    ApiSeen, CallSeen, ErrorKind, ExitRole, ExitSeen, Failure, LevelCounts, LlmSeen, LogSeen, LogStretch, MetaToolSeen,
    Observation, ProcessId, ProcessSeen, Seen, ServerTurn, SessionSeen, StreamNote, StreamSeen, VisitSeen, WorkspaceSeen,
};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;

/// Most server turns and child exits remembered; the oldest go first.
const TURNS_MAX: usize = 512;

/// Most log lines of level warn and above kept for faces.
const LOG_TAIL_MAX: usize = 20;

/// How far back a growth rate looks.
const GROWTH_WINDOW: Duration = Duration::from_secs(3600);

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

/// Log records per level over time, from one source.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    minutes: BTreeMap<Timestamp, LevelCounts>,
    kinds: Vec<ErrorKind>,
}

impl Levels {
    /// Adds records of one minute.
    pub fn add(&mut self, minute: Timestamp, counts: &LevelCounts) {
        self.minutes.entry(minute).or_default().merge(counts);
        while self.minutes.len() > LOG_MINUTES_MAX {
            self.minutes.pop_first();
        }
    }

    fn add_kind(&mut self, kind: &ErrorKind) {
        if let Some(known) = self.kinds.iter_mut().find(|k| k.code == kind.code) {
            known.count += kind.count;
            known.example = kind.example.clone();
        } else if self.kinds.len() < ERROR_KINDS_MAX {
            self.kinds.push(kind.clone());
        }
        self.kinds.sort_by_key(|k| std::cmp::Reverse(k.count));
    }

    /// The records from `from` on (whole minutes).
    pub fn since(&self, from: Timestamp) -> LevelCounts {
        let mut sum = LevelCounts::default();
        self.minutes.range(from..).for_each(|(_, counts)| sum.merge(counts));
        sum
    }

    /// Errors per minute, oldest first; minutes without records are left out.
    pub fn errors(&self) -> impl Iterator<Item = (Timestamp, u64)> + '_ {
        self.minutes.iter().map(|(at, counts)| (*at, counts.errors()))
    }

    /// Kinds of error, most frequent first.
    pub fn kinds(&self) -> &[ErrorKind] {
        &self.kinds
    }

    /// Whether any record was ever seen.
    pub fn is_empty(&self) -> bool {
        self.minutes.is_empty()
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
    /// All stretches of the log so far, summed.
    pub log_sum: LogStretch,
    /// Log records by level, from the file.
    pub file_levels: Levels,
    /// Log records by level, from the event stream.
    pub stream_levels: Levels,
    /// The event stream.
    pub stream: Stream,
    /// What our visits cost.
    pub visit: Option<Known<VisitSeen>>,
    /// Children that ended: when, which, and the server they ran.
    pub exits: VecDeque<(Timestamp, ExitSeen)>,
    /// Servers that connected or were lost.
    pub turns: VecDeque<ServerTurn>,
    /// When the hub's claim of a server became "connected with uptime zero".
    pub zero_uptime: BTreeMap<Text, Timestamp>,
    /// When the hub's claim of a server last changed before our eyes; a first claim is no change.
    pub claim_changed: BTreeMap<Text, Timestamp>,
    /// Since when every call to a server was answered with "not connected".
    pub refused_since: BTreeMap<Text, Timestamp>,
    /// When the hub first claimed anything.
    pub first_claim: Option<Timestamp>,
    /// How often the hub was seen with a new process.
    pub restarts: u64,
    /// The tools of each server as last seen, before the latest list.
    pub tools_before: BTreeMap<Text, ToolSet>,
    /// How many of the hub's clients were ours when it last answered.
    pub own_clients: u64,
    /// The last good answer about servers, for when the API does not answer.
    last_servers: Vec<ServerClaim>,
    /// Bytes that the log grew by, with their times.
    growth: VecDeque<(Timestamp, u64)>,
    growth_since: Option<Timestamp>,
    /// The latest log lines of level warn and above.
    pub tail: VecDeque<String>,
}

impl Facts {
    /// Takes in one observation.
    pub fn take(&mut self, observation: &Observation) {
        let (at, took) = (observation.at, observation.took);
        match &observation.seen {
            Seen::Workspace(seen) => self.workspace = Some(Known { seen: seen.clone(), at, took }),
            Seen::Process(seen) => self.take_process(seen, at, took),
            Seen::Exit(seen) => push_bounded(&mut self.exits, (at, seen.clone()), TURNS_MAX),
            Seen::Api(seen) => self.take_api(seen, at, took),
            Seen::Session(seen) => self.take_session(seen, at, took),
            Seen::MetaTool(seen) => self.meta_tool = Some(Known { seen: seen.clone(), at, took }),
            Seen::Llm(seen) => self.llm = Some(Known { seen: seen.clone(), at, took }),
            Seen::Log(seen) => self.take_log(seen, at, took),
            Seen::Stream(seen) => self.take_stream(seen, at),
            Seen::Visit(seen) => self.visit = Some(Known { seen: seen.clone(), at, took }),
        }
    }

    fn take_process(&mut self, seen: &ProcessSeen, at: Timestamp, took: Duration) {
        if let (Some(before), ProcessSeen::Alive(now)) = (self.process_id(), seen)
            && before != now.id
        {
            self.restarts += 1;
        }
        // A process that is gone keeps its last identity, so that its successor is seen as a restart.
        let seen = match seen {
            ProcessSeen::Gone { last: None, orphans } => ProcessSeen::Gone { last: self.process_id(), orphans: orphans.clone() },
            other => other.clone(),
        };
        self.process = Some(Known { seen, at, took });
    }

    fn process_id(&self) -> Option<ProcessId> {
        match &self.process.as_ref()?.seen {
            ProcessSeen::Alive(facts) => Some(facts.id),
            ProcessSeen::Gone { last, .. } => *last,
            ProcessSeen::Remote | ProcessSeen::Hidden(_) => None,
        }
    }

    fn take_api(&mut self, seen: &ApiSeen, at: Timestamp, took: Duration) {
        let mut seen = seen.clone();
        if let Ok(servers) = &seen.servers {
            self.first_claim.get_or_insert(at);
            for claim in servers {
                let before = self.claim(&claim.name).map(|c| c.status.clone());
                if before.is_some_and(|before| before != claim.status) {
                    self.claim_changed.insert(claim.name.clone(), at);
                }
                let zero = claim.uptime == Some(Duration::ZERO) && claim.status == vitals_model::claim::ClaimStatus::Connected;
                if zero {
                    self.zero_uptime.entry(claim.name.clone()).or_insert(at);
                } else {
                    self.zero_uptime.remove(&claim.name);
                }
            }
        } else if let Some(Known { seen: ApiSeen { servers: Ok(last), .. }, .. }) = &self.api {
            // The last claims stay known as names; their age is that of the last good answer, and
            // `Facts::api_failure` says that they are old.
            self.last_servers.clone_from(last);
        }
        if seen.filtering.is_none() {
            seen.filtering = self.api.as_ref().and_then(|known| known.seen.filtering.clone());
        }
        self.own_clients = self.count_own_clients();
        self.api = Some(Known { seen, at, took });
    }

    fn take_session(&mut self, seen: &SessionSeen, at: Timestamp, took: Duration) {
        for call in &seen.calls {
            match &call.answer {
                Some(Err(failure)) if crate::truth::is_disconnected(failure) => {
                    self.refused_since.entry(call.server.clone()).or_insert(at);
                }
                _ => {
                    self.refused_since.remove(&call.server);
                }
            }
        }
        self.session = Some(Known { seen: seen.clone(), at, took });
    }

    fn take_log(&mut self, seen: &LogSeen, at: Timestamp, took: Duration) {
        let stretch = &seen.stretch;
        for (minute, counts) in &stretch.minutes {
            self.file_levels.add(*minute, counts);
        }
        if stretch.untimed != LevelCounts::default() {
            self.file_levels.add(at.floor_to(Duration::from_secs(60)), &stretch.untimed);
        }
        for kind in &stretch.errors {
            self.file_levels.add_kind(kind);
            self.push_tail(format!("error {} ×{}: {}", kind.code, kind.count, kind.example));
        }
        for turn in &stretch.turns {
            let turn = ServerTurn { at: turn.at.or(stretch.over.map(|_| at)), ..turn.clone() };
            self.push_turn(turn);
        }
        if stretch.over.is_some() {
            self.growth_since.get_or_insert(at);
            self.growth.push_back((at, stretch.bytes));
            while self.growth.front().is_some_and(|(then, _)| at.since(*then) > GROWTH_WINDOW) {
                self.growth.pop_front();
                self.growth_since = self.growth.front().map(|(then, _)| *then);
            }
        }
        let sum = &mut self.log_sum;
        sum.bytes += stretch.bytes;
        sum.plain += stretch.plain;
        sum.pino += stretch.pino;
        sum.stdout += stretch.stdout;
        sum.broken += stretch.broken;
        sum.fallbacks += stretch.fallbacks;
        sum.storm_lines += stretch.storm_lines;
        sum.client_aborts += stretch.client_aborts;
        self.log = Some(Known { seen: seen.clone(), at, took });
    }

    fn take_stream(&mut self, seen: &StreamSeen, at: Timestamp) {
        match seen {
            StreamSeen::Opened { first_event } => {
                self.stream = Stream { opened: Some((at, *first_event)), last_event: Some(at), ..Stream::default() };
            }
            StreamSeen::Lost(failure) => {
                self.stream.opened = None;
                self.stream.lost = Some((at, failure.clone()));
            }
            StreamSeen::Notes { notes, dropped } => {
                self.stream.last_event = Some(at);
                self.stream.events += notes.len() as u64 + dropped;
                self.stream.dropped += dropped;
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
                self.stream_levels.add(written.unwrap_or(at).floor_to(Duration::from_secs(60)), &counts);
                if counts.errors() > 0 {
                    let kind = ErrorKind { code: code.clone(), example: message.clone(), count: 1 };
                    self.stream_levels.add_kind(&kind);
                }
                if *level >= vitals_model::observation::Level::Warn {
                    self.push_tail(format!("{} {}: {message}", level.as_str(), code));
                }
            }
            StreamNote::Turn(turn) => self.push_turn(ServerTurn { at: turn.at.or(Some(at)), ..turn.clone() }),
            StreamNote::StormLine => self.log_sum.storm_lines += 1,
            StreamNote::ClientAbort => self.log_sum.client_aborts += 1,
            StreamNote::State { .. } | StreamNote::Changed(_) | StreamNote::Other(_) => {}
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
            push_bounded(&mut self.turns, turn, TURNS_MAX);
        }
    }

    fn push_tail(&mut self, line: String) {
        if self.tail.back() != Some(&line) {
            push_bounded(&mut self.tail, line, LOG_TAIL_MAX);
        }
    }

    /// What the hub last said of itself, if its last answer was one.
    pub fn hub(&self) -> Option<&HubClaim> {
        self.api.as_ref()?.seen.health.as_ref().ok()
    }

    /// What the hub last said of its servers; the last good answer when the latest was none.
    pub fn servers(&self) -> &[ServerClaim] {
        match self.api.as_ref().map(|known| &known.seen.servers) {
            Some(Ok(servers)) => servers,
            _ => &self.last_servers,
        }
    }

    /// What the hub last said of one server.
    pub fn claim(&self, server: &Text) -> Option<&ServerClaim> {
        self.servers().iter().find(|claim| claim.name == *server)
    }

    /// Why the API did not answer last time.
    pub fn api_failure(&self) -> Option<&Failure> {
        let seen = &self.api.as_ref()?.seen;
        seen.health.as_ref().err().or(seen.servers.as_ref().err())
    }

    /// Filtering statistics, when the hub has them.
    pub fn filtering(&self) -> Option<&FilteringClaim> {
        self.api.as_ref()?.seen.filtering.as_ref()?.as_ref().ok()
    }

    /// The latest canary call of a server.
    pub fn call(&self, server: &Text) -> Option<(&CallSeen, Timestamp)> {
        let known = self.session.as_ref()?;
        known.seen.calls.iter().find(|call| call.server == *server).map(|call| (call, known.at))
    }

    /// When the last known child of a server ended, if it ended after the last look at the process.
    pub fn exit(&self, server: &Text) -> Option<(Timestamp, u32)> {
        self.exits.iter().rev().find_map(|(at, exit)| match &exit.role {
            ExitRole::Child { server: Some(name), .. } if name == server => Some((*at, exit.id.pid)),
            _ => None,
        })
    }

    /// When the latest child without a known server ended.
    pub fn unnamed_exit(&self) -> Option<Timestamp> {
        self.exits.iter().rev().find_map(|(at, exit)| match &exit.role {
            ExitRole::Child { server: None, .. } => Some(*at),
            _ => None,
        })
    }

    /// Log records by level: from the file when its records carry levels, else from the stream.
    pub fn levels(&self) -> &Levels {
        if self.file_levels.is_empty() { &self.stream_levels } else { &self.file_levels }
    }

    /// How the log grows, in bytes per hour, and over which span that was measured.
    pub fn growth_per_hour(&self, now: Timestamp) -> Option<(f64, Duration)> {
        const SPAN_MIN: Duration = Duration::from_secs(60);
        if let Some(since) = self.growth_since {
            let span = now.since(since);
            let bytes: u64 = self.growth.iter().map(|(_, bytes)| bytes).sum();
            return (span >= SPAN_MIN).then(|| (bytes as f64 * 3600.0 / span.as_secs_f64(), span));
        }
        // One look only: the records' own times tell how long the stretch took to write.
        let stretch = &self.log.as_ref()?.seen.stretch;
        let (first, last) = (stretch.minutes.first()?.0, stretch.minutes.last()?.0);
        let span = last.since(first) + Duration::from_secs(60);
        (span >= 10 * SPAN_MIN).then(|| (stretch.bytes as f64 * 3600.0 / span.as_secs_f64(), span))
    }

    /// Our own connections to the hub, which are no clients of its users.
    fn count_own_clients(&self) -> u64 {
        let sessions = self.session.as_ref().map_or(0, |known| {
            if known.seen.held { known.seen.sessions.iter().filter(|s| s.opened.is_ok()).count() as u64 } else { 0 }
        });
        sessions + u64::from(self.stream.opened.is_some())
    }
}

fn push_bounded<T>(queue: &mut VecDeque<T>, item: T, max: usize) {
    if queue.len() == max {
        queue.pop_front();
    }
    queue.push_back(item);
}

//! Sessions, streams, logs and providers as a case describes them.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use vitals_model::claim::HubState;
use vitals_model::observation::{
    CallSeen, CallWay, ErrorKind, Level, LevelCounts, LlmModels, LlmSeen, LogFile, LogSeen, LogStretch, MetaToolAnswer,
    MetaToolSeen, Opened, Seen, ServerTurn, SessionSeen, SessionView, StreamNote, StreamSeen, Transport, Turn, VisitSeen,
};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::tool::{ToolSet, namespaced};

use crate::seen::{Call, Llm, Log, MetaTool, OrWord, Session, Visit};
use crate::world::{World, failure, time, tools};

/// The sessions' side of a case: as they were last seen.
#[derive(Clone, Default, Debug)]
pub(crate) struct Sources {
    calls: BTreeMap<String, Call>,
    first: BTreeMap<String, Vec<String>>,
    second: BTreeMap<String, Vec<String>>,
    sessions: Option<usize>,
    meta_tool: bool,
}

impl Sources {
    /// What the sessions see, and how long that takes.
    pub(crate) fn session(&mut self, spec: &OrWord<Session>, world: &World, is_hub: bool) -> (Seen, Duration) {
        let table = match spec {
            OrWord::Word(why) => return (Seen::Session(Box::new(no_session(why))), Duration::from_millis(5)),
            OrWord::Table(table) => table,
        };
        self.calls.extend(table.calls.clone());
        self.first.extend(table.tools.clone());
        self.second.extend(table.second.clone());
        self.sessions = table.sessions.or(self.sessions);
        self.meta_tool = table.meta_tool.unwrap_or(self.meta_tool);
        let n = self.sessions.unwrap_or(if is_hub { 2 } else { 1 });
        let view = |n: usize| {
            let own = if n == 0 { &self.first } else { &self.second };
            let listed = self.listed(own, world, is_hub);
            SessionView {
                opened: Ok(opened()),
                tools: table.list_fails.as_deref().map_or(Ok(listed), |words| Err(failure(words))),
                list_took: Duration::from_millis(9),
                pages: 1,
                meta_tool: self.meta_tool,
                list_changes: 0,
                noise: table.noise.unwrap_or(0),
            }
        };
        let calls = world.servers.keys().filter_map(|name| self.call(name));
        let seen = SessionSeen { sessions: (0..n).map(view).collect(), calls: calls.collect(), opened_total: 2, held: is_hub };
        (Seen::Session(Box::new(seen)), Duration::from_millis(table.took_ms.unwrap_or(20)))
    }

    fn listed(&self, own: &BTreeMap<String, Vec<String>>, world: &World, is_hub: bool) -> ToolSet {
        let mut all = Vec::new();
        for (server, state) in &world.servers {
            let names = own.get(server).or_else(|| self.first.get(server)).unwrap_or(&state.tools);
            for (tool, definition) in tools(names).definitions() {
                let name = if is_hub { namespaced(server, tool.as_str()) } else { tool.to_string() };
                all.push((Text::new(&name), definition.renamed(&name)));
            }
        }
        all.into_iter().collect()
    }

    fn call(&self, server: &str) -> Option<CallSeen> {
        let (is_called, outcome, took) = match self.calls.get(server).unwrap_or(&Call::Millis(5)) {
            Call::Millis(ms) => (true, Some(Ok(1)), Duration::from_millis(*ms)),
            Call::Word(word) => match word.as_str() {
                "absent" => return None,
                "no canary" => (false, None, Duration::ZERO),
                other => {
                    let failure = failure(other);
                    let took = failure.after;
                    (true, Some(Err(failure)), took)
                }
            },
        };
        let canary = is_called.then(|| Text::new("canary"));
        Some(CallSeen { server: Text::new(server), tool: canary, way: CallWay::Session, answer: outcome, took })
    }
}

fn opened() -> Opened {
    Opened {
        transport: Transport::LegacySse,
        protocol: Text::new("2024-11-05"),
        server: Text::new("mcp-hub 4.2.1"),
        connect: Duration::from_millis(2),
        initialize: Duration::from_millis(8),
    }
}

fn no_session(words: &str) -> SessionSeen {
    let view = SessionView {
        opened: Err(failure(words)),
        tools: Err(failure(words)),
        list_took: Duration::ZERO,
        pages: 0,
        meta_tool: false,
        list_changes: 0,
        noise: 0,
    };
    SessionSeen { sessions: vec![view], calls: Vec::new(), opened_total: 0, held: true }
}

/// `opened`, or why the stream is not open.
pub(crate) fn stream(word: &str) -> Seen {
    Seen::Stream(match word {
        "opened" => StreamSeen::Opened { first_event: Duration::from_millis(12) },
        other => StreamSeen::Lost(failure(other)),
    })
}

/// `heartbeat`, `changed`, `storm`, `stopping`, `connected fs`, `lost fs`, or a level and a message.
pub(crate) fn notes(words: &[String]) -> Seen {
    let note = |words: &String| match words.split_once(' ').unwrap_or((words, "")) {
        ("heartbeat", _) => StreamNote::Heartbeat,
        ("changed", _) => StreamNote::Changed(Text::new("servers_updated")),
        ("storm", _) => StreamNote::StormLine,
        ("stopping", _) => StreamNote::State { state: HubState::Stopping, pid: None },
        ("connected" | "lost", _) => StreamNote::Turn(turn(words, None)),
        (level, message) => StreamNote::Log {
            at: None,
            level: Level::parse(level).unwrap_or_else(|| panic!("unknown note: {words}")),
            code: Text::new("CODE"),
            message: Text::new(message),
        },
    };
    Seen::Stream(StreamSeen::Notes { notes: words.iter().map(note).collect(), dropped: 0 })
}

/// `lost fs` without a time, or `lost fs 600`: so many seconds before the look.
fn logged_turn(words: &str, at: f64) -> ServerTurn {
    let before = words.rsplit_once(' ').and_then(|(turn, before)| Some((turn, before.parse::<f64>().ok()?)));
    before.map_or_else(|| turn(words, None), |(words, before)| turn(words, Some(time(at - before))))
}

fn turn(words: &str, at: Option<Timestamp>) -> ServerTurn {
    let (turn, server) = words.split_once(' ').expect("a turn and a server");
    let turn = match turn {
        "connected" => Turn::Connected,
        "lost" => Turn::Lost,
        other => panic!("unknown turn: {other}"),
    };
    ServerTurn { at, server: Text::new(server), turn }
}

pub(crate) fn log(spec: &OrWord<Log>, at: f64) -> Seen {
    let spec = match spec {
        OrWord::Word(word) => {
            return Seen::Log(Box::new(LogSeen { file: Err(failure(word)), stretch: LogStretch::default() }));
        }
        OrWord::Table(spec) => spec,
    };
    let mut minutes: BTreeMap<_, LevelCounts> = BTreeMap::new();
    let mut errors = 0;
    for (before, level, n) in &spec.records {
        let level = Level::parse(level).unwrap_or_else(|| panic!("unknown level: {level}"));
        errors += if level >= Level::Error { *n } else { 0 };
        minutes.entry(time(at - before).floor_to(Duration::from_secs(60))).or_default().add(level, *n);
    }
    let kind = ErrorKind { code: Text::new("TOOL_EXECUTION_ERROR"), example: Text::new("it broke"), count: errors, first: None };
    let records = minutes.values().map(LevelCounts::total).sum::<u64>();
    let stretch = LogStretch {
        bytes: spec.bytes,
        over: spec.over_s.map(Duration::from_secs_f64),
        plain: spec.plain,
        pino: spec.pino + records,
        broken: spec.broken,
        minutes: minutes.into_iter().collect(),
        errors: if errors > 0 { vec![kind] } else { Vec::new() },
        turns: spec.turns.iter().map(|words| logged_turn(words, at)).collect(),
        fallbacks: spec.fallbacks,
        storm_lines: spec.storm_lines,
        ..LogStretch::default()
    };
    let file = LogFile {
        path: PathBuf::from("/home/op/mcp-hub.log"),
        size: spec.size_mb.unwrap_or(1) * 1_000_000,
        modified: None,
        disk_free: spec.free_gb.unwrap_or(200) * 1_000_000_000,
        disk_total: 500_000_000_000,
        rotations: spec.rotations,
        truncations: 0,
        shared: spec.shared,
    };
    Seen::Log(Box::new(LogSeen { file: Ok(file), stretch }))
}

/// `ok`, `not configured`, `unreadable`, `no model`, or how the provider refused.
pub(crate) fn llm(spec: &OrWord<Llm>) -> Seen {
    let (word, took) = match spec {
        OrWord::Word(word) => (word.as_str(), None),
        OrWord::Table(table) => (table.answer.as_deref().unwrap_or("ok"), table.took_ms),
    };
    let answer = match word {
        "not configured" => return Seen::Llm(LlmSeen::NotConfigured),
        "unreadable" => return Seen::Llm(LlmSeen::Unknown(Text::new("hub.json: permission denied"))),
        "ok" => Ok(LlmModels { count: 40, has_model: Some(true) }),
        "no model" => Ok(LlmModels { count: 40, has_model: Some(false) }),
        other => Err(failure(other)),
    };
    Seen::Llm(LlmSeen::Asked {
        provider: Text::new("gemini"),
        model: Some(Text::new("gemini-2.5-flash")),
        key: Text::new("env:GEMINI_API_KEY"),
        answer,
        took: Duration::from_millis(took.unwrap_or(180)),
    })
}

/// `not called: WHY`, how the call failed, or the particulars of an answer.
pub(crate) fn meta_tool(spec: &OrWord<MetaTool>) -> Seen {
    Seen::MetaTool(match spec {
        OrWord::Word(word) => match word.strip_prefix("not called: ") {
            Some(why) => MetaToolSeen::NotCalled(Text::new(why)),
            None => MetaToolSeen::Called { answer: Err(failure(word)), took: Duration::from_secs(5), list_changed: None },
        },
        OrWord::Table(table) => {
            const FIELDS: [&str; 5] = ["categories", "confidence", "reasoning", "message", "nextStep"];
            let missing = FIELDS.into_iter().filter(|field| table.missing.iter().any(|m| m == field)).collect::<Vec<_>>();
            assert_eq!(missing.len(), table.missing.len(), "unknown field among {:?}", table.missing);
            MetaToolSeen::Called {
                answer: Ok(MetaToolAnswer { categories: 2, confidence: Some(table.confidence.unwrap_or(0.9)), missing }),
                took: Duration::from_millis(table.took_ms.unwrap_or(1500)),
                list_changed: table.list_changed.unwrap_or(true).then(|| Duration::from_millis(40)),
            }
        }
    })
}

pub(crate) fn visit(spec: &Visit) -> Seen {
    Seen::Visit(VisitSeen {
        sessions: 1,
        requests: 9,
        log_bytes: Some(spec.log_bytes),
        latency_after: Some(Duration::from_millis(spec.latency_ms)),
        clients_before: Some(spec.before),
        clients_after: Some(spec.after),
    })
}

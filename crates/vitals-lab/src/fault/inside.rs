//! Faults that a part carries out itself, and their names on the way to it.

use serde::{Deserialize, Serialize};

/// What the hub can be told to do wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum HubFault {
    /// Every API answer comes 5 s late.
    ApiSlow,
    /// The API answers 200 with an HTML page, as a proxy does.
    ApiHtml,
    /// The API answers 500.
    ApiStatus500,
    /// The API's JSON ends in the middle.
    ApiTruncated,
    /// One thread spins.
    CpuSpin,
    /// 16 MiB a second are kept, up to 512 MiB.
    MemoryLeak,
    /// Files are opened and kept, up to nine tenths of the limit.
    FdLeak,
    /// The listening socket is closed; it is opened again when this is cleared and the port is free.
    PortLost,
    /// The state stays `starting`.
    StartingForEver,
    /// One server's tools are missing from the MCP endpoint, and in the REST list.
    ToolDropped,
    /// The MCP endpoint lists a tool that no server has.
    PhantomTool,
    /// What one session asked for is exposed to every session.
    ExposureLeak,
    /// A closed session is still counted, and never removed.
    SessionsKept,
    /// The event stream is closed, and refused with 503.
    StreamCut,
    /// The event stream is open and says nothing, heartbeats included.
    StreamSilent,
    /// No `notifications/tools/list_changed` is sent.
    ListChangedMute,
    /// `hub__analyze_prompt` is not listed, and unknown when called.
    MetaToolMissing,
    /// Its answer lacks `categories` and `confidence`.
    MetaToolShape,
    /// `tools/list` fails with -32603.
    ToolsListError,
    /// Records of 1 kB come at 100 MB an hour.
    LogFlood,
    /// Twenty errors are logged at once, and two a second after that.
    ErrorSpike,
    /// Nothing is logged, in the file or on the stream.
    LogSilence,
    /// The next record is written in two halves a second apart, the file being opened anew for the second.
    LogTorn,
}

/// What a server can be told to do wrong. The file holds one list of these.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ServerFault {
    /// It exits two seconds after each start.
    CrashLoop,
    /// It answers `initialize` after 30 s.
    SlowStart,
    /// It never answers `initialize`.
    NeverInitialises,
    /// It lists no tools.
    ToolsEmptied,
    /// A tool has a new required argument, and one has another type.
    SchemaDrift,
    /// A tool's description tells the model to read secrets and to hide it.
    DescriptionInjected,
    /// Calls succeed with nothing in the answer.
    EmptyAnswers,
    /// Calls take ten times as long as they did, and at least 300 ms.
    SlowCalls,
    /// Lines of text come on standard output, between messages.
    StdoutNoise,
    /// The end of standard input, and SIGTERM, are ignored.
    IgnoreEnd,
}

/// What the LLM stub can be told to do wrong.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum LlmFault {
    /// 401.
    Unauthorized,
    /// 429 with `Retry-After: 30`.
    Quota,
    /// 503.
    Unavailable,
    /// The connection is taken, and nothing is answered.
    Timeout,
    /// The answer is no JSON.
    Malformed,
    /// The answer comes after 8 s.
    Slow,
}

//! Every bound of the product that is not an operator's threshold, by name, with what happens at it.
//!
//! Thresholds that decide health are configuration ([`crate::config::Thresholds`]); these protect us
//! and the target.

use std::time::Duration;

/// Longest text kept from a target, in characters; the rest is cut and marked with `…`.
pub const TEXT_CHARS_MAX: usize = 512;

/// Longest evidence taken from an unexpected answer, in characters.
pub const EVIDENCE_CHARS_MAX: usize = 160;

/// Bytes kept of an unexpected answer, from which the evidence is cut: enough for any character width,
/// and for a secret that is taken out of it.
pub const EVIDENCE_BODY_BYTES_MAX: usize = 4 << 10;

/// Bytes read of an answer whose status is no success; the rest is left unread.
pub const REFUSAL_BYTES_MAX: usize = 64 << 10;

/// Most addresses of one host name that are tried; the rest are left out.
pub const ADDRESSES_MAX: usize = 8;

/// Largest HTTP body or JSON-RPC message read, in bytes; a larger one is a `TooLarge` failure.
/// `/api/health` of a hub with two servers is 26 kB, so this leaves room for hundreds of servers.
pub const BODY_BYTES_MAX: usize = 8 << 20;

/// Largest header block of an HTTP answer, in bytes.
pub const HEADER_BYTES_MAX: usize = 64 << 10;

/// Longest line of a log or an event stream, in bytes; a longer one is counted as broken and skipped.
pub const LINE_BYTES_MAX: usize = 1 << 20;

/// Deepest JSON read from a target (`serde_json`'s own recursion limit); deeper is a `TooDeep` failure.
pub const JSON_DEPTH_MAX: usize = 128;

/// Most servers read from one hub; the rest are counted, not judged.
pub const SERVERS_MAX: usize = 512;

/// Most tools read from one list, over all its pages; the rest are counted, not judged.
pub const TOOLS_MAX: usize = 10_000;

/// Most pages of one tool list; a `nextCursor` that never ends stops here.
pub const TOOL_PAGES_MAX: usize = 100;

/// Most notes of one event-stream batch that reach judgement; the rest are counted as dropped.
pub const STREAM_NOTES_MAX: usize = 256;

/// Most different error codes or messages kept of one log batch; the rest are summed as `other`.
pub const ERROR_KINDS_MAX: usize = 32;

/// Most different kinds of error told apart while a log batch is read; errors of further kinds are
/// summed as `other`. Wider than [`ERROR_KINDS_MAX`], so that the most frequent are found among many.
pub const ERROR_KINDS_TRACKED_MAX: usize = 1024;

/// Most server turns kept of one log batch; the newest are kept, the others are counted.
pub const LOG_TURNS_MAX: usize = 1024;

/// Most minutes of level counts in one log batch: a day. The newest are kept, the others are summed.
pub const LOG_MINUTES_MAX: usize = 1440;

/// Bytes read back from the end of a log file when a one-shot command looks at it.
/// A disconnect storm of npm mcp-hub 4.2.1 is up to 0.5 MB, so this is dozens of them.
pub const LOG_SCAN_BYTES_MAX: u64 = 256 << 20;

/// Most observations waiting for judgement; a probe that finds the queue full waits (they are few and
/// small), a stream drops its batch and counts it.
pub const EVENT_QUEUE_MAX: usize = 1024;

/// Most samples waiting for the store; more are dropped, counted and reported as an incident.
pub const STORE_QUEUE_MAX: usize = 16_384;

/// Most values kept for a sparkline.
pub const TREND_POINTS_MAX: usize = 120;

/// Most resolved incidents shown by a face.
pub const RECENT_INCIDENTS_MAX: usize = 50;

/// Most pieces of evidence kept with one incident.
pub const EVIDENCE_PIECES_MAX: usize = 16;

/// Most targets watched by one process.
pub const TARGETS_MAX: usize = 1000;

/// Largest configuration file read, in bytes.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Longest `Retry-After` believed; a longer one is cut to it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

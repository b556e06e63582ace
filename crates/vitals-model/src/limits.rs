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

/// Most kinds of MCP operation counted apart per target; the rest are counted together as `other`. A kind is a
/// method with its tool, its error and the like, so this is a canary and a failure of each of a hundred servers.
pub const OPERATIONS_MAX: usize = 256;

/// Most servers of one target that have metrics of their own; the rest are summed as the server `other`.
pub const METRIC_SERVERS_MAX: usize = 100;

/// Most spans that wait for a collector of traces; the trace of a run that finds no room is dropped and counted. It
/// is what a hundred hubs with ten servers do in two minutes.
pub const OTLP_SPANS_MAX: usize = 8192;

/// Largest body of one request to a collector, in bytes; what is longer is cut into several requests, so that none is
/// refused for its length. Collectors take 4 MiB (gRPC's usual bound, which many have over HTTP too) and more.
pub const OTLP_BODY_BYTES_MAX: usize = 2 << 20;

/// Most times that one request to a collector is sent; then it is given up and counted.
pub const OTLP_TRIES_MAX: u32 = 5;

/// Shortest interval at which metrics and traces are sent to a collector.
pub const OTLP_INTERVAL_MIN: Duration = Duration::from_secs(1);

/// Longest value of a metric's label, in characters; the rest is cut and marked with `…`.
pub const METRIC_LABEL_CHARS_MAX: usize = 128;

/// Most destinations of logs.
pub const LOG_DESTINATIONS_MAX: usize = 16;

/// Smallest bound on what waits on disk for a destination of logs, and on a file of logs, in bytes.
pub const SPOOL_BYTES_MIN: u64 = 1 << 20;

/// Most files that a destination of logs rotates through.
pub const LOG_FILES_MAX: u32 = 1000;

/// Most bytes of the hubs' log lines in memory that wait to be sent onward; a line that finds no room is dropped and
/// counted. It is sixteen of the largest storms of npm mcp-hub.
pub const ONWARD_LINES_BYTES_MAX: usize = 8 << 20;

/// Most of our own events in memory that wait to be sent onward; more are dropped and counted.
pub const ONWARD_EVENTS_MAX: usize = 4096;

/// Longest message of a record that is sent onward, in characters; the rest is cut and marked with `…`.
pub const ONWARD_MESSAGE_CHARS_MAX: usize = 8192;

/// Most values kept for a sparkline.
pub const TREND_POINTS_MAX: usize = 120;

/// Most resolved incidents shown by a face.
pub const RECENT_INCIDENTS_MAX: usize = 50;

/// Most pieces of evidence kept with one incident.
pub const EVIDENCE_PIECES_MAX: usize = 16;

/// Most log lines among them, the latest before the incident opened.
pub const EVIDENCE_LOG_LINES_MAX: usize = 5;

/// Most checks listed as suppressed by one incident; the rest are counted.
pub const SUPPRESSED_MAX: usize = 64;

/// Most notes of people kept with one incident; beyond it the oldest goes.
pub const NOTES_MAX: usize = 32;

/// Most changes kept with one incident that were not told; beyond it the oldest goes.
pub const WITHHELD_MAX: usize = 16;

/// Most incidents that one notice tells of; the rest are counted. It is more than a person reads, and what a hub with a
/// hundred servers can have.
pub const NOTICE_INCIDENTS_MAX: usize = 128;

/// Most groups of incidents that routes keep apart at one time; the incidents of a further one are told on its own.
pub const GROUPS_MAX: usize = 1000;

/// Most notices that wait for one receiver; beyond it what was never sent and is outdated goes first, then the oldest. At one
/// notice in 30 s for one group it is eight hours of an outage.
pub const OUTBOX_MAX: usize = 1000;

/// Most receivers, and most routes.
pub const RECEIVERS_MAX: usize = 100;

/// Most recipients of one mail.
pub const RECIPIENTS_MAX: usize = 50;

/// Longest subject of a notice, in characters; the rest is cut and marked with `…`.
pub const SUBJECT_CHARS_MAX: usize = 200;

/// Largest page of a report that is sent as the HTML of a mail, in bytes: that of one hub has a tenth of it. In place of a
/// larger one its text is sent.
pub const MAIL_PAGE_BYTES_MAX: u64 = 1 << 20;

/// Longest body of a notice, in characters; the rest is cut and marked with `…`. Services that take less cut again.
pub const NOTICE_CHARS_MAX: usize = 64 << 10;

/// Instructions that one template may take (`MiniJinja`'s fuel): a hundred times what the built-in ones take at most.
pub const TEMPLATE_FUEL: u64 = 1_000_000;

/// Longest answer of a receiver that is read, in bytes; of a longer one the head is.
pub const RECEIPT_BYTES_MAX: usize = 64 << 10;

/// Shortest time between two heartbeats.
pub const HEARTBEAT_MIN: Duration = Duration::from_secs(5);

/// Longest time that a route waits, before a group, between its notices, before it repeats or escalates: a week.
pub const ROUTE_WAIT_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Most things that a report says to do first; the rest are counted. More than ten are no order to begin with.
pub const RECOMMENDATIONS_MAX: usize = 10;

/// Most silences that hold at one time; a further one is refused, which is said.
pub const SILENCES_MAX: usize = 256;

/// Longest maintenance window that comes again: one that lasts longer than a day is no window.
pub const MAINTENANCE_MAX: Duration = Duration::from_secs(24 * 3600);

/// Most targets watched by one process.
pub const TARGETS_MAX: usize = 1000;

/// Largest configuration file read, in bytes.
pub const CONFIG_BYTES_MAX: u64 = 1 << 20;

/// Longest `Retry-After` believed; a longer one is cut to it.
pub const RETRY_AFTER_MAX: Duration = Duration::from_secs(24 * 3600);

/// Deepest nesting of a configuration file, for its block and its flow collections each; a deeper
/// file is refused. The deepest key there is lies five levels down.
pub const CONFIG_DEPTH_MAX: usize = 32;

/// Most values of one configuration file, aliases counted as what they stand for; a file with more
/// is refused, so a few lines of nested aliases cannot grow into gigabytes.
pub const CONFIG_NODES_MAX: usize = 200_000;

/// Most problems reported of one configuration; the rest are counted.
pub const CONFIG_PROBLEMS_MAX: usize = 100;

/// Characters of a configuration line shown on each side of a problem, and of the problem itself.
pub const CONFIG_SNIPPET_CHARS_MAX: usize = 60;

/// Longest key of a configuration, in bytes; longer is refused. Written with escapes it stays within the
/// 1024 characters that YAML allows a key.
pub const CONFIG_KEY_BYTES_MAX: usize = 100;

/// Longest single text of a configuration (a name, a path, a prompt), in bytes; longer is refused.
pub const CONFIG_TEXT_BYTES_MAX: usize = 16 << 10;

/// Longest name of a target, in characters.
pub const TARGET_NAME_CHARS_MAX: usize = 64;

/// Shortest interval of the light check: it costs a hub a few milliseconds.
pub const INTERVAL_LIGHT_MIN: Duration = Duration::from_secs(1);

/// Shortest interval of the session canary, which calls a tool of every server.
pub const INTERVAL_SESSION_MIN: Duration = Duration::from_secs(10);

/// Shortest interval of the LLM check: providers limit the rate of `models.list`.
pub const INTERVAL_LLM_MIN: Duration = Duration::from_secs(30);

/// Shortest interval of the meta-tool call, which is billable.
pub const INTERVAL_META_TOOL_MIN: Duration = Duration::from_secs(60);

/// Shortest interval of discovery, which reads one small file.
pub const INTERVAL_DISCOVERY_MIN: Duration = Duration::from_secs(1);

/// Longest interval of any probe: what is asked less often than daily is not monitored.
pub const INTERVAL_MAX: Duration = Duration::from_secs(24 * 3600);

/// Shortest timeout of a step: the finest that timers keep.
pub const TIMEOUT_MIN: Duration = Duration::from_millis(1);

/// Longest timeout of a step.
pub const TIMEOUT_MAX: Duration = Duration::from_secs(10 * 60);

/// Shortest window over which events are counted.
pub const WINDOW_MIN: Duration = Duration::from_secs(1);

/// Longest window over which events are counted, longest grace, and longest latency threshold.
pub const WINDOW_MAX: Duration = Duration::from_secs(7 * 86_400);

/// Shortest time that history is kept.
pub const RETENTION_MIN: Duration = Duration::from_secs(3600);

/// Longest time that history is kept: ten years.
pub const RETENTION_MAX: Duration = Duration::from_secs(3660 * 86_400);

/// Smallest bound on the size of the store, in bytes.
pub const STORE_BYTES_MIN: u64 = 1_000_000;

/// Largest size that a configuration can name, in bytes (1 PB, well within what an `f64` holds exactly).
pub const CONFIG_SIZE_MAX: u64 = 1_000_000_000_000_000;

/// Largest count that a configuration can name.
pub const CONFIG_COUNT_MAX: u32 = 1_000_000_000;

/// Shortest window of an objective.
pub const OBJECTIVE_WINDOW_MIN: Duration = Duration::from_secs(60);

/// Longest window of an objective: what hourly summaries are kept for by default.
pub const OBJECTIVE_WINDOW_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Largest goal of an objective in percent. 100 would leave no budget to spend; 99.999 of 30 days is 26 s.
pub const OBJECTIVE_GOAL_MAX: f64 = 99.999;

/// Most objectives of one target; a file with more is refused.
pub const OBJECTIVES_MAX: usize = 100;

/// Most slices into which a report cuts its span: the points of a plot.
pub const SLICES_MAX: usize = 100;

/// Most incidents and scenarios listed by a report each; of more, the worst and latest are kept, and the rest are counted.
pub const REPORT_ROWS_MAX: usize = 200;

/// Most actions on one target in an hour that can be asked for.
pub const REPAIR_BUDGET_MAX: u32 = 60;

/// Actions of one target that the monitor remembers, the oldest go first: what budgets and cooldowns look back on.
pub const ACTIONS_REMEMBERED_MAX: usize = 128;

/// Processes that one action ends at most; what is left is for the next one.
pub const REAPED_MAX: usize = 64;

/// The least size of a log that is put aside.
pub const ROTATE_BYTES_MIN: u64 = 100_000;

/// Most logs put aside that can be kept.
pub const ROTATED_MAX: u32 = 100;

/// Bytes of a command's output that are kept as evidence of an action, its end.
pub const COMMAND_OUTPUT_BYTES_MAX: usize = 4 << 10;

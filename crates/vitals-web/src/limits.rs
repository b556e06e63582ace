//! Every bound of the faces by name, with what happens at it. They protect the watch: it must not be slowed down or
//! filled up by those who look.

use std::time::Duration;

/// Most connections at one time; a further one waits in the kernel's queue until another ends.
pub const CONNECTIONS_MAX: usize = 128;

/// Most clients of the event stream at one time; a further one is told to come back (503).
pub const STREAMS_MAX: usize = 64;

/// Longest time for the head of a request, also for the next one on a connection that stays open.
pub const HEAD_TIME_MAX: Duration = Duration::from_secs(10);

/// Longest time from the head of a request to the head of its answer; beyond it the answer is 503.
pub const ANSWER_TIME_MAX: Duration = Duration::from_secs(15);

/// Largest head of a request in bytes; a larger one is refused (431).
pub const HEAD_BYTES_MAX: usize = 32 << 10;

/// Most headers of a request; one with more is refused (431).
pub const HEADERS_MAX: usize = 64;

/// Largest body of a request in bytes; a larger one is refused (413). A note is at most 512 characters.
pub const BODY_BYTES_MAX: usize = 16 << 10;

/// How long what was sent may stay unacknowledged before its connection is given up: a client that does not read.
pub const UNREAD_TIME_MAX: Duration = Duration::from_secs(30);

/// How long connections may take to end when the watch does.
pub const END_TIME_MAX: Duration = Duration::from_secs(2);

/// Most readings of the history at one time; a further one waits for [`ANSWER_TIME_MAX`] at most.
pub const READS_MAX: usize = 2;

/// Shortest time between two events of one stream.
pub const STREAM_EVERY: Duration = Duration::from_millis(500);

/// A stream that says nothing sends a comment as often, so that a broken connection is noticed.
pub const STREAM_BEAT: Duration = Duration::from_secs(15);

/// A client of the stream that takes longer than this for one event is slow: it is counted, and its next event is the
/// latest one.
pub const STREAM_SLOW: Duration = Duration::from_secs(2);

/// Longest time to wait for the watch to show what was asked of it.
pub const SHOWN_TIME_MAX: Duration = Duration::from_secs(1);

/// Targets on one page of the overview.
pub const TARGETS_A_PAGE: usize = 50;

/// Most targets of which the overview shows every server; of more, only the targets.
pub const TARGETS_IN_FULL: usize = 12;

/// Most incidents that are over in one list; the latest are kept.
pub const PAST_INCIDENTS_MAX: usize = 200;

/// Most checks in one question about series.
pub const SERIES_MAX: usize = 16;

/// Longest span of history that can be asked for: what summaries are kept for by default.
pub const SPAN_MAX: Duration = Duration::from_secs(366 * 86_400);

/// Longest silence that can be asked for.
pub const SILENCE_MAX: Duration = Duration::from_secs(30 * 86_400);

/// Most strips of bars kept for the next who asks; beyond it all are made anew.
pub const STRIPS_MAX: usize = 4096;

/// Fewest characters of a token. One of 16 random letters and digits is beyond guessing over a network.
pub const TOKEN_CHARS_MIN: usize = 16;

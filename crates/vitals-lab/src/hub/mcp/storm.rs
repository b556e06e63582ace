//! What npm mcp-hub 4.2.1 does when a client goes: its close handler closes the transport, which calls the close handler,
//! until the stack is full. Each of these calls then writes its line, on the one thread that all else waits for.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use vitals_probe::clock::Stopwatch;

use crate::hub::journal::{Journal, Level, Record};

/// The lines of the first storms, and of all after them. How deep the stack goes depends on how far V8 has
/// compiled the handler: 2,169 lines cold, 3,143 warm and 6,614 hot were measured, and few numbers between.
const LINES: [usize; 8] = [2_169, 2_169, 2_169, 3_143, 3_143, 3_143, 4_489, 6_614];

/// How long the loop stands still for a line, in µs: 21 to 38 were measured.
const LINE_US: u64 = 30;

/// Lines that are written at once. A storm is 27 pieces at most, which the queues of the log (4,096) and of a
/// client of the event stream (1,024) have room for.
const PIECE_LINES: usize = 256;

/// The storms so far.
#[derive(Default)]
pub(super) struct Storms(AtomicUsize);

impl Storms {
    /// One storm, for a client that has gone, by the name that it gave. It blocks the hub, as it does there: for 65 to 200 ms.
    pub(super) fn one(&self, journal: &Journal, client: Option<&str>) {
        let client = client.unwrap_or("Unknown");
        let so_far = self.0.fetch_add(1, Ordering::Relaxed);
        let lines = LINES[so_far.min(LINES.len() - 1)];
        let overflow = format!("Error closing server connected to {client}: Maximum call stack size exceeded");
        journal.write(Record::new(Level::Warn, overflow));
        let mut left = lines - 1;
        while left > 0 {
            let piece = left.min(PIECE_LINES);
            let writing = Stopwatch::start();
            journal.repeat(Record::new(Level::Info, format!("'{client}' client disconnected from MCP HUB")), piece);
            left -= piece;
            // The hub has one thread, so that nothing is answered meanwhile; the log's own thread writes.
            let takes = Duration::from_micros(LINE_US * piece as u64);
            std::thread::sleep(takes.saturating_sub(writing.elapsed()));
        }
    }
}

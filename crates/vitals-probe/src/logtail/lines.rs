//! Cuts a stream of bytes into lines, wherever the stream itself was cut. It does not look into them.

use memchr::memchr;
use vitals_model::limits::LINE_BYTES_MAX;

use super::tally::Tally;

/// The line that the bytes so far end in.
pub(super) enum Lines {
    /// Its beginning; empty between two lines.
    Begun(Vec<u8>),
    /// Longer than [`LINE_BYTES_MAX`]: its end is waited for, nothing of it is kept.
    Overlong,
    /// We came in the middle of it: its end is waited for, it does not count.
    Unseen,
}

impl Default for Lines {
    fn default() -> Self {
        Self::Begun(Vec::new())
    }
}

impl Lines {
    /// Gives each line that ends in `bytes` to `tally`, and keeps the beginning of the next.
    pub(super) fn feed(&mut self, mut bytes: &[u8], tally: &mut Tally) {
        tally.add_bytes(bytes.len());
        if !matches!(self, Self::Begun(begun) if begun.is_empty()) {
            let Some(end) = memchr(b'\n', bytes) else { return self.keep(bytes) };
            self.keep(&bytes[..end]);
            self.end(tally);
            bytes = &bytes[end + 1..];
        }
        while let Some(end) = memchr(b'\n', bytes) {
            tally.line(&bytes[..end]);
            bytes = &bytes[end + 1..];
        }
        self.keep(bytes);
    }

    /// Ends the line begun, as a line end would or because no more will come.
    pub(super) fn end(&mut self, tally: &mut Tally) {
        match std::mem::take(self) {
            Self::Begun(line) => tally.line(&line),
            Self::Overlong => tally.overlong_line(),
            Self::Unseen => {}
        }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if let Self::Begun(begun) = self {
            if begun.len() + bytes.len() > LINE_BYTES_MAX + 1 {
                *self = Self::Overlong;
            } else {
                begun.extend_from_slice(bytes);
            }
        }
    }
}

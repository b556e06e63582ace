//! The short way to read a quiet pino record (below error): by its head and its tail, without parsing
//! what stands between. It says nothing about any other line; those take the long way,
//! [`parse`](super::parse::parse).
//!
//! A record in the form that pino writes begins with level, time and pid and ends with the message:
//! `{"level":"info","time":"2026-11-22T13:18:24.378Z","pid":7,…,"msg":"…"}` or, from stock pino,
//! `{"level":30,"time":1795357320102,"pid":7,…,"msg":"…"}`. Such a line is believed when it is
//! printable ASCII without a backslash and its brackets and quotes are in pairs: a record that was cut off,
//! or two that ran into each other, do not. Then its message is exactly the text between the last two
//! quotes. What it gives is what the long way gives, without the fields that only errors need.

use vitals_model::observation::Level;
use vitals_model::time::Timestamp;

use super::parse::{Format, Record};
use super::shape::adds_up;

/// Length of an RFC 3339 time up to its minute, `2026-11-22T13:18`.
const MINUTE_LEN: usize = 16;

/// Reads quiet records; remembers the last minute, because most lines share it with the line before.
#[derive(Default)]
pub(super) struct Quick {
    minute_text: [u8; MINUTE_LEN],
    minute: Timestamp,
}

impl Quick {
    /// The record in `line`, if it is a quiet one in pino's own form.
    pub(super) fn parse<'a>(&mut self, line: &'a [u8]) -> Option<Record<'a>> {
        let rest = line.strip_prefix(b"{\"level\":")?;
        let (level, rest) = quiet_level(rest)?;
        let rest = rest.strip_prefix(b"\"time\":")?;
        let (at, rest) = match rest.strip_prefix(b"\"") {
            Some(rest) => self.text_time(rest)?,
            None => epoch_time(rest)?,
        };
        let (pid, rest) = number(rest.strip_prefix(b",\"pid\":")?)?;
        let pid = u32::try_from(pid).ok()?;
        let message = last_message(rest)?;
        if !adds_up(line) {
            return None;
        }
        let message = str::from_utf8(message).ok()?;
        Some(Record { level: Some(level), at: Some(at), pid: Some(pid), ..Record::new(Format::Pino, message) })
    }

    /// Reads `2026-11-22T13:18:24.378Z"` and gives what follows.
    fn text_time<'a>(&mut self, text: &'a [u8]) -> Option<(Timestamp, &'a [u8])> {
        let (minute, rest) = text.split_first_chunk::<MINUTE_LEN>()?;
        let ([b':', s1, s2, b'.', m1, m2, m3, b'Z', b'"'], rest) = rest.split_first_chunk::<9>()? else {
            return None;
        };
        let seconds = digit(*s1)? * 10 + digit(*s2)?;
        let millis = digit(*m1)? * 100 + digit(*m2)? * 10 + digit(*m3)?;
        if seconds > 59 {
            return None;
        }
        if *minute != self.minute_text {
            self.minute = Timestamp::parse(&format!("{}:00Z", str::from_utf8(minute).ok()?))?;
            self.minute_text = *minute;
        }
        Some((Timestamp::from_millis(self.minute.as_millis() + seconds * 1000 + millis), rest))
    }
}

/// Reads `"info",` or `30,`; only levels below error, as pino writes them.
fn quiet_level(text: &[u8]) -> Option<(Level, &[u8])> {
    const WORDS: [(&[u8], Level); 8] = [
        (b"\"info\",", Level::Info),
        (b"\"debug\",", Level::Debug),
        (b"\"warn\",", Level::Warn),
        (b"\"trace\",", Level::Trace),
        (b"30,", Level::Info),
        (b"20,", Level::Debug),
        (b"40,", Level::Warn),
        (b"10,", Level::Trace),
    ];
    WORDS.iter().find_map(|(word, level)| Some((*level, text.strip_prefix(*word)?)))
}

fn epoch_time(text: &[u8]) -> Option<(Timestamp, &[u8])> {
    let (ms, rest) = number(text)?;
    Some((Timestamp::from_millis(ms), rest))
}

/// Reads a number without sign, fraction or leading zero; at most 15 digits, so it cannot overflow.
fn number(text: &[u8]) -> Option<(i64, &[u8])> {
    let length = text.iter().take(16).take_while(|b| b.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(length);
    if length == 0 || length > 15 || digits[0] == b'0' || rest.first() != Some(&b',') {
        return None;
    }
    Some((digits.iter().fold(0, |value, b| value * 10 + i64::from(b - b'0')), rest))
}

fn digit(byte: u8) -> Option<i64> {
    byte.is_ascii_digit().then(|| i64::from(byte - b'0'))
}

/// The message, when it is the last field; only right for a line that [adds up](adds_up).
fn last_message(rest: &[u8]) -> Option<&[u8]> {
    let body = rest.strip_suffix(b"\"}")?;
    let (before, message) = body.split_at(memchr::memrchr(b'"', body)?);
    before.ends_with(b",\"msg\":").then(|| &message[1..])
}

#[cfg(test)]
mod tests;

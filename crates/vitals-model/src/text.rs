//! Text that came from a target, made harmless at the border, and small number formatting.
//!
//! A hub may send escape sequences, bidirectional overrides or megabytes in any field. [`Text`] can
//! only be made by escaping and cutting, so whatever holds one may be written to a terminal as it is
//! (a page must still escape its markup, as for any text).

use std::borrow::Borrow;
use std::fmt;
use std::sync::Arc;

use crate::limits::TEXT_CHARS_MAX;

/// Text from a target: no control or invisible formatting characters, at most [`TEXT_CHARS_MAX`] long.
///
/// What is taken out is shown (`\u{1b}`), so two different names stay different.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Text(Arc<str>);

impl Text {
    /// Escapes and cuts `raw`.
    pub fn new(raw: &str) -> Self {
        Self::cut(raw, TEXT_CHARS_MAX)
    }

    /// As [`Text::new`], with a smaller bound of `chars_max` characters.
    pub fn cut(raw: &str, chars_max: usize) -> Self {
        let mut out = String::with_capacity(raw.len().min(chars_max));
        for (n, c) in raw.chars().enumerate() {
            if n == chars_max {
                out.push('…');
                break;
            }
            if is_unsafe(c) {
                out.extend(c.escape_unicode());
            } else if c.is_whitespace() {
                out.push(' ');
            } else {
                out.push(c);
            }
        }
        Self(out.into())
    }

    /// This text with a smaller bound of `chars_max` characters; the same, and the same memory, when it is within.
    #[must_use]
    pub fn shortened(&self, chars_max: usize) -> Self {
        if self.0.len() <= chars_max { self.clone() } else { Self::cut(&self.0, chars_max) }
    }

    /// The first bytes of an answer that was not what we asked for; invalid UTF-8 is replaced.
    pub fn from_bytes(raw: &[u8], chars_max: usize) -> Self {
        let upto = raw.len().min(chars_max.saturating_mul(4));
        Self::cut(&String::from_utf8_lossy(&raw[..upto]), chars_max)
    }

    /// The harmless text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Control characters other than white space, and the invisible characters that reorder or hide text.
pub(crate) fn is_unsafe(c: char) -> bool {
    (c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}' | '\u{61c}' | '\u{ad}')
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}

impl Default for Text {
    fn default() -> Self {
        Self("".into())
    }
}

impl Borrow<str> for Text {
    fn borrow(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(raw: &str) -> Self {
        Self::new(raw)
    }
}

/// Text of several lines, made harmless line by line and cut after `chars_max` characters.
pub fn plain_lines(raw: &str, chars_max: usize) -> String {
    let mut out = String::with_capacity(raw.len().min(chars_max));
    for (n, c) in raw.chars().enumerate() {
        if n == chars_max {
            out.push('…');
            break;
        }
        match c {
            '\n' => out.push('\n'),
            c if is_unsafe(c) => out.extend(c.escape_unicode()),
            c if c.is_whitespace() => out.push(' '),
            c => out.push(c),
        }
    }
    out
}

/// Bytes as people read them, in powers of 1000: `512 B`, `24.1 kB`, `90.3 MB`, `1.2 GB`.
pub fn bytes(n: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if n < 1000 {
        return format!("{n} B");
    }
    let mut value = n as f64 / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// A counted noun: `1 tool`, `14 tools`.
pub fn count(n: u64, noun: &str) -> String {
    plural(n, noun, &format!("{noun}s"))
}

/// As [`count`], for a noun whose plural is not made with an `s`.
pub fn plural(n: u64, one: &str, many: &str) -> String {
    format!("{n} {}", if n == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn escape_sequences_are_shown_not_run() {
        assert_eq!(Text::new("a\u{1b}[31mred\u{7}").as_str(), "a\\u{1b}[31mred\\u{7}");
        assert_eq!(Text::new("file\u{202e}gnp.exe").as_str(), "file\\u{202e}gnp.exe");
        assert_eq!(Text::new("two\nlines\tand tabs").as_str(), "two lines and tabs");
    }

    #[test]
    fn long_text_is_cut_with_a_mark() {
        assert_eq!(Text::cut("abcdef", 3).as_str(), "abc…");
        assert_eq!(Text::from_bytes(b"\xff\xfe ok", 8).as_str(), "\u{fffd}\u{fffd} ok");
    }

    #[test]
    fn bytes_and_counts() {
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(24_122), "24.1 kB");
        assert_eq!(bytes(999_999), "1.0 MB");
        assert_eq!(count(1, "tool"), "1 tool");
        assert_eq!(count(14, "tool"), "14 tools");
    }

    proptest! {
        #[test]
        fn no_text_can_carry_a_control_character(raw in "\\PC*|[\\x00-\\x1f\u{202a}-\u{202e}a-z]*") {
            let text = Text::new(&raw);
            prop_assert!(text.as_str().chars().all(|c| !is_unsafe(c) && !c.is_control()));
        }
    }
}

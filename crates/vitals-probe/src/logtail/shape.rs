//! Whether a line of JSON is whole, told by its quotes and brackets alone. It is no parser: it finds
//! lines that were cut off or that ran into each other, not wrong commas.
//!
//! Bytes are looked at 64 at a time in plain loops without branches, of which the compiler makes vector
//! instructions, and then as eight words of eight bytes, in which the highest bit of each byte stands
//! for the whole byte. That is four times faster than a walk from byte to byte.

/// Bytes looked at in one step.
const STEP: usize = 64;

/// Longest line that may add up, in bytes: each lane counts its share of the brackets in one signed byte.
pub(super) const LINE_BYTES_MAX: usize = 4096;
const _: () = assert!(LINE_BYTES_MAX / STEP < 127);

/// Most brackets opened by a line that adds up; fewer than what `JSON_DEPTH_MAX` lets through, so that
/// the parser decides about deep nesting.
const OPENED_MAX: u32 = 64;

/// The highest bit of each byte of a word.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether `line` is printable ASCII without a backslash, no longer than [`LINE_BYTES_MAX`], and its
/// quotes and brackets come in pairs, with no bracket in a text.
pub(super) fn adds_up(line: &[u8]) -> bool {
    if line.len() > LINE_BYTES_MAX {
        return false;
    }
    let mut pairs = Pairs { opened: [0; STEP], balance: [0; STEP], strange: [0; STEP], in_text: 0, just_closed: 0, wrong: 0 };
    let (steps, rest) = line.as_chunks::<STEP>();
    for step in steps {
        pairs.take(step);
    }
    let mut last = [b' '; STEP];
    last[..rest.len()].copy_from_slice(rest);
    pairs.take(&last);
    pairs.add_up()
}

/// What was seen so far.
struct Pairs {
    /// Per lane: the brackets opened, those still open, and whether there was a byte that JSON texts
    /// write in another way.
    opened: [u8; STEP],
    balance: [i8; STEP],
    strange: [u8; STEP],
    /// [`HIGH`] after an odd number of quotes, else 0.
    in_text: u64,
    /// The highest bit of the lowest byte, after a closing bracket.
    just_closed: u64,
    /// Not 0 when a bracket was in a text, or two records ran together.
    wrong: u64,
}

impl Pairs {
    #[inline]
    fn take(&mut self, step: &[u8; STEP]) {
        for (i, &b) in step.iter().enumerate() {
            self.opened[i] += u8::from(is_opening(b));
            self.balance[i] += i8::from(is_opening(b)) - i8::from(is_closing(b));
            self.strange[i] |= u8::from(b < b' ') | u8::from(b > b'~') | u8::from(b == b'\\');
        }
        let quotes = words(step, |b| b == b'"');
        let openings = words(step, is_opening);
        let closings = words(step, is_closing);
        for ((quotes, openings), closings) in quotes.into_iter().zip(openings).zip(closings) {
            // Each byte becomes the parity of the quotes up to it: whether it is in a text.
            let mut in_text = quotes;
            for bytes in [1, 2, 4] {
                in_text ^= in_text << (8 * bytes);
            }
            in_text ^= self.in_text;
            self.wrong |= (openings | closings) & in_text;
            // What opens right after a closing bracket is another record.
            self.wrong |= (closings << 8 | self.just_closed) & openings;
            self.in_text = if in_text >> 63 == 1 { HIGH } else { 0 };
            self.just_closed = closings >> 56;
        }
    }

    fn add_up(&self) -> bool {
        self.strange == [0; STEP]
            && (self.in_text | self.wrong) == 0
            && self.balance.iter().map(|&n| i32::from(n)).sum::<i32>() == 0
            && self.opened.iter().map(|&n| u32::from(n)).sum::<u32>() <= OPENED_MAX
    }
}

/// The bytes of `step` as words, in which the highest bit of each byte says whether it `is` one.
#[inline]
fn words(step: &[u8; STEP], is: impl Fn(u8) -> bool) -> [u64; STEP / 8] {
    let marks: [u8; STEP] = std::array::from_fn(|i| if is(step[i]) { 0x80 } else { 0 });
    let (words, _) = marks.as_chunks::<8>();
    std::array::from_fn(|i| u64::from_le_bytes(words[i]))
}

/// With this bit set, `[` is `{` and `]` is `}`; no other printable character becomes either.
const FOLD: u8 = 0x20;

#[inline]
fn is_opening(byte: u8) -> bool {
    byte | FOLD == b'{'
}

#[inline]
fn is_closing(byte: u8) -> bool {
    byte | FOLD == b'}'
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn whole_lines_add_up() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(200));
        for line in ["{}", r#"{"a":1}"#, r#"{"a":{"b":[1,[2]]},"c":""}"#, &long] {
            assert!(adds_up(line.as_bytes()), "{line}");
        }
    }

    #[test]
    fn lines_cut_off_or_run_together_do_not() {
        let text_over_a_step = format!("{{\"a\":\"{}}}", "x".repeat(100));
        let glued_at_a_step = format!("{{\"a\":\"{}\"}}{{\"b\":1}}", "x".repeat(STEP - 8));
        let cut = [
            r#"{"a":{"b":1}"#,
            r#"{"a":"}"#,
            r#"{"a":1}{"b":2}"#,
            r#"{"a":"}","b":{"c":1}"#,
            r#"{"a":"\"","b":1}"#,
            "{\"a\":\"\t\"}",
            r#"{"a":"é"}"#,
            &text_over_a_step,
            &glued_at_a_step,
        ];
        for line in cut {
            assert!(!adds_up(line.as_bytes()), "{line}");
        }
    }

    proptest! {
        #[test]
        fn no_beginning_of_a_line_adds_up(
            line in r#"\{("[a-z{}\[\]]{0,9}":(1|"[a-z{}\[\]:,]{0,70}"|\{\}|\[\{"a":\[\]\}\]),){0,6}"a":1\}"#,
            cut in any::<prop::sample::Index>(),
        ) {
            let cut = cut.index(line.len() - 1) + 1;
            prop_assert!(!adds_up(&line.as_bytes()[..cut]));
        }
    }
}

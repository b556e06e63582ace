//! Whether a line of JSON is whole, told by its quotes and brackets alone. It is no parser: it finds
//! lines that were cut off or that ran into each other, not wrong commas.
//!
//! Both passes are plain loops without branches, of which the compiler makes vector instructions. The
//! first is over most lines: a flat record. The second is for nested records only; there, eight words
//! stand for 64 bytes, and the highest bit of each of their bytes for the whole byte. Both together are
//! four times faster than a walk from byte to byte.

/// Bytes looked at side by side in the first pass: one register of the baseline `x86_64` and `aarch64`.
const LANES: usize = 16;

/// Bytes looked at in one step of the second pass.
const STEP: usize = 64;

/// Longest line that may add up, in bytes: each lane counts its share of the brackets in one signed byte.
pub(super) const LINE_BYTES_MAX: usize = 4096;
const _: () = assert!(LINE_BYTES_MAX / STEP < 127);

/// Most brackets opened by a line that adds up; fewer than what `JSON_DEPTH_MAX` lets through, so that
/// the parser decides about deep nesting.
const OPENED_MAX: u32 = 64;

/// The highest bit of each byte of a word.
const HIGH: u64 = 0x8080_8080_8080_8080;

/// Whether `line`, which begins with `{` and ends with `}`, is printable ASCII without a backslash, no
/// longer than [`LINE_BYTES_MAX`], and its quotes and brackets come in pairs, with no bracket in a text.
pub(super) fn adds_up(line: &[u8]) -> bool {
    let inner = match line {
        [b'{', inner @ .., b'}'] if line.len() <= LINE_BYTES_MAX => inner,
        _ => return false,
    };
    let seen = Seen::of(inner);
    !seen.strange && seen.quotes_in_pairs && (!seen.brackets || is_nested_well(line))
}

/// What there is in the inner part of a record.
struct Seen {
    /// A control character, one above ASCII, or a backslash.
    strange: bool,
    brackets: bool,
    quotes_in_pairs: bool,
}

impl Seen {
    fn of(inner: &[u8]) -> Self {
        let (mut strange, mut brackets, mut quotes) = ([0; LANES], [0; LANES], [0; LANES]);
        let (blocks, rest) = inner.as_chunks::<LANES>();
        let mut last = [b' '; LANES];
        last[..rest.len()].copy_from_slice(rest);
        for block in blocks.iter().chain([&last]) {
            for (i, &b) in block.iter().enumerate() {
                strange[i] |= u8::from(b < b' ') | u8::from(b > b'~') | u8::from(b == b'\\');
                brackets[i] |= u8::from(is_opening(b)) | u8::from(is_closing(b));
                quotes[i] ^= u8::from(b == b'"');
            }
        }
        Self {
            strange: strange != [0; LANES],
            brackets: brackets != [0; LANES],
            quotes_in_pairs: quotes.iter().sum::<u8>() % 2 == 0,
        }
    }
}

/// Whether the brackets of `line` come in pairs, none of them in a text.
fn is_nested_well(line: &[u8]) -> bool {
    let mut pairs = Pairs { opened: [0; STEP], balance: [0; STEP], in_text: 0, just_closed: 0, wrong: 0 };
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
    /// The brackets opened, and those still open, per lane.
    opened: [u8; STEP],
    balance: [i8; STEP],
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
        (self.in_text | self.wrong) == 0
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

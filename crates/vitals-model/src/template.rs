//! Templates: what messages of one kind have in common. A message's numbers, identifiers, paths and quoted
//! words are the occasion; what is left is the kind.

/// Longest part of a message that its template is made of, in characters: beyond that, messages differ in
/// their payload and not in their kind.
const TEMPLATE_CHARS_MAX: usize = 160;

/// Shortest hexadecimal word that is taken for an identifier.
const HEX_ID_CHARS_MIN: usize = 8;

/// What ends a path or an address within a sentence.
const ENDS_PATH: [char; 10] = [' ', '\t', ')', ']', '}', ',', ';', '"', '\'', '`'];

/// The template of `message`: numbers and identifiers (hexadecimal, UUIDs) become `#`, paths `/…`, the rest of
/// an address after its scheme `…`, words in quotes `'…'`.
pub fn template(message: &str) -> String {
    let end = message.char_indices().nth(TEMPLATE_CHARS_MAX).map_or(message.len(), |(end, _)| end);
    let mut rest = &message[..end];
    let mut out = String::with_capacity(rest.len());
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '\'' | '"' | '`' => quoted(&mut out, rest, first),
            '/' => path(&mut out, rest),
            _ if is_of_word(first) => Some(word(&mut out, rest)),
            _ => None,
        };
        let taken = taken.unwrap_or_else(|| {
            out.push(first);
            first.len_utf8()
        });
        rest = &rest[taken..];
    }
    out
}

fn is_of_word(c: char) -> bool {
    c.is_ascii_alphanumeric() || c == '-'
}

/// A quoted text, when the quote opens here and closes somewhere: the one in `it's` does not open.
fn quoted(out: &mut String, rest: &str, quote: char) -> Option<usize> {
    if out.ends_with(|c: char| c.is_alphanumeric() || c == '#') {
        return None;
    }
    let inner = &rest[1..];
    let closes = |(at, _): &(usize, &str)| *at > 0 && !inner[at + 1..].starts_with(|c: char| c.is_alphanumeric());
    let (end, _) = inner.match_indices(quote).find(closes)?;
    out.extend([quote, '…', quote]);
    Some(end + 2)
}

/// A path that begins here, or what follows the scheme of an address.
fn path(out: &mut String, rest: &str) -> Option<usize> {
    let is_address = rest.starts_with("//") && out.ends_with(':');
    let begins = out.is_empty() || out.ends_with([' ', '\t', '(', '[', '{', '=', ':', '~', '.', '"', '\'']);
    // A colon or a full stop after a path belongs to the sentence.
    let end = rest[..rest.find(ENDS_PATH).unwrap_or(rest.len())].trim_end_matches([':', '.']).len();
    if (is_address && end < 3) || (!is_address && (end < 2 || !begins)) {
        return None;
    }
    out.push_str(if is_address { "//…" } else { "/…" });
    Some(end)
}

fn word(out: &mut String, rest: &str) -> usize {
    let word = &rest[..rest.find(|c| !is_of_word(c)).unwrap_or(rest.len())];
    let is_identifier = word.len() >= HEX_ID_CHARS_MIN
        && word.bytes().all(|b| b.is_ascii_hexdigit() || b == b'-')
        && word.bytes().any(|b| b.is_ascii_digit());
    if is_identifier {
        out.push('#');
        return word.len();
    }
    let mut in_number = false;
    for c in word.chars() {
        if !c.is_ascii_digit() {
            out.push(c);
        } else if !in_number {
            out.push('#');
        }
        in_number = c.is_ascii_digit();
    }
    word.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn templates_forget_the_occasion() {
        let cases = [
            ("MCP error -32001: Request timed out", "MCP error -#: Request timed out"),
            ("session 4b2c1d0e-dead-beef-cafe-0123456789ab lost", "session # lost"),
            ("at 2026-11-22 port 7001 (try 2)", "at # port # (try #)"),
            ("é1é, server2: accede", "é#é, server#: accede"),
            ("ENOENT: no such file, open '/home/a/b.txt'", "ENOENT: no such file, open '…'"),
            ("cannot read /var/log/hub.log: denied", "cannot read /…: denied"),
            ("GET http://127.0.0.1:7001/api?x=1 failed", "GET http://… failed"),
            ("server \"fs\" and 'web' are down", "server \"…\" and '…' are down"),
            ("it's the server's fault", "it's the server's fault"),
            ("an 'open quote", "an 'open quote"),
            ("read/write 3/4 a / b", "read/write #/# a / b"),
            ("", ""),
        ];
        for (message, kind) in cases {
            assert_eq!(template(message), kind);
        }
    }

    #[test]
    fn a_template_is_never_longer_than_its_bound_and_of_itself_is_itself() {
        let hostile = ["é9 ", "'a' ", "/a/b ", "\"", "//:", "x://y ", "''", "- "];
        for piece in hostile {
            let once = template(&piece.repeat(1000));
            assert!(once.chars().count() <= TEMPLATE_CHARS_MAX, "{once}");
            assert_eq!(template(&once), once, "{piece}");
        }
    }
}

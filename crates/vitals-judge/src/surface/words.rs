//! Texts as words and ends of sentences, so that a pattern does not care for case, markup or white space.

/// One word, lower case and without apostrophes, and where it stands; an empty one ends a sentence.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Word {
    pub text: String,
    /// Bytes of the original.
    pub span: std::ops::Range<usize>,
}

/// The words of `text`.
pub(super) fn split(text: &str) -> Vec<Word> {
    let mut words: Vec<Word> = Vec::new();
    let mut inside = false;
    for (at, c) in text.char_indices() {
        let end = at + c.len_utf8();
        if c.is_alphanumeric() {
            match words.last_mut().filter(|_| inside) {
                Some(word) => {
                    word.text.extend(c.to_lowercase());
                    word.span.end = end;
                }
                None => words.push(Word { text: c.to_lowercase().collect(), span: at..end }),
            }
            inside = true;
        } else if inside && matches!(c, '\'' | '’') || is_hidden(c) {
            // "don't" is one word, and so is one with an invisible character in it.
        } else {
            inside = false;
            if matches!(c, '.' | '!' | '?' | ';') && text[end..].starts_with(|next: char| next.is_whitespace()) {
                words.push(Word { text: String::new(), span: at..end });
            }
        }
    }
    words
}

/// Characters that nobody sees, and those that reorder what is seen.
pub(super) fn is_hidden(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2064}' | '\u{2066}'..='\u{206f}' | '\u{feff}'
        | '\u{e0000}'..='\u{e007f}' | '\u{61c}' | '\u{180e}' | '\u{fff9}'..='\u{fffb}')
}

/// One part of a pattern: one of these words, after at most so many others in the same sentence.
pub(super) type Part = (usize, &'static [&'static str]);

/// Where the pattern first fits: the bytes from its first to its last word.
pub(super) fn find(words: &[Word], pattern: &[Part]) -> Option<std::ops::Range<usize>> {
    let ((_, first), rest) = pattern.split_first()?;
    words.iter().enumerate().filter(|(_, word)| first.contains(&word.text.as_str())).find_map(|(at, word)| {
        let last = rest.iter().try_fold(at, |from, (gap, any)| {
            let ahead = words[from + 1..].iter().take(gap + 1).take_while(|word| !word.text.is_empty());
            Some(from + 1 + ahead.into_iter().position(|word| any.contains(&word.text.as_str()))?)
        })?;
        Some(word.span.start..words[last].span.end)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const PATTERN: &[Part] = &[(0, &["dont", "never"]), (1, &["tell"]), (2, &["user"])];

    #[test]
    fn a_pattern_stays_within_a_sentence_and_its_gaps() {
        let hit = |text: &str| find(&split(text), PATTERN).map(|span| text[span].to_owned());
        assert_eq!(hit("Please DON'T  *tell* the user.").as_deref(), Some("DON'T  *tell* the user"));
        assert!(hit("do\u{200b}n’t t\u{200b}ell user").is_some());
        assert_eq!(hit("Never fails. Tell the user"), None);
        assert_eq!(hit("never, in one or two years, tell the user"), None);
        assert_eq!(hit("never tell a b c user"), None);
    }
}

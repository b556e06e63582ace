//! Evidence without our own secrets: a target may echo the headers that we sent.

use vitals_model::limits::{EVIDENCE_BODY_BYTES_MAX, EVIDENCE_CHARS_MAX};
use vitals_model::text::Text;

use crate::secret::Secret;

/// Shorter values are no secrets, and taking them out would mutilate the evidence.
const SECRET_BYTES_MIN: usize = 4;

/// What stands in evidence in a secret's place.
const MARK: &str = "(secret)";

/// The secrets of one exchange.
#[derive(Default)]
pub(crate) struct Secrets(Vec<String>);

impl Secrets {
    /// The values of `secrets`, and of `Bearer TOKEN` also the token alone.
    pub(crate) fn of<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
        let mut values = Vec::new();
        for secret in secrets {
            let whole = secret.expose();
            values.push(whole.to_owned());
            values.extend(whole.rsplit_once(' ').map(|(_, token)| token.to_owned()));
        }
        values.retain(|v| v.len() >= SECRET_BYTES_MIN);
        values.sort_by_key(|v| std::cmp::Reverse(v.len()));
        Self(values)
    }

    /// Whether there is nothing to take out.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The first bytes of `raw` as evidence.
    pub(crate) fn evidence(&self, raw: &[u8]) -> Text {
        Text::cut(&self.redact(&raw[..raw.len().min(EVIDENCE_BODY_BYTES_MAX)]), EVIDENCE_CHARS_MAX)
    }

    /// `raw` as text without secrets. A piece of one at the end goes too: `raw` may have been cut there.
    pub(crate) fn redact(&self, raw: &[u8]) -> String {
        let mut text = String::from_utf8_lossy(raw).into_owned();
        for secret in &self.0 {
            text = text.replace(secret.as_str(), MARK);
            let ends_with_piece = |n: &usize| secret.is_char_boundary(*n) && text.ends_with(&secret[..*n]);
            if let Some(n) = (SECRET_BYTES_MIN..secret.len()).rev().find(ends_with_piece) {
                text.truncate(text.len() - n);
                text.push_str(MARK);
            }
        }
        text
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} secrets)", self.0.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_piece_of_a_secret_is_left_even_at_the_cut() {
        let secret = Secret::new("Bearer abcdefgh".to_owned());
        let secrets = Secrets::of([&secret].into_iter());
        assert_eq!(secrets.redact(b"you sent Bearer abcdefgh!"), "you sent (secret)!");
        assert_eq!(secrets.redact(b"token=abcdefgh, or abcde"), "token=(secret), or (secret)");
        let long = format!("{}abcdefgh", "x".repeat(EVIDENCE_CHARS_MAX - 4));
        assert!(!secrets.evidence(long.as_bytes()).as_str().contains('a'));
    }

    #[test]
    fn too_short_a_secret_does_not_mutilate_the_evidence() {
        let secret = Secret::new("a".to_owned());
        assert_eq!(Secrets::of([&secret].into_iter()).redact(b"banana"), "banana");
    }
}

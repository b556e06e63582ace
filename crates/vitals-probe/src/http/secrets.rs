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
pub(super) struct Secrets(Vec<String>);

impl Secrets {
    /// The values of `secrets`, and of `Bearer TOKEN` also the token alone.
    pub(super) fn of<'a>(secrets: impl Iterator<Item = &'a Secret>) -> Self {
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

    /// The first bytes of `raw` as evidence. Secrets go before the text is cut, and a piece of one at
    /// the end of what we have read goes too, so that no part of one is left at the cut.
    pub(super) fn evidence(&self, raw: &[u8]) -> Text {
        let mut text = String::from_utf8_lossy(&raw[..raw.len().min(EVIDENCE_BODY_BYTES_MAX)]).into_owned();
        for secret in &self.0 {
            text = text.replace(secret.as_str(), MARK);
            let begins = |n: &usize| secret.is_char_boundary(*n) && text.ends_with(&secret[..*n]);
            if let Some(n) = (SECRET_BYTES_MIN..secret.len()).rev().find(begins) {
                text.truncate(text.len() - n);
                text.push_str(MARK);
            }
        }
        Text::cut(&text, EVIDENCE_CHARS_MAX)
    }
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "({} secrets)", self.0.len())
    }
}

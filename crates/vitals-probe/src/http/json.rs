//! JSON from a target: parsed once, bounded in depth, and told apart by what is wrong with it.

use std::time::Duration;

use serde::de::DeserializeOwned;
use serde_json::error::Category;
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::text::Text;

/// Parses `bytes`, which are bounded already. The failure's `after` is zero: only the caller knows
/// when its probe began.
///
/// # Errors
/// `NotJson` (something else, or cut off), `TooDeep`, or `Malformed` (JSON of another shape), each
/// with the first bytes as evidence.
pub fn json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, Failure> {
    parse(bytes).map_err(|kind| Failure {
        phase: Phase::Parse,
        kind,
        evidence: Text::from_bytes(bytes, EVIDENCE_CHARS_MAX),
        after: Duration::ZERO,
    })
}

/// As [`json`], without evidence.
pub(super) fn parse<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, FailureKind> {
    serde_json::from_slice(bytes).map_err(|error| match error.classify() {
        Category::Data => FailureKind::Malformed,
        // serde_json has no category of its own for it.
        Category::Syntax if error.to_string().starts_with("recursion limit") => FailureKind::TooDeep,
        Category::Syntax | Category::Eof | Category::Io => FailureKind::NotJson,
    })
}

//! The one place where references to secrets become their values.

use std::fmt;

use vitals_model::config::SecretRef;
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::text::Text;

/// A secret's value. It is never written by `Debug`, and has no `Display`.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a value that came from a trusted place.
    pub fn new(value: String) -> Self {
        Self(value)
    }

    /// The value, for the request that needs it and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("(secret)")
    }
}

/// The value behind a reference; `NoSecret` with the reference as evidence when there is none.
#[expect(clippy::disallowed_methods, reason = "the one home of secrets from the environment")]
pub fn resolve(reference: &SecretRef) -> Result<Secret, Failure> {
    let value = match reference {
        SecretRef::Plain(value) => Some(value.clone()),
        SecretRef::Env(name) => std::env::var(name).ok(),
        SecretRef::File(path) => std::fs::read_to_string(path).ok().map(|s| s.trim_end_matches(['\r', '\n']).to_owned()),
    };
    match value {
        Some(value) if !value.is_empty() => Ok(Secret(value)),
        _ => Err(Failure {
            phase: Phase::Connect,
            kind: FailureKind::NoSecret,
            evidence: Text::new(&reference.to_string()),
            after: std::time::Duration::ZERO,
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_resolved_and_never_printed() {
        let secret = resolve(&SecretRef::parse("hunter2")).unwrap();
        assert_eq!((secret.expose(), format!("{secret:?}").as_str()), ("hunter2", "(secret)"));
    }

    #[test]
    fn a_file_is_read_without_its_line_break_and_a_missing_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        std::fs::write(&path, "k\n").unwrap();
        assert_eq!(resolve(&SecretRef::File(path.clone())).unwrap().expose(), "k");
        std::fs::remove_file(&path).unwrap();
        let failure = resolve(&SecretRef::File(path)).unwrap_err();
        assert_eq!(failure.kind, FailureKind::NoSecret);
    }
}

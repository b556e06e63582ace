//! Whether a target can be reached at all, and whether it is us who cannot reach anything: then all of them are
//! told of once.

use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::target::Address;

use crate::facts::Facts;

/// How far the latest look at a target came.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Reach {
    /// Something answered, if only by refusing.
    Reached,
    /// A target on another machine, and nothing on the way to it answered.
    Cut(String),
    /// A target on this machine, and this machine's network would not take us there.
    Broken(String),
    /// Not looked at, or it says nothing about the way.
    Unknown,
}

/// How far the latest look at a target came.
pub(crate) fn of(address: &Address, facts: &Facts) -> Reach {
    let (url, failure) = match address {
        Address::Hub { url } => match &facts.api {
            Some(_) => (url, facts.api_failure()),
            None => return Reach::Unknown,
        },
        Address::Http { url } => match facts.session.as_ref().and_then(|known| known.seen.sessions.first()) {
            Some(first) => (url, first.opened.as_ref().err()),
            None => return Reach::Unknown,
        },
        Address::Stdio { .. } => return Reach::Unknown,
    };
    let Some(failure) = failure else { return Reach::Reached };
    if is_loopback(url) { on_loopback(failure) } else { elsewhere(failure) }
}

fn elsewhere(failure: &Failure) -> Reach {
    match (&failure.kind, failure.phase) {
        (FailureKind::Unreachable | FailureKind::NoSuchHost, _)
        | (FailureKind::TimedOut(_) | FailureKind::Os, Phase::Resolve | Phase::Connect) => Reach::Cut(failure.to_string()),
        _ => Reach::Reached,
    }
}

/// A refusal comes over a loopback that works; a system error before there is a connection is our own: no
/// route, no address, no file descriptor left.
fn on_loopback(failure: &Failure) -> Reach {
    match (&failure.kind, failure.phase) {
        (FailureKind::Unreachable, _) | (FailureKind::Os, Phase::Resolve | Phase::Connect) => Reach::Broken(failure.to_string()),
        (FailureKind::TimedOut(_), _) => Reach::Unknown,
        _ => Reach::Reached,
    }
}

/// Whether a URL leads to this machine by its loopback.
fn is_loopback(url: &str) -> bool {
    let rest = url.split_once("://").map_or(url, |(_, rest)| rest);
    let authority = rest.split(['/', '?', '#']).next().unwrap_or_default();
    let host = match authority.strip_prefix('[') {
        Some(six) => six.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    };
    host.eq_ignore_ascii_case("localhost") || host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loopback_is_known_by_its_names() {
        for (url, is) in [
            ("http://127.0.0.1:7001", true),
            ("http://localhost/mcp", true),
            ("http://[::1]:7001/x", true),
            ("https://hub.example.com:443", false),
            ("http://127.example.com", false),
            ("http://10.0.0.1?127.0.0.1", false),
        ] {
            assert_eq!(is_loopback(url), is, "{url}");
        }
    }
}

//! Which https hosts are reached through a proxy. Loopback never is, http URLs go direct, and a proxy
//! that asks for a password is reported, not served.

use std::net::IpAddr;

use url::{Host, Url};

use super::connect::Origin;

/// An HTTP proxy that opens tunnels by `CONNECT`.
#[derive(Clone, Debug)]
pub struct Proxy {
    origin: Origin,
    /// Domains reached without it, together with all below them; `*` is everything.
    bypass: Vec<String>,
}

impl Proxy {
    /// The proxy that an environment names: `var` looks one variable up (`HTTPS_PROXY`, `NO_PROXY`, or
    /// the same in lower case). `None` when it names none that we can use.
    pub fn from_environment(var: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let either = |name: &str| var(name).or_else(|| var(&name.to_ascii_lowercase()));
        let named = either("HTTPS_PROXY").filter(|v| !v.is_empty())?;
        let named = if named.contains("://") { named } else { format!("http://{named}") };
        let url = Url::parse(&named).ok().filter(|u| u.scheme() == "http")?;
        let bypass = either("NO_PROXY").unwrap_or_default();
        let bypass = bypass.split(',').map(|h| h.trim().trim_start_matches('.').to_ascii_lowercase());
        Some(Self { origin: Origin::of(&url).ok()?, bypass: bypass.filter(|h| !h.is_empty()).collect() })
    }

    /// Where it listens.
    pub(super) const fn origin(&self) -> &Origin {
        &self.origin
    }

    /// Whether `host` is reached through it.
    pub(super) fn serves(&self, host: &Host) -> bool {
        let loopback = match host {
            Host::Domain(name) => name == "localhost",
            Host::Ipv4(ip) => IpAddr::from(*ip).is_loopback(),
            Host::Ipv6(ip) => IpAddr::from(*ip).is_loopback(),
        };
        let name = host.to_string();
        let below = |domain: &String| name.strip_suffix(domain).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        !loopback && !self.bypass.iter().any(|domain| domain == "*" || below(domain))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_environment_says_which_hosts_go_through_it() {
        let var = |name: &str| match name {
            "HTTPS_PROXY" => Some("proxy.example:3128".to_owned()),
            "no_proxy" => Some(" .inner.example, plain.example,10.0.0.1".to_owned()),
            _ => None,
        };
        let proxy = Proxy::from_environment(var).unwrap();
        let cases = [
            ("far.example", true),
            ("a.inner.example", false),
            ("inner.example", false),
            ("winner.example", true),
            ("www.plain.example", false),
            ("10.0.0.1", false),
            ("127.0.0.1", false),
            ("[::1]", false),
            ("localhost", false),
        ];
        for (host, through) in cases {
            assert_eq!(proxy.serves(&Host::parse(host).unwrap()), through, "{host}");
        }
        assert!(Proxy::from_environment(|_| None).is_none());
        assert!(Proxy::from_environment(|_| Some("socks5://proxy.example".to_owned())).is_none());
    }
}

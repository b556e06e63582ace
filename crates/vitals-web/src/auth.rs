//! Who may ask, and for what.
//!
//! - On loopback everybody may read; whoever changes something shows the token.
//! - Beyond loopback the token is shown for everything.
//! - A name that a browser was led to (DNS rebinding) is refused on loopback; what another site's page sends is refused
//!   everywhere. No other origin is ever allowed to read (no CORS).
//!
//! The token is shown as `Authorization: Bearer TOKEN`, as the password of `Basic` (which browsers ask for by
//! themselves), or, on the page, in the form. There is no cookie: a cookie of this host would go to every other
//! port of it, so also to the hub that is watched.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use sha2::{Digest, Sha256};

use crate::limits::TOKEN_CHARS_MIN;
use crate::page;
use crate::problem::Problem;

/// What must be shown. It is kept as its hash, so that nothing can write it down, and comparing two tokens takes the
/// same time wherever they differ.
#[derive(Clone, PartialEq, Eq)]
pub struct Token([u8; 32]);

impl Token {
    /// A token from its text; `None` when it is too short to be one.
    pub fn new(text: &str) -> Option<Self> {
        (text.chars().count() >= TOKEN_CHARS_MIN).then(|| Self::hash(text))
    }

    fn hash(text: &str) -> Self {
        Self(Sha256::digest(text.as_bytes()).into())
    }

    /// Whether this is it.
    pub(crate) fn is(&self, shown: &str) -> bool {
        let shown = Self::hash(shown).0;
        self.0.iter().zip(shown).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
    }
}

impl std::fmt::Debug for Token {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("(secret)")
    }
}

/// From where the faces can be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Reach {
    /// From this machine alone.
    Loopback,
    /// From elsewhere too.
    Network,
}

impl Reach {
    /// Of what listens on this address.
    pub fn of(address: SocketAddr) -> Self {
        if address.ip().to_canonical().is_loopback() { Self::Loopback } else { Self::Network }
    }
}

/// Who may ask, and for what.
#[derive(Clone, Debug)]
pub struct Guard {
    /// What must be shown.
    pub token: Token,
    /// From where the faces can be reached.
    pub reach: Reach,
}

/// Whether the head of a request showed the token.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Access {
    Shown,
    NotShown,
}

impl<S: Sync> FromRequestParts<S> for Access {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Self::Rejection> {
        Ok(parts.extensions.get().copied().unwrap_or(Self::NotShown))
    }
}

/// What an API route that changes something takes first: the token was shown.
pub(crate) struct Allowed;

impl<S: Sync> FromRequestParts<S> for Allowed {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        match parts.extensions.get() {
            Some(Access::Shown) => Ok(Self),
            _ => {
                Err(Problem::new(StatusCode::UNAUTHORIZED, "to change something, send the token: `Authorization: Bearer TOKEN`"))
            }
        }
    }
}

/// The layer around every route.
pub(crate) async fn guard(State(guard): State<Arc<Guard>>, mut request: Request, next: Next) -> Response {
    let is_api = page::is_for_programs(request.uri().path());
    let mut response = match guard.admit(&request) {
        Ok(access) => {
            request.extensions_mut().insert(access);
            next.run(request).await
        }
        Err(problem) if is_api => problem.into_response(),
        Err(problem) => page::refusal(&problem).into_response(),
    };
    guard.finish(&mut response);
    response
}

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
    form-action 'self'; base-uri 'none'; frame-ancestors 'none'";

impl Guard {
    fn admit(&self, request: &Request) -> Result<Access, Problem> {
        let (headers, refuse) = (request.headers(), |detail: &str| Err(Problem::new(StatusCode::FORBIDDEN, detail)));
        let Some(host) = host(headers, request.uri()) else { return Err(Problem::bad("a request names its host once")) };
        if self.reach == Reach::Loopback && !is_loopback(&host) {
            return refuse("this host name is not the one of this machine's loopback: use 127.0.0.1 or localhost");
        }
        let changes = !matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
        if changes && !is_same_origin(headers, &host) {
            return refuse("the request comes from a page of another site");
        }
        let access = if self.is_shown(headers) { Access::Shown } else { Access::NotShown };
        if self.reach == Reach::Network && access == Access::NotShown && !page::is_for_orchestrators(request.uri().path()) {
            return Err(Problem::new(StatusCode::UNAUTHORIZED, "the token must be shown: as a bearer token, or as the password"));
        }
        Ok(access)
    }

    fn is_shown(&self, headers: &HeaderMap) -> bool {
        let Some((scheme, shown)) = single(headers, header::AUTHORIZATION).and_then(|text| text.split_once(' ')) else {
            return false;
        };
        match scheme.to_ascii_lowercase().as_str() {
            "bearer" => self.token.is(shown.trim()),
            "basic" => base64(shown.trim())
                .and_then(|bytes| String::from_utf8(bytes).ok())
                .is_some_and(|pair| pair.split_once(':').is_some_and(|(_, password)| self.token.is(password))),
            _ => false,
        }
    }

    /// The headers of every answer.
    fn finish(&self, response: &mut Response) {
        // On loopback a browser must not ask by itself: there the form on the page has a field for the token.
        let challenge = match self.reach {
            Reach::Loopback => "Bearer realm=\"mcp-vitals\"",
            Reach::Network => "Basic realm=\"mcp-vitals\", charset=\"UTF-8\", Bearer realm=\"mcp-vitals\"",
        };
        let status = response.status();
        let headers = response.headers_mut();
        let mut put = |name: header::HeaderName, value| headers.insert(name, HeaderValue::from_static(value));
        put(header::CONTENT_SECURITY_POLICY, POLICY);
        put(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
        // No other site is told anything. With `no-referrer`, browsers also send the forms of the page itself with
        // `Origin: null`, which cannot be told from another site's.
        put(header::REFERRER_POLICY, "same-origin");
        put(header::X_FRAME_OPTIONS, "DENY");
        put(header::HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
        put(header::HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
        if status == StatusCode::UNAUTHORIZED {
            put(header::WWW_AUTHENTICATE, challenge);
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            put(header::RETRY_AFTER, "5");
        }
        headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
    }
}

/// The only value of a header; `None` when there is none, or more than one.
fn single(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    let mut all = headers.get_all(name).iter();
    let first = all.next()?.to_str().ok()?;
    all.next().is_none().then_some(first)
}

/// The host with its port that a request is for, in lower case.
fn host(headers: &HeaderMap, uri: &Uri) -> Option<String> {
    let named = single(headers, header::HOST).map(str::to_ascii_lowercase);
    // A target in absolute form must agree with the header.
    match (uri.authority(), named) {
        (Some(authority), Some(named)) => (authority.as_str().eq_ignore_ascii_case(&named)).then_some(named),
        (None, named) => named,
        (Some(_), None) => None,
    }
}

fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(name, _)| name),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    name == "localhost" || name.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

/// Whether nothing says that a page of another site sent it. A client that is no browser says nothing.
fn is_same_origin(headers: &HeaderMap, host: &str) -> bool {
    let site = headers.get("sec-fetch-site").is_none_or(|site| site == "same-origin" || site == "none");
    let origin = match (single(headers, header::ORIGIN), headers.contains_key(header::ORIGIN)) {
        (None, said) => !said,
        (Some(origin), _) => origin.split_once("://").is_some_and(|(_, from)| from.eq_ignore_ascii_case(host)),
    };
    site && origin
}

/// Base64 of RFC 4648, padded or not; `None` when it is not.
fn base64(text: &str) -> Option<Vec<u8>> {
    let text = text.trim_end_matches('=').as_bytes();
    let mut out = Vec::with_capacity(text.len() * 3 / 4);
    for chunk in text.chunks(4) {
        let mut word = 0_u32;
        for byte in chunk {
            let six = match byte {
                b'A'..=b'Z' => byte - b'A',
                b'a'..=b'z' => byte - b'a' + 26,
                b'0'..=b'9' => byte - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            };
            word = word << 6 | u32::from(six);
        }
        let missing = 4 - chunk.len();
        let bytes = (word << (6 * missing)).to_be_bytes();
        match missing {
            0..=2 => out.extend_from_slice(&bytes[1..4 - missing]),
            _ => return None,
        }
    }
    Some(out)
}

#[cfg(test)]
mod tests;

//! Who may ask, and for what.

use axum::Router;
use axum::body::Body;

use super::fixture::{Fixed, Said, TOKEN, get, request, send};
use crate::{Reach, api};

const FORMS: [&str; 5] = ["/incidents/I7/acknowledge", "/incidents/I7/note", "/silences", "/silences/S1/end", "/check-now"];

async fn form(router: &Router, path: &str, body: &str, headers: &[(&str, &str)]) -> Said {
    let mut request = request("POST", path).header("content-type", "application/x-www-form-urlencoded");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    send(router, request.body(Body::from(body.to_owned())).unwrap()).await
}

#[tokio::test]
async fn on_loopback_reading_is_open_and_nothing_is_changed_without_the_token() {
    let source = Fixed::usual();
    let router = source.router(Reach::Loopback);
    assert_eq!(get(&router, "/api/v1/snapshot").await.status, 200);
    for (method, path, _) in api::routes().into_iter().filter(|(method, ..)| *method != "get") {
        let path = path.replace("{incident}", "I7").replace("{silence}", "S1");
        for authorization in [None, Some("Bearer wrong"), Some("Bearer"), Some("Basic !"), Some("Basic Ondyb25n")] {
            let mut request = request(&method.to_uppercase(), &path).header("content-type", "application/json");
            if let Some(authorization) = authorization {
                request = request.header("authorization", authorization);
            }
            let body = r#"{"author":"a","text":"b","check":"*","for":"1h"}"#;
            let said = send(&router, request.body(Body::from(body)).unwrap()).await;
            assert_eq!(
                (said.status.as_u16(), said.header("www-authenticate")),
                (401, "Bearer realm=\"mcp-vitals\""),
                "{path} {authorization:?}"
            );
        }
    }
    for path in FORMS {
        for token in ["", "&token=wrong", "&token="] {
            let said = form(&router, path, &format!("author=a&text=b&check=*&for=1h{token}"), &[]).await;
            assert_eq!(said.status, 403, "{path} {token}");
        }
        assert_eq!(form(&router, path, "%ff", &[]).await.status, 403, "{path}: what is wrong is not told without the token");
    }
    assert_eq!((source.orders.lock().unwrap().len(), *source.checks.lock().unwrap()), (0, 0));
}

#[tokio::test]
async fn with_the_token_a_form_is_carried_out_and_leads_back() {
    let source = Fixed::usual();
    let router = source.router(Reach::Loopback);
    for (path, back) in FORMS.into_iter().zip(["/incidents/I7", "/incidents/I7", "/silences", "/silences", "/"]) {
        let said =
            form(&router, path, &format!("author=a&text=b&check=*&for=1h&token={TOKEN}"), &[("origin", "http://127.0.0.1:9180")])
                .await;
        assert_eq!((said.status.as_u16(), said.header("location")), (303, back), "{}", said.text);
    }
    assert_eq!((source.orders.lock().unwrap().len(), *source.checks.lock().unwrap()), (4, 1));
    let elsewhere = form(&router, "/check-now", &format!("target=//evil.example/%0d%0aa:b&token={TOKEN}"), &[]).await;
    assert!(elsewhere.header("location").starts_with("/targets/%2F%2Fevil"), "{}", elsewhere.header("location"));
}

#[tokio::test]
async fn what_a_page_of_another_site_sends_is_refused() {
    let source = Fixed::usual();
    let router = source.router(Reach::Loopback);
    let body = format!("token={TOKEN}");
    for headers in [
        [("origin", "http://evil.example")],
        [("origin", "null")],
        [("origin", "http://127.0.0.1:3000")],
        [("sec-fetch-site", "cross-site")],
        [("sec-fetch-site", "same-site")],
    ] {
        assert_eq!(form(&router, "/check-now", &body, &headers).await.status, 403, "{headers:?}");
    }
    let read = request("GET", "/api/v1/snapshot").header("origin", "http://evil.example").body(Body::empty()).unwrap();
    let said = send(&router, read).await;
    assert!(said.headers.keys().all(|name| !name.as_str().starts_with("access-control")), "no other origin may read");
    assert_eq!(*source.checks.lock().unwrap(), 0);
}

#[tokio::test]
async fn a_name_that_leads_to_loopback_is_not_loopback() {
    let router = Fixed::usual().router(Reach::Loopback);
    let status = async |host: &str| {
        let request = axum::http::Request::get("/").header("host", host).body(Body::empty()).unwrap();
        send(&router, request).await.status.as_u16()
    };
    for host in ["127.0.0.1", "127.0.0.1:9180", "localhost:8080", "LOCALHOST", "[::1]:9180", "[::1]", "127.8.9.1:1"] {
        assert_eq!(status(host).await, 200, "{host}");
    }
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:9180",
        "10.0.0.1",
        "[::2]",
        "[::1",
        "",
        "0.0.0.0",
        "a:b:c",
    ] {
        assert_eq!(status(host).await, 403, "{host}");
    }
    let none = axum::http::Request::get("/").body(Body::empty()).unwrap();
    assert_eq!(send(&router, none).await.status, 400);
    let two = request("GET", "/").header("host", "localhost").body(Body::empty()).unwrap();
    assert_eq!(send(&router, two).await.status, 400);
    let other = request("GET", "http://evil.example/").body(Body::empty()).unwrap();
    assert_eq!(send(&router, other).await.status, 400, "a target in absolute form says the same as the header");
}

#[tokio::test]
async fn beyond_loopback_nothing_is_shown_without_the_token() {
    let router = Fixed::usual().router(Reach::Network);
    for path in [
        "/",
        "/style.css",
        "/script.js",
        "/icon.svg",
        "/api/v1/snapshot",
        "/api/v1/stream",
        "/health",
        "/badge/hub-7001.svg",
        "/nothing",
    ] {
        let said = get(&router, path).await;
        assert_eq!(said.status, 401, "{path}");
        assert!(said.header("www-authenticate").starts_with("Basic "), "a browser asks for it");
        assert!(!said.text.contains("hub-7001"), "{}", said.text);
    }
    for path in ["/livez", "/readyz"] {
        assert_eq!(get(&router, path).await.status, 200, "{path}");
    }
    // `somebody:0123456789abcdef0123` in Base64.
    for shown in [format!("Bearer {TOKEN}"), "Basic c29tZWJvZHk6MDEyMzQ1Njc4OWFiY2RlZjAxMjM=".to_owned()] {
        let with = |method: &str, path: &str| request(method, path).header("authorization", &shown);
        assert_eq!(send(&router, with("GET", "/").body(Body::empty()).unwrap()).await.status, 200);
        let page = send(&router, with("GET", "/silences").body(Body::empty()).unwrap()).await;
        assert!(!page.text.contains("name=\"token\""), "who showed it need not type it");
        let form = with("POST", "/check-now").header("content-type", "application/x-www-form-urlencoded");
        assert_eq!(send(&router, form.body(Body::empty()).unwrap()).await.status, 303);
    }
}

#[tokio::test]
async fn every_answer_has_the_headers_that_keep_browsers_safe() {
    let router = Fixed::usual().router(Reach::Loopback);
    for path in ["/", "/nothing", "/api/v1/snapshot", "/api/v1/nothing", "/style.css", "/badge/hub-7001.svg", "/livez"] {
        let said = get(&router, path).await;
        let policy = said.header("content-security-policy");
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self';"), "{path}: {policy}");
        assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"), "{policy}");
        assert_eq!((said.header("x-content-type-options"), said.header("referrer-policy")), ("nosniff", "same-origin"), "{path}");
    }
}

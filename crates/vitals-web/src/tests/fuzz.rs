//! No request whatever makes the faces fail: never 5xx (but for `/health`, whose 503 is an answer), never a hang.

use std::time::Duration;

use axum::body::Body;
use proptest::prelude::*;

use super::fixture::{Fixed, TOKEN, get, request, send};
use crate::{Reach, api};

/// A part of a path or a value: what is there, what is near it, and anything.
fn word() -> impl Strategy<Value = String> {
    let known =
        ["hub-7001", "I7", "I3", "7", "S1", "hub-7001.svg", "filesystem", "1h", "90d", "hub-servers/api", "..", "", "*", "-1"];
    prop_oneof![
        prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        any::<u64>().prop_map(|n| format!("I{n}")),
        "\\PC{0,12}",
        ".{0,40}"
    ]
}

fn encoded() -> impl Strategy<Value = String> {
    (word(), any::<bool>()).prop_map(|(word, broken)| {
        let text: String = word
            .bytes()
            .map(|b| if b.is_ascii_alphanumeric() { char::from(b).to_string() } else { format!("%{b:02X}") })
            .collect();
        // Bytes that are no UTF-8.
        if broken { format!("{text}%ff%00") } else { text }
    })
}

fn path() -> impl Strategy<Value = String> {
    let mut templates: Vec<String> = api::routes().into_iter().map(|(_, path, _)| path.to_owned()).collect();
    let pages = [
        "/",
        "/targets/{t}",
        "/targets/{t}/server",
        "/targets/{t}/report",
        "/targets/{t}/explain",
        "/targets/{t}/tools",
        "/incidents",
    ];
    templates.extend(pages.map(str::to_owned));
    templates.extend(
        ["/incidents/{i}", "/incidents/{i}/note", "/silences", "/silences/{s}/end", "/check-now", "/{x}/{y}"].map(str::to_owned),
    );
    let names = ["since", "check", "range", "view", "page", "q", "show", "name"];
    let query = prop::collection::vec((prop::sample::select(names.to_vec()), encoded()), 0..4);
    (prop::sample::select(templates), prop::collection::vec(encoded(), 3), query).prop_map(|(template, words, query)| {
        let mut words = words.into_iter();
        let parts = template
            .split('/')
            .map(|part| if part.starts_with('{') { words.next().unwrap_or_default() } else { part.to_owned() });
        let query: Vec<_> = query.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
        format!("{}?{}", parts.collect::<Vec<_>>().join("/"), query.join("&"))
    })
}

fn body() -> impl Strategy<Value = (&'static str, Vec<u8>)> {
    let value = prop_oneof![
        word().prop_map(serde_json::Value::from),
        any::<i64>().prop_map(serde_json::Value::from),
        Just(serde_json::Value::Null)
    ];
    let fields = prop::collection::vec((prop::sample::select(vec!["author", "text", "check", "for", "target"]), value), 0..6);
    prop_oneof![
        fields.prop_map(|fields| {
            let object: serde_json::Map<_, _> = fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
            ("application/json", serde_json::Value::Object(object).to_string().into_bytes())
        }),
        prop::collection::vec((prop::sample::select(vec!["author", "text", "check", "for", "target"]), encoded()), 0..6)
            .prop_map(|fields| {
                let pairs: Vec<_> = fields.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
                ("application/x-www-form-urlencoded", pairs.join("&").into_bytes())
            }),
        prop::collection::vec(any::<u8>(), 0..200).prop_map(|bytes| ("application/json", bytes)),
        Just(("application/json", vec![b'['; 20_000])),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1500))]
    #[test]
    fn no_request_breaks_anything(
        method in prop::sample::select(vec!["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS"]),
        path in path(),
        (kind, body) in body(),
        signed in any::<bool>(),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let source = Fixed::usual();
            let router = source.router(Reach::Loopback);
            let mut asked = request(method, &path).header("content-type", kind);
            if signed {
                asked = asked.header("authorization", format!("Bearer {TOKEN}"));
            }
            let Ok(asked) = asked.body(Body::from(body)) else { return Ok(()) };
            if path.starts_with("/api/v1/stream") {
                return Ok(());
            }
            let said = tokio::time::timeout(Duration::from_secs(5), send(&router, asked)).await;
            let said = said.expect("no request hangs");
            let is_answer = path.starts_with("/health") && said.status == 503;
            prop_assert!(!said.status.is_server_error() || is_answer, "{method} {path}: {} {}", said.status, said.text);
            if !signed {
                let asked = (source.orders.lock().unwrap().len(), *source.checks.lock().unwrap());
                prop_assert_eq!(asked, (0, 0), "{} {} changed something without the token", method, path);
            }
            Ok(())
        })?;
    }
}

#[tokio::test]
async fn a_body_or_an_address_that_is_too_large_is_refused() {
    let router = Fixed::usual().router(Reach::Loopback);
    let large = request("POST", "/api/v1/silences")
        .header("content-type", "application/json")
        .header("authorization", format!("Bearer {TOKEN}"));
    assert_eq!(send(&router, large.body(Body::from("x".repeat(20_000))).unwrap()).await.status, 413);
    let long = get(&router, &format!("/api/v1/targets/{}", "a".repeat(60_000))).await;
    assert!(long.status == 404 && long.text.len() < 1000, "what was asked is not said again in full");
}

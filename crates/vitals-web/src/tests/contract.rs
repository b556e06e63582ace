//! The `OpenAPI` document: every route is in it, nothing else is, and every answer is as it says.

use std::collections::BTreeSet;

use axum::body::Body;
use serde_json::{Value, json};

use super::fixture::{Fixed, Said, get, post, request, send};
use crate::{Reach, api};

fn document() -> Value {
    serde_json::from_str(include_str!("../api/openapi.json")).unwrap()
}

#[test]
fn every_route_is_in_the_document_and_nothing_else() {
    let document = document();
    let paths = document["paths"].as_object().unwrap();
    let written = paths.iter().flat_map(|(path, of)| of.as_object().unwrap().keys().map(|method| (method.clone(), path.clone())));
    let routes = api::routes().into_iter().map(|(method, path, _)| (method.to_owned(), path.to_owned()));
    assert_eq!(routes.collect::<BTreeSet<_>>(), written.collect());
}

/// Fails unless an answer is as the document says of that route.
fn assert_fits(document: &Value, method: &str, path: &str, said: &Said) {
    let of = &document["paths"][path][method]["responses"];
    let response = of.get(said.status.as_str()).unwrap_or(&of["default"]);
    let (kind, content) = response["content"].as_object().and_then(|content| content.iter().next()).expect("a content");
    let plain = kind.split(';').next().unwrap();
    assert!(said.header("content-type").starts_with(plain), "{path}: {} is not {kind}", said.header("content-type"));
    if !plain.ends_with("json") {
        return;
    }
    let mut schema = content["schema"].clone();
    schema["components"] = document["components"].clone();
    let validator = jsonschema::options().should_validate_formats(true).build(&schema).unwrap();
    let answer = said.json();
    let errors: Vec<_> = validator.iter_errors(&answer).map(|error| format!("{}: {error}", error.instance_path)).collect();
    assert!(errors.is_empty(), "{method} {path}: {errors:#?}\n{answer:#}");
}

#[tokio::test]
async fn every_answer_is_as_the_document_says() {
    let (document, source) = (document(), Fixed::usual());
    let router = source.router(Reach::Loopback);
    let reads = [
        ("/api/v1/snapshot", "/api/v1/snapshot", 200),
        ("/api/v1/openapi.json", "/api/v1/openapi.json", 200),
        ("/api/v1/targets", "/api/v1/targets", 200),
        ("/api/v1/targets/{target}", "/api/v1/targets/hub-7001", 200),
        ("/api/v1/targets/{target}", "/api/v1/targets/nobody", 404),
        ("/api/v1/targets/{target}/explain", "/api/v1/targets/hub-7001/explain?check=hub-servers/api", 200),
        ("/api/v1/targets/{target}/explain", "/api/v1/targets/hub-7001/explain", 400),
        ("/api/v1/targets/{target}/explain", "/api/v1/targets/hub-7001/explain?check=none", 404),
        ("/api/v1/targets/{target}/tools", "/api/v1/targets/hub-7001/tools", 200),
        ("/api/v1/targets/{target}/series", "/api/v1/targets/hub-7001/series?check=a&check=b/c&since=6h", 200),
        ("/api/v1/targets/{target}/series", "/api/v1/targets/hub-7001/series?since=6h", 400),
        ("/api/v1/targets/{target}/series", "/api/v1/targets/hub-7001/series?check=a&sinse=6h", 400),
        ("/api/v1/targets/{target}/report", "/api/v1/targets/hub-7001/report?since=7d", 200),
        ("/api/v1/targets/{target}/report", "/api/v1/targets/hub-7001/report?since=900d", 400),
        ("/api/v1/targets/{target}/criteria", "/api/v1/targets/hub-7001/criteria", 200),
        ("/api/v1/incidents", "/api/v1/incidents", 200),
        ("/api/v1/incidents", "/api/v1/incidents?since=24h", 200),
        ("/api/v1/incidents/{incident}", "/api/v1/incidents/I7", 200),
        ("/api/v1/incidents/{incident}", "/api/v1/incidents/3", 200),
        ("/api/v1/incidents/{incident}", "/api/v1/incidents/I99", 404),
        ("/api/v1/incidents/{incident}", "/api/v1/incidents/first", 404),
        ("/api/v1/silences", "/api/v1/silences", 200),
        ("/health", "/health", 503),
        ("/livez", "/livez", 200),
        ("/readyz", "/readyz", 200),
        ("/badge/{badge}", "/badge/hub-7001.svg", 200),
        ("/badge/{badge}", "/badge/hub-7001", 404),
    ];
    for (path, asked, status) in reads {
        let said = get(&router, asked).await;
        assert_eq!(said.status, status, "{asked}: {}", said.text);
        assert_fits(&document, "get", path, &said);
    }
    let stream = router_stream_head(&router).await;
    assert_eq!(stream, "text/event-stream");
    let writes = [
        ("/api/v1/incidents/{incident}/acknowledge", "/api/v1/incidents/I7/acknowledge", json!({"author": "ada"}), 200),
        ("/api/v1/incidents/{incident}/acknowledge", "/api/v1/incidents/I3/acknowledge", json!({"author": "ada"}), 409),
        ("/api/v1/incidents/{incident}/acknowledge", "/api/v1/incidents/I7/acknowledge", json!({"author": " "}), 400),
        ("/api/v1/incidents/{incident}/notes", "/api/v1/incidents/I3/notes", json!({"author": "ada", "text": "seen"}), 200),
        ("/api/v1/incidents/{incident}/notes", "/api/v1/incidents/I3/notes", json!({"author": "ada"}), 400),
        ("/api/v1/silences", "/api/v1/silences", json!({"check": "*", "for": "2h", "author": "ada", "text": "why"}), 202),
        ("/api/v1/silences", "/api/v1/silences", json!({"check": "*", "for": "2y", "author": "ada", "text": "why"}), 400),
        ("/api/v1/silences", "/api/v1/silences", json!(["nothing"]), 422),
        ("/api/v1/silences/{silence}/end", "/api/v1/silences/S1/end", json!({"author": "ada"}), 202),
        ("/api/v1/silences/{silence}/end", "/api/v1/silences/S9/end", json!({"author": "ada"}), 404),
        ("/api/v1/check-now", "/api/v1/check-now", json!({}), 202),
    ];
    for (path, asked, body, status) in writes {
        let said = post(&router, asked, &body).await;
        assert_eq!(said.status, status, "{asked} {body}: {}", said.text);
        assert_fits(&document, "post", path, &said);
    }
    assert_eq!((source.orders.lock().unwrap().len(), *source.checks.lock().unwrap()), (4, 1));
}

async fn router_stream_head(router: &axum::Router) -> String {
    use tower::ServiceExt as _;
    let request = request("GET", "/api/v1/stream").body(Body::empty()).unwrap();
    let response = router.clone().oneshot(request).await.unwrap();
    response.headers()["content-type"].to_str().unwrap().to_owned()
}

#[tokio::test]
async fn what_is_not_there_is_a_problem_in_the_words_of_the_api() {
    let (document, router) = (document(), Fixed::usual().router(Reach::Loopback));
    let wrong = request("DELETE", "/api/v1/snapshot").body(Body::empty()).unwrap();
    for (said, status) in [(get(&router, "/api/v2/snapshot").await, 404), (send(&router, wrong).await, 405)] {
        assert_eq!((said.status.as_u16(), said.header("content-type")), (status, "application/problem+json"));
        assert_fits(&document, "get", "/api/v1/targets", &said);
    }
}

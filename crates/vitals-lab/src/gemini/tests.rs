//! The stub, asked by the monitor's own probe, and for content as a hub asks.

use serde_json::json;
use url::Url;
use vitals_model::config::Timeouts;
use vitals_model::observation::{Failure, FailureKind, LlmModels, LlmSeen};
use vitals_model::text::Text;
use vitals_probe::clock::Stopwatch;
use vitals_probe::http::{Client, Request};
use vitals_probe::llm::ask;
use vitals_probe::secret::Secret;

use super::*;

const LIMIT: Duration = Duration::from_secs(5);

fn client() -> Client {
    Client::new(&Timeouts::default(), Vec::new())
}

async fn probe(stub: &Stub, model: &str, key: &str, limit: Duration) -> Result<LlmModels, Failure> {
    let (provider, model) = (Text::new("gemini"), Some(Text::new(model)));
    let key = Ok(Secret::new(key.to_owned()));
    let seen = ask(&client(), &provider, model, Some(stub.base_url()), key, Text::new("env:KEY"), limit).await;
    let LlmSeen::Asked { answer, .. } = seen else { panic!("{seen:?}") };
    answer
}

async fn post(stub: &Stub, path: &str, body: &Value, limit: Duration) -> Result<(u16, Value), Failure> {
    let url = Url::parse(&format!("{}/v1beta/models/{path}", stub.base_url())).unwrap();
    let key = Secret::new(stub.key().to_owned());
    let answer = client().send(Request::post_json(&url, body).secret("x-goog-api-key", &key), limit).await?;
    let status = answer.status();
    let (bytes, _) = answer.bytes(1 << 20).await?;
    Ok((status, serde_json::from_slice(&bytes).unwrap_or(Value::Null)))
}

async fn categories(stub: &Stub, text: &str) -> Value {
    let body = json!({ "contents": [{ "parts": [{ "text": text }] }] });
    let (status, answer) = post(stub, "gemini-2.5-flash:generateContent", &body, LIMIT).await.unwrap();
    assert_eq!(status, 200, "{answer}");
    let said = answer["candidates"][0]["content"]["parts"][0]["text"].as_str().unwrap();
    serde_json::from_str::<Value>(said).unwrap()["categories"].clone()
}

/// Waits until `done`, or fails.
async fn until(mut done: impl FnMut() -> bool) {
    let clock = Stopwatch::start();
    while !done() {
        assert!(clock.elapsed() < LIMIT, "it did not come to that");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn the_monitors_probe_finds_the_models() {
    let stub = Stub::start().await.unwrap();
    let found = probe(&stub, "gemini-2.5-flash", stub.key(), LIMIT).await;
    assert_eq!(found, Ok(LlmModels { count: 5, has_model: Some(true) }));
    let missing = probe(&stub, "gemini-9", stub.key(), LIMIT).await;
    assert_eq!(missing, Ok(LlmModels { count: 5, has_model: Some(false) }));
    assert_eq!(stub.calls(), Counts { models: 2, generate: 0 });
}

#[tokio::test]
async fn another_key_is_refused_as_gemini_refuses_it() {
    let stub = Stub::start().await.unwrap();
    let failure = probe(&stub, "gemini-2.5-flash", "another", LIMIT).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::Status { code: 400, retry_after: None });
    assert!(failure.evidence.as_str().starts_with("key refused: API key not valid"), "{failure:?}");
}

#[tokio::test]
async fn models_come_in_pages() {
    let stub = Stub::start().await.unwrap();
    let page = async |query: &str| {
        let url = Url::parse(&format!("{}/v1beta/models?key={}&{query}", stub.base_url(), stub.key())).unwrap();
        client().get_json::<Value>(&url, LIMIT).await.map(|page| page.value)
    };
    let (mut names, mut token) = (Vec::new(), String::new());
    loop {
        let page = page(&format!("pageSize=2{token}")).await.unwrap();
        names.extend(page["models"].as_array().unwrap().iter().map(|m| m["name"].as_str().unwrap().to_owned()));
        let Some(next) = page["nextPageToken"].as_str() else { break };
        token = format!("&pageToken={next}");
    }
    assert_eq!(names.len(), 5);
    assert!(names.contains(&"models/gemini-2.5-flash".to_owned()));
    assert!(page("pageToken=x").await.is_err());
    assert!(page("pageToken=6").await.is_err());
}

#[tokio::test]
async fn categories_follow_the_prompt_and_not_the_list_that_names_them() {
    let stub = Stub::start().await.unwrap();
    let list = "You choose tool categories.\nAvailable categories: filesystem, search, math, web, database, git.\n";
    let json_list = "Choose from [\"filesystem\", \"math\", \"other\"]. Answer JSON.\nUser prompt: ";
    let cases = [
        ("List the files in this folder".to_owned(), json!(["filesystem"])),
        ("What is the sum of 2 and 3?".to_owned(), json!(["math"])),
        (format!("{list}Find all commits in the repository"), json!(["search", "git"])),
        (format!("{json_list}read a file and query the database"), json!(["filesystem"])),
        (format!("{list}User prompt: \"hello there\""), json!([])),
    ];
    for (text, expected) in cases {
        assert_eq!(categories(&stub, &text).await, expected, "{text}");
    }
    assert_eq!(stub.calls(), Counts { models: 0, generate: 5 });
}

#[tokio::test]
async fn requests_that_make_no_sense_are_refused() {
    let stub = Stub::start().await.unwrap();
    let good = json!({ "contents": { "parts": [{ "text": "hi" }] } });
    let large = json!({ "contents": "x".repeat(REQUEST_BYTES_MAX) });
    let cases = [
        ("gemini-9:generateContent", &good, 404),
        ("gemini-2.5-flash:countTokens", &good, 404),
        ("gemini-2.5-flash:generateContent", &json!({}), 400),
        ("gemini-2.5-flash:generateContent", &large, 413),
        ("gemini-2.5-flash:generateContent", &good, 200),
    ];
    for (path, body, expected) in cases {
        assert_eq!(post(&stub, path, body, LIMIT).await.unwrap().0, expected, "{path}");
    }
}

#[tokio::test]
async fn each_fault_is_seen_by_the_probe_and_is_over_when_cleared() {
    let stub = Stub::start().await.unwrap();
    let status = |code, secs: Option<u64>| FailureKind::Status { code, retry_after: secs.map(Duration::from_secs) };
    let short = Duration::from_millis(300);
    let cases = [
        (LlmFault::Unauthorized, status(401, None), "Request had invalid authentication"),
        (LlmFault::Quota, status(429, Some(30)), "You exceeded your current quota"),
        (LlmFault::Unavailable, status(503, None), "The model is overloaded"),
        (LlmFault::Timeout, FailureKind::TimedOut(short), ""),
        (LlmFault::Slow, FailureKind::TimedOut(short), ""),
        (LlmFault::Malformed, FailureKind::NotJson, "<!DOCTYPE html>"),
    ];
    for (fault, kind, evidence) in cases {
        stub.set(Some(fault));
        let limit = if matches!(fault, LlmFault::Timeout | LlmFault::Slow) { short } else { LIMIT };
        let failure = probe(&stub, "gemini-2.5-flash", stub.key(), limit).await.unwrap_err();
        assert_eq!(failure.kind, kind, "{fault:?}");
        assert!(failure.evidence.as_str().contains(evidence), "{fault:?}: {failure:?}");
        stub.set(None);
        assert!(probe(&stub, "gemini-2.5-flash", stub.key(), LIMIT).await.is_ok(), "after {fault:?}");
    }
}

#[tokio::test]
async fn the_same_faults_meet_calls_for_content() {
    let stub = Stub::start().await.unwrap();
    let body = json!({ "contents": [{ "parts": [{ "text": "read a file" }] }] });
    let path = "gemini-2.5-flash:generateContent";
    for (fault, code, state) in [
        (LlmFault::Unauthorized, 401, json!("UNAUTHENTICATED")),
        (LlmFault::Quota, 429, json!("RESOURCE_EXHAUSTED")),
        (LlmFault::Unavailable, 503, json!("UNAVAILABLE")),
        (LlmFault::Malformed, 200, Value::Null),
    ] {
        stub.set(Some(fault));
        let (status, answer) = post(&stub, path, &body, LIMIT).await.unwrap();
        assert_eq!((status, &answer["error"]["status"]), (code, &state), "{fault:?}");
    }
    stub.set(Some(LlmFault::Timeout));
    assert!(post(&stub, path, &body, Duration::from_millis(100)).await.is_err());
}

#[tokio::test]
async fn a_slow_answer_comes_in_the_end() {
    let slow = Duration::from_millis(200);
    let stub = Stub::start_with(slow).await.unwrap();
    stub.set(Some(LlmFault::Slow));
    let clock = Stopwatch::start();
    assert!(probe(&stub, "gemini-2.5-flash", stub.key(), LIMIT).await.is_ok());
    assert!(clock.elapsed() >= slow);
}

#[tokio::test]
async fn a_client_that_hangs_up_leaves_nothing_behind() {
    let stub = Stub::start().await.unwrap();
    stub.set(Some(LlmFault::Timeout));
    let _gave_up = probe(&stub, "gemini-2.5-flash", stub.key(), Duration::from_millis(100)).await;
    // What waits holds the stub's state: the stub and its router are left with it, and nobody else.
    let idle = { Arc::strong_count(&Stub::start().await.unwrap().shared) };
    until(|| Arc::strong_count(&stub.shared) == idle).await;
}

#[tokio::test]
async fn a_dropped_stub_is_gone_with_its_connections() {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    let stub = Stub::start().await.unwrap();
    stub.set(Some(LlmFault::Timeout));
    let address = stub.base_url().trim_start_matches("http://").to_owned();
    let mut open = tokio::net::TcpStream::connect(&address).await.unwrap();
    open.write_all(b"GET /v1beta/models HTTP/1.1\r\nhost: x\r\n\r\n").await.unwrap();
    until(|| stub.calls().models == 1).await;

    let shared = Arc::downgrade(&stub.shared);
    drop(stub);
    let mut rest = Vec::new();
    let ended = tokio::time::timeout(LIMIT, open.read_to_end(&mut rest)).await;
    assert!(ended.is_ok() && rest.is_empty(), "{rest:?}");
    until(|| shared.strong_count() == 0).await;
    assert!(tokio::net::TcpStream::connect(&address).await.is_err());
}

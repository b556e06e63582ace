//! Settings, categories, and the analyst against an LLM that answers what a test says.

use std::collections::{BTreeSet, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::Request;
use axum::http::StatusCode;
use axum::response::IntoResponse as _;
use axum::routing::{get, post};
use rmcp::model::{JsonObject, Tool};
use serde_json::{Value, json};
use vitals_probe::clock::Stopwatch;
use vitals_probe::task::Task;

use super::analyst::{Analysis, Analyst};
use super::{Category, Exposure, Llm, Settings, SettingsError};
use crate::hub::backend::Listed;
use crate::hub::journal::{Journal, Level, Record};

/// An LLM that gives its answers in order, and the last one for ever.
struct Oracle {
    base: String,
    questions: Arc<Mutex<Vec<Value>>>,
    _server: Task,
}

type Answer = (StatusCode, Vec<(&'static str, &'static str)>, String);

impl Oracle {
    async fn start(answers: Vec<Answer>) -> Self {
        let questions = Arc::new(Mutex::new(Vec::new()));
        let (kept, answers) = (Arc::clone(&questions), Arc::new(Mutex::new(VecDeque::from(answers))));
        let generate = move |request: Request| {
            let (kept, answers) = (Arc::clone(&kept), Arc::clone(&answers));
            async move {
                let key = request.headers()["x-goog-api-key"].to_str().unwrap().to_owned();
                let body = axum::body::to_bytes(request.into_body(), 1 << 20).await.unwrap();
                let mut question: Value = serde_json::from_slice(&body).unwrap();
                question["key"] = json!(key);
                kept.lock().unwrap().push(question);
                let mut answers = answers.lock().unwrap();
                let (status, headers, body) =
                    if answers.len() > 1 { answers.pop_front() } else { answers.front().cloned() }.unwrap();
                let mut response = (status, body).into_response();
                for (name, value) in headers {
                    response.headers_mut().insert(name, value.parse().unwrap());
                }
                response
            }
        };
        let models = get(|| async { axum::Json(json!({ "models": [] })) });
        let routes = Router::new().route("/v1beta/models", models).route("/v1beta/models/{call}", post(generate));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = Task::spawn(async move { axum::serve(listener, routes).await.unwrap() });
        Self { base, questions, _server: server }
    }

    fn asked(&self) -> usize {
        self.questions.lock().unwrap().len()
    }

    fn llm(&self, more: &Value) -> Arc<Llm> {
        let mut section = json!({ "provider": "gemini", "model": "m", "baseURL": self.base, "apiKey": "lab-key" });
        section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        let section = json!({ "enabled": true, "llmCategorization": section });
        match Settings::read(&section).unwrap() {
            Settings::PromptBased(set) => set.llm.unwrap(),
            Settings::Off => panic!("off"),
        }
    }
}

/// The analyst, and what it logged.
fn analyst(llm: Arc<Llm>) -> (Analyst, Arc<Mutex<Vec<Record>>>) {
    let records = Arc::new(Mutex::new(Vec::new()));
    let kept = Arc::clone(&records);
    (Analyst::start(Some(llm), Journal::new(move |record, _| kept.lock().unwrap().push(record))), records)
}

fn fallbacks(records: &Mutex<Vec<Record>>) -> usize {
    let is = |r: &&Record| r.level == Level::Warn && r.message == "LLM prompt analysis failed, using heuristic fallback";
    records.lock().unwrap().iter().filter(is).count()
}

fn said(text: &str) -> Answer {
    let body = json!({ "candidates": [{ "content": { "role": "model", "parts": [{ "text": text }] } }] });
    (StatusCode::OK, vec![("content-type", "application/json")], body.to_string())
}

const GOOD: &str = r#"{"categories":["git","no-such"],"confidence":0.95,"reasoning":"it says commit"}"#;

fn is_git(analysis: &Analysis) -> bool {
    analysis.categories == BTreeSet::from([Category::Git]) && (analysis.confidence - 0.95).abs() < 1e-9
}

fn is_fallback(analysis: &Analysis) -> bool {
    (analysis.confidence - 0.6).abs() < 1e-9
}

#[tokio::test]
async fn the_llm_is_asked_with_the_key_and_its_answer_is_remembered() {
    let oracle = Oracle::start(vec![said(&format!("```json\n{GOOD}\n```"))]).await;
    let (analyst, records) = analyst(oracle.llm(&json!({})));
    assert!(is_git(&analyst.analyze("show the last commit", "in main").await));
    assert!(is_git(&analyst.analyze("show the last commit", "in main").await));
    assert_eq!((oracle.asked(), analyst.memory_stats(), fallbacks(&records)), (1, (1, 0.5), 0));
    let question = oracle.questions.lock().unwrap()[0].clone();
    assert_eq!(question["key"], "lab-key");
    assert_eq!(question["contents"][0]["parts"][0]["text"], "show the last commit");
    assert!(question["systemInstruction"]["parts"][0]["text"].as_str().unwrap().contains("filesystem"));
}

#[tokio::test]
async fn overload_is_tried_three_times_with_growing_waits_and_then_keywords_decide() {
    let oracle = Oracle::start(vec![(StatusCode::SERVICE_UNAVAILABLE, vec![], String::new())]).await;
    let (analyst, records) = analyst(oracle.llm(&json!({})));
    let watch = Stopwatch::start();
    let analysis = analyst.analyze("read a file", "").await;
    assert!(is_fallback(&analysis) && analysis.categories == BTreeSet::from([Category::Filesystem]), "{analysis:?}");
    assert_eq!((oracle.asked(), fallbacks(&records), analyst.memory_stats().0), (3, 1, 0));
    assert!(watch.elapsed() >= Duration::from_secs(3), "{:?}", watch.elapsed());
}

#[tokio::test]
async fn an_answer_without_sense_is_asked_for_again() {
    let oracle = Oracle::start(vec![said("I think git"), said(GOOD)]).await;
    let (analyst, records) = analyst(oracle.llm(&json!({})));
    assert!(is_git(&analyst.analyze("show the last commit", "").await));
    assert_eq!((oracle.asked(), fallbacks(&records)), (2, 0));
}

#[tokio::test]
async fn that_no_category_fits_is_an_answer_and_no_failure() {
    let oracle = Oracle::start(vec![said(r#"{"categories":[],"confidence":0.2}"#)]).await;
    let (analyst, records) = analyst(oracle.llm(&json!({})));
    let analysis = analyst.analyze("sing", "").await;
    assert_eq!((analysis.categories, oracle.asked(), fallbacks(&records)), ([Category::Other].into(), 1, 0));
}

#[tokio::test]
async fn what_will_not_pass_soon_is_not_tried_again() {
    let quota = (StatusCode::TOO_MANY_REQUESTS, vec![("retry-after", "30")], String::new());
    for answer in [quota, (StatusCode::UNAUTHORIZED, vec![], "{}".to_owned()), (StatusCode::BAD_REQUEST, vec![], "{}".to_owned())]
    {
        let oracle = Oracle::start(vec![answer]).await;
        let (analyst, records) = analyst(oracle.llm(&json!({})));
        assert!(is_fallback(&analyst.analyze("read a file", "").await));
        assert_eq!((oracle.asked(), fallbacks(&records)), (1, 1));
    }
}

#[tokio::test]
async fn the_budget_bounds_the_calls_of_an_hour() {
    let oracle = Oracle::start(vec![said(GOOD)]).await;
    let (analyst, records) = analyst(oracle.llm(&json!({ "callsPerHour": 2 })));
    for prompt in ["one commit", "two commits", "three commits"] {
        analyst.analyze(prompt, "").await;
    }
    assert_eq!((oracle.asked(), fallbacks(&records)), (2, 1));
}

#[tokio::test]
async fn a_mute_llm_is_waited_for_no_longer_than_the_limit() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let oracle = Oracle::start(vec![said(GOOD)]).await;
    let (analyst, _) = analyst(oracle.llm(&json!({ "baseURL": base, "timeoutMs": 50 })));
    let watch = Stopwatch::start();
    assert!(is_fallback(&analyst.analyze("read a file", "").await));
    assert!(watch.elapsed() < Duration::from_secs(10), "{:?}", watch.elapsed());
}

#[tokio::test]
async fn without_a_key_no_one_is_asked() {
    let oracle = Oracle::start(vec![said(GOOD)]).await;
    let (analyst, records) = analyst(oracle.llm(&json!({ "apiKey": "${VITALS_LAB_NO_SUCH_VARIABLE}" })));
    assert!(is_fallback(&analyst.analyze("read a file", "").await));
    assert_eq!((oracle.asked(), fallbacks(&records)), (0, 1));
}

#[test]
fn settings_are_read_or_refused_with_what_is_known() {
    let read = |section: Value| Settings::read(&section);
    assert!(matches!(read(json!({})), Ok(Settings::Off)));
    assert!(matches!(read(json!({ "enabled": false, "mode": "x" })), Ok(Settings::Off)));
    let on = |more: Value| {
        let mut section = json!({ "enabled": true });
        section.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        Settings::read(&section)
    };
    assert!(matches!(on(json!({})), Ok(Settings::PromptBased(set)) if set.exposure == Exposure::MetaOnly && set.llm.is_none()));
    let unknown = |settings: Result<Settings, SettingsError>| settings.err().map(|e| e.to_string()).unwrap_or_default();
    assert!(unknown(on(json!({ "mode": "category" }))).contains("prompt-based"));
    assert!(unknown(on(json!({ "promptBasedFiltering": { "defaultExposure": "some" } }))).contains("meta-only"));
    assert!(unknown(on(json!({ "llmCategorization": { "provider": "other" } }))).contains("gemini"));
    assert!(unknown(on(json!({ "llmCategorization": { "baseURL": "no url" } }))).contains("no URL"));
    let Ok(Settings::PromptBased(set)) = on(json!({ "llmCategorization": { "model": "models/gemini-2.5-pro" } })) else {
        panic!()
    };
    let url = set.llm.unwrap().generate.clone();
    assert_eq!(url.as_str(), "https://generativelanguage.googleapis.com/v1beta/models/gemini-2.5-pro:generateContent");
}

#[test]
fn a_tools_own_name_speaks_before_its_servers() {
    for (server, tool, category) in [
        ("filesystem", "filesystem__read_text_file", Category::Filesystem),
        ("filesystem", "filesystem__search_files", Category::Filesystem),
        ("filesystem", "filesystem__edit", Category::Filesystem),
        ("echo", "echo__add", Category::Math),
        ("echo", "echo__shout", Category::Echo),
        ("github", "github__search_issues", Category::Git),
        ("x", "x__find", Category::Search),
        ("x", "plain", Category::Other),
    ] {
        let listed = Listed { tool: Tool::new(tool, "", JsonObject::new()), server: server.to_owned() };
        assert_eq!(Category::of(&listed), category, "{tool}");
    }
    assert_eq!(Category::asked("Find the FILES, then commit"), [Category::Filesystem, Category::Git, Category::Search].into());
    assert_eq!(Category::asked("sing"), [Category::Other].into());
    for category in Category::ALL {
        assert_eq!(Category::parse(category.as_str()), Some(category));
    }
}

//! Every dialect against answers in the providers' documented shapes; no key is ever shown.

use vitals_model::config::Timeouts;

use super::*;
use crate::http::tests::double::{Act, Double};

const KEY: &str = "AIzaSyVerySecretKey";

async fn answer_of(provider: &str, model: &str, act: Act) -> (Result<LlmModels, Failure>, String) {
    let double = Double::start(act).await;
    let base = double.url("").to_string();
    let client = Client::new(&Timeouts::default(), Vec::new());
    let (provider, model, key) = (Text::new(provider), Text::new(model), Ok(Secret::new(KEY.to_owned())));
    let seen = ask(&client, &provider, Some(model), Some(&base), key, Text::new("env:KEY"), Duration::from_millis(300)).await;
    assert!(!format!("{seen:?}").contains("Secret"), "{seen:?}");
    let LlmSeen::Asked { answer, .. } = seen else { panic!() };
    (answer, double.requests().into_iter().next().unwrap_or_default())
}

#[tokio::test]
async fn each_provider_is_asked_in_its_own_way() {
    let gemini = r#"{"models":[{"name":"models/gemini-2.5-flash"},{"name":"models/x"}]}"#;
    let data = r#"{"data":[{"id":"m-1"}],"has_more":false}"#;
    let cases = [
        ("gemini", "gemini-2.5-flash", gemini, "GET /v1beta/models?pageSize=1000 ", format!("x-goog-api-key: {KEY}"), 2),
        ("openai", "m-1", data, "GET /models ", format!("authorization: Bearer {KEY}"), 1),
        ("anthropic", "m-1", data, "GET /v1/models?limit=1000 ", format!("x-api-key: {KEY}"), 1),
    ];
    for (provider, model, body, line, header, count) in cases {
        let (answer, request) = answer_of(provider, model, Act::Json(200, body)).await;
        assert_eq!(answer, Ok(LlmModels { count, has_model: Some(true) }), "{provider}");
        assert!(request.starts_with(line) && request.contains(&header), "{request}");
    }
}

#[tokio::test]
async fn a_missing_model_is_said_only_when_the_list_is_whole() {
    let has = |body| async move { answer_of("gemini", "y", Act::Json(200, body)).await.0.unwrap().has_model };
    assert_eq!(has(r#"{"models":[{"name":"models/x"}]}"#).await, Some(false));
    assert_eq!(has(r#"{"models":[{"name":"models/x"}],"nextPageToken":"t"}"#).await, None);
}

#[tokio::test]
async fn refusals_keep_the_providers_words_and_never_the_key() {
    let status = |code, secs: Option<u64>| FailureKind::Status { code, retry_after: secs.map(Duration::from_secs) };
    let invalid = r#"{"error":{"code":400,"message":"API key not valid.","details":[{"reason":"API_KEY_INVALID"}]}}"#;
    let quota = "HTTP/1.1 429 X\r\nretry-after: 34\r\ncontent-length: 29\r\n\r\n{\"error\":{\"message\":\"quota\"}}";
    let busy = "HTTP/1.1 503 X\r\nretry-after: Fri, 31 Dec 2100 23:59:59 GMT\r\ncontent-length: 4\r\n\r\nbusy";
    let cases = [
        (Act::Json(400, invalid), status(400, None), "key refused: API key not valid."),
        (Act::Json(401, r#"{"error":"bad AIzaSyVerySecretKey"}"#), status(401, None), "bad (secret)"),
        (Act::Json(403, "AIzaSyVerySecretKey is blocked"), status(403, None), "(secret) is blocked"),
        (Act::Raw(quota.to_owned()), status(429, Some(34)), "quota"),
        (Act::Raw(busy.to_owned()), status(503, Some(24 * 3600)), "busy"),
        (Act::Json(200, r#"{"k":"AIzaSyVerySecretKey"}"#), FailureKind::Malformed, r#"{"k":"(secret)"}"#),
        (Act::Silent, FailureKind::TimedOut(Duration::from_millis(300)), ""),
    ];
    for (act, kind, evidence) in cases {
        let failure = answer_of("gemini", "m", act).await.0.unwrap_err();
        assert_eq!((failure.kind, failure.evidence.as_str()), (kind, evidence));
    }
}

#[tokio::test]
async fn without_a_key_nobody_is_asked() {
    let missing = crate::secret::resolve(&vitals_model::config::SecretRef::File("/nowhere/key".into()));
    let client = Client::new(&Timeouts::default(), Vec::new());
    let seen =
        ask(&client, &Text::new("gemini"), None, None, missing, Text::new("file:/nowhere/key"), Duration::from_secs(1)).await;
    let LlmSeen::Asked { answer: Err(failure), .. } = seen else { panic!("{seen:?}") };
    assert_eq!(failure.kind, FailureKind::NoSecret);
}

//! The LLM provider behind a hub's tool filtering: is the key accepted, and is the hub's model on
//! offer? It lists models, which no provider bills, and sends no prompt.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde_json::Value;
use url::Url;
use vitals_model::limits::EVIDENCE_CHARS_MAX;
use vitals_model::observation::{Failure, FailureKind, LlmModels, LlmSeen, Phase};
use vitals_model::text::Text;

use crate::clock::Stopwatch;
use crate::http::{Client, Refusal, Request};
use crate::rest::endpoint;
use crate::secret::Secret;

/// The revision of Anthropic's API that we speak; it is required with every request.
const ANTHROPIC_VERSION: &str = "2023-06-01";

/// The shape of a provider's API.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Dialect {
    Gemini,
    Anthropic,
    OpenAi,
}

impl Dialect {
    /// The dialect of a provider as the hub's configuration names it. Whatever else there is mostly
    /// speaks the dialect of `OpenAI` (Ollama, vLLM and others).
    fn of(provider: &str) -> Self {
        match provider.to_ascii_lowercase().as_str() {
            "gemini" | "google" => Self::Gemini,
            "anthropic" | "claude" => Self::Anthropic,
            _ => Self::OpenAi,
        }
    }

    /// Where it lives when the configuration says nothing else.
    const fn base(self) -> &'static str {
        match self {
            Self::Gemini => "https://generativelanguage.googleapis.com",
            Self::Anthropic => "https://api.anthropic.com",
            Self::OpenAi => "https://api.openai.com/v1",
        }
    }

    /// The path of the model list below the base, and its query: as many models on one page as it allows.
    const fn list(self) -> (&'static str, Option<&'static str>) {
        match self {
            Self::Gemini => ("v1beta/models", Some("pageSize=1000")),
            Self::Anthropic => ("v1/models", Some("limit=1000")),
            Self::OpenAi => ("models", None),
        }
    }
}

/// Asks `provider` for its models within `limit`. `base_url` replaces the provider's own; `key` is
/// the resolved key or why there is none, and `key_shown` its reference, which may be shown. `client`
/// must be one without headers of its own: they belong to another target.
pub async fn ask(
    client: &Client,
    provider: &Text,
    model: Option<Text>,
    base_url: Option<&str>,
    key: Result<Secret, Failure>,
    key_shown: Text,
    limit: Duration,
) -> LlmSeen {
    let clock = Stopwatch::start();
    let answer = match key {
        Ok(key) => models(client, Dialect::of(provider.as_str()), model.as_ref(), base_url, &key, limit).await,
        Err(failure) => Err(failure),
    };
    LlmSeen::Asked { provider: provider.clone(), model, key: key_shown, answer, took: clock.elapsed() }
}

async fn models(
    client: &Client,
    dialect: Dialect,
    model: Option<&Text>,
    base_url: Option<&str>,
    key: &Secret,
    limit: Duration,
) -> Result<LlmModels, Failure> {
    let clock = Stopwatch::start();
    let failure = |phase, kind, words: &str| Failure {
        phase,
        kind,
        evidence: Text::cut(words, EVIDENCE_CHARS_MAX),
        after: clock.elapsed(),
    };
    let base = Url::parse(base_url.unwrap_or(dialect.base()));
    let base = base.map_err(|e| failure(Phase::Connect, FailureKind::Malformed, &format!("base URL: {e}")))?;
    let (path, query) = dialect.list();
    let mut url = endpoint(&base, path);
    url.set_query(query);

    let bearer;
    let request = Request::get(&url).header("accept", "application/json");
    // Never in the URL: those end up in logs.
    let request = match dialect {
        Dialect::Gemini => request.secret("x-goog-api-key", key),
        Dialect::Anthropic => request.secret("x-api-key", key).header("anthropic-version", ANTHROPIC_VERSION),
        Dialect::OpenAi => {
            bearer = Secret::new(format!("Bearer {}", key.expose()));
            request.secret("authorization", &bearer)
        }
    };
    let answer = match client.send(request, limit).await?.accepted().await {
        Ok(answer) => answer.json::<Value>().await?,
        Err(Refusal { failure: refused, body }) => {
            return Err(match refusal_words(&body) {
                Some(words) => failure(refused.phase, refused.kind, &words),
                None => refused,
            });
        }
    };
    count(&answer.value, model).ok_or_else(|| answer.malformed())
}

/// The provider's words of `{"error": {"message": …}}`. Gemini answers 400 to a bad key, with
/// `API_KEY_INVALID` among the details: then the words begin with what that means.
fn refusal_words(body: &str) -> Option<String> {
    let body: Value = serde_json::from_str(body).ok()?;
    // An OpenAI-compatible Gemini wraps its error in a list.
    let error = body.get(0).unwrap_or(&body).get("error")?;
    let words = error.get("message").unwrap_or(error).as_str()?;
    let reasons = error.get("details").and_then(Value::as_array).into_iter().flatten();
    let refused = reasons.filter_map(|d| d.get("reason")).any(|reason| reason == "API_KEY_INVALID");
    Some(if refused { format!("key refused: {words}") } else { words.to_owned() })
}

/// Counts the models of a list. Whether the hub's is among them is not known when there are more pages
/// and this one has it not.
fn count(answer: &Value, model: Option<&Text>) -> Option<LlmModels> {
    let list = answer.get("models").or_else(|| answer.get("data"))?.as_array()?;
    // Gemini lists `models/NAME`, and hubs name either form.
    let bare = |name: &str| name.trim_start_matches("models/").to_owned();
    let is = |entry: &Value, wanted: &str| {
        ["name", "id"].iter().filter_map(|field| entry.get(field)?.as_str()).any(|name| bare(name) == wanted)
    };
    let has_model = model.map(|model| bare(model.as_str())).map(|model| list.iter().any(|entry| is(entry, &model)));
    let more = answer.get("nextPageToken").is_some() || answer.get("has_more") == Some(&Value::Bool(true));
    Some(LlmModels { count: list.len() as u64, has_model: has_model.filter(|has| *has || !more) })
}

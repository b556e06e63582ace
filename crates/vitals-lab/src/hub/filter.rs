//! Prompt-based tool filtering: what it is set to, and the parts that decide. A session begins with few
//! tools and is given more by what its client says that it wants to do. It knows no session: that is the
//! MCP endpoint's.

pub(crate) mod analyst;
mod category;
mod gemini;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use url::Url;
use vitals_model::config::SecretRef;
use vitals_probe::secret::{Secret, resolve};

pub(crate) use category::Category;

/// Where Gemini lives when the configuration says nothing else.
const GEMINI: &str = "https://generativelanguage.googleapis.com";

/// The model when none is named: the recorded variant's.
const MODEL: &str = "gemini-2.5-flash";

/// LLM calls in an hour when nothing is said: each one is billed, and one a minute is plenty for a lab.
const CALLS_PER_HOUR: u32 = 60;

/// How long one try may take when nothing is said. Longer than the slow LLM of the lab (8 s), so that a
/// slow answer is still an answer.
const TRY_LIMIT: Duration = Duration::from_secs(10);

/// What is wrong with a `toolFiltering` section.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub(crate) enum SettingsError {
    /// A value that is not one of those known.
    #[error("toolFiltering.{place} is {value}: known are {known}")]
    Unknown { place: &'static str, value: String, known: &'static str },
    /// A base URL that is none.
    #[error("toolFiltering.llmCategorization.baseURL is no URL: {0}")]
    BaseUrl(String),
}

/// How tools are filtered.
#[derive(Clone, Debug)]
pub(crate) enum Settings {
    /// Every session sees every tool.
    Off,
    /// A session sees what it asked for.
    PromptBased(PromptBased),
}

/// The settings of the prompt-based mode.
#[derive(Clone, Debug)]
pub(crate) struct PromptBased {
    /// What a new session sees.
    pub exposure: Exposure,
    /// The LLM that reads prompts; without one, keywords decide.
    pub llm: Option<Arc<Llm>>,
}

/// What a session sees before it asks for anything.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(crate) enum Exposure {
    /// Nothing. The meta-tool is not listed, and works for those who know of it.
    Zero,
    /// The meta-tool.
    #[default]
    MetaOnly,
    /// The meta-tool, and the tools of [`Category::MINIMAL`].
    Minimal,
    /// Everything.
    All,
}

/// An LLM with Gemini's REST API.
#[derive(Clone, Debug)]
pub(crate) struct Llm {
    /// The models, listed once at the start.
    pub models: Url,
    /// Where a prompt is posted.
    pub generate: Url,
    /// Its name, for the log.
    pub model: String,
    /// The key, or the reference that has no value.
    pub key: Result<Secret, String>,
    /// Whether the base URL was configured, for the log.
    pub own_base: bool,
    /// Calls in an hour, tries counted one by one; beyond it, keywords decide.
    pub calls_per_hour: u32,
    /// How long one try may take.
    pub try_limit: Duration,
}

impl Settings {
    /// No filtering.
    pub(crate) const fn off() -> Self {
        Self::Off
    }

    /// Reads a configuration's `toolFiltering` section: `enabled`, `mode`,
    /// `promptBasedFiltering.defaultExposure`, `llmCategorization.{enabled, provider, model, baseURL, apiKey,
    /// callsPerHour, timeoutMs}`. No section, or `enabled` not true, is off.
    ///
    /// # Errors
    /// The first value that is not known.
    pub(crate) fn read(section: &Value) -> Result<Self, SettingsError> {
        if section.get("enabled").and_then(Value::as_bool) != Some(true) {
            return Ok(Self::Off);
        }
        let mode = section.get("mode").and_then(Value::as_str).unwrap_or("prompt-based");
        if mode != "prompt-based" {
            return Err(SettingsError::Unknown { place: "mode", value: mode.to_owned(), known: "prompt-based" });
        }
        let exposure = section.pointer("/promptBasedFiltering/defaultExposure").and_then(Value::as_str);
        let llm = match section.get("llmCategorization") {
            Some(llm) if llm.get("enabled").and_then(Value::as_bool) != Some(false) => Some(Arc::new(Llm::read(llm)?)),
            _ => None,
        };
        Ok(Self::PromptBased(PromptBased { exposure: exposure.map_or(Ok(Exposure::default()), Exposure::read)?, llm }))
    }
}

impl Exposure {
    fn read(name: &str) -> Result<Self, SettingsError> {
        const KNOWN: &str = "zero, meta-only, minimal, all";
        match name {
            "zero" => Ok(Self::Zero),
            "meta-only" => Ok(Self::MetaOnly),
            "minimal" => Ok(Self::Minimal),
            "all" => Ok(Self::All),
            _ => Err(SettingsError::Unknown {
                place: "promptBasedFiltering.defaultExposure",
                value: name.to_owned(),
                known: KNOWN,
            }),
        }
    }
}

impl Llm {
    fn read(section: &Value) -> Result<Self, SettingsError> {
        let text = |key: &str| section.get(key).and_then(Value::as_str).map(str::trim).filter(|t| !t.is_empty());
        let provider = text("provider").unwrap_or("gemini");
        if !["gemini", "google"].contains(&provider) {
            let place = "llmCategorization.provider";
            return Err(SettingsError::Unknown { place, value: provider.to_owned(), known: "gemini" });
        }
        let own = text("baseURL").or_else(|| text("baseUrl"));
        let base = own.unwrap_or(GEMINI).trim_end_matches('/');
        let model = text("model").unwrap_or(MODEL).trim_start_matches("models/");
        let at = |path: String| Url::parse(&format!("{base}/v1beta/{path}")).map_err(|e| SettingsError::BaseUrl(e.to_string()));
        let number = |key: &str| section.get(key).and_then(Value::as_u64);
        Ok(Self {
            models: at("models".to_owned())?,
            generate: at(format!("models/{model}:generateContent"))?,
            model: model.to_owned(),
            key: key(text("apiKey")),
            own_base: own.is_some(),
            calls_per_hour: number("callsPerHour").map_or(CALLS_PER_HOUR, |n| u32::try_from(n).unwrap_or(u32::MAX)),
            try_limit: number("timeoutMs").map_or(TRY_LIMIT, Duration::from_millis),
        })
    }
}

/// The key as it stands, or out of the environment for `${NAME}`, `${env:NAME}` and `$NAME`.
fn key(written: Option<&str>) -> Result<Secret, String> {
    let Some(written) = written else { return Err("no apiKey is configured".to_owned()) };
    let inner = written.strip_prefix("${").and_then(|w| w.strip_suffix('}')).or_else(|| written.strip_prefix('$'));
    let reference = match inner {
        Some(name) => SecretRef::Env(name.strip_prefix("env:").unwrap_or(name).trim().to_owned()),
        None => SecretRef::Plain(written.to_owned()),
    };
    resolve(&reference).map_err(|missing| format!("the key is not set: {}", missing.evidence))
}

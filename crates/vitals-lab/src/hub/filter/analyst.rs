//! What a prompt asks for: by the LLM within its budget, from memory when the same was asked before, and
//! by keywords when the LLM does not answer.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use serde_json::json;
use vitals_model::config::Timeouts;
use vitals_probe::clock::Stopwatch;
use vitals_probe::http::Client;
use vitals_probe::task::Task;

use super::gemini::{AskError, ask, check};
use super::{Category, Llm};
use crate::hub::journal::{Journal, Level, Record};

/// Waits before the second and the third try (measured on the recorded variant).
const WAITS: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(2)];

/// Longest `Retry-After` that is waited for. Who asks for more gets no further try: coming back sooner than
/// asked is rude, and a client waits.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(5);

/// All tries and waits together: short of the 30 s that clients give a call.
const ANALYSIS_MAX: Duration = Duration::from_secs(25);

/// Answers of the LLM that are kept; the oldest goes first.
const REMEMBERED_MAX: usize = 256;

/// The budget's window.
const HOUR: Duration = Duration::from_secs(3600);

/// Confidence of an answer by keywords (measured on the recorded variant).
const KEYWORD_CONFIDENCE: f64 = 0.6;

/// What a prompt asks for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Analysis {
    /// At least one.
    pub categories: BTreeSet<Category>,
    /// From 0 to 1.
    pub confidence: f64,
    /// For people.
    pub reasoning: String,
}

/// Reads prompts.
pub(crate) struct Analyst {
    llm: Option<Arc<Llm>>,
    client: Arc<Client>,
    journal: Journal,
    memory: Mutex<Memory>,
    _check: Option<Task>,
}

#[derive(Default)]
struct Memory {
    /// Answers by prompt and context.
    answers: BTreeMap<(String, String), Analysis>,
    /// Their keys, oldest first.
    order: VecDeque<(String, String)>,
    asked: u64,
    found: u64,
    /// Calls of the last hour, oldest first; never more than the budget.
    calls: VecDeque<Stopwatch>,
}

impl Analyst {
    /// An analyst. One with an LLM lists its models at once, and logs what came of it.
    pub(crate) fn start(llm: Option<Arc<Llm>>, journal: Journal) -> Self {
        let client = Arc::new(Client::new(&Timeouts::default(), Vec::new()));
        let check = llm.as_ref().map(|llm| Task::spawn(validate(Arc::clone(llm), Arc::clone(&client), journal.clone())));
        Self { llm, client, journal, memory: Mutex::default(), _check: check }
    }

    /// What `prompt` asks for. It always has an answer.
    pub(crate) async fn analyze(&self, prompt: &str, context: &str) -> Analysis {
        let Some(llm) = &self.llm else { return by_keywords(prompt, "no LLM is configured") };
        if let Some(answer) = self.memory().find(prompt, context) {
            return answer;
        }
        match self.by_llm(llm, prompt, context).await {
            Ok(answer) => {
                self.memory().keep(prompt, context, &answer);
                answer
            }
            Err(why) => {
                let mut record = Record::new(Level::Warn, "LLM prompt analysis failed, using heuristic fallback");
                record.data = json!({ "error": why });
                self.journal.write(record);
                by_keywords(prompt, &why)
            }
        }
    }

    /// Answers that are kept, and the share of prompts that were answered from them.
    pub(crate) fn memory_stats(&self) -> (usize, f64) {
        let memory = self.memory();
        (memory.answers.len(), share(memory.found, memory.asked))
    }

    /// Up to three tries. The error is the last one's, as a sentence.
    async fn by_llm(&self, llm: &Llm, prompt: &str, context: &str) -> Result<Analysis, String> {
        let began = Stopwatch::start();
        let mut waits = WAITS.into_iter();
        loop {
            if !self.memory().spend(llm.calls_per_hour) {
                return Err(format!("the budget of {} LLM calls an hour is used up", llm.calls_per_hour));
            }
            let limit = llm.try_limit.min(ANALYSIS_MAX.saturating_sub(began.elapsed()));
            let (why, asked) = match ask(&self.client, llm, prompt, context, limit).await {
                Ok(answer) => return Ok(answer),
                Err(AskError::Passing { why, wait }) => (why, wait),
                Err(lasting) => return Err(lasting.to_string()),
            };
            let Some(wait) = waits.next() else { return Err(why) };
            let wait = asked.map_or(wait, |asked| asked.max(wait));
            if wait > RETRY_AFTER_MAX || began.elapsed() + wait >= ANALYSIS_MAX {
                return Err(why);
            }
            let mut record = Record::new(Level::Warn, "LLM request failed, trying again");
            record.data = json!({ "error": why, "waitMs": u64::try_from(wait.as_millis()).unwrap_or(u64::MAX) });
            self.journal.write(record);
            tokio::time::sleep(wait).await;
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A share from 0 to 1 with two decimals; 0 of nothing.
pub(crate) fn share(part: u64, whole: u64) -> f64 {
    if whole == 0 { 0.0 } else { (part as f64 / whole as f64 * 100.0).round() / 100.0 }
}

impl Memory {
    fn find(&mut self, prompt: &str, context: &str) -> Option<Analysis> {
        self.asked += 1;
        let found = self.answers.get(&(prompt.to_owned(), context.to_owned())).cloned();
        self.found += u64::from(found.is_some());
        found
    }

    fn keep(&mut self, prompt: &str, context: &str, answer: &Analysis) {
        let key = (prompt.to_owned(), context.to_owned());
        if self.answers.insert(key.clone(), answer.clone()).is_none() {
            self.order.push_back(key);
        }
        if self.order.len() > REMEMBERED_MAX
            && let Some(oldest) = self.order.pop_front()
        {
            self.answers.remove(&oldest);
        }
    }

    /// Takes one call out of the hour's budget, if there is one left.
    fn spend(&mut self, calls_per_hour: u32) -> bool {
        while self.calls.front().is_some_and(|call| call.elapsed() >= HOUR) {
            self.calls.pop_front();
        }
        let left = self.calls.len() < calls_per_hour as usize;
        if left {
            self.calls.push_back(Stopwatch::start());
        }
        left
    }
}

fn by_keywords(prompt: &str, why: &str) -> Analysis {
    Analysis {
        categories: Category::asked(prompt),
        confidence: KEYWORD_CONFIDENCE,
        reasoning: format!("by keywords of the prompt: {why}"),
    }
}

async fn validate(llm: Arc<Llm>, client: Arc<Client>, journal: Journal) {
    let record = match check(&client, &llm, llm.try_limit).await {
        Ok(()) => {
            let mut record = Record::new(Level::Info, "LLM provider created successfully");
            record.data = json!({ "provider": "gemini", "model": llm.model, "hasBaseURL": llm.own_base });
            record
        }
        Err(why) => {
            let mut record = Record::new(Level::Warn, "LLM configuration could not be validated");
            record.data = json!({ "provider": "gemini", "model": llm.model, "error": why.to_string() });
            record
        }
    };
    journal.write(record);
}

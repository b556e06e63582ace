//! What the tool surface costs a model, in tokens: an estimate, and how it grew.
//!
//! A client gives the model the name, the description and the argument schema of every tool, with every
//! request. How many tokens that makes depends on the model's tokenizer, which is not asked: it is estimated
//! as one token for [`BYTES_PER_TOKEN`] bytes of compact JSON. Providers name about four characters of English
//! per token; JSON has more signs per word and lies above the estimate rather than below. It is good for
//! comparing today with yesterday, and to about a third for the figure itself.

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value};
use vitals_model::canonical::canonical;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;

/// Bytes of compact JSON that count as one token.
pub const BYTES_PER_TOKEN: u64 = 4;

/// The time over which growth is measured.
pub const GROWTH_WINDOW: Duration = Duration::from_secs(24 * 3600);

/// Growth below this is not worth a word, whatever it is in percent: a long description more.
pub const GROWTH_MIN: u64 = 500;

/// What a client gives a model of each tool.
const GIVEN: [&str; 3] = ["name", "description", "inputSchema"];

/// Most changes remembered of one server within the window; of more, the oldest are forgotten.
const POINTS_MAX: usize = 256;

/// The tokens of a tool set, as an estimate; `None` when a definition is not known.
pub fn estimate(tools: &ToolSet) -> Option<u64> {
    tools.definitions().map(|(_, definition)| Some(of_tool(&definition.value()?))).sum()
}

fn of_tool(tool: &Value) -> u64 {
    let given = GIVEN.iter().filter_map(|name| Some(((*name).to_owned(), tool.get(name)?.clone())));
    (canonical(&Value::Object(given.collect::<Map<_, _>>())).len() as u64).div_ceil(BYTES_PER_TOKEN)
}

/// How the tokens of one server went on: the changes within [`GROWTH_WINDOW`], and what was before them.
#[derive(Clone, Debug, Default)]
pub struct TokenCourse {
    points: VecDeque<(Timestamp, u64)>,
}

impl TokenCourse {
    /// Takes in how many there are now.
    pub fn take(&mut self, at: Timestamp, tokens: u64) {
        if self.now() != Some(tokens) {
            self.points.push_back((at, tokens));
        }
        let begin = at.minus(GROWTH_WINDOW);
        while self.points.len() > POINTS_MAX || self.points.get(1).is_some_and(|(second, _)| *second <= begin) {
            self.points.pop_front();
        }
    }

    /// How many there are now.
    pub fn now(&self) -> Option<u64> {
        self.points.back().map(|(_, tokens)| *tokens)
    }

    /// How many there were when the window began, or when they were first known.
    pub fn before(&self) -> Option<u64> {
        self.points.front().map(|(_, tokens)| *tokens)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;
    use vitals_model::text::Text;
    use vitals_model::tool::Definition;

    #[test]
    fn what_a_model_is_given_counts_and_nothing_else() {
        // {"description":"say it","inputSchema":{"type":"object"},"name":"echo"} has 70 bytes.
        let mut tool = json!({"name": "echo", "description": "say it", "inputSchema": {"type": "object"}});
        let set = |tool: &Value| [(Text::new("echo"), Definition::of(tool))].into_iter().collect::<ToolSet>();
        assert_eq!(estimate(&set(&tool)), Some(18));
        tool["outputSchema"] = json!({"type": "object"});
        assert_eq!(estimate(&set(&tool)), Some(18));
        assert_eq!(estimate(&[(Text::new("echo"), 1)].into_iter().collect()), None);
    }

    #[test]
    fn growth_is_measured_against_a_day_ago() {
        let hour = |n: i64| Timestamp::from_millis(n * 3_600_000);
        let mut course = TokenCourse::default();
        for (at, tokens) in [(0, 100), (1, 100), (10, 300), (20, 400)] {
            course.take(hour(at), tokens);
        }
        assert_eq!((course.before(), course.now()), (Some(100), Some(400)));
        course.take(hour(34), 400);
        assert_eq!(course.before(), Some(300));
        course.take(hour(44), 400);
        assert_eq!(course.before(), Some(400));
    }
}

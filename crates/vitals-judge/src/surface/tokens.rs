//! What the tool surface costs a model, in tokens: an estimate, and how it grew.
//!
//! A client gives the model the name, the description and the argument schema of every tool, with every
//! request. How many tokens that makes depends on the model's tokenizer, which is not asked: it is estimated
//! from the bytes of compact JSON ([`BYTES_PER_TOKEN`]). For six real servers it is within 6 % of a real
//! tokenizer, for single tools within 15 % (`docs/guide/tools.md`).

use std::collections::VecDeque;
use std::time::Duration;

use serde_json::{Map, Value};
use vitals_model::canonical::canonical;
use vitals_model::time::Timestamp;
use vitals_model::tool::ToolSet;

/// Bytes of compact JSON for tokens: nine for two. Measured with `o200k_base` on the 87 tools of six npm servers,
/// 4.28 to 4.75 bytes a token by server; `cl100k_base` takes 4.55 to 4.88.
pub const BYTES_PER_TOKEN: (u64, u64) = (9, 2);

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
    let (bytes, tokens) = BYTES_PER_TOKEN;
    (canonical(&Value::Object(given.collect::<Map<_, _>>())).len() as u64 * tokens).div_ceil(bytes)
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
        assert_eq!(estimate(&set(&tool)), Some(16));
        tool["outputSchema"] = json!({"type": "object"});
        assert_eq!(estimate(&set(&tool)), Some(16));
        assert_eq!(estimate(&[(Text::new("echo"), 1)].into_iter().collect()), None);
    }

    /// Tools as they are given to a model, and what `o200k_base` (`gpt-tokenizer` 4.0.0) makes of them.
    const REAL: [(&str, u64); 8] = [
        (
            r#"{"description":"Read the entire knowledge graph","inputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","properties":{},"type":"object"},"name":"read_graph"}"#,
            41,
        ),
        (
            r#"{"description":"Toggles simulated resource subscription updates on or off.","inputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","properties":{},"type":"object"},"name":"toggle-subscriber-updates"}"#,
            49,
        ),
        (
            r#"{"description":"Returns the sum of two numbers","inputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"a":{"description":"First number","type":"number"},"b":{"description":"Second number","type":"number"}},"required":["a","b"],"type":"object"},"name":"get-sum"}"#,
            72,
        ),
        (
            r#"{"description":"Delete multiple entities and their associated relations from the knowledge graph","inputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","properties":{"entityNames":{"description":"An array of entity names to delete","items":{"type":"string"},"type":"array"}},"required":["entityNames"],"type":"object"},"name":"delete_entities"}"#,
            76,
        ),
        (
            r#"{"description":"Get list of commits of a branch in a GitHub repository","inputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","additionalProperties":false,"properties":{"owner":{"type":"string"},"page":{"type":"number"},"perPage":{"type":"number"},"repo":{"type":"string"},"sha":{"type":"string"}},"required":["owner","repo"],"type":"object"},"name":"list_commits"}"#,
            95,
        ),
        (
            r#"{"description":"Returns the list of directories that this server is allowed to access. Subdirectories within these allowed directories are also accessible. Use this to understand which directories and their nested paths are available before trying to access files.","inputSchema":{"$schema":"http://json-schema.org/draft-07/schema#","properties":{},"type":"object"},"name":"list_allowed_directories"}"#,
            78,
        ),
        (
            r#"{"description":"Liest eine Datei und gibt ihren Inhalt als Text zurück.","inputSchema":{"properties":{"pfad":{"description":"Pfad der Datei","type":"string"}},"required":["pfad"],"type":"object"},"name":"datei_lesen"}"#,
            53,
        ),
        (
            r#"{"description":"读取文件的全部内容并以文本形式返回。","inputSchema":{"properties":{"path":{"description":"文件路径","type":"string"}},"required":["path"],"type":"object"},"name":"read_file"}"#,
            47,
        ),
    ];

    #[test]
    fn the_estimate_is_near_what_a_real_tokenizer_makes() {
        let estimated = REAL.map(|(tool, real)| (of_tool(&serde_json::from_str(tool).unwrap()), real));
        for ((estimate, real), (tool, _)) in estimated.iter().zip(REAL) {
            assert!(estimate.abs_diff(*real) * 100 <= real * 15, "{estimate}, really {real}: {tool}");
        }
        let (estimate, real) = estimated.iter().fold((0, 0), |sum, one| (sum.0 + one.0, sum.1 + one.1));
        assert!(estimate.abs_diff(real) * 100 <= real * 6, "{estimate}, really {real}");
    }

    /// All tools of two real servers, as npm has them (2026.8.31), by the same tokenizer.
    #[test]
    fn whole_servers_are_within_six_percent() {
        let all: Value = serde_json::from_str(include_str!("../../tests/data/npm-tools.json")).unwrap();
        for (server, real) in [("filesystem", 1679_u64), ("everything", 1295)] {
            let estimate: u64 = all[server].as_array().unwrap().iter().map(of_tool).sum();
            assert!(estimate.abs_diff(real) * 100 <= real * 6, "{server}: {estimate}, really {real}");
        }
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

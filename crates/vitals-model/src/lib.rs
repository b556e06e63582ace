//! The vocabulary of mcp-vitals: pure nouns that every other crate speaks in.
//!
//! Nothing here reads a clock, a socket, a file or the environment, and no domain type is
//! serialised: the three borders (configuration, API view, disk record) have types of their own.
//!
//! # Glossary: one word, one meaning
//!
//! | word | meaning |
//! |---|---|
//! | [Target](target::Target) | a hub, gateway or MCP server that we watch; discovered or configured |
//! | [Point](check::Point) | an integration point: one of the five borders where a hub can fail, or its workspace record |
//! | [Check](check::CheckId) | one question about a target, with a stable id such as `hub-servers/filesystem/call` |
//! | [Probe](check::Probe) | what is carried out on a target to answer checks; one probe serves several checks |
//! | [Claim](claim) | what the hub says about itself and its servers; never a fact |
//! | [Observation](observation::Observation) | what one run of a probe saw, evidence included; it judges nothing |
//! | [Failure](observation::Failure) | why a probe saw less than it asked for: how far it came, and what answered instead |
//! | [Reading](reading::Reading) | the judged answer of one check: value, threshold, health, summary, what to do |
//! | [Sample](reading::Sample) | the part of a reading that history keeps |
//! | [Verdict](verdict::Verdict) | per server: how the hub's claim compares with what is true |
//! | [Finding](finding::Finding) | what an anomaly detector says about a window of time, with its reason |
//! | [Health](reading::Health) | healthy, degraded, failing, unknown |
//! | [Score](score::Score) | 0–100 with every deduction named; EXCELLENT ≥ 90, GOOD ≥ 75, FAIR ≥ 50, else POOR |
//! | [Incident](incident::Incident) | something bad with a beginning and an end, its reason and its evidence |
//! | [Summary](history::Summary) | what a span of one check's samples comes to: uptime, percentiles |
//! | [Snapshot](snapshot::Snapshot) | all that a face needs, immutable |
//! | [Scenario](scenario::Run) | a list of steps carried out on a target, each with what it expects and what was seen |
//! | [Step](scenario::Step) | one part of a scenario: passed, skipped or failed, with its evidence |
//! | [Settings](config::Settings) | what the operator asked for, validated; immutable after load |

pub mod check;
pub mod claim;
pub mod config;
pub mod finding;
pub mod history;
pub mod incident;
pub mod limits;
pub mod observation;
pub mod reading;
pub mod scenario;
pub mod score;
pub mod snapshot;
pub mod target;
pub mod template;
pub mod text;
pub mod time;
pub mod tool;
pub mod verdict;
pub mod view;

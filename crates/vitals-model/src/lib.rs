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
//! | [Definition](tool::Definition) | what callers of a tool rely on, in canonical JSON |
//! | [Pins](tool::Pins) | the definitions that an operator approved; the lock file holds them |
//! | [Drift](drift::ToolDrift) | how a tool differs from what it was, with its [meaning](drift::Meaning) for callers |
//! | [Sign](drift::Sign) | what in a tool's texts looks like an order to a model |
//! | [Finding](finding::Finding) | what an anomaly detector says about a window of time, with its reason |
//! | [Health](reading::Health) | healthy, degraded, failing, unknown |
//! | [Score](score::Score) | 0–100 with every deduction named; EXCELLENT ≥ 90, GOOD ≥ 75, FAIR ≥ 50, else POOR |
//! | [Incident](incident::Incident) | something bad with a beginning and an end, its reason and its evidence |
//! | [Quiet](quiet) | what keeps people from being told of an incident: a silence, a maintenance window, an acknowledgement |
//! | [Order](quiet::Order) | what somebody asks of the monitor about incidents |
//! | [Route](notice::Route) | which incidents go to which receivers, and when |
//! | [Receiver](notice::Receiver) | where notices go: a chat, a mailbox, a pager, a program |
//! | [Notice](notice::Notice) | one message to one receiver about the incidents of one group |
//! | [Delivery](notice::Delivery) | what came of one attempt to deliver a notice |
//! | [Decision](notice::Decision) | what was decided about telling people of one incident, and why |
//! | [Remedy](remedy::Remedy) | what can be done to a target that is ill: restart a server or the hub, reap orphans, rotate a log |
//! | [Plan](remedy::Plan) | a remedy for one incident, as [moves](remedy::Move) that are made in turn |
//! | [Action](remedy::Action) | a plan that is carried out, or was: who, what, when, why, and its [outcome](remedy::Outcome) |
//! | [Summary](history::Summary) | what a span of one check's samples comes to: uptime, percentiles |
//! | [Slice](history::Slice) | one of the equal parts of a span, with the summaries of its checks |
//! | [Criterion](criterion::Criterion) | what a hub must, should or may be over a span: met, unmet or pending |
//! | [Objective](objective::Objective) | a criterion that an operator wrote: a goal, its error budget, its burn rate |
//! | [Tally](tally::Tally) | what only grows while a target is watched: operations, probes, log records, incidents |
//! | [Snapshot](snapshot::Snapshot) | all that a face needs, immutable |
//! | [Scenario](scenario::Run) | a list of steps carried out on a target, each with what it expects and what was seen |
//! | [Step](scenario::Step) | one part of a scenario: passed, skipped or failed, with its evidence |
//! | [Settings](config::Settings) | what the operator asked for, validated; immutable after load |

pub mod canonical;
pub mod check;
pub mod claim;
pub mod config;
pub mod criterion;
pub mod drift;
pub mod errors;
pub mod finding;
pub mod history;
pub mod incident;
pub mod limits;
pub mod notice;
pub mod objective;
pub mod observation;
pub mod quiet;
pub mod reading;
pub mod remedy;
pub mod scenario;
pub mod score;
pub mod snapshot;
pub mod tally;
pub mod target;
pub mod template;
pub mod text;
pub mod time;
pub mod tool;
pub mod verdict;
pub mod view;

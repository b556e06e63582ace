//! The command line as typed: one table from which help, man page and completions are made.

mod incidents;
mod lab;
mod notify;
mod remedy;
mod service;
mod tools;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::{Args, Parser, Subcommand, ValueEnum};
use vitals_probe::discover::Wanted;

pub(crate) use incidents::{Author, ExplainArgs, IncidentsAction, IncidentsArgs};
pub(crate) use lab::{DemoArgs, FaultAction, LabAction, LabArgs};
pub(crate) use notify::{NotifyAction, NotifyArgs};
pub(crate) use remedy::{RemedyAction, RemedyArgs};
pub(crate) use service::{ScopeArgs, ServiceAction, ServiceArgs};
pub(crate) use tools::{LockArgs, ToolsAction, ToolsArgs};

/// Tells you whether your MCP hub is really healthy.
///
/// It measures what a hub claims against what is true: the hub's process and port, every server behind
/// it, its LLM, its sessions, its log. Without a target it finds the hubs of this user.
///
/// Exit codes: 0 healthy, 1 degraded, 2 failing, 3 could not tell.
#[derive(Parser, Debug)]
#[command(name = "mcp-vitals", version, max_term_width = 100, subcommand_required = true, arg_required_else_help = true)]
pub(crate) struct Cli {
    /// What every command understands.
    #[command(flatten)]
    pub common: Common,
    /// Colours: also off when `NO_COLOR` is set or the output is no terminal.
    #[arg(long = "color", visible_alias = "colour", value_name = "WHEN", default_value = "auto", global = true, help_heading = EVERYWHERE)]
    pub colour: When,
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// When to use colours.
#[derive(Clone, Copy, Debug, ValueEnum)]
pub(crate) enum When {
    /// On a terminal, unless `NO_COLOR` is set.
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

impl When {
    /// Makes the choice hold for all output.
    pub(crate) fn apply(self) {
        match self {
            Self::Auto => {}
            Self::Always => anstream::ColorChoice::Always.write_global(),
            Self::Never => anstream::ColorChoice::Never.write_global(),
        }
    }
}

/// The heading of what every command understands: the options of one command stand before it.
const EVERYWHERE: &str = "Options of every command";

/// Options of every command.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = EVERYWHERE)]
pub(crate) struct Common {
    /// Configuration file, or a folder of *.yaml files [default: $XDG_CONFIG_HOME/mcp-vitals/config.yaml when it is there]
    #[arg(long, value_name = "PATH", global = true)]
    pub config: Option<PathBuf>,
    /// Folder of the history [default: $XDG_STATE_HOME/mcp-vitals]
    #[arg(long, value_name = "DIR", global = true)]
    pub state_dir: Option<PathBuf>,
    /// A hub: its URL, its configured name, or the name or port of a discovered hub (may be repeated)
    #[arg(long, short, value_name = "URL|NAME", global = true)]
    pub target: Vec<String>,
    /// An MCP server by URL: Streamable HTTP, or HTTP+SSE when it says so (may be repeated)
    #[arg(long, value_name = "URL", global = true)]
    pub mcp: Vec<String>,
    /// An MCP server by command line (may be repeated)
    #[arg(long, value_name = "COMMAND", global = true)]
    pub stdio: Vec<String>,
}

impl Common {
    /// The targets that were named; an error for a command line that cannot be split.
    pub(crate) fn wanted(&self) -> anyhow::Result<Vec<Wanted>> {
        let mut wanted: Vec<_> = self.target.iter().cloned().map(Wanted::Named).collect();
        wanted.extend(self.mcp.iter().cloned().map(Wanted::Mcp));
        for line in &self.stdio {
            let words = vitals_model::config::split_command(line).map_err(|why| anyhow::anyhow!("--stdio '{line}': {why}"))?;
            wanted.push(Wanted::Stdio(words));
        }
        Ok(wanted)
    }
}

/// The commands.
#[derive(Subcommand, Debug)]
pub(crate) enum Command {
    /// Look at everything once and say how it is.
    Check(CheckArgs),
    /// Watch continuously: events first, history kept, incidents printed.
    Watch(WatchArgs),
    /// Show the dashboard: live in a terminal, once with --once or elsewhere.
    Dashboard(DashboardArgs),
    /// Look for anomalies: the original six over a window of time, and what is not as the history has it.
    Anomalies(AnomaliesArgs),
    /// Summarise a span of history: uptime, percentiles, incidents, score, trends, what to do.
    Report(ReportArgs),
    /// Compare the tools of a hub or a server with those that were approved.
    Tools(ToolsArgs),
    /// Show incidents, take them up, write notes, silence checks.
    Incidents(IncidentsArgs),
    /// Say who is told of what, and send samples.
    Notify(NotifyArgs),
    /// Say why a check is what it is, or why an incident is there and who was told of it.
    Explain(ExplainArgs),
    /// Show what would repair what is wrong, do it, and show what was done.
    Remedy(RemedyArgs),
    /// Say whether a hub was what it must, should and may be: stability criteria, and your own objectives.
    ///
    /// Exit codes: 0 every must is met, 1 a should or a nice is not, 2 a must is not, 3 a must is pending: too little was
    /// observed to say.
    Criteria(CriteriaArgs),
    /// Run scenarios against a lab of our own, or against a hub: load, crashes, outages, leaks.
    Scenario(ScenarioArgs),
    /// Write history as JSON Lines.
    Export(ExportArgs),
    /// Answer agents over MCP on standard input and output: which hubs, servers and tools work, and why not.
    ///
    /// A running watch is asked by way of its history; without one it looks at the hubs itself. It ends with its input.
    Mcp,
    /// See it at work: a hub of our own lies about a dead server, and is found out.
    Demo(DemoArgs),
    /// Run a hub of our own with real servers, to be broken on purpose.
    Lab(LabArgs),
    /// Prove that the monitoring works: every fault is made in a lab of our own, and must be seen.
    Selftest(SelftestArgs),
    /// Watch as a service of systemd, of this user or of the machine.
    Service(ServiceArgs),
    /// Make, check and show the configuration.
    Config(ConfigArgs),
    /// Write shell completions to standard output.
    Completions(CompletionsArgs),
    /// Write the manual page to standard output, or all pages to a folder.
    Man(ManArgs),
}

/// Output formats of `check`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum CheckFormat {
    /// For people.
    Text,
    /// Stable JSON (docs/reference/check-json.md).
    Json,
    /// `JUnit` XML, for CI.
    Junit,
    /// Markdown, for job summaries.
    Markdown,
    /// One line for Nagios, Icinga and their kin.
    Nagios,
}

/// `check`.
#[derive(Args, Debug)]
pub(crate) struct CheckArgs {
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: CheckFormat,
    /// Show the evidence of every check.
    #[arg(long, short)]
    pub verbose: bool,
    /// Do not write this look into the history.
    #[arg(long)]
    pub no_history: bool,
    /// Checks that are expected to fail, one id or pattern on each line with its reason after a #; an entry that
    /// nothing fails for fails the run.
    #[arg(long, value_name = "FILE")]
    pub expected_failures: Option<PathBuf>,
    /// Also append the markdown to this file; without a name to the one that `GITHUB_STEP_SUMMARY` names.
    #[arg(long, value_name = "FILE", num_args = 0..=1, require_equals = true)]
    #[expect(clippy::option_option, reason = "not asked, asked, asked with a name: as clap reads it")]
    pub summary: Option<Option<PathBuf>>,
}

/// `watch`.
#[derive(Args, Debug)]
pub(crate) struct WatchArgs {
    /// Stop after this long, such as 48h or 30m.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    pub for_: Option<Duration>,
    /// The original schedule: a light check every 5 minutes, a full one every 30.
    #[arg(long)]
    pub classic: bool,
    /// Also write the original JSON Lines records into this folder.
    #[arg(long, value_name = "DIR")]
    pub jsonl: Option<PathBuf>,
    /// Print incidents as text or as JSON Lines.
    #[arg(long, value_enum, default_value = "text")]
    pub format: LineFormat,
    /// Keep no history.
    #[arg(long)]
    pub no_history: bool,
    /// Also record what a screen would show into this new file, for `dashboard --replay`.
    #[arg(long, value_name = "FILE")]
    pub record: Option<PathBuf>,
    /// Serve the page and the API there; without ADDRESS at 127.0.0.1:9180. Port 0 is any that is free.
    #[arg(long, value_name = "ADDRESS", num_args = 0..=1, require_equals = false, default_missing_value = "127.0.0.1:9180")]
    pub listen: Option<SocketAddr>,
}

/// Output formats of things that come one by one.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum LineFormat {
    /// For people.
    Text,
    /// For programs: JSON.
    Json,
}

/// `dashboard`.
#[derive(Args, Debug)]
pub(crate) struct DashboardArgs {
    /// Print it once and end.
    #[arg(long)]
    pub once: bool,
    /// Draw with ASCII characters only.
    #[arg(long)]
    pub ascii: bool,
    /// Width of --once when the output is no terminal.
    #[arg(long, value_name = "COLUMNS", default_value_t = 120)]
    pub width: u16,
    /// Show what a running `watch --listen` at this URL sees.
    #[arg(long, value_name = "URL", conflicts_with = "replay")]
    pub connect: Option<String>,
    /// The token that the watch asks for: `env:NAME` or `file:PATH`.
    #[arg(long, value_name = "REF", requires = "connect")]
    pub token: Option<String>,
    /// Show a recording of `watch --record` again.
    #[arg(long, value_name = "FILE")]
    pub replay: Option<PathBuf>,
    /// How many times faster than it was.
    #[arg(long, value_name = "TIMES", requires = "replay", default_value = "1", value_parser = speed)]
    pub speed: f64,
}

/// A speed between a hundredth and a million: what lies beyond is a still or a flash.
fn speed(text: &str) -> Result<f64, String> {
    let speed = text.parse().ok().filter(|speed| (0.01..=1e6).contains(speed));
    speed.ok_or_else(|| "expected a number from 0.01 to 1000000".to_owned())
}

/// `anomalies`.
#[derive(Args, Debug)]
pub(crate) struct AnomaliesArgs {
    /// How far back to look, such as 24h or 90m.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "24h")]
    pub since: Duration,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: LineFormat,
}

/// Output formats of `report`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ReportFormat {
    /// For people.
    Text,
    /// Markdown.
    Markdown,
    /// JSON.
    Json,
    /// One page with plots, that needs nothing else: for a browser, for mail, for paper.
    Html,
}

/// `report`.
#[derive(Args, Debug)]
pub(crate) struct ReportArgs {
    /// How far back to look, such as 24h or 30d [default: 24h, or 48h with --final]
    #[arg(long, value_name = "DURATION", value_parser = duration)]
    pub since: Option<Duration>,
    /// The end of a stability run of 24 to 48 hours: with its four phases and the verdict.
    ///
    /// The exit code is then that of the verdict: 0 stable, 1 stable with a should or a nice unmet, 2 not stable, 3 not
    /// shown.
    #[arg(long = "final")]
    pub is_final: bool,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ReportFormat,
    /// Write it into this file.
    #[arg(long, value_name = "FILE")]
    pub out: Option<PathBuf>,
}

/// Output formats of `criteria`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum CriteriaFormat {
    /// For people.
    Text,
    /// JSON.
    Json,
    /// `JUnit` XML, for CI.
    Junit,
    /// Markdown, for job summaries.
    Markdown,
}

/// `criteria`.
#[derive(Args, Debug)]
pub(crate) struct CriteriaArgs {
    /// How far back to look, such as 24h; objectives have windows of their own.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "48h")]
    pub since: Duration,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: CriteriaFormat,
}

/// `scenario`.
#[derive(Args, Debug)]
pub(crate) struct ScenarioArgs {
    /// What to do.
    #[command(subcommand)]
    pub action: ScenarioAction,
}

/// What to do with scenarios.
#[derive(Subcommand, Debug)]
pub(crate) enum ScenarioAction {
    /// Show all scenarios: what each does and expects, and what it breaks.
    List {
        /// Output format.
        #[arg(long, value_enum, default_value = "text")]
        format: LineFormat,
    },
    /// Run scenarios, against a lab of our own unless --target names a hub.
    Run(ScenarioRunArgs),
}

/// Output formats of `scenario run`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ScenarioFormat {
    /// For people.
    Text,
    /// Stable JSON (docs/reference/scenario-json.md).
    Json,
    /// `JUnit` XML, for CI.
    Junit,
    /// Markdown, for job summaries.
    Markdown,
}

/// How a lab's hub speaks.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum ScenarioPersona {
    /// It says what is true and reconnects lost servers.
    Honest,
    /// It lies as npm mcp-hub 4.2.1 does.
    #[value(name = "npm-4.2.1")]
    Npm421,
}

/// `scenario run`.
#[derive(Args, Debug)]
pub(crate) struct ScenarioRunArgs {
    /// Scenarios by name, or `all`.
    #[arg(required = true, value_name = "NAME")]
    pub names: Vec<String>,
    /// Break things on a hub that is not the lab too; they are mended afterwards.
    #[arg(long)]
    pub allow_destructive: bool,
    /// How long the soak lasts, such as 10m; at most 24h.
    #[arg(long = "for", value_name = "DURATION", value_parser = duration, default_value = "60s")]
    pub for_: Duration,
    /// The server to crash [default: the first one whose process is found]
    #[arg(long, value_name = "NAME")]
    pub server: Option<String>,
    /// How the lab's hub speaks [default: honest]
    #[arg(long, value_enum, value_name = "PERSONA")]
    pub persona: Option<ScenarioPersona>,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: ScenarioFormat,
    /// Do not write the results into the history.
    #[arg(long)]
    pub no_history: bool,
}

/// `export`.
#[derive(Args, Debug)]
pub(crate) struct ExportArgs {
    /// As JSON Lines, to standard output.
    #[arg(long, required = true)]
    pub jsonl: bool,
    /// How far back to look.
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "24h")]
    pub since: Duration,
}

/// Output formats of `selftest`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, ValueEnum)]
pub(crate) enum SelftestFormat {
    /// For people: a line per fault as it ends.
    Text,
    /// JSON.
    Json,
    /// `JUnit` XML, for CI.
    Junit,
    /// Markdown: the detection matrix.
    Markdown,
}

/// `selftest`.
#[derive(Args, Debug)]
pub(crate) struct SelftestArgs {
    /// Only the ten most telling faults and a sixth of the healthy hour: under a minute.
    #[arg(long, conflicts_with = "fault")]
    pub quick: bool,
    /// Only this fault (may be repeated), without the healthy hour.
    #[arg(long, value_name = "ID")]
    pub fault: Vec<String>,
    /// Output format.
    #[arg(long, value_enum, default_value = "text")]
    pub format: SelftestFormat,
    /// Also write selftest.md and selftest.json into this folder.
    #[arg(long, value_name = "DIR")]
    pub out: Option<PathBuf>,
    /// Labs side by side, 1 to 16.
    #[arg(long, value_name = "N", default_value_t = 4, value_parser = clap::value_parser!(u8).range(1..=16))]
    pub lanes: u8,
    /// Decides what a fault draws by lot: which tool is lost, say.
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
}

/// `config`.
#[derive(Args, Debug)]
pub(crate) struct ConfigArgs {
    /// What to do with it.
    #[command(subcommand)]
    pub action: ConfigAction,
}

/// What to do with the configuration.
#[derive(Subcommand, Debug)]
pub(crate) enum ConfigAction {
    /// Write a commented example; never over an existing file.
    Init {
        /// Where to [default: $XDG_CONFIG_HOME/mcp-vitals/config.yaml]
        path: Option<PathBuf>,
    },
    /// Read it and say every error.
    Check,
    /// Show it with every default filled in, secrets as references.
    Show,
    /// Write its JSON Schema, for editors.
    Schema,
}

/// `completions`.
#[derive(Args, Clone, Copy, Debug)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub shell: clap_complete::Shell,
}

/// `man`.
#[derive(Args, Debug)]
pub(crate) struct ManArgs {
    /// Write a page per command into this folder.
    #[arg(long, value_name = "DIR")]
    pub dir: Option<PathBuf>,
}

/// `90m`, `48h`, `1h 30m`, `30d`; days are 24 hours.
fn duration(text: &str) -> Result<Duration, String> {
    let span: jiff::Span = text.parse().map_err(|error: jiff::Error| error.to_string())?;
    let duration = span.to_duration(jiff::SpanRelativeTo::days_are_24_hours()).map_err(|error| error.to_string())?;
    match Duration::try_from(duration) {
        Ok(duration) if !duration.is_zero() => Ok(duration),
        _ => Err("expected a duration longer than zero, such as 90m or 48h".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn durations_are_read_as_people_write_them() {
        assert_eq!(duration("48h"), Ok(Duration::from_secs(48 * 3600)));
        assert_eq!(duration("1h 30m"), Ok(Duration::from_secs(5400)));
        assert_eq!(duration("30d"), Ok(Duration::from_secs(30 * 86_400)));
        assert!(duration("0s").is_err() && duration("soon").is_err() && duration("-5m").is_err());
    }
}

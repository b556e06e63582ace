//! Version 1 of what a notice says: the body of a webhook, the input of a command, and what templates are given. A contract.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::incident::{Incident, IncidentState};
use crate::notice::{DayReport, Notice, Severity};
use crate::text::{Text, count};
use crate::time::human;

/// The value of `schema`.
pub const SCHEMA: &str = "mcp-vitals/notice/v1";

/// Where a notice comes from: what the one who sends it knows, and who decided it does not.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Sender {
    /// The name of this machine.
    pub host: String,
    /// Where people reach the page, without a slash at its end; `None` where it is not served.
    pub link: Option<String>,
}

/// A notice.
#[derive(Serialize, Debug)]
pub struct NoticeView {
    /// Always [`SCHEMA`].
    pub schema: &'static str,
    /// `N` and a number.
    pub id: String,
    /// The same for a notice that comes twice, and for no other.
    pub once: String,
    /// The same for all notices of a group: what opens, changes and ends an alert elsewhere.
    pub key: String,
    /// `firing`, `acknowledged`, `resolved`; `report` when it is the report of a day, and about no incident.
    pub status: &'static str,
    /// `warning` or `critical`: the worst of what lasts; `info` of a report.
    pub severity: &'static str,
    /// `first`, `changed`, `repeated`, `escalated`, `sample`, `daily`.
    pub stage: &'static str,
    /// Why it is sent.
    pub reason: String,
    /// The route; `report.to` of a report.
    pub route: String,
    /// The receiver.
    pub receiver: String,
    /// What its incidents have in common.
    pub group: String,
    /// The labels that all of their targets have in common.
    pub labels: BTreeMap<String, String>,
    /// The machine that watches.
    pub host: String,
    /// When it was decided, RFC 3339.
    pub at: String,
    /// When the first of its incidents began, RFC 3339.
    pub since: String,
    /// In one line: what, and where.
    pub title: String,
    /// Where people see more; null where no page is served.
    pub link: Option<String>,
    /// How many of its incidents last.
    pub firing: u64,
    /// How many are over.
    pub resolved: u64,
    /// The incidents, worst first.
    pub incidents: Vec<ToldView>,
    /// How many more there are.
    pub more: u64,
    /// The report of a day; null when it is about incidents.
    pub report: Option<DayView>,
}

/// The report of a day.
#[derive(Serialize, Debug)]
pub struct DayView {
    /// The day on which it was due, as `2026-11-23`.
    pub day: String,
    /// The whole of it, as Markdown.
    pub text: String,
    /// Where its page lies on the machine that watches.
    pub page: String,
}

/// One incident of a notice: what, since when, why, what was done, what to do.
#[derive(Serialize, Debug)]
pub struct ToldView {
    /// `I` and a number.
    pub id: String,
    /// `open` or `resolved`.
    pub state: &'static str,
    /// `warning` or `critical`.
    pub severity: &'static str,
    /// The verdict (`ghost`, `hung`) or the check's question.
    pub kind: String,
    /// In one line: what, and where.
    pub what: String,
    /// The target's id.
    pub target: String,
    /// The check.
    pub check: String,
    /// The server; null for the target itself.
    pub server: Option<String>,
    /// When it began, RFC 3339.
    pub since: String,
    /// When it ended, RFC 3339; null while it lasts.
    pub until: Option<String>,
    /// How long it lasts, or lasted, as people say it.
    pub lasts: String,
    /// Claim against truth: what was seen, and what was expected.
    pub why: String,
    /// Evidence.
    pub evidence: Vec<String>,
    /// What people and we ourselves did about it.
    pub done: Vec<String>,
    /// What to do; empty when it is over or nothing can be done.
    pub todo: String,
    /// How many checks have no incident of their own because of this one.
    pub suppressed: u64,
    /// Where people see more; null where no page is served.
    pub link: Option<String>,
}

impl NoticeView {
    /// What a notice says.
    pub fn new(notice: &Notice, sender: &Sender) -> Self {
        let told: Vec<_> = notice.incidents.iter().map(|incident| ToldView::new(incident, notice, sender)).collect();
        let report = notice.report.as_ref();
        let resolved = told.iter().filter(|told| told.until.is_some()).count() as u64;
        Self {
            schema: SCHEMA,
            id: format!("N{}", notice.id),
            once: notice.once(&sender.host),
            key: notice.key(&sender.host),
            status: notice.status.as_str(),
            severity: if report.is_some() { "info" } else { notice.severity().as_str() },
            stage: notice.stage.as_str(),
            reason: notice.reason.clone(),
            route: notice.route.clone(),
            receiver: notice.receiver.clone(),
            group: notice.group.clone(),
            labels: notice.labels.clone(),
            host: sender.host.clone(),
            at: notice.at.to_string(),
            since: notice.since().to_string(),
            title: report.map_or_else(|| title(&told, notice.more), |report| report.title.clone()),
            link: if report.is_some() { sender.link.clone() } else { told.first().and_then(|told| told.link.clone()) },
            firing: told.len() as u64 - resolved,
            resolved,
            incidents: told,
            more: notice.more,
            report: report.map(DayView::new),
        }
    }
}

impl DayView {
    fn new(report: &DayReport) -> Self {
        Self { day: report.day.clone(), text: report.text.clone(), page: Text::new(&report.page.to_string_lossy()).to_string() }
    }
}

/// The first incident, and how many more.
fn title(told: &[ToldView], more: u64) -> String {
    let others = told.len().saturating_sub(1) as u64 + more;
    let first = told.first().map_or("nothing", |first| first.what.as_str());
    if others == 0 { first.to_owned() } else { format!("{first}, and {} more", count(others, "incident")) }
}

impl ToldView {
    fn new(incident: &Incident, notice: &Notice, sender: &Sender) -> Self {
        let is_over = incident.state == IncidentState::Resolved;
        let subject = incident.check.server().map_or_else(|| incident.check.to_string(), |server| format!("server {server}"));
        let until = incident.resolved_at;
        let handling = &incident.handling;
        let said = |word: &str, remark: &crate::quiet::Remark| {
            let text = remark.text.as_str();
            let words = if text.is_empty() { String::new() } else { format!(": {text}") };
            format!("{} {word} at {}{words}", remark.author, remark.at)
        };
        let taken = handling.acknowledged.iter().map(|remark| said("took it up", remark));
        let notes = handling.notes.iter().map(|remark| said("wrote", remark));
        Self {
            id: format!("I{}", incident.id),
            state: if is_over { "resolved" } else { "open" },
            severity: Severity::of(incident.health).as_str(),
            kind: incident.kind.clone(),
            what: format!("{subject} of {}: {}", incident.target, incident.kind),
            target: incident.target.to_string(),
            check: incident.check.to_string(),
            server: incident.check.server().map(str::to_owned),
            since: incident.opened_at.to_string(),
            until: until.map(|at| at.to_string()),
            lasts: human(until.unwrap_or(notice.at).since(incident.opened_at)),
            why: incident.summary.clone(),
            evidence: incident.evidence.clone(),
            done: taken.chain(notes).collect(),
            todo: if is_over { String::new() } else { incident.hint.clone() },
            suppressed: incident.ties.suppressed.len() as u64 + incident.ties.suppressed_more,
            link: sender.link.as_ref().map(|page| format!("{page}/incidents/I{}", incident.id)),
        }
    }
}

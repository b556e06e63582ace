//! The tables of the page: criteria, phases, trends, incidents, scenarios.

use maud::{Markup, html};
use vitals_judge::report::Report;
use vitals_judge::report::phase::Phase;
use vitals_judge::report::trend::Trend;
use vitals_model::criterion::Criterion;
use vitals_model::limits::REPORT_ROWS_MAX;
use vitals_model::scenario::{Outcome, Run};
use vitals_model::text::count;
use vitals_model::time::human;

use super::super::criteria::{mark, tally};
use super::super::report::{arrow, known, lasted};
use vitals_web::{at, of_health};

use super::{of_direction, of_fulfilment};

/// What must, should and may be.
pub(super) fn criteria(criteria: &[Criterion]) -> Markup {
    html! {
        section.card {
            h2 { "Criteria" span.dim { " " (tally(criteria)) } }
            (list(criteria))
        }
    }
}

fn list(criteria: &[Criterion]) -> Markup {
    html! {
        div.scroll {
            table.criteria {
                thead { tr { @for head in ["fulfilment", "criterion", "weight", "what must hold", "seen"] { th scope="col" { (head) } } th.number scope="col" { "observed" } } }
                tbody {
                    @for criterion in criteria {
                        tr {
                            td { span.chip.small.(of_fulfilment(criterion.fulfilment)) { (mark(criterion.fulfilment)) " " (criterion.fulfilment.as_str()) } }
                            th scope="row" { (criterion.name) }
                            td { (criterion.weight.as_str()) }
                            td { (criterion.wants) }
                            td { (criterion.seen) }
                            td.number { (format!("{:.0} %", criterion.observed * 100.0)) }
                        }
                    }
                }
            }
        }
    }
}

/// The phases of a stability run.
pub(super) fn phases(phases: &[Phase]) -> Markup {
    html! {
        section.card {
            h2 { "The four phases" }
            ol.phases {
                @for phase in phases {
                    li.(of_fulfilment(phase.fulfilment())) {
                        p.name { (mark(phase.fulfilment())) " " (phase.name) }
                        p { (phase.about) }
                        p.dim { (at(phase.span.from)) " – " (at(phase.span.to)) }
                        p.dim { "observed " (format!("{:.0} %", phase.observed * 100.0)) }
                    }
                }
            }
            @for phase in phases {
                details open { summary { (phase.name) ": " (phase.fulfilment().as_str()) } (list(&phase.criteria)) }
            }
        }
    }
}

/// The span against the one before.
pub(super) fn trends(trends: &[Trend]) -> Markup {
    html! {
        section.card {
            h2 { "Against the span before" }
            div.scroll {
                table {
                    thead { tr { th scope="col" { "figure" } th.number scope="col" { "before" } th.number scope="col" { "now" } th scope="col" { "trend" } } }
                    tbody {
                        @for trend in trends {
                            tr {
                                th scope="row" { (trend.what) }
                                td.number { (known(trend, trend.before)) }
                                td.number { (known(trend, trend.now)) }
                                td.(of_direction(trend.direction)) { (arrow(trend.direction)) " " (trend.direction.as_str()) }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// Every incident with its reason, latest first.
pub(super) fn incidents(report: &Report) -> Markup {
    let left_out = report.incidents.len().saturating_sub(REPORT_ROWS_MAX);
    html! {
        @if !report.incidents.is_empty() {
            section.card {
                h2 { "Incidents, one by one" }
                ul.incidents {
                    @for incident in report.incidents.iter().rev().take(REPORT_ROWS_MAX) {
                        li.(of_health(incident.health)) {
                            p { b { (incident.check.as_str()) } " " (incident.kind) span.dim { " I" (incident.id) } }
                            p { (incident.summary) }
                            p.dim { (at(incident.opened_at)) ", " (lasted(incident)) }
                        }
                    }
                }
                @if left_out > 0 { p.dim { "and " (count(left_out as u64, "incident")) " before these" } }
            }
        }
    }
}

/// What was run, and what was not as expected.
pub(super) fn scenarios(runs: &[Run]) -> Markup {
    let class = |outcome| match outcome {
        Outcome::Passed => "good",
        Outcome::Skipped => "unknown",
        Outcome::Failed => "bad",
    };
    let left_out = runs.len().saturating_sub(REPORT_ROWS_MAX);
    html! {
        @if !runs.is_empty() {
            section.card {
                h2 { "Scenarios" }
                div.scroll {
                    table {
                        thead { tr { @for head in ["outcome", "scenario", "when", "took", "what was not as expected"] { th scope="col" { (head) } } } }
                        tbody {
                            @for run in runs.iter().rev().take(REPORT_ROWS_MAX) {
                                tr {
                                    td { span.chip.small.(class(run.outcome())) { (run.outcome().as_str()) } }
                                    th scope="row" { (run.scenario) }
                                    td { (at(run.at)) }
                                    td { (human(run.took)) }
                                    td { @if let Some(step) = run.worst() { (step.does) ": " (step.seen) } }
                                }
                            }
                        }
                    }
                }
                @if left_out > 0 { p.dim { "and " (count(left_out as u64, "run")) " before these" } }
            }
        }
    }
}

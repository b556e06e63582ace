//! Criteria as text, markdown, JSON and `JUnit` XML.

use std::fmt::Write as _;

use anstyle::Style;
use serde_json::{Value, json};
use vitals_judge::report::Report;
use vitals_model::criterion::{Burn, Criterion, Fulfilment, Weight};

use super::junit::escape;
use super::markdown::{cell, code};
use super::text::{BAD, BOLD, DIM, GOOD, WARN};

/// The mark of a fulfilment at the beginning of a line.
pub(super) const fn mark(fulfilment: Fulfilment) -> char {
    match fulfilment {
        Fulfilment::Met => '✓',
        Fulfilment::Pending => '?',
        Fulfilment::Unmet => '✗',
    }
}

fn style(fulfilment: Fulfilment) -> Style {
    match fulfilment {
        Fulfilment::Met => GOOD,
        Fulfilment::Pending => WARN,
        Fulfilment::Unmet => BAD,
    }
}

/// `must 6/7, should 3/5, nice 2/4`: how many are met of how many.
pub(super) fn tally(criteria: &[Criterion]) -> String {
    let of = |weight: Weight| {
        let all = criteria.iter().filter(|c| c.weight == weight);
        let met = all.clone().filter(|c| c.fulfilment == Fulfilment::Met).count();
        format!("{} {met}/{}", weight.as_str(), all.count())
    };
    Weight::ALL.map(of).join(", ")
}

/// For people.
pub(crate) fn text(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        let (span, observed) = (report.span, report.observed * 100.0);
        let _ = writeln!(out, "{BOLD}Criteria of {}{BOLD:#}", report.target);
        let _ = writeln!(out, "  {DIM}from {} to {}, observed {observed:.0} % of it{DIM:#}", span.from, span.to);
        for weight in Weight::ALL {
            let _ = writeln!(out, "\n{BOLD}{}{BOLD:#}", title(weight));
            list(&mut out, report.criteria.iter().filter(|c| c.weight == weight));
        }
        let _ = writeln!(out, "\nmet: {}\n", tally(&report.criteria));
    }
    out
}

/// Each with its mark, and below it what was seen.
pub(super) fn list<'a>(out: &mut String, criteria: impl Iterator<Item = &'a Criterion>) {
    for criterion in criteria {
        let (style, mark) = (style(criterion.fulfilment), mark(criterion.fulfilment));
        let _ = writeln!(
            out,
            "  {style}{mark} {:8}{style:#} {:22} {}",
            criterion.fulfilment.as_str(),
            criterion.name,
            criterion.wants
        );
        let (seen, observed) = (&criterion.seen, criterion.observed * 100.0);
        let _ = writeln!(out, "             {DIM}{seen} ({observed:.0} % observed){DIM:#}");
    }
}

const fn title(weight: Weight) -> &'static str {
    match weight {
        Weight::Must => "Must",
        Weight::Should => "Should",
        Weight::Nice => "Nice",
    }
}

/// For job summaries.
pub(crate) fn markdown(reports: &[Report]) -> String {
    let mut out = String::new();
    for report in reports {
        let _ = writeln!(out, "## {}: {}\n", cell(report.target.as_str()), tally(&report.criteria));
        let (span, observed) = (report.span, report.observed * 100.0);
        let _ = writeln!(out, "{} to {}, observed {observed:.0} % of it.\n", span.from, span.to);
        table(&mut out, &report.criteria);
        out.push('\n');
    }
    out
}

/// The criteria as a table.
pub(super) fn table(out: &mut String, criteria: &[Criterion]) {
    out.push_str("| | criterion | weight | what must hold | seen | observed |\n|---|---|---|---|---|--:|\n");
    for criterion in criteria {
        let _ = writeln!(
            out,
            "| {} {} | {} | {} | {} | {} | {:.0} % |",
            mark(criterion.fulfilment),
            criterion.fulfilment.as_str(),
            code(&criterion.name),
            criterion.weight.as_str(),
            cell(&criterion.wants),
            cell(&criterion.seen),
            criterion.observed * 100.0
        );
    }
}

/// For CI: a suite per target, a case per criterion. What is pending is skipped.
pub(crate) fn junit(reports: &[Report]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mcp-vitals criteria\">\n".to_owned();
    for report in reports {
        let count = |fulfilment| report.criteria.iter().filter(|c| c.fulfilment == fulfilment).count();
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" timestamp=\"{}\">",
            escape(report.target.as_str()),
            report.criteria.len(),
            count(Fulfilment::Unmet),
            count(Fulfilment::Pending),
            report.span.to
        );
        report.criteria.iter().for_each(|criterion| case(&mut out, criterion));
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(out: &mut String, criterion: &Criterion) {
    let weight = criterion.weight.as_str();
    let head = format!("    <testcase classname=\"criteria.{weight}\" name=\"{}\">", escape(&criterion.name));
    let (seen, wants) = (escape(&criterion.seen), escape(&criterion.wants));
    let body = match criterion.fulfilment {
        Fulfilment::Met => format!("<system-out>{seen}</system-out>"),
        Fulfilment::Pending => format!("<skipped message=\"{seen}\"/>"),
        Fulfilment::Unmet => format!("<failure type=\"{weight}\" message=\"{seen}\">expected: {wants}</failure>"),
    };
    let _ = writeln!(out, "{head}\n      {body}\n    </testcase>");
}

/// For programs.
pub(crate) fn view(reports: &[Report]) -> Value {
    let target = |report: &Report| {
        json!({
            "id": report.target.as_str(),
            "from": report.span.from.to_string(),
            "to": report.span.to.to_string(),
            "observed": report.observed,
            "criteria": report.criteria.iter().map(one).collect::<Vec<_>>(),
        })
    };
    json!({ "schema": "mcp-vitals/criteria/v1", "targets": reports.iter().map(target).collect::<Vec<_>>() })
}

/// One criterion for programs.
pub(super) fn one(criterion: &Criterion) -> Value {
    let burn = |burn: &Burn| {
        json!({
            "alarm": burn.alarm.as_str(), "limit": burn.limit, "fires": burn.fires(),
            "long_s": burn.over.0.as_secs(), "long_rate": burn.rates.0, "short_s": burn.over.1.as_secs(), "short_rate": burn.rates.1,
        })
    };
    let budget = criterion.budget.as_ref();
    json!({
        "name": criterion.name,
        "weight": criterion.weight.as_str(),
        "wants": criterion.wants,
        "fulfilment": criterion.fulfilment.as_str(),
        "seen": criterion.seen,
        "value": criterion.value,
        "limit": criterion.limit,
        "unit": criterion.unit.as_str(),
        "observed": criterion.observed,
        "budget": budget.map(|b| json!({"spent": b.spent, "burns": b.burns.iter().map(burn).collect::<Vec<_>>()})),
    })
}

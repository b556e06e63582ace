//! Scenarios as text, markdown and `JUnit` XML: each step with what it does, expects and saw.

use std::fmt::Write as _;

use anstyle::Style;
use serde_json::{Value, json};
use vitals_lab::scenario::{Card, Harm};
use vitals_model::scenario::{Figure, Outcome, Run, Step};
use vitals_model::time::human;

use super::junit::escape;
use super::markdown::{cell, code};
use super::text::{BAD, BOLD, DIM, GOOD, WARN};

/// The value of `schema` of `scenario list --format json`.
const LIST_SCHEMA: &str = "mcp-vitals/scenario-list/v1";

/// What a scenario breaks, in one clause.
fn harm(harm: Harm) -> String {
    match harm {
        Harm::None => "load only".to_owned(),
        Harm::Destructive(what) => format!("destructive: {what}"),
        Harm::OnlyLab(why) => format!("destructive, and only on the lab: {why}"),
    }
}

/// `scenario list`.
pub(crate) fn list(cards: &[Card]) -> String {
    let mut out = String::new();
    for card in cards {
        let _ = writeln!(out, "{BOLD}{}{BOLD:#}  {}", card.name, card.about);
        let _ = writeln!(out, "  {DIM}{}{DIM:#}", harm(card.harm));
        for (n, step) in card.steps.iter().enumerate() {
            let _ = writeln!(out, "  {}. {}\n     {DIM}expects: {}{DIM:#}", n + 1, step.does, step.expects);
        }
        out.push('\n');
    }
    out.push_str("Run one on a lab of its own:  mcp-vitals scenario run session-isolation\n");
    out.push_str("or on a hub:                  mcp-vitals scenario run session-isolation --target NAME\n");
    out
}

/// `scenario list` for programs.
pub(crate) fn list_view(cards: &[Card]) -> Value {
    let one = |card: &Card| {
        json!({
            "name": card.name,
            "about": card.about,
            "destructive": card.harm.is_destructive(),
            "only_lab": matches!(card.harm, Harm::OnlyLab(_)),
            "steps": card.steps.iter().map(|s| json!({"does": s.does, "expects": s.expects})).collect::<Vec<_>>(),
        })
    };
    json!({ "schema": LIST_SCHEMA, "scenarios": cards.iter().map(one).collect::<Vec<_>>() })
}

fn style(outcome: Outcome) -> Style {
    match outcome {
        Outcome::Passed => GOOD,
        Outcome::Skipped => WARN,
        Outcome::Failed => BAD,
    }
}

const fn mark(outcome: Outcome) -> char {
    match outcome {
        Outcome::Passed => '✓',
        Outcome::Skipped => '?',
        Outcome::Failed => '✗',
    }
}

fn figures(figures: &[Figure]) -> String {
    figures.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// For people.
pub(crate) fn text(runs: &[Run]) -> String {
    let mut out = String::new();
    for run in runs {
        let style = style(run.outcome());
        let outcome = run.outcome().as_str().to_uppercase();
        let _ = writeln!(
            out,
            "{BOLD}{}{BOLD:#}  {DIM}on {}{DIM:#}  {style}{outcome}{style:#}  {DIM}{}{DIM:#}",
            run.scenario,
            run.target,
            human(run.took)
        );
        run.steps.iter().for_each(|step| one_step(&mut out, step));
        out.push('\n');
    }
    let _ = writeln!(out, "{}", counted(runs));
    out
}

fn one_step(out: &mut String, step: &Step) {
    let style = style(step.outcome);
    let _ = writeln!(out, "  {style}{}{style:#} {}  {DIM}{}{DIM:#}", mark(step.outcome), step.does, human(step.took));
    if step.outcome != Outcome::Passed {
        let _ = writeln!(out, "      expected: {}", step.expects);
    }
    let word = match step.outcome {
        Outcome::Skipped => "skipped",
        Outcome::Passed | Outcome::Failed => "seen",
    };
    let _ = writeln!(out, "      {word}: {}", step.seen);
    if !step.figures.is_empty() {
        let _ = writeln!(out, "      {DIM}{}{DIM:#}", figures(&step.figures));
    }
}

/// `3 passed, 1 skipped, 0 failed`.
fn counted(runs: &[Run]) -> String {
    let of = |outcome| runs.iter().filter(|run| run.outcome() == outcome).count();
    Outcome::ALL.map(|outcome| format!("{} {}", of(outcome), outcome.as_str())).join(", ")
}

/// For job summaries.
pub(crate) fn markdown(runs: &[Run]) -> String {
    let mut out = format!("## Scenarios: {}\n", counted(runs));
    for run in runs {
        let _ = writeln!(
            out,
            "\n### {} on {}: {}\n\n{}, {}\n\n| step | outcome | expected | seen | figures |\n|---|---|---|---|---|",
            code(&run.scenario),
            code(run.target.as_str()),
            run.outcome().as_str(),
            run.at,
            human(run.took)
        );
        for step in &run.steps {
            let _ = writeln!(
                out,
                "| {} | {} | {} | {} | {} |",
                cell(&step.does),
                step.outcome.as_str(),
                cell(&step.expects),
                cell(&step.seen),
                cell(&figures(&step.figures))
            );
        }
    }
    out
}

/// For CI: a suite per run, a case per step.
pub(crate) fn junit(runs: &[Run]) -> String {
    let mut out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"mcp-vitals scenarios\">\n".to_owned();
    for run in runs {
        let _ = writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{}\" errors=\"0\" skipped=\"{}\" time=\"{:.3}\" timestamp=\"{}\">",
            escape(&run.scenario),
            run.steps.len(),
            run.count(Outcome::Failed),
            run.count(Outcome::Skipped),
            run.took.as_secs_f64(),
            run.at
        );
        for (n, step) in run.steps.iter().enumerate() {
            case(&mut out, run, n + 1, step);
        }
        out.push_str("  </testsuite>\n");
    }
    out.push_str("</testsuites>\n");
    out
}

fn case(out: &mut String, run: &Run, n: usize, step: &Step) {
    let head = format!(
        "    <testcase classname=\"{}.{}\" name=\"{n}. {}\" time=\"{:.3}\"",
        escape(run.target.as_str()),
        escape(&run.scenario),
        escape(&step.does),
        step.took.as_secs_f64()
    );
    let (seen, figures) = (escape(&step.seen), escape(&figures(&step.figures)));
    let _ = match step.outcome {
        Outcome::Passed => writeln!(out, "{head}>\n      <system-out>{seen}\n{figures}</system-out>\n    </testcase>"),
        Outcome::Skipped => writeln!(out, "{head}>\n      <skipped message=\"{seen}\"/>\n    </testcase>"),
        Outcome::Failed => writeln!(
            out,
            "{head}>\n      <failure message=\"{seen}\">expected: {}\n{figures}</failure>\n    </testcase>",
            escape(&step.expects)
        ),
    };
}

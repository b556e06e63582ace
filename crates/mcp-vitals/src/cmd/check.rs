//! `check`: look at everything once and say how it is.

use std::fs;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;
use vitals_judge::expected::{self, Expectation, Stale};
use vitals_model::limits::CONFIG_BYTES_MAX;
use vitals_model::view::v1::CheckView;

use super::visit::Opening;
use crate::cli::{CheckArgs, CheckFormat, Common};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, Ground};

/// Largest job summary that GitHub shows, in bytes; of a larger one it shows nothing.
/// <https://docs.github.com/actions/reference/workflow-commands-for-github-actions#step-isolation-and-limits>
const SUMMARY_BYTES_MAX: usize = 1 << 20;

pub(crate) fn run(common: &Common, args: &CheckArgs) -> anyhow::Result<Exit> {
    let expectations = args.expected_failures.as_deref().map(expectations).transpose()?.unwrap_or_default();
    let summary = args.summary.clone().map(summary_file).transpose()?;
    let ground = Ground::new(common)?;
    let targets = ground.targets()?;
    let history = (!args.no_history).then(|| Opening::begin(&ground));
    let mut look = super::visit::look(&ground, targets)?;
    let stale = expected::apply(Arc::make_mut(&mut look.snapshot), &expectations);
    let snapshot = &look.snapshot;
    let exit = if stale.is_empty() { Exit::from(snapshot.health()) } else { Exit::Critical };
    let text = match args.format {
        CheckFormat::Text => render::text::check(snapshot, args.verbose),
        CheckFormat::Json => render::json(&CheckView { exit_code: exit.code(), ..CheckView::from(&**snapshot) })?,
        CheckFormat::Junit => render::junit::check(snapshot, &stale),
        CheckFormat::Markdown => render::markdown::check(snapshot, &stale),
        CheckFormat::Nagios => render::nagios::check(snapshot, exit),
    };
    render::print(&text)?;
    for Stale { entry, why } in &stale {
        render::note(&format!("stale expected failure, line {}: {}: {why}; take it out", entry.line, entry.checks));
    }
    if let Some(file) = summary {
        append(&file, render::markdown::check(snapshot, &stale))
            .with_context(|| format!("cannot write the summary to {}", file.display()))?;
    }
    if let Some(history) = history {
        look.keep(history);
    }
    Ok(exit)
}

fn expectations(path: &Path) -> anyhow::Result<Vec<Expectation>> {
    let read = || {
        let mut text = String::new();
        fs::File::open(path)?.take(CONFIG_BYTES_MAX + 1).read_to_string(&mut text)?;
        anyhow::ensure!(text.len() as u64 <= CONFIG_BYTES_MAX, "larger than {CONFIG_BYTES_MAX} bytes");
        Ok(expected::read(&text)?)
    };
    read().with_context(|| format!("the expected failures in {} cannot be used", path.display()))
}

fn summary_file(named: Option<PathBuf>) -> anyhow::Result<PathBuf> {
    let of_the_job = || wiring::env("GITHUB_STEP_SUMMARY").map(PathBuf::from);
    named.or_else(of_the_job).context("--summary needs a file: GITHUB_STEP_SUMMARY is not set; write --summary=FILE")
}

/// Appends, because a job's summary has a part of each of its steps; cut where it would be too large to be shown.
fn append(file: &Path, mut text: String) -> std::io::Result<()> {
    const CUT: &str = "\n\n(cut: too large for a summary)\n";
    let mut out = fs::OpenOptions::new().create(true).append(true).open(file)?;
    let room = SUMMARY_BYTES_MAX.saturating_sub(usize::try_from(out.metadata()?.len()).unwrap_or(usize::MAX));
    if text.len() > room {
        // A table that ends within a row would take the note into a cell.
        let end = text.as_bytes()[..room.saturating_sub(CUT.len())].iter().rposition(|byte| *byte == b'\n');
        text.truncate(end.unwrap_or(0));
        text.push_str(CUT);
    }
    out.write_all(text.as_bytes())
}

//! `anomalies`: the original six kinds over a window of time, and those that compare with the history. Exit 0 for none, 1 for one or two, 2 for three or
//! more or a critical one, 3 when nothing could be looked at.

use serde_json::json;
use vitals_judge::detect::{self, Lookout};
use vitals_model::finding::{Finding, Outcome};
use vitals_model::reading::Health;
use vitals_model::target::Target;
use vitals_model::view::v1::FindingView;
use vitals_probe::clock;
use vitals_probe::hands::{Hands, Manner};

use crate::cli::{AnomaliesArgs, Common, LineFormat};
use crate::exit::Exit;
use crate::render;
use crate::wiring::{self, Ground};

pub(crate) fn run(common: &Common, args: &AnomaliesArgs) -> anyhow::Result<Exit> {
    let ground = Ground::new(common)?;
    let targets = ground.targets()?;
    let look = super::visit::look(&ground, targets.clone())?;
    let reader = wiring::reader(&ground.state_dir)?;
    let now = clock::now();
    let mut all = Vec::new();
    for target in &targets {
        let mut evidence = look.evidence(target, now);
        let mut lookout = Lookout::new(evidence.room);
        if let Some(log) = log_since(&ground, target, args)? {
            evidence.take_log(&log);
            lookout.take_log(&log);
        }
        if let Some(reader) = &reader {
            vitals_engine::history::widen(&mut evidence, reader, &target.id, args.since)?;
            vitals_engine::history::replay(&mut lookout, reader, &target.id, now)?;
        }
        evidence.window = args.since;
        let limits = &target.settings.thresholds;
        all.push((target, [detect::all(&evidence, limits), lookout.findings(&evidence, limits)].concat()));
    }
    let text = match args.format {
        LineFormat::Text => render::text::anomalies(&all, args.since),
        LineFormat::Json => {
            let views = all.iter().map(|(target, findings)| {
                json!({"target": target.id.as_str(), "anomalies": findings.iter().map(FindingView::from).collect::<Vec<_>>()})
            });
            render::json(
                &json!({"schema": "mcp-vitals/anomalies/v1", "at": now.to_string(), "window_s": args.since.as_secs(), "targets": views.collect::<Vec<_>>()}),
            )?
        }
    };
    render::print(&text)?;
    Ok(all.iter().map(|(_, findings)| verdict(findings)).max_by_key(|exit| exit.badness()).unwrap_or(Exit::Unknown))
}

/// The log over the whole window, which is longer than the one that a look reads.
fn log_since(
    ground: &Ground,
    target: &Target,
    args: &AnomaliesArgs,
) -> anyhow::Result<Option<vitals_model::observation::LogSeen>> {
    let hands = Hands::new(target.clone(), &ground.surroundings, Manner::Once);
    let since = clock::now().minus(args.since);
    wiring::block_on(hands.look_back_over_log(since))
}

/// The original's contract.
fn verdict(findings: &[Finding]) -> Exit {
    let found: Vec<_> =
        findings.iter().filter_map(|f| if let Outcome::Found(health) = f.outcome { Some(health) } else { None }).collect();
    if found.len() >= 3 || found.contains(&Health::Failing) {
        Exit::Critical
    } else if !found.is_empty() {
        Exit::Warning
    } else if findings.iter().all(|f| f.outcome == Outcome::NotYet) {
        Exit::Unknown
    } else {
        Exit::Ok
    }
}

//! How the proof's monitor is set: faster than by default, so that the whole proof ends in minutes, and
//! otherwise as a user has it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use vitals_model::config::{
    CheckPolicy, Expect, MetaToolSettings, Schedule, ServerSettings, Settings, TargetSettings, Thresholds, Timeouts,
};
use vitals_model::observation::ProcessSeen;
use vitals_model::quiet::Pattern;
use vitals_probe::hub_config::HubConfig;
use vitals_probe::process::{self, Look};

/// What the hub may grow by before its memory is a fault, in bytes: six seconds of the lab's leak.
const GROWTH_MAX: u64 = 96_000_000;

/// The windows over which errors and lost connections are counted. The default ones are ten minutes and an
/// hour; an incident lasts as long as its window, and the proof waits for its end.
const WINDOW: Duration = Duration::from_secs(60);

/// Calls of the meta-tool that are never used up: the lab's LLM costs nothing.
const CALLS_MAX: u32 = 100_000;

/// The settings of a trial, for a hub with this process.
pub fn proof(hub_pid: Option<u32>) -> Settings {
    let mut target = target();
    if let Some(percent) = hub_pid.and_then(memory_percent) {
        target.thresholds.memory_percent = percent;
    }
    of(target)
}

/// The settings of the healthy hour: the default ones, everything this many times as often.
pub(super) fn hour(times: u32) -> Settings {
    let usual = Schedule::default();
    of(TargetSettings {
        schedule: Schedule {
            light: usual.light / times,
            session: usual.session / times,
            llm: usual.llm / times,
            meta_tool: usual.meta_tool.map(|every| every / times),
            discovery: usual.discovery / times,
        },
        servers: servers(),
        ..TargetSettings::default()
    })
}

fn of(target: TargetSettings) -> Settings {
    Settings { defaults: Arc::new(target), ..Settings::default() }
}

/// What a trial is watched with, the memory's bounds left at their defaults.
pub(super) fn target() -> TargetSettings {
    TargetSettings {
        schedule: Schedule {
            light: Duration::from_secs(1),
            session: Duration::from_secs(2),
            llm: Duration::from_secs(2),
            meta_tool: Some(Duration::from_secs(5)),
            discovery: Duration::from_secs(1),
        },
        timeouts: Timeouts {
            // An API that is 5 s late is slow, not mute.
            request: Duration::from_secs(10),
            call: Duration::from_secs(3),
            ..Timeouts::default()
        },
        thresholds: Thresholds {
            start_grace: Duration::from_secs(5),
            error_window: WINDOW,
            flap_window: WINDOW,
            ..Thresholds::default()
        },
        servers: servers(),
        // A lab that breaks every few seconds flaps, and its incidents would not end.
        checks: BTreeMap::from([(Pattern::all(), CheckPolicy { flap_start_percent: 0, ..CheckPolicy::default() })]),
        meta_tool: MetaToolSettings { calls_per_day: CALLS_MAX, ..MetaToolSettings::default() },
        ..TargetSettings::default()
    }
}

/// The lab's `github` has no token and never connects: that is expected.
fn servers() -> BTreeMap<String, ServerSettings> {
    let down = ServerSettings { expect: Expect::Down, ..ServerSettings::default() };
    BTreeMap::from([("github".to_owned(), down)])
}

/// Bounds of the memory in percent of the machine's: what the hub has now and [`GROWTH_MAX`], and twice
/// that growth. `None` when the process cannot be looked at.
fn memory_percent(pid: u32) -> Option<(f64, f64)> {
    let ProcessSeen::Alive(facts) = Look::default().look(process::identify(pid)?, None, &HubConfig::default()) else {
        return None;
    };
    let percent = |bytes: u64| bytes as f64 * 100.0 / facts.machine_bytes.max(1) as f64;
    Some((percent(facts.rss_bytes + GROWTH_MAX), percent(facts.rss_bytes + 2 * GROWTH_MAX)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_is_bounded_by_what_a_process_has_now() {
        let (warning, critical) = memory_percent(std::process::id()).unwrap();
        assert!(0.0 < warning && warning < critical);
        assert_eq!(memory_percent(u32::MAX), None);
    }

    #[test]
    fn the_hour_is_the_default_schedule_and_faster() {
        let usual = Schedule::default();
        let hour = hour(40).defaults;
        assert_eq!(hour.schedule.light * 40, usual.light);
        assert_eq!(hour.schedule.llm * 40, usual.llm);
        assert_eq!(hour.thresholds, Thresholds::default());
    }
}

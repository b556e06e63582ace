//! `logging/written` and `logging/silence`: whether what the hub does reaches its log.

use vitals_model::observation::LogFile;
use vitals_model::reading::Reading;
use vitals_model::text::count;
use vitals_model::time::human;

use super::draft;
use crate::check::Scene;

/// The hub's stream against its file: does what it tells get written?
pub(super) fn written(scene: Scene<'_>) -> Option<Reading> {
    let facts = scene.facts;
    let known = facts.log.as_ref()?;
    let is_full = crate::check::host::is_disk_full(scene);
    let draft = draft(scene, "written", known).cause(if is_full { super::disk_id() } else { crate::check::api_id() });
    let Ok(LogFile { shared, .. }) = &known.seen.file else {
        return Some(draft.fact("the file cannot be read, see logging/file"));
    };
    if *shared {
        return Some(draft.fact("several hubs write to this file"));
    }
    if facts.stream.opened.is_none() {
        return Some(draft.fact("the event stream is not open: there is nothing to compare with"));
    }
    if let Some((told, from)) = facts.records.unwritten(known.at) {
        let records = count(told, "log record");
        return Some(
            draft
                .hint("a full disk, a quota, or a file that the hub may not write: see `df` and the hub's limits")
                .degraded(|| format!("hub told {records} since {from}, its file did not grow: full disk, quota or not writable")),
        );
    }
    Some(if facts.records.is_paired() {
        draft.healthy("what the hub tells reaches its file")
    } else {
        draft.fact("not known yet: no record was both told and written")
    })
}

/// Our own visits make the hub work: it used to leave records of that.
pub(super) fn silence(scene: Scene<'_>) -> Option<Reading> {
    let records = &scene.facts.records;
    let draft = draft(scene, "silence", scene.facts.session.as_ref()?).cause(crate::check::api_id());
    let has_file = scene.facts.log.as_ref().is_some_and(|log| log.seen.file.is_ok());
    if !has_file && scene.facts.stream.opened.is_none() {
        return Some(draft.fact("neither the file nor the stream can be read"));
    }
    if let Some(since) = records.silent_since(scene.now) {
        let text = || {
            format!("the hub worked and logged nothing for {}; each visit used to leave a record", human(scene.now.since(since)))
        };
        return Some(
            draft
                .hint("see that it still has its log open, and at which level it logs: restart it when it stays silent")
                .degraded(text),
        );
    }
    Some(if records.used_to_talk(scene.now) {
        draft.healthy("the hub logs when it works")
    } else {
        draft.fact("not known yet whether the hub logs the calls that we make")
    })
}

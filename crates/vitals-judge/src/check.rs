//! Checks: from facts to readings. One module per integration point; each reads like the table of
//! checks in the reference.

mod direct;
mod draft;
mod hub;
mod llm;
mod logging;
mod meta_tool;
pub(crate) mod pace;
mod server;
mod sessions;
mod surface;
mod workspace;

use vitals_model::config::TargetSettings;
use vitals_model::reading::Reading;
use vitals_model::target::{Target, TargetKind};
use vitals_model::time::Timestamp;
use vitals_model::verdict::ServerTruth;

use crate::facts::Facts;

pub use hub::{api_id, process_id};
pub(crate) use llm::{is_llm_mute, key_id};
pub(crate) use logging::may_be_broken;
pub use pace::believed_for;
pub use server::truth_id;
pub use surface::sign_line;

/// What every check looks at.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The latest that is known.
    pub facts: &'a Facts,
    /// What the operator asked for.
    pub settings: &'a TargetSettings,
    /// The truth about the servers.
    pub truths: &'a [ServerTruth],
    /// Now.
    pub now: Timestamp,
}

/// Every reading of a target, by point and then by id; each id once.
pub fn all(target: &Target, scene: Scene<'_>) -> Vec<Reading> {
    let mut readings = match target.address.kind() {
        TargetKind::Hub => {
            let mut all = hub::readings(scene);
            all.extend(server::readings(scene));
            all.extend(surface::of_hub(scene));
            all.extend(llm::readings(scene));
            all.extend(sessions::readings(scene));
            all.extend(meta_tool::readings(scene));
            all.extend(logging::readings(scene));
            all.extend(workspace::readings(scene));
            all
        }
        TargetKind::Server => direct::readings(target, scene),
    };
    // Of two servers whose names give the same id the worse is shown.
    let order = |r: &Reading| (r.point, r.id.server().map(str::to_owned), r.id.clone(), std::cmp::Reverse(r.health));
    readings.sort_by_cached_key(order);
    readings.dedup_by(|a, b| a.id == b.id);
    readings
}

/// The truth about the servers of a target.
pub fn truths(target: &Target, facts: &Facts, now: Timestamp) -> Vec<ServerTruth> {
    match target.address.kind() {
        TargetKind::Hub => crate::truth::of_hub(facts, &target.settings, now),
        TargetKind::Server => direct::truth(target, facts, now).into_iter().collect(),
    }
}

//! Checks: from facts to readings. One module per integration point; each reads like the table of
//! checks in the reference.

mod direct;
mod draft;
mod host;
mod hub;
mod ids;
mod llm;
mod logging;
mod meta_tool;
pub(crate) mod pace;
mod part;
mod server;
mod sessions;
mod surface;
mod words;
mod workspace;

use std::cmp::{Ordering, Reverse};

use vitals_model::check::Point;
use vitals_model::config::TargetSettings;
use vitals_model::reading::Reading;
use vitals_model::target::{Target, TargetKind};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::verdict::ServerTruth;

use crate::facts::{Facts, Known};
use draft::Draft;

pub use hub::{api_id, process_id};
pub use ids::Ids;
pub(crate) use llm::{is_llm_mute, key_id};
pub(crate) use logging::{heartbeat_id, may_be_broken};
pub use pace::believed_for;
pub use part::{Part, Parts};
pub use server::truth_id;
pub(crate) use server::{Measured, is_renewable, renew};
pub use surface::sign_line;
pub use words::Words;

/// What every check looks at.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// The latest that is known.
    pub facts: &'a Facts,
    /// What the operator asked for.
    pub settings: &'a TargetSettings,
    /// The truth about the servers.
    pub truths: &'a [ServerTruth],
    /// The readings of the other parts, for what is said of the machine.
    pub others: &'a [Reading],
    /// Now.
    pub now: Timestamp,
    /// Whether words are wanted.
    pub words: Words,
    /// The ids of before.
    pub ids: &'a Ids<'a>,
}

impl Scene<'_> {
    /// A check on the target itself, answered by a known fact.
    fn of_target<T>(self, point: Point, question: &str, known: &Known<T>) -> Draft {
        Draft::new(self.words, self.ids.of_target(point, question), point, known.at, known.took)
    }

    /// A check on one server, answered by a known fact.
    fn of_server<T>(self, server: &Text, question: &str, known: &Known<T>) -> Draft {
        Draft::new(self.words, self.ids.of_server(server, question), Point::HubServers, known.at, known.took)
    }
}

/// The readings of one part of a target's checks; each id once.
pub fn of(target: &Target, part: Part, scene: Scene<'_>) -> Vec<Reading> {
    match (target.address.kind(), part) {
        (TargetKind::Hub, Part::Process) => hub::of_process(scene),
        (TargetKind::Hub, Part::Api) => hub::of_api(scene),
        (TargetKind::Hub, Part::Servers) => each_once(scene, server::readings(scene)),
        (TargetKind::Hub, Part::Llm) => llm::readings(scene),
        (TargetKind::Hub, Part::Fallback) => llm::fallback(scene).into_iter().collect(),
        (TargetKind::Hub, Part::Sessions) => sessions::readings(scene),
        (TargetKind::Hub, Part::Filtering) => sessions::stats(scene).into_iter().collect(),
        (TargetKind::Hub, Part::MetaTool) => meta_tool::readings(scene),
        (TargetKind::Hub, Part::Clients) => meta_tool::clients(scene).into_iter().collect(),
        (TargetKind::Hub, Part::File) => logging::of_log(scene),
        (TargetKind::Hub, Part::Errors) => logging::errors(scene).into_iter().collect(),
        (TargetKind::Hub, Part::Stream) => logging::stream(scene),
        (TargetKind::Hub, Part::Writing) => logging::of_writing(scene),
        (TargetKind::Hub, Part::Workspace) => workspace::readings(scene),
        (TargetKind::Hub, Part::Host) => host::reading(scene).into_iter().collect(),
        (TargetKind::Server, Part::Servers) => direct::readings(target, scene),
        (TargetKind::Server, _) => Vec::new(),
    }
}

/// Servers come in the order of their names. Of two whose names give the same id the worse is shown.
fn each_once(scene: Scene<'_>, mut readings: Vec<Reading>) -> Vec<Reading> {
    if scene.truths.iter().any(|truth| truth.name.as_str().contains('/')) {
        readings.sort_by(|a, b| order(a, b).then(Reverse(a.health).cmp(&Reverse(b.health))));
        readings.dedup_by(|a, b| a.id == b.id);
    }
    debug_assert!(readings.is_sorted_by(|a, b| order(a, b).is_lt()), "the checks of a server are out of order");
    readings
}

/// The readings of all parts, in the order in which they are judged.
pub fn all(target: &Target, scene: Scene<'_>) -> Vec<Reading> {
    let mut all = Vec::new();
    for part in Part::ALL {
        let readings = of(target, part, Scene { others: &all, ..scene });
        all.extend(readings);
    }
    all
}

/// Puts readings into the order in which people read them.
pub fn sort(readings: &mut [Reading]) {
    readings.sort_by(order);
}

/// By point; what is of the target itself comes before what is of its servers.
fn order(a: &Reading, b: &Reading) -> Ordering {
    a.point.cmp(&b.point).then_with(|| a.id.server().cmp(&b.id.server())).then_with(|| a.id.cmp(&b.id))
}

/// The truth about the servers of a target.
pub fn truths(target: &Target, facts: &Facts, now: Timestamp, words: Words) -> Vec<ServerTruth> {
    match target.address.kind() {
        TargetKind::Hub => crate::truth::of_hub(facts, &target.settings, now, words),
        TargetKind::Server => direct::truth(target, facts, now).into_iter().collect(),
    }
}

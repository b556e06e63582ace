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
pub use server::truth_id;
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
    /// The readings of the parts other than the hub's own, for what is said of the machine.
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

/// A part of a target's checks: those that the same facts answer. Their readings follow one another in this order.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Part {
    /// The hub itself.
    Hub,
    /// The servers behind it; of a server that is reached directly, everything.
    Servers,
    /// Its LLM.
    Llm,
    /// Filtering and sessions.
    Sessions,
    /// The meta-tool and the clients.
    MetaTool,
    /// The log and the event stream.
    Logging,
    /// Its own record of itself.
    Workspace,
}

impl Part {
    /// All of them, in order.
    pub const ALL: [Self; 7] =
        [Self::Hub, Self::Servers, Self::Llm, Self::Sessions, Self::MetaTool, Self::Logging, Self::Workspace];

    /// All but the first, whose readings may tell what the others suffer from.
    pub const OTHERS: [Self; 6] = [Self::Servers, Self::Llm, Self::Sessions, Self::MetaTool, Self::Logging, Self::Workspace];
}

/// The readings of one part of a target's checks, by point and then by id; each id once.
pub fn of(target: &Target, part: Part, scene: Scene<'_>) -> Vec<Reading> {
    let mut readings = match (target.address.kind(), part) {
        (TargetKind::Hub, Part::Hub) => {
            let mut all = hub::readings(scene);
            all.extend(surface::of_hub(scene));
            let host = host::reading(scene, &all);
            all.extend(host);
            all
        }
        (TargetKind::Hub, Part::Servers) => server::readings(scene),
        (TargetKind::Hub, Part::Llm) => llm::readings(scene),
        (TargetKind::Hub, Part::Sessions) => sessions::readings(scene),
        (TargetKind::Hub, Part::MetaTool) => meta_tool::readings(scene),
        (TargetKind::Hub, Part::Logging) => logging::readings(scene),
        (TargetKind::Hub, Part::Workspace) => workspace::readings(scene),
        (TargetKind::Server, Part::Servers) => direct::readings(target, scene),
        (TargetKind::Server, _) => Vec::new(),
    };
    // Servers come in the order of their names, and their checks in that of their ids.
    if target.address.kind() == TargetKind::Hub
        && part == Part::Servers
        && !scene.truths.iter().any(|truth| truth.name.as_str().contains('/'))
    {
        debug_assert!(readings.is_sorted_by(|a, b| order(a, b).is_lt()), "the checks of a server are out of order");
        return readings;
    }
    if !readings.is_sorted_by(|a, b| a.id != b.id && order(a, b).is_le()) {
        // Of two servers whose names give the same id the worse is shown.
        readings.sort_by(|a, b| order(a, b).then(Reverse(a.health).cmp(&Reverse(b.health))));
        readings.dedup_by(|a, b| a.id == b.id);
    }
    readings
}

/// The readings of all parts, in their order.
pub fn all(target: &Target, scene: Scene<'_>) -> Vec<Reading> {
    let others: Vec<_> = Part::OTHERS.iter().flat_map(|part| of(target, *part, scene)).collect();
    let mut all = of(target, Part::Hub, Scene { others: &others, ..scene });
    all.extend(others);
    all
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

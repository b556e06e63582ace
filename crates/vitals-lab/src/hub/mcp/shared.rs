//! What all sessions share, and the task that tells them when their lists change.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream;
use tokio::sync::{Notify, watch};

use super::catalogue::{Catalogue, Sight};
use super::members::{Closing, Members, Number};
use crate::fault::HubFault;
use crate::hub::backend::{Backend, Listing};
use crate::hub::filter::analyst::{Analyst, share};
use crate::hub::filter::{Category, Exposure, Settings};
use crate::hub::journal::{Journal, Level, Record};
use crate::persona::Persona;

/// Clients that are told of a change at the same time.
const TELLING_MAX: usize = 64;

/// How long one client may take to be told; a slower one is left out, and the others are not held up.
const TELLING_WAIT_MAX: Duration = Duration::from_secs(2);

/// The endpoint's inside.
pub(super) struct Shared {
    pub(super) backend: Arc<dyn Backend>,
    pub(super) journal: Journal,
    pub(super) persona: Persona,
    pub(super) members: Members,
    /// Reads prompts; `None` when tools are not filtered.
    pub(super) analyst: Option<Analyst>,
    exposure: Exposure,
    listing: watch::Receiver<Arc<Listing>>,
    faults: watch::Receiver<BTreeSet<HubFault>>,
    sorted: Mutex<Sorted>,
    /// Something happened after which lists may be others.
    stirred: Notify,
    /// Counts the times that all lists were looked at: for listeners without a session.
    looks: watch::Sender<u64>,
}

struct Sorted {
    catalogue: Arc<Catalogue>,
    looked: u64,
    found: u64,
}

impl Shared {
    pub(super) fn new(backend: Arc<dyn Backend>, journal: Journal, filtering: Settings, persona: Persona) -> Self {
        let (listing, faults) = (backend.listing(), backend.faults());
        let catalogue = Arc::new(Catalogue::new(listing.borrow().clone()));
        let (analyst, exposure) = match filtering {
            Settings::Off => (None, Exposure::All),
            Settings::PromptBased(set) => (Some(Analyst::start(set.llm, journal.clone())), set.exposure),
        };
        let sorted = Mutex::new(Sorted { catalogue, looked: 0, found: 0 });
        let (stirred, looks) = (Notify::new(), watch::Sender::new(0));
        let members = Members::default();
        Self { backend, journal, persona, members, analyst, exposure, listing, faults, sorted, stirred, looks }
    }

    /// Whether the hub does this wrong now.
    pub(super) fn does(&self, fault: HubFault) -> bool {
        self.faults.borrow().contains(&fault)
    }

    /// Whether the meta-tool can be called.
    pub(super) fn has_meta_tool(&self) -> bool {
        self.analyst.is_some() && !self.does(HubFault::MetaToolMissing)
    }

    /// The tools of now, and the share of times that they needed no sorting.
    pub(super) fn catalogue(&self) -> (Arc<Catalogue>, f64) {
        let listing = self.listing.borrow().clone();
        let mut sorted = self.sorted.lock().unwrap_or_else(PoisonError::into_inner);
        sorted.looked += 1;
        if Arc::ptr_eq(&sorted.catalogue.listing, &listing) {
            sorted.found += 1;
        } else {
            sorted.catalogue = Arc::new(Catalogue::new(listing));
        }
        (Arc::clone(&sorted.catalogue), share(sorted.found, sorted.looked))
    }

    /// What a session sees that asked for `own`.
    pub(super) fn sight<'a>(&self, asked: &'a BTreeSet<Category>) -> Sight<'a> {
        Sight { exposure: self.exposure, asked, meta_tool: self.has_meta_tool() && self.exposure != Exposure::Zero }
    }

    /// What a session's list is made from: what it asked for, or what all did when exposure leaks.
    pub(super) fn asked(&self, own: BTreeSet<Category>) -> BTreeSet<Category> {
        if self.does(HubFault::ExposureLeak) { self.members.asked_by_all() } else { own }
    }

    /// A session closed.
    pub(super) fn leave(&self, number: Number) {
        let kept = self.does(HubFault::SessionsKept);
        self.members.leave(number, if kept { Closing::StillCounted } else { Closing::Forgotten });
        self.stir();
    }

    /// Has all lists looked at again.
    pub(super) fn stir(&self) {
        self.stirred.notify_one();
    }

    /// For a listener without a session: changes after each look at the lists.
    pub(super) fn looks(&self) -> watch::Receiver<u64> {
        self.looks.subscribe()
    }

    fn log(&self, level: Level, message: String) {
        self.journal.write(Record::new(level, message));
    }

    /// Tells each session whose list is another one.
    async fn look(&self) {
        let (catalogue, _) = self.catalogue();
        let leaked = self.does(HubFault::ExposureLeak).then(|| self.members.asked_by_all());
        let mut known: HashMap<BTreeSet<Category>, u64> = HashMap::new();
        let others = self.members.retell(|member| {
            let asked = leaked.as_ref().unwrap_or(&member.asked);
            match known.get(asked) {
                Some(signature) => *signature,
                None => *known.entry(asked.clone()).or_insert(catalogue.signature(&self.sight(asked))),
            }
        });
        self.looks.send_modify(|looks| *looks += 1);
        if self.does(HubFault::ListChangedMute) {
            return;
        }
        let told = others.into_iter().map(|peer| async move {
            matches!(tokio::time::timeout(TELLING_WAIT_MAX, peer.notify_tool_list_changed()).await, Ok(Ok(())))
        });
        let told: Vec<bool> = stream::iter(told).buffer_unordered(TELLING_MAX).collect().await;
        let missed = told.iter().filter(|told| !**told).count();
        if missed > 0 {
            self.log(Level::Warn, format!("{missed} clients could not be told of a changed tool list"));
        }
    }
}

/// Looks at all lists when the servers' tools, the faults or a session's wishes change. It ends with the
/// backend.
pub(super) async fn watch(shared: Arc<Shared>) {
    let (mut listing, mut faults) = (shared.backend.listing(), shared.backend.faults());
    loop {
        let gone = tokio::select! {
            changed = listing.changed() => changed.is_err(),
            changed = faults.changed() => changed.is_err(),
            () = shared.stirred.notified() => false,
        };
        if gone {
            return;
        }
        shared.look().await;
    }
}

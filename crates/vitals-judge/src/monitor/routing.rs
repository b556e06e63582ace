//! Between the incidents and the routes: what is told goes to the router, which may ask what has become of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::notice::Notices;
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;

use super::Monitor;
use crate::event::Effect;
use crate::own;
use crate::remedy::Spares;
use crate::route::{Now, Router};
use crate::telling::Hush;

impl Monitor {
    /// When the routes must be asked again; `None` while nothing waits.
    pub fn routes_due_at(&self) -> Option<Timestamp> {
        self.router.due_at()
    }

    /// Hands what people are told to the routes, and does what is due there.
    pub(super) fn route(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        let is_told = |effect: &Effect| matches!(effect, Effect::Tell(..));
        if !effects.iter().any(is_told) && self.router.due_at().is_none_or(|at| now < at) {
            return;
        }
        self.with_router(|monitor, router| {
            let told: Vec<_> = effects
                .iter()
                .filter_map(|effect| match effect {
                    Effect::Tell(change, incident) => Some((*change, monitor.as_it_is(now, incident))),
                    _ => None,
                })
                .collect();
            effects.extend(told.iter().flat_map(|(change, of)| router.tell(now, *change, of)));
            effects.extend(router.due(now, &|id| monitor.find(now, id)));
        });
    }

    /// Follows other routes from now on: what lasts and was told goes by them too.
    pub(super) fn follow_notices(&mut self, now: Timestamp, notices: Arc<Notices>) -> Vec<Effect> {
        self.with_router(|monitor, router| {
            router.follow(notices);
            let is_watched = |target: &TargetId| monitor.targets.contains_key(target) || target.as_str() == own::TARGET;
            let told = |incident: &&Incident| {
                incident.resolved_at.is_none() && incident.handling.told_at.is_some() && is_watched(&incident.target)
            };
            let open: Vec<_> = monitor.known().filter(told).map(|incident| monitor.as_it_is(now, incident)).collect();
            router.reconcile(now, &open, &|id| monitor.find(now, id))
        })
    }

    /// Hands all that lasts of a target, and was told, to the routes: it is not watched any more, or is again.
    pub(super) fn tell_of(&mut self, now: Timestamp, target: &TargetId, change: IncidentChange) -> Vec<Effect> {
        self.with_router(|monitor, router| {
            let lasts = |i: &&Incident| i.target == *target && i.resolved_at.is_none() && i.handling.told_at.is_some();
            let told: Vec<_> = monitor.known().filter(lasts).map(|incident| monitor.as_it_is(now, incident)).collect();
            told.iter().flat_map(|of| router.tell(now, change, of)).collect()
        })
    }

    /// Lets the router look at the rest of the monitor.
    fn with_router<T>(&mut self, work: impl FnOnce(&Self, &mut Router) -> T) -> T {
        let mut router = std::mem::take(&mut self.router);
        let done = work(self, &mut router);
        self.router = router;
        done
    }

    /// All incidents that are known, those of targets that are not watched included.
    fn known(&self) -> impl Iterator<Item = &Incident> {
        let watched = self.targets.values().flat_map(|watched| watched.ledger.known());
        // Of our own, what is remembered is as it was at the start.
        let elsewhere = self.memory.incidents.iter().filter(|incident| incident.target.as_str() != own::TARGET);
        watched.chain(self.own.known()).chain(elsewhere)
    }

    fn find(&self, now: Timestamp, id: u64) -> Option<Now> {
        self.known().find(|incident| incident.id == id).map(|incident| self.as_it_is(now, incident))
    }

    fn as_it_is(&self, now: Timestamp, incident: &Incident) -> Now {
        let watched = self.targets.get(&incident.target);
        let windows = watched.map_or(&[][..], |watched| &watched.windows.0);
        if self.forgotten.contains(&incident.target) && incident.resolved_at.is_none() {
            let incident = own::ended(incident.clone(), "its target is not watched any more", now);
            return Now { incident, quiet: None, labels: BTreeMap::new() };
        }
        let nobody = Spares::NONE;
        let spares = watched.map_or(&nobody, |watched| &watched.spares);
        let hush = Hush { silences: &self.own.silences, windows, spares, now };
        Now {
            quiet: hush.why(incident, IncidentChange::Reminded),
            labels: watched.map_or_else(BTreeMap::new, |watched| watched.target.settings.labels.clone()),
            incident: incident.clone(),
        }
    }
}

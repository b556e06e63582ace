//! What is watched: targets are found, taken into hand, given up, and their lock files read.

use std::sync::Arc;

use tokio::time::Instant;
use vitals_judge::event::Event;
use vitals_model::config::Settings;
use vitals_model::target::{Origin, Target, TargetId};
use vitals_probe::discover;
use vitals_probe::hands::{Hands, Held, Manner};

use super::{END_MAX, Engine, Rig};
use crate::export::Onward;
use crate::lockfile;
use crate::schedule::Timetable;

impl Engine {
    /// Looks for targets: a few small files of this machine are read, which takes no longer than a probe's
    /// own look at them. A target that is not found any more is still watched: that is when it matters.
    pub(super) fn discover(&mut self) {
        self.next_discovery = Instant::now() + self.settings.defaults.schedule.discovery;
        if let Some(look) = &self.look_around {
            self.surroundings = look();
        }
        for target in discover::find(&self.settings, &self.surroundings, &self.wanted).targets {
            self.watch(target);
        }
        for id in self.rigs.keys().cloned().collect::<Vec<_>>() {
            self.read_lock(&id);
        }
    }

    /// Watches a target; a known one anew when it is reached in another way or has other settings.
    fn watch(&mut self, target: Target) {
        let id = target.id.clone();
        if let Some(rig) = self.rigs.get(&id) {
            let known = rig.hands.target();
            if known.address == target.address && known.origin == target.origin && known.settings == target.settings {
                return;
            }
        }
        self.retire(&id);
        let schedule = target.settings.schedule.clone();
        self.apply(Event::Watch(target.clone()));
        let hands = Hands::new(target, &self.surroundings, Manner::Held);
        let tap = self.onward.as_ref().and_then(Onward::tap);
        let hands = Arc::new(match tap {
            Some(tap) => hands.tapped(tap.clone()),
            None => hands,
        });
        let held = Held::begin(Arc::clone(&hands), self.outbox.clone());
        let rig = Rig { lock: None, hands, held, table: Timetable::new(schedule, Instant::now()) };
        self.rigs.insert(id.clone(), rig);
        self.read_lock(&id);
    }

    /// Reads the lock file of a target again when it is not what it was.
    fn read_lock(&mut self, id: &TargetId) {
        let Some(rig) = self.rigs.get_mut(id) else { return };
        let path = lockfile::path_of(&rig.hands.target().settings);
        let stamp = lockfile::stamp(&path);
        if rig.lock.replace(stamp.clone()) != Some(stamp) {
            self.apply(Event::LockFile(id.clone(), lockfile::look(&path)));
        }
    }

    /// Takes the hands off a target: its probes end now, its sessions are closed in the background.
    pub(super) fn retire(&mut self, id: &TargetId) {
        let Some(rig) = self.rigs.remove(id) else { return };
        for (_, run) in self.runs.extract_if(|_, run| run.target == *id) {
            run.abort.abort();
        }
        self.closing.spawn(async move { tokio::time::timeout(END_MAX, rig.held.end()).await.unwrap_or(0) });
    }

    pub(super) fn reload(&mut self, settings: Settings) {
        self.note("configuration reloaded");
        self.settings = settings;
        self.follow_notices();
        let found = discover::find(&self.settings, &self.surroundings, &self.wanted);
        let is_found = |known: &Target| found.targets.iter().any(|t| t.id == known.id);
        let gone: Vec<_> = self.rigs.values().map(|rig| rig.hands.target()).filter(|t| !is_found(t)).cloned().collect();
        for target in gone {
            let elsewhere = found.targets.iter().any(|t| discover::is_same_hub(&t.address, &target.address));
            if self.is_looked_for(&target) && !elsewhere {
                self.watch(Target { settings: Arc::clone(&self.settings.defaults), ..target });
            } else {
                self.retire(&target.id);
                self.apply(Event::Forget(target.id));
            }
        }
        self.discover();
    }

    /// Whether a target was discovered and would be again: that its record is gone is no wish to forget it.
    fn is_looked_for(&self, target: &Target) -> bool {
        matches!(target.origin, Origin::Discovered { .. }) && (self.settings.discover || !self.wanted.is_empty())
    }
}

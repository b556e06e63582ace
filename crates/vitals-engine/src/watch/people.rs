//! What people are told by way of receivers: notices go out, what comes of them comes back as an event.

use std::time::Duration;

use tokio::time::Instant;
use vitals_judge::event::Event;
use vitals_model::notice::{DayReport, Delivery, Notice};
use vitals_model::text::count;
use vitals_probe::clock;

use super::Engine;
use crate::heartbeat::Heartbeat;
use crate::store::Record;

/// How long the end of a watch waits for notices that are on their way. What is left goes with the next watch.
const SENT_MAX: Duration = Duration::from_secs(2);

/// A probe that is due for so long is not sent: then the loop runs, and the watch does not.
const LATE_MAX: Duration = Duration::from_secs(30);

impl Engine {
    /// Follows the routes and receivers of the settings from now on.
    pub(super) fn follow_notices(&mut self) {
        let dropped = self.post.follow(&self.settings);
        self.delivered(dropped);
        self.heartbeat = Heartbeat::start(&self.settings.notices.heartbeat, self.surroundings.proxy.clone());
        self.apply(Event::Notices(std::sync::Arc::clone(&self.settings.notices)));
    }

    /// Tells those who wait for a sign of life that the loop went on: others only while probes are sent in time.
    pub(super) fn beat(&mut self) {
        let now = Instant::now();
        if let Some(supervisor) = &mut self.supervisor {
            let own = self.faces.snapshot.borrow();
            let open: usize = own.targets.iter().map(|target| target.open.len()).sum();
            let (targets, open) = (count(own.targets.len() as u64, "target"), count(open as u64, "open incident"));
            supervisor.beat(now, format!("{targets}, {}, {open}", own.health().as_str()));
        }
        let Some(heartbeat) = &mut self.heartbeat else { return };
        if self.rigs.values().all(|rig| rig.table.next().is_none_or(|due| now < due + LATE_MAX)) {
            heartbeat.beat(now);
        }
        if let Some(line) = heartbeat.news() {
            (self.faces.say)(&line);
        }
    }

    /// Takes up what the watch before this one left.
    pub(super) fn resume_notices(&mut self) {
        let posted = std::mem::take(&mut self.posted);
        let dropped = self.post.resume(posted);
        self.delivered(dropped);
    }

    /// Sends the report of a day to those whom the settings name by now.
    pub(super) fn report(&mut self, report: Box<DayReport>) {
        self.apply(Event::Reported(report, self.settings.report.to.clone()));
    }

    /// Keeps a notice, and hands it to its receiver.
    pub(super) fn notify(&mut self, notice: Notice) {
        self.history.put(Record::Notice(Box::new(notice.clone())));
        let dropped = self.post.put(notice);
        self.delivered(dropped);
    }

    /// Keeps what came of notices, and tells judgement.
    pub(super) fn delivered(&mut self, deliveries: impl IntoIterator<Item = Delivery>) {
        for delivery in deliveries {
            self.history.put(Record::Delivery(Box::new(delivery.clone())));
            self.apply(Event::Delivered(delivery));
        }
    }

    /// When the routes want to be asked; `far` while nothing waits.
    pub(super) fn routes_due(&self, far: Instant) -> Instant {
        self.monitor.routes_due_at().map_or(far, |at| Instant::now() + at.since(clock::now()))
    }

    /// Waits for what is on its way, for a short while.
    pub(super) async fn send_the_rest(&mut self) {
        let end = Instant::now() + SENT_MAX;
        while !self.post.is_at_rest() {
            match tokio::time::timeout_at(end, self.post.outcome()).await {
                Ok(delivery) => self.delivered(delivery),
                Err(_) => return,
            }
        }
    }
}

//! Notifying: every receiver has a queue and a task of its own, so a slow one delays nothing. A notice is in the history
//! before it is sent, and is tried until the receiver takes it or says that it never will. It decides nothing.

mod carry;
mod command;
mod format;
mod line;
mod mail;

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::{mpsc, watch};
use vitals_model::config::Settings;
use vitals_model::notice::{Delivery, Notice, Notices, Outcome, Posted, ReceiverKind, Status, words};
use vitals_model::text::Text;
use vitals_model::view::notice_v1::Sender;
use vitals_probe::clock;
use vitals_probe::http::Proxy;

use carry::Carrier;
pub use carry::Trouble;
use line::{Line, Report};

/// Outcomes that wait for the loop; a task that finds no room waits, and with it the receiver's next notice alone.
const OUTCOMES_MAX: usize = 64;

/// All receivers.
pub(crate) struct Post {
    notices: Arc<Notices>,
    sender: Arc<Sender>,
    proxy: Option<Proxy>,
    /// The highest number of a notice that the history has; `None` where none is kept.
    kept: Option<watch::Receiver<u64>>,
    lines: BTreeMap<String, Line>,
    report: mpsc::Sender<Delivery>,
    outcomes: mpsc::Receiver<Delivery>,
}

impl Post {
    /// Without receivers yet.
    pub(crate) fn new(proxy: Option<Proxy>, kept: Option<watch::Receiver<u64>>) -> Self {
        let (report, outcomes) = mpsc::channel(OUTCOMES_MAX);
        Self { notices: Arc::default(), sender: Arc::default(), proxy, kept, lines: BTreeMap::new(), report, outcomes }
    }

    /// Follows these settings from now on. A receiver whose settings are the same goes on; one that changed begins anew with
    /// what waited; of one that is gone, what waited is dropped.
    pub(crate) fn follow(&mut self, settings: &Settings) -> Vec<Delivery> {
        let (before, sender) = (std::mem::replace(&mut self.notices, Arc::clone(&settings.notices)), Arc::new(sender(settings)));
        let is_moved = std::mem::replace(&mut self.sender, Arc::clone(&sender)) != sender;
        let mut dropped = Vec::new();
        for (name, line) in std::mem::take(&mut self.lines) {
            match self.notices.receivers.get(&name) {
                Some(now) if before.receivers.get(&name) == Some(now) && !is_moved => {
                    self.lines.insert(name, line);
                }
                Some(_) => {
                    let (waiting, standing) = line.end();
                    self.open(&name, waiting, standing);
                }
                None => dropped.extend(line.end().0.into_iter().map(|notice| undeliverable(&notice))),
            }
        }
        let names: Vec<_> = self.notices.receivers.keys().filter(|name| !self.lines.contains_key(*name)).cloned().collect();
        for name in names {
            self.open(&name, Vec::new(), Vec::new());
        }
        dropped
    }

    /// Takes up what the watch before this one left: notices that wait, and alerts that must be kept alive.
    pub(crate) fn resume(&mut self, posted: Vec<Posted>) -> Vec<Delivery> {
        let mut dropped = Vec::new();
        for one in posted {
            if one.waits() {
                dropped.extend(self.put(one.notice));
            } else if let Some(line) = self.lines.get(&one.notice.receiver)
                && one.notice.status != Status::Resolved
            {
                line.stand(one.notice);
            }
        }
        dropped
    }

    fn open(&mut self, name: &str, waiting: Vec<Notice>, standing: Vec<Notice>) {
        let Some(receiver) = self.notices.receivers.get(name) else { return };
        let again = (receiver.kind == ReceiverKind::Alertmanager).then_some(format::ALERTMANAGER_AGAIN);
        let carrier = Arc::new(Carrier::new(receiver.clone(), Arc::clone(&self.sender), self.proxy.clone()));
        let carry: line::Carry = Box::new(move |notice, standing| {
            let carrier = Arc::clone(&carrier);
            Box::pin(async move { carrier.carry(&notice, standing.as_deref(), clock::now()).await })
        });
        let report = Report { receiver: name.to_owned(), outcomes: self.report.clone() };
        let line = Line::open(carry, again, self.kept.clone(), report);
        for notice in standing {
            line.stand(notice);
        }
        for notice in waiting {
            // There was room for them.
            drop(line.put(notice));
        }
        self.lines.insert(name.to_owned(), line);
    }

    /// Takes a notice, and says which were dropped for it.
    pub(crate) fn put(&mut self, notice: Notice) -> Vec<Delivery> {
        match self.lines.get(&notice.receiver) {
            Some(line) => line.put(notice),
            None => vec![undeliverable(&notice)],
        }
    }

    /// The next outcome. Cancel safe.
    pub(crate) async fn outcome(&mut self) -> Option<Delivery> {
        self.outcomes.recv().await
    }

    /// Whether nothing waits, or all that waits was tried in vain and is tried again later.
    pub(crate) fn is_at_rest(&self) -> bool {
        self.lines.values().all(Line::is_at_rest) && self.outcomes.is_empty()
    }
}

/// What came of a notice whose receiver is not there.
fn undeliverable(notice: &Notice) -> Delivery {
    let words = Text::new("its receiver is not in the configuration any more");
    let Notice { id, receiver, .. } = notice;
    Delivery { notice: *id, receiver: receiver.clone(), at: clock::now(), attempts: 0, outcome: Outcome::Dropped(words) }
}

/// Where notices come from.
fn sender(settings: &Settings) -> Sender {
    let served = || settings.web.listen.map(|address| format!("http://{address}"));
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Sender { host: Text::cut(&host, 64).to_string(), link: settings.web.url.clone().or_else(served) }
}

/// Sends a marked sample to one receiver, once, and says what it answered; `None` when there is no such receiver. Where a
/// sample would open an alert, another one closes it.
pub async fn test(settings: &Settings, proxy: Option<Proxy>, route: &str, receiver: &str) -> Option<Result<Text, Trouble>> {
    let to = settings.notices.receivers.get(receiver)?;
    let carrier = Carrier::new(to.clone(), Arc::new(sender(settings)), proxy);
    let at = clock::now();
    let sample = |status| words::sample(route, receiver, status, at);
    let said = carrier.carry(&sample(Status::Firing), None, at).await;
    let opens = matches!(to.kind, ReceiverKind::Alertmanager | ReceiverKind::Pagerduty | ReceiverKind::Opsgenie);
    if said.is_ok() && opens {
        return Some(carrier.carry(&sample(Status::Resolved), None, at).await);
    }
    Some(said)
}

#[cfg(test)]
mod tests;

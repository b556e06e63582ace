//! What a sick hub does to its log: it floods it, fills it with errors, or tears a record. Silence is kept
//! where records are taken (`log`).

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval};

use super::journal::{Journal, Level, Record};
use super::log::{Log, Stamped, hostname};
use crate::fault::HubFault;
use crate::persona::LogFormat;

/// The length of one line of a flood, in bytes.
const FLOOD_LINE_BYTES: usize = 1000;

/// The time between two of them: 100 MB an hour is 27.8 lines of 1 kB a second.
const FLOOD_EVERY: Duration = Duration::from_millis(36);

/// Errors that come at once when a spike begins.
const SPIKE_FIRST: usize = 20;

/// The time between two errors after that.
const SPIKE_EVERY: Duration = Duration::from_millis(500);

/// Does what it is told to, for ever.
pub(crate) async fn run(mut faults: watch::Receiver<BTreeSet<HubFault>>, journal: Journal, log: Arc<Log>, format: LogFormat) {
    let filler = filler(format);
    let mut before = BTreeSet::new();
    let mut flood = interval(FLOOD_EVERY);
    let mut spike = interval(SPIKE_EVERY);
    // A late line is made up for, so that the rate is what it says; a late error is not worth it.
    flood.set_missed_tick_behavior(MissedTickBehavior::Burst);
    spike.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        let now = faults.borrow_and_update().clone();
        let began = |fault| now.contains(&fault) && !before.contains(&fault);
        if began(HubFault::LogTorn) {
            log.tear_next();
        }
        if began(HubFault::LogFlood) {
            flood.reset();
        }
        if began(HubFault::ErrorSpike) {
            (0..SPIKE_FIRST).for_each(|_| journal.write(error()));
            spike.reset();
        }
        tokio::select! {
            changed = faults.changed() => if changed.is_err() { return },
            _ = flood.tick(), if now.contains(&HubFault::LogFlood) => journal.write(Record::new(Level::Info, filler.clone())),
            _ = spike.tick(), if now.contains(&HubFault::ErrorSpike) => journal.write(error()),
        }
        before = now;
    }
}

fn error() -> Record {
    Record { code: Some("LAB_ERROR_SPIKE"), ..Record::new(Level::Error, "The lab makes an error") }
}

/// A message that makes a line of [`FLOOD_LINE_BYTES`].
fn filler(format: LogFormat) -> String {
    const WORDS: &str = "The lab floods its log. ";
    let empty = Stamped { record: Record::new(Level::Info, ""), at: vitals_probe::clock::now() };
    let length = FLOOD_LINE_BYTES.saturating_sub(empty.line(format, &hostname()).len());
    WORDS.chars().cycle().take(length).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use tokio::time::timeout;
    use vitals_probe::clock::Stopwatch;
    use vitals_probe::task::Task;

    use super::*;

    #[tokio::test]
    async fn a_flood_has_its_rate_and_a_spike_its_size() {
        let dir = tempfile::tempdir().unwrap();
        let log = Arc::new(Log::start(dir.path().join("log"), |_, _| {}).unwrap());
        let records: Arc<Mutex<Vec<Record>>> = Arc::default();
        let sink = Arc::clone(&records);
        let journal = Journal::new(move |record, _| sink.lock().unwrap().push(record));
        let (tell, faults) = watch::channel(BTreeSet::new());
        let _run = Task::spawn(run(faults, journal, log, LogFormat::Pino));
        let until = async |count: usize| {
            let waiting = async {
                while records.lock().unwrap().len() < count {
                    tokio::time::sleep(Duration::from_millis(2)).await;
                }
            };
            timeout(Duration::from_secs(20), waiting).await.unwrap();
        };

        let began = Stopwatch::start();
        tell.send(BTreeSet::from([HubFault::LogFlood])).unwrap();
        until(28).await;
        assert!(began.elapsed() >= Duration::from_millis(950), "{:?}", began.elapsed());
        let line = Stamped { record: records.lock().unwrap()[0].clone(), at: vitals_probe::clock::now() };
        assert_eq!(line.line(LogFormat::Pino, &hostname()).len(), FLOOD_LINE_BYTES);

        tell.send(BTreeSet::new()).unwrap();
        tell.send(BTreeSet::from([HubFault::ErrorSpike])).unwrap();
        let seen = || {
            let records = records.lock().unwrap().clone();
            let errors = records.iter().filter(|r| r.code == Some("LAB_ERROR_SPIKE") && r.level == Level::Error).count();
            (errors, records.len() - errors)
        };
        until(28 + SPIKE_FIRST).await;
        let (errors, floods) = seen();
        assert!(errors >= SPIKE_FIRST);
        until(floods + SPIKE_FIRST + 1).await;
        assert_eq!(seen(), (SPIKE_FIRST + 1, floods));
    }
}

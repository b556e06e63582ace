//! What people did about incidents, in the store: it comes back as it was, and so does what an earlier version wrote.

use super::*;

fn remark(text: &str) -> Remark {
    Remark { at: at(DAY + 7), author: Text::new("anna"), text: Text::new(text) }
}

fn silence(id: u64) -> Silence {
    Silence {
        id,
        target: Pattern::new("hub-*"),
        check: Pattern::new("hub-servers/*/call"),
        until: at(DAY + 3_600_000),
        remark: remark("moving house"),
    }
}

/// An incident with all that one can have.
fn handled() -> Incident {
    let why = |reason: QuietReason| Quiet { reason, sentence: format!("because it is {}", reason.as_str()) };
    let withheld = QuietReason::ALL.into_iter().zip(IncidentChange::ALL).map(|(reason, change)| Withheld {
        at: at(DAY),
        change,
        why: why(reason),
    });
    Incident {
        flapping: true,
        ties: Ties {
            follows: Some(Cause { incident: 3, check: CheckId::from_stored("hub-servers/process") }),
            suppressed: vec![Suppressed { check: check(), health: Health::Unknown, since: at(DAY) }],
            suppressed_more: 9,
        },
        handling: Handling {
            told_at: Some(at(DAY + 6)),
            acknowledged: Some(remark("mine")),
            notes: vec![remark("it is the disk"), remark("no, the cable")],
            withheld: withheld.collect(),
        },
        ..incident(7, IncidentState::Open)
    }
}

#[test]
fn what_was_done_about_an_incident_comes_back_as_it_was() {
    let dir = tempfile::tempdir().expect("folder");
    let store = open(dir.path());
    store.put(Record::Incident(Box::new(handled())));
    store.put(Record::Silence(Box::new(silence(1))));
    let ended = Silence { until: at(DAY + 8), ..silence(2) };
    store.put(Record::Silence(Box::new(silence(2))));
    store.put(Record::Silence(Box::new(ended.clone())));
    store.close();
    let reader = read(dir.path());
    assert_eq!(reader.incident(7).expect("reads"), Some(handled()));
    assert_eq!(reader.incident(8).expect("reads"), None);
    assert_eq!(reader.silences().expect("reads"), [silence(1), ended]);
    let memory = crate::history::memory(&reader, at(DAY)).expect("reads");
    assert_eq!((memory.incidents, memory.last_silence), (vec![handled()], 2));
}

#[test]
fn what_an_earlier_version_wrote_is_read_as_told() {
    let dir = tempfile::tempdir().expect("folder");
    open(dir.path()).close();
    // As schema 3 had it.
    let connection = rusqlite::Connection::open(base::path(dir.path())).expect("opens");
    let body = r#"{"id":4,"target":"hub-7001","check":"hub-servers/filesystem/call","kind":"ghost","health":3,"open":true,
        "summary":"s","evidence":[],"hint":"h","opened_at_ms":5,"updated_at_ms":6,"resolved_at_ms":null}"#;
    let old = "DROP TABLE action; DROP TABLE notice; DROP TABLE told; DROP TABLE decision; DROP TABLE errors; DROP TABLE silence;
        PRAGMA user_version = 3;";
    connection.execute_batch(old).expect("schema 3");
    connection.execute("INSERT INTO incident VALUES (4, 1, 6, 1, ?)", [body]).expect("an incident");
    drop(connection);
    let told = |reader: &Reader| reader.incident(4).expect("reads").expect("is there").handling;
    let reader = read(dir.path());
    assert_eq!((told(&reader), reader.silences().expect("none")), (Handling::told(at(6)), vec![]));
    drop(reader);

    let store = open(dir.path());
    store.put(Record::Silence(Box::new(silence(1))));
    assert_eq!(store.close().error, None);
    assert_eq!(read(dir.path()).silences().expect("reads"), [silence(1)]);
}

#[test]
fn orders_are_given_out_once_and_go_when_they_are_in_the_history() {
    let dir = tempfile::tempdir().expect("folder");
    let orders = [
        Order::Silence(silence(0)),
        Order::Acknowledge(7, remark("mine")),
        Order::Note(7, remark("a note")),
        Order::Unsilence(1, remark("")),
        Order::Repair(7, remark("now")),
    ];
    for order in &orders {
        Store::order(dir.path(), order, at(DAY)).expect("left");
    }
    std::fs::write(dir.path().join("orders/0-broken.json"), "{").expect("writes");
    assert_eq!(Store::ordered(dir.path()), orders, "looking takes nothing");
    let mut store = open(dir.path());
    let given = store.orders();
    assert_eq!(given.iter().map(|(_, order)| order.clone()).collect::<Vec<_>>(), orders);
    assert_eq!(store.orders(), []);
    store.put(Record::Ordered(given[1].0.clone()));
    store.close();
    assert_eq!(Store::ordered(dir.path()), [&orders[..1], &orders[2..]].concat());
    let mut store = open(dir.path());
    for (name, _) in store.orders() {
        store.put(Record::Ordered(name));
    }
    store.close();
    assert_eq!(std::fs::read_dir(dir.path().join("orders")).expect("folder").count(), 0);
}

//! Records on their way: none is lost, and their order holds, whatever the receiver does.
//!
//! Elasticsearch and Loki are doubles here: a server of this machine that holds requests against the documented form of
//! each API and answers as documented. Neither can be had on every machine that runs these tests.

use std::collections::VecDeque;
use std::sync::Mutex;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, AsyncReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::net::TcpListener;
use vitals_model::limits::ONWARD_MESSAGE_CHARS_MAX;
use vitals_probe::task::Task;

use super::*;

/// How long anything may take, on a busy machine.
const LONG: Duration = Duration::from_secs(20);

/// A request: its path, its `content-type`, its body.
#[derive(Clone, Debug)]
struct Got {
    path: String,
    kind: String,
    body: String,
}

/// What the double answers to each request in turn; when the list is at its end, as its API does when all is well.
type Script = Vec<(u16, &'static str, String)>;

/// Stands in for a receiver.
struct Double {
    port: u16,
    got: Arc<Mutex<Vec<Got>>>,
    _serves: Task,
}

impl Double {
    async fn start(script: Script, well: fn(&Got) -> (u16, String)) -> Self {
        Self::start_at(TcpListener::bind("127.0.0.1:0").await.unwrap(), script, well)
    }

    fn start_at(listener: TcpListener, script: Script, well: fn(&Got) -> (u16, String)) -> Self {
        let (port, got) = (listener.local_addr().unwrap().port(), Arc::<Mutex<Vec<Got>>>::default());
        let heard = Arc::clone(&got);
        let serves = Task::spawn(async move {
            let mut script = VecDeque::from(script);
            while let Ok((stream, _)) = listener.accept().await {
                let (read, mut write) = stream.into_split();
                let mut read = BufReader::new(read);
                let Some(got) = request(&mut read).await else { continue };
                let (status, header, body) = script.pop_front().unwrap_or_else(|| {
                    let (status, body) = well(&got);
                    (status, "", body)
                });
                heard.lock().unwrap().push(got);
                let start = format!("HTTP/1.1 {status} X\r\nconnection: close\r\n{header}content-length: {}\r\n\r\n", body.len());
                let _ = write.write_all(format!("{start}{body}").as_bytes()).await;
            }
        });
        Self { port, got, _serves: serves }
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn got(&self) -> Vec<Got> {
        self.got.lock().unwrap().clone()
    }
}

async fn request(read: &mut BufReader<tokio::net::tcp::OwnedReadHalf>) -> Option<Got> {
    let (mut path, mut kind, mut length) = (String::new(), String::new(), 0);
    loop {
        let mut line = String::new();
        read.read_line(&mut line).await.ok().filter(|n| *n > 0)?;
        let line = line.trim_end();
        match line.split_once(": ") {
            None if line.is_empty() => break,
            None => path = line.split(' ').nth(1)?.to_owned(),
            Some(("content-type", value)) => kind = value.to_owned(),
            Some(("content-length", value)) => length = value.parse().ok()?,
            Some(_) => {}
        }
    }
    let mut body = vec![0; length];
    read.read_exact(&mut body).await.ok()?;
    Some(Got { path, kind, body: String::from_utf8(body).ok()? })
}

/// Elasticsearch when all is well; what is no `_bulk` of creations is refused.
fn elasticsearch(got: &Got) -> (u16, String) {
    let (path, _) = got.path.split_once('?').unwrap_or((&got.path, ""));
    let lines: Vec<_> = got.body.lines().collect();
    let is_bulk = path.ends_with("/_bulk") && got.kind == "application/x-ndjson" && got.body.ends_with('\n');
    let creates = lines.chunks(2).all(|pair| {
        let [create, document] = pair else { return false };
        let create: Value = serde_json::from_str(create).unwrap_or_default();
        create["create"]["_id"].is_string() && serde_json::from_str::<Value>(document).is_ok_and(|d| d["@timestamp"].is_string())
    });
    if is_bulk && creates { (200, r#"{"errors":false}"#.to_owned()) } else { (400, "no _bulk".to_owned()) }
}

/// Loki when all is well; what is no push is refused.
fn loki(got: &Got) -> (u16, String) {
    let push: Value = serde_json::from_str(&got.body).unwrap_or_default();
    let is_value = |value: &Value| {
        let nanos = value[0].as_str().is_some_and(|text| text.len() == 19 && text.parse::<u64>().is_ok());
        nanos && value[1].is_string()
    };
    let is_stream = |stream: &Value| {
        let labels = stream["stream"].as_object().is_some_and(|labels| labels.values().all(Value::is_string));
        labels && stream["values"].as_array().is_some_and(|values| values.iter().all(is_value))
    };
    let streams = push["streams"].as_array().is_some_and(|streams| !streams.is_empty() && streams.iter().all(is_stream));
    let is_push = got.path == "/loki/api/v1/push" && got.kind == "application/json";
    if is_push && streams { (204, String::new()) } else { (400, "no push".to_owned()) }
}

/// Waits for a value.
async fn until<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    let began = clock::Stopwatch::start();
    loop {
        if let Some(seen) = look() {
            return seen;
        }
        assert!(began.elapsed() < LONG, "waited for {what}");
        tokio::task::yield_now().await;
    }
}

/// What was said about the watch itself.
type Said = Arc<Mutex<Vec<String>>>;

fn start(dir: &Path, destination: LogDestination) -> (Onward, Said) {
    let said = Said::default();
    let heard = Arc::clone(&said);
    let say: Say = Box::new(move |line| heard.lock().unwrap().push(line.to_owned()));
    let onward = Onward::start(&BTreeMap::from([("away".to_owned(), destination)]), dir, "here", None, say);
    (onward.unwrap().expect("a destination"), said)
}

fn at(n: i64) -> Timestamp {
    Timestamp::from_millis(1_795_420_800_000 + n)
}

fn notes(onward: &Onward, range: std::ops::Range<i64>) {
    range.for_each(|n| onward.note(at(n), &format!("note {n}")));
}

/// The messages of the documents of `_bulk` requests, in order.
fn created(got: &[Got]) -> Vec<String> {
    let lines = got.iter().flat_map(|got| got.body.lines());
    let documents = lines.filter_map(|line| serde_json::from_str::<Value>(line).ok());
    documents.filter_map(|document| Some(document["message"].as_str()?.to_owned())).collect()
}

fn texts(range: std::ops::Range<i64>) -> Vec<String> {
    range.map(|n| format!("note {n}")).collect()
}

fn to_elasticsearch(url: String) -> LogDestination {
    LogDestination { elasticsearch: Some(url), ..LogDestination::default() }
}

#[tokio::test]
async fn a_receiver_that_is_down_gets_everything_in_order_when_it_is_there_again() {
    let dir = tempfile::tempdir().unwrap();
    let reserved = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = reserved.local_addr().unwrap();
    drop(reserved);
    let (onward, said) = start(dir.path(), to_elasticsearch(format!("http://{address}")));
    notes(&onward, 0..50);
    until("that it is said", || (!said.lock().unwrap().is_empty()).then_some(())).await;
    notes(&onward, 50..1200);
    let double = Double::start_at(TcpListener::bind(address).await.unwrap(), Vec::new(), elasticsearch);
    until("all", || (onward.destinations()[0].sent == 1200).then_some(())).await;
    assert_eq!(created(&double.got()), texts(0..1200));
    let ended = onward.end().remove(0);
    assert_eq!((ended.waiting, ended.dropped, ended.refused, ended.trouble), (0, 0, 0, None));
    assert!(ended.failures > 0);
    let said = said.lock().unwrap();
    assert_eq!(said.len(), 2, "{said:?}");
    assert!(said[0].starts_with("logs: away takes no records: connection refused") && said[1].contains("takes records again"));
}

#[tokio::test]
async fn what_no_receiver_took_is_delivered_by_the_next_run_under_the_same_ids() {
    let dir = tempfile::tempdir().unwrap();
    let (onward, _) = start(dir.path(), to_elasticsearch("http://127.0.0.1:1".to_owned()));
    notes(&onward, 0..7);
    assert_eq!(onward.end()[0].waiting, 7);
    let double = Double::start(Vec::new(), elasticsearch).await;
    let (onward, _) = start(dir.path(), to_elasticsearch(double.url()));
    notes(&onward, 7..9);
    until("all", || (onward.destinations()[0].sent == 9).then_some(())).await;
    assert_eq!(created(&double.got()), texts(0..9));
    let ids: std::collections::BTreeSet<_> =
        double.got().iter().flat_map(|got| got.body.lines().step_by(2).map(str::to_owned).collect::<Vec<_>>()).collect();
    assert_eq!(ids.len(), 9, "{ids:?}");
}

#[tokio::test]
async fn of_a_bulk_only_what_failed_for_now_is_sent_again_and_what_never_fits_is_counted_with_a_word() {
    let dir = tempfile::tempdir().unwrap();
    let partly = r#"{"errors":true,"items":[{"create":{"status":201}},
        {"create":{"status":429,"error":{"type":"es_rejected_execution_exception","reason":"queue full"}}},
        {"create":{"status":400,"error":{"type":"document_parsing_exception","reason":"failed to parse [process.pid]"}}},
        {"create":{"status":503}}]}"#;
    // They wait already, so that the four are in one request.
    let (before, _) = start(dir.path(), to_elasticsearch("http://127.0.0.1:1".to_owned()));
    notes(&before, 0..4);
    before.end();
    let double = Double::start(vec![(200, "", partly.to_owned())], elasticsearch).await;
    let (onward, said) = start(dir.path(), to_elasticsearch(double.url()));
    let ended = until("all", || onward.destinations().pop().filter(|away| away.waiting == 0 && away.sent == 3)).await;
    assert_eq!((ended.refused, ended.dropped, ended.trouble), (1, 0, None));
    let got = double.got();
    assert_eq!(created(&got[got.len() - 1..]), ["note 1", "note 3"], "{got:?}");
    let said = said.lock().unwrap().join("\n");
    assert!(said.contains("failed to parse [process.pid]"), "{said}");
}

#[tokio::test]
async fn loki_gets_streams_and_one_record_that_it_never_takes_does_not_hold_up_the_others() {
    fn picky(got: &Got) -> (u16, String) {
        if got.body.contains("note 5") { (400, "entry too far behind".to_owned()) } else { loki(got) }
    }
    let dir = tempfile::tempdir().unwrap();
    let double = Double::start(vec![(429, "retry-after: 1\r\n", String::new())], picky).await;
    let (onward, said) = start(dir.path(), LogDestination { loki: Some(double.url()), ..LogDestination::default() });
    let began = clock::Stopwatch::start();
    notes(&onward, 0..20);
    until("all", || onward.destinations().pop().filter(|away| away.sent + away.refused == 20)).await;
    assert!(began.elapsed() >= Duration::from_secs(1), "it was asked again before it wanted to be");
    let ended = onward.end().remove(0);
    assert_eq!((ended.sent, ended.refused, ended.dropped), (19, 1, 0));
    assert!(said.lock().unwrap().iter().any(|line| line.contains("entry too far behind")));
}

#[tokio::test]
async fn a_receiver_that_never_answers_delays_nothing_and_memory_is_bounded() {
    let dir = tempfile::tempdir().unwrap();
    let mute = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", mute.local_addr().unwrap());
    let (onward, _) = start(dir.path(), to_elasticsearch(url));
    let began = clock::Stopwatch::start();
    notes(&onward, 0..20_000);
    assert!(began.elapsed() < Duration::from_secs(2), "{:?} to put 20 000 events", began.elapsed());
    let count = || onward.destinations().remove(0);
    let seen = until("that each waits or is counted", || Some(count()).filter(|d| d.waiting + d.dropped == 20_000)).await;
    assert!(seen.waiting >= ONWARD_EVENTS_MAX as u64, "{seen:?}");
    // The request still hangs; the end does not wait for it.
    let began = clock::Stopwatch::start();
    let ended = onward.end().remove(0);
    assert!(began.elapsed() < END_MAX * 3 && ended.waiting + ended.dropped == 20_000, "{ended:?}");
}

#[tokio::test]
async fn a_log_line_becomes_ecs_without_control_characters_and_secrets() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("events.jsonl");
    let log = dir.path().join("hub.log");
    std::fs::write(&log, "").unwrap();
    let destination = LogDestination { file: Some(file.clone()), level: Level::Info, ..LogDestination::default() };
    let (onward, _) = start(&dir.path().join("state"), destination);
    let _held = watched(&log, onward.tap().expect("it wants the hubs' lines")).await;
    let endless = "x".repeat(ONWARD_MESSAGE_CHARS_MAX + 100);
    let lines = [
        r#"{"level":"error","time":"2026-11-23T08:00:00.001Z","pid":7,"code":"ECONN","data":{"server":"git","error":"got Bearer hunter2"},"msg":"call failed"}"#,
        r#"{"level":"debug","time":"2026-11-23T08:00:00.002Z","pid":7,"msg":"too quiet"}"#,
        "plain \u{1b}[31mred",
        &endless,
    ];
    append(&log, &lines.join("\n"));
    append(&log, "\n");
    let written = until("three lines", || {
        let text = std::fs::read_to_string(&file).unwrap_or_default();
        (text.lines().count() == 3).then_some(text)
    })
    .await;
    let records: Vec<Value> = written.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let first = &records[0];
    assert_eq!(
        (&first["@timestamp"], &first["log"]["level"], &first["process"]["pid"]),
        (&"2026-11-23T08:00:00.001Z".into(), &"error".into(), &7.into())
    );
    assert_eq!((&first["error"]["code"], &first["mcp_vitals"]["server"]), (&"ECONN".into(), &"git".into()));
    assert_eq!(first["error"]["message"], "got (secret)");
    assert_eq!((&first["event"]["dataset"], &first["host"]["name"]), (&"mcp_vitals.hub".into(), &"here".into()));
    assert_eq!(records[1]["message"], "plain \\u{1b}[31mred");
    assert!(records[1]["log"].get("level").is_none(), "it has none");
    assert_eq!(records[2]["message"].as_str().unwrap().chars().count(), ONWARD_MESSAGE_CHARS_MAX + 1);
}

#[tokio::test]
async fn a_destination_gets_what_it_asked_for() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("hub.jsonl");
    let destination =
        LogDestination { file: Some(file.clone()), records: vitals_model::config::LogRecords::Hub, ..LogDestination::default() };
    let (onward, _) = start(&dir.path().join("state"), destination);
    notes(&onward, 0..3);
    assert_eq!(onward.end().remove(0), Destination { name: "away".to_owned(), kind: "file", ..Destination::default() });
    assert!(!file.exists());
    let own = LogDestination { file: Some(file), records: vitals_model::config::LogRecords::Own, ..LogDestination::default() };
    assert!(start(&dir.path().join("own"), own).0.tap().is_none(), "no line is copied for it");
}

#[test]
fn a_secret_without_a_value_and_a_spool_in_use_are_said() {
    let dir = tempfile::tempdir().unwrap();
    let begin = |destination: &LogDestination| {
        let destinations = BTreeMap::from([("away".to_owned(), destination.clone())]);
        Onward::start(&destinations, dir.path(), "", None, Box::new(|_| {})).map(Option::unwrap)
    };
    let mut destination = LogDestination { loki: Some("http://127.0.0.1:1".to_owned()), ..LogDestination::default() };
    let running = begin(&destination).unwrap();
    assert!(begin(&destination).is_err_and(|error| matches!(error, OnwardError::Spool { .. })));
    running.end();
    destination.headers.insert("a".to_owned(), vitals_model::config::SecretRef::Env("NOT_SET_ANYWHERE".to_owned()));
    let error = begin(&destination).err().unwrap().to_string();
    assert!(error.starts_with("logs.away: the header a: ") && error.contains("env:NOT_SET_ANYWHERE"), "{error}");
}

fn append(path: &Path, text: &str) {
    use std::io::Write as _;
    std::fs::OpenOptions::new().append(true).open(path).unwrap().write_all(text.as_bytes()).unwrap();
}

/// Follows the log of a hub that is not there, as a watch does.
async fn watched(log: &Path, tap: &Tap) -> vitals_probe::hands::Held {
    use vitals_model::config::{SecretRef, TargetSettings};
    use vitals_model::target::{Address, Origin, Target, TargetId};
    use vitals_probe::hands::{Hands, Happened, Held, Manner, Surroundings};
    let headers = BTreeMap::from([("authorization".to_owned(), SecretRef::Plain("Bearer hunter2".to_owned()))]);
    let settings = TargetSettings { log_file: Some(log.to_owned()), headers, ..TargetSettings::default() };
    let address = Address::Hub { url: "http://127.0.0.1:1".to_owned() };
    let target = Target { id: TargetId::new("hub"), address, origin: Origin::CommandLine, settings: Arc::new(settings) };
    let hands = Arc::new(Hands::new(target, &Surroundings::default(), Manner::Held).tapped(tap.clone()));
    let (tell, mut told) = mpsc::channel(64);
    let held = Held::begin(hands, tell);
    // It is followed from here on when it was looked back on.
    let is_log = |happened: &Happened| matches!(happened, Happened::Observed(seen) if matches!(seen.seen, vitals_model::observation::Seen::Log(_)));
    while !is_log(&told.recv().await.expect("it looks")) {}
    held
}

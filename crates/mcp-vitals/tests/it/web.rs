//! `watch --listen` on a lab, as an operator has it: it says where it is, page and API answer, a killed server is seen over
//! the stream in time, and nothing is changed without the token.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::path::PathBuf;
use std::time::Duration;

use rustix::process::Signal;
use serde_json::{Value, json};

use crate::product::{Home, Running};
use crate::wait::{self, Stopwatch};
use crate::{contract, said};

/// Far more than anything here takes that has no bound of its own.
const PATIENCE: Duration = Duration::from_secs(30);

/// The bound on seeing over the stream that a server was killed.
const SEEN_MAX: Duration = Duration::from_secs(2);

/// A lab, and a watch on it that answers.
pub(crate) struct Answering {
    pub(crate) home: Home,
    pub(crate) address: String,
    watch: Running,
    lab: Running,
}

impl Answering {
    pub(crate) fn start() -> Self {
        let home = Home::new();
        let mut lab = Running::start(home.mcp_vitals(&["lab"]));
        lab.expect_line("hub  ", PATIENCE);
        let mut watch = Running::start(home.mcp_vitals(&["watch", "--listen", "127.0.0.1:0"]));
        let line = watch.expect_note("page and API at http://", PATIENCE);
        let address = line.split("http://").nth(1).unwrap_or_default().trim_end_matches('/').to_owned();
        let answering = Self { home, address, watch, lab };
        wait::until("every server to be seen", PATIENCE, || answering.calls_answered().then_some(()));
        answering
    }

    /// Whether the canary of every server that works was called.
    fn calls_answered(&self) -> bool {
        let (status, body) = self.ask("GET", "/api/v1/snapshot", "", &Value::Null);
        assert_eq!(status, 200, "{body}");
        let snapshot: Value = serde_json::from_str(&body).expect("JSON");
        let Some(servers) = snapshot["targets"][0]["servers"].as_array() else { return false };
        servers.iter().filter(|server| server["call_ms"].is_number()).count() >= 2
    }

    /// The token, where the watch says that it is.
    pub(crate) fn token(&self) -> String {
        std::fs::read_to_string(self.token_path()).expect("a token").trim_end().to_owned()
    }

    fn token_path(&self) -> PathBuf {
        self.home.path().join(".local/state/mcp-vitals/web-token")
    }

    fn open(&self, method: &str, path: &str, headers: &str, body: &str) -> BufReader<TcpStream> {
        let mut stream = TcpStream::connect(&self.address).expect("it listens");
        stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
        let length = body.len();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: {length}\r\n{headers}\r\n{body}",
            self.address
        );
        stream.write_all(head.as_bytes()).expect("it reads");
        BufReader::new(stream)
    }

    /// The status and the body of an answer.
    pub(crate) fn ask(&self, method: &str, path: &str, headers: &str, body: &Value) -> (u16, String) {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut answer = String::new();
        self.open(method, path, headers, &body).read_to_string(&mut answer).expect("an answer in UTF-8");
        let (head, body) = answer.split_once("\r\n\r\n").expect("a head");
        (head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status"), body.to_owned())
    }

    /// Breaks or mends something of the lab.
    pub(crate) fn fault(&self, arguments: &[&str]) {
        let ran = self.home.run(&[&["lab", "fault"], arguments].concat(), PATIENCE);
        assert_eq!(ran.code, Some(0), "{ran:?}");
    }

    /// Ends both as an operator does.
    pub(crate) fn end(self) {
        self.watch.signal(Signal::TERM);
        let ran = self.watch.wait(PATIENCE);
        said::assert_no_panic(&ran);
        assert_eq!(ran.code, Some(0), "{ran:?}");
        assert!(
            !ran.stderr
                .contains(&std::fs::read_to_string(self.home.path().join(".local/state/mcp-vitals/web-token")).expect("a token"))
        );
        self.lab.signal(Signal::TERM);
        assert_eq!(self.lab.wait(PATIENCE).code, Some(0));
    }
}

/// Metrics, agents and a dashboard that is attached tell of the same dead server.
fn every_other_face_knows_it(answering: &Answering, hub: &str) {
    let (status, metrics) = answering.ask("GET", "/metrics", "", &Value::Null);
    let is_ghost = |line: &&str| line.contains("server=\"filesystem\"") && line.contains("\"ghost\"") && line.ends_with(" 1");
    assert!(status == 200 && metrics.lines().any(|line| is_ghost(&line)), "{status} {metrics}");
    let call = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "hub_health", "arguments": {}}});
    let headers = "Accept: application/json, text/event-stream\r\nMcp-Protocol-Version: 2025-11-25\r\n";
    let (status, told) = answering.ask("POST", "/mcp", headers, &call);
    assert!(status == 200 && told.contains("\"verdict\":\"ghost\""), "{status} {told}");
    assert_eq!(answering.ask("POST", "/mcp", &format!("{headers}Origin: http://evil.example\r\n"), &call).0, 403);
    let shown = answering.home.run(&["dashboard", "--once", "--connect", &answering.address], PATIENCE);
    assert!(shown.stdout.contains(hub) && shown.stdout.contains("GHOST"), "{shown:?}");
}

#[test]
fn a_killed_server_is_seen_over_the_stream_and_acknowledged_with_the_token_alone() {
    let answering = Answering::start();
    let (_, body) = answering.ask("GET", "/api/v1/snapshot", "", &Value::Null);
    contract::assert_report(&serde_json::from_str(&body).expect("JSON"));
    let id = serde_json::from_str::<Value>(&body).expect("JSON")["targets"][0]["id"].as_str().expect("an id").to_owned();

    let mut stream = answering.open("GET", "/api/v1/stream", "", "");
    answering.fault(&["inject", "server-killed", "--server", "filesystem"]);
    let killed = Stopwatch::start();
    let mut line = String::new();
    while !line.contains("\"verdict\":\"ghost\"") {
        line.clear();
        assert!(stream.read_line(&mut line).expect("the stream goes on") > 0 && killed.elapsed() < SEEN_MAX, "not seen in time");
    }
    assert!(line.starts_with("data: "), "{line}");

    every_other_face_knows_it(&answering, &id);

    let incident = wait::until("the incident", PATIENCE, || {
        let (_, body) = answering.ask("GET", "/api/v1/incidents", "", &Value::Null);
        serde_json::from_str::<Value>(&body).expect("JSON")["incidents"].get(0).cloned()
    });
    contract::assert_fields(&incident, contract::INCIDENT);
    let number = incident["id"].as_str().expect("a number").to_owned();
    let path = format!("/api/v1/incidents/{number}/acknowledge");
    let said = json!({"author": "ada", "text": "on it"});
    assert_eq!(answering.ask("POST", &path, "", &said).0, 401);
    assert_eq!(answering.ask("POST", &path, "Authorization: Bearer 0000000000000000\r\n", &said).0, 401);
    let signed = format!("Authorization: Bearer {}\r\n", answering.token());
    let foreign = format!("{signed}Origin: http://evil.example\r\n");
    assert_eq!(answering.ask("POST", &path, &foreign, &said).0, 403);
    let (status, body) = answering.ask("POST", &path, &signed, &said);
    let taken: Value = serde_json::from_str(&body).expect("JSON");
    assert_eq!((status, taken["acknowledged"]["author"].as_str()), (200, Some("ada")), "{body}");
    assert_eq!(answering.ask("POST", "/api/v1/check-now", &signed, &Value::Null).0, 202);

    for page in
        ["/", &format!("/targets/{id}"), &format!("/targets/{id}/server?name=filesystem"), &format!("/incidents/{number}")]
    {
        let (status, page) = answering.ask("GET", page, "", &Value::Null);
        assert!(status == 200 && page.contains("ghost"), "{page}");
    }
    let explained =
        answering.ask("GET", &format!("/api/v1/targets/{id}/explain?check=hub-servers/filesystem/truth"), "", &Value::Null);
    let explained: Value = serde_json::from_str(&explained.1).expect("JSON");
    assert!(explained["verdict"].as_str().is_some_and(|text| text.contains("ada takes care of it")), "{explained:#}");
    let (status, report) = answering.ask("GET", &format!("/api/v1/targets/{id}/report?since=1h"), "", &Value::Null);
    assert!(status == 200 && report.contains("mcp-vitals/report/v1"), "{report}");
    assert_eq!(answering.ask("GET", "/health", "", &Value::Null).0, 503);
    assert_eq!(answering.ask("GET", "/readyz", "", &Value::Null).0, 200);
    answering.end();
}

/// The dashboard in a terminal of 120x40; what it shows is written to `screen`.
fn attached(answering: &Answering, token: &str, screen: &std::path::Path) -> Running {
    let mut terminal = std::process::Command::new("script");
    answering.home.furnish(&mut terminal);
    let url = &answering.address;
    let line = format!(
        "stty rows 40 cols 120; exec '{}' dashboard --connect {url} --token file:{token}",
        env!("CARGO_BIN_EXE_mcp-vitals")
    );
    terminal.env("TERM", "xterm-256color").args(["-q", "-e", "-f", "-c", &line]).arg(screen);
    Running::start_with_input(terminal)
}

/// All that was written to a terminal so far, without what moves the cursor, colours, or is a space: cells that stay as
/// they are, spaces most of all, are not written again.
fn written(screen: &std::path::Path) -> String {
    let bytes = std::fs::read(screen).unwrap_or_default();
    let (text, mut shown) = (String::from_utf8_lossy(&bytes), String::new());
    for (nth, part) in text.split("\u{1b}[").enumerate() {
        let end = if nth == 0 { 0 } else { part.find(|c: char| c.is_ascii_alphabetic()).map_or(part.len(), |at| at + 1) };
        shown.push_str(&part[end..]);
    }
    without_spaces(&shown)
}

fn without_spaces(text: &str) -> String {
    text.split_whitespace().collect()
}

#[test]
fn an_attached_screen_asks_the_watch_by_its_token() {
    let answering = Answering::start();
    let token = answering.token_path().display().to_string();
    let screen = answering.home.path().join("screen");
    let mut shown = attached(&answering, &token, &screen);
    let told = |what: &str| wait::until(what, PATIENCE, || written(&screen).contains(&without_spaces(what)).then_some(()));
    told("filesystem");
    shown.type_in("r");
    told("every probe is sent now");
    answering.fault(&["inject", "server-killed", "--server", "filesystem"]);
    told("GHOST");
    shown.type_in("4");
    told("I1");
    shown.type_in("jc");
    told("note:");
    shown.type_in("disk full\r");
    told("has the note");
    shown.type_in("s");
    told("why:");
    shown.type_in("moving\r");
    told("silenced for");
    let silences = || {
        let (_, body) = answering.ask("GET", "/api/v1/silences", "", &Value::Null);
        serde_json::from_str::<Value>(&body).expect("JSON")["silences"].as_array().map_or(0, Vec::len)
    };
    assert_eq!(silences(), 1);
    let (_, body) = answering.ask("GET", "/api/v1/incidents", "", &Value::Null);
    assert!(body.contains("disk full"), "{body}");
    told("SILENCES");
    shown.type_in("u\r");
    told("S1 ended");
    assert_eq!(silences(), 0);
    shown.type_in("q");
    assert_eq!(shown.wait(PATIENCE).code, Some(0));
    answering.end();
}

/// The status of an answer at this address; `None` where nothing answers.
fn status_at(address: &str, headers: &str) -> Option<u16> {
    let mut stream = TcpStream::connect(address).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    write!(stream, "POST /api/v1/check-now HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n{headers}\r\n").ok()?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer).ok()?;
    answer.split(' ').nth(1)?.parse().ok()
}

#[test]
fn a_changed_configuration_moves_page_and_token_and_one_that_cannot_be_had_leaves_them() {
    let home = Home::new();
    let token = home.path().join("token");
    let configure = |listen: &str, secret: &str| {
        std::fs::write(&token, secret).expect("a file of ours");
        home.configure(&format!("version: 1\nweb: {{listen: '{listen}', token: 'file:{}'}}\n", token.display()));
    };
    let signed = |secret: &str| format!("Authorization: Bearer {secret}\r\n");
    let (one, two) = ("0123456789abcdef", "fedcba9876543210");
    configure("127.0.0.1:0", one);
    let mut watch = Running::start(home.mcp_vitals(&["watch"]));
    let address = |line: &str| line.split("http://").nth(1).unwrap_or_default().trim_end_matches('/').to_owned();
    let first = address(&watch.expect_note("page and API at http://", PATIENCE));
    assert_eq!((status_at(&first, &signed(one)), status_at(&first, &signed(two))), (Some(202), Some(401)));

    // Another token, the same place.
    configure("127.0.0.1:0", two);
    watch.signal(Signal::HUP);
    watch.expect_note("have another token", PATIENCE);
    assert_eq!((status_at(&first, &signed(one)), status_at(&first, &signed(two))), (Some(401), Some(202)));

    // A place that is taken.
    let occupied = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    configure(&occupied.local_addr().expect("a bound socket").to_string(), two);
    watch.signal(Signal::HUP);
    let why = watch.expect_note("stay where they are", PATIENCE);
    assert!(why.contains("cannot listen on 127.0.0.1:"), "{why}");
    assert_eq!(status_at(&first, &signed(two)), Some(202));

    // Another place, and from it to another address of the same port.
    let free = occupied.local_addr().expect("a bound socket");
    drop(occupied);
    watch.signal(Signal::HUP);
    assert_eq!(address(&watch.expect_note("page and API at http://", PATIENCE)), free.to_string());
    wait::until("the old place to be left", PATIENCE, || TcpStream::connect(&first).is_err().then_some(()));
    assert_eq!(status_at(&free.to_string(), &signed(two)), Some(202));
    configure(&format!("0.0.0.0:{}", free.port()), two);
    watch.signal(Signal::HUP);
    watch.expect_note(&format!("http://0.0.0.0:{}", free.port()), PATIENCE);
    let answers = || (status_at(&free.to_string(), &signed(two)) == Some(202)).then_some(());
    wait::until("the same port to answer", PATIENCE, answers);
    home.configure("version: 1\n");
    watch.signal(Signal::HUP);
    watch.expect_note("page and API closed", PATIENCE);
    assert!(TcpStream::connect(free).is_err());
    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(PATIENCE).code, Some(0));
}

#[test]
fn a_watch_that_keeps_no_history_shows_no_older_one() {
    let home = Home::new();
    let mut lab = Running::start(home.mcp_vitals(&["lab"]));
    lab.expect_line("hub  ", PATIENCE);
    let kept = home.run(&["watch", "--for", "3s"], PATIENCE);
    assert_eq!(kept.code, Some(0), "{kept:?}");
    for (options, kept) in [(&["--no-history"][..], false), (&[], true)] {
        let mut watch = Running::start(home.mcp_vitals(&[&["watch", "--listen", "127.0.0.1:0"], options].concat()));
        let line = watch.expect_note("page and API at http://", PATIENCE);
        let address = line.split("http://").nth(1).unwrap_or_default().trim_end_matches('/').to_owned();
        let ask = |path: &str| {
            let mut stream = TcpStream::connect(&address).expect("it listens");
            write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n").expect("it reads");
            let mut answer = String::new();
            stream.read_to_string(&mut answer).expect("an answer in UTF-8");
            answer
        };
        let target = wait::until("the hub", PATIENCE, || {
            let answer = ask("/api/v1/targets");
            let targets: Value = serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()?;
            targets["targets"][0]["id"].as_str().map(str::to_owned)
        });
        let series = ask(&format!("/api/v1/targets/{target}/series?check=hub-servers/api&since=1h"));
        assert_eq!((series.contains("no history is kept"), series.contains("uptime")), (!kept, kept), "{series}");
        watch.signal(Signal::TERM);
        assert_eq!(watch.wait(PATIENCE).code, Some(0));
    }
    lab.signal(Signal::TERM);
    assert_eq!(lab.wait(PATIENCE).code, Some(0));
}

#[test]
fn the_token_is_kept_for_its_owner_and_beyond_loopback_there_is_none_without_one() {
    let home = Home::new();
    let mut watch = Running::start(home.mcp_vitals(&["watch", "--listen", "127.0.0.1:0"]));
    let line = watch.expect_note("web-token", PATIENCE);
    let path = PathBuf::from(line.rsplit(' ').next().expect("a path"));
    let kept = std::fs::read_to_string(&path).expect("a token");
    assert_eq!(std::fs::metadata(&path).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(kept.trim_end().len() == 32 && !line.contains(kept.trim_end()), "a journal is not told");
    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(PATIENCE).code, Some(0));
    let again = Running::start(home.mcp_vitals(&["watch", "--listen", "127.0.0.1:0", "--for", "1s"])).wait(PATIENCE);
    assert_eq!((again.code, std::fs::read_to_string(&path).expect("a token")), (Some(0), kept));

    let refused = home.run(&["watch", "--listen", "0.0.0.0:0"], PATIENCE);
    assert!(refused.code == Some(3) && refused.stderr.contains("give the configuration a token"), "{refused:?}");
    home.configure("version: 1\nweb: {listen: 127.0.0.1, token: env:NOBODY}\n");
    let wrong = home.run(&["watch"], PATIENCE);
    assert!(wrong.code == Some(3) && wrong.stderr.contains("an IP address and a port"), "{wrong:?}");
    home.configure("version: 1\nweb: {listen: '127.0.0.1:0', token: env:NOBODY}\n");
    let none = home.run(&["watch"], PATIENCE);
    assert!(none.code == Some(3) && none.stderr.contains("env:NOBODY has no value"), "{none:?}");
}

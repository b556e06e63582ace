//! Real receivers: Alertmanager from Debian, and a mail server from the index of Python packages.

use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Child, Command, Stdio};

use super::*;
use crate::{procs, programs};

/// An Alertmanager of our own; it ends with this.
struct Alertmanager {
    child: Child,
    port: u16,
}

impl Drop for Alertmanager {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn free_port() -> u16 {
    TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port").port()
}

impl Alertmanager {
    /// With a receiver that hears what it makes of the alerts.
    fn start(home: &Home, hears: &Inbox) -> Option<Self> {
        let (program, folder) = programs::alertmanager()?;
        let file = home.path().join("alertmanager.yml");
        let config = json!({
            "route": {"receiver": "all", "group_by": ["target"], "group_wait": "1s", "group_interval": "1s", "repeat_interval": "1h"},
            "receivers": [{"name": "all", "webhook_configs": [{"url": hears.url()}]}],
        });
        std::fs::write(&file, config.to_string()).expect("a folder of ours");
        let port = free_port();
        let mut command = Command::new(program);
        command
            .current_dir(folder)
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        command.arg(format!("--storage.path={}", home.path().join("alerts").display())).arg("--cluster.listen-address=");
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        let started = Self { child, port };
        wait::until("Alertmanager to answer", PATIENCE, || started.ask("GET", "alerts", &Value::Null).map(drop));
        Some(started)
    }

    fn ask(&self, method: &str, path: &str, body: &Value) -> Option<Value> {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        write!(
            stream,
            "{method} /api/v2/{path} HTTP/1.0\r\nContent-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
            body.len()
        )
        .ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        let (head, body) = answer.split_once("\r\n\r\n")?;
        assert!(head.contains(" 200 "), "{answer}");
        serde_json::from_str(body).ok()
    }

    /// The state of the alert of a server, while it has one.
    fn state(&self, server: &str) -> Option<String> {
        let alerts = self.ask("GET", "alerts", &Value::Null)?;
        let is_it = |alert: &&Value| alert["labels"]["server"] == server && alert["labels"]["alertname"] == "McpVitalsTruth";
        let alert = alerts.as_array()?.iter().find(is_it)?;
        Some(said::text(&alert["status"], "state").to_owned())
    }
}

#[test]
fn a_real_alertmanager_has_the_alert_groups_it_and_holds_a_silence() {
    let (home, hears) = (Home::new(), Inbox::open());
    let Some(alertmanager) = Alertmanager::start(&home, &hears) else { return };
    let configuration = format!(
        "version: 1\ndefaults: {{labels: {{team: ml}}}}\nreceivers:\n  am: {{kind: alertmanager, url: 'http://127.0.0.1:{}'}}\n\
         routes:\n  - {{name: all, receivers: [am], group_interval: 1s}}\n",
        alertmanager.port
    );
    let telling = Telling::start_with(home, &configuration, &[], &[]);
    telling.kill("filesystem");
    wait::until_now_and_then("the alert", PATIENCE, || alertmanager.state("filesystem").filter(|state| state == "active"));
    kill_below(telling.lab.pid(), "echo");
    wait::until_now_and_then("the second alert", PATIENCE, || alertmanager.state("echo"));
    let grouped = || {
        hears
            .all()
            .iter()
            .map(crate::inbox::Received::json)
            .find(|told| told["alerts"].as_array().is_some_and(|all| all.len() == 2))
    };
    let told = wait::until_now_and_then("both in one message", PATIENCE, grouped);
    assert_eq!((&told["status"], &told["commonLabels"]["team"]), (&json!("firing"), &json!("ml")), "{told:#}");
    assert_eq!(told["commonLabels"]["severity"], "critical", "no other severity fires: {told:#}");

    let silence = json!({"matchers": [{"name": "server", "value": "echo", "isRegex": false, "isEqual": true}], "createdBy": "ada",
        "comment": "moving", "startsAt": "2026-01-01T00:00:00Z", "endsAt": "2099-01-01T00:00:00Z"});
    alertmanager.ask("POST", "silences", &silence).expect("a silence");
    wait::until_now_and_then("the silence", PATIENCE, || alertmanager.state("echo").filter(|state| state == "suppressed"));
    telling.heal();
    wait::until_now_and_then("the end of the first", PATIENCE, || alertmanager.state("filesystem").is_none().then_some(()));
    let resolved = || hears.all().iter().any(|told| told.json()["status"] == "resolved").then_some(());
    wait::until_now_and_then("that Alertmanager tells of the end", PATIENCE, resolved);
    assert_eq!(alertmanager.state("echo").as_deref(), Some("suppressed"), "it is still dead, and still silenced");
    telling.end();
}

/// Kills the process below another one that was started with this word. A lab makes each of its faults once at a time.
fn kill_below(pid: u32, word: &str) {
    for child in procs::children(pid) {
        let line = std::fs::read(format!("/proc/{}/cmdline", child.pid)).unwrap_or_default();
        if line.split(|byte| *byte == 0).any(|part| part == word.as_bytes()) {
            procs::signal(child.pid, Signal::KILL);
        }
        kill_below(child.pid, word);
    }
}

/// A mail server with STARTTLS and a log-in, and one that speaks TLS from the first byte; both with a certificate of an
/// authority of its own. It writes each message as a line, and ends with its input.
const MAIL_SERVER: &str = r#"
import asyncio, email, email.policy, json, ssl, sys
import trustme
from aiosmtpd.smtp import SMTP, AuthResult

ca = trustme.CA()
ca.cert_pem.write_to_path(sys.argv[1])
certificate = ca.issue_cert("localhost", "127.0.0.1")
tls = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
certificate.configure_cert(tls)

def say(**words):
    print(json.dumps(words), flush=True)

class Inbox:
    def __init__(self, way):
        self.way = way

    async def handle_DATA(self, server, session, envelope):
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        parts = {part.get_content_type(): part.get_content() for part in message.walk() if not part.is_multipart()}
        say(way=self.way, encrypted=server.transport.get_extra_info("ssl_object") is not None, user=(session.auth_data or b"").decode() if session.authenticated else "",
            sender=envelope.mail_from, to=envelope.rcpt_tos, subject=message["subject"], id=message["message-id"],
            auto=message["auto-submitted"], parts=parts)
        return "250 taken"

def log_in(server, session, envelope, mechanism, data):
    right = data.login == b"vitals" and data.password == b"hunter2"
    return AuthResult(success=right, auth_data=data.login)

async def main():
    loop, ports = asyncio.get_running_loop(), {}
    log_in_first = dict(tls_context=tls, require_starttls=True, authenticator=log_in, auth_required=True)
    for way, options, encryption in [("starttls", log_in_first, None), ("tls", {}, tls)]:
        make = lambda way=way, options=options: SMTP(Inbox(way), **options)
        server = await loop.create_server(make, "127.0.0.1", 0, ssl=encryption)
        ports[way] = server.sockets[0].getsockname()[1]
    say(ports=ports)
    await loop.run_in_executor(None, sys.stdin.read)

asyncio.run(main())
"#;

/// A mail server, the file of its authority, and its ports by way.
fn serve_mail(home: &Home, python: impl AsRef<std::ffi::OsStr>) -> (Running, std::path::PathBuf, Value) {
    let ca = home.path().join("ca.pem");
    let mut command = Command::new(python);
    command.args(["-c", MAIL_SERVER]).arg(&ca);
    let mut server = Running::start_with_input(command);
    let ports = serde_json::from_str(&server.expect_line("ports", PATIENCE)).expect("JSON");
    (server, ca, ports)
}

#[test]
fn a_real_mail_server_gets_the_report_of_the_day_as_text_and_as_its_page() {
    let Some(python) = programs::mail_server() else { return };
    let home = crate::stability::watched(300, 0);
    let (mut server, ca, ports) = serve_mail(&home, python);
    let (at, day) = crate::daily::an_hour_ago();
    home.configure(&format!(
        "version: 1\ndiscover: false\nreceivers:\n  \
         post: {{kind: email, smtp: '127.0.0.1:{}', tls: tls, from: v@example.org, to: a@example.org, subject: no, body: no}}\n\
         report: {{at: '{at}', folder: {}, to: [post]}}\n",
        ports["ports"]["tls"],
        home.path().join("reports").display()
    ));
    let mut command = home.mcp_vitals(&["watch"]);
    command.env("TZ", "UTC").env("SSL_CERT_FILE", ca);
    let watch = Running::start(command);
    let mail: Value = serde_json::from_str(&server.expect_line("\"way\"", PATIENCE)).expect("JSON");
    watch.signal(Signal::TERM);
    assert_eq!(watch.wait(PATIENCE).code, Some(0));
    let subject = said::text(&mail, "subject");
    assert!(subject.starts_with(&format!("[report] {day}: hub-7001 ")) && subject.contains("/100"), "{subject}");
    let written = |end: &str| std::fs::read_to_string(home.path().join(format!("reports/report-{day}.{end}"))).expect("written");
    // A line of a mail ends with both.
    let part = |kind: &str| said::text(&mail["parts"], kind).replace("\r\n", "\n");
    assert!(part("text/plain").contains(written("md").trim()), "{}", part("text/plain"));
    assert_eq!(part("text/html").trim_end(), written("html").trim_end());
}

#[test]
fn a_real_mail_server_gets_text_and_html_by_starttls_and_by_tls() {
    let Some(python) = programs::mail_server() else { return };
    let home = Home::new();
    let (mut server, ca, ports) = serve_mail(&home, python);
    let configuration = format!(
        "version: 1\nreceivers:\n  \
         post: {{kind: email, smtp: 'localhost:{}', username: vitals, password: env:MAIL_PASSWORD, from: 'Vitals <v@example.org>', to: [a@example.org, b@example.org]}}\n  \
         own: {{kind: email, smtp: '127.0.0.1:{}', tls: tls, from: v@example.org, to: c@example.org, subject: 'mind {{{{ title }}}}', body: '{{{{ incidents[0].why }}}}'}}\n\
         routes:\n  - {{name: all, receivers: [post, own], group_interval: 1s}}\n",
        ports["ports"]["starttls"], ports["ports"]["tls"]
    );
    let variables = [("MAIL_PASSWORD", "hunter2"), ("SSL_CERT_FILE", ca.to_str().expect("a plain path"))];
    let telling = Telling::start_with(home, &configuration, &[], &variables);
    telling.kill("filesystem");
    let mut mails: Vec<Value> =
        (0..2).map(|_| serde_json::from_str(&server.expect_line("\"way\"", PATIENCE)).expect("JSON")).collect();
    mails.sort_by_key(|mail| said::text(mail, "way").to_owned());
    let [post, own] = &mails[..] else { panic!("two mails") };
    assert_eq!((&post["encrypted"], &post["user"], &post["auto"]), (&json!(true), &json!("vitals"), &json!("auto-generated")));
    assert_eq!((&post["sender"], &post["to"]), (&json!("v@example.org"), &json!(["a@example.org", "b@example.org"])));
    let subject = said::text(post, "subject");
    assert!(subject.starts_with("[critical] server filesystem of ") && subject.ends_with(": ghost"), "{subject}");
    for part in ["text/plain", "text/html"] {
        let text = said::text(&post["parts"], part);
        assert!(text.contains("hub says connected") && text.contains("I1"), "{part}: {text}");
    }
    assert!(said::text(post, "id").starts_with("<mcp-vitals-"), "{post}");
    assert!(said::text(own, "subject").starts_with("mind server filesystem"), "{own}");
    assert_eq!((&own["encrypted"], own["parts"].as_object().map(serde_json::Map::len)), (&json!(true), Some(1)));
    telling.heal();
    let over: Value = serde_json::from_str(&server.expect_line("[resolved]", PATIENCE)).expect("JSON");
    assert_ne!(over["id"], post["id"]);
    let (_, ran) = telling.end();
    assert!(!ran.stderr.contains("hunter2"));
    drop(server);
}

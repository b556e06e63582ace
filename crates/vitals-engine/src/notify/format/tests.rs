//! Every format against a JSON schema that was written from the documentation of its service, in every status, with a
//! notice as it is and with the worst that a target can say.

use std::collections::BTreeMap;
use std::time::Duration;

use serde_json::{Value, json};
use vitals_model::incident::{Incident, IncidentState};
use vitals_model::notice::Status;
use vitals_model::text::Text;
use vitals_model::view::notice_v1::Sender;

use super::*;

/// Sunday, 2026-11-22, 12:00 UTC.
const NOON: Timestamp = Timestamp::from_millis(1_795_348_800_000);

/// A schema by its kind.
const SCHEMAS: [(ReceiverKind, &str); 9] = [
    (ReceiverKind::Alertmanager, include_str!("schemas/alertmanager.json")),
    (ReceiverKind::Slack, include_str!("schemas/slack.json")),
    (ReceiverKind::Teams, include_str!("schemas/teams.json")),
    (ReceiverKind::Discord, include_str!("schemas/discord.json")),
    (ReceiverKind::Pagerduty, include_str!("schemas/pagerduty.json")),
    (ReceiverKind::Opsgenie, include_str!("schemas/opsgenie.json")),
    (ReceiverKind::Ntfy, include_str!("schemas/ntfy.json")),
    (ReceiverKind::Telegram, include_str!("schemas/telegram.json")),
    (ReceiverKind::Webhook, include_str!("schemas/webhook.json")),
];

fn receiver(kind: ReceiverKind) -> Receiver {
    let given = |text: &str| Some(text.to_owned());
    Receiver { kind, topic: given("my-hubs"), chat: given("-100123"), ..Receiver::default() }
}

fn outgoing(notice: &Notice, receiver: &Receiver, sign: Option<&str>) -> Outgoing {
    outgoing_after(None, notice, receiver, sign)
}

fn outgoing_after(standing: Option<&Notice>, notice: &Notice, receiver: &Receiver, sign: Option<&str>) -> Outgoing {
    let sender = Sender { host: "watch-1".to_owned(), link: Some("https://vitals.example.org".to_owned()) };
    let is_own = receiver.kind.url().is_some();
    let letter = Letter {
        view: NoticeView::new(notice, &sender),
        notice,
        standing,
        receiver,
        url: (!is_own).then(|| Secret::new("https://example.org/in/".to_owned())),
        token: Some(Secret::new("t0ken".to_owned())),
        sign: sign.map(|key| Secret::new(key.to_owned())),
        now: NOON,
    };
    request(&letter).expect("the built-in templates are right")
}

fn sample(status: Status) -> Notice {
    Notice { id: 7, ..words::sample("all", "here", status, NOON) }
}

/// All that a target can put into a notice, as long as it may be.
fn hostile(status: Status) -> Notice {
    let mut notice = sample(status);
    let evil = Text::new(&"@everyone <!channel> [x](http://evil.example) ``` </pre>\u{1b}[31m\u{202e} & \"{{ 1 }}\" ".repeat(40));
    let worst = |n: u64| Incident {
        id: n,
        check: vitals_model::check::CheckId::of_server(&evil, "truth"),
        summary: evil.to_string(),
        evidence: vec![evil.to_string(); 16],
        hint: evil.to_string(),
        ..notice.incidents[0].clone()
    };
    notice.incidents = (0..128).map(worst).collect();
    notice.group = format!("server={evil}");
    notice.labels = std::iter::once(("9-team name".to_owned(), evil.to_string())).collect();
    notice
}

#[test]
fn every_format_is_as_its_service_documents_it() {
    for (kind, schema) in SCHEMAS {
        let schema: Value = serde_json::from_str(schema).expect("JSON");
        let schema = jsonschema::validator_for(&schema).expect("a schema");
        for status in Status::ALL {
            for (what, notice) in [("sample", sample(status)), ("hostile", hostile(status))] {
                let sent = outgoing(&notice, &receiver(kind), None);
                let body: Value = serde_json::from_slice(&sent.body).expect("JSON");
                let wrong: Vec<_> = schema.iter_errors(&body).map(|error| format!("{}: {error}", error.instance_path)).collect();
                assert!(wrong.is_empty(), "{} {what} {}: {wrong:#?}", kind.as_str(), status.as_str());
                assert!(url::Url::parse(&sent.url).is_ok_and(|url| url.scheme() == "https"), "{}", sent.url);
                let text = String::from_utf8(sent.body).unwrap();
                assert!(!text.contains(['\u{1b}', '\u{202e}']), "{}", kind.as_str());
                assert!(kind != ReceiverKind::Teams || text.len() < 28_000, "{}", text.len());
            }
        }
    }
}

#[test]
fn every_format_says_what_since_when_why_what_was_done_what_to_do_and_where_to_look() {
    for (kind, _) in SCHEMAS.into_iter().filter(|(kind, _)| !matches!(kind, ReceiverKind::Slack)) {
        let text = String::from_utf8(outgoing(&sample(Status::Firing), &receiver(kind), None).body).unwrap();
        for words in [
            "sample-server",
            "2026-11-22T11:58:30.000Z",
            "hub says connected, 14 tools; its process is gone",
            "looking into it",
            "whoever reads this is reached",
            "https://vitals.example.org/incidents/I0",
        ] {
            assert!(text.contains(words), "{}: {words:?} is not in {text}", kind.as_str());
        }
    }
}

#[test]
fn what_is_sent_is_what_was_reviewed() {
    let all: BTreeMap<_, _> = SCHEMAS
        .into_iter()
        .map(|(kind, _)| {
            let sent = outgoing(&sample(Status::Firing), &receiver(kind), None);
            let headers: BTreeMap<_, _> = sent.headers.into_iter().collect();
            let secrets: BTreeMap<_, _> = sent.secrets.iter().map(|(name, value)| (*name, value.expose().to_owned())).collect();
            let body: Value = serde_json::from_slice(&sent.body).unwrap();
            (kind.as_str(), json!({"url": sent.url, "headers": headers, "secrets": secrets, "body": body}))
        })
        .collect();
    insta::assert_json_snapshot!(all);
}

#[test]
fn an_alert_of_pagerduty_and_of_opsgenie_is_opened_acknowledged_and_closed_by_one_key() {
    let sent = |kind, status| {
        let sent = outgoing(&hostile(status), &receiver(kind), None);
        (serde_json::from_slice::<Value>(&sent.body).unwrap(), sent.url)
    };
    let all = Status::ALL.map(|status| sent(ReceiverKind::Pagerduty, status).0);
    assert_eq!(all.each_ref().map(|body| body["event_action"].as_str().unwrap()), ["trigger", "acknowledge", "resolve"]);
    assert!(all.iter().all(|body| body["dedup_key"] == all[0]["dedup_key"]));
    let (opened, _) = sent(ReceiverKind::Opsgenie, Status::Firing);
    let (_, closed) = sent(ReceiverKind::Opsgenie, Status::Resolved);
    let closed = url::Url::parse(&closed).unwrap();
    let segments: Vec<_> = closed.path_segments().unwrap().collect();
    assert_eq!((segments.len(), segments[0], segments[3], closed.query()), (4, "v2", "close", Some("identifierType=alias")));
    let alias = segments[2].to_owned();
    let decoded: String = url::form_urlencoded::parse(alias.as_bytes()).map(|(key, _)| key.into_owned()).collect();
    assert_eq!(opened["alias"], decoded);
}

#[test]
fn an_alert_of_alertmanager_lasts_four_minutes_ends_when_it_is_over_and_has_one_severity_at_a_time() {
    let receiver = receiver(ReceiverKind::Alertmanager);
    let alerts = |standing: Option<&Notice>, notice: &Notice| -> Vec<Value> {
        serde_json::from_slice(&outgoing_after(standing, notice, &receiver, None).body).unwrap()
    };
    let ends = |alerts: &[Value]| -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        alerts.iter().map(|alert| (text(&alert["labels"]["severity"]), text(&alert["endsAt"]))).collect()
    };
    let later = ("critical".to_owned(), "2026-11-22T12:04:00.000Z".to_owned());
    let firing = alerts(None, &sample(Status::Firing));
    assert_eq!(ends(&firing), std::slice::from_ref(&later));
    // It was a warning: the alert of that name ends when the critical one begins.
    let mut warning = sample(Status::Firing);
    warning.incidents[0].health = vitals_model::reading::Health::Degraded;
    let worse = alerts(Some(&warning), &sample(Status::Firing));
    assert_eq!(ends(&worse), [("warning".to_owned(), "2026-11-22T12:00:00.000Z".to_owned()), later.clone()]);
    assert_eq!(ends(&alerts(Some(&sample(Status::Firing)), &sample(Status::Firing))), [later]);
    let mut over = sample(Status::Resolved);
    over.incidents[0].resolved_at = Some(NOON.minus(Duration::from_secs(60)));
    assert_eq!(over.incidents[0].state, IncidentState::Resolved);
    let over = alerts(None, &over);
    assert_eq!((&over[0]["endsAt"], over.len()), (&json!("2026-11-22T11:59:00.000Z"), 1));
    assert_eq!(over[0]["labels"], firing[0]["labels"], "it is the same alert");
}

#[test]
fn a_webhook_is_signed_with_the_time() {
    let sent = outgoing(&sample(Status::Firing), &receiver(ReceiverKind::Webhook), Some("a key"));
    let header = |name: &str| sent.headers.iter().find(|(of, _)| *of == name).map(|(_, value)| value.as_str()).unwrap();
    assert_eq!(header("mcp-vitals-timestamp"), "1795348800");
    let body = std::str::from_utf8(&sent.body).unwrap();
    assert_eq!(header("mcp-vitals-signature"), webhook::sign("a key", "1795348800", body));
    assert_ne!(webhook::sign("a key", "1795348801", body), header("mcp-vitals-signature"));
    // As Python's hmac has it.
    let known = "v1=6beb9a192faa484b97928b7ce8bc6ba6708fafd51dacdeb1df8c624fdbc4cd75";
    assert_eq!(webhook::sign("Jefe", "1795348800", "{}"), known);
}

#[test]
fn an_own_template_is_sent_in_its_place() {
    let own = Receiver { body: Some(r#"{"text": {{ title|tojson }}}"#.to_owned()), ..receiver(ReceiverKind::Webhook) };
    let sent = outgoing(&sample(Status::Firing), &own, None);
    let body: Value = serde_json::from_slice(&sent.body).unwrap();
    assert_eq!(body, json!({"text": "server sample-server of sample-hub: ghost"}));
}

#[test]
fn a_key_that_is_too_long_is_cut_and_stays_apart_from_others() {
    let long = |end: &str| key(&format!("{}{end}", "ä".repeat(300)), 255);
    assert!(long("1").len() <= 255 && long("1") != long("2"));
    assert_eq!(key("short", 255), "short");
}

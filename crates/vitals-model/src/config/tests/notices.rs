//! What an operator says about telling people: receivers with what their kind needs, routes that lead somewhere.

use std::time::Duration;

use super::{errors, read, settings, show_problems};
use crate::notice::{GroupBy, ReceiverKind, Severity, Tls};

#[test]
fn receivers_and_routes_are_as_written_and_the_rest_is_as_by_default() {
    let settings = settings(
        "
receivers:
  chat: {kind: slack, url: env:URL}
  mail: {kind: email, smtp: 'mail:25', tls: none, from: a@b, to: c@d}
routes:
  - name: night
    match: {check: hub-llm/*, severity: critical, labels: {team: m*}}
    receivers: chat
    group_by: [server, check]
    repeat: off
    escalate: {after: 15m, receivers: [mail]}
    continue: true
  - {name: all, receivers: [chat, mail]}
heartbeat: {url: env:BEAT}
",
    );
    let notices = &settings.notices;
    let mail = &notices.receivers["mail"];
    assert_eq!((mail.kind, mail.tls, mail.to.as_slice()), (ReceiverKind::Email, Tls::None, &["c@d".to_owned()][..]));
    let [night, all] = &notices.routes[..] else { panic!("two routes") };
    assert_eq!((night.matches.severity, &night.group_by[..]), (Severity::Critical, &[GroupBy::Server, GroupBy::Check][..]));
    assert_eq!((night.repeat, night.goes_on, night.escalate.after), (None, true, Some(Duration::from_secs(900))));
    assert_eq!((&all.group_by[..], all.group_wait), (&[GroupBy::Target][..], Duration::from_secs(1)));
    assert_eq!(notices.heartbeat.every, Duration::from_secs(60));
}

#[test]
fn what_cannot_work_is_refused_with_its_place_and_all_at_once() {
    let shown = errors(
        r#"
receivers:
  none: {url: env:A}
  chat: {kind: slak, url: env:A}
  bare: {kind: telegram, token: env:A}
  odd: {kind: pagerduty, token: env:A, topic: x}
  mail: {kind: email, smtp: mail, from: a, to: b, password: env:P}
  far: {kind: webhook, url: example.org}
  "a b": {kind: desktop}
  blank: {kind: slack, url: env:A, subject: "{{ titel }}"}
  broken: {kind: slack, url: env:A, body: "{% for x in incidents %}"}
  endless: {kind: slack, url: env:A, body: "{% for a in range(9999) %}{% for b in range(9999) %}{% endfor %}{% endfor %}"}
routes:
  - {receivers: [chat]}
  - {name: one, receivers: [chatt], group_by: [hub], escalate: {after: 5m}}
  - {name: one, receivers: [odd], match: {severity: bad}, repeat: 1ms}
  - 7
heartbeat: {every: 1s}
"#,
    );
    for words in [
        "the receiver `none` needs a `kind`",
        "`kind` must be one of `alertmanager`, `email`, `slack`",
        "the receiver `bare` is a telegram, which needs a `chat`",
        "`topic` means nothing to a pagerduty",
        "`smtp` must be a host and a port",
        "`password` needs a `username` beside it",
        "`url` must be a URL",
        "the name of a receiver must be 1 to 64",
        "`subject` is no template: undefined value",
        "`body` is no template: syntax error",
        "`body` is no template: engine ran out of fuel",
        "a route needs `name`",
        "the route `one` leads to `chatt`, which is no receiver",
        "did you mean `chat`?",
        "`group_by` has no `hub`",
        "`escalate` needs both `after` and `receivers`",
        "the name `one` is also used at",
        "`severity` must be one of `warning`, `critical`, not `bad`",
        "`repeat` must be at least 1s",
        "a route is a mapping, not a single value",
        "`every` must be at least 5s",
    ] {
        assert!(shown.contains(words), "{words:?} is not in\n{shown}");
    }
}

#[test]
fn routes_of_several_files_are_asked_one_after_the_other() {
    let file = |n: u32| {
        super::source(
            &format!("{n}.yaml"),
            &format!("receivers: {{r{n}: {{kind: desktop}}}}\nroutes:\n- {{name: n{n}, receivers: [r1]}}\n"),
        )
    };
    let (settings, _) = super::load(&[file(1), file(2)]).unwrap();
    assert_eq!(settings.notices.routes.iter().map(|route| route.name.as_str()).collect::<Vec<_>>(), ["n1", "n2"]);
}

#[test]
fn a_secret_of_a_receiver_is_never_shown() {
    let text = "receivers:\n  chat: {kind: slack, url: 'https://hooks.example/T0KEN', subjekt: x}\n  pd: {kind: pagerduty, token: T0KEN2, topic: y}\n";
    let shown = show_problems(&read(text).unwrap_err());
    assert!(shown.contains("subject") && !shown.contains("T0KEN"), "{shown}");
    let fine = settings("receivers: {chat: {kind: slack, url: 'https://hooks.example/T0KEN'}}\n");
    assert!(!format!("{fine:?}{}", crate::config::show(&fine)).contains("T0KEN"));
}

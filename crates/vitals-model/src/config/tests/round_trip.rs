//! What is shown is read back to the same settings.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use proptest::collection::{btree_map, vec};
use proptest::option;
use proptest::prelude::*;
use serde_json::Value as Json;

use super::{read, show_problems};
use crate::config::*;
use crate::criterion::Weight;
use crate::notice::{Escalation, GroupBy, Heartbeat, Match, Notices, Receiver, ReceiverKind, Route, Severity, Tls};
use crate::objective::Objective;
use crate::quiet::{Cron, Maintenance, Pattern};
use crate::remedy::{HubRestart, RepairMode, RepairSettings, UnitOf};
use crate::target::Address;
use crate::text::Text;
use crate::time::Timestamp;

/// Any text that a configuration may hold, line breaks and invisible characters included.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        "[^\\x00]{1,12}",
        "[a-z]{1,8}",
        "[-?:,{}#&*!|>'\"%@` \\t\\n\\r\u{85}\u{2028}\u{feff}\\\\a0.]{1,8}",
        prop::sample::select(vec!["true", "off", "~", "null", "1.5", "2026-01-01", "(set)", "- a", "0x1f", "y", "<<", "*a"])
            .prop_map(str::to_owned),
    ]
}

fn duration(range: Range<u64>) -> impl Strategy<Value = Duration> {
    range.prop_map(Duration::from_millis)
}

/// Two values in ascending order.
fn pair(values: impl Strategy<Value = f64> + Clone) -> impl Strategy<Value = (f64, f64)> {
    (values.clone(), values).prop_map(|(a, b)| (a.min(b), a.max(b)))
}

fn secret() -> impl Strategy<Value = SecretRef> {
    prop_oneof!["[A-Z_]{1,8}".prop_map(SecretRef::Env), "[^\\pC]{1,12}".prop_map(|path| SecretRef::File(path.into())),]
}

fn json() -> impl Strategy<Value = Json> {
    let leaf = prop_oneof![
        Just(Json::Null),
        any::<bool>().prop_map(Json::from),
        any::<i64>().prop_map(Json::from),
        any::<u64>().prop_map(Json::from),
        // Numbers as people write them: serde_json reads the last digit of longer ones differently.
        any::<i32>().prop_map(|thousandths| Json::from(f64::from(thousandths) / 1e3)),
        text().prop_map(Json::from),
        Just(Json::from("")),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(Json::from),
            btree_map(text(), inner, 0..4).prop_map(|map| Json::Object(map.into_iter().collect())),
        ]
    })
}

fn server() -> impl Strategy<Value = ServerSettings> {
    let arguments = btree_map(text(), json(), 0..4).prop_map(|map| Json::Object(map.into_iter().collect()).to_string());
    let expect = prop::sample::select(vec![Expect::Up, Expect::Down]);
    (expect, option::of(text()), option::of(arguments)).prop_map(|(expect, canary, canary_arguments)| ServerSettings {
        expect,
        canary,
        canary_arguments,
    })
}

fn policy() -> impl Strategy<Value = CheckPolicy> {
    (1u32..1000, 1u32..1000, 1u32..1000, 0u32..101, 50u32..101, 0u32..50).prop_map(
        |(failures, critical_after, successes, hysteresis_percent, flap_start_percent, flap_stop_percent)| CheckPolicy {
            failures,
            critical_after,
            successes,
            hysteresis_percent,
            flap_start_percent,
            flap_stop_percent,
        },
    )
}

fn window() -> impl Strategy<Value = Maintenance> {
    let instant = |range: Range<i64>| range.prop_map(Timestamp::from_millis);
    let cron = prop::sample::select(vec!["* * * * *", "30 2 * * mon-fri", "*/5 1,2 1 jan 0"]);
    (text(), option::of(instant(0..1 << 40)), instant(1 << 40..1 << 41), option::of(cron), duration(1_000..86_400_000)).prop_map(
        |(checks, from, to, cron, lasts)| Maintenance {
            checks: Pattern::new(&checks),
            from,
            to: Some(to),
            cron: cron.map(|text| Cron::parse(text).unwrap()),
            lasts,
        },
    )
}

prop_compose! {
    fn objective()(
        check in prop::sample::select(vec!["hub-servers/api", "hub-servers/*/truth", "hub-servers/a b/call"]),
        goal in (1u32..99_999).prop_map(|thousandths| f64::from(thousandths) / 1e3),
        latency in option::of(duration(1..600_000)),
        window in duration(60_000..u64::from(u32::MAX)),
        weight in prop::sample::select(Weight::ALL.to_vec()),
        events_min in 1u32..1000,
    ) -> Objective {
        Objective { check: check.to_owned(), goal, latency, window, weight, events_min }
    }
}

fn hub_restart() -> impl Strategy<Value = HubRestart> {
    let words = (text(), vec(prop_oneof![text(), Just(String::new()), Just("it's $1".to_owned())], 0..3));
    prop_oneof![
        Just(HubRestart::Api),
        (any::<bool>(), "[a-z][a-z@-]{0,9}")
            .prop_map(|(user, unit)| { HubRestart::Unit(if user { UnitOf::User } else { UnitOf::System }, unit) }),
        words.prop_map(|(program, rest)| HubRestart::Command([vec![program], rest].concat())),
    ]
}

prop_compose! {
    fn repair()(
        mode in prop::sample::select(RepairMode::ALL.to_vec()),
        budget in 1u32..61,
        cooldown in duration(1_000..600_000_000),
        quiet_success in any::<bool>(),
        hub_restart in option::of(hub_restart()),
        rotate_above in option::of(100_000u64..1 << 40),
        rotate_keep in 1u32..101,
    ) -> RepairSettings {
        RepairSettings { mode, budget, cooldown, quiet_success, hub_restart, rotate_above, rotate_keep }
    }
}

prop_compose! {
    fn target_settings()(
        light in duration(1_000..86_400_000),
        session in duration(10_000..86_400_000),
        meta_tool in option::of(duration(60_000..86_400_000)),
        call in duration(1..600_000),
        cpu_percent in pair(0.0..1e6),
        api_ms in pair((1u32..u32::MAX >> 3).prop_map(|us| f64::from(us) / 1e3)),
        log_bytes in pair((1u32..).prop_map(f64::from)),
        free in pair(0.0..100.0),
        flaps in 1u64..1000,
        servers in btree_map(text(), server(), 0..3).boxed(),
        objectives in btree_map(text(), objective(), 0..3),
        log_file in option::of(text()),
        lock in option::of(text()),
        headers in btree_map("[a-z-]{1,8}", secret(), 0..3),
        env in btree_map("[a-z.-]{1,8}", secret(), 0..3),
        labels in labels(),
        checks in btree_map(text().prop_map(|text| Pattern::new(&text)), policy(), 0..3),
        incidents in (option::of(duration(1_000..600_000_000)), option::of(duration(1_000..600_000_000))),
        maintenance in btree_map(text(), window(), 0..3).boxed(),
        prompt in text(),
        calls_per_day in 0u32..1000,
        repair in repair().boxed(),
        llm in (any::<bool>(), option::of(Just("http://x:1/v1".to_owned())), option::of(secret())),
    ) -> TargetSettings {
        TargetSettings {
            schedule: Schedule { light, session, meta_tool, ..Schedule::default() },
            timeouts: Timeouts { call, ..Timeouts::default() },
            thresholds: Thresholds { cpu_percent, api_ms, log_bytes, disk_free_percent: (free.1, free.0), flaps, ..Thresholds::default() },
            servers,
            checks,
            incidents: IncidentSettings { reopen: incidents.0, reminder: incidents.1 },
            maintenance,
            objectives,
            repair,
            llm: LlmSettings { enabled: llm.0, base_url: llm.1, key: llm.2 },
            meta_tool: MetaToolSettings { calls_per_day, prompt },
            log_file: log_file.map(Into::into),
            lock: lock.map(Into::into),
            headers,
            env,
            labels,
        }
    }
}

prop_compose! {
    fn log_destination()(
        (way, path) in (0..4, text()),
        index in "[a-z][a-z_]{0,8}",
        headers in btree_map("[a-z-]{1,8}", secret(), 0..3),
        records in prop::sample::select(LogRecords::ALL.to_vec()),
        level in prop::sample::select(crate::observation::Level::ALL.to_vec()),
        bytes in (1u64 << 20..1 << 49, 1u64 << 20..1 << 49),
        files in 1u32..1000,
    ) -> LogDestination {
        let url = |this| (way == this).then(|| "http://x:1".to_owned());
        LogDestination {
            elasticsearch: url(0),
            loki: url(1),
            otlp: url(2),
            file: (way == 3).then(|| path.into()),
            index,
            headers,
            records,
            level,
            spool_bytes_max: bytes.0,
            file_bytes_max: bytes.1,
            files,
        }
    }
}

prop_compose! {
    fn daily_report()(
        at in option::of((0u8..24, 0u8..60)),
        to in vec(Just("a".to_owned()), 0..3),
        folder in option::of(text()),
        keep in duration(86_400_000..u64::from(u32::MAX)),
    ) -> DailyReport {
        let at = at.map(|(hour, minute)| TimeOfDay::parse(&format!("{hour:02}:{minute:02}")).unwrap());
        DailyReport { at, to, folder: folder.map(Into::into), keep }
    }
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        (1u16..).prop_map(|port| Address::Hub { url: format!("http://127.0.0.1:{port}") }),
        "[a-z]{1,5}".prop_map(|path| Address::Http { url: format!("https://example.com/{path}/?a={path}") }),
        (text(), vec(prop_oneof![text(), Just(String::new())], 0..4))
            .prop_map(|(command, args)| Address::Stdio { command, args }),
    ]
}

/// A target can add to the defaults and replace, but not take away.
fn over(defaults: &TargetSettings, mut target: TargetSettings) -> TargetSettings {
    fn add<V: Clone>(into: &mut BTreeMap<String, V>, defaults: &BTreeMap<String, V>) {
        into.extend(defaults.iter().map(|(k, v)| (k.clone(), v.clone())));
    }
    add(&mut target.servers, &defaults.servers);
    add(&mut target.objectives, &defaults.objectives);
    add(&mut target.headers, &defaults.headers);
    add(&mut target.env, &defaults.env);
    add(&mut target.labels, &defaults.labels);
    target.checks.extend(defaults.checks.iter().map(|(k, v)| (k.clone(), *v)));
    add(&mut target.maintenance, &defaults.maintenance);
    target.log_file = target.log_file.or_else(|| defaults.log_file.clone());
    target.repair.hub_restart = target.repair.hub_restart.or_else(|| defaults.repair.hub_restart.clone());
    target.lock = target.lock.or_else(|| defaults.lock.clone());
    target.llm.base_url = target.llm.base_url.or_else(|| defaults.llm.base_url.clone());
    target.llm.key = target.llm.key.or_else(|| defaults.llm.key.clone());
    target
}

fn labels() -> impl Strategy<Value = BTreeMap<String, String>> {
    btree_map("[a-z]{1,8}", "[^\\pC\u{ad}]{1,12}".prop_filter("one line", |text| Text::new(text).as_str() == text), 0..3)
}

/// A receiver of each kind that differs in what it needs.
fn receiver() -> impl Strategy<Value = Receiver> {
    let plain = || Receiver { timeout: Duration::from_secs(3), ..Receiver::default() };
    prop_oneof![
        (secret(), option::of(secret()), btree_map("[a-z-]{1,8}", secret(), 0..3), option::of("[a-z ]{1,9}"))
            .prop_map(move |(url, sign, headers, body)| Receiver { url: Some(url), sign, headers, body, ..plain() }),
        (secret(), "[0-9]{1,9}").prop_map(move |(token, chat)| Receiver {
            kind: ReceiverKind::Telegram,
            token: Some(token),
            chat: Some(chat),
            ..plain()
        }),
        (vec(text(), 1..4), prop::sample::select(vec![Tls::Starttls, Tls::Tls, Tls::None])).prop_map(move |(to, tls)| Receiver {
            kind: ReceiverKind::Email,
            smtp: Some("mail.example.org:25".to_owned()),
            from: Some("vitals@example.org".to_owned()),
            to,
            tls,
            ..plain()
        }),
    ]
}

prop_compose! {
    fn route()(
        target in text(),
        labels in btree_map("[a-z]{1,8}", text().prop_map(|text| Pattern::new(&text)), 0..3),
        severity in prop::sample::select(vec![Severity::Warning, Severity::Critical]),
        group_by in vec(prop::sample::select(GroupBy::ALL.to_vec()), 0..3),
        group_wait in duration(1..600_000),
        repeat in option::of(duration(1_000..600_000)),
        during in btree_map(text(), window(), 0..3),
        after in option::of(duration(1_000..600_000)),
        goes_on in any::<bool>(),
    ) -> Route {
        Route {
            matches: Match { target: Pattern::new(&target), labels, severity, ..Match::default() },
            receivers: vec!["a".to_owned()],
            group_by,
            group_wait,
            repeat,
            during,
            escalate: Escalation { after, receivers: after.map(|_| "a".to_owned()).into_iter().collect() },
            goes_on,
            ..Route::default()
        }
    }
}

fn notices() -> impl Strategy<Value = Notices> {
    (
        btree_map("[b-z]{1,8}", receiver().boxed(), 0..3),
        receiver().boxed(),
        vec(route().boxed(), 0..3),
        option::of(secret()),
        duration(5_000..86_400_000),
    )
        .prop_map(|(mut receivers, one, routes, url, every)| {
            receivers.insert("a".to_owned(), one);
            let named = |(n, route)| Route { name: format!("r{n}"), ..route };
            Notices {
                receivers,
                routes: routes.into_iter().enumerate().map(named).collect(),
                heartbeat: Heartbeat { url, every },
            }
        })
}

prop_compose! {
    fn any_settings()(
        discover in any::<bool>(),
        // Boxed: one strategy of all would be too large for the stack of a test.
        defaults in target_settings().boxed(),
        targets in btree_map("[A-Za-z0-9_-][A-Za-z0-9._-]{0,8}", (address(), target_settings().boxed()), 0..4).boxed(),
        dir in option::of(text()),
        raw in duration(3_600_000..u64::from(u32::MAX)),
        bytes_max in 1_000_000u64..1 << 49,
        port in option::of(1u16..),
        interval in duration(1000..86_400_000),
        listen in option::of(any::<(std::net::IpAddr, u16)>()),
        token in option::of(secret()),
        logs in btree_map("[a-z][a-z0-9._-]{0,8}", log_destination().boxed(), 0..3).boxed(),
        report in daily_report().boxed(),
        notices in notices().boxed(),
    ) -> Settings {
        let configured = |(address, settings)| Configured { address, settings: Arc::new(over(&defaults, settings)) };
        Settings {
            discover,
            targets: targets.into_iter().map(|(name, target)| (name, configured(target))).collect(),
            storage: Storage { dir: dir.map(Into::into), raw, bytes_max, ..Storage::default() },
            otlp: Otlp {
                endpoint: port.map(|port| format!("http://127.0.0.1:{port}")),
                headers: defaults.headers.clone(),
                interval,
            },
            defaults: Arc::new(defaults),
            web: Web { listen: listen.map(Into::into), token, url: None },
            logs,
            report,
            notices: Arc::new(notices),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]
    #[test]
    fn what_is_shown_is_read_back(settings in any_settings()) {
        let shown = show(&settings);
        match read(&shown) {
            Ok((again, _)) => prop_assert_eq!(again, settings, "{}", shown),
            Err(problems) => prop_assert!(false, "{}\n{}", show_problems(&problems), shown),
        }
    }
}

#[test]
fn the_default_is_shown_and_read_back() {
    let shown = show(&Settings::default());
    for line in ["    meta_tool: 30m", "    cpu_percent: {warning: 5, critical: 10}", "targets: []", "  bytes_max: 1GiB"] {
        assert!(shown.lines().any(|shown| shown == line), "{line:?} is not in\n{shown}");
    }
    assert_eq!(read(&shown), Ok((Settings::default(), vec![])));
}

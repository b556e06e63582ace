//! The two text formats, and the rules for names, units and labels that every metric keeps.

use std::collections::{BTreeMap, BTreeSet};

use vitals_model::limits::METRIC_SERVERS_MAX;
use vitals_model::reading::Health;
use vitals_model::tally::Histogram;
use vitals_model::verdict::Verdict;
use vitals_web::metrics::{Format, Kind, METRICS, Sink, View, render};

use super::fixtures::{self, OVERHEAD};
use super::parse::{Sample, parse};

fn samples(snapshot: &vitals_model::snapshot::Snapshot) -> Vec<Sample> {
    parse(&render(snapshot, &OVERHEAD, Format::Prometheus)).0
}

/// The values of a metric by one of its labels, for one target at most.
fn by_label(samples: &[Sample], name: &str, label: &str) -> BTreeMap<String, f64> {
    samples.iter().filter(|s| s.name == name).map(|s| (s.labels[label].clone(), s.value)).collect()
}

#[test]
fn a_lying_hub_in_the_text_of_prometheus() {
    insta::assert_snapshot!(render(&fixtures::lying(), &OVERHEAD, Format::Prometheus));
}

#[test]
fn openmetrics_has_the_same_samples_with_types_and_units_of_its_own() {
    let text = render(&fixtures::lying(), &OVERHEAD, Format::OpenMetrics);
    let body = text.strip_suffix("# EOF\n").expect("it says where it ends");
    let (samples, types) = parse(body);
    let strip = |samples: Vec<Sample>| samples.into_iter().map(|s| (s.name, s.labels, s.value.to_bits())).collect::<Vec<_>>();
    assert_eq!(strip(samples), strip(self::samples(&fixtures::lying())));
    assert_eq!(types["mcp_incidents"], "counter");
    assert_eq!(types["mcp_target"], "info");
    for line in body.lines().filter_map(|line| line.strip_prefix("# UNIT ")) {
        let (family, unit) = line.split_once(' ').expect("a family and its unit");
        assert!(family.ends_with(&format!("_{unit}")), "{line}");
    }
    assert!(body.contains("# UNIT process_cpu_seconds seconds\n"));
}

/// What a metric must be to be told at all: every rule of its table.
#[test]
fn names_units_types_and_labels_keep_the_rules() {
    let mut names = BTreeSet::new();
    for metric in METRICS {
        let name = metric.name;
        assert!(names.insert(name), "{name} twice");
        assert!(name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_'), "{name}");
        assert!(!metric.help.is_empty() && !metric.help.ends_with('.') && !metric.help.contains(['\\', '\n']), "{name}");
        assert_eq!(metric.kind == Kind::Counter, name.ends_with("_total"), "{name}");
        assert_eq!(metric.kind == Kind::Info, name.ends_with("_info"), "{name}");
        let stem = name.trim_end_matches("_total");
        let unit = ["seconds", "bytes", "ratio"].into_iter().find(|unit| stem.ends_with(&format!("_{unit}")));
        assert_eq!(unit.unwrap_or_default(), metric.unit, "{name}");
        for reserved in ["_count", "_sum", "_bucket", "_created"] {
            assert!(!name.ends_with(reserved), "{name}");
        }
        for label in metric.labels() {
            assert!(label.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') && *label != "le", "{name} {label}");
        }
    }
}

/// Remembers the labels of every point.
#[derive(Default)]
struct Labels(Vec<Vec<&'static str>>);

impl Sink for Labels {
    fn value(&mut self, labels: &[(&'static str, &str)], _: f64) {
        self.0.push(labels.iter().map(|(name, _)| *name).collect());
    }

    fn histogram(&mut self, labels: &[(&'static str, &str)], _: &Histogram) {
        self.value(labels, 0.0);
    }
}

#[test]
fn every_metric_is_told_with_the_labels_of_its_table() {
    let snapshot = fixtures::lying();
    for metric in METRICS {
        let mut seen = Labels::default();
        metric.read(&View::new(&snapshot, &OVERHEAD), &mut seen);
        assert!(!seen.0.is_empty(), "{} has no point", metric.name);
        assert!(seen.0.iter().all(|labels| labels == metric.labels()), "{} {:?}", metric.name, seen.0);
    }
}

#[test]
fn no_series_comes_twice_and_buckets_add_up() {
    let samples = samples(&fixtures::fleet(3, 4));
    let mut seen = BTreeSet::new();
    for sample in &samples {
        assert!(seen.insert((&sample.name, &sample.labels)), "{sample:?}");
    }
    let buckets: Vec<_> = samples.iter().filter(|s| s.name == "mcp_vitals_probe_duration_seconds_bucket").collect();
    let le: Vec<f64> = buckets.iter().map(|s| s.labels["le"].parse().expect("a bound")).collect();
    assert_eq!(le[..14], Histogram::BOUNDS);
    let counts: Vec<f64> = buckets.iter().map(|s| s.value).collect();
    assert_eq!((counts[0], counts[2], counts[13], counts[14]), (1.0, 2.0, 2.0, 3.0));
    assert!(le[14].is_infinite() && counts.is_sorted());
}

#[test]
fn the_claim_stands_beside_the_truth() {
    let samples = samples(&fixtures::lying());
    let of = |name| by_label(&samples, name, "server")["filesystem"];
    assert_eq!((of("mcp_server_claimed_connected"), of("mcp_server_up")), (1.0, 0.0));
    let ghost = samples.iter().filter(|s| s.name == "mcp_server_verdict" && s.labels["verdict"] == "ghost");
    let ghosts: Vec<_> = ghost.map(|s| (s.labels["server"].as_str(), s.value)).collect();
    assert_eq!(ghosts, [("everything", 0.0), ("filesystem", 1.0)]);
}

#[test]
fn the_phases_of_a_probe_add_up_to_the_whole() {
    let samples = samples(&fixtures::lying());
    for (probe, whole) in [("api", 0.010), ("session", 0.030), ("llm", 0.210)] {
        let of = |s: &&Sample| s.name == "probe_duration_seconds" && s.labels["probe"] == probe;
        let sum: f64 = samples.iter().filter(of).map(|s| s.value).sum();
        assert!((sum - whole).abs() < 1e-9, "{probe}: {sum}");
    }
}

#[test]
fn a_hostile_name_stays_in_its_label() {
    let name = "a\"b\\c}\n mcp_server_up 1\u{1b}[2J é";
    let samples = samples(&fixtures::snapshot(vec![fixtures::hub("h", vec![fixtures::server(name, Verdict::Ghost)])]));
    let up = by_label(&samples, "mcp_server_up", "server");
    assert_eq!(up, BTreeMap::from([("a\"b\\c}  mcp_server_up 1\\u{1b}[2J é".to_owned(), 0.0)]));
}

#[test]
fn servers_beyond_the_limit_share_one_series_and_are_counted() {
    let more = 7;
    let mut servers: Vec<_> = (0..METRIC_SERVERS_MAX + more)
        .map(|n| fixtures::server(&format!("s{n:04}"), if n % 2 == 0 { Verdict::Agrees } else { Verdict::Ghost }))
        .collect();
    servers.last_mut().expect("there are some").health = Health::Unknown;
    let samples = samples(&fixtures::snapshot(vec![fixtures::hub("h", servers)]));
    let up = by_label(&samples, "mcp_server_up", "server");
    assert_eq!((up.len(), up["other"]), (METRIC_SERVERS_MAX + 1, 3.0));
    let tools = by_label(&samples, "mcp_server_tools", "server");
    assert_eq!(tools["other"].to_string(), (14 * more).to_string());
    let folded = samples.iter().find(|s| s.name == "mcp_vitals_servers_folded").expect("it is told");
    assert_eq!(folded.value.to_string(), more.to_string());
}

#[test]
fn names_that_become_the_same_label_are_one_series() {
    let long = "x".repeat(400);
    let servers = [format!("{long}a"), format!("{long}b"), String::new(), "other".to_owned()];
    let servers = servers.iter().map(|name| fixtures::server(name, Verdict::Agrees)).collect();
    let up = by_label(&samples(&fixtures::snapshot(vec![fixtures::hub("h", servers)])), "mcp_server_up", "server");
    assert_eq!(up, BTreeMap::from([(format!("{}…", "x".repeat(128)), 2.0), ("other".to_owned(), 2.0)]));
}

#[test]
fn nothing_watched_is_told_too() {
    let samples = samples(&fixtures::snapshot(Vec::new()));
    assert!(samples.iter().any(|s| s.name == "mcp_vitals_targets" && s.value == 0.0));
}

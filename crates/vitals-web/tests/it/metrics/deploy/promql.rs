//! Looks through an expression of `PromQL` for what does not exist. It is no parser: it finds names and where labels
//! stand, which is all that can be misspelt without Prometheus noticing.

use vitals_web::metrics::{Kind, METRICS, Metric};

/// Where labels stand in brackets.
const BEFORE_LABELS: [&str; 6] = ["by", "without", "on", "ignoring", "group_left", "group_right"];

/// What a scrape adds to every series.
const SCRAPED: [&str; 2] = ["instance", "job"];

/// The expression, when all that it names exists.
///
/// # Panics
/// When it names a metric, a label or a recording that does not exist.
pub(super) fn checked(expr: &str, recordings: &[&str]) -> String {
    let mut labels: Option<&[&str]> = None;
    let (mut word_before, mut rest) = ("", expr);
    while let Some(c) = rest.chars().next() {
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '_' | ':'))).unwrap_or(rest.len());
        if c == '"' {
            let close = rest[1..].find('"').expect("a text ends") + 2;
            rest = &rest[close..];
        } else if end == 0 {
            match c {
                '{' => {
                    let (inside, after) = rest[1..].split_once('}').expect("a bracket ends");
                    for matcher in inside.split(',').filter(|m| !m.is_empty()) {
                        let label = matcher.split(['=', '!']).next().unwrap_or_default().trim();
                        let known = labels.is_none_or(|labels| labels.contains(&label)) || label == "le";
                        assert!(known, "{label} is no label in {expr}");
                    }
                    rest = after;
                }
                '(' if BEFORE_LABELS.contains(&word_before) => {
                    let (inside, after) = rest[1..].split_once(')').expect("a bracket ends");
                    for label in inside.split(',').map(str::trim).filter(|label| !label.is_empty()) {
                        let known = label == "le"
                            || SCRAPED.contains(&label)
                            || METRICS.iter().any(|metric| metric.labels().contains(&label));
                        assert!(known, "{label} is no label in {expr}");
                    }
                    rest = after;
                }
                '[' => rest = rest.split_once(']').expect("a bracket ends").1,
                _ => rest = &rest[c.len_utf8()..],
            }
            word_before = "";
        } else {
            word_before = &rest[..end];
            labels = labels_of(word_before, recordings, expr);
            rest = rest[end..].trim_start_matches(' ');
        }
    }
    expr.to_owned()
}

/// The labels of a metric; `None` for a word that is none, and for a recording.
fn labels_of(word: &str, recordings: &[&str], expr: &str) -> Option<&'static [&'static str]> {
    if word.contains(':') {
        assert!(recordings.contains(&word), "{word} is not recorded, in {expr}");
        return None;
    }
    let is_ours = ["mcp_", "probe_", "process_"].iter().any(|prefix| word.starts_with(prefix));
    let is_label = || METRICS.iter().any(|metric| metric.labels().contains(&word));
    if !is_ours || is_label() {
        return None;
    }
    let is_it = |metric: &&Metric| {
        metric.kind != Kind::Histogram && metric.name == word
            || metric.kind == Kind::Histogram
                && ["_bucket", "_sum", "_count"].iter().any(|suffix| word.strip_suffix(suffix) == Some(metric.name))
    };
    let metric = METRICS.iter().find(is_it).unwrap_or_else(|| panic!("{word} is no metric, in {expr}"));
    Some(metric.labels())
}

#[test]
fn what_exists_is_left_as_it_is() {
    let expr =
        "sum by (target, le) (rate(mcp_client_operation_duration_seconds_bucket{error_type=~\"time.*\"}[5m])) > 1e3 or a:b:c";
    assert_eq!(checked(expr, &["a:b:c"]), expr);
}

#[test]
fn what_does_not_exist_is_refused() {
    for expr in [
        "mcp_server_upp == 0",
        "rate(mcp_client_operation_duration_seconds[5m])",
        "mcp_server_up{host=\"a\"}",
        "sum by (host) (mcp_server_up)",
        "a:b:d",
    ] {
        assert!(std::panic::catch_unwind(|| checked(expr, &["a:b:c"])).is_err(), "{expr}");
    }
}

//! What the binary said, taken apart: JSON, XML, a plugin's line, text that is fit for a terminal.

use std::io::Write as _;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::install;
use crate::product::Ran;

/// The JSON on stdout.
pub(crate) fn json(ran: &Ran) -> Value {
    serde_json::from_str(&ran.stdout).unwrap_or_else(|error| panic!("stdout is no JSON: {error}\n{ran:?}"))
}

/// Every line of JSON Lines.
pub(crate) fn json_lines(text: &str) -> Vec<Value> {
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("no JSON: {error}: {line}"));
    text.lines().map(parse).collect()
}

/// The only target of a `check`.
pub(crate) fn target(ran: &Ran) -> Value {
    let mut report = json(ran);
    let targets = report["targets"].as_array_mut().unwrap_or_else(|| panic!("no targets: {ran:?}"));
    assert_eq!(targets.len(), 1, "{targets:?}");
    targets.remove(0)
}

/// One server of a target.
pub(crate) fn server<'a>(target: &'a Value, name: &str) -> &'a Value {
    find(&target["servers"], "name", name)
}

/// One check of a target.
pub(crate) fn check<'a>(target: &'a Value, id: &str) -> &'a Value {
    find(&target["checks"], "id", id)
}

/// The element of a list whose `key` is `value`.
pub(crate) fn find<'a>(list: &'a Value, key: &str, value: &str) -> &'a Value {
    let found = list.as_array().and_then(|all| all.iter().find(|one| one[key] == value));
    found.unwrap_or_else(|| panic!("nothing whose {key} is {value} in {list:#}"))
}

/// The text of a field.
pub(crate) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap_or_else(|| panic!("{field} is no text in {value:#}"))
}

/// Fails when a text could do more to a terminal than be read.
pub(crate) fn assert_plain(text: &str) {
    let harmful = |c: char| (c.is_control() && c != '\n') || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    if let Some(at) = text.find(harmful) {
        let from = text[..at].rfind('\n').map_or(0, |n| n + 1);
        panic!("{:?} in {:?}", text[at..].chars().next(), text[from..].lines().next());
    }
}

/// Fails when a program panicked.
pub(crate) fn assert_no_panic(ran: &Ran) {
    assert!(!ran.stderr.contains("panicked") && ran.code.is_some(), "{ran:?}");
}

/// Fails when an XML parser refuses the text. Without python3 on the machine the parser is missing,
/// which is said.
pub(crate) fn assert_xml(text: &str) {
    let script = "import sys, xml.dom.minidom as x; x.parseString(sys.stdin.buffer.read())";
    let mut command = Command::new("python3");
    command.env_clear().env("PATH", install::variable("PATH").unwrap_or_default()).args(["-c", script]);
    command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
    let Ok(mut parser) = command.spawn() else {
        let _ = std::io::stderr().write_all(b"skipped: no python3 to read the XML with\n");
        return;
    };
    let written = parser.stdin.take().expect("a pipe").write_all(text.as_bytes());
    let said = parser.wait_with_output().expect("our child");
    assert!(written.is_ok() && said.status.success(), "{}\n{text}", String::from_utf8_lossy(&said.stderr));
}

/// One value of a monitoring plugin's performance data.
#[derive(Debug)]
pub(crate) struct Perf {
    pub(crate) label: String,
    pub(crate) value: f64,
}

/// The status and the performance data of a plugin's one line, read as the guidelines of monitoring
/// plugins have it: `SERVICE STATUS - text | 'label'=value[unit];[warn];[crit];[min];[max] …`.
pub(crate) fn plugin_line(text: &str) -> (String, Vec<Perf>) {
    assert_eq!((text.lines().count(), text.matches('|').count()), (1, 1), "{text}");
    assert_plain(text);
    let (said, perfdata) = text.trim_end().split_once('|').expect("counted above");
    let (head, words) = said.split_once(" - ").unwrap_or_else(|| panic!("no ` - ` in {text}"));
    let (service, status) = head.split_once(' ').unwrap_or_else(|| panic!("no status in {text}"));
    assert!(service == "MCP" && !words.trim().is_empty(), "{text}");
    assert!(["OK", "WARNING", "CRITICAL", "UNKNOWN"].contains(&status), "{text}");
    let mut values = Vec::new();
    let mut rest = perfdata.trim();
    while !rest.is_empty() {
        let (perf, after) = one_value(rest).unwrap_or_else(|| panic!("no performance data: {rest}"));
        values.push(perf);
        rest = after.trim_start();
    }
    (status.to_owned(), values)
}

fn one_value(text: &str) -> Option<(Perf, &str)> {
    let (label, after) = text.strip_prefix('\'')?.split_once("'=")?;
    let (fields, after) = after.split_once(' ').unwrap_or((after, ""));
    let mut fields = fields.split(';');
    let first = fields.next()?;
    let unit = first.find(|c: char| !c.is_ascii_digit() && !matches!(c, '.' | '-')).unwrap_or(first.len());
    let value = first[..unit].parse().ok()?;
    let bounds: Vec<&str> = fields.collect();
    let is_bound = |b: &&str| b.is_empty() || b.trim_end_matches(':').parse::<f64>().is_ok();
    let sound = ["", "ms", "s", "B", "%"].contains(&&first[unit..]) && bounds.len() <= 4 && bounds.iter().all(is_bound);
    let name_is_sound = !label.is_empty() && !label.contains(['\'', '=']);
    (sound && name_is_sound).then(|| (Perf { label: label.to_owned(), value }, after))
}

//! Reference pages that must agree with the product: the command line, and the JSON of `check`.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use serde_json::Value;

use crate::install;
use crate::product::Home;

const HELP_MAX: Duration = Duration::from_secs(10);

/// The structures of the JSON view, by the heading under which their fields are described.
const SECTIONS: [(&str, &str); 11] = [
    ("CheckView", "## The whole"),
    ("TargetView", "## `targets[]`"),
    ("DeductionView", "## `deductions[]`"),
    ("ServerView", "## `servers[]`"),
    ("ReadingView", "## `checks[]`"),
    ("IncidentView", "## `incidents[]`"),
    ("SuppressedView", "## `suppressed[]`"),
    ("RemarkView", "## Remarks"),
    ("WithheldView", "## `withheld[]`"),
    ("FindingView", "## `anomalies[]`"),
    ("VisitView", "## `visit`"),
];

/// The same of `scenario run`.
const SCENARIO_SECTIONS: [(&str, &str); 4] = [
    ("ScenariosView", "## The whole"),
    ("RunView", "## `runs[]`"),
    ("StepView", "## `steps[]`"),
    ("FigureView", "## `figures[]`"),
];

/// The same of `tools diff`.
const TOOLS_SECTIONS: [(&str, &str); 5] = [
    ("ToolsView", "## The whole"),
    ("ServerToolsView", "## `servers[]`"),
    ("ToolDriftView", "## `tools[]`"),
    ("ChangeView", "## `changes[]`"),
    ("SignView", "## `signs[]`"),
];

fn repository(path: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..").join(path)
}

fn read(path: &str) -> String {
    fs::read_to_string(repository(path)).expect("a file of the repository")
}

#[test]
fn the_command_line_reference_is_current() {
    let path = "docs/reference/command-line.md";
    let mut page = "# Command line\n\n<!-- Generated from the program's own help: `cargo xtask gen`. -->\n".to_owned();
    describe(&Home::new(), &[], &mut page);
    if install::variable("UPDATE").is_some() {
        fs::write(repository(path), &page).expect("the repository is ours");
    }
    assert!(fs::read_to_string(repository(path)).unwrap_or_default() == page, "{path} is not current: run `cargo xtask gen`");
}

/// The help of one command, then that of each of its own.
fn describe(home: &Home, command: &[&str], page: &mut String) {
    let ran = home.run(&[command, &["--help"]].concat(), HELP_MAX);
    assert_eq!(ran.code, Some(0), "{command:?}: {}", ran.stderr);
    let help: Vec<&str> = ran.stdout.trim_end().lines().map(str::trim_end).collect();
    let name = [&["mcp-vitals"], command].concat().join(" ");
    *page += &["\n## `", &name, "`\n\n```text\n", &help.join("\n"), "\n```\n"].concat();
    for below in commands(&help) {
        describe(home, &[command, &[below]].concat(), page);
    }
}

/// The names under `Commands:`, without `help`.
fn commands<'a>(help: &[&'a str]) -> Vec<&'a str> {
    let listed = help.iter().skip_while(|l| **l != "Commands:").skip(1).take_while(|l| l.starts_with("  "));
    let named = listed.filter(|l| !l.starts_with("   ")).filter_map(|l| l.split_whitespace().next());
    named.filter(|name| *name != "help").collect()
}

#[test]
fn every_field_of_the_json_is_described_and_nothing_else() {
    described("docs/reference/check-json.md", "crates/vitals-model/src/view/v1.rs", &SECTIONS);
    described("docs/reference/scenario-json.md", "crates/vitals-model/src/view/scenario_v1.rs", &SCENARIO_SECTIONS);
    described("docs/reference/tools-json.md", "crates/vitals-model/src/view/tools_v1.rs", &TOOLS_SECTIONS);
}

/// Compares the tables of a page with the structures of a view.
fn described(page: &str, code: &str, sections: &[(&str, &str)]) {
    let (page, code) = (read(page), read(code));
    for (name, heading) in sections {
        let (_, rest) = code.split_once(&format!("pub struct {name} {{")).expect("the structure is there");
        let fields = rest.split("\n}").next().into_iter().flat_map(str::lines);
        let fields: BTreeSet<&str> = fields.filter_map(|l| l.trim().strip_prefix("pub ")?.split(':').next()).collect();
        let (_, rest) = page.split_once(&format!("{heading}\n")).unwrap_or_else(|| panic!("no heading {heading}"));
        let rows = rest.split("\n## ").next().into_iter().flat_map(str::lines);
        let described: BTreeSet<&str> = rows.filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect();
        assert_eq!(described, fields, "{name} and {heading}");
    }
    let structures = code.matches("pub struct ").count();
    assert_eq!(structures, sections.len(), "a structure of the view has no section");
}

#[test]
fn the_example_of_the_json_has_exactly_the_described_fields() {
    let page = read("docs/reference/check-json.md");
    let example = page.split("```json\n").nth(1).and_then(|rest| rest.split("```").next()).expect("an example");
    let example: Value = serde_json::from_str(example).expect("the example is JSON");
    let target = &example["targets"][0];
    let parts = [
        (&example, "## The whole"),
        (target, "## `targets[]`"),
        (&target["deductions"][0], "## `deductions[]`"),
        (&target["servers"][0], "## `servers[]`"),
        (&target["checks"][0], "## `checks[]`"),
        (&target["incidents"][0], "## `incidents[]`"),
        (&target["anomalies"][0], "## `anomalies[]`"),
        (&target["visit"], "## `visit`"),
    ];
    for (part, heading) in parts {
        let (_, rest) = page.split_once(&format!("{heading}\n")).expect("the heading is there");
        let rows = rest.split("\n## ").next().into_iter().flat_map(str::lines);
        let described: BTreeSet<&str> = rows.filter_map(|l| l.strip_prefix("| `")?.split('`').next()).collect();
        let shown: BTreeSet<&str> = part.as_object().expect("an object").keys().map(String::as_str).collect();
        assert_eq!(shown, described, "{heading}");
    }
}

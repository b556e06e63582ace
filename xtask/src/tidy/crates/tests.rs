//! Good and bad manifests and sources.

use super::*;
use crate::tidy::said;

fn manifest(name: &str, rest: &str) -> Vec<String> {
    let path = format!("crates/{name}/Cargo.toml");
    said(&check(&Repo::of(&[(&path, &format!("[package]\nname = \"{name}\"\n{rest}"))])))
}

fn judge(source: &str) -> Vec<(usize, String)> {
    let broken = check(&Repo::of(&[("crates/vitals-judge/src/x.rs", source)]));
    broken.into_iter().map(|v| (v.line, v.found)).collect()
}

#[test]
fn an_allowed_edge_is_quiet_and_any_other_is_said() {
    assert_eq!(manifest("vitals-tui", "[dependencies]\nvitals-model.workspace = true\n"), [""; 0]);
    assert_eq!(
        manifest("vitals-tui", "[dependencies]\nratatui = \"1\"\nvitals-probe.workspace = true\n"),
        ["crates/vitals-tui/Cargo.toml:5 crate-edge"]
    );
    assert_eq!(manifest("vitals-extra", ""), ["crates/vitals-extra/Cargo.toml:1 crate-edge"]);
}

#[test]
fn an_edge_cannot_hide_in_a_test_a_table_or_another_name() {
    for hidden in [
        "[dev-dependencies]\nvitals-engine.workspace = true\n",
        "[target.'cfg(unix)'.dependencies]\nvitals-engine = { path = \"x\" }\n",
        "[build-dependencies]\nengine = { package = \"vitals-engine\", path = \"x\" }\n",
        "\n[dependencies.vitals-engine]\n",
    ] {
        assert_eq!(manifest("vitals-probe", hidden), ["crates/vitals-probe/Cargo.toml:4 crate-edge"], "{hidden}");
    }
}

#[test]
fn banned_crates_are_said_in_every_manifest() {
    assert_eq!(manifest("vitals-probe", "[dependencies]\nrmcp = \"3\"\n"), ["crates/vitals-probe/Cargo.toml:4 banned-crate"]);
    for server in ["vitals-lab", "vitals-web"] {
        assert_eq!(manifest(server, "[dependencies]\nrmcp = \"3\"\n"), [""; 0]);
    }
    let root = Repo::of(&[("Cargo.toml", "[workspace.dependencies]\nchrono = \"1\"\n# rmcp = \"3\"\n")]);
    assert_eq!(said(&check(&root)), ["Cargo.toml:2 banned-crate"]);
    assert_eq!(manifest("vitals-engine", "[dependencies]\nanyhow = \"1\"\n"), ["crates/vitals-engine/Cargo.toml:4 banned-crate"]);
    assert_eq!(manifest("mcp-vitals", "[dependencies]\nanyhow = \"1\"\n"), [""; 0]);
}

#[test]
fn a_pure_crate_takes_only_what_is_listed_except_in_tests() {
    assert_eq!(manifest("vitals-judge", "[dependencies]\nthiserror = \"2\"\n[dev-dependencies]\nproptest = \"1\"\n"), [""; 0]);
    assert_eq!(manifest("vitals-judge", "[dependencies]\nrand = \"1\"\n"), ["crates/vitals-judge/Cargo.toml:4 pure-dependency"]);
}

#[test]
fn pure_code_reaches_nothing() {
    assert_eq!(judge("use std::net::IpAddr;\nuse std::{fmt, time::Duration};\nfn f() -> Duration { Duration::ZERO }\n"), []);
    let cases = [
        "use std::fs;",
        "use std::{fmt, net::{IpAddr, TcpStream}};",
        "use std::process::*;",
        "use std::time::SystemTime as Clock;",
        "fn f() { let _ = std::env::var(\"X\"); }",
        "fn f() { let _ = Instant::now(); }",
        "fn f() -> String { format!(\"{:?}\", jiff::Timestamp::now()) }",
    ];
    for bad in cases {
        assert_eq!(judge(bad).len(), 1, "{bad}: {:?}", judge(bad));
    }
}

#[test]
fn tests_of_a_pure_crate_may_read_their_cases() {
    let source = "#[cfg(test)]\nmod tests {\n use std::fs;\n}\n";
    assert_eq!(judge(source), []);
    let repo =
        Repo::of(&[("crates/vitals-judge/src/x/tests.rs", "use std::fs;"), ("crates/vitals-probe/src/x.rs", "use std::fs;")]);
    assert_eq!(said(&check(&repo)), [""; 0]);
}

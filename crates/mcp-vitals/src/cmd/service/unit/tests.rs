//! The unit is one that systemd takes, and closes off what it says.

use std::fs;
use std::process::Command;

use super::*;

/// The unit of the Debian package: a user of its own, the configuration in /etc.
fn packaged() -> String {
    let words = ["/usr/bin/mcp-vitals", "watch", "--config", "/etc/mcp-vitals/config.yaml", "--state-dir", "/var/lib/mcp-vitals"];
    let command = words.map(str::to_owned).to_vec();
    Unit { scope: Scope::System, command, run_as: None, state: None, writes: Vec::new(), starts_programs: false }.text()
}

#[test]
fn the_reference_unit_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../deploy/systemd/mcp-vitals.service");
    #[expect(clippy::disallowed_methods, reason = "the one switch of this test")]
    if std::env::var("UPDATE").is_ok() {
        fs::write(&path, packaged()).unwrap();
    }
    assert!(fs::read_to_string(&path).unwrap_or_default() == packaged(), "{} is not current; UPDATE=1", path.display());
}

/// What `systemd-analyze` says of a unit; `None`, with a line, where there is none on this machine.
fn analyzed(arguments: &[&str], unit: &str) -> Option<(bool, String)> {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("mcp-vitals.service");
    // The program need not be installed for its unit to be right.
    fs::write(&file, unit.replace("/usr/bin/mcp-vitals", "/bin/true").replace("Documentation=man:mcp-vitals(1)\n", "")).unwrap();
    let Ok(ended) = Command::new("systemd-analyze").args(arguments).arg(&file).output() else {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: systemd-analyze is not on this machine\n");
        return None;
    };
    let said = [ended.stdout, ended.stderr].concat();
    Some((ended.status.success(), String::from_utf8_lossy(&said).into_owned()))
}

#[test]
fn systemd_takes_the_unit_of_either_manager() {
    let user = Unit {
        scope: Scope::User,
        command: ["/bin/true", "watch", "--stdio", "node 'a b.js' $X 100%"].map(str::to_owned).to_vec(),
        run_as: None,
        state: Some(Path::new("/home/a b/.local/state/mcp-vitals")),
        writes: vec!["/var/log/hubs".into()],
        starts_programs: true,
    };
    for (arguments, unit) in [(&["verify", "--man=no"][..], packaged()), (&["verify", "--man=no", "--user"], user.text())] {
        let Some((success, said)) = analyzed(arguments, &unit) else { return };
        // A container has no manager to ask about other units; what it says of this one counts.
        let about: Vec<_> = said.lines().filter(|line| line.contains("mcp-vitals.service")).collect();
        assert!(about.is_empty(), "{about:?} ({success})\n{unit}");
    }
    let broken = packaged().replace("Restart=on-failure", "Restart=perhaps");
    let Some((_, said)) = analyzed(&["verify", "--man=no"], &broken) else { return };
    assert!(said.contains("mcp-vitals.service"), "it does look: {said}");
}

#[test]
fn the_system_unit_is_exposed_to_little() {
    let Some((_, said)) = analyzed(&["security", "--offline=yes", "--no-pager"], &packaged()) else { return };
    let score = said.lines().find_map(|line| line.split_once("exposure level for mcp-vitals.service: ")).map(|(_, rest)| rest);
    let score: f64 = score.and_then(|rest| rest.split(' ').next()?.parse().ok()).unwrap_or_else(|| panic!("{said}"));
    assert!(score <= 2.5, "exposure {score}\n{said}");
}

#[test]
fn words_are_what_they_were() {
    assert_eq!(quoted("/usr/bin/x"), "/usr/bin/x");
    assert_eq!(quoted("a b%\"c\\"), r#""a b%%\"c\\""#);
    assert_eq!(quoted(""), "\"\"");
}

//! The Debian package with the built binary: made, installed into a root of its own, run there, removed and purged. Where
//! there is no dpkg the test says so and passes.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

use xtask::package::Packing;

fn dpkg(root: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new("dpkg");
    // The root has no shell, so the scripts run here; they look for what they change below DPKG_ROOT.
    command.arg(format!("--root={}", root.display())).arg("--log=/dev/null");
    command.args(["--force-not-root", "--force-script-chrootless", "--force-depends", "--force-bad-path"]).args(arguments);
    command.output().expect("dpkg was there before")
}

fn said(ran: &Output) -> String {
    String::from_utf8_lossy(&[ran.stdout.as_slice(), ran.stderr.as_slice()].concat()).into_owned()
}

#[test]
fn the_debian_package_installs_runs_and_goes_without_a_trace() {
    if Command::new("dpkg-deb").arg("--version").output().is_err() {
        let _ = std::io::Write::write_all(&mut std::io::stderr(), b"skipped: dpkg-deb is not on this machine\n");
        return;
    }
    let folder = tempfile::tempdir().expect("a temporary folder");
    let binary = Path::new(env!("CARGO_BIN_EXE_mcp-vitals"));
    let package = xtask::package::build(binary, &folder.path().join("made"), Packing::Quick).expect("it is made");
    let root = folder.path().join("root");
    for path in ["var/lib/dpkg/info", "var/lib/dpkg/updates"] {
        fs::create_dir_all(root.join(path)).expect("a folder of ours");
    }
    fs::write(root.join("var/lib/dpkg/status"), "").expect("a folder of ours");

    let installed = dpkg(&root, &["--install", &package.to_string_lossy()]);
    assert!(installed.status.success(), "{}", said(&installed));
    let program = root.join("usr/bin/mcp-vitals");
    let version = Command::new(&program).arg("--version").output().expect("it runs");
    assert_eq!(said(&version), concat!("mcp-vitals ", env!("CARGO_PKG_VERSION"), "\n"));
    let config = root.join("etc/mcp-vitals/config.yaml");
    let checked = Command::new(&program).args(["config", "check", "--config"]).arg(&config).output().expect("it runs");
    assert!(checked.status.success(), "{}", said(&checked));
    for path in [
        "usr/lib/systemd/system/mcp-vitals.service",
        "usr/share/man/man1/mcp-vitals.1.gz",
        "usr/share/man/man1/mcp-vitals-watch.1.gz",
        "usr/share/bash-completion/completions/mcp-vitals",
        "usr/share/zsh/vendor-completions/_mcp-vitals",
        "usr/share/fish/vendor_completions.d/mcp-vitals.fish",
        "usr/share/doc/mcp-vitals/copyright",
        "usr/share/doc/mcp-vitals/changelog.gz",
    ] {
        assert!(root.join(path).is_file(), "{path}");
    }

    // A changed configuration survives a new version and a removal; a purge takes it and what the service kept.
    fs::write(&config, "version: 1\n").expect("a folder of ours");
    let again = dpkg(&root, &["--force-confold", "--install", &package.to_string_lossy()]);
    assert!(again.status.success() && fs::read_to_string(&config).is_ok_and(|text| text == "version: 1\n"), "{}", said(&again));
    fs::create_dir_all(root.join("var/lib/mcp-vitals")).expect("a folder of ours");
    let removed = dpkg(&root, &["--remove", "mcp-vitals"]);
    assert!(removed.status.success() && !program.exists() && config.exists(), "{}", said(&removed));
    assert!(root.join("var/lib/mcp-vitals").exists());
    let purged = dpkg(&root, &["--purge", "mcp-vitals"]);
    assert!(purged.status.success(), "{}", said(&purged));
    assert!(!root.join("etc/mcp-vitals").exists() && !root.join("var/lib/mcp-vitals").exists());
}

//! What the tests need of npm: packages that the repository pins, installed below the target folder once for each lock
//! file. Without node and npm, or without a registry, a test says so and passes; where they are required it fails.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Where the repository pins packages.
pub(crate) const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests");

/// Oldest major version of node that the conformance suite runs on: it uses `fs.globSync`. Where node is older, the one
/// among its packages is used.
const NODE_MIN: u32 = 22;

/// Written last, so that an install that was cut short is not taken for one.
const COMPLETE: &str = "complete";

/// The node for the conformance suite, and the suite's folder; `None` after saying why there is none.
pub(crate) fn suite() -> Option<(PathBuf, PathBuf)> {
    had(install_suite())
}

/// What was installed; `None` after saying why there is none.
pub(crate) fn had<T>(found: Result<T, String>) -> Option<T> {
    found
        .inspect_err(|reason| {
            let required = variable("MCP_VITALS_REAL_HUB").is_some_and(|v| v == "required");
            assert!(!required, "npm's packages are required here: {reason}");
            println!("skipped: {reason}");
        })
        .ok()
}

/// A variable of the developer's environment. What the tests start gets only what is passed on.
#[expect(clippy::disallowed_methods, reason = "these tests' one home of the environment")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn install_suite() -> Result<(PathBuf, PathBuf), String> {
    let node = version("node")?;
    let major: Option<u32> = node.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    let is_new = major.is_some_and(|major| major >= NODE_MIN);
    // A node that is new enough needs no other one, which is 120 MB.
    let folder = install("conformance", if is_new { &["--omit=optional"] } else { &[] })?;
    let suitable = if is_new { Some(PathBuf::from("node")) } else { own_node(&folder) };
    let too_old = || format!("node {node} is older than {NODE_MIN}, and there is no newer one for this machine");
    Ok((suitable.ok_or_else(too_old)?, folder))
}

/// Installs what `tests/NAME` pins, and gives the folder.
pub(crate) fn install(name: &str, omitted: &[&str]) -> Result<PathBuf, String> {
    version("npm")?;
    let pinned = format!("{PINNED}/{name}");
    let lock = fs::read_to_string(format!("{pinned}/package-lock.json")).expect("the lock file is in the repository");
    let mut hash = DefaultHasher::new();
    lock.hash(&mut hash);
    let whole = if omitted.is_empty() { "" } else { "-lean" };
    // The acceptance tests of the product install the real hub into the same folder, by the same rules.
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}{whole}-{:016x}", hash.finish()));

    // Several tests come here at once; the lock goes with the file when this returns.
    fs::create_dir_all(&folder).expect("the target folder is ours");
    let one_at_a_time = fs::File::create(folder.with_extension("lock")).expect("the target folder is ours");
    one_at_a_time.lock().expect("the file system has locks");
    if !folder.join(COMPLETE).exists() {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(format!("{pinned}/{file}"), folder.join(file)).expect("the target folder is ours");
        }
        let npm = npm_ci(&folder, omitted).map_err(|e| format!("npm does not run: {e}"))?;
        if !npm.status.success() {
            let said = String::from_utf8_lossy(&npm.stderr);
            let reason = said.lines().find(|l| l.starts_with("npm error")).unwrap_or("npm ci failed");
            return Err(format!("npm could not install {name}: {reason}"));
        }
        fs::write(folder.join(COMPLETE), "").expect("the target folder is ours");
    }
    Ok(folder)
}

/// The node among the packages: there is one for each architecture, and npm installs the one that fits.
fn own_node(folder: &Path) -> Option<PathBuf> {
    ["x64", "arm64"].iter().map(|arch| folder.join(format!("node_modules/node-linux-{arch}/bin/node"))).find(|path| path.exists())
}

pub(crate) fn version(program: &str) -> Result<String, String> {
    let said = Command::new(program).arg("--version").output().ok().filter(|o| o.status.success());
    let said = said.ok_or_else(|| format!("{program} is not on this machine"))?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Installs what the lock file says, without install scripts. Few retries, so that a machine without a network says so
/// soon.
fn npm_ci(folder: &Path, omitted: &[&str]) -> std::io::Result<Output> {
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"];
    Command::new("npm").args(arguments).args(omitted).current_dir(folder).output()
}

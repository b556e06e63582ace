//! Installs the real hub of `tests/real-hub/`, the MCP inspector, and what drives a browser, once per machine and lock file, below the
//! target folder.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::OnceLock;

/// What is installed, pinned.
const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/real-hub");

/// What asks a server for agents, pinned.
const INSPECTOR: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/inspector");

/// What drives a browser, pinned.
const BROWSER: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser");

/// Oldest major version of node that the locked packages take (their `engines`).
const NODE_MIN: u32 = 20;

/// Written last, so that an install that was cut short is not taken for one.
const COMPLETE: &str = "complete";

/// The folder whose `node_modules` has the hub and its servers, or why there is none.
pub(crate) fn real_hub() -> Result<&'static Path, &'static str> {
    static INSTALLED: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let installed = INSTALLED.get_or_init(|| install(PINNED, "real-hub")).as_deref().map_err(String::as_str);
    if let Err(reason) = installed
        && variable("MCP_VITALS_REAL_HUB").is_some_and(|v| v == "required")
    {
        panic!("the real hub is required here: {reason}");
    }
    installed
}

/// A variable of the developer's environment. What the tests start gets only what is passed on.
#[expect(clippy::disallowed_methods, reason = "the acceptance tests' one home of the environment")]
pub(crate) fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

/// The folder whose `node_modules` has the MCP inspector; `None`, with a line that says why, where it cannot be had.
pub(crate) fn inspector() -> Option<PathBuf> {
    let found = install(INSPECTOR, "inspector");
    if let Err(reason) = &found {
        assert!(variable("MCP_VITALS_REAL_HUB").is_none_or(|v| v != "required"), "the inspector is required here: {reason}");
        // The macros' output is shown for failed tests only; this must be seen when all is well.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {reason}\n").as_bytes());
    }
    found.ok()
}

/// The folder whose `node_modules` has what drives a browser, and the browser; or why there is none.
pub(crate) fn browser() -> Result<(PathBuf, PathBuf), String> {
    let chromium = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(Path::new);
    let chromium = chromium.into_iter().find(|path| path.exists()).ok_or("no chromium is on this machine")?;
    Ok((install(BROWSER, "browser")?, chromium.to_owned()))
}

/// Installs what the lock file in `pinned` says.
fn install(pinned: &str, name: &str) -> Result<PathBuf, String> {
    let node = version("node")?;
    version("npm")?;
    let major: Option<u32> = node.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    if major.is_none_or(|major| major < NODE_MIN) {
        return Err(format!("node {node} is on this machine; the hub's packages need {NODE_MIN}"));
    }
    let lock = fs::read_to_string(format!("{pinned}/package-lock.json")).expect("the lock file is in the repository");
    let mut hash = DefaultHasher::new();
    lock.hash(&mut hash);
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}-{:016x}", hash.finish()));

    // Several test processes may come here at once; the lock goes with the file when this returns.
    let one_at_a_time = fs::File::create(folder.with_extension("lock")).expect("the target folder is ours");
    one_at_a_time.lock().expect("the file system has locks");
    if !folder.join(COMPLETE).exists() {
        fs::create_dir_all(&folder).expect("the target folder is ours");
        for file in ["package.json", "package-lock.json"] {
            fs::copy(format!("{pinned}/{file}"), folder.join(file)).expect("the target folder is ours");
        }
        let npm = npm_ci(&folder).map_err(|e| format!("npm does not run: {e}"))?;
        if !npm.status.success() {
            let said = String::from_utf8_lossy(&npm.stderr);
            let reason = said.lines().find(|l| l.starts_with("npm error")).unwrap_or("npm ci failed");
            return Err(format!("npm could not install the {name}: {reason}"));
        }
        fs::write(folder.join(COMPLETE), "").expect("the target folder is ours");
    }
    Ok(folder)
}

fn version(program: &str) -> Result<String, String> {
    let said = Command::new(program).arg("--version").output().ok().filter(|o| o.status.success());
    let said = said.ok_or_else(|| format!("{program} is not on this machine"))?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Installs what the lock file says, with the machine's own npm configuration. No package's install
/// script is run: the hub needs none. Few retries, so that a machine without a network says so soon.
fn npm_ci(folder: &Path) -> std::io::Result<Output> {
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"];
    Command::new("npm").args(arguments).current_dir(folder).output()
}

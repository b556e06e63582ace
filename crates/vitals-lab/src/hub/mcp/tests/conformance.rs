//! The official conformance suite, in server mode, against the Streamable HTTP endpoint.

use std::ffi::OsString;
use std::fs;
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use super::double;
use super::stand::Stand;
use crate::hub::filter::Settings;
use crate::persona::Persona;

/// What is installed, pinned.
const PINNED: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/conformance");

/// The suite within its folder.
const SUITE: &str = "node_modules/@modelcontextprotocol/conformance/dist/index.js";

/// Oldest major version of node that the suite runs on: it uses `fs.globSync`. Where node is older, the one
/// among the packages is used.
const NODE_MIN: u32 = 22;

/// Checks that pass at either revision, at least.
const CHECKS_MIN: u32 = 50;

/// Written last, so that an install that was cut short is not taken for one.
const COMPLETE: &str = "complete";

#[tokio::test]
async fn the_stateful_revisions_conform() {
    conforms("2025-11-25").await;
}

#[tokio::test]
async fn the_stateless_revision_conforms() {
    conforms("2026-07-28").await;
}

/// Runs every server scenario of the suite that applies to `revision`. The suite itself fails on a failure that
/// is not expected, and on an expectation that is stale.
async fn conforms(revision: &'static str) {
    let Some((node, folder)) = installed() else { return };
    let stand = Stand::start(double::suite(), Settings::off(), Persona::Honest).await;
    let url = format!("{}/mcp", stand.base);
    let expected = format!("{PINNED}/expected-failures-{revision}.yaml");
    let said = tokio::task::spawn_blocking(move || {
        let arguments = ["server", "--suite", "all", "--url", &url, "--spec-version", revision, "--expected-failures", &expected];
        Command::new(node).arg(folder.join(SUITE)).args(arguments).stdin(Stdio::null()).output()
    });
    let said = said.await.unwrap().unwrap();
    let text = String::from_utf8_lossy(&said.stdout);
    assert!(said.status.success(), "{text}\n{}", String::from_utf8_lossy(&said.stderr));
    let total = text.lines().find_map(|line| line.strip_prefix("Total: ")?.split(' ').next()?.parse::<u32>().ok());
    assert!(total.is_some_and(|passed| passed >= CHECKS_MIN), "a run that checks little proves little: {text}");
}

/// The node to use, and the folder of the suite; `None` after saying why there is none.
fn installed() -> Option<(PathBuf, PathBuf)> {
    match install() {
        Ok(found) => Some(found),
        Err(reason) => {
            let required = variable("MCP_VITALS_REAL_HUB").is_some_and(|v| v == "required");
            assert!(!required, "the conformance suite is required here: {reason}");
            println!("skipped: {reason}");
            None
        }
    }
}

/// A variable of the developer's environment.
#[expect(clippy::disallowed_methods, reason = "this test's one home of the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name)
}

fn install() -> Result<(PathBuf, PathBuf), String> {
    let node = version("node")?;
    version("npm")?;
    let major: Option<u32> = node.trim_start_matches('v').split('.').next().and_then(|n| n.parse().ok());
    let is_new = major.is_some_and(|major| major >= NODE_MIN);
    let lock = fs::read_to_string(format!("{PINNED}/package-lock.json")).expect("the lock file is in the repository");
    let mut hash = DefaultHasher::new();
    (lock, is_new).hash(&mut hash);
    let folder = scratch().join(format!("conformance-{:016x}", hash.finish()));

    // Several tests come here at once; the lock goes with the file when this returns.
    fs::create_dir_all(&folder).expect("the target folder is ours");
    let one_at_a_time = fs::File::create(folder.with_extension("lock")).expect("the target folder is ours");
    one_at_a_time.lock().expect("the file system has locks");
    if !folder.join(COMPLETE).exists() {
        for file in ["package.json", "package-lock.json"] {
            fs::copy(format!("{PINNED}/{file}"), folder.join(file)).expect("the target folder is ours");
        }
        let npm = npm_ci(&folder, is_new).map_err(|e| format!("npm does not run: {e}"))?;
        if !npm.status.success() {
            let said = String::from_utf8_lossy(&npm.stderr);
            let reason = said.lines().find(|l| l.starts_with("npm error")).unwrap_or("npm ci failed");
            return Err(format!("npm could not install the suite: {reason}"));
        }
        fs::write(folder.join(COMPLETE), "").expect("the target folder is ours");
    }
    let suitable = if is_new { Some(PathBuf::from("node")) } else { own_node(&folder) };
    Ok((
        suitable.ok_or_else(|| format!("node {node} is older than {NODE_MIN}, and there is no newer one for this machine"))?,
        folder,
    ))
}

/// The node among the packages: there is one for each architecture, and npm installs the one that fits.
fn own_node(folder: &Path) -> Option<PathBuf> {
    ["x64", "arm64"].iter().map(|arch| folder.join(format!("node_modules/node-linux-{arch}/bin/node"))).find(|path| path.exists())
}

/// The folder for tests below the target folder: this program lies in `target/<profile>/deps`.
fn scratch() -> PathBuf {
    let program = std::env::current_exe().expect("the test has a path");
    program.ancestors().nth(3).expect("the test lies below the target folder").join("tmp")
}

fn version(program: &str) -> Result<String, String> {
    let said = Command::new(program).arg("--version").output().ok().filter(|o| o.status.success());
    let said = said.ok_or_else(|| format!("{program} is not on this machine"))?;
    Ok(String::from_utf8_lossy(&said.stdout).trim().to_owned())
}

/// Installs what the lock file says, without install scripts. Few retries, so that a machine without a network
/// says so soon. A node that is new enough needs no other one, which is 120 MB.
fn npm_ci(folder: &Path, node_is_new: bool) -> std::io::Result<Output> {
    let arguments = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--fetch-retries=1", "--fetch-timeout=30000"];
    let omitted: &[&str] = if node_is_new { &["--omit=optional"] } else { &[] };
    Command::new("npm").args(arguments).args(omitted).current_dir(folder).output()
}

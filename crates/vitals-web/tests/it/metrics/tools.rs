//! Programs of others: Prometheus and Alertmanager from this machine, else out of the Debian packages, and the collector
//! `rotel`, the asker `schemathesis` and a mail server from the index of Python packages; all below the target folder.
//! Nothing is set up and no service runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Written last, so that a package that was unpacked in part is not taken for one.
const COMPLETE: &str = "complete";

/// The collector that is installed, pinned.
const ROTEL: &str = "rotel==0.0.1a15";

/// What asks an API at random, pinned.
const SCHEMATHESIS: &str = "schemathesis==4.32.5";

/// A program of Prometheus; `None`, with a line that says why, where it cannot be had.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    had("MCP_VITALS_PROMETHEUS", FOUND.get_or_init(find)).map(|folder| folder.join(name))
}

/// Alertmanager and the folder that it must run in; `None`, with a line that says why, where it cannot be had.
pub(crate) fn alertmanager() -> Option<(PathBuf, PathBuf)> {
    const NAME: &str = "prometheus-alertmanager";
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let installed = Path::new("/usr/bin").join(NAME);
    if installed.exists() {
        return Some((installed, PathBuf::from("/")));
    }
    let unpacked = || {
        once(NAME, |folder| {
            unpack(folder, NAME)?;
            relocate(&folder.join("usr/bin").join(NAME)).map_err(|error| error.to_string())
        })
    };
    let folder = had("MCP_VITALS_ALERTMANAGER", FOUND.get_or_init(unpacked))?;
    Some((folder.join("usr/bin").join(NAME), folder.join("usr/share/prometheus")))
}

/// Debian's Alertmanager reads its templates where they are when it is installed, and nowhere else. The path in the program is
/// written anew, of the same length and relative to `usr/share/prometheus` of the unpacked package.
fn relocate(program: &Path) -> std::io::Result<()> {
    let installed = b"/usr/share/prometheus/alertmanager";
    let here = [b"./".repeat(11), b"alertmanager".to_vec()].concat();
    assert_eq!(here.len(), installed.len());
    let mut bytes = fs::read(program)?;
    let mut at = 0;
    while let Some(found) = bytes[at..].windows(installed.len()).position(|window| window == installed) {
        bytes[at + found..at + found + here.len()].copy_from_slice(&here);
        at += found + here.len();
    }
    fs::write(program, bytes)
}

/// A Python with a mail server (`aiosmtpd`) and with certificates for it (`trustme`); `None`, with a line that says why, where
/// it cannot be had.
pub(crate) fn mail_server() -> Option<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    let install = || {
        once("aiosmtpd", |folder| venv(folder, &["aiosmtpd==1.4.6", "trustme==1.2.1"])).map(|folder| folder.join("bin/python3"))
    };
    had("MCP_VITALS_AIOSMTPD", FOUND.get_or_init(install))
}

/// The collector `rotel`; `None`, with a line that says why, where it cannot be had.
pub(crate) fn rotel() -> Option<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    had("MCP_VITALS_ROTEL", FOUND.get_or_init(install_rotel))
}

/// The program of `schemathesis`; `None`, with a line that says why, where it cannot be had.
pub(crate) fn schemathesis() -> Option<PathBuf> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    had(
        "MCP_VITALS_SCHEMATHESIS",
        FOUND.get_or_init(|| once("schemathesis", |folder| venv(folder, &[SCHEMATHESIS])).map(|of| of.join("bin/schemathesis"))),
    )
}

/// What was found; a word that it is required makes it a failure that nothing was.
#[expect(clippy::disallowed_methods, reason = "whether the tests may be skipped is the developer's word")]
fn had(variable: &str, found: &Result<PathBuf, String>) -> Option<PathBuf> {
    if let Err(reason) = found {
        let is_required = std::env::var_os(variable).is_some_and(|word| word == "required");
        assert!(!is_required, "required here: {reason}");
        // The macros' output is shown for failed tests only; this must be seen when all is well.
        let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {reason}\n").as_bytes());
    }
    found.clone().ok()
}

/// Runs `make` once per machine in a folder of this name below the target folder.
fn once(name: &str, make: impl FnOnce(&Path) -> Result<(), String>) -> Result<PathBuf, String> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
    // Several test processes may come here at once; the lock goes with the file when this returns.
    let one_at_a_time = fs::File::create(folder.with_extension("lock")).expect("the target folder is ours");
    one_at_a_time.lock().expect("the file system has locks");
    if !folder.join(COMPLETE).exists() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the target folder is ours");
        make(&folder)?;
        fs::write(folder.join(COMPLETE), "").expect("the target folder is ours");
    }
    Ok(folder)
}

fn install_rotel() -> Result<PathBuf, String> {
    let folder = once("rotel", |folder| venv(folder, &[ROTEL]))?;
    // The package's own command is a wrapper that starts this in the background.
    let libraries = fs::read_dir(folder.join("lib")).map_err(|e| e.to_string())?;
    let program = |library: fs::DirEntry| library.path().join("site-packages/rotel/rotel-agent");
    libraries.filter_map(Result::ok).map(program).find(|path| path.exists()).ok_or_else(|| "rotel has no program".to_owned())
}

/// A virtual environment of Python with these packages, from the machine's own index.
fn venv(folder: &Path, packages: &[&str]) -> Result<(), String> {
    run(Command::new("python3").args(["-m", "venv"]).arg(folder))?;
    run(Command::new(folder.join("bin/pip")).args(["install", "--quiet", "--disable-pip-version-check"]).args(packages))
}

fn find() -> Result<PathBuf, String> {
    let installed = Path::new("/usr/bin");
    if installed.join("prometheus").exists() && installed.join("promtool").exists() {
        return Ok(installed.to_owned());
    }
    once("prometheus", |folder| unpack(folder, "prometheus")).map(|folder| folder.join("usr/bin"))
}

/// Fetches a Debian package, with the machine's own sources, and unpacks it.
fn unpack(folder: &Path, name: &str) -> Result<(), String> {
    let fetched = run(Command::new("apt-get").args(["download", "-qq", name]).current_dir(folder));
    if fetched.is_err() {
        // A fresh image has no lists of packages yet.
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        run(Command::new("apt-get").args(["download", "-qq", name]).current_dir(folder))?;
    }
    let files = fs::read_dir(folder).expect("the target folder is ours");
    let package = files.filter_map(Result::ok).map(|file| file.path()).find(|path| path.extension().is_some_and(|e| e == "deb"));
    let package = package.ok_or("apt-get downloaded no package")?;
    run(Command::new("dpkg-deb").arg("-x").arg(package).arg(folder))
}

fn run(command: &mut Command) -> Result<(), String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = command.output().map_err(|_| format!("{name} is not on this machine"))?;
    let said = String::from_utf8_lossy(&ended.stderr);
    let last = said.lines().last().unwrap_or_default();
    ended.status.success().then_some(()).ok_or(format!("{name} failed: {last}"))
}

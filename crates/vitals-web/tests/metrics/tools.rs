//! The programs of Prometheus: from this machine, else out of the Debian package, below the target folder. Nothing
//! of the package is set up and no service of it runs.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

/// Written last, so that a package that was unpacked in part is not taken for one.
const COMPLETE: &str = "complete";

/// A program of Prometheus; `None`, with a line that says why, where it cannot be had.
pub(crate) fn program(name: &str) -> Option<PathBuf> {
    match folder() {
        Ok(folder) => Some(folder.join(name)),
        Err(reason) => {
            assert!(!is_required(), "Prometheus is required here: {reason}");
            // The macros' output is shown for failed tests only; this must be seen when all is well.
            let _ = std::io::Write::write_all(&mut std::io::stderr(), format!("skipped: {reason}\n").as_bytes());
            None
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "whether the tests may be skipped is the developer's word")]
fn is_required() -> bool {
    std::env::var_os("MCP_VITALS_PROMETHEUS").is_some_and(|word| word == "required")
}

/// The folder with the programs, or why there is none.
fn folder() -> Result<&'static Path, &'static str> {
    static FOUND: OnceLock<Result<PathBuf, String>> = OnceLock::new();
    FOUND.get_or_init(find).as_deref().map_err(String::as_str)
}

fn find() -> Result<PathBuf, String> {
    let installed = Path::new("/usr/bin");
    if installed.join("prometheus").exists() && installed.join("promtool").exists() {
        return Ok(installed.to_owned());
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("prometheus");
    // Several test processes may come here at once; the lock goes with the file when this returns.
    let one_at_a_time = fs::File::create(folder.with_extension("lock")).expect("the target folder is ours");
    one_at_a_time.lock().expect("the file system has locks");
    if !folder.join(COMPLETE).exists() {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir_all(&folder).expect("the target folder is ours");
        unpack(&folder)?;
        fs::write(folder.join(COMPLETE), "").expect("the target folder is ours");
    }
    Ok(folder.join("usr/bin"))
}

/// Fetches the Debian package, with the machine's own sources, and unpacks it.
fn unpack(folder: &Path) -> Result<(), String> {
    let fetched = run(Command::new("apt-get").args(["download", "-qq", "prometheus"]).current_dir(folder));
    if fetched.is_err() {
        // A fresh image has no lists of packages yet.
        run(Command::new("apt-get").args(["update", "-qq"]))?;
        run(Command::new("apt-get").args(["download", "-qq", "prometheus"]).current_dir(folder))?;
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

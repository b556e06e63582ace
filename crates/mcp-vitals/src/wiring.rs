//! The world that the other crates are given: environment, folders, configuration, history.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use tokio::signal::unix::{Signal, SignalKind, signal};
use vitals_engine::LookAround;
use vitals_engine::store::{Reader, Store, StoreError};
use vitals_judge::event::Memory;
use vitals_lab::part::Program;
use vitals_lab::place::Place;
use vitals_model::config::{Problem, Settings, Source, load};
use vitals_model::limits::CONFIG_BYTES_MAX;
use vitals_model::target::Target;
use vitals_probe::clock;
use vitals_probe::discover::{self, Found, Wanted};
use vitals_probe::hands::Surroundings;
use vitals_probe::http::Proxy;
use vitals_probe::workspace;

use crate::cli::Common;
use crate::render;

/// A variable of our environment; an empty one counts as not set.
#[expect(clippy::disallowed_methods, reason = "the wiring is where the environment is read")]
pub(crate) fn env(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Who we are: as the session says, as the user database of this machine says, else by number.
pub(crate) fn user() -> String {
    let named = env("LOGNAME").or_else(|| env("USER"));
    named.unwrap_or_else(|| {
        let uid = rustix::process::getuid().as_raw();
        let known = std::fs::read_to_string("/etc/passwd").ok().and_then(|all| named_in(&all, uid));
        known.unwrap_or_else(|| format!("uid {uid}"))
    })
}

/// The name of this machine; empty when the system does not say.
pub(crate) fn host() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

/// The name of a user in the text of passwd(5): `name:password:uid:…`.
fn named_in(passwd: &str, uid: u32) -> Option<String> {
    let name = |line: &str| {
        let mut fields = line.split(':');
        let (name, found) = (fields.next()?, fields.nth(1)?);
        (found.parse() == Ok(uid) && !name.is_empty()).then(|| name.to_owned())
    };
    passwd.lines().find_map(name)
}

/// A folder of the XDG base directory specification: the variable when it is absolute, else below home.
fn xdg(variable: &str, below_home: &str) -> Option<PathBuf> {
    let named = env(variable).map(PathBuf::from).filter(|path| path.is_absolute());
    named.or_else(|| Some(Path::new(&env("HOME")?).join(below_home)))
}

/// What probes are told of their surroundings. A lab's registry counts while the lab runs: what one that
/// was killed has left is no hub of anybody's.
pub(crate) fn surroundings(common: &Common) -> Surroundings {
    surroundings_with(common.config.as_deref())
}

/// The same as often as it is asked for: a lab may be started after us.
pub(crate) fn look_around(common: &Common) -> LookAround {
    let config = common.config.clone();
    Box::new(move || surroundings_with(config.as_deref()))
}

fn surroundings_with(config: Option<&Path>) -> Surroundings {
    let registries =
        env("HOME").map(|home| workspace::registries(Path::new(&home), xdg("XDG_STATE_HOME", ".local/state").as_deref()));
    let beside_config = config.and_then(Path::parent).and_then(|dir| dir.canonicalize().ok());
    let labs = lab_dir().into_iter().chain(beside_config).map(Place::new);
    let labs = labs.filter(vitals_lab::lab::is_running).map(|place| place.workspaces());
    let mut registries = registries.unwrap_or_default();
    registries.extend(labs);
    registries.dedup();
    Surroundings { registries, proxy: Proxy::from_environment(env) }
}

/// The folder of the lab when nobody names another.
pub(crate) fn lab_dir() -> Option<PathBuf> {
    xdg("XDG_STATE_HOME", ".local/state").map(|state| state.join("mcp-vitals/lab"))
}

/// The word behind which this program is a part of a lab. It is for the lab alone, so it is in no help.
pub(crate) const LAB_PART: &str = "lab-part";

/// How a lab starts this program again as one of its parts.
pub(crate) fn lab_program() -> anyhow::Result<Program> {
    let path = std::env::current_exe().context("this program does not know where it lies")?;
    Ok(Program { path, words: vec![LAB_PART.into()] })
}

/// What tells the program to end: Ctrl-C, SIGTERM, and the end of its terminal.
pub(crate) struct EndSignals {
    interrupt: Signal,
    terminate: Signal,
    /// None where we were started to outlive our terminal (`nohup`).
    hangup: Option<Signal>,
}

impl EndSignals {
    /// Listens from now on: a signal that comes before [`EndSignals::told`] is not lost. Needs a runtime.
    pub(crate) fn listen() -> anyhow::Result<Self> {
        let hangup = if ignores_hangup() { None } else { Some(listen(SignalKind::hangup())?) };
        Ok(Self { interrupt: listen(SignalKind::interrupt())?, terminate: listen(SignalKind::terminate())?, hangup })
    }

    /// Waits for the next of them.
    pub(crate) async fn told(&mut self) {
        let hangup = async {
            match &mut self.hangup {
                Some(signal) => signal.recv().await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = hangup => {}
        }
    }
}

/// Listens for one signal from now on. Needs a runtime.
pub(crate) fn listen(kind: SignalKind) -> anyhow::Result<Signal> {
    signal(kind).context("cannot listen for signals")
}

/// Whether SIGHUP is ignored by the wish of who started us. To be asked before listening for it, which
/// undoes that.
fn ignores_hangup() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    // Signal n is bit n-1, and SIGHUP is 1.
    ignored.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).is_some_and(|mask| mask & 1 == 1)
}

/// Carries out `work` on a single-threaded runtime: probes wait, they do not compute. What still runs on
/// another thread afterwards (a name look-up that outlived its limit) does not keep us.
pub(crate) fn block_on<T>(work: impl Future<Output = T>) -> anyhow::Result<T> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().context("cannot start the runtime")?;
    let done = runtime.block_on(work);
    runtime.shutdown_background();
    Ok(done)
}

/// The folder of this user's configurations, of all programs.
pub(crate) fn config_home() -> Option<PathBuf> {
    xdg("XDG_CONFIG_HOME", ".config")
}

/// Where the configuration is when nobody says: it need not be there.
pub(crate) fn default_config() -> Option<PathBuf> {
    config_home().map(|dir| dir.join("mcp-vitals/config.yaml"))
}

/// Bad configuration: every problem was found and is to be shown.
#[derive(Debug)]
pub(crate) struct BadConfiguration(pub Vec<Problem>);

impl std::fmt::Display for BadConfiguration {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for problem in &self.0 {
            writeln!(f, "{problem}\n")?;
        }
        write!(f, "{} in the configuration", vitals_model::text::count(self.0.len() as u64, "error"))
    }
}

impl std::error::Error for BadConfiguration {}

/// Reads the configuration; warnings are said on standard error.
pub(crate) fn settings(common: &Common) -> anyhow::Result<Settings> {
    let sources = sources(common)?;
    if sources.is_empty() {
        return Ok(Settings::default());
    }
    let (settings, warnings) = load(&sources).map_err(BadConfiguration)?;
    for warning in warnings {
        render::note(&warning.to_string());
    }
    Ok(settings)
}

/// The configuration's files: the one named, every `*.yaml` of a folder in order of name, or the
/// default one when it is there.
fn sources(common: &Common) -> anyhow::Result<Vec<Source>> {
    let Some(path) = common.config.clone().or_else(|| default_config().filter(|path| path.exists())) else {
        return Ok(Vec::new());
    };
    if !path.is_dir() {
        return Ok(vec![source(&path)?]);
    }
    let entries = std::fs::read_dir(&path).with_context(|| format!("cannot read {}", path.display()))?;
    let mut files: Vec<_> = entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|p| is_yaml(p)).collect();
    files.sort();
    if files.is_empty() {
        bail!("no *.yaml file in {}", path.display());
    }
    files.iter().map(|file| source(file)).collect()
}

fn is_yaml(path: &Path) -> bool {
    path.extension().is_some_and(|e| e == "yaml" || e == "yml")
}

fn source(path: &Path) -> anyhow::Result<Source> {
    let context = || format!("cannot read {}", path.display());
    let size = std::fs::metadata(path).with_context(context)?.len();
    if size > CONFIG_BYTES_MAX {
        bail!("{} has {size} bytes, expected at most {CONFIG_BYTES_MAX}", path.display());
    }
    Ok(Source { name: path.display().to_string(), text: std::fs::read_to_string(path).with_context(context)? })
}

/// The folder of the history.
pub(crate) fn state_dir(common: &Common, settings: &Settings) -> anyhow::Result<PathBuf> {
    let dir = common.state_dir.clone().or_else(|| settings.storage.dir.clone());
    let dir = dir.or_else(|| xdg("XDG_STATE_HOME", ".local/state").map(|state| state.join("mcp-vitals")));
    dir.context("no folder for the history: HOME is not set; name one with --state-dir")
}

/// The history for reading; `None` when there is none yet.
pub(crate) fn reader(dir: &Path) -> anyhow::Result<Option<Reader>> {
    match Store::read(dir) {
        Ok(reader) => Ok(Some(reader)),
        Err(StoreError::None { .. }) => Ok(None),
        Err(error) => Err(error).with_context(|| format!("history in {}", dir.display())),
    }
}

/// What the monitor before this one left behind. A history that cannot be read is said, and costs only
/// the memory.
pub(crate) fn memory(dir: &Path) -> Memory {
    remembered(dir, |reader| vitals_engine::history::memory(reader, clock::now()))
}

/// As [`memory`], with the last days of every target, which a watch goes on from.
pub(crate) fn memory_and_past(dir: &Path) -> Memory {
    remembered(dir, |reader| vitals_engine::history::memory_and_past(reader, clock::now()))
}

fn remembered(dir: &Path, recall: impl Fn(&Reader) -> Result<Memory, StoreError>) -> Memory {
    match reader(dir).and_then(|reader| Ok(reader.as_ref().map(recall).transpose()?)) {
        Ok(memory) => memory.unwrap_or_default(),
        Err(error) => {
            render::note(&format!("{error:#}: going on without what was known before"));
            Memory::default()
        }
    }
}

/// The targets, or why there is none: where was looked, and what to do.
pub(crate) fn targets(settings: &Settings, surroundings: &Surroundings, wanted: &[Wanted]) -> anyhow::Result<Vec<Target>> {
    let found = discover::find(settings, surroundings, wanted);
    if !found.unknown.is_empty() {
        bail!("{}", found.unknown.join("\n"));
    }
    if found.targets.is_empty() {
        bail!("{}", nothing_found(&found));
    }
    Ok(found.targets)
}

fn nothing_found(found: &Found) -> String {
    let mut text = "no hub found. Looked in\n".to_owned();
    for (path, what) in &found.looked {
        let _ = writeln!(text, "  {}: {what}", path.display());
    }
    text.push_str("Name one:      mcp-vitals check --target http://127.0.0.1:3000\n");
    text.push_str("or a server:   mcp-vitals check --mcp http://127.0.0.1:3001/mcp\n");
    text.push_str("or see it at work without any:   mcp-vitals demo");
    text
}

/// The folder for the history, the memory in it, and settings: what every looking command begins with.
#[derive(Clone)]
pub(crate) struct Ground {
    /// The settings.
    pub settings: Settings,
    /// The surroundings.
    pub surroundings: Surroundings,
    /// What was named.
    pub wanted: Vec<Wanted>,
    /// The folder of the history.
    pub state_dir: PathBuf,
}

impl Ground {
    /// Reads configuration and environment.
    pub(crate) fn new(common: &Common) -> anyhow::Result<Self> {
        let settings = settings(common)?;
        let state_dir = state_dir(common, &settings)?;
        Ok(Self { surroundings: surroundings(common), wanted: common.wanted()?, settings, state_dir })
    }

    /// The targets.
    pub(crate) fn targets(&self) -> anyhow::Result<Vec<Target>> {
        targets(&self.settings, &self.surroundings, &self.wanted)
    }

    /// Leaves no target, whatever is named, configured or there.
    pub(crate) fn watch_nothing(&mut self) {
        self.settings.targets.clear();
        self.settings.discover = false;
        self.wanted.clear();
    }

    /// Gives every target, configured or discovered, the original schedule.
    pub(crate) fn make_classic(&mut self) {
        let classic = vitals_model::config::Schedule::classic();
        Arc::make_mut(&mut self.settings.defaults).schedule = classic.clone();
        for configured in self.settings.targets.values_mut() {
            Arc::make_mut(&mut configured.settings).schedule = classic.clone();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::named_in;

    #[test]
    fn a_user_without_a_session_has_a_name_in_the_user_database() {
        let passwd = "root:x:0:0:root:/root:/bin/bash\nbroken\n:x:7:7::/:\nann:x:1000:1000:Ann,,,:/home/ann:/bin/sh\n";
        let names = [0, 1000, 7, 100].map(|uid| named_in(passwd, uid));
        assert_eq!(names, [Some("root".to_owned()), Some("ann".to_owned()), None, None]);
    }
}

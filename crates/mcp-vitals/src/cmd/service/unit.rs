//! The text of the systemd unit. It writes no file and starts nothing.
//!
//! What is closed off is all that a watch does not need. What it does need stays open, and why is said in the unit: the
//! processes of others, their ends, the hub's log, the sockets of this machine.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Whose service manager runs it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Scope {
    /// That of one user.
    User,
    /// That of the machine.
    System,
}

/// What a unit is made of.
pub(super) struct Unit<'a> {
    pub(super) scope: Scope,
    /// The program and its arguments.
    pub(super) command: Vec<String>,
    /// Of a system service: who it runs as; `None` is a user that systemd makes for it.
    pub(super) run_as: Option<&'a str>,
    /// The folder of the history, where systemd does not make it itself.
    pub(super) state: Option<&'a Path>,
    /// Further folders that it writes to.
    pub(super) writes: Vec<PathBuf>,
    /// Whether it starts programs of others (`stdio:` targets), which may compile as they run and need more memory.
    pub(super) starts_programs: bool,
}

/// Begins every unit that we wrote, so that no other is taken away.
pub(super) const MARK: &str = "# Written by mcp-vitals; changes belong into `systemctl edit mcp-vitals`.\n";

/// What a watch of some hubs never comes near (measured: 20 MB), so that it is stopped before it hurts the hub.
const MEMORY_MAX: &str = "256M";

/// The same with programs of others beside it.
const MEMORY_MAX_WITH_PROGRAMS: &str = "1G";

/// What costs a watch nothing in either manager.
const CLOSED: &str = "\
NoNewPrivileges=yes
ProtectSystem=strict
RestrictSUIDSGID=yes
RestrictRealtime=yes
RestrictNamespaces=yes
LockPersonality=yes
SystemCallArchitectures=native
# pidfd_open, by which it hears of the end of a process, and inotify, by which it hears of the log, are among these.
SystemCallFilter=@system-service
SystemCallFilter=~@privileged @obsolete
SystemCallErrorNumber=EPERM
# AF_NETLINK: sock_diag says who listens on the hub's port.
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6 AF_NETLINK
UMask=0077
";

/// What only the machine's manager can close.
const CLOSED_BY_SYSTEM: &str = "\
# The hub is a process of somebody else: /proc must show it, so ProtectProc= and PrivateUsers= stay off.
CapabilityBoundingSet=
ProtectHome=read-only
PrivateDevices=yes
ProtectClock=yes
ProtectControlGroups=yes
ProtectHostname=yes
ProtectKernelLogs=yes
ProtectKernelModules=yes
ProtectKernelTunables=yes
RemoveIPC=yes
";

impl Unit<'_> {
    /// The unit as a file.
    pub(super) fn text(&self) -> String {
        let command: Vec<_> = self.command.iter().map(|word| quoted(&word.replace('$', "$$"))).collect();
        let mut out = format!(
            "{MARK}[Unit]
Description=Health monitor for MCP hubs
Documentation=man:mcp-vitals(1)
After=network.target
StartLimitIntervalSec=300
StartLimitBurst=5

[Service]
Type=notify
WatchdogSec=60
ExecStart={}
ExecReload=/bin/kill -HUP $MAINPID
Restart=on-failure
RestartSec=5
# 3: it could not begin, because of its configuration or of another watch. Trying again does not help.
RestartPreventExitStatus=3
# Longer than closing sessions and sending the last records takes.
TimeoutStopSec=30
",
            command.join(" ")
        );
        // Writing to a String cannot fail.
        let _ = self.place(&mut out);
        out.push_str("\n# It needs little, and should never be what hurts the hub.\n");
        let memory_max = if self.starts_programs { MEMORY_MAX_WITH_PROGRAMS } else { MEMORY_MAX };
        let _ = write!(out, "MemoryMax={memory_max}\nTasksMax=128\nCPUWeight=20\nOOMPolicy=continue\n\n{CLOSED}");
        if !self.starts_programs {
            out.push_str("# Programs that compile as they run (node) need this off: see the guide, for `stdio:` targets.\n");
            out.push_str("MemoryDenyWriteExecute=yes\n");
        }
        if self.scope == Scope::System {
            out.push_str(CLOSED_BY_SYSTEM);
        }
        let wanted_by = if self.scope == Scope::System { "multi-user.target" } else { "default.target" };
        let _ = write!(out, "\n[Install]\nWantedBy={wanted_by}\n");
        out
    }

    /// Who it runs as, where it writes, where its secrets come from.
    fn place(&self, out: &mut String) -> std::fmt::Result {
        match (self.scope, self.run_as) {
            (Scope::User, _) => {}
            (Scope::System, Some(user)) => writeln!(out, "User={user}")?,
            (Scope::System, None) => writeln!(out, "DynamicUser=yes")?,
        }
        match self.scope {
            Scope::User => writeln!(out, "EnvironmentFile=-%h/.config/mcp-vitals/environment")?,
            Scope::System => writeln!(out, "EnvironmentFile=-/etc/mcp-vitals/environment")?,
        }
        if self.state.is_none() {
            writeln!(out, "StateDirectory=mcp-vitals\nStateDirectoryMode=0700")?;
        }
        for path in self.state.into_iter().chain(self.writes.iter().map(PathBuf::as_path)) {
            writeln!(out, "ReadWritePaths={}", quoted(&path.to_string_lossy()))?;
        }
        Ok(())
    }
}

/// One word of a unit: `%` begins a specifier, and white space ends a word.
fn quoted(word: &str) -> String {
    let word = word.replace('\\', "\\\\").replace('"', "\\\"").replace('%', "%%");
    let is_plain = !word.is_empty() && !word.contains(|c: char| c.is_whitespace() || "\"'\\;".contains(c));
    if is_plain { word } else { format!("\"{word}\"") }
}

#[cfg(test)]
mod tests;

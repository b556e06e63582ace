//! `cargo xtask package`: the Debian package, made with what every Debian has (`dpkg-deb`, `gzip`). It installs nothing.
//!
//! Source of the layout: the Debian Policy Manual 4.7 and deb-control(5).

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};

/// Beside the version of the workspace, what deb-control(5) asks for.
const MAINTAINER: &str = "The mcp-vitals developers <mcp-vitals@localhost>";

/// Which shell reads which completions where.
const COMPLETIONS: [(&str, &str); 3] = [
    ("bash", "usr/share/bash-completion/completions/mcp-vitals"),
    ("zsh", "usr/share/zsh/vendor-completions/_mcp-vitals"),
    ("fish", "usr/share/fish/vendor_completions.d/mcp-vitals.fish"),
];

/// Files of the repository, and where they lie once installed.
const FILES: [(&str, &str); 6] = [
    ("deploy/systemd/mcp-vitals.service", "usr/lib/systemd/system/mcp-vitals.service"),
    ("examples/mcp-vitals.yaml", "etc/mcp-vitals/config.yaml"),
    ("deploy/debian/copyright", "usr/share/doc/mcp-vitals/copyright"),
    ("CHANGELOG.md", "usr/share/doc/mcp-vitals/changelog"),
    ("examples/fleet.yaml", "usr/share/doc/mcp-vitals/examples/fleet.yaml"),
    ("examples/servers.yaml", "usr/share/doc/mcp-vitals/examples/servers.yaml"),
];

/// What dpkg runs when the package comes and goes.
const SCRIPTS: [&str; 3] = ["postinst", "prerm", "postrm"];

/// Reads `[--binary FILE]`, builds the program in release where none is named, and makes the package.
///
/// # Errors
/// A tool that is not there or fails, a folder that cannot be written.
pub fn run(args: &[String], out: &mut impl std::io::Write) -> anyhow::Result<bool> {
    let binary = match args {
        [] => release()?,
        [option, file] if option == "--binary" => PathBuf::from(file),
        _ => bail!("package takes [--binary FILE]"),
    };
    let package = build(&binary, &crate::root().join("target/package"), Packing::Small)?;
    writeln!(out, "{}", package.display())?;
    Ok(true)
}

fn release() -> anyhow::Result<PathBuf> {
    let mut cargo = Command::new(env!("CARGO"));
    asked(cargo.current_dir(crate::root()).args(["build", "--release", "--locked", "--package", "mcp-vitals"]))?;
    Ok(crate::root().join("target/release/mcp-vitals"))
}

/// How hard a package is packed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Packing {
    /// As small as dpkg-deb makes it: for one that is given away.
    Small,
    /// In a moment: for one that is installed and thrown away.
    Quick,
}

/// Makes the package with this program in the folder `to`; the path of the package.
///
/// # Errors
/// As [`run`].
pub fn build(binary: &Path, to: &Path, packing: Packing) -> anyhow::Result<PathBuf> {
    let version = env!("CARGO_PKG_VERSION");
    let architecture = asked(Command::new("dpkg").arg("--print-architecture"))?.trim().to_owned();
    let root = to.join("root");
    if root.exists() {
        fs::remove_dir_all(&root).with_context(|| format!("cannot empty {}", root.display()))?;
    }
    install(binary, &root, "usr/bin/mcp-vitals", 0o755)?;
    for (from, to) in FILES {
        install(&crate::root().join(from), &root, to, 0o644)?;
    }
    generate(binary, &root)?;
    compress(&root.join("usr/share/doc/mcp-vitals/changelog"))?;
    let control = control(version, &architecture, &fs::read(binary)?, installed_kib(&root)?);
    write(&root, "DEBIAN/control", &control)?;
    write(&root, "DEBIAN/conffiles", "/etc/mcp-vitals/config.yaml\n")?;
    for script in SCRIPTS {
        install(&crate::root().join("deploy/debian").join(script), &root, &format!("DEBIAN/{script}"), 0o755)?;
    }
    let package = to.join(format!("mcp-vitals_{version}_{architecture}.deb"));
    let packing: &[&str] = if packing == Packing::Quick { &["-Zgzip", "-z1"] } else { &[] };
    asked(Command::new("dpkg-deb").args(packing).args(["--root-owner-group", "--build"]).arg(&root).arg(&package))?;
    Ok(package)
}

/// What the program itself writes: manual pages and completions.
fn generate(binary: &Path, root: &Path) -> anyhow::Result<()> {
    let manuals = root.join("usr/share/man/man1");
    make_folder(&manuals)?;
    asked(Command::new(binary).args(["man", "--dir"]).arg(&manuals))?;
    for page in fs::read_dir(&manuals)? {
        let page = page?.path();
        fs::set_permissions(&page, fs::Permissions::from_mode(0o644))?;
        compress(&page)?;
    }
    for (shell, to) in COMPLETIONS {
        write(root, to, &asked(Command::new(binary).args(["completions", shell]))?)?;
    }
    Ok(())
}

fn install(from: &Path, root: &Path, to: &str, mode: u32) -> anyhow::Result<()> {
    let to = root.join(to);
    make_folder(to.parent().context("a file lies in a folder")?)?;
    fs::copy(from, &to).with_context(|| format!("cannot copy {} to {}", from.display(), to.display()))?;
    Ok(fs::set_permissions(&to, fs::Permissions::from_mode(mode))?)
}

fn write(root: &Path, to: &str, text: &str) -> anyhow::Result<()> {
    let to = root.join(to);
    make_folder(to.parent().context("a file lies in a folder")?)?;
    fs::write(&to, text).with_context(|| format!("cannot write {}", to.display()))?;
    Ok(fs::set_permissions(&to, fs::Permissions::from_mode(0o644))?)
}

/// Makes a folder and those above it, readable for all whatever the umask: they become those of the machine.
fn make_folder(folder: &Path) -> anyhow::Result<()> {
    if !folder.exists() {
        if let Some(above) = folder.parent() {
            make_folder(above)?;
        }
        fs::create_dir(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o755))?;
    }
    Ok(())
}

/// Policy 12.3 and 12.7: manual pages and changelogs are compressed, and hold no time.
fn compress(file: &Path) -> anyhow::Result<()> {
    asked(Command::new("gzip").args(["-9", "-n"]).arg(file)).map(drop)
}

fn control(version: &str, architecture: &str, binary: &[u8], kib: u64) -> String {
    let libc = glibc(binary).map_or_else(|| "libc6".to_owned(), |(major, minor)| format!("libc6 (>= {major}.{minor})"));
    format!(
        "Package: mcp-vitals
Version: {version}
Architecture: {architecture}
Maintainer: {MAINTAINER}
Installed-Size: {kib}
Depends: {libc}, libgcc-s1
Recommends: ca-certificates
Section: admin
Priority: optional
Description: health monitor for MCP hubs
 Says whether an MCP hub is really healthy: it measures every integration
 point itself, compares what the hub claims with what is true, keeps the
 history, and opens and closes incidents with their reason.
 .
 The service is not started: `systemctl enable --now mcp-vitals` does that.
"
    )
}

/// The newest version of the C library that the program asks for, which the linker has written into it.
fn glibc(binary: &[u8]) -> Option<(u32, u32)> {
    const MARK: &[u8] = b"GLIBC_";
    let version = |at: usize| {
        let text = binary[at + MARK.len()..].iter().take_while(|b| b.is_ascii_digit() || **b == b'.');
        let text: String = text.map(|b| char::from(*b)).collect();
        let mut parts = text.split('.').map(str::parse);
        Some((parts.next()?.ok()?, parts.next()?.ok()?))
    };
    (0..binary.len().saturating_sub(MARK.len())).filter(|at| binary[*at..].starts_with(MARK)).filter_map(version).max()
}

/// The size of all files, in KiB, each rounded up.
fn installed_kib(folder: &Path) -> anyhow::Result<u64> {
    let mut kib = 0;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let about = entry.metadata()?;
        kib += if about.is_dir() { 1 + installed_kib(&entry.path())? } else { about.len().div_ceil(1024) };
    }
    Ok(kib)
}

/// Runs a program; what it wrote.
fn asked(command: &mut Command) -> anyhow::Result<String> {
    let name = command.get_program().to_string_lossy().into_owned();
    let ended = command.stderr(std::process::Stdio::inherit()).output().with_context(|| format!("{name} does not run"))?;
    if !ended.status.success() {
        bail!("{name} failed: {}", ended.status);
    }
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

#[cfg(test)]
mod tests {
    use super::glibc;

    #[test]
    fn the_newest_c_library_counts() {
        assert_eq!(glibc(b"\0GLIBC_2.2.5\0GLIBC_2.34\0GLIBC_2.9\0GLIBC_PRIVATE\0"), Some((2, 34)));
        assert_eq!(glibc(b"static"), None);
    }
}

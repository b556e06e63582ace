//! Rules on every text file: nothing in the repository may depend on, or tell of, the machine it was
//! written on. Lock files name versions and hashes; where packages come from is each machine's choice.

use super::{File, Repo, Rule, Violation};

/// First folders of absolute paths that exist on one machine only.
const ONE_MACHINE: [&str; 4] = ["root", "tmp", "Users", "work"];

/// Words in the host of a URL that make it a package registry or a mirror of one.
const REGISTRY_WORDS: [&str; 5] = ["registry", "artifactory", "nexus", "mirror", "pypi"];

/// The only source that a Cargo lock file may name.
const CRATES_IO: &str = "source = \"registry+https://github.com/rust-lang/crates.io-index\"";

static PATH: Rule = Rule {
    id: "machine-path",
    why: "the path exists on one machine, or is shared by all its users",
    fix: "make it relative, take it from the environment, or use a temporary folder of its own",
};

static REGISTRY: Rule = Rule {
    id: "registry-host",
    why: "where packages come from is each machine's choice, and may not be public",
    fix: "leave it to the package manager's own configuration",
};

static LOCK: Rule = Rule {
    id: "lock-file",
    why: "a lock file pins what is installed, by version and hash, and not where it comes from",
    fix: "npm: `npm install --package-lock-only --omit-lockfile-registry-resolved`; cargo: remove the patch or git source",
};

pub(super) fn check(repo: &Repo) -> Vec<Violation> {
    let mut broken = Vec::new();
    for file in &repo.files {
        for (line, text) in file.lines() {
            if let Some(path) = machine_path(text) {
                broken.push(file.broken(&PATH, line, format!("`{path}`")));
            }
            if let Some(host) = registry_host(text) {
                broken.push(file.broken(&REGISTRY, line, format!("`{host}`")));
            }
        }
        match file.path.rsplit('/').next() {
            Some("package-lock.json") => check_npm_lock(file, &mut broken),
            Some("Cargo.lock") => check_cargo_lock(file, &mut broken),
            Some(".npmrc") => check_npmrc(file, &mut broken),
            _ => {}
        }
    }
    broken
}

/// The first absolute path below a folder of one machine. The same words inside a relative path or a
/// URL's path are no finding.
fn machine_path(text: &str) -> Option<&str> {
    text.match_indices('/').find_map(|(at, _)| {
        let inside = text[..at].chars().next_back().is_some_and(|c| c.is_alphanumeric() || "._-~*})>".contains(c));
        let path = text[at..].split(|c: char| c.is_whitespace() || "\"'`)<>,;".contains(c)).next()?;
        let below = ONE_MACHINE.iter().any(|folder| path[1..].strip_prefix(folder).is_some_and(|rest| rest.starts_with('/')));
        (!inside && below).then_some(path)
    })
}

/// The host of the first URL that names a package registry.
fn registry_host(text: &str) -> Option<&str> {
    text.split("://").skip(1).find_map(|rest| {
        let end = rest.find(|c: char| !(c.is_alphanumeric() || ".-:@".contains(c))).unwrap_or(rest.len());
        let host = &rest[..end];
        REGISTRY_WORDS.iter().any(|word| host.contains(word)).then_some(host)
    })
}

fn check_npm_lock(file: &File, broken: &mut Vec<Violation>) {
    let mut unpinned = None;
    for (line, text) in file.lines() {
        let text = text.trim();
        if text.starts_with("\"resolved\"") {
            broken.push(file.broken(&LOCK, line, "it says where a package comes from"));
        } else if text.starts_with("\"node_modules/") {
            if let Some(before) = unpinned.replace(line) {
                broken.push(file.broken(&LOCK, before, "a package without an integrity hash"));
            }
        } else if text.starts_with("\"integrity\"") {
            unpinned = None;
        }
    }
    if let Some(line) = unpinned {
        broken.push(file.broken(&LOCK, line, "a package without an integrity hash"));
    }
}

fn check_cargo_lock(file: &File, broken: &mut Vec<Violation>) {
    for (line, text) in file.lines().filter(|(_, text)| text.starts_with("source = ") && *text != CRATES_IO) {
        broken.push(file.broken(&LOCK, line, format!("`{text}`")));
    }
}

fn check_npmrc(file: &File, broken: &mut Vec<Violation>) {
    for (line, _) in file.lines().filter(|(_, text)| text.split('=').next().is_some_and(|key| key.trim().ends_with("registry"))) {
        broken.push(file.broken(&REGISTRY, line, "a registry is set"));
    }
}

#[cfg(test)]
mod tests;

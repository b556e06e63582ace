//! Who may use whom: edges between our crates, crates that nobody may use, and what keeps the two
//! pure crates pure. Source is read without its tests: a test may read its cases from files.

use syn::spanned::Spanned as _;
use syn::visit::{self, Visit};

use super::{File, Repo, Rule, Violation, rust};

static EDGE: Rule = Rule {
    id: "crate-edge",
    why: "ARCHITECTURE.md lists every allowed edge; each one more makes two parts harder to change alone",
    fix: "move the code to the crate that may do it, or argue for the edge in ARCHITECTURE.md and add it to tidy",
};

static BANNED: Rule = Rule {
    id: "banned-crate",
    why: "it has been weighed and left out: deny.toml says why",
    fix: "use what the workspace has for this need",
};

static PURE_DEPENDENCY: Rule = Rule {
    id: "pure-dependency",
    why: "model and judge know no clock, socket, file, environment or randomness: their tests need none, and a replay gives the same judgement",
    fix: "do it in probe or engine and pass the value in",
};

static PURE_CODE: Rule = Rule { id: "pure-code", why: PURE_DEPENDENCY.why, fix: PURE_DEPENDENCY.fix };

/// The allowed edges, complete. `mcp-vitals` wires everything, and its measurements use the frame of
/// `xtask`, which reads the vocabulary and measures the judgement.
const EDGES: [(&str, &[&str]); 11] = [
    ("vitals-model", &[]),
    ("vitals-sim", &["vitals-model"]),
    ("vitals-judge", &["vitals-model", "vitals-sim"]),
    ("vitals-probe", &["vitals-model"]),
    ("vitals-lab", &["vitals-model", "vitals-probe"]),
    ("vitals-engine", &["vitals-model", "vitals-judge", "vitals-probe"]),
    ("vitals-web", &["vitals-model"]),
    ("vitals-tui", &["vitals-model"]),
    ("vitals-fleet", &["vitals-model", "vitals-judge"]),
    (
        "mcp-vitals",
        &[
            "vitals-model",
            "vitals-judge",
            "vitals-probe",
            "vitals-lab",
            "vitals-engine",
            "vitals-web",
            "vitals-tui",
            "vitals-fleet",
            "xtask",
        ],
    ),
    ("xtask", &["vitals-model", "vitals-judge"]),
];

/// Crates that no crate of ours may name.
const BANNED_EVERYWHERE: [&str; 5] = ["chrono", "openssl", "native-tls", "lazy_static", "once_cell"];

/// Crates that may use `rmcp`: those with servers. What a prober must see is hidden by it.
const MAY_RMCP: [&str; 2] = ["vitals-lab", "vitals-web"];

/// Crates that may use `anyhow`: where errors end, not where they begin.
const MAY_ANYHOW: [&str; 2] = ["mcp-vitals", "xtask"];

/// The pure crates.
const PURE: [&str; 3] = ["vitals-model", "vitals-judge", "vitals-sim"];

/// All that a pure crate may depend on, tests aside. A list of what is allowed cannot forget a crate.
const PURE_MAY_USE: [&str; 11] = [
    "vitals-model",
    "jiff",
    "serde",
    "serde_json",
    "serde-saphyr",
    "schemars",
    "sha2",
    "thiserror",
    "granit-parser",
    "url",
    "minijinja",
];

/// Nouns of `std::net` that open nothing.
const NET_NOUNS: [&str; 6] = ["IpAddr", "Ipv4Addr", "Ipv6Addr", "SocketAddr", "SocketAddrV4", "SocketAddrV6"];

/// Modules of `std` that reach out of the process.
const STD_IMPURE: [&str; 6] = ["fs", "env", "process", "thread", "os", "net"];

pub(super) fn check(repo: &Repo) -> Vec<Violation> {
    let mut broken = Vec::new();
    for file in &repo.files {
        if file.path.ends_with("Cargo.toml") {
            check_manifest(file, &mut broken);
        } else if file.is_rust() && PURE.iter().any(|p| file.path.starts_with(&format!("crates/{p}/src/"))) {
            check_pure_source(file, &mut broken);
        }
    }
    broken
}

/// Whether a dependency is part of what is shipped.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    Shipped,
    TestOnly,
}

struct Dependency {
    name: String,
    line: usize,
    used: Use,
}

fn check_manifest(file: &File, broken: &mut Vec<Violation>) {
    let dependencies = dependencies(file);
    for d in dependencies.iter().filter(|d| BANNED_EVERYWHERE.contains(&d.name.as_str())) {
        broken.push(file.broken(&BANNED, d.line, format!("`{}` is used", d.name)));
    }
    let Some(own) = package_name(file) else { return };
    let Some((_, may)) = EDGES.iter().find(|(name, _)| *name == own) else {
        broken.push(file.broken(&EDGE, 1, format!("the crate `{own}` is in no list of edges")));
        return;
    };
    for d in &dependencies {
        let name = d.name.as_str();
        if EDGES.iter().any(|(ours, _)| *ours == name) && !may.contains(&name) {
            broken.push(file.broken(&EDGE, d.line, format!("{own} -> {name} is not an allowed edge")));
        } else if name == "rmcp" && !MAY_RMCP.contains(&own) {
            broken.push(file.broken(&BANNED, d.line, format!("`rmcp` is used by {own}")));
        } else if name == "anyhow" && !MAY_ANYHOW.contains(&own) {
            broken.push(file.broken(&BANNED, d.line, format!("`anyhow` is used by {own}; a library has its own errors")));
        } else if PURE.contains(&own) && d.used == Use::Shipped && !PURE_MAY_USE.contains(&name) {
            broken.push(file.broken(&PURE_DEPENDENCY, d.line, format!("{own} uses `{name}`")));
        }
    }
}

fn package_name(file: &File) -> Option<&str> {
    let mut lines = file.text.lines().skip_while(|l| l.trim() != "[package]").skip(1);
    lines.find_map(|l| l.strip_prefix("name = \"")?.strip_suffix('"'))
}

/// Dependencies in the order of the file. It reads the plain TOML that our manifests are written in:
/// one dependency per line, or a table of its own.
fn dependencies(file: &File) -> Vec<Dependency> {
    let mut found: Vec<Dependency> = Vec::new();
    let mut section = None;
    for (line, text) in file.lines() {
        let text = text.trim();
        if let Some(head) = text.strip_prefix('[') {
            let head = head.trim_end_matches(']');
            let used = if head.contains("dev-dependencies") { Use::TestOnly } else { Use::Shipped };
            section = head.ends_with("dependencies").then_some(used);
            if let Some((_, name)) = head.rsplit_once("dependencies.") {
                found.push(Dependency { name: name.to_owned(), line, used });
            }
        } else if let (Some(used), Some((key, value))) = (section, text.split_once('='))
            && !text.starts_with('#')
        {
            let key = key.split('.').next().unwrap_or(key).trim().trim_matches('"');
            let renamed = value.split_once("package = \"").and_then(|(_, rest)| rest.split('"').next());
            found.push(Dependency { name: renamed.unwrap_or(key).to_owned(), line, used });
        }
    }
    found
}

fn check_pure_source(file: &File, broken: &mut Vec<Violation>) {
    if rust::is_test_file(&file.path) {
        return;
    }
    // A file that does not parse is said by the rules on Rust.
    let Ok(parsed) = syn::parse_file(&file.text) else { return };
    let mut reach = Reach { found: Vec::new() };
    reach.visit_file(&parsed);
    for (line, path) in reach.found {
        broken.push(file.broken(&PURE_CODE, line, format!("`{path}` reaches out of a pure crate")));
    }
}

/// Finds paths that reach out, tests aside.
struct Reach {
    found: Vec<(usize, String)>,
}

impl Reach {
    fn look(&mut self, line: usize, segments: &[String]) {
        if is_impure(segments) {
            self.found.push((line, segments.join("::")));
        }
    }

    fn look_at_use(&mut self, tree: &syn::UseTree, before: &[String]) {
        let with = |ident: &dyn ToString| [before, &[ident.to_string()]].concat();
        match tree {
            syn::UseTree::Path(path) => self.look_at_use(&path.tree, &with(&path.ident)),
            syn::UseTree::Name(name) => self.look(name.span().start().line, &with(&name.ident)),
            syn::UseTree::Rename(name) => self.look(name.span().start().line, &with(&name.ident)),
            syn::UseTree::Glob(glob) => self.look(glob.span().start().line, &with(&'*')),
            syn::UseTree::Group(group) => group.items.iter().for_each(|item| self.look_at_use(item, before)),
        }
    }
}

impl<'ast> Visit<'ast> for Reach {
    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        if !rust::is_cfg_test(&item.attrs) {
            visit::visit_item_mod(self, item);
        }
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        if !rust::is_cfg_test(&item.attrs) {
            self.look_at_use(&item.tree, &[]);
        }
    }

    fn visit_path(&mut self, path: &'ast syn::Path) {
        let segments: Vec<String> = path.segments.iter().map(|s| s.ident.to_string()).collect();
        self.look(path.span().start().line, &segments);
        visit::visit_path(self, path);
    }

    /// A macro's input is tokens, not syntax: paths in it are found as text.
    fn visit_macro(&mut self, mac: &'ast syn::Macro) {
        let tokens: String = mac.tokens.to_string().split_whitespace().collect();
        for path in tokens.split(|c: char| !(c.is_alphanumeric() || c == '_' || c == ':')) {
            let segments: Vec<String> = path.split("::").map(str::to_owned).collect();
            self.look(mac.span().start().line, &segments);
        }
    }
}

fn is_impure(segments: &[String]) -> bool {
    let segments: Vec<&str> = segments.iter().map(String::as_str).collect();
    match segments.as_slice() {
        ["std", "net", noun, ..] if NET_NOUNS.contains(noun) => false,
        ["std", module, ..] if STD_IMPURE.contains(module) => true,
        _ => {
            segments.contains(&"SystemTime")
                || segments.ends_with(&["Instant", "now"])
                || segments.ends_with(&["Timestamp", "now"])
                || segments.ends_with(&["Zoned", "now"])
        }
    }
}

#[cfg(test)]
mod tests;

//! Rules on the documentation: relative links lead somewhere, the checks it names exist, and the test
//! command that it gives is the one that holds a merge.

use std::collections::BTreeSet;

use vitals_model::check::Point;

use super::{File, Repo, Rule, Violation, has_extension};

/// The reference of all checks.
const REFERENCE: &str = "docs/reference/checks.md";

/// The page whose table of checks must agree with the reference.
const README: &str = "README.md";

/// Every question that is asked, by point; `<server>/…` is asked once per server.
///
/// This list stands in for the product's own until the reference is generated from it.
const QUESTIONS: [(Point, &[&str]); 6] = [
    (
        Point::HubServers,
        &[
            "process",
            "host",
            "cpu",
            "memory",
            "fds",
            "threads",
            "children",
            "restarts",
            "orphans",
            "port",
            "exposure",
            "api",
            "state",
            "tokens",
            "lock",
            "<server>/truth",
            "<server>/claim",
            "<server>/process",
            "<server>/uptime",
            "<server>/flaps",
            "<server>/call",
            "<server>/tools",
            "<server>/drift",
            "<server>/signs",
            "<server>/tokens",
            "<server>/open",
            "<server>/noise",
        ],
    ),
    (Point::HubLlm, &["provider", "key", "latency", "fallback"]),
    (Point::FilteringSessions, &["open", "tools", "isolation", "cleanup", "storm", "stats"]),
    (Point::MetaToolClients, &["registered", "call", "list-changed", "clients"]),
    (
        Point::Logging,
        &["file", "written", "silence", "format", "errors", "growth", "size", "disk", "rotation", "stream", "heartbeat"],
    ),
    (Point::Workspace, &["entry", "config"]),
];

/// The one test command.
const TEST_COMMAND: &str = "cargo test --workspace";

/// Where it must stand on a line of its own.
const TEST_COMMAND_IN: [&str; 2] = [README, ".ci/run"];

static COMMAND: Rule = Rule {
    id: "test-command",
    why: "what a reader is told to run and what a merge must pass are the same command",
    fix: "give the line `cargo test --workspace`, without options",
};

static LINK: Rule = Rule {
    id: "link",
    why: "a reader who follows it finds nothing",
    fix: "correct the path or the heading, or take the link out",
};

static CHECK: Rule = Rule {
    id: "check-id",
    why: "check ids are a contract: dashboards, alerts and history use them",
    fix: "write the id that the product uses, in the reference and in the README's table",
};

pub(super) fn check(repo: &Repo) -> Vec<Violation> {
    let mut broken = Vec::new();
    for file in repo.files.iter().filter(|f| has_extension(&f.path, "md")) {
        check_links(repo, file, &mut broken);
    }
    check_ids(repo, &mut broken);
    for file in TEST_COMMAND_IN.iter().filter_map(|path| repo.file(path)) {
        if !file.text.lines().any(|l| l.trim() == TEST_COMMAND) {
            broken.push(file.broken(&COMMAND, 1, "the test command is not there"));
        }
    }
    broken
}

fn check_links(repo: &Repo, file: &File, broken: &mut Vec<Violation>) {
    for (line, text) in prose(file) {
        for target in links(&text) {
            let (path, heading) = target.split_once('#').unwrap_or((target, ""));
            let Some(path) = (if path.is_empty() { Some(file.path.clone()) } else { resolve(&file.path, path) }) else {
                broken.push(file.broken(&LINK, line, format!("`{target}` leads out of the repository")));
                continue;
            };
            let folder = format!("{}/", path.trim_end_matches('/'));
            match repo.file(&path) {
                Some(page) if !heading.is_empty() && has_extension(&path, "md") && !headings(page).contains(heading) => {
                    broken.push(file.broken(&LINK, line, format!("`{path}` has no heading `#{heading}`")));
                }
                None if !repo.files.iter().any(|f| f.path.starts_with(&folder)) => {
                    broken.push(file.broken(&LINK, line, format!("`{path}` does not exist")));
                }
                _ => {}
            }
        }
    }
}

/// Lines outside code blocks, code spans blanked.
fn prose(file: &File) -> impl Iterator<Item = (usize, String)> {
    let mut fenced = false;
    file.lines().filter_map(move |(line, text)| {
        let fence = text.trim_start().starts_with("```");
        fenced ^= fence;
        let outside = text.split('`').step_by(2).collect::<Vec<_>>().join(" ");
        (!fence && !fenced).then_some((line, outside))
    })
}

/// Link targets of a line that are not addresses on the web.
fn links(text: &str) -> Vec<&str> {
    let inline = text.split("](").skip(1).filter_map(|rest| rest.split([')', ' ']).next());
    let defined = text.strip_prefix('[').and_then(|t| t.split_once("]: ")).map(|(_, target)| target.trim());
    inline.chain(defined).filter(|t| !t.contains("://") && !t.starts_with("mailto:")).collect()
}

/// The path that `link` means in the file `from`; `None` when it leads out of the repository.
fn resolve(from: &str, link: &str) -> Option<String> {
    let mut parts: Vec<&str> = from.split('/').collect();
    parts.pop();
    for part in link.split('/') {
        match part {
            "." | "" => {}
            ".." => drop(parts.pop()?),
            name => parts.push(name),
        }
    }
    Some(parts.join("/"))
}

/// The names by which a page's headings are linked.
fn headings(page: &File) -> BTreeSet<String> {
    let name = |heading: &str| {
        let plain = heading.trim_start_matches('#').trim().to_lowercase();
        plain.chars().filter(|c| c.is_alphanumeric() || " -_".contains(*c)).map(|c| if c == ' ' { '-' } else { c }).collect()
    };
    page.text.lines().filter(|l| l.starts_with('#')).map(name).collect()
}

fn check_ids(repo: &Repo, broken: &mut Vec<Violation>) {
    let Some(reference) = repo.file(REFERENCE) else { return };
    let known: BTreeSet<String> =
        QUESTIONS.iter().flat_map(|(point, all)| all.iter().map(move |q| format!("{}/{q}", point.as_str()))).collect();
    let documented = ids(reference);
    for (line, id) in documented.iter().filter(|(_, id)| !known.contains(id)) {
        broken.push(reference.broken(&CHECK, *line, format!("`{id}` is no check")));
    }
    for id in known.iter().filter(|id| !documented.iter().any(|(_, d)| d == *id)) {
        broken.push(reference.broken(&CHECK, 1, format!("`{id}` is not described")));
    }
    if let Some(readme) = repo.file(README) {
        for (line, id) in ids(readme).into_iter().filter(|(_, id)| !known.contains(id)) {
            broken.push(readme.broken(&CHECK, line, format!("`{id}` is no check")));
        }
    }
}

/// Code spans in tables that look like check ids. `point/{a,b}` names several.
fn ids(file: &File) -> Vec<(usize, String)> {
    let rows = file.lines().filter(|(_, text)| text.starts_with('|'));
    let spans = rows.flat_map(|(line, text)| text.split('`').skip(1).step_by(2).map(move |span| (line, span)));
    let of_a_point = |span: &str| Point::ALL.iter().any(|p| span.strip_prefix(p.as_str()).is_some_and(|r| r.starts_with('/')));
    spans.filter(|(_, span)| of_a_point(span)).flat_map(|(line, span)| expand(span).map(move |id| (line, id))).collect()
}

fn expand(span: &str) -> impl Iterator<Item = String> {
    let (before, alternatives) = span.strip_suffix('}').and_then(|s| s.split_once('{')).unwrap_or((span, ""));
    alternatives.split(',').map(move |one| format!("{before}{}", one.trim()))
}

#[cfg(test)]
mod tests;

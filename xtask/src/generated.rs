//! `cargo xtask gen`: writes the reference pages that are made from code. Each has a test that compares
//! page and code, and writes the page instead when `UPDATE` is set; here they are only told to.

use std::process::Command;

use anyhow::Context as _;

/// Crates with such a test, and the words that all of their names have in common.
const TESTS: [(&str, &str); 5] = [
    ("vitals-model", "reference"),
    ("vitals-lab", "reference"),
    ("vitals-tui", "reference"),
    ("vitals-web", "reference"),
    ("mcp-vitals", "reference"),
];

/// Writes them all. `true` when all could be made.
///
/// # Errors
/// When cargo does not run.
pub fn write() -> anyhow::Result<bool> {
    let mut made = true;
    for (package, name) in TESTS {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.current_dir(crate::root()).env("UPDATE", "1").args(["test", "--quiet", "--package", package, name]);
        made &= cargo.status().context("cargo does not run")?.success();
    }
    Ok(made)
}

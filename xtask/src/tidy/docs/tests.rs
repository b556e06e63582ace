//! Good and bad pages.

use super::*;
use crate::tidy::said;

/// What is said about a README with this text and the test command.
fn pages(readme: &str) -> Vec<String> {
    let readme = &format!("{readme}\n{TEST_COMMAND}\n");
    let other = ("docs/a/other.md", "# The one word\n\n[back](../../README.md) [self](#the-one-word)\n");
    said(&check(&Repo::of(&[("README.md", readme), other])))
}

#[test]
fn a_link_leads_to_a_file_a_folder_or_a_heading() {
    assert_eq!(pages("[a](docs/a/other.md) [b](docs) [c](docs/a/) [d](docs/a/other.md#the-one-word)"), [""; 0]);
    assert_eq!(pages("[a](https://host/x) `[b](gone.md)`\n```\n[c](gone.md)\n```\n"), [""; 0]);
    assert_eq!(pages("x\n[a](gone.md)"), ["README.md:2 link"]);
    assert_eq!(pages("![a](docs/gone.svg \"title\")"), ["README.md:1 link"]);
    assert_eq!(pages("[a]: gone.md"), ["README.md:1 link"]);
    assert_eq!(pages("[a](docs/a/other.md#another-word)"), ["README.md:1 link"]);
    assert_eq!(pages("[a](../outside.md)"), ["README.md:1 link"]);
}

fn reference() -> String {
    QUESTIONS.map(|(point, all)| format!("| `{}/{{{}}}` | x |\n", point.as_str(), all.join(", "))).concat()
}

#[test]
fn the_reference_names_every_check_and_no_other() {
    let said_of = |text: &str| said(&check(&Repo::of(&[(REFERENCE, text)])));
    assert_eq!(said_of(&reference()), [""; 0]);
    assert_eq!(said_of(&format!("{}| `workspace/moon` |\n", reference())), ["docs/reference/checks.md:7 check-id"]);
    assert_eq!(said_of(&reference().replace(", config", "")), ["docs/reference/checks.md:1 check-id"]);
}

#[test]
fn the_readme_names_no_check_that_is_not_there() {
    let said_of =
        |readme: &str| said(&check(&Repo::of(&[(README, &format!("{readme}{TEST_COMMAND}\n")), (REFERENCE, &reference())])));
    assert_eq!(said_of("| `hub-llm/{key,latency}` | `cargo test` |\n"), [""; 0]);
    assert_eq!(said_of("text\n| `hub-llm/{key,mood}` |\n"), ["README.md:2 check-id"]);
}

#[test]
fn every_point_has_questions() {
    assert_eq!(QUESTIONS.map(|(point, _)| point), Point::ALL);
}

#[test]
fn readme_and_ci_give_the_one_test_command() {
    let said_of = |path, text: &str| said(&check(&Repo::of(&[(path, text)])));
    assert_eq!(said_of("README.md", "Run\n\n    cargo test --workspace\n"), [""; 0]);
    assert_eq!(said_of(".ci/run", "cargo test --workspace --release\n"), [".ci/run:1 test-command"]);
    assert_eq!(said_of("README.md", "Run `cargo test`.\n"), ["README.md:1 test-command"]);
}

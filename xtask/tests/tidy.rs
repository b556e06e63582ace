//! The repository keeps its own rules: `cargo xtask tidy` as a test, so that `cargo test --workspace`
//! holds it. The rules themselves are tested beside their code.

use xtask::tidy::{Repo, check};

#[test]
fn the_repository_keeps_its_rules() {
    let repo = Repo::read(xtask::root()).expect("the repository can be read");
    assert!(repo.len() > 30, "only {} files were found: tidy looks in the wrong place", repo.len());
    let broken: Vec<String> = check(&repo).iter().map(ToString::to_string).collect();
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n\n"));
}

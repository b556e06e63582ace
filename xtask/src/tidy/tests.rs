//! Reading a repository and writing what is broken; the rules have their own tests.

use super::*;

#[test]
fn what_is_built_or_fetched_is_not_read() {
    let root = tempfile::tempdir().expect("a temporary folder");
    for path in ["crates/a/src/lib.rs", "target/debug/x.rs", "tests/node_modules/y.js", ".git/HEAD"] {
        let path = root.path().join(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("made");
        std::fs::write(path, "text").expect("written");
    }
    let repo = Repo::read(root.path()).expect("read");
    assert_eq!(repo.files.iter().map(|f| f.path.as_str()).collect::<Vec<_>>(), ["crates/a/src/lib.rs"]);
}

#[test]
fn a_message_names_place_rule_reason_and_way_out() {
    static RULE: Rule = Rule { id: "no-frogs", why: "they jump", fix: "open the window" };
    let violation = Violation { path: "a/b.rs".into(), line: 7, rule: &RULE, found: "two frogs".into() };
    assert_eq!(violation.to_string(), "a/b.rs:7: no-frogs: two frogs\n  why: they jump\n  do:  open the window");
}

#[test]
fn everything_broken_is_said_in_order_of_place() {
    let repo = Repo::of(&[("crates/z/src/lib.rs", "fn a() { todo!() }\n"), ("docs/a.md", "[x](gone.md)\n")]);
    let places: Vec<_> = check(&repo).iter().map(|v| (v.path.clone(), v.line, v.rule.id)).collect();
    assert_eq!(
        places,
        [
            ("crates/z/src/lib.rs".to_owned(), 1, "file-header"),
            ("crates/z/src/lib.rs".to_owned(), 1, "unfinished"),
            ("docs/a.md".to_owned(), 1, "link")
        ]
    );
}

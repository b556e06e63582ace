//! Good and bad Rust.

use super::*;
use crate::tidy::said;

fn source(path: &str, text: &str) -> Vec<String> {
    said(&check(&Repo::of(&[(path, text)])))
}

/// What is said about a product source with a good header.
fn product(text: &str) -> Vec<String> {
    source("a.rs", &format!("//! A sample.\n{text}"))
}

/// What is said about a test file with a good header.
fn in_tests(text: &str) -> Vec<String> {
    source("tests/a.rs", &format!("//! A sample.\n{text}"))
}

#[test]
fn a_file_opens_with_what_it_is_for() {
    assert_eq!(product("fn f() {}"), [""; 0]);
    assert_eq!(source("a.rs", "// A sample.\nfn f() {}"), ["a.rs:1 file-header"]);
    assert_eq!(source("a.rs", "\n//! Late.\n"), ["a.rs:1 file-header"]);
}

#[test]
fn a_file_has_at_most_five_hundred_lines_of_code_and_any_number_of_prose() {
    let (at, over) = ("const _: () = ();\n".repeat(500), "const _: () = ();\n".repeat(501));
    assert_eq!(product(&format!("{at}{}", "// why\n\n".repeat(300))), [""; 0]);
    assert_eq!(product(&over), ["a.rs:1 file-length"]);
    assert_eq!(source("crates/a/src/b/tests.rs", &format!("//! Tests.\n{over}")), [""; 0]);
}

#[test]
fn a_function_has_at_most_seventy_lines() {
    let function = |lines: usize| format!("fn f() {{\n{}}}\n", "    g();\n".repeat(lines - 2));
    assert_eq!(product(&function(70)), [""; 0]);
    assert_eq!(product(&function(71)), ["a.rs:2 function-length"]);
    assert_eq!(product(&format!("struct S;\nimpl S {{\n{}}}", function(71))), ["a.rs:4 function-length"]);
}

#[test]
fn nothing_unfinished_and_no_ignored_test() {
    assert_eq!(product("/// Not todo!() at all.\nfn todo() -> &'static str { \"unimplemented!()\" }"), [""; 0]);
    assert_eq!(product("fn f() { todo!() }"), ["a.rs:2 unfinished"]);
    assert_eq!(product("fn f() { g(|| { unimplemented!(\"later\") }) }"), ["a.rs:2 unfinished"]);
    assert_eq!(in_tests("#[test]\n#[ignore]\nfn t() { assert!(true) }"), ["tests/a.rs:3 unfinished"]);
    assert_eq!(in_tests("proptest! {\n #[test]\n #[ignore = \"slow\"]\n fn t(x in 0..1) {}\n}"), ["tests/a.rs:4 unfinished"]);
}

#[test]
fn exceptions_are_expected_with_a_reason_never_allowed() {
    assert_eq!(product("#[expect(dead_code, reason = \"a sample\")]\nfn allow(x: u8) { allow(x) }"), [""; 0]);
    assert_eq!(product("#[allow(dead_code)]\nfn f() {}"), ["a.rs:2 allow"]);
    assert_eq!(product("#![allow(dead_code)]\nfn f() {}"), ["a.rs:2 allow"]);
    assert_eq!(product("#[cfg_attr(test, allow(dead_code))]\nfn f() {}"), ["a.rs:2 allow"]);
}

#[test]
fn a_test_polls_with_an_end_and_never_just_sleeps() {
    assert_eq!(in_tests("fn t() { while !ready() { std::thread::sleep(STEP); } }"), [""; 0]);
    assert_eq!(in_tests("fn t() { std::thread::sleep(STEP); }"), ["tests/a.rs:2 bare-sleep"]);
    assert_eq!(in_tests("async fn t() { tokio::select! { _ = sleep(STEP) => {} } }"), ["tests/a.rs:2 bare-sleep"]);
    assert_eq!(product("#[cfg(test)]\nmod tests {\n fn t() { sleep(STEP) }\n}"), ["a.rs:4 bare-sleep"]);
    assert_eq!(product("#[tokio::test]\nasync fn t() { sleep(STEP).await }"), ["a.rs:3 bare-sleep"]);
    assert_eq!(product("async fn run() { sleep(STEP).await }"), [""; 0]);
}

#[test]
fn a_file_that_does_not_parse_is_said() {
    assert_eq!(product("fn f( {"), ["a.rs:2 rust"]);
}

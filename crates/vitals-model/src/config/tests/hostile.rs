//! Configurations that nobody writes by mistake: never a panic, never more than bounded work.

use std::fmt::Write as _;

use proptest::prelude::*;

use super::{errors, read, show_problems};
use crate::config::{Source, example, load};
use crate::limits::{CONFIG_BYTES_MAX, CONFIG_PROBLEMS_MAX};

/// Nested aliases, ten times as many values with each line.
fn laughs(lines: usize) -> String {
    let mut text = "targets: &l0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for n in 1..lines {
        let aliases = vec![format!("*l{}", n - 1); 10].join(", ");
        writeln!(text, "k{n}: &l{n} [{aliases}]").unwrap();
    }
    text
}

#[test]
fn aliases_cannot_grow_without_bound() {
    assert!(errors(&laughs(30)).contains("more than 200000 values in one file"));
    assert!(errors("discover: &a [*a]").contains("an alias stands inside of what it repeats"));
}

#[test]
fn nesting_is_bounded() {
    for text in ["[".repeat(100_000), "{a: ".repeat(100_000), "- ".repeat(100_000), "? ".repeat(100_000)] {
        assert!(errors(&text).contains("this is not YAML"), "{}", &text[..4]);
    }
}

#[test]
fn size_is_bounded() {
    let byte = usize::try_from(CONFIG_BYTES_MAX).unwrap();
    assert!(errors(&"#".repeat(byte + 1)).contains("the file is larger than 1MiB"));
    let long = format!("defaults: {{meta_tool: {{prompt: {}}}}}", "x".repeat(byte - 100));
    assert!(errors(&long).contains("`prompt` is longer than 16384 bytes"));
    assert!(errors(&long).len() < 1000);
    assert!(errors(&format!("{}: 1", "k".repeat(500))).contains("a key longer than 100 bytes"));
}

#[test]
fn a_flood_of_problems_is_counted() {
    let text: String = (0..5000).fold(String::new(), |text, n| format!("{text}k{n}: 1\n"));
    let problems = read(&text).unwrap_err();
    assert_eq!(problems.len(), CONFIG_PROBLEMS_MAX);
    assert!(problems[CONFIG_PROBLEMS_MAX - 1].hint.ends_with("4900 more problems are not shown"), "{:?}", problems.last());
}

#[test]
fn no_mistake_shows_a_secret() {
    for text in [
        "defaults: {headers: {Cookie: hunter2, Cookie: hunter2}}",
        "defaults: {headers: {X: !tag hunter2, Y: hunter2}, x: \"",
        "defaults: {headers: {X: !tag hunter2, Y: hunter2, \"",
        "defaults: {headers: {X: !tag hunter2, [a]: 1}}",
        "discover: http://me:hunter2@host\nx: 1",
        "defaults: {llm: {key: [hunter2]}}",
        "targets: [{name: x, hub: 'http://me:hunter2@ho st'}]",
        "targets: [{name: x, hub: 'me:hunter2@host'}]",
        "defaults: {llm: {base_url: 'http://me:hunter2@x'}}",
        "defaults: {env: {A: hunter2}, enw: {B_TOKEN: hunter2}}",
    ] {
        let shown = errors(text);
        assert!(!shown.contains("hunter2"), "{shown}");
    }
}

#[test]
fn warnings_cannot_hide_an_error() {
    let headers: String = (0..2 * CONFIG_PROBLEMS_MAX).fold(String::new(), |text, n| format!("{text}    token-{n}: x\n"));
    assert_eq!(read(&format!("defaults:\n  headers:\n{headers}")).map(|(_, warnings)| warnings.len()), Ok(CONFIG_PROBLEMS_MAX));
    assert!(errors(&format!("defaults:\n  headers:\n{headers}\nstorage: {{raw: 1}}")).contains("error: `raw` needs a unit"));
}

/// Large files of the worst kinds are read in linear time; a quadratic reader took minutes here.
#[test]
fn work_is_bounded() {
    let size = usize::try_from(CONFIG_BYTES_MAX).unwrap() / 4;
    let many = |line: fn(usize) -> String| {
        (0..).map(line).scan(0, |sum, line| {
            *sum += line.len();
            (*sum < size).then_some(line)
        })
    };
    let texts = [
        many(|n| format!("k{n}: 1\n")).collect(),
        format!("defaults: {{headers: {{{}}}}}", many(|n| format!("k{n}: x, ")).collect::<String>()),
        format!("targets: [{}]", many(|n| format!("{{name: t{n}, hub: 'http://a'}}, ")).collect::<String>()),
        format!("targets: [{}]", "&a [], *a, ".repeat(size / 12)),
        "a: ".repeat(size / 3),
        "\"".repeat(size),
        "? ".repeat(size / 2),
        "&a ".repeat(size / 3),
        "- - - -\n".repeat(size / 8),
        " ".repeat(size),
        "#\n".repeat(size / 2),
        "'\n".repeat(size / 2),
        "|\n".repeat(size / 2),
        "---\n".repeat(size / 4),
    ];
    for text in texts {
        let again = Source { name: "b".to_owned(), text: text.clone() };
        let problems = load(&[again.clone(), again]).err().unwrap_or_default();
        assert!(problems.len() <= CONFIG_PROBLEMS_MAX);
        assert!(show_problems(&problems).len() < 100_000);
    }
}

#[test]
fn escape_sequences_do_not_reach_the_terminal() {
    let shown = errors("discover: \"a\u{202e}b\"\n\"k\\e[31m\": 1\n'\u{9b}31m': x\n");
    assert!(shown.chars().all(|c| c == '\n' || !c.is_control()) && !shown.contains('\u{202e}'), "{shown:?}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    /// Every problem has a place that exists.
    #[test]
    fn no_text_makes_it_panic(text in "[-:{}\\[\\],&*a!|>'\"#%?~ \\t\\n\\r\u{feff}0é]{0,60}|\\PC{0,40}") {
        for problem in read(&text).err().unwrap_or_default() {
            let lines = text.replace("\r\n", "\n").replace('\r', "\n");
            prop_assert!(problem.line >= 1 && problem.line <= lines.split('\n').count().max(1), "{:?}", problem);
            prop_assert!(problem.column >= 1);
        }
    }

    #[test]
    fn no_slip_of_the_pen_makes_it_panic(at in 0usize..4000, cut in 0usize..6, put in "[-:{}\\[\\],&*'\"# \\n\\t\\rx]{0,3}") {
        let text = example().replace("\n#", "\n");
        let (head, tail) = (text.chars().take(at), text.chars().skip(at + cut));
        let slipped: String = head.chain(put.chars()).chain(tail).collect();
        if let Err(problems) = read(&slipped) {
            prop_assert!(!problems.is_empty() && !show_problems(&problems).is_empty());
        }
    }
}

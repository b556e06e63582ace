//! A parser of the text formats, strict where a scraper may be lenient. It panics at what it does not understand.

use std::collections::BTreeMap;

/// One sample.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct Sample {
    pub(crate) family: String,
    pub(crate) name: String,
    pub(crate) labels: BTreeMap<String, String>,
    pub(crate) value: f64,
}

/// The samples of a text, and the types of its families.
pub(crate) fn parse(text: &str) -> (Vec<Sample>, BTreeMap<String, String>) {
    let (mut samples, mut types) = (Vec::new(), BTreeMap::new());
    let mut family = String::new();
    assert!(text.ends_with('\n'), "the last line is whole");
    for line in text.lines() {
        if let Some(head) = line.strip_prefix("# TYPE ") {
            let (name, kind) = head.split_once(' ').expect("a name and a type");
            family = name.to_owned();
            assert_eq!(types.insert(name.to_owned(), kind.to_owned()), None, "{name} comes twice");
        } else if !line.starts_with('#') {
            samples.push(sample(&family, line));
        }
    }
    (samples, types)
}

fn sample(family: &str, line: &str) -> Sample {
    let end = line.find(['{', ' ']).expect("a name");
    let (name, mut rest) = line.split_at(end);
    let mut labels = BTreeMap::new();
    if let Some(inside) = rest.strip_prefix('{') {
        rest = inside;
        while !rest.starts_with('}') {
            let (label, after) = rest.split_once("=\"").expect("a label");
            let (value, after) = quoted(after);
            assert!(!value.is_empty(), "an empty label in {line}");
            assert_eq!(labels.insert(label.to_owned(), value), None, "{label} twice in {line}");
            rest = after.strip_prefix(',').unwrap_or(after);
        }
        rest = &rest[1..];
    }
    let value = rest.strip_prefix(' ').expect("a value").parse().expect("a number");
    Sample { family: family.to_owned(), name: name.to_owned(), labels, value }
}

/// The text up to the closing quote, and what follows it.
fn quoted(text: &str) -> (String, &str) {
    let (mut value, mut chars) = (String::new(), text.char_indices());
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return (value, &text[at + 1..]),
            '\\' => value.push(match chars.next() {
                Some((_, 'n')) => '\n',
                Some((_, c @ ('\\' | '"'))) => c,
                other => panic!("{other:?} after a backslash"),
            }),
            c => value.push(c),
        }
    }
    panic!("no closing quote");
}

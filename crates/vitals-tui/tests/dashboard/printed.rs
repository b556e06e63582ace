//! The dashboard printed once.

use super::fixtures;
use ratatui::text::Span;
use vitals_tui::{Colour, once};

#[test]
fn a_lying_hub_at_four_widths() {
    for width in [60, 80, 120, 200] {
        insta::assert_snapshot!(format!("once_lying_{width}"), once(&fixtures::lying(), width, Colour::Never));
    }
}

#[test]
fn several_targets_begin_with_the_overview() {
    let text = once(&fixtures::fleet(), 120, Colour::Never);
    insta::assert_snapshot!("once_fleet_head", text.lines().take(20).collect::<Vec<_>>().join("\n"));
    for target in &fixtures::fleet().targets {
        assert!(text.contains(&format!("{}  for ", target.target.id)), "{} has its own part", target.target.id);
    }
}

#[test]
fn no_line_is_wider_than_asked_for() {
    for (name, snapshot) in fixtures::all() {
        for width in [60, 80, 120, 200] {
            let text = once(&snapshot, width, Colour::Never);
            for line in text.lines() {
                assert!(Span::raw(line).width() <= usize::from(width), "{name} at {width}: {line}");
                assert!(!line.ends_with(' '), "{name} at {width}: {line}");
            }
        }
    }
}

#[test]
fn nothing_that_a_target_wrote_can_steer_the_terminal() {
    let plain = once(&fixtures::hostile(), 120, Colour::Never);
    assert!(plain.chars().all(|c| c == '\n' || !c.is_control()));
    // With colours there are our own sequences and no others.
    let coloured = once(&fixtures::hostile(), 120, Colour::Ansi);
    let foreign = coloured.split("\u{1b}[").skip(1).find(|rest| {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != ';');
        end.and_then(|end| rest[end..].chars().next()) != Some('m')
    });
    assert_eq!(foreign, None);
    assert_eq!(strip(&coloured), plain);
}

/// `text` without the sequences that set colours.
fn strip(text: &str) -> String {
    let mut parts = text.split("\u{1b}[");
    let mut out = parts.next().unwrap_or_default().to_owned();
    out.extend(parts.filter_map(|part| part.split_once('m')).map(|(_, rest)| rest));
    out
}

#[test]
fn every_fault_says_since_when_and_what_to_do() {
    let text = once(&fixtures::lying(), 120, Colour::Never);
    for part in ["GHOST", "for 3m 12s", "I42", "POST /api/servers/stop", "process 2087 is gone", "lasted 2m 03s"] {
        assert!(text.contains(part), "{part} is missing in\n{text}");
    }
}

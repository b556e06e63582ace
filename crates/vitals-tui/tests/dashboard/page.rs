//! The reference page of keys, made from the table of keys.

use std::fmt::Write as _;
use std::path::Path;
use vitals_model::time::Timestamp;
use vitals_tui::keymap::KEYMAP;
use vitals_tui::look::{Look, Pen};

/// Keys while something is typed: there the table of keys does not hold.
const TYPING: &str = "
While text is typed (a search, a reason), every character is text, and:

| key | does |
|---|---|
| `Enter` | search, or do what is asked |
| `Esc` `Ctrl-C` | leave it |
| `Backspace` | take the last character back |
| `Ctrl-U` | take all of them back |
| `↑` `↓` | a silence: longer, shorter |
";

fn page() -> String {
    let glyphs = Pen::new(Look::default(), Timestamp::default()).glyphs;
    let mut page = "# Keys of the dashboard\n\n<!-- Generated from the table of keys: `cargo xtask gen`. -->\n\n".to_owned();
    page.push_str("| key | does |\n|---|---|\n");
    for binding in KEYMAP {
        let keys: Vec<String> = binding.keys.iter().map(|key| format!("`{}`", key.label(glyphs))).collect();
        let _ = writeln!(page, "| {} | {} |", keys.join(" "), binding.help);
    }
    page + TYPING
}

#[test]
#[expect(clippy::disallowed_methods, reason = "`cargo xtask gen` asks for the page by the environment")]
fn the_keys_reference_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/keys.md");
    if std::env::var("UPDATE").is_ok() {
        std::fs::write(&path, page()).expect("written");
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(committed == page(), "docs/reference/keys.md is not current: `cargo xtask gen`");
}

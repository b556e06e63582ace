//! The page in a real browser: no violation that axe-core knows, in light and dark; whole without a script; no sideways
//! scrolling on a phone; an incident seen live and acknowledged by the keyboard alone. Where there is no chromium or
//! node, it says so and passes; with `MCP_VITALS_BROWSER=required` it fails instead.

use std::process::Command;
use std::time::Duration;

use crate::install;
use crate::product::Running;
use crate::web::Answering;

/// Thirteen pages in several ways, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(240);

#[test]
fn people_can_use_the_page_however_they_do() {
    let (modules, chromium) = match install::browser() {
        Ok(found) => found,
        Err(reason) => {
            assert!(
                install::variable("MCP_VITALS_BROWSER").is_none_or(|v| v != "required"),
                "a browser is required here: {reason}"
            );
            eprintln!("skipped: {reason}");
            return;
        }
    };
    let answering = Answering::start();
    let mut command = Command::new("node");
    answering.home.furnish(&mut command);
    let script = modules.join("look.mjs");
    std::fs::copy(concat!(env!("CARGO_MANIFEST_DIR"), "/tests/browser/look.mjs"), &script).expect("the target folder is ours");
    command.arg(&script).arg(format!("http://{}", answering.address)).arg(answering.token()).arg(chromium);
    command.env("CRASHPAD_DATABASE", answering.home.path());
    let mut looking = Running::start(command);
    // The script says when it has the page open; then the server is killed before its eyes.
    looking.expect_line("ready for a fault", PATIENCE);
    answering.fault(&["inject", "server-killed", "--server", "filesystem"]);
    let ran = looking.wait(PATIENCE);
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("all is well"), "{}", ran.stdout);
    answering.end();
}

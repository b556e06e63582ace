//! The lab: its hub with a thousand sessions, and how soon the demo shows something.

use std::time::Duration;

use anyhow::Context as _;
use rustix::process::Signal;
use xtask::bench::{Bar, Effort, Measurement, Row, Unit, median};

use crate::product::{Home, Running};
use crate::programs::{after, example, line, number, seconds};
use crate::wait::{self, Stopwatch};

pub(crate) const SESSIONS: Measurement = Measurement {
    name: "lab-sessions",
    about: "tools/list in 1,000 sessions of the lab's hub process, load generator on the same cores (vitals-lab, example sessions)",
    run: sessions,
};

pub(crate) const DEMO: Measurement = Measurement {
    name: "demo",
    about: "`demo` from its start to its first line, and to its first screen in a terminal, median of 5",
    run: demo,
};

/// What the example measures, in the words of its lines: a hub with two servers of the lab, and with three.
const STANDS: [&str; 4] = ["12 tools, streamable", "12 tools, legacy", "27 tools, streamable", "27 tools, legacy"];

/// Longest wait for anything of the demo; far beyond the bar.
const DEMO_MAX: Duration = Duration::from_secs(30);

fn sessions(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let said = example("vitals-lab", "sessions", &[effort.of("30", "5"), env!("CARGO_BIN_EXE_mcp-vitals"), "lab-part"])?;
    let mut rows = Vec::new();
    for stand in STANDS {
        for (load, what) in [("spread", "1,000 requests/s"), ("closed", "64 always under way")] {
            let told = line(&said, &format!("{stand}, {load}:"))?;
            let p99 = after(told, "p99 ")?.split(',').next().context("no p99")?;
            let p99 = seconds(p99)?;
            rows.push(Row::new(format!("{stand}: p99, {what}"), p99, Unit::Seconds, Bar::AtMost(0.1)));
            if load == "closed" {
                let rate = after(told, "longest ")?.split_once(", ").context("no rate")?.1;
                rows.push(Row::new(format!("{stand}: requests per second then"), number(rate)?, Unit::Count, Bar::Fact));
            }
        }
        let most = number(after(line(&said, &format!("{stand}: most RSS"))?, "RSS ")?)? * 1e6;
        rows.push(Row::new(format!("{stand}: RSS, the most"), most, Unit::Bytes, Bar::AtMost(150e6)));
    }
    Ok(rows)
}

#[expect(clippy::unnecessary_wraps, reason = "every measurement has this form")]
fn demo(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let runs = effort.of(5, 2);
    let (mut lines, mut screens) = (Vec::new(), Vec::new());
    for _ in 0..runs {
        lines.push(first_line().as_secs_f64());
        screens.push(first_screen().as_secs_f64());
    }
    Ok(vec![
        Row::new("first line", median(&lines), Unit::Seconds, Bar::AtMost(2.0)),
        Row::new("first screen in a terminal", median(&screens), Unit::Seconds, Bar::AtMost(2.0)),
    ])
}

fn first_line() -> Duration {
    let home = Home::new();
    let clock = Stopwatch::start();
    let mut demo = Running::start(home.mcp_vitals(&["demo", "--plain"]));
    demo.expect_line("", DEMO_MAX);
    let took = clock.elapsed();
    demo.signal(Signal::TERM);
    demo.wait(DEMO_MAX);
    took
}

fn first_screen() -> Duration {
    let home = Home::new();
    let file = home.path().join("screen");
    let mut terminal = std::process::Command::new("script");
    home.furnish(&mut terminal);
    let line = format!("stty rows 40 cols 140; exec '{}' demo", env!("CARGO_BIN_EXE_mcp-vitals"));
    terminal.env("TERM", "xterm-256color").args(["-q", "-e", "-f", "-c", &line]).arg(&file);
    let clock = Stopwatch::start();
    let mut shown = Running::start_with_input(terminal);
    let screen = || std::fs::read(&file).unwrap_or_default();
    wait::until("the first screen", DEMO_MAX, || String::from_utf8_lossy(&screen()).contains("our own").then_some(()));
    let took = clock.elapsed();
    shown.type_in("q");
    shown.wait(DEMO_MAX);
    took
}

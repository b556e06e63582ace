//! The faces: what a snapshot costs as a picture, as metrics and as JSON, and how soon a running watch answers.

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::time::Duration;

use rustix::process::Signal;
use xtask::bench::{Bar, Effort, Measurement, Row, Unit, median};

use crate::product::{Home, Running};
use crate::programs::{after, example, line, seconds};
use crate::wait::{self, Stopwatch};

pub(crate) const SCREEN: Measurement = Measurement {
    name: "screen",
    about: "the dashboard at 140x40 with 100 servers, median of 500 snapshots on each screen (vitals-tui, example redraw)",
    run: screen,
};

pub(crate) const ANSWERS: Measurement = Measurement {
    name: "answers",
    about: "a snapshot of 500 targets with four servers each, CPU time, median of 21 (vitals-web, example exposition)",
    run: answers,
};

pub(crate) const PAGE: Measurement = Measurement {
    name: "page",
    about: "`watch --listen` on a lab: from the connection to the last byte of an answer, median of 50",
    run: page,
};

/// Longest wait for anything of a lab and its watch; far beyond the bars.
const LONG: Duration = Duration::from_secs(30);

fn screen(_effort: Effort) -> anyhow::Result<Vec<Row>> {
    let said = example("vitals-tui", "redraw", &[])?;
    let row =
        |name: &str, bar| anyhow::Ok(Row::new(name, seconds(after(line(&said, name)?, name)?)?, Unit::Seconds, Bar::AtMost(bar)));
    let mut rows = vec![row("first picture", 0.1)?];
    for name in ["overview", "target, fitted", "target, in full", "the same, found", "server", "incidents"] {
        rows.push(row(name, 0.002)?);
    }
    Ok(rows)
}

fn answers(_effort: Effort) -> anyhow::Result<Vec<Row>> {
    let said = example("vitals-web", "exposition", &["500", "4"])?;
    let row = |name: &str, what: &str| {
        let took = seconds(after(line(&said, name)?, "median ")?.split(',').next().unwrap_or_default())?;
        anyhow::Ok(Row::new(what, took, Unit::Seconds, Bar::AtMost(0.05)))
    };
    Ok(vec![
        row("Prometheus", "`/metrics`, text of Prometheus")?,
        row("OpenMetrics", "`/metrics`, OpenMetrics")?,
        row("JSON", "`/api/v1/snapshot`")?,
    ])
}

fn page(effort: Effort) -> anyhow::Result<Vec<Row>> {
    let home = Home::new();
    let mut lab = Running::start(home.mcp_vitals(&["lab"]));
    lab.expect_line("hub  ", LONG);
    let mut watch = Running::start(home.mcp_vitals(&["watch", "--listen", "127.0.0.1:0"]));
    let line = watch.expect_note("page and API at http://", LONG);
    let address = line.split("http://").nth(1).unwrap_or_default().trim_end_matches('/').to_owned();
    wait::until("a server to be called", LONG, || {
        String::from_utf8_lossy(&get(&address, "/metrics").ok()?).contains("mcp_server_call_duration_seconds{").then_some(())
    });
    let mut rows = Vec::new();
    for path in ["/", "/metrics", "/api/v1/snapshot"] {
        let mut took = Vec::new();
        for _ in 0..effort.of(50, 5) {
            let clock = Stopwatch::start();
            get(&address, path)?;
            took.push(clock.elapsed().as_secs_f64());
        }
        rows.push(Row::new(format!("`{path}`"), median(&took), Unit::Seconds, Bar::AtMost(0.05)));
    }
    for running in [watch, lab] {
        running.signal(Signal::TERM);
        running.wait(LONG);
    }
    Ok(rows)
}

/// The whole answer.
fn get(address: &str, path: &str) -> anyhow::Result<Vec<u8>> {
    let mut stream = TcpStream::connect(address)?;
    stream.set_read_timeout(Some(LONG))?;
    write!(stream, "GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n")?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer)?;
    anyhow::ensure!(answer.starts_with(b"HTTP/1.1 200 "), "{path} answers {}", String::from_utf8_lossy(&answer));
    Ok(answer)
}

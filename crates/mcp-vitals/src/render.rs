//! Output: data on standard output, all else on standard error; colours only where they are wanted.

pub(crate) mod criteria;
pub(crate) mod explain;
pub(crate) mod incidents;
pub(crate) mod junit;
pub(crate) mod markdown;
pub(crate) mod nagios;
pub(crate) mod notices;
pub(crate) mod page;
pub(crate) mod remedy;
pub(crate) mod report;
pub(crate) mod scenario;
pub(crate) mod selftest;
pub(crate) mod text;
pub(crate) mod tools;

use std::io::{ErrorKind, IsTerminal as _, Write as _};
use std::time::Duration;

use anyhow::Context as _;
use serde::Serialize;
use vitals_model::incident::{Incident, IncidentChange};
use vitals_model::view::v1::IncidentView;

/// Work that takes longer than this shows that it goes on.
const QUIET: Duration = Duration::from_secs(1);

/// Writes to standard output; escape sequences are taken out where no colours are wanted. A reader that
/// went away (`| head`) has read enough: the command goes on, to its exit code.
pub(crate) fn print(text: &str) -> anyhow::Result<()> {
    let stripped;
    let bytes = if stdout_has_colour() {
        text.as_bytes()
    } else {
        stripped = anstream::adapter::strip_str(text).to_string();
        stripped.as_bytes()
    };
    // One write, not one per line.
    let mut out = std::io::BufWriter::with_capacity(bytes.len() + 1, std::io::stdout().lock());
    match out.write_all(bytes).and_then(|()| out.flush()) {
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        written => Ok(written?),
    }
}

/// Says something on standard error.
pub(crate) fn note(text: &str) {
    // Nobody can be told when standard error is closed.
    let _ = writeln!(anstream::stderr().lock(), "{text}");
}

/// Says why the program cannot do what it was asked.
pub(crate) fn complain(text: &str) {
    note(&format!("mcp-vitals: {text}"));
}

/// JSON for programs, with a final line break.
pub(crate) fn json(value: &impl Serialize) -> anyhow::Result<String> {
    let mut text = serde_json::to_string_pretty(value).context("cannot write JSON")?;
    text.push('\n');
    Ok(text)
}

/// One incident change as one line of JSON.
pub(crate) fn incident_line(change: IncidentChange, incident: &Incident) -> String {
    let mut value = serde_json::to_value(IncidentView::from(incident)).unwrap_or_default();
    value["change"] = change.as_str().to_lowercase().into();
    format!("{value}\n")
}

/// The width of the terminal on standard output.
pub(crate) fn terminal_width() -> Option<u16> {
    rustix::termios::tcgetwinsize(std::io::stdout()).ok().map(|size| size.ws_col).filter(|columns| *columns > 0)
}

/// Whether colours are wanted on standard output.
pub(crate) fn stdout_has_colour() -> bool {
    anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never
}

/// A spinner on standard error, when the work takes long and somebody is looking.
pub(crate) struct Progress(Option<indicatif::ProgressBar>);

impl Progress {
    /// Begins; nothing is shown in the first second.
    pub(crate) fn start(what: &'static str) -> Self {
        if !std::io::stderr().is_terminal() {
            return Self(None);
        }
        let bar = indicatif::ProgressBar::with_draw_target(None, indicatif::ProgressDrawTarget::hidden()).with_message(what);
        bar.set_style(indicatif::ProgressStyle::default_spinner());
        let shown = bar.clone();
        // Ends by itself: the bar is finished when the work is done, before or after it is shown.
        std::thread::spawn(move || {
            std::thread::park_timeout(QUIET);
            if !shown.is_finished() {
                shown.set_draw_target(indicatif::ProgressDrawTarget::stderr());
                shown.enable_steady_tick(Duration::from_millis(100));
            }
        });
        Self(Some(bar))
    }

    /// Takes the spinner away.
    pub(crate) fn end(self) {
        if let Some(bar) = self.0 {
            bar.finish_and_clear();
        }
    }
}

#[cfg(test)]
mod tests;

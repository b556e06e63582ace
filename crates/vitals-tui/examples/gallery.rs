//! Shows the fixtures of the tests: `gallery NAME` live, `gallery NAME WIDTH` printed once.
//!
//! It is for looking at the dashboard while working on it; nothing it shows is measured.

#[path = "../tests/fixtures/mod.rs"]
mod fixtures;

use std::io::Write;
use std::sync::Arc;
use vitals_tui::live::Behind;
use vitals_tui::said::{Found, What};
use vitals_tui::{Colour, Command, Look, Said};

#[tokio::main(flavor = "current_thread")]
async fn main() -> std::io::Result<()> {
    let mut args = std::env::args().skip(1);
    let name = args.next().unwrap_or_else(|| "lying".to_owned());
    let Some((_, snapshot)) = fixtures::all().into_iter().find(|(fixture, _)| *fixture == name) else {
        let names: Vec<&str> = fixtures::all().into_iter().map(|(name, _)| name).collect();
        return Err(std::io::Error::other(format!("no fixture {name}; there are {}", names.join(", "))));
    };
    if let Some(width) = args.next().and_then(|width| width.parse().ok()) {
        let text = vitals_tui::once(&snapshot, width, Colour::Ansi);
        return std::io::stdout().write_all(text.as_bytes());
    }
    let (_sender, rx) = tokio::sync::watch::channel(Arc::new(snapshot));
    let (commands, mut asked) = tokio::sync::mpsc::channel(4);
    let (tell, said) = tokio::sync::mpsc::channel(4);
    let answer = async move {
        while let Some(command) = asked.recv().await {
            let told = match command {
                Command::Recall(recall) => match recall.what {
                    What::Scenarios => Said::Recalled(recall, fixtures::scenarios()),
                    What::Criteria => Said::Recalled(recall, fixtures::criteria()),
                    What::Trends(_) => Said::Recalled(recall, Found::Nothing("this is no hub".to_owned())),
                },
                command => Said::Answer(format!("{command:?}")),
            };
            let _ = tell.send(told).await;
        }
    };
    let shown = vitals_tui::run(Behind { snapshots: rx, commands, said }, Look::default());
    tokio::select! {
        shown = shown => shown,
        () = answer => Ok(()),
    }
}

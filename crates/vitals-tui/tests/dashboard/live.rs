//! The loop of the live dashboard on a test terminal, in paused time.

use super::{SMALL, fixtures};
use futures_util::{Stream, StreamExt, stream};
use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{Event, KeyCode, KeyEvent, KeyModifiers};
use std::io;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{mpsc, watch};
use vitals_tui::live::{drive, drive_with_captions};
use vitals_tui::{Command, Look};

fn terminal() -> Terminal<TestBackend> {
    Terminal::new(TestBackend::new(SMALL.0, SMALL.1)).expect("a test backend cannot fail")
}

fn key(c: char) -> Event {
    Event::Key(KeyEvent::new(KeyCode::Char(c), KeyModifiers::NONE))
}

/// The keys, one each `every`.
fn typed(keys: &str, every: Duration) -> impl Stream<Item = io::Result<Event>> + Send + use<> {
    let beat = stream::unfold(tokio::time::interval(every), |mut interval| async {
        interval.tick().await;
        Some(((), interval))
    });
    stream::iter(keys.chars().collect::<Vec<_>>()).zip(beat).map(|(c, ())| Ok(key(c)))
}

/// How often the terminal was painted.
fn paintings(terminal: &mut Terminal<TestBackend>) -> usize {
    terminal.draw(|_| {}).expect("a test backend cannot fail").count
}

#[tokio::test(start_paused = true)]
async fn what_the_reader_asks_for_is_sent_and_quitting_ends_it() {
    let (_sender, rx) = watch::channel(Arc::new(fixtures::lying()));
    let (commands, mut asked) = mpsc::channel(4);
    let mut terminal = terminal();
    let keys = typed("?r?q", Duration::from_millis(200));
    drive(&mut terminal, keys, rx, commands, Look::default()).await.expect("no error");
    assert_eq!(asked.recv().await, Some(Command::CheckNow));
    assert_eq!(asked.recv().await, Some(Command::Quit));
    assert!(terminal.backend().to_string().contains("GHOST"));
}

#[tokio::test(start_paused = true)]
async fn fast_input_is_painted_ten_times_a_second_and_rest_not_at_all() {
    let (_sender, rx) = watch::channel(Arc::new(fixtures::fleet()));
    let (commands, _asked) = mpsc::channel(1);
    let mut fast = terminal();
    let keys = typed(&format!("{}q", "jk".repeat(100)), Duration::from_millis(10)); // 2 s
    drive(&mut fast, keys, rx.clone(), commands.clone(), Look::default()).await.expect("no error");
    let painted = paintings(&mut fast);
    assert!((15..=22).contains(&painted), "{painted} paintings in 2 s");

    let mut resting = terminal();
    let keys = typed("?q", Duration::from_secs(3600));
    drive(&mut resting, keys, rx, commands, Look::default()).await.expect("no error");
    let painted = paintings(&mut resting);
    assert!(painted <= 2, "{painted} paintings in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_new_snapshot_is_painted_and_the_end_of_snapshots_is_the_end() {
    let (sender, rx) = watch::channel(Arc::new(fixtures::healthy()));
    let (commands, _asked) = mpsc::channel(1);
    let mut terminal = terminal();
    let publish = async {
        let mut beat = tokio::time::interval(Duration::from_secs(1));
        beat.tick().await;
        beat.tick().await;
        sender.send(Arc::new(fixtures::lying())).expect("the dashboard listens");
        beat.tick().await;
        drop(sender);
    };
    let shown = drive(&mut terminal, stream::pending(), rx, commands, Look::default());
    let (result, ()) = tokio::join!(shown, publish);
    result.expect("no error");
    assert!(terminal.backend().to_string().contains("GHOST"));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_terminal_is_an_error() {
    let (_sender, rx) = watch::channel(Arc::new(fixtures::healthy()));
    let (commands, _asked) = mpsc::channel(1);
    let broken = stream::iter([Err(io::Error::other("gone"))]);
    let error = drive(&mut terminal(), broken, rx, commands, Look::default()).await.expect_err("the source of keys is broken");
    assert_eq!(error.to_string(), "gone");
}

#[tokio::test(start_paused = true)]
async fn a_narrators_words_stand_above_the_footer_and_stay() {
    let (_sender, rx) = watch::channel(Arc::new(fixtures::healthy()));
    let (commands, _asked) = mpsc::channel(1);
    let mut terminal = terminal();
    let keys = typed("x?q", Duration::from_millis(300));
    let long = format!("the server is killed {}", "and the hub goes on ".repeat(20));
    let said = stream::iter(["in the beginning".to_owned(), long]);
    drive_with_captions(&mut terminal, keys, rx, commands, Look::default(), said).await.expect("no error");
    let picture = terminal.backend().to_string();
    let lines: Vec<&str> = picture.lines().collect();
    let [.., above, below, footer] = lines[..] else { panic!("{picture}") };
    assert!(above.contains(" > the server is killed") && below.contains('…'), "{picture}");
    assert!(footer.contains("quit") && !picture.contains("beginning"), "{picture}");
}

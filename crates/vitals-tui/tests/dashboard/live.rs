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
use vitals_model::snapshot::Snapshot;
use vitals_tui::live::{Behind, drive};
use vitals_tui::said::{Mouse, Recall, What};
use vitals_tui::{Command, Look, Said};

fn terminal() -> Terminal<TestBackend> {
    Terminal::new(TestBackend::new(SMALL.0, SMALL.1)).expect("a test backend cannot fail")
}

/// A dashboard over these snapshots, of which nobody tells anything, and what it asks.
fn behind(snapshots: watch::Receiver<Arc<Snapshot>>) -> (Behind, mpsc::Receiver<Command>) {
    let (commands, asked) = mpsc::channel(4);
    (Behind { snapshots, commands, said: mpsc::channel(1).1 }, asked)
}

/// A terminal without a mouse: it is never asked for.
fn no_mouse(mouse: Mouse) -> io::Result<()> {
    Err(io::Error::other(format!("{mouse:?}")))
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
    let (behind, mut asked) = behind(rx);
    let mut terminal = terminal();
    let keys = typed("?r?q", Duration::from_millis(200));
    drive(&mut terminal, keys, behind, Look::default(), no_mouse).await.expect("no error");
    assert_eq!(asked.recv().await, Some(Command::CheckNow));
    assert_eq!(asked.recv().await, Some(Command::Quit));
    assert!(terminal.backend().to_string().contains("GHOST"));
}

#[tokio::test(start_paused = true)]
async fn fast_input_is_painted_ten_times_a_second_and_rest_not_at_all() {
    let (_sender, rx) = watch::channel(Arc::new(fixtures::fleet()));
    let (quick, _asked) = behind(rx.clone());
    let mut fast = terminal();
    let keys = typed(&format!("{}q", "jk".repeat(100)), Duration::from_millis(10)); // 2 s
    drive(&mut fast, keys, quick, Look::default(), no_mouse).await.expect("no error");
    let painted = paintings(&mut fast);
    assert!((15..=22).contains(&painted), "{painted} paintings in 2 s");

    let mut resting = terminal();
    let keys = typed("?q", Duration::from_secs(3600));
    let (slow, _asked) = behind(rx);
    drive(&mut resting, keys, slow, Look::default(), no_mouse).await.expect("no error");
    let painted = paintings(&mut resting);
    assert!(painted <= 2, "{painted} paintings in an hour");
}

#[tokio::test(start_paused = true)]
async fn a_new_snapshot_is_painted_and_the_end_of_snapshots_is_the_end() {
    let (sender, rx) = watch::channel(Arc::new(fixtures::healthy()));
    let (behind, _asked) = behind(rx);
    let mut terminal = terminal();
    let publish = async {
        let mut beat = tokio::time::interval(Duration::from_secs(1));
        beat.tick().await;
        beat.tick().await;
        sender.send(Arc::new(fixtures::lying())).expect("the dashboard listens");
        beat.tick().await;
        drop(sender);
    };
    let shown = drive(&mut terminal, stream::pending(), behind, Look::default(), no_mouse);
    let (result, ()) = tokio::join!(shown, publish);
    result.expect("no error");
    assert!(terminal.backend().to_string().contains("GHOST"));
}

#[tokio::test(start_paused = true)]
async fn an_unreadable_terminal_is_an_error() {
    let (_sender, rx) = watch::channel(Arc::new(fixtures::healthy()));
    let (behind, _asked) = behind(rx);
    let broken = stream::iter([Err(io::Error::other("gone"))]);
    let error =
        drive(&mut terminal(), broken, behind, Look::default(), no_mouse).await.expect_err("the source of keys is broken");
    assert_eq!(error.to_string(), "gone");
}

#[tokio::test(start_paused = true)]
async fn a_narrators_words_stand_above_the_footer_and_stay() {
    let (_sender, rx) = watch::channel(Arc::new(fixtures::healthy()));
    let (commands, _asked) = mpsc::channel(1);
    let (tell, said) = mpsc::channel(4);
    let mut terminal = terminal();
    let long = format!("the server is killed {}", "and the hub goes on ".repeat(20));
    for words in ["in the beginning".to_owned(), long] {
        tell.try_send(Said::Caption(words)).expect("there is room");
    }
    let keys = typed("x?q", Duration::from_millis(300));
    let behind = Behind { snapshots: rx, commands, said };
    drive(&mut terminal, keys, behind, Look::default(), no_mouse).await.expect("no error");
    let picture = terminal.backend().to_string();
    let lines: Vec<&str> = picture.lines().collect();
    let [.., above, below, footer] = lines[..] else { panic!("{picture}") };
    assert!(above.contains(" > the server is killed") && below.contains('…'), "{picture}");
    assert!(footer.contains("quit") && !picture.contains("beginning"), "{picture}");
}

#[tokio::test(start_paused = true)]
async fn the_end_of_what_is_told_is_not_the_end_and_what_is_looked_up_is_shown() {
    let (_sender, rx) = watch::channel(Arc::new(fixtures::healthy()));
    let (commands, mut asked) = mpsc::channel(4);
    let (tell, said) = mpsc::channel(4);
    let mut terminal = terminal();
    let answer = async {
        let Some(Command::Recall(recall @ Recall { what: What::Criteria, .. })) = asked.recv().await else { panic!("criteria") };
        tell.send(Said::Recalled(recall, fixtures::criteria())).await.expect("the dashboard listens");
        drop(tell);
    };
    let behind = Behind { snapshots: rx, commands, said };
    let keys = typed("7jq", Duration::from_secs(1));
    let shown = drive(&mut terminal, keys, behind, Look::default(), no_mouse);
    let (result, ()) = tokio::join!(shown, answer);
    result.expect("no error");
    assert!(terminal.backend().to_string().contains("process-continuous"));
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_not_asked_and_the_reader_is_told() {
    let (_sender, rx) = watch::channel(Arc::new(fixtures::healthy()));
    let (commands, _asked) = mpsc::channel(1);
    let mut terminal = terminal();
    let behind = Behind { snapshots: rx, commands, said: mpsc::channel(1).1 };
    let stop = tokio::time::timeout(
        Duration::from_secs(2),
        drive(&mut terminal, typed("rr", Duration::from_millis(200)).chain(stream::pending()), behind, Look::default(), no_mouse),
    );
    assert!(stop.await.is_err(), "nobody quits");
    assert!(terminal.backend().to_string().contains("too much is asked at once"));
}

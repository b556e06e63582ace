//! All lines together, and programs: what a reload keeps, what is dropped, what a program says.

use std::collections::BTreeMap;
use std::time::Duration;

use vitals_model::notice::{Receiver, Stage};

use super::*;

/// Far more than anything here takes.
const PATIENCE: Duration = Duration::from_secs(60);

fn settings(receivers: &[(&str, Receiver)]) -> Settings {
    let receivers: BTreeMap<_, _> = receivers.iter().map(|(name, receiver)| ((*name).to_owned(), receiver.clone())).collect();
    Settings { notices: Arc::new(Notices { receivers, ..Notices::default() }), ..Settings::default() }
}

fn program(script: &str) -> Receiver {
    let command = Some(["sh", "-c", script].map(str::to_owned).to_vec());
    Receiver { kind: ReceiverKind::Command, command, ..Receiver::default() }
}

fn notice(id: u64, receiver: &str) -> Notice {
    Notice { id, stage: Stage::First, ..words::sample("all", receiver, Status::Firing, clock::now()) }
}

async fn next(post: &mut Post) -> Delivery {
    tokio::time::timeout(PATIENCE, post.outcome()).await.expect("in time").expect("the post is open")
}

#[tokio::test]
async fn a_program_reads_the_notice_and_says_what_came_of_it() {
    for (script, outcome, words) in [
        ("grep -o mcp-vitals/notice/v1", "delivered", "exit 0 mcp-vitals/notice/v1"),
        ("exit 0 < /dev/null", "delivered", "exit 0"),
        ("echo later >&2; exit 75", "delayed", "exit 75 later"),
        ("echo no; exit 1", "refused", "exit 1 no"),
        ("kill -9 $$", "delayed", "killed"),
        ("printf '\\033[31mred'", "delivered", "exit 0 \\u{1b}[31mred"),
    ] {
        let mut post = Post::new(None, None);
        assert_eq!(post.follow(&settings(&[("p", program(script))])), []);
        assert_eq!(post.put(notice(1, "p")), []);
        let delivery = next(&mut post).await;
        assert_eq!((delivery.outcome.as_str(), delivery.outcome.words().as_str()), (outcome, words), "{script}");
    }
    let mut post = Post::new(None, None);
    let missing = Receiver { command: Some(vec!["/there/is/none".to_owned()]), ..program("") };
    post.follow(&settings(&[("p", missing)]));
    post.put(notice(1, "p"));
    assert_eq!(next(&mut post).await.outcome.as_str(), "refused");
}

#[tokio::test]
async fn a_program_that_does_not_end_is_ended_with_all_that_it_started() {
    let dir = tempfile::tempdir().unwrap();
    let pid = dir.path().join("pid");
    let script = format!("tail -f /dev/null & echo $! > {}; wait", pid.display());
    let mut post = Post::new(None, None);
    post.follow(&settings(&[("p", Receiver { timeout: Duration::from_millis(700), ..program(&script) })]));
    post.put(notice(1, "p"));
    let delivery = next(&mut post).await;
    assert_eq!((delivery.outcome.as_str(), delivery.attempts), ("delayed", 1));
    assert_eq!(delivery.outcome.words().as_str(), "sh did not end within 700 ms");
    let child: u32 = std::fs::read_to_string(&pid).unwrap().trim().parse().unwrap();
    let is_gone = || {
        let stat = std::fs::read_to_string(format!("/proc/{child}/stat")).unwrap_or_default();
        stat.rsplit(')').next().is_none_or(|rest| rest.trim_start().is_empty() || rest.trim_start().starts_with('Z'))
    };
    let gone = async {
        while !is_gone() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    tokio::time::timeout(PATIENCE, gone).await.expect("what it started has ended");
}

#[tokio::test]
async fn a_reload_keeps_what_waits_and_drops_it_with_its_receiver() {
    let failing = program("exit 75");
    let mut post = Post::new(None, None);
    post.follow(&settings(&[("a", failing.clone()), ("b", failing.clone())]));
    post.put(notice(1, "a"));
    post.put(notice(2, "b"));
    for _ in 0..2 {
        assert!(!next(&mut post).await.outcome.is_final());
    }
    let dropped = post.follow(&settings(&[("a", program("cat > /dev/null"))]));
    assert_eq!(dropped.iter().map(|d| (d.notice, d.outcome.as_str())).collect::<Vec<_>>(), [(2, "dropped")]);
    let delivery = next(&mut post).await;
    assert_eq!((delivery.notice, delivery.outcome.as_str()), (1, "delivered"), "at once, with the new settings");
    let nowhere = post.put(notice(3, "b"));
    assert_eq!((nowhere[0].notice, nowhere[0].outcome.as_str()), (3, "dropped"));
}

#[tokio::test]
async fn what_the_watch_before_left_is_delivered_in_order_and_what_it_delivered_is_not() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    let script = format!("grep -o '\"id\":\"N[0-9]*\"' >> {}", log.display());
    let delivered = |id| {
        let outcome = Outcome::Delivered(Text::new("exit 0"));
        Some(Delivery { notice: id, receiver: "p".to_owned(), at: clock::now(), attempts: 1, outcome })
    };
    let mut post = Post::new(None, None);
    post.follow(&settings(&[("p", program(&script))]));
    let left = [(1, delivered(1)), (2, None), (3, None)];
    post.resume(left.map(|(id, delivery)| Posted { notice: notice(id, "p"), delivery }).to_vec());
    for id in [2, 3] {
        assert_eq!(next(&mut post).await.notice, id);
    }
    assert_eq!(std::fs::read_to_string(&log).unwrap(), "\"id\":\"N2\"\n\"id\":\"N3\"\n");
    assert!(post.is_at_rest());
}

#[tokio::test]
async fn a_template_that_fails_on_a_notice_does_not_silence_it() {
    let own = Receiver { subject: Some("{{ incidents[7].what }}".to_owned()), ..program("cat > /dev/null") };
    let mut post = Post::new(None, None);
    post.follow(&settings(&[("p", own)]));
    post.put(notice(1, "p"));
    let delivery = next(&mut post).await;
    let words = delivery.outcome.words().as_str();
    assert!(delivery.outcome.as_str() == "delivered" && words.contains("its template failed: undefined value"), "{words}");
}

//! A line over hours, in paused time. The receiver is a double: no service here can be made to fail on the minute.

use vitals_model::notice::{Stage, words};

use super::*;

/// Lets time pass.
async fn pass(long: Duration) {
    let _ = tokio::time::timeout(long, std::future::pending::<()>()).await;
}

/// What was tried, in order: when, which notice, and what came of it.
type Tried = Arc<Mutex<Vec<(Duration, u64, bool)>>>;

struct Bench {
    line: Line,
    outcomes: mpsc::Receiver<Delivery>,
    tried: Tried,
}

/// A line to a receiver that answers as `answer` says, by the time since the start.
fn bench(again: Option<Duration>, answer: impl Fn(Duration) -> Result<Text, Trouble> + Send + Sync + 'static) -> Bench {
    let (report, outcomes) = mpsc::channel(10_000);
    let (tried, began) = (Tried::default(), Instant::now());
    let log = Arc::clone(&tried);
    let carry: Carry = Box::new(move |notice, _| {
        let after = began.elapsed();
        let said = answer(after);
        log.lock().unwrap().push((after, notice.id, said.is_ok()));
        Box::pin(async move {
            pass(Duration::from_millis(5)).await;
            said
        })
    });
    let line = Line::open(carry, again, None, Report { receiver: "chat".to_owned(), outcomes: report });
    Bench { line, outcomes, tried }
}

fn notice(id: u64, group: &str, status: Status) -> Notice {
    Notice { id, group: group.to_owned(), stage: Stage::First, ..words::sample("all", "chat", status, clock::now()) }
}

fn down() -> Result<Text, Trouble> {
    Err(Trouble::passing("connection refused"))
}

impl Bench {
    /// The outcomes until `n` notices came to an end.
    async fn until_ended(&mut self, n: usize) -> Vec<Delivery> {
        let mut all = Vec::new();
        while all.iter().filter(|delivery: &&Delivery| delivery.outcome.is_final()).count() < n {
            let next = tokio::time::timeout(Duration::from_secs(86_400), self.outcomes.recv()).await;
            all.push(next.expect("within a day").expect("the line works"));
        }
        all
    }

    fn delivered(&self) -> Vec<u64> {
        self.tried.lock().unwrap().iter().filter(|(_, _, is_ok)| *is_ok).map(|(_, id, _)| *id).collect()
    }
}

#[tokio::test(start_paused = true)]
async fn a_receiver_that_is_down_for_ten_minutes_gets_everything_once_and_in_order() {
    const DOWN: Duration = Duration::from_secs(600);
    let mut bench = bench(None, |after| if after < DOWN { down() } else { Ok(Text::new("200")) });
    for id in 1..=40 {
        let status = if id % 2 == 0 { Status::Resolved } else { Status::Firing };
        assert_eq!(bench.line.put(notice(id, &format!("g{}", id.div_ceil(2)), status)), []);
        pass(Duration::from_secs(10)).await;
    }
    let outcomes = bench.until_ended(40).await;
    assert_eq!(bench.delivered(), (1..=40).collect::<Vec<_>>());
    let delayed = outcomes.iter().filter(|delivery| !delivery.outcome.is_final()).count();
    // Doubling to a minute: some fifteen attempts in ten minutes, and not hundreds.
    assert!((9..=25).contains(&delayed), "{delayed}");
    let tried = bench.tried.lock().unwrap();
    let first_up = tried.iter().find(|(_, _, is_ok)| *is_ok).unwrap().0;
    assert!(first_up < DOWN + Duration::from_secs(100), "{first_up:?}");
}

#[tokio::test(start_paused = true)]
async fn what_the_receiver_asks_for_is_kept_to() {
    let asked = Duration::from_secs(120);
    let mut bench = bench(None, move |after| {
        if after < asked { Err(Trouble::Passing { why: Text::new("429"), after: Some(asked) }) } else { Ok(Text::new("200")) }
    });
    bench.line.put(notice(1, "g", Status::Firing));
    bench.until_ended(1).await;
    let tried: Vec<_> = bench.tried.lock().unwrap().iter().map(|(after, ..)| after.as_secs()).collect();
    assert_eq!(tried, [0, 120]);
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_said_and_does_not_hold_up_the_next() {
    let mut bench =
        bench(None, |after| if after.is_zero() { Err(Trouble::Final(Text::new("HTTP 400"))) } else { Ok(Text::new("200")) });
    bench.line.put(notice(1, "g", Status::Firing));
    bench.line.put(notice(2, "g", Status::Resolved));
    let outcomes = bench.until_ended(2).await;
    let words: Vec<_> = outcomes.iter().map(|d| (d.notice, d.outcome.as_str(), d.outcome.words().as_str())).collect();
    assert_eq!(words, [(1, "refused", "HTTP 400"), (2, "delivered", "200")]);
}

#[tokio::test(start_paused = true)]
async fn what_finds_no_room_is_what_says_least_and_it_is_counted() {
    let mut bench = bench(None, |after| if after < Duration::from_secs(60) { down() } else { Ok(Text::new("200")) });
    // The first is under way when the others come.
    bench.line.put(notice(1, "g0", Status::Firing));
    bench.until_tried().await;
    let room = OUTBOX_MAX as u64;
    for id in 2..=room {
        assert_eq!(bench.line.put(notice(id, &format!("g{id}"), Status::Firing)), []);
    }
    // One that began and is over: both go, and both are counted.
    let gone = bench.line.put(notice(room + 1, "g7", Status::Resolved));
    assert_eq!(gone.iter().map(|d| (d.notice, d.outcome.as_str())).collect::<Vec<_>>(), [(7, "dropped"), (room + 1, "dropped")]);
    assert_eq!(bench.line.put(notice(room + 2, "new", Status::Firing)), []);
    // Nothing is outdated: the oldest goes.
    let gone = bench.line.put(notice(room + 3, "newer", Status::Firing));
    assert_eq!(gone.iter().map(|d| d.notice).collect::<Vec<_>>(), [2]);
    bench.until_ended(OUTBOX_MAX).await;
    let delivered = bench.delivered();
    assert!(delivered.is_sorted() && delivered.len() == OUTBOX_MAX, "{}", delivered.len());
    assert!(!delivered.contains(&7) && !delivered.contains(&2) && delivered.contains(&1));
}

impl Bench {
    async fn until_tried(&mut self) {
        let first = self.outcomes.recv().await.expect("the line works");
        assert!(!first.outcome.is_final());
    }
}

#[tokio::test(start_paused = true)]
async fn what_stands_is_said_again_every_minute_until_it_is_over() {
    let minute = Duration::from_secs(60);
    let mut bench = bench(Some(minute), |_| Ok(Text::new("200")));
    bench.line.stand(notice(1, "kept", Status::Firing));
    bench.line.put(notice(2, "new", Status::Firing));
    bench.until_ended(1).await;
    pass(minute * 2 + minute / 2).await;
    assert_eq!(bench.delivered(), [2, 1, 2, 1, 2]);
    bench.line.put(notice(3, "kept", Status::Resolved));
    bench.until_ended(1).await;
    pass(minute).await;
    assert_eq!(bench.delivered()[5..], [3, 2]);
}

#[tokio::test(start_paused = true)]
async fn a_notice_is_sent_when_it_is_kept_or_when_that_takes_too_long() {
    let (keep, kept) = watch::channel(0);
    let (report, mut outcomes) = mpsc::channel(8);
    let carry: Carry = Box::new(|_, _| Box::pin(async { Ok(Text::new("200")) }));
    let line = Line::open(carry, None, Some(kept), Report { receiver: "chat".to_owned(), outcomes: report });
    let began = Instant::now();
    line.put(notice(1, "g", Status::Firing));
    pass(Duration::from_millis(300)).await;
    assert!(outcomes.try_recv().is_err(), "it is not in the history yet");
    keep.send_replace(1);
    outcomes.recv().await.unwrap();
    assert!(began.elapsed() < Duration::from_millis(400), "{:?}", began.elapsed());
    line.put(notice(2, "g", Status::Resolved));
    outcomes.recv().await.unwrap();
    assert!(began.elapsed() >= KEPT_MAX, "{:?}", began.elapsed());
}

#[test]
fn pauses_double_to_a_minute_and_are_spread() {
    let spread = |attempts| {
        let all: Vec<_> = (0..100).map(|_| pause(attempts, None).as_secs_f64()).collect();
        (all.iter().copied().fold(f64::MAX, f64::min), all.iter().copied().fold(0.0, f64::max))
    };
    for (attempts, seconds) in [(1, 1.0), (2, 2.0), (3, 4.0), (7, 60.0), (1000, 60.0)] {
        let (least, most) = spread(attempts);
        assert!(least >= seconds * 0.5 && most <= seconds * 1.5 && most - least > seconds * 0.3, "{attempts}: {least} {most}");
    }
    assert_eq!(pause(1, Some(Duration::MAX)), RETRY_AFTER_MAX);
}

//! Scenarios where nothing listens, what is refused, what is cleaned up, and how figures are made of looks and times.

use std::collections::BTreeSet;
use std::net::TcpListener;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use vitals_model::observation::{Failure, FailureKind, Phase};
use vitals_model::scenario::{Outcome, Stand};
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_probe::hands::Surroundings;

use super::load::{Tally, Times};
use super::soak::{Look, compare};
use super::stage::{Stage, seen};
use super::*;
use crate::fault::Fault;

/// A hub's address at which nothing listens.
fn nobody() -> Target {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    Target {
        id: TargetId::new("hub-test"),
        address: Address::Hub { url: format!("http://127.0.0.1:{port}") },
        origin: Origin::CommandLine,
        settings: Arc::default(),
    }
}

fn hub() -> Ground {
    Ground::hub(nobody(), &Surroundings::default()).unwrap()
}

fn order(name: &str, permit: Permit) -> Order {
    Order { card: find(name).unwrap(), permit, soak: SOAK_DEFAULT, server: None }
}

/// Writes down what a lab is told to do.
#[derive(Default)]
struct Told {
    said: Mutex<Vec<String>>,
    resists: bool,
}

impl Faults for Told {
    fn inject<'a>(&'a self, fault: Fault, server: &'a str) -> BoxFuture<'a, Result<(), FaultError>> {
        self.said.lock().unwrap().push(format!("inject {fault} {server}"));
        Box::pin(async { Ok(()) })
    }

    fn clear(&self, fault: Fault) -> BoxFuture<'_, Result<(), FaultError>> {
        self.said.lock().unwrap().push(format!("clear {fault}"));
        Box::pin(async { if self.resists { Err(FaultError("it resists".to_owned())) } else { Ok(()) } })
    }
}

fn lab(told: &Arc<Told>) -> Ground {
    Ground::lab(nobody(), &Surroundings::default(), Arc::clone(told) as Arc<dyn Faults>).unwrap()
}

#[test]
fn every_card_has_a_name_of_its_own_and_steps_that_say_what_they_expect() {
    let names: BTreeSet<_> = CARDS.iter().map(|card| card.name).collect();
    assert_eq!(names.len(), CARDS.len());
    assert!(CARDS.iter().all(|card| !card.steps.is_empty() && find(card.name) == Some(card)));
    assert!(CARDS.iter().flat_map(|card| card.steps).all(|step| !step.does.is_empty() && !step.expects.is_empty()));
    let destructive: Vec<_> = CARDS.iter().filter(|card| card.harm.is_destructive()).map(|card| card.name).collect();
    assert_eq!(destructive, ["server-crash", "llm-outage", "log-disk-full"]);
}

#[tokio::test]
async fn where_nothing_listens_no_scenario_passes_and_every_step_is_told() {
    let ground = hub();
    for card in &CARDS {
        let order = Order { soak: Duration::from_secs(1), ..order(card.name, Permit::Destructive) };
        let (run, end) = run(&ground, &order, std::future::pending()).await;
        assert_ne!(run.outcome(), Outcome::Passed, "{}", card.name);
        assert_eq!((run.steps.len(), end, run.stand), (card.steps.len(), End::Complete, Stand::Hub), "{}", card.name);
        assert!(run.steps.iter().all(|step| !step.seen.is_empty()), "{:?}", run.steps);
    }
    let (run, _) = run(&ground, &order("clients-5", Permit::Harmless), std::future::pending()).await;
    assert_eq!(run.steps[0].outcome, Outcome::Failed);
    assert!(run.steps[0].seen.contains("0 of 5 were opened") && run.steps[0].seen.contains("refused"), "{:?}", run.steps);
    assert_eq!(run.steps[1].seen, "not reached, because of step 1");
}

#[tokio::test]
async fn what_breaks_a_hub_is_left_out_unless_it_is_allowed_and_possible() {
    let told = Arc::<Told>::default();
    for (name, permit, why) in [
        ("server-crash", Permit::Harmless, Some("needs --allow-destructive")),
        ("server-crash", Permit::Destructive, None),
        ("llm-outage", Permit::Destructive, Some("cannot be taken away from outside")),
        ("log-disk-full", Permit::Destructive, Some("cannot be filled from outside")),
        ("soak", Permit::Harmless, None),
    ] {
        let order = order(name, permit);
        let refused = refusal(&order, &hub());
        assert_eq!(refused.is_some(), why.is_some(), "{name}: {refused:?}");
        assert!(refused.is_none_or(|said| said.contains(why.unwrap_or_default())));
        assert_eq!(refusal(&order, &lab(&told)), None, "the lab may be broken");
    }
    let (run, _) = run(&hub(), &order("server-crash", Permit::Harmless), std::future::pending()).await;
    assert!(run.steps.iter().all(|step| step.outcome == Outcome::Skipped && step.seen.contains("it kills a server's process")));
}

#[tokio::test]
async fn what_was_broken_is_mended_when_the_run_ends() {
    let told = Arc::<Told>::default();
    let ground = lab(&told);
    let order = order("server-crash", Permit::Harmless);
    let stage = Stage::new(&ground, &order);
    stage.inject(Fault::ServerKilled, "echo").await.unwrap();
    stage.inject(Fault::LlmUnavailable, "").await.unwrap();
    stage.clear(Fault::LlmUnavailable).await.unwrap();
    stage.step(async { seen((), "it went", Vec::new()) }).await;
    stage.clean().await;
    let said = ["inject server-killed echo", "inject llm-503 ", "clear llm-503", "clear server-killed"];
    assert_eq!(*told.said.lock().unwrap(), said);
    let steps = stage.into_steps();
    assert_eq!((steps[0].outcome, steps.len()), (Outcome::Passed, order.card.steps.len()));
}

#[tokio::test]
async fn what_cannot_be_mended_fails_the_run() {
    let told = Arc::new(Told { resists: true, ..Told::default() });
    let ground = lab(&told);
    let order = order("log-disk-full", Permit::Harmless);
    let stage = Stage::new(&ground, &order);
    stage.inject(Fault::DiskFull, "").await.unwrap();
    stage.step(async { seen((), "it went", Vec::new()) }).await;
    stage.clean().await;
    let steps = stage.into_steps();
    assert_eq!((steps[0].outcome, steps[0].seen.as_str()), (Outcome::Failed, "it went; could not be mended: it resists"));
}

#[tokio::test]
async fn a_run_that_is_stopped_says_so() {
    let (run, end) = run(&hub(), &order("soak", Permit::Harmless), async {}).await;
    assert_eq!(end, End::Stopped);
    assert!(run.steps.last().is_some_and(|step| step.outcome == Outcome::Skipped), "{:?}", run.steps);
}

#[test]
fn a_single_server_is_no_ground() {
    let target = Target { address: Address::Http { url: "http://127.0.0.1:1/mcp".to_owned() }, ..nobody() };
    assert!(matches!(Ground::hub(target, &Surroundings::default()), Err(GroundError::NoHub(_))));
}

#[test]
fn percentiles_are_by_nearest_rank_and_a_load_without_requests_is_not_good() {
    let failure = || Failure { phase: Phase::Call, kind: FailureKind::Closed, evidence: Text::default(), after: Duration::ZERO };
    let ms = Duration::from_millis;
    let mut times = Times::default();
    assert_eq!(times.percentile(95), None);
    for n in (1..=100).rev() {
        times.add(ms(n), Ok(()));
    }
    assert_eq!([50, 95, 99, 100].map(|p| times.percentile(p)), [50, 95, 99, 100].map(|n| Some(ms(n))));
    times.add(ms(5000), Err(failure()));
    assert_eq!(times.percentile(100), Some(ms(100)), "what failed is counted, not timed");

    let mut tally = Tally::default();
    assert!(!tally.is_good(), "nothing was asked");
    tally.merge(Tally { list: times, ..Tally::default() });
    assert_eq!((tally.requests(), tally.errors(), tally.is_good()), (101, 1, true));
    tally.call.add(ms(1), Err(failure()));
    assert!(!tally.is_good(), "2 of 102");
    assert!(tally.summary().starts_with("102 requests, 2 errors, the first: connection closed"), "{}", tally.summary());
}

#[test]
fn a_soak_tells_a_leak_from_warming_up() {
    let looks = |memory: &dyn Fn(u64) -> u64, files: &dyn Fn(u64) -> u64| -> Vec<Look> {
        (0..40).map(|n| Look { memory: memory(n), files: Some(files(n)) }).collect()
    };
    let lasted = Duration::from_secs(60);
    let mb = 1_000_000;
    let outcome = |looks: &[Look]| match compare(looks, lasted) {
        Ok(_) => Outcome::Passed,
        Err(miss) => miss.outcome(),
    };
    assert_eq!(outcome(&looks(&|_| 90 * mb, &|_| 30)), Outcome::Passed);
    assert_eq!(outcome(&looks(&|n| if n < 8 { 40 * mb } else { 90 * mb }, &|n| if n < 8 { 10 } else { 30 })), Outcome::Passed);
    assert_eq!(outcome(&looks(&|n| (90 + 2 * n) * mb, &|_| 30)), Outcome::Failed, "50 MB more");
    assert_eq!(outcome(&looks(&|_| 90 * mb, &|n| 30 + n)), Outcome::Failed, "25 files more");
    assert_eq!(outcome(&looks(&|_| 90 * mb, &|_| 30)[..5]), Outcome::Skipped, "too few to tell");
    assert_eq!(outcome(&[]), Outcome::Skipped);
}

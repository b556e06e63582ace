//! The end of a session over HTTP+SSE, which npm mcp-hub 4.2.1 makes much of.

use std::time::Duration;

use url::Url;
use vitals_model::config::Timeouts;
use vitals_probe::clock::Stopwatch;
use vitals_probe::http::{Client, Request};

use super::double::tool;
use super::stand::{LIMIT, Stand, until};
use crate::hub::filter::Settings;
use crate::hub::front::Front as _;
use crate::hub::journal::Level;
use crate::persona::Persona;

/// The least and the most lines that one end was measured to make.
const MEASURED: std::ops::RangeInclusive<usize> = 2_169..=6_625;

async fn stand(persona: Persona) -> Stand {
    Stand::start(vec![tool("files", "files__read")], Settings::off(), persona).await
}

/// Records that tell of an end, and those of them that tell of a full stack.
fn told(stand: &Stand) -> (usize, usize) {
    let records = stand.records.lock().unwrap();
    let of = |level, part: &str| records.iter().filter(|r| r.level == level && r.message.contains(part)).count();
    let overflows = of(Level::Warn, "Maximum call stack size exceeded");
    (of(Level::Info, "client disconnected from MCP HUB") + overflows, overflows)
}

/// The longest time that the loop did nothing else, until `holds`.
async fn stall_until(holds: impl Fn() -> bool) -> Duration {
    let mut longest = Duration::ZERO;
    let watching = async {
        let mut turn = Stopwatch::start();
        while !holds() {
            tokio::task::yield_now().await;
            longest = longest.max(turn.elapsed());
            turn = Stopwatch::start();
        }
    };
    assert!(tokio::time::timeout(LIMIT, watching).await.is_ok());
    longest
}

#[tokio::test]
async fn the_npm_persona_storms_at_each_end_and_stands_still_meanwhile() {
    let stand = stand(Persona::Npm421).await;
    let mut before = 0;
    for end in 1..=9 {
        let session = stand.legacy().await;
        stand.until_clients(1).await;
        drop(session);
        let stall = stall_until(|| stand.endpoint.clients() == 0 && told(&stand).1 == end).await;
        let (lines, _) = told(&stand);
        assert!(MEASURED.contains(&(lines - before)), "end {end}: {} lines", lines - before);
        assert!(stall >= Duration::from_millis(60), "end {end}: {stall:?}");
        before = lines;
    }
}

#[tokio::test]
async fn who_has_not_said_its_name_makes_a_storm_too() {
    let stand = stand(Persona::Npm421).await;
    let url = Url::parse(&format!("{}/mcp", stand.base)).unwrap();
    let stream = Client::new(&Timeouts::default(), Vec::new()).send(Request::get(&url), LIMIT).await.unwrap();
    drop(stream);
    until(|| told(&stand).1 == 1, || format!("{:?}", told(&stand))).await;
    assert!(stand.records.lock().unwrap().iter().any(|r| r.message == "'Unknown' client disconnected from MCP HUB"));
}

#[tokio::test]
async fn an_honest_hub_says_it_once() {
    let stand = stand(Persona::Honest).await;
    let session = stand.legacy().await;
    stand.until_clients(1).await;
    drop(session);
    stand.until_clients(0).await;
    assert_eq!(told(&stand), (1, 0));
}

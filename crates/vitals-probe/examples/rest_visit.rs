//! Asks a real hub as the prober does and prints what each way costs:
//! `cargo run -p vitals-probe --example rest_visit -- http://127.0.0.1:PORT`. It is no test: it needs a hub.
#![expect(clippy::print_stdout, reason = "an example prints its figures")]

use std::error::Error;
use std::time::Duration;

use serde_json::{Value, json};
use url::Url;
use vitals_model::config::Timeouts;
use vitals_probe::clock::Stopwatch;
use vitals_probe::events::Stream;
use vitals_probe::http::Client;
use vitals_probe::rest::{self, Scope};

const ROUNDS: usize = 101;
const LIMIT: Duration = Duration::from_secs(5);

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let base = Url::parse(&std::env::args().nth(1).ok_or("which hub? give its URL")?)?;
    let fresh = || Client::new(&Timeouts::default(), Vec::new());

    let mut ways: [Vec<Duration>; 3] = Default::default();
    let kept = fresh();
    let (health, servers) = (base.join("api/health")?, base.join("api/servers")?);
    for _ in 0..ROUNDS {
        let clock = Stopwatch::start();
        rest::visit(&kept, &base, Scope::Core, LIMIT).await.health.map_err(|f| f.to_string())?;
        ways[0].push(clock.elapsed());
        let (client, clock) = (fresh(), Stopwatch::start());
        client.get_json::<Value>(&health, LIMIT).await.map_err(|f| f.to_string())?;
        client.get_json::<Value>(&servers, LIMIT).await.map_err(|f| f.to_string())?;
        ways[1].push(clock.elapsed());
        let (client, clock) = (fresh(), Stopwatch::start());
        let both = tokio::join!(client.get_json::<Value>(&health, LIMIT), client.get_json::<Value>(&servers, LIMIT));
        both.0.and(both.1).map_err(|f| f.to_string())?;
        ways[2].push(clock.elapsed());
    }
    for (name, way) in ["a visit, digests included", "both requests in turn", "both requests at once"].iter().zip(&mut ways) {
        way.sort_unstable();
        println!("{name}: median {:?}, fastest {:?}, slowest {:?}", way[ROUNDS / 2], way[0], way[ROUNDS - 1]);
    }

    let seen = rest::visit(&fresh(), &base, Scope::WithFiltering, LIMIT).await;
    println!("{:?} {} bytes, filtering {:?}", seen.timing, seen.health_bytes, seen.filtering);
    for server in seen.servers.map_err(|f| f.to_string())? {
        println!("{}: {:?}, {} tools", server.name, server.status, server.tools.map_or(0, |t| t.len()));
    }
    for (server, tool) in [("filesystem", "list_allowed_directories"), ("filesystem", "no_such_tool"), ("nobody", "x")] {
        println!("{server} {tool}: {:?}", rest::call_tool(&kept, &base, server, tool, &json!({}), LIMIT).await);
    }
    let (mut stream, opened) = Stream::open(&kept, &base, LIMIT).await.map_err(|f| f.to_string())?;
    println!("{opened:?}\n{:?}", stream.next().await);
    Ok(())
}

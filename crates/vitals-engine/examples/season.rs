//! Makes a history of one hub as a `watch` would have kept it until now: a daily rhythm, outages with their incidents,
//! a slow leak, scenarios. For looking at reports, and for measuring them. Every run makes the same but for the time.
//!
//! `cargo run --release -p vitals-engine --example season -- FOLDER DAYS SERVERS` (the folder must not exist yet)
#![expect(clippy::print_stdout, reason = "what was made is its output")]

use std::path::Path;
use std::time::Duration;

use vitals_engine::store::{Bulk, Record, Store};
use vitals_model::check::CheckId;
use vitals_model::config::Storage;
use vitals_model::history::Span;
use vitals_model::incident::{Handling, Incident, IncidentState, Ties};
use vitals_model::reading::Health;
use vitals_model::scenario::{Outcome as Ended, Run, Stand, Step};
use vitals_model::target::TargetId;
use vitals_model::time::Timestamp;
use vitals_probe::clock::now;

type Outcome<T> = Result<T, Box<dyn std::error::Error>>;
type Sample = (Timestamp, Health, Option<f64>);

const DAY: Duration = Duration::from_secs(86_400);
const NAMES: [&str; 6] = ["filesystem", "github", "everything", "browser", "postgres", "memory"];

/// Light checks and canary calls.
const LIGHT: Duration = Duration::from_secs(10);
const CALLS: Duration = Duration::from_secs(60);

fn main() -> Outcome<()> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [folder, days, servers] = args.as_slice() else { return Err("usage: season FOLDER DAYS SERVERS".into()) };
    let to = now();
    let mut season = Season {
        span: Span { from: to.minus(DAY * days.parse()?), to },
        noise: Noise(0x9e37_79b9_7f4a_7c15),
        bulk: Bulk::open(Path::new(folder))?,
        incidents: Vec::new(),
        samples: 0,
    };
    season.hub()?;
    for n in 0..servers.parse()? {
        let name = NAMES.get(n).map_or_else(|| format!("server-{n:02}"), |name| (*name).to_owned());
        season.server(&name, n)?;
    }
    let Season { bulk, incidents, samples, .. } = season;
    drop(bulk);
    let store = Store::open(Path::new(folder), &Storage::default())?;
    println!("{samples} samples, {} incidents", incidents.len());
    for incident in incidents {
        store.put(Record::Incident(Box::new(incident)));
    }
    for (n, name) in ["clients-5", "server-crash", "log-growth", "sse-loss", "session-isolation"].iter().enumerate() {
        let hours = u32::try_from(n)? + 14;
        store.put(Record::Scenario(Box::new(scenario(name, to.minus(DAY / 24 * hours)))));
    }
    if store.close().lost > 0 {
        return Err("records were lost".into());
    }
    Ok(())
}

fn hub() -> TargetId {
    TargetId::new("hub-7001")
}

/// A small generator of noise (xorshift).
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    /// 0–1.
    fn share(&mut self) -> f64 {
        (self.next() >> 11) as f64 / 9_007_199_254_740_992.0
    }

    /// Never below 0, 1 on average, with a long tail.
    fn tail(&mut self) -> f64 {
        -(1.0 - self.share()).ln()
    }
}

/// One while in which something was bad.
#[derive(Clone, Copy)]
struct Outage {
    span: Span,
    health: Health,
}

struct Season {
    span: Span,
    noise: Noise,
    bulk: Bulk,
    incidents: Vec<Incident>,
    samples: usize,
}

impl Season {
    fn hub(&mut self) -> Outcome<()> {
        let begin = self.span.from;
        let days = move |at: Timestamp| at.since(begin).as_secs_f64() / 86_400.0;
        // Busy by day, quiet by night.
        let rhythm = move |at: Timestamp| 1.0 - 0.8 * (days(at) * std::f64::consts::TAU).cos();
        self.series("hub-servers/process", LIGHT, &[], move |at, _| 60.0 + days(at) * 86_400.0)?;
        self.series("hub-servers/state", LIGHT, &[], |_, _| 0.0)?;
        self.series("hub-servers/restarts", LIGHT, &[], |_, _| 0.0)?;
        self.series("hub-servers/api", LIGHT, &[], move |at, noise| 2.5 + 1.5 * rhythm(at) * noise.tail())?;
        self.series("hub-servers/cpu", LIGHT, &[], move |at, noise| 0.2 + 0.3 * rhythm(at) * noise.tail())?;
        self.series("hub-servers/memory", LIGHT, &[], move |at, noise| 0.9 + 0.05 * noise.share() + 0.02 * days(at).min(20.0))?;
        self.series("hub-servers/fds", LIGHT, &[], move |at, noise| (30.0 + 4.0 * rhythm(at) * noise.share()).round())?;
        self.series("logging/size", LIGHT, &[], move |at, _| days(at).fract() * 18e6)?;
        self.series("logging/growth", CALLS, &[], move |at, _| 7.5e5 * rhythm(at))?;
        self.series("logging/errors", LIGHT, &[], |_, _| 0.0)?;
        self.series("logging/lines/info", CALLS, &[], |_, noise| (40.0 * noise.tail()).round())?;
        self.series("logging/lines/warn", CALLS * 20, &[], |_, _| 1.0)?;
        self.series("logging/lines/error", CALLS * 90, &[], |_, _| 1.0)?;
        self.series("meta-tool-clients/call", CALLS * 30, &[], |_, noise| 700.0 + 600.0 * noise.tail())?;
        self.series("meta-tool-clients/clients", LIGHT, &[], move |at, _| rhythm(at).round())?;
        self.series("filtering-sessions/isolation", CALLS, &[], |_, _| 0.0)
    }

    fn server(&mut self, name: &str, n: usize) -> Outcome<()> {
        let outages = self.outages(name, n);
        let level = 3.0 + 12.0 * self.noise.tail();
        for question in ["tools", "drift", "truth"] {
            let pace = if question == "truth" { LIGHT } else { CALLS };
            let bad = if question == "truth" { &outages[..] } else { &[] };
            self.series(&format!("hub-servers/{name}/{question}"), pace, bad, |_, _| 0.0)?;
        }
        self.series(&format!("hub-servers/{name}/call"), CALLS, &outages, move |_, noise| level * (0.7 + 0.5 * noise.tail()))
    }

    /// An outage every ten days for each server, one in the last day for some.
    fn outages(&mut self, name: &str, n: usize) -> Vec<Outage> {
        let length = self.span.length();
        let count = length.as_secs().div_ceil(864_000) - u64::from(n.is_multiple_of(3));
        let mut outages = Vec::new();
        for _ in 0..count {
            let from = self.span.from.plus(length.mul_f64(self.noise.share() * 0.9));
            let span = Span { from, to: from.plus(Duration::from_secs(20).mul_f64(1.0 + 12.0 * self.noise.tail())) };
            let health = if self.noise.next().is_multiple_of(3) { Health::Degraded } else { Health::Failing };
            outages.push(Outage { span, health });
            self.incident(name, outages[outages.len() - 1]);
        }
        outages
    }

    fn incident(&mut self, name: &str, Outage { span, health }: Outage) {
        let (kind, summary) = match health {
            Health::Degraded => ("drifted", "one tool is not what it was"),
            _ => ("ghost", "hub says connected; its process is gone, call answered \"Not connected\""),
        };
        self.incidents.push(Incident {
            id: self.incidents.len() as u64 + 1,
            target: hub(),
            check: CheckId::from_stored(&format!("hub-servers/{name}/truth")),
            kind: kind.to_owned(),
            health,
            state: IncidentState::Resolved,
            summary: summary.to_owned(),
            evidence: Vec::new(),
            hint: "stop and start it through the hub's API".to_owned(),
            opened_at: span.from,
            updated_at: span.to,
            resolved_at: Some(span.to),
            flapping: false,
            ties: Ties::default(),
            handling: Handling::told(span.from),
        });
    }

    /// One check at its pace, with a pause of an hour in which nobody watched.
    fn series(
        &mut self,
        id: &str,
        pace: Duration,
        outages: &[Outage],
        value: impl Fn(Timestamp, &mut Noise) -> f64,
    ) -> Outcome<()> {
        let pause = Span { from: self.span.to.minus(DAY / 24 * 9), to: self.span.to.minus(DAY / 24 * 8) };
        let mut samples: Vec<Sample> = Vec::new();
        let mut at = self.span.from;
        while at < self.span.to {
            if at < pause.from || at >= pause.to {
                let outage = outages.iter().find(|outage| at >= outage.span.from && at < outage.span.to);
                let health = outage.map_or(Health::Healthy, |outage| outage.health);
                let value = (health != Health::Failing).then(|| value(at, &mut self.noise));
                samples.push((at, health, value));
            }
            at = at.plus(pace);
        }
        self.samples += self.bulk.add(&hub(), &CheckId::from_stored(id), samples)?;
        Ok(())
    }
}

fn scenario(name: &str, at: Timestamp) -> Run {
    let took = Duration::from_secs(31);
    let step = Step {
        does: "carry it out".to_owned(),
        expects: "it goes well".to_owned(),
        outcome: Ended::Passed,
        seen: "it went well".to_owned(),
        figures: Vec::new(),
        took,
    };
    Run { scenario: name.to_owned(), target: hub(), stand: Stand::Hub, at, took, steps: vec![step] }
}

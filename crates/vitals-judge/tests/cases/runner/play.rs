//! Plays a case against a monitor, a second at a time, and compares what follows.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use vitals_judge::event::{Effect, Event, Memory, Record};
use vitals_judge::monitor::Monitor;
use vitals_model::check::{CheckId, Probe};
use vitals_model::config::{Expect as Wanted, ServerSettings, TargetSettings};
use vitals_model::finding::Outcome;
use vitals_model::incident::{Handling, Incident, IncidentChange, IncidentState, Ties};
use vitals_model::observation::{Observation, Seen};
use vitals_model::reading::{Health, Reading};
use vitals_model::snapshot::TargetState;
use vitals_model::tally::Tally;
use vitals_model::target::{Address, Origin, Target, TargetId};
use vitals_model::text::Text;
use vitals_model::tool::{LockFile, Pins};

use super::handled::{self, Kept};
use super::repair::{self, Carried};
use super::seen::OrWord;
use super::sources::{self, Sources};
use super::spec::{Case, Expect, Score, Step};
use super::world::{World, time, tools};

/// The name of every target in a case; a direct server is called so too.
pub(crate) const TARGET: &str = "main";

/// One case in play.
pub(crate) struct Play {
    monitor: Monitor,
    world: World,
    sources: Sources,
    target: Target,
    /// Seconds played so far.
    now: f64,
    effects: Vec<Effect>,
    /// Incidents and silences as they were last kept.
    kept: Kept,
    carried: Carried,
    /// Every check that was answered, with its last reading.
    pub(crate) produced: BTreeMap<CheckId, Reading>,
    /// Checks whose readings broke a law: each is told once.
    lawless: BTreeSet<CheckId>,
    /// What was counted so far, since the monitor or the watching of the target began.
    tally: Arc<Tally>,
    /// The highest number of an incident before that.
    incidents_before: u64,
    /// What was not as expected, with its step.
    pub(crate) wrong: Vec<String>,
}

impl Play {
    pub(crate) fn new(case: &Case) -> Self {
        let target = target(case);
        let known = case.known_tools.iter();
        let memory = Memory {
            incidents: case.restore.iter().zip(7..).map(|(words, id)| restored(words, id)).collect(),
            last_incident: 20,
            tools: known.map(|(name, names)| (target.id.clone(), Text::new(name), tools(names))).collect(),
            tokens: case.usual_tokens.iter().map(|(name, n)| (target.id.clone(), Text::new(name), *n)).collect(),
            ..Memory::default()
        };
        let mut monitor = Monitor::new(time(0.0), memory);
        monitor.apply(time(0.0), Event::Watch(target.clone()));
        Self {
            monitor,
            world: World::of(&case.servers),
            sources: Sources::default(),
            target,
            now: 0.0,
            effects: Vec::new(),
            kept: Kept::default(),
            carried: Carried::default(),
            produced: BTreeMap::new(),
            lawless: BTreeSet::new(),
            tally: Arc::default(),
            incidents_before: 20,
            wrong: Vec::new(),
        }
    }

    /// Plays every step.
    pub(crate) fn run(mut self, case: &Case) -> Self {
        for step in &case.step {
            self.begin(step);
            self.see_all(step);
            if let Some(repeat) = step.repeat {
                assert!(repeat.every > 0.0 && repeat.until >= step.at, "a repetition goes forward");
                let mut at = step.at + repeat.every;
                while at <= repeat.until {
                    self.pass_to(at);
                    self.see_all(step);
                    at += repeat.every;
                }
            }
            self.compare(step);
            self.effects.clear();
        }
        self
    }

    /// Comes to the moment of a step, over a gap when it says so; then what is asked.
    fn begin(&mut self, step: &Step) {
        let gap = step.gap_s.unwrap_or(0.0);
        assert!(step.at - gap >= self.now, "steps go forward in time: {}", step.at);
        self.pass_to(step.at - gap);
        if gap != 0.0 {
            self.now = step.at;
            self.apply(handled::gap(gap));
        }
        if step.restart {
            let memory = self.kept.memory();
            self.count_anew(memory.last_incident);
            self.monitor = Monitor::new(time(self.now), memory);
            self.apply(Event::Watch(self.target.clone()));
        }
        for order in &step.order {
            let order = handled::order(order, &self.kept, time(self.now));
            self.apply(Event::Ordered(order));
        }
    }

    /// Lets time pass: the loop ticks every second.
    fn pass_to(&mut self, at: f64) {
        while self.now + 1.0 <= at {
            self.now += 1.0;
            let effects = self.monitor.apply(time(self.now), Event::Tick);
            self.take(effects);
        }
        self.now = at;
    }

    fn apply(&mut self, event: Event) {
        let effects = self.monitor.apply(time(self.now), event);
        self.take(effects);
        self.look();
    }

    fn take(&mut self, effects: Vec<Effect>) {
        for effect in &effects {
            self.kept.take(effect);
            self.carried.take(effect);
        }
        self.effects.extend(effects);
    }

    /// What every reading must be like, and which checks there are.
    fn look(&mut self) {
        if let Some(state) = self.state() {
            self.look_at_tally(&state);
            for reading in &state.readings {
                self.produced.insert(reading.id.clone(), reading.clone());
                if let Some(what) = super::laws::of_reading(reading, time(self.now))
                    && self.lawless.insert(reading.id.clone())
                {
                    self.wrong.push(format!("after {} s: {} {what}: {}", self.now, reading.id, reading.summary));
                }
            }
        }
    }

    fn count_anew(&mut self, last_incident: u64) {
        (self.tally, self.incidents_before) = (Arc::default(), last_incident);
    }

    /// Nothing that was counted goes back, and every incident that lasts and began since was counted.
    fn look_at_tally(&mut self, state: &TargetState) {
        let counted: u64 = state.tally.incidents.values().sum();
        let open = state.open.iter().filter(|incident| incident.id > self.incidents_before).count() as u64;
        let uncounted = (counted < open).then_some("incidents that were not counted");
        if let Some(what) = super::counts::of_tally(&self.tally, &state.tally).or(uncounted) {
            self.wrong.push(format!("after {} s: the tally: {what}", self.now));
        }
        self.tally = Arc::clone(&state.tally);
    }

    fn state(&self) -> Option<Arc<TargetState>> {
        self.monitor.snapshot(time(self.now)).targets.first().cloned()
    }

    fn see(&mut self, seen: Seen, took: Duration) {
        let observation = Observation { target: self.target.id.clone(), at: time(self.now), took, seen };
        self.apply(Event::Observed(observation));
    }

    fn see_all(&mut self, step: &Step) {
        const QUICK: Duration = Duration::from_millis(1);
        match step.target.as_deref() {
            None => {}
            Some("forget") => {
                self.apply(Event::Forget(self.target.id.clone()));
                self.count_anew(self.kept.memory().last_incident.max(self.incidents_before));
            }
            Some("watch") => self.apply(Event::Watch(self.target.clone())),
            Some(other) => panic!("unknown change of the target: {other}"),
        }
        if let Some(spec) = &step.lock {
            self.apply(Event::LockFile(self.target.id.clone(), lock(spec)));
        }
        if let Some(how) = &step.acted {
            self.apply(self.carried.acted(how));
        }
        if let Some(word) = &step.workspace {
            let seen = self.world.workspace(word);
            self.see(seen, QUICK);
        }
        if let Some(who) = &step.exit {
            let seen = self.world.exit(who);
            self.see(seen, Duration::ZERO);
        }
        if let Some(spec) = &step.process {
            let seen = self.world.process(spec, self.now);
            self.see(seen, QUICK);
        }
        if let Some(spec) = &step.api {
            let seen = self.world.api(spec);
            self.see(seen, 5 * QUICK);
        }
        if let Some(spec) = &step.session {
            let is_hub = matches!(self.target.address, Address::Hub { .. });
            let (seen, took) = self.sources.session(spec, &self.world, is_hub);
            self.see(seen, took);
        }
        self.see_rest(step);
    }

    fn see_rest(&mut self, step: &Step) {
        let at = self.now;
        let rest = [
            step.stream.as_deref().map(sources::stream),
            (!step.notes.is_empty()).then(|| sources::notes(&step.notes)),
            step.log.as_ref().map(|spec| sources::log(spec, at)),
            step.llm.as_ref().map(sources::llm),
            step.meta_tool.as_ref().map(sources::meta_tool),
            step.visit.as_ref().map(sources::visit),
        ];
        for seen in rest.into_iter().flatten() {
            self.see(seen, Duration::from_millis(2));
        }
    }

    fn compare(&mut self, step: &Step) {
        self.look();
        let mut wrong = Wrong { at: step.repeat.map_or(step.at, |r| r.until), found: std::mem::take(&mut self.wrong) };
        self.compare_changes(&step.expect, &mut wrong);
        match self.state() {
            Some(state) => compare_state(&step.expect, &state, &mut wrong),
            None => wrong.check("health", step.expect.health.is_none(), "a target is watched"),
        }
        self.wrong = wrong.found;
    }

    fn compare_changes(&self, expect: &Expect, wrong: &mut Wrong) {
        let changes = |wanted| {
            let told = self.effects.iter().filter_map(|effect| match effect {
                Effect::Tell(change, incident) if *change == wanted => Some(shown(incident)),
                _ => None,
            });
            told.collect::<Vec<_>>()
        };
        wrong.same("opened", &changes(IncidentChange::Opened), &expect.opened);
        wrong.same("updated", &changes(IncidentChange::Updated), &expect.updated);
        wrong.same("resolved", &changes(IncidentChange::Resolved), &expect.resolved);
        wrong.same("reopened", &changes(IncidentChange::Reopened), &expect.reopened);
        wrong.same("reminded", &changes(IncidentChange::Reminded), &expect.reminded);
        wrong.same("acknowledged", &changes(IncidentChange::Acknowledged), &expect.acknowledged);
        handled::compare(expect, &self.effects, &self.kept, wrong);
        repair::compare(expect, &self.effects, &self.monitor, self.now, wrong);
        wrong.check("one at a time", self.carried.lawless.is_empty(), &self.carried.lawless.join("; "));
        if let Some(probes) = &expect.probes {
            let asked: BTreeSet<Probe> =
                self.effects.iter().filter_map(|e| if let Effect::Check(_, probe) = e { Some(*probe) } else { None }).collect();
            wrong.same("probes", &asked.iter().map(|p| p.as_str().to_owned()).collect::<Vec<_>>(), probes);
        }
        for (series, n) in &expect.kept {
            let samples = self.effects.iter().filter_map(|e| match e {
                Effect::Keep(Record::Samples(_, samples)) => Some(samples),
                _ => None,
            });
            let kept = samples.flatten().filter(|sample| sample.id.as_str() == series).count();
            wrong.check(&format!("kept {series}"), kept == *n, &format!("{kept} samples, expected {n}"));
        }
        let known = self.effects.iter().filter_map(|e| match e {
            Effect::Keep(Record::Tools(_, server, _)) => Some(server.to_string()),
            _ => None,
        });
        if !expect.known.is_empty() {
            wrong.same("known", &known.collect::<Vec<_>>(), &expect.known);
        }
    }
}

/// Collects what is not as expected.
pub(crate) struct Wrong {
    at: f64,
    found: Vec<String>,
}

impl Wrong {
    pub(crate) fn check(&mut self, what: &str, is_right: bool, otherwise: &str) {
        if !is_right {
            self.found.push(format!("after {} s: {what}: {otherwise}", self.at));
        }
    }

    /// Order carries no meaning.
    fn same(&mut self, what: &str, found: &[String], expected: &[String]) {
        let sorted = |list: &[String]| {
            let mut list = list.to_vec();
            list.sort();
            list
        };
        self.check(what, sorted(found) == sorted(expected), &format!("{found:?}, expected {expected:?}"));
    }

    /// `word`, or `word: words that the text must contain`.
    pub(crate) fn words(&mut self, what: &str, word: &str, text: &str, expected: &str) {
        let (wanted, words) = expected.split_once(": ").unwrap_or((expected, ""));
        self.check(what, word == wanted && text.contains(words), &format!("{word}: {text}\n      expected {expected}"));
    }
}

fn compare_state(expect: &Expect, state: &TargetState, wrong: &mut Wrong) {
    if let Some(health) = &expect.health {
        wrong.check("health", state.health.as_str() == health, &format!("{}, expected {health}", state.health.as_str()));
    }
    let wanted = match &expect.score {
        None => state.score.points,
        Some(Score::Points(points)) => Some(*points),
        Some(Score::Word(word)) => {
            assert_eq!(word, "none", "a score is a number or `none`");
            None
        }
    };
    wrong.check("score", state.score.points == wanted, &format!("{:?}, expected {wanted:?}", state.score));
    for (name, expected) in &expect.servers {
        match state.servers.iter().find(|t| t.name.as_str() == name) {
            Some(truth) => wrong.words(&format!("server {name}"), truth.verdict.as_str(), &truth.reason, expected),
            None => wrong.check(&format!("server {name}"), expected == "absent", "is not known"),
        }
    }
    for (id, expected) in &expect.readings {
        compare_reading(id, expected, &state.readings, wrong);
    }
    for (id, expected) in &expect.values {
        let value = state.readings.iter().find(|r| r.id.as_str() == id).and_then(|r| r.value);
        let same = value.is_some_and(|value| (value - expected).abs() < 1e-6);
        wrong.check(&format!("value of {id}"), same, &format!("{value:?}, expected {expected}"));
    }
    if let Some(open) = &expect.open {
        wrong.same("open", &state.open.iter().map(shown).collect::<Vec<_>>(), open);
    }
    for finding in &state.findings {
        let Some(expected) = expect.findings.get(finding.kind.as_str()) else { continue };
        let word = match finding.outcome {
            Outcome::Quiet => "quiet",
            Outcome::NotYet => "not-yet",
            Outcome::Found(health) => health.as_str(),
        };
        wrong.words(finding.kind.as_str(), word, &finding.reason, expected);
    }
    let unknown = expect.findings.keys().find(|kind| state.findings.iter().all(|f| f.kind.as_str() != *kind));
    assert_eq!(unknown, None, "no such kind of finding");
}

fn compare_reading(id: &str, expected: &str, readings: &[Reading], wrong: &mut Wrong) {
    let Some(reading) = readings.iter().find(|r| r.id.as_str() == id) else {
        return wrong.check(id, expected == "absent", &format!("no such reading, expected {expected}"));
    };
    let names_standing = expected.split(": ").next().unwrap_or_default().contains(' ');
    let word = if names_standing {
        format!("{} {}", reading.health.as_str(), reading.standing.as_str())
    } else {
        reading.health.as_str().to_owned()
    };
    wrong.words(id, &word, &reading.summary, expected);
}

pub(crate) fn shown(incident: &Incident) -> String {
    format!("{} {}", incident.kind, incident.check)
}

fn target(case: &Case) -> Target {
    let mut settings = TargetSettings::default();
    for name in &case.settings.expect_down {
        settings.servers.insert(name.clone(), ServerSettings { expect: Wanted::Down, ..ServerSettings::default() });
    }
    if let Some(grace) = case.settings.start_grace_s {
        settings.thresholds.start_grace = Duration::from_secs_f64(grace);
    }
    if let Some(window) = case.settings.flap_window_s {
        settings.thresholds.flap_window = Duration::from_secs_f64(window);
    }
    settings.schedule.light = case.settings.light_s.map_or(settings.schedule.light, Duration::from_secs_f64);
    settings.schedule.session = case.settings.session_s.map_or(settings.schedule.session, Duration::from_secs_f64);
    handled::settle(&case.settings, &mut settings);
    repair::settle(&case.settings, &mut settings);
    settings.thresholds.errors = case.settings.errors.unwrap_or(settings.thresholds.errors);
    let address = match case.target.as_str() {
        "hub" => Address::Hub { url: "http://127.0.0.1:7001".to_owned() },
        "server" => Address::Http { url: "http://127.0.0.1:9000/mcp".to_owned() },
        other => panic!("unknown target: {other}"),
    };
    Target { id: TargetId::new(TARGET), address, origin: Origin::Configured, settings: Arc::new(settings) }
}

fn restored(words: &str, id: u64) -> Incident {
    let (kind, check) = words.split_once(' ').expect("a kind and a check");
    Incident {
        id,
        target: TargetId::new(TARGET),
        check: CheckId::from_stored(check),
        kind: kind.to_owned(),
        health: Health::Failing,
        state: IncidentState::Open,
        summary: "as it was".to_owned(),
        evidence: Vec::new(),
        hint: "as it was".to_owned(),
        opened_at: time(-600.0),
        updated_at: time(-600.0),
        resolved_at: None,
        flapping: false,
        ties: Ties::default(),
        handling: Handling::told(time(-600.0)),
    }
}

/// A lock file as a case has it.
fn lock(spec: &OrWord<BTreeMap<String, Vec<String>>>) -> LockFile {
    let path = PathBuf::from("/home/op/mcp-vitals.lock");
    match spec {
        OrWord::Word(word) if word == "absent" => LockFile::Absent,
        OrWord::Word(why) => LockFile::Damaged { path, why: why.clone() },
        OrWord::Table(servers) => {
            let servers = servers.iter().map(|(name, names)| (Text::new(name), tools(names))).collect();
            LockFile::Read { path, pins: Arc::new(Pins { servers }) }
        }
    }
}

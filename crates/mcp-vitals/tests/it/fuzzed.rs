//! The API of a real watch asked at random, as its own document says that it can be: by `schemathesis`, which no one here
//! wrote. Every answer must be one that the document has, no request may be answered with 5xx but those that say so, and
//! what the document allows must be taken, what it forbids refused.

use std::process::Command;
use std::time::Duration;

use serde_json::Value;

use crate::product::Running;
use crate::web::Answering;
use crate::{programs, wait};

/// How long it may make up requests, in seconds.
const TIME_MAX_S: &str = "25";

/// Far beyond that, on a busy machine.
const PATIENCE: Duration = Duration::from_secs(120);

#[test]
fn the_api_answers_whatever_is_asked_as_its_document_says() {
    let Some(program) = programs::schemathesis() else { return };
    let answering = Answering::start();
    // There was an incident, so that there is one to ask about; while it lasts `/health` has to say 503.
    let ask = |path: &str| answering.ask("GET", path, "", &Value::Null);
    answering.fault(&["inject", "server-killed", "--server", "filesystem"]);
    wait::until("the incident", PATIENCE, || ask("/api/v1/incidents").1.contains("\"I1\"").then_some(()));
    answering.fault(&["clear", "--all"]);
    wait::until("its end", PATIENCE, || (ask("/health").0 == 200).then_some(()));
    let mut asking = Command::new(program);
    asking.current_dir(answering.home.path()).env("HOME", answering.home.path());
    asking.arg("run").arg(format!("http://{}/api/v1/openapi.json", answering.address));
    asking.args(["--header", &format!("Authorization: Bearer {}", answering.token())]);
    // The stream has no end.
    asking.args(["--exclude-path", "/api/v1/stream"]);
    // The same requests in every run.
    asking.args(["--generation-deterministic", "--max-time", TIME_MAX_S, "--continue-on-failure", "--no-color"]);
    let asked = Running::start(asking).wait(PATIENCE);
    assert!(asked.code == Some(0) && asked.stdout.contains("Tested: 20"), "{}\n{}", asked.stdout, asked.stderr);
    assert_eq!(ask("/readyz").0, 200);
    answering.end();
}

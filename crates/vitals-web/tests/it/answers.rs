//! What each tool answers, and that every answer keeps what its schema promises.

use std::time::Duration;

use serde_json::{Value, json};
use vitals_model::check::{CheckId, Point};
use vitals_model::claim::{ClaimStatus, FilteringClaim};
use vitals_model::reading::Health;
use vitals_model::text::Text;
use vitals_model::verdict::Verdict::{self, Agrees, Drifted, Dropped, ExpectedDown, Ghost, Hidden, Hung, Phantom, Unknown};

use crate::client::{Client, asked};
use crate::world::{World, daily, hub, incident, reading, server, set, works};

use Health::{Degraded, Failing, Healthy};

/// The answer for `tool` of the one server of a hub.
async fn usable(world: World, arguments: Value) -> (String, Value) {
    let said = asked(world, "can_use_tool", arguments).await;
    (said.data["answer"].as_str().expect("an answer").to_owned(), said.data)
}

#[tokio::test]
async fn a_verdict_decides_and_not_the_claim() {
    use ClaimStatus::{Connected, Connecting, Disabled, Disconnected, Unauthorized};
    for (verdict, health, claim, answer) in [
        (Agrees, Healthy, Connected, "usable"),
        (Agrees, Degraded, Connected, "usable"),
        (Drifted, Degraded, Connected, "usable"),
        (Hidden, Degraded, Disconnected, "usable"),
        (Ghost, Failing, Connected, "not_usable"),
        (Hung, Failing, Connected, "not_usable"),
        (ExpectedDown, Healthy, Disconnected, "not_usable"),
        (Agrees, Failing, Disconnected, "not_usable"),
        (Agrees, Degraded, Connecting, "not_usable"),
        (Agrees, Degraded, Unauthorized, "not_usable"),
        (Agrees, Healthy, Disabled, "not_usable"),
        (Unknown, Health::Unknown, Connected, "unknown"),
        (Unknown, Failing, Connected, "not_usable"),
    ] {
        let mut of = server("fs", verdict, health, &["read"]);
        of.truth.claim = Some(claim.clone());
        let (said, data) = usable(World::of(vec![hub("h", vec![of])]), json!({"tool": "read"})).await;
        assert_eq!(said, answer, "{verdict:?} {health:?} {claim:?}");
        let offer = &data["offers"][0];
        assert_eq!((&offer["verdict"], &offer["claim"]), (&json!(verdict.as_str()), &json!(claim.as_str())));
    }
}

#[tokio::test]
async fn lists_decide_for_each_tool() {
    let of = |verdict: Verdict, listed: Option<&[&str]>| {
        let mut of = server("fs", verdict, Degraded, &["read", "write"]);
        of.tools.listed = listed.map(set);
        World::of(vec![hub("h", vec![of])])
    };
    for (verdict, listed, tool, answer) in [
        (Dropped, Some(&["read"][..]), "read", "usable"),
        (Dropped, Some(&["read"][..]), "write", "not_usable"),
        (Dropped, None, "write", "unknown"),
        (Hidden, None, "read", "unknown"),
        (Hidden, Some(&[][..]), "read", "not_usable"),
        (Phantom, Some(&["read", "write", "dream"][..]), "dream", "not_usable"),
        (Phantom, Some(&["read", "write", "dream"][..]), "read", "usable"),
    ] {
        let (said, data) = usable(of(verdict, listed), json!({"tool": tool})).await;
        assert_eq!(said, answer, "{verdict:?} {listed:?} {tool}: {data}");
    }
    // A hub that filters shows a session what it asked for: a tool that is not listed is not lost.
    let mut filtering = of(Agrees, Some(&["read"]));
    let state = std::sync::Arc::make_mut(&mut filtering.snapshot.targets[0]);
    state.filtering = Some(FilteringClaim { enabled: Some(true), ..FilteringClaim::default() });
    let (said, data) = usable(filtering, json!({"tool": "write"})).await;
    assert!(said == "usable" && data["reason"].as_str().unwrap().contains("meta-tool"), "{data}");
}

#[tokio::test]
async fn with_the_hub_down_nothing_of_it_is_usable() {
    for (point, question) in [(Point::HubServers, "process"), (Point::HubServers, "api"), (Point::FilteringSessions, "open")] {
        let mut state = hub("h", vec![works("fs", &["read"])]);
        state.readings.push(reading(CheckId::of_target(point, question), Failing, "gone"));
        let (said, data) = usable(World::of(vec![state]), json!({"tool": "read"})).await;
        assert_eq!(said, "not_usable", "{question}");
        assert!(data["reason"].as_str().unwrap().contains(&format!("/{question}: gone")), "{data}");
    }
}

#[tokio::test]
async fn a_tool_is_found_under_all_its_names_with_what_else_offers_it() {
    let two = || World::of(vec![hub("h", vec![server("fs.a", Ghost, Failing, &["read"]), works("fs-b", &["read"])])]);
    for name in ["fs_a__read", "mcp__hub__fs_a__read"] {
        let (said, data) = usable(two(), json!({"tool": name})).await;
        assert_eq!((said.as_str(), data["offers"].as_array().unwrap().len()), ("not_usable", 1), "{name}: {data}");
        let other = &data["alternatives"][0];
        assert_eq!(
            (&other["server"], &other["answer"], &other["call_as"]),
            (&json!("fs-b"), &json!("usable"), &json!("fs_b__read"))
        );
    }
    let (said, data) = usable(two(), json!({"tool": "read"})).await;
    assert_eq!((said.as_str(), &data["offers"][0]["server"]), ("usable", &json!("fs-b")), "one that works is enough");
    let (said, data) = usable(two(), json!({"tool": "read", "server": "fs.a"})).await;
    assert_eq!((said.as_str(), &data["alternatives"][0]["server"]), ("not_usable", &json!("fs-b")));
    let (said, _) = usable(two(), json!({"tool": "read", "server": "nobody"})).await;
    assert_eq!(said, "not_usable");
    let (said, _) = usable(two(), json!({"tool": "xread"})).await;
    assert_eq!(said, "not_usable");
    let mut mute = works("mute", &[]);
    mute.tools.listed = None;
    let (said, _) = usable(World::of(vec![hub("h", vec![mute])]), json!({"tool": "read"})).await;
    assert_eq!(said, "unknown", "a server whose tools nobody knows may have it");
    let (said, _) = usable(World::of(Vec::new()), json!({"tool": "read"})).await;
    assert_eq!(said, "unknown");
}

#[tokio::test]
async fn an_old_look_says_its_age_and_makes_no_one_healthy() {
    let fresh = || World::of(vec![hub("h", vec![works("echo", &["echo"]), server("fs", Ghost, Failing, &["read"])])]);
    let old = || fresh().aged(Duration::from_secs(600));
    for (world, stale, echo) in [(fresh(), false, "healthy"), (old(), true, "unknown")] {
        let said = asked(world, "hub_health", json!({})).await;
        let servers = said.data["targets"][0]["servers"].as_array().unwrap();
        let of = |name: &str| &servers.iter().find(|server| server["name"] == name).unwrap()["health"];
        assert_eq!((&said.data["stale"], of("echo"), of("fs")), (&json!(stale), &json!(echo), &json!("failing")));
        assert_eq!(said.text.contains("10m"), stale, "{}", said.text);
    }
    assert_eq!(usable(old(), json!({"tool": "echo"})).await.0, "unknown");
    assert_eq!(usable(fresh(), json!({"tool": "echo"})).await.0, "usable");
    let nothing = asked(World::of(Vec::new()), "hub_health", json!({})).await;
    assert_eq!(nothing.data["health"], "unknown");
    assert!(nothing.text.contains("No hub was found"), "{}", nothing.text);
}

#[tokio::test]
async fn explain_names_roots_and_what_follows_from_them() {
    let mut client = Client::of(World::lying());
    let roots = client.call("explain", json!({})).await;
    let checks: Vec<_> = roots.data["checks"].as_array().unwrap().iter().map(|check| check["check"].as_str().unwrap()).collect();
    assert_eq!(checks, ["hub-servers/filesystem/truth"], "what follows from it is not told beside it");
    let server = client.call("explain", json!({"what": "filesystem"})).await;
    assert_eq!(server.data["checks"][1]["causes"][0]["check"], "hub-servers/filesystem/truth", "{}", server.data);
    for (what, check, incident) in [
        ("I7", "hub-servers/filesystem/truth", json!("I7")),
        ("hub-servers/*/call", "hub-servers/filesystem/call", Value::Null),
        ("echo", "hub-servers/echo/truth", Value::Null),
    ] {
        let said = client.call("explain", json!({"what": what})).await;
        let first = &said.data["checks"][0];
        assert_eq!((&first["check"], &first["incident"]), (&json!(check), &incident), "{what}");
    }
    let unknown = client.call("explain", json!({"what": "I8"})).await;
    assert!(unknown.is_error && unknown.text.contains("“I8”"), "{}", unknown.text);
    client.end().await;
}

#[tokio::test]
async fn answers_are_bounded_and_say_what_is_left_out() {
    let many = |target: usize| {
        let servers = (0..70).map(|n| {
            server(&format!("s{n:02}"), if n == 69 { Ghost } else { Agrees }, if n == 69 { Failing } else { Healthy }, &["t"])
        });
        let mut state = hub(&format!("h{target:03}"), servers.collect());
        state.open =
            (0..3).map(|n| incident(n, &format!("h{target:03}"), CheckId::of_server(&Text::new("s69"), "truth"))).collect();
        state
    };
    let mut world = World::of((0..30).map(many).collect());
    world.report = Ok(daily("word ".repeat(100_000)));
    let mut client = Client::of(world);
    let health = client.call("hub_health", json!({})).await;
    let first = &health.data["targets"][0];
    assert_eq!((health.data["targets"].as_array().unwrap().len(), &health.data["more_targets"]), (20, &json!(10)));
    assert_eq!(
        (first["servers"].as_array().unwrap().len(), &first["more_servers"], &first["servers"][0]["name"]),
        (50, &json!(20), &json!("s69"))
    );
    assert!(
        health.text.contains("10 more targets are left out") && health.text.contains("20 more servers are left out"),
        "{}",
        health.text
    );
    let incidents = client.call("open_incidents", json!({})).await;
    assert_eq!((incidents.data["incidents"].as_array().unwrap().len(), &incidents.data["more"]), (20, &json!(70)));
    let offers = client.call("can_use_tool", json!({"tool": "t"})).await;
    assert_eq!((offers.data["offers"].as_array().unwrap().len(), &offers.data["more"]), (10, &json!(30 * 70 - 10)));
    assert_eq!(offers.data["answer"], "usable");
    let explained = client.call("explain", json!({})).await;
    assert_eq!((explained.data["checks"].as_array().unwrap().len(), &explained.data["more"]), (5, &json!(25)));
    let report = client.ask("resources/read", json!({"uri": "vitals://report/daily"})).await;
    let text = report["result"]["contents"][0]["text"].as_str().unwrap();
    assert!(text.len() < 50_000 && text.contains("cut here: 49152 of 500000 bytes"), "{}", text.len());
    client.end().await;
}

#[tokio::test]
async fn every_answer_keeps_its_schema_and_every_tool_is_read_only() {
    let mut client = Client::of(World::lying());
    let listed = client.ask("tools/list", json!({})).await;
    let tools = listed["result"]["tools"].as_array().unwrap();
    let names: Vec<_> = tools.iter().map(|tool| tool["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["hub_health", "can_use_tool", "open_incidents", "latest_report", "explain"]);
    for tool in tools {
        assert_eq!(tool["annotations"], json!({"readOnlyHint": true, "openWorldHint": false}));
        let arguments = if tool["name"] == "can_use_tool" { json!({"tool": "read_file"}) } else { json!({}) };
        let said = client.call(tool["name"].as_str().unwrap(), arguments).await;
        assert!(!said.is_error, "{}", said.text);
        assert_eq!(misfit(&said.data, &tool["outputSchema"]), None, "{}: {}", tool["name"], said.data);
    }
    // What a model reads of us at every turn.
    let bytes = listed["result"]["tools"].to_string().len();
    assert!(bytes < 8_000, "{bytes} bytes of tools");
    client.end().await;
}

/// The first place where a value is not as the schema says: of the words that our schemas use.
fn misfit(value: &Value, schema: &Value) -> Option<String> {
    let is = |kind: &str| match kind {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "integer" => value.is_u64(),
        "number" => value.is_number(),
        "boolean" => value.is_boolean(),
        "null" => value.is_null(),
        other => panic!("a type that is not known here: {other}"),
    };
    let kinds: Vec<&str> = match &schema["type"] {
        Value::String(kind) => vec![kind],
        Value::Array(kinds) => kinds.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    };
    if !kinds.is_empty() && !kinds.into_iter().any(is) {
        return Some(format!("{value} is not of {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|words| !words.contains(value)) {
        return Some(format!("{value} is none of {}", schema["enum"]));
    }
    let required = schema["required"].as_array().into_iter().flatten();
    if let Some(missing) = required.filter_map(Value::as_str).find(|name| value.get(name).is_none()) {
        return Some(format!("no {missing}"));
    }
    let fields = value.as_object().into_iter().flatten();
    let of_field = |(name, field): (&String, &Value)| match schema["properties"].get(name) {
        Some(schema) => misfit(field, schema),
        None => Some(format!("{name} is not in the schema")),
    };
    let items = value.as_array().into_iter().flatten();
    fields
        .filter(|_| schema["properties"].is_object())
        .find_map(of_field)
        .or_else(|| items.into_iter().find_map(|item| misfit(item, &schema["items"])))
}

#[tokio::test]
async fn wrong_arguments_are_told_in_words() {
    let mut client = Client::of(World::lying());
    for (tool, arguments, words) in [
        ("can_use_tool", json!({}), "needs tool"),
        ("can_use_tool", json!({"tool": "  "}), "needs tool"),
        ("hub_health", json!({"tragte": "x"}), "has no argument “tragte”"),
        ("hub_health", json!({"target": 7}), "must be a text"),
        ("hub_health", json!({"target": "x".repeat(2000)}), "at most 1024 bytes"),
        ("hub_health", json!({"target": "nobody"}), "watched are “hub-7001”"),
    ] {
        let said = client.call(tool, arguments).await;
        assert!(said.is_error && said.text.contains(words), "{tool}: {}", said.text);
    }
    let unknown = client.ask("tools/call", json!({"name": "delete_all"})).await;
    assert_eq!(unknown["error"]["code"], -32602);
    client.end().await;
}

#[tokio::test]
async fn resources_are_what_the_tools_say() {
    let mut client = Client::of(World::lying());
    let health = client.call("hub_health", json!({})).await;
    for uri in ["vitals://snapshot", "vitals://target/hub-7001"] {
        let read = client.ask("resources/read", json!({"uri": uri})).await;
        let text = read["result"]["contents"][0]["text"].as_str().expect("a text");
        assert_eq!(serde_json::from_str::<Value>(text).unwrap(), health.data, "{uri}");
    }
    let report = client.ask("resources/read", json!({"uri": "vitals://report/daily"})).await;
    assert_eq!(report["result"]["contents"][0]["text"], "# Report\n\nAll of it.\n");
    for uri in ["vitals://target/nobody", "vitals://nothing", "file:///etc/passwd"] {
        let read = client.ask("resources/read", json!({"uri": uri})).await;
        assert_eq!(read["error"]["code"], -32002, "{uri}: {read}");
    }
    client.end().await;
}

//! The control: who is answered, what is refused and with which words.

use super::*;
use crate::lab::files::Files;
use crate::lab::settings::Where;
use crate::lab::state::Shown;

/// A lab that is ending: it has its folder and its control, and no hub any more.
async fn ending() -> (Files, Arc<Bench>, Control) {
    let files = Files::take(&Where::Temporary).unwrap();
    let (_, shown) = tokio::sync::watch::channel(Shown::default());
    let bench = Arc::new(Bench {
        state: tokio::sync::Mutex::new(None),
        shown,
        place: files.place().clone(),
        persona: crate::persona::Persona::Honest,
        url: "http://127.0.0.1:7001".to_owned(),
    });
    let control = Control::start(&bench).await.unwrap();
    (files, bench, control)
}

#[tokio::test]
async fn the_catalogue_is_listed_and_orders_are_answered_with_reasons() {
    let (files, _bench, _control) = ending().await;
    let remote = Remote::find(files.place()).unwrap();
    let listing = remote.list().await.unwrap();
    assert_eq!((listing.hub.as_str(), listing.persona.as_str()), ("http://127.0.0.1:7001", "honest"));
    assert_eq!(listing.faults, catalogue());
    assert_eq!(listing.faults.len(), CATALOGUE.len());
    let unknown = remote.inject("kill-hub", "").await.unwrap_err().to_string();
    assert!(unknown.starts_with("no fault `kill-hub`; the nearest are hub-killed"), "{unknown}");
    let unknown = remote.clear("a/b?c").await.unwrap_err().to_string();
    assert!(unknown.starts_with("no fault `a/b?c`"), "{unknown}");
    let refused = remote.inject("api-slow", "filesystem").await.unwrap_err().to_string();
    assert!(refused.starts_with("there is no hub now"), "{refused}");
    assert_eq!(remote.clear_all().await.unwrap(), Done { faults: vec![] });
}

#[tokio::test]
async fn without_the_token_nothing_is_answered_and_only_its_owner_can_read_it() {
    use std::os::unix::fs::PermissionsExt as _;
    let (files, _bench, control) = ending().await;
    let path = files.place().control();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let address: Address = serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap();
    assert_eq!((address.url, address.token.len()), (control.url(), 2 * TOKEN_BYTES));
    std::fs::write(&path, serde_json::json!({"url": control.url(), "token": "x".repeat(64), "pid": 1}).to_string()).unwrap();
    let remote = Remote::find(files.place()).unwrap();
    assert_eq!(remote.list().await.unwrap_err().to_string(), "the token is missing or wrong");
    assert_ne!(token().unwrap(), token().unwrap());
}

#[tokio::test]
async fn a_control_that_is_gone_and_a_folder_without_a_lab_are_told_apart() {
    let (files, bench, control) = ending().await;
    let remote = Remote::find(files.place()).unwrap();
    drop((control, bench));
    for _ in 0..200 {
        match remote.list().await {
            Err(RemoteError::Unanswered(_)) => break,
            // The listener is closed by a task that ends soon.
            _ => tokio::time::sleep(std::time::Duration::from_millis(10)).await,
        }
    }
    assert!(matches!(remote.list().await, Err(RemoteError::Unanswered(_))));
    let place = files.place().clone();
    files.remove().unwrap();
    assert!(matches!(Remote::find(&place), Err(RemoteError::NotRunning(_))));
}

#[test]
fn the_nearest_names_are_those_that_a_person_meant() {
    for (asked, first) in [
        ("server-kill", "server-killed"),
        ("killed", "hub-killed"),
        ("llm-4O1", "llm-401"),
        ("fdleak", "fd-leak"),
        ("log-block", "log-blocked"),
        ("drift", "schema-drift"),
    ] {
        assert_eq!(nearest(asked)[0], first, "{asked}: {:?}", nearest(asked));
    }
    assert_eq!((distance("kitten", "sitting"), distance("", "ab"), distance("a", "")), (3, 2, 1));
}

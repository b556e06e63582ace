//! The pages: whole without a script, harmless whatever a hub calls its servers, small.

use std::time::Duration;

use super::fixture::{Fixed, HOSTILE, get, snapshot};
use crate::{Reach, limits};

const PAGES: [&str; 11] = [
    "/",
    "/?range=90d&show=bad&q=file",
    "/targets/hub-7001",
    "/targets/hub-7001?range=1h",
    "/targets/hub-7001/report",
    "/targets/hub-7001/criteria",
    "/targets/hub-7001/tools",
    "/targets/hub-7001/explain?check=hub-servers%2Fapi",
    "/incidents",
    "/incidents/I7",
    "/silences",
];

/// The tags of a page that a browser would obey.
fn tags(page: &str) -> Vec<&str> {
    page.split('<').skip(1).map(|rest| rest.split([' ', '>']).next().unwrap_or_default()).collect()
}

#[tokio::test]
async fn every_page_is_whole_and_no_name_of_a_hub_becomes_markup() {
    let router = Fixed::with(snapshot(&["hub-7001", "staging"], HOSTILE)).router(Reach::Loopback);
    let server = format!("/targets/hub-7001/server?name={}", percent(vitals_model::text::Text::new(HOSTILE).as_str()));
    for path in PAGES.into_iter().chain([server.as_str()]) {
        let said = get(&router, path).await;
        assert_eq!(said.status, 200, "{path}: {}", said.text);
        let page = &said.text;
        assert!(page.starts_with("<!DOCTYPE html><html lang=\"en\">") && page.ends_with("</html>"), "{path}");
        assert!(!page.contains("<img src=x") && !page.contains('\u{1b}') && !page.contains('\u{202e}'), "{path}");
        let scripts = tags(page).iter().filter(|tag| **tag == "script").count();
        assert_eq!((scripts, page.contains("style=")), (1, false), "{path}: the policy allows no more");
        assert_eq!(page.matches("<h1").count(), 1, "{path}");
        assert_eq!(tags(page).iter().filter(|tag| **tag == "main").count(), 1, "{path}");
    }
    let shown = get(&router, &server).await.text;
    assert!(shown.contains("&lt;img src=x onerror=alert(1)&gt;"), "it is shown as what it is");
}

fn percent(text: &str) -> String {
    use std::fmt::Write as _;
    text.bytes().fold(String::new(), |mut out, byte| {
        let _ = write!(out, "%{byte:02x}");
        out
    })
}

#[tokio::test]
async fn links_of_a_page_lead_somewhere() {
    let router = Fixed::with(snapshot(&["hub-7001", "a/b ?&"], "filesystem")).router(Reach::Loopback);
    let mut seen = std::collections::BTreeSet::new();
    let mut next: Vec<String> = vec!["/".to_owned()];
    while let Some(path) = next.pop() {
        if seen.contains(&path) || seen.len() > 300 {
            continue;
        }
        let said = get(&router, &path).await;
        // `/health` says that a target fails.
        assert!(said.status == 200 || path == "/health", "{path}: {}", said.status);
        for attribute in ["href=\"", "src=\""] {
            let links = said.text.split(attribute).skip(1).filter_map(|rest| rest.split('"').next());
            let own = links
                .filter(|link| link.starts_with('/'))
                .map(|link| link.split('#').next().unwrap_or(link).replace("&amp;", "&"));
            next.extend(own);
            assert!(
                !said.header("content-type").starts_with("text/html") || !said.text.contains(&format!("{attribute}http")),
                "{path}"
            );
        }
        seen.insert(path);
    }
    assert!(seen.len() > 40, "{seen:?}");
}

#[tokio::test]
async fn without_a_history_pages_say_so_and_go_on() {
    let mut source = Fixed::usual();
    std::sync::Arc::get_mut(&mut source).unwrap().history = false;
    let router = source.router(Reach::Loopback);
    for path in ["/", "/targets/hub-7001", "/targets/hub-7001/report", "/incidents"] {
        let said = get(&router, path).await;
        assert_eq!(said.status, 200, "{path}: {}", said.text);
    }
    assert!(get(&router, "/").await.text.contains("no history"));
    let none = get(&router, "/api/v1/targets/hub-7001/report").await;
    assert_eq!((none.status.as_u16(), none.json()["detail"].as_str()), (404, Some("no history is kept")));
}

#[tokio::test]
async fn many_targets_are_rows_in_pages_and_can_be_found() {
    let names: Vec<_> = (0..500).map(|n| format!("hub-{n:03}")).collect();
    let names: Vec<_> = names.iter().map(String::as_str).collect();
    let router = Fixed::with(snapshot(&names, "filesystem")).router(Reach::Loopback);
    let first = get(&router, "/").await.text;
    assert_eq!(first.matches("<th scope=\"row\">").count(), limits::TARGETS_A_PAGE);
    assert!(first.contains("Page 1 of 10, 500 targets") && first.contains("page=2"), "pages are linked");
    assert!(first.len() < 150_000, "{} bytes", first.len());
    let found = get(&router, "/?q=HUB-31").await.text;
    assert_eq!(found.matches("<h2><a href=\"/targets/hub-31").count(), 10, "few are shown in full");
    assert!(get(&router, "/?page=99999999999999999999").await.text.contains("Page 1 of"));
    assert!(get(&router, "/?q=nobody").await.text.contains("Nothing matches"));
}

#[tokio::test]
async fn what_is_loaded_is_small_and_kept() {
    let router = Fixed::usual().router(Reach::Loopback);
    let mut bytes = 0;
    for path in ["/", "/style.css", "/script.js", "/icon.svg"] {
        let said = get(&router, path).await;
        bytes += said.text.len();
        assert!(path == "/" || said.header("cache-control").contains("max-age"), "{path}");
    }
    // The bound is 150 kB compressed; this is uncompressed.
    assert!(bytes < 60_000, "{bytes} bytes");
}

#[tokio::test]
async fn an_old_snapshot_is_not_ready_and_has_no_badge() {
    let mut old = snapshot(&["hub-7001"], "filesystem");
    old.at = old.at.minus(Duration::from_secs(2 * 3600));
    old.own.store_error = Some("disk full".to_owned());
    let router = Fixed::with(old).router(Reach::Loopback);
    let ready = get(&router, "/readyz").await;
    assert_eq!(ready.status, 503);
    assert_eq!(ready.text, "scheduler: stands still for 2h 00m\nstore: disk full\n");
    assert!(get(&router, "/badge/hub-7001.svg").await.text.contains("unknown"));
    assert_eq!(get(&router, "/livez").await.status, 200);
}

/// How long this thread was carried out so far: what a busy machine does meanwhile is not counted.
fn on_cpu() -> Duration {
    let stat = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap();
    Duration::from_nanos(stat.split(' ').next().and_then(|ns| ns.parse().ok()).unwrap())
}

/// The bound on a snapshot of 500 targets, in a release build. A debug build is slower by more than an order, and must only not be worse than that.
const MANY_MAX: Duration = Duration::from_millis(if cfg!(debug_assertions) { 10_000 } else { 50 });

/// How often it is asked: the kernel counts time on the CPU in steps of some milliseconds.
const TIMES: u32 = 10;

#[tokio::test]
async fn five_hundred_targets_are_told_in_time() {
    let names: Vec<_> = (0..500).map(|n| format!("hub-{n:03}")).collect();
    let mut many = snapshot(&names.iter().map(String::as_str).collect::<Vec<_>>(), "filesystem");
    for state in &mut many.targets {
        let readings = &mut std::sync::Arc::make_mut(state).readings;
        // As many as a hub with two servers has.
        *readings = readings.iter().cycle().take(50).cloned().collect();
    }
    let source = Fixed::with(many.clone());
    let router = source.router(Reach::Loopback);
    for path in ["/api/v1/snapshot", "/"] {
        let before = on_cpu();
        for _ in 0..TIMES {
            source.snapshots.send_replace(std::sync::Arc::new(many.clone()));
            assert_eq!(get(&router, path).await.status, 200);
        }
        let each = on_cpu().saturating_sub(before) / TIMES;
        println!("{path}: {each:?} for 500 targets");
        assert!(each <= MANY_MAX, "{path}: {each:?}");
    }
}

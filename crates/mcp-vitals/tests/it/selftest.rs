//! `selftest`: faults in labs of our own, seen by the built binary's own monitoring.

use std::time::Duration;

use crate::product::Home;
use crate::said;

/// Far more than saying no takes.
const AT_ONCE: Duration = Duration::from_secs(10);

#[test]
fn an_unknown_fault_is_refused_with_those_that_there_are() {
    let ran = Home::new().run(&["selftest", "--fault", "hub-killed", "--fault", "no-such"], AT_ONCE);
    said::assert_no_panic(&ran);
    assert_eq!(ran.code, Some(3), "{ran:?}");
    assert!(ran.stderr.contains("no fault is called 'no-such'; there are hub-killed, hub-stopped, "), "{}", ran.stderr);
    assert_eq!(ran.stdout, "");
}

//! What a supervisor is told: the protocol of `sd_notify(3)`. Every message is one datagram; one that is not taken at once
//! is not sent, for the loop waits for nobody.

use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::path::Path;
use std::time::Duration;

use tokio::time::Instant;

/// Whoever started us and wants to hear how we are.
pub struct Supervisor {
    socket: UnixDatagram,
    address: SocketAddr,
    /// How often it must hear that the loop goes on, and when it hears it next.
    watchdog: Option<(Duration, Instant)>,
    status: String,
}

impl Supervisor {
    /// The supervisor that an environment names: `var` looks one variable up. `None` when it names none.
    ///
    /// It is asked half as often as `WATCHDOG_USEC` says, as `sd_watchdog_enabled(3)` recommends.
    pub fn from_environment(var: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let name = var("NOTIFY_SOCKET")?;
        let address = match name.strip_prefix('@') {
            Some(name) => SocketAddr::from_abstract_name(name.as_bytes()).ok()?,
            None if Path::new(&name).is_absolute() => SocketAddr::from_pathname(Path::new(&name).as_os_str()).ok()?,
            None => return None,
        };
        let socket = UnixDatagram::unbound().ok()?;
        socket.set_nonblocking(true).ok()?;
        let is_ours = var("WATCHDOG_PID").is_none_or(|pid| pid == std::process::id().to_string());
        let limit = var("WATCHDOG_USEC").and_then(|text| text.parse().ok()).filter(|usec| is_ours && *usec > 0);
        let watchdog = limit.map(|usec| (Duration::from_micros(usec) / 2, Instant::now()));
        Some(Self { socket, address, watchdog, status: String::new() })
    }

    /// The loop runs.
    pub(crate) fn ready(&self) {
        self.tell("READY=1");
    }

    /// The loop went on once more.
    pub(crate) fn beat(&mut self, now: Instant, status: String) {
        if let Some((every, next)) = &mut self.watchdog
            && now >= *next
        {
            *next = now + *every;
            self.tell("WATCHDOG=1");
        }
        if self.status != status {
            self.tell(&format!("STATUS={}", status.replace('\n', " ")));
            self.status = status;
        }
    }

    /// How long the loop may rest until the next beat.
    pub(crate) fn rest(&self) -> Duration {
        self.watchdog.map_or(Duration::MAX, |(every, _)| every)
    }

    /// The loop ends.
    pub(crate) fn stopping(&self) {
        self.tell("STOPPING=1");
    }

    fn tell(&self, message: &str) {
        // A supervisor that does not listen finds out by itself.
        let _ = self.socket.send_to_addr(message.as_bytes(), &self.address);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn told(socket: &UnixDatagram) -> Vec<String> {
        socket.set_nonblocking(true).unwrap();
        let mut buffer = [0; 256];
        let mut all = Vec::new();
        while let Ok(n) = socket.recv(&mut buffer) {
            all.push(String::from_utf8_lossy(&buffer[..n]).into_owned());
        }
        all
    }

    fn supervisor(variables: &[(&str, &str)]) -> Option<Supervisor> {
        let all: BTreeMap<_, _> = variables.iter().copied().collect();
        Supervisor::from_environment(|name| all.get(name).map(|value| (*value).to_owned()))
    }

    #[tokio::test(start_paused = true)]
    async fn it_hears_that_the_loop_is_ready_goes_on_and_stops() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("notify");
        let name = format!("mcp-vitals-test-{}", std::process::id());
        let sockets = [
            (UnixDatagram::bind(&path).unwrap(), path.to_str().unwrap().to_owned()),
            (UnixDatagram::bind_addr(&SocketAddr::from_abstract_name(&name).unwrap()).unwrap(), format!("@{name}")),
        ];
        for (socket, address) in sockets {
            let mut supervisor = supervisor(&[("NOTIFY_SOCKET", &address), ("WATCHDOG_USEC", "3000000")]).unwrap();
            assert_eq!(supervisor.rest(), Duration::from_millis(1500));
            supervisor.ready();
            for _ in 0..4 {
                supervisor.beat(Instant::now(), "1 target".to_owned());
                tokio::time::advance(Duration::from_secs(1)).await;
            }
            supervisor.beat(Instant::now(), "2 targets".to_owned());
            supervisor.stopping();
            let expected =
                ["READY=1", "WATCHDOG=1", "STATUS=1 target", "WATCHDOG=1", "WATCHDOG=1", "STATUS=2 targets", "STOPPING=1"];
            assert_eq!(told(&socket), expected, "{address}");
        }
    }

    #[tokio::test]
    async fn who_is_not_ours_hears_nothing() {
        assert!(supervisor(&[]).is_none());
        assert!(supervisor(&[("NOTIFY_SOCKET", "relative")]).is_none());
        let other = supervisor(&[("NOTIFY_SOCKET", "@x"), ("WATCHDOG_USEC", "1000000"), ("WATCHDOG_PID", "1")]).unwrap();
        assert_eq!(other.rest(), Duration::MAX);
        // Nobody listens there, which holds up nothing.
        other.ready();
    }
}

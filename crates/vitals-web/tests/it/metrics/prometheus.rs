//! A real Prometheus with the rules that we ship, for the tests of this crate and of the program.

use std::fs;
use std::io::{Read as _, Write as _};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Longest wait for an answer of its API.
const ANSWER_MAX: Duration = Duration::from_secs(60);

/// A Prometheus of our own; it ends with this.
pub(crate) struct Prometheus {
    child: Child,
    port: u16,
}

impl Drop for Prometheus {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Prometheus {
    /// Starts it with the rules in `rules`, scraping `target` every second.
    pub(crate) fn start(program: &Path, folder: &Path, rules: &Path, target: &str) -> Self {
        let rules = rules.display();
        let config = format!(
            "global: {{scrape_interval: 1s, evaluation_interval: 1s}}\n\
             rule_files: [\"{rules}/alerts.yml\", \"{rules}/recording.yml\"]\n\
             scrape_configs: [{{job_name: mcp-vitals, static_configs: [{{targets: [\"{target}\"]}}]}}]\n"
        );
        let file = folder.join("prometheus.yml");
        fs::write(&file, config).expect("a folder of ours");
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|free| free.local_addr()).expect("a free port").port();
        let mut command = Command::new(program);
        command
            .arg(format!("--config.file={}", file.display()))
            .arg(format!("--storage.tsdb.path={}", folder.join("data").display()))
            .arg(format!("--web.listen-address=127.0.0.1:{port}"));
        let child = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
        Self { child, port }
    }

    /// What a path of its API says, once that is there.
    fn ask(&self, path: &str) -> Option<serde_json::Value> {
        let mut stream = TcpStream::connect((Ipv4Addr::LOCALHOST, self.port)).ok()?;
        stream.set_read_timeout(Some(ANSWER_MAX)).ok()?;
        write!(stream, "GET {path} HTTP/1.0\r\n\r\n").ok()?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer).ok()?;
        serde_json::from_str(answer.split_once("\r\n\r\n")?.1).ok()
    }

    /// The values of a query, by the label `server`.
    pub(crate) fn query(&self, name: &str) -> Vec<(String, String)> {
        let answer = self.ask(&format!("/api/v1/query?query={name}")).unwrap_or_default();
        let one = |series: &serde_json::Value| {
            let text = |value: &serde_json::Value| value.as_str().unwrap_or_default().to_owned();
            (text(&series["metric"]["server"]), text(&series["value"][1]))
        };
        answer["data"]["result"].as_array().map(|all| all.iter().map(one).collect()).unwrap_or_default()
    }

    /// The names of the alerts that fire.
    pub(crate) fn firing(&self) -> Option<Vec<String>> {
        let answer = self.ask("/api/v1/alerts")?;
        let fires = |alert: &&serde_json::Value| alert["state"] == "firing";
        let name = |alert: &serde_json::Value| alert["labels"]["alertname"].as_str().unwrap_or_default().to_owned();
        Some(answer["data"]["alerts"].as_array()?.iter().filter(fires).map(name).collect())
    }
}

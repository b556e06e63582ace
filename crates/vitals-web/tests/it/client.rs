//! A client that writes lines and reads lines: what it sends and gets is not seen by any library.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, DuplexStream, Lines, ReadHalf, WriteHalf};
use tokio::task::JoinSet;
use vitals_web::agents::serve;

use crate::world::World;

/// How long an answer may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A client of a server of its own.
pub(crate) struct Client {
    input: WriteHalf<DuplexStream>,
    output: Lines<BufReader<ReadHalf<DuplexStream>>>,
    server: JoinSet<()>,
    asked: u64,
}

/// What a tool answered.
pub(crate) struct Said {
    pub text: String,
    /// Null for an error.
    pub data: Value,
    pub is_error: bool,
}

impl Client {
    pub(crate) fn of(world: World) -> Self {
        let (ours, theirs) = tokio::io::duplex(64 << 10);
        let (read, write) = tokio::io::split(theirs);
        let mut server = JoinSet::new();
        server.spawn(serve(Arc::new(world), read, write));
        let (output, input) = tokio::io::split(ours);
        Self { input, output: BufReader::new(output).lines(), server, asked: 0 }
    }

    pub(crate) async fn write(&mut self, line: &[u8]) {
        let sent = async {
            self.input.write_all(line).await?;
            self.input.write_all(b"\n").await
        };
        tokio::time::timeout(PATIENCE, sent).await.expect("it reads").expect("it is there");
    }

    pub(crate) async fn read(&mut self) -> Value {
        let line = tokio::time::timeout(PATIENCE, self.output.next_line()).await.expect("an answer in time");
        serde_json::from_str(&line.unwrap().expect("it is there")).expect("a line is a message")
    }

    /// The answer to a request; one to an earlier line is passed over.
    pub(crate) async fn ask(&mut self, method: &str, params: Value) -> Value {
        self.asked += 1;
        let id = format!("ask-{}", self.asked);
        self.write(json!({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).to_string().as_bytes()).await;
        loop {
            let answer = self.read().await;
            if answer["id"] == id.as_str() {
                return answer;
            }
        }
    }

    pub(crate) async fn call(&mut self, tool: &str, arguments: Value) -> Said {
        let mut answer = self.ask("tools/call", json!({"name": tool, "arguments": arguments})).await;
        let result = answer["result"].take();
        assert!(result.is_object(), "{answer}");
        Said {
            text: result["content"][0]["text"].as_str().expect("a text").to_owned(),
            data: result["structuredContent"].clone(),
            is_error: result["isError"] == true,
        }
    }

    /// Ends the input; the server must end too.
    pub(crate) async fn end(mut self) {
        self.input.shutdown().await.expect("a stream of ours");
        let ended = tokio::time::timeout(PATIENCE, self.server.join_next()).await.expect("it ends with its input");
        ended.expect("it ran").expect("it did not panic");
    }
}

/// Asks one question of one world.
pub(crate) async fn asked(world: World, tool: &str, arguments: Value) -> Said {
    let mut client = Client::of(world);
    let said = client.call(tool, arguments).await;
    client.end().await;
    said
}

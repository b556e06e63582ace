//! Between a client's lines and the SDK, which passes over in silence what is no JSON: a client that waits for an answer
//! would wait for ever. A line that cannot be read is answered with a parse error (JSON-RPC 2.0, 5.1) that has no id, as MCP
//! writes one that could not be read (2026-07-28, basic, error responses).

use rmcp::RoleServer;
use rmcp::model::ErrorData;
use rmcp::service::{RxJsonRpcMessage, TxJsonRpcMessage};
use rmcp::transport::Transport;
use rmcp::transport::async_rw::AsyncRwTransport;
use serde_json::Value;
use tokio::io::{self, AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader, DuplexStream};
use tokio::sync::mpsc;

use super::protocol::MESSAGE_BYTES_MAX;

/// Bytes of good lines that wait for the SDK; beyond it reading waits.
const WAITING_BYTES_MAX: usize = 64 << 10;

/// Refusals that wait to be written; beyond it reading waits.
const REFUSALS_MAX: usize = 1;

/// A transport of the SDK that is fed by [`sift`].
pub(super) struct Sifted<W: AsyncWrite> {
    good: AsyncRwTransport<RoleServer, DuplexStream, W>,
    refused: mpsc::Receiver<ErrorData>,
}

/// Where [`sift`] puts lines.
pub(super) struct Feed {
    good: DuplexStream,
    refuse: mpsc::Sender<ErrorData>,
}

impl<W: AsyncWrite + Send + Unpin + 'static> Sifted<W> {
    pub(super) fn new(output: W) -> (Self, Feed) {
        let (good, lines) = io::duplex(WAITING_BYTES_MAX);
        let (refuse, refused) = mpsc::channel(REFUSALS_MAX);
        // Lines are bounded before they come here.
        let transport = AsyncRwTransport::new_server(lines, output).with_max_line_length(usize::MAX);
        (Self { good: transport, refused }, Feed { good, refuse })
    }
}

impl<W: AsyncWrite + Send + Unpin + 'static> Transport<RoleServer> for Sifted<W> {
    type Error = io::Error;

    fn send(&mut self, item: TxJsonRpcMessage<RoleServer>) -> impl Future<Output = io::Result<()>> + Send + 'static {
        self.good.send(item)
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            tokio::select! {
                biased;
                Some(why) = self.refused.recv() => self.good.send(TxJsonRpcMessage::<RoleServer>::error(why, None)).await.ok()?,
                message = self.good.receive() => return message,
            }
        }
    }

    async fn close(&mut self) -> io::Result<()> {
        self.good.close().await
    }
}

/// Reads lines until the input or their reader ends.
pub(super) async fn sift(input: impl AsyncRead + Unpin, mut feed: Feed) {
    let (mut input, mut line) = (BufReader::new(input), Vec::new());
    while let Ok(true) = next_line(&mut input, &mut line).await {
        let passed = match refusal(&line) {
            Some(why) => feed.refuse.send(ErrorData::parse_error(why, None)).await.is_ok(),
            None => feed.good.write_all(&line).await.is_ok(),
        };
        if !passed {
            return;
        }
    }
}

/// The next line with its end; of one that is too long what is too much for it. `false` when there is none: what has
/// no end is no line.
async fn next_line(input: &mut (impl io::AsyncBufRead + Unpin), line: &mut Vec<u8>) -> io::Result<bool> {
    line.clear();
    loop {
        let part = input.fill_buf().await?;
        if part.is_empty() {
            return Ok(false);
        }
        let end = part.iter().position(|byte| *byte == b'\n').map(|at| at + 1);
        let taken = end.unwrap_or(part.len());
        let room = (MESSAGE_BYTES_MAX + 1).saturating_sub(line.len());
        line.extend_from_slice(&part[..taken.min(room)]);
        input.consume(taken);
        if end.is_some() {
            return Ok(true);
        }
    }
}

/// Why a line cannot be read. An empty one says nothing, which the SDK takes as that.
fn refusal(line: &[u8]) -> Option<String> {
    if line.len() > MESSAGE_BYTES_MAX {
        return Some(format!("Parse error: the line is longer than {MESSAGE_BYTES_MAX} bytes"));
    }
    // A mark of the byte order may stand before it (RFC 8259, 8.1).
    let text = line.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(line);
    let is_readable = text.trim_ascii().is_empty() || serde_json::from_slice::<Value>(text).is_ok();
    (!is_readable).then(|| "Parse error: the line is not JSON".to_owned())
}

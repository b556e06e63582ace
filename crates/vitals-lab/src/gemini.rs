//! An LLM stub in the shape of Gemini's REST API: a stand-in for the real API, which costs money and needs a key.

use std::io;

use crate::fault::LlmFault;

/// The stub.
#[derive(Debug)]
pub struct Stub(&'static str);

impl Stub {
    /// Starts it.
    #[expect(clippy::unused_async, reason = "the finished stub binds a socket")]
    pub async fn start() -> io::Result<Self> {
        Ok(Self("http://127.0.0.1:9"))
    }

    /// Its base URL.
    pub fn base_url(&self) -> &str {
        self.0
    }

    /// The key that it takes.
    pub fn key(&self) -> &'static str {
        "lab-key"
    }

    /// What it does wrong from now on.
    pub fn set(&self, _fault: Option<LlmFault>) {}
}

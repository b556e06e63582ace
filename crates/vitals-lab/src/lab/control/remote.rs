//! The client of a running lab's control, for `lab fault …`.

use std::fs;
use std::time::Duration;

use serde::de::DeserializeOwned;
use thiserror::Error;
use url::Url;
use vitals_model::config::Timeouts;
use vitals_probe::http::{Client, Method, Request};
use vitals_probe::secret::Secret;

use super::{Address, Done, Listing, Refused, Wanted};
use crate::place::Place;

/// How long an order may take: a hub that starts again, and a server that takes its time.
const ORDER_LIMIT: Duration = Duration::from_secs(40);

/// Largest answer read, in bytes.
const ANSWER_BYTES_MAX: usize = 256 << 10;

/// Why a running lab could not be told.
#[derive(Debug, Error)]
pub enum RemoteError {
    /// No lab runs in this folder.
    #[error("no lab runs in {}: start one with `mcp-vitals lab`", .0.display())]
    NotRunning(std::path::PathBuf),
    /// The file with its address cannot be read.
    #[error("cannot read {}", path.display())]
    File {
        /// The file.
        path: std::path::PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// The file with its address is no such file.
    #[error("{} does not say where the lab is", .0.display())]
    Address(std::path::PathBuf),
    /// The lab did not do it.
    #[error("{0}")]
    Refused(String),
    /// The lab did not answer.
    #[error("the lab did not answer: {0}")]
    Unanswered(String),
}

/// A lab that another process runs.
#[derive(Debug)]
pub struct Remote {
    client: Client,
    url: Url,
}

impl Remote {
    /// Finds the lab that runs in this folder.
    ///
    /// # Errors
    /// None runs there, or its address cannot be read.
    pub fn find(place: &Place) -> Result<Self, RemoteError> {
        let path = place.control();
        if !crate::lab::is_running(place) {
            return Err(RemoteError::NotRunning(place.root().to_owned()));
        }
        let text = fs::read_to_string(&path).map_err(|source| match source.kind() {
            // It is being started, or is ending.
            std::io::ErrorKind::NotFound => RemoteError::NotRunning(place.root().to_owned()),
            _ => RemoteError::File { path: path.clone(), source },
        })?;
        let address: Address = serde_json::from_str(&text).map_err(|_| RemoteError::Address(path.clone()))?;
        let url = Url::parse(&address.url).map_err(|_| RemoteError::Address(path))?;
        let bearer = Secret::new(format!("Bearer {}", address.token));
        Ok(Self { client: Client::new(&Timeouts::default(), vec![("authorization".to_owned(), bearer)]), url })
    }

    /// Every fault, and which are in force.
    ///
    /// # Errors
    /// The lab does not answer.
    pub async fn list(&self) -> Result<Listing, RemoteError> {
        let url = self.at("faults")?;
        self.ask(Request::get(&url)).await
    }

    /// Puts a fault in force.
    ///
    /// # Errors
    /// The lab refuses, or does not answer.
    pub async fn inject(&self, fault: &str, server: &str) -> Result<Done, RemoteError> {
        let url = self.at("faults")?;
        let wanted = Wanted { fault: fault.to_owned(), server: Some(server.to_owned()) };
        self.ask(Request::post_json(&url, &serde_json::json!(wanted))).await
    }

    /// Takes a fault away.
    ///
    /// # Errors
    /// The lab refuses, or does not answer.
    pub async fn clear(&self, fault: &str) -> Result<Done, RemoteError> {
        let mut url = self.at("faults")?;
        if let Ok(mut path) = url.path_segments_mut() {
            path.push(fault);
        }
        self.ask(Request::new(Method::DELETE, &url)).await
    }

    /// Takes every fault away, the latest first.
    ///
    /// # Errors
    /// The lab does not answer, or one could not be taken away; the others are.
    pub async fn clear_all(&self) -> Result<Done, RemoteError> {
        let url = self.at("faults")?;
        self.ask(Request::new(Method::DELETE, &url)).await
    }

    fn at(&self, path: &str) -> Result<Url, RemoteError> {
        self.url.join(path).map_err(|error| RemoteError::Unanswered(error.to_string()))
    }

    async fn ask<T: DeserializeOwned>(&self, request: Request<'_>) -> Result<T, RemoteError> {
        let unanswered = |failure: vitals_model::observation::Failure| RemoteError::Unanswered(failure.to_string());
        let answer = self.client.send(request, ORDER_LIMIT).await.map_err(unanswered)?;
        let status = answer.status();
        let (bytes, _) = answer.bytes(ANSWER_BYTES_MAX).await.map_err(unanswered)?;
        if (200..300).contains(&status) {
            return vitals_probe::http::json(&bytes).map_err(unanswered);
        }
        let refused: Result<Refused, _> = vitals_probe::http::json(&bytes);
        Err(refused.map_or_else(unanswered, |refused| RemoteError::Refused(refused.error)))
    }
}

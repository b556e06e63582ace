//! Carrying one notice to its receiver, once: by HTTP, by mail, or by a program. Secrets become values here, for one attempt.

use std::sync::Arc;
use std::time::Duration;

use url::Url;
use vitals_model::config::{SecretRef, Timeouts};
use vitals_model::limits::RECEIPT_BYTES_MAX;
use vitals_model::notice::{Notice, Receiver, ReceiverKind, words};
use vitals_model::observation::{Failure, FailureKind};
use vitals_model::text::Text;
use vitals_model::time::Timestamp;
use vitals_model::view::notice_v1::{NoticeView, Sender};
use vitals_probe::http::{Client, Method, Proxy, Request};
use vitals_probe::secret::{self, Secret};

use super::format::{self, Letter, Outgoing};
use super::{command, mail};

/// Longest part of a receiver's answer that is kept, in characters.
const ANSWER_CHARS_MAX: usize = 160;

/// Why a notice was not taken.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Trouble {
    /// It may be taken later.
    Passing {
        /// Why.
        why: Text,
        /// When to try again, as the receiver asked.
        after: Option<Duration>,
    },
    /// It never will be.
    Final(Text),
}

impl Trouble {
    pub(super) fn passing(why: &str) -> Self {
        Self::Passing { why: Text::new(why), after: None }
    }

    /// Why.
    pub const fn why(&self) -> &Text {
        match self {
            Self::Passing { why, .. } | Self::Final(why) => why,
        }
    }
}

/// What carries notices to one receiver.
pub(super) struct Carrier {
    receiver: Receiver,
    /// The same without templates of its own.
    plain: Receiver,
    sender: Arc<Sender>,
    client: Client,
}

impl Carrier {
    pub(super) fn new(receiver: Receiver, sender: Arc<Sender>, proxy: Option<Proxy>) -> Self {
        let timeouts = Timeouts { connect: receiver.timeout, ..Timeouts::default() };
        let plain = Receiver { subject: None, body: None, ..receiver.clone() };
        Self { receiver, plain, sender, client: Client::new(&timeouts, Vec::new()).with_proxy(proxy) }
    }

    /// Carries a notice, where another one of its group may stand; what the receiver said to it.
    pub(super) async fn carry(&self, notice: &Notice, standing: Option<&Notice>, now: Timestamp) -> Result<Text, Trouble> {
        let view = NoticeView::new(notice, &self.sender);
        // A template that was tried on a sample may fail on what only this notice has. It is told all the same.
        let own = words::subject(&view, &self.receiver).and_then(|_| words::body(&view, &self.receiver));
        let receiver = if own.is_ok() { &self.receiver } else { &self.plain };
        let letter = Letter {
            view,
            notice,
            standing,
            receiver,
            url: known(receiver.url.as_ref())?,
            token: known(receiver.token.as_ref())?,
            sign: known(receiver.sign.as_ref())?,
            now,
        };
        let final_ = |why: String| Trouble::Final(Text::new(&why));
        let said = match receiver.kind {
            ReceiverKind::Email => {
                let password = known(receiver.password.as_ref())?;
                let message = mail::message(&letter, &self.sender.host).map_err(final_)?;
                mail::send(receiver, password.as_ref().map(Secret::expose), message).await
            }
            ReceiverKind::Command => command::run(&command::of(&letter).map_err(final_)?, receiver.timeout).await,
            ReceiverKind::Desktop => command::run(&command::desktop(&letter).map_err(final_)?, receiver.timeout).await,
            _ => self.post(&letter, format::request(&letter).map_err(final_)?).await,
        }?;
        Ok(own
            .err()
            .map_or(said.clone(), |why| Text::new(&format!("{said}; in the built-in words, for its template failed: {why}"))))
    }

    async fn post(&self, letter: &Letter<'_>, outgoing: Outgoing) -> Result<Text, Trouble> {
        let url = Url::parse(&outgoing.url).ok().filter(|url| url.has_host() && matches!(url.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| Trouble::Final(Text::new("its address is no http or https URL")))?;
        let mut extra = Vec::new();
        for (name, value) in &self.receiver.headers {
            extra.push((name.as_str(), resolve(value)?));
        }
        let mut request = Request::new(Method::POST, &url).body(outgoing.body.into());
        let is_own = |name: &str| extra.iter().any(|(own, _)| own.eq_ignore_ascii_case(name));
        for (name, value) in outgoing.headers.iter().filter(|(name, _)| !is_own(name)) {
            request = request.header(name, value);
        }
        for (name, value) in &outgoing.secrets {
            request = request.secret(name, value);
        }
        for (name, value) in &extra {
            request = request.secret(name, value);
        }
        for hidden in [&letter.url, &letter.token, &letter.sign].into_iter().flatten() {
            request = request.hiding(hidden);
        }
        let answer = async {
            let answer = self.client.send(request, self.receiver.timeout).await?.ok().await?;
            let status = answer.status();
            let (body, _) = answer.bytes(RECEIPT_BYTES_MAX).await.unwrap_or_default();
            Ok((status, body))
        };
        let (status, body) = answer.await.map_err(|failure| trouble(&failure))?;
        let said = Text::from_bytes(&body, ANSWER_CHARS_MAX);
        Ok(Text::cut(format!("{status} {said}").trim_end(), ANSWER_CHARS_MAX))
    }
}

/// A refusal is final, unless it says that it is too much, too soon or too late (408, 425, 429). Everything that is no answer
/// of the receiver passes: its own faults, silence, and what answers in its place and leads elsewhere.
fn trouble(failure: &Failure) -> Trouble {
    let why = Text::new(&failure.to_string());
    match failure.kind {
        FailureKind::Status { code: 408 | 425 | 429 | 500.., retry_after } => Trouble::Passing { why, after: retry_after },
        FailureKind::Status { code: 400.., .. } => Trouble::Final(why),
        _ => Trouble::Passing { why, after: None },
    }
}

fn known(reference: Option<&SecretRef>) -> Result<Option<Secret>, Trouble> {
    reference.map(resolve).transpose()
}

/// A secret that is not there may come: it is asked for at every attempt.
fn resolve(reference: &SecretRef) -> Result<Secret, Trouble> {
    secret::resolve(reference).map_err(|failure| Trouble::passing(&failure.to_string()))
}

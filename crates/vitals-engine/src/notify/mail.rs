//! Mail: a message of text and HTML, handed to a mail server by SMTP, encrypted unless it is asked not to be.

use std::fs::File;
use std::io::Read as _;
use std::time::Duration;

use lettre::message::{Mailbox, MultiPart, header};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Tls as Encryption, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use lettre::{AsyncSmtpTransport, AsyncTransport, Message, Tokio1Executor};
use vitals_model::limits::{MAIL_PAGE_BYTES_MAX, NOTICE_CHARS_MAX, SUBJECT_CHARS_MAX};
use vitals_model::notice::{Notice, Receiver, Tls, words};
use vitals_model::text::Text;

use super::Trouble;
use super::format::Letter;

/// The page of a notice with a report, which is the HTML of its mail; `None` when it is gone, or too large for one.
pub(super) async fn page(notice: &Notice) -> Option<String> {
    let path = notice.report.as_ref()?.page.clone();
    let read = move || {
        let mut page = String::new();
        File::open(path).ok()?.take(MAIL_PAGE_BYTES_MAX + 1).read_to_string(&mut page).ok()?;
        (page.len() as u64 <= MAIL_PAGE_BYTES_MAX).then_some(page)
    };
    tokio::task::spawn_blocking(read).await.ok().flatten()
}

/// The message for a letter, and the page that is its HTML in place of the built-in one. Its id is that of the notice, so that one which comes twice is known.
///
/// # Errors
/// What is wrong with a template or an address, as a fragment.
pub(super) fn message(letter: &Letter<'_>, page: Option<String>, host: &str) -> Result<Message, String> {
    let receiver = letter.receiver;
    let mailbox = |text: &str| text.parse::<Mailbox>().map_err(|error| format!("`{text}` is no address: {error}"));
    let mut message = Message::builder()
        .from(mailbox(receiver.from.as_deref().unwrap_or_default())?)
        .subject(letter.subject(SUBJECT_CHARS_MAX)?)
        .message_id(Some(format!("<{}@{host}>", letter.view.once)))
        .header(Auto)
        .header(header::MIME_VERSION_1_0);
    for to in &receiver.to {
        message = message.to(mailbox(to)?);
    }
    let text = letter.body(NOTICE_CHARS_MAX)?;
    let has_html = receiver.body.is_none() || letter.notice.report.is_some();
    let done = if has_html {
        let html = page.map_or_else(|| words::html(&letter.view), Ok)?;
        message.multipart(MultiPart::alternative_plain_html(text, html))
    } else {
        message.header(header::ContentType::TEXT_PLAIN).body(text)
    };
    done.map_err(|error| error.to_string())
}

/// Says that no person wrote it, so that nobody's absence is answered to it (RFC 3834).
#[derive(Clone)]
struct Auto;

impl header::Header for Auto {
    fn name() -> header::HeaderName {
        header::HeaderName::new_from_ascii_str("Auto-Submitted")
    }

    fn parse(_: &str) -> Result<Self, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Self)
    }

    fn display(&self) -> header::HeaderValue {
        header::HeaderValue::new(Self::name(), "auto-generated".to_owned())
    }
}

/// Hands a message to the mail server; what that said. A refusal for now (4yz) passes, one for ever (5yz) does not.
pub(super) async fn send(receiver: &Receiver, password: Option<&str>, message: Message) -> Result<Text, Trouble> {
    let (host, port) = receiver.smtp.as_deref().and_then(|smtp| smtp.rsplit_once(':')).unwrap_or_default();
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let port = port.parse().map_err(|_| Trouble::Final(Text::new("its mail server has no port")))?;
    let tls = || TlsParameters::new(host.to_owned()).map_err(|error| Trouble::passing(&chain(&error)));
    let encryption = match receiver.tls {
        Tls::Starttls => Encryption::Required(tls()?),
        Tls::Tls => Encryption::Wrapper(tls()?),
        Tls::None => Encryption::None,
    };
    let mut transport = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(host).port(port).tls(encryption);
    transport = transport.timeout(Some(receiver.timeout)).hello_name(hello());
    if let (Some(username), Some(password)) = (&receiver.username, password) {
        transport = transport.credentials(Credentials::new(username.clone(), password.to_owned()));
    }
    let sent = tokio::time::timeout(whole(receiver.timeout), transport.build().send(message)).await;
    match sent {
        Err(_) => Err(Trouble::passing("the mail server takes too long")),
        Ok(Ok(response)) => {
            let said: Vec<_> = response.message().collect();
            Ok(Text::cut(&format!("{} {}", response.code(), said.join(" ")), 160))
        }
        Ok(Err(error)) if error.is_permanent() => Err(Trouble::Final(Text::new(&chain(&error)))),
        Ok(Err(error)) => Err(Trouble::passing(&chain(&error))),
    }
}

/// A mail is a dozen commands, each of which may take as long as one attempt elsewhere; together they may take three times
/// that.
fn whole(timeout: Duration) -> Duration {
    timeout * 3
}

/// Our name, which some servers look up.
fn hello() -> ClientId {
    ClientId::Domain(rustix::system::uname().nodename().to_string_lossy().into_owned())
}

fn chain(error: &dyn std::error::Error) -> String {
    let causes = std::iter::successors(Some(error), |error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

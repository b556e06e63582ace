//! Receivers: where notices go, and what each kind of them needs to be told.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::config::SecretRef;

/// How long one attempt may take: services answer within a second, and a busy mail server within several.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A kind of receiver.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum ReceiverKind {
    /// Alertmanager, API v2.
    Alertmanager,
    /// Mail by SMTP.
    Email,
    /// A Slack incoming webhook.
    Slack,
    /// A workflow of Microsoft Teams that takes adaptive cards.
    Teams,
    /// A Discord webhook.
    Discord,
    /// `PagerDuty`, Events API v2.
    Pagerduty,
    /// Opsgenie, Alert API v2.
    Opsgenie,
    /// A topic of ntfy.
    Ntfy,
    /// A chat of a Telegram bot.
    Telegram,
    /// Any URL that takes JSON.
    #[default]
    Webhook,
    /// A program on this machine.
    Command,
    /// The desktop of this machine.
    Desktop,
}

impl ReceiverKind {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Alertmanager,
        Self::Email,
        Self::Slack,
        Self::Teams,
        Self::Discord,
        Self::Pagerduty,
        Self::Opsgenie,
        Self::Ntfy,
        Self::Telegram,
        Self::Webhook,
        Self::Command,
        Self::Desktop,
    ];

    /// The words of all of them, in the same order.
    pub const WORDS: [&'static str; 12] = {
        let mut words = [""; 12];
        let mut n = 0;
        while n < 12 {
            words[n] = Self::ALL[n].as_str();
            n += 1;
        }
        words
    };

    /// The kind as the configuration writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Alertmanager => "alertmanager",
            Self::Email => "email",
            Self::Slack => "slack",
            Self::Teams => "teams",
            Self::Discord => "discord",
            Self::Pagerduty => "pagerduty",
            Self::Opsgenie => "opsgenie",
            Self::Ntfy => "ntfy",
            Self::Telegram => "telegram",
            Self::Webhook => "webhook",
            Self::Command => "command",
            Self::Desktop => "desktop",
        }
    }

    /// The keys of the configuration that it cannot do without, and those that it also understands. `kind` and `timeout`
    /// belong to all.
    pub const fn keys(self) -> (&'static [&'static str], &'static [&'static str]) {
        match self {
            Self::Alertmanager => (&["url"], &["headers", "subject", "body"]),
            Self::Email => (&["smtp", "from", "to"], &["tls", "username", "password", "subject", "body"]),
            Self::Slack | Self::Teams | Self::Discord => (&["url"], &["subject", "body"]),
            Self::Pagerduty | Self::Opsgenie => (&["token"], &["url", "subject", "body"]),
            Self::Ntfy => (&["topic"], &["url", "token", "subject", "body"]),
            Self::Telegram => (&["token", "chat"], &["url", "subject", "body"]),
            Self::Webhook => (&["url"], &["headers", "sign", "body"]),
            Self::Command => (&["command"], &[]),
            Self::Desktop => (&[], &["command", "subject", "body"]),
        }
    }

    /// The address of the service where the configuration names no other.
    pub const fn url(self) -> Option<&'static str> {
        match self {
            Self::Pagerduty => Some("https://events.pagerduty.com"),
            Self::Opsgenie => Some("https://api.opsgenie.com"),
            Self::Ntfy => Some("https://ntfy.sh"),
            Self::Telegram => Some("https://api.telegram.org"),
            _ => None,
        }
    }
}

/// How a mail server is spoken to.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum Tls {
    /// In plain text first, and then encrypted, or nothing is sent (port 587, mostly).
    #[default]
    Starttls,
    /// Encrypted from the first byte (port 465, mostly).
    Tls,
    /// Never encrypted: for a server on this machine.
    None,
}

impl Tls {
    /// The words of all of them.
    pub const WORDS: [&'static str; 3] = ["starttls", "tls", "none"];

    /// The word as the configuration writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Starttls => "starttls",
            Self::Tls => "tls",
            Self::None => "none",
        }
    }
}

/// Where notices go. What its kind does not need is empty.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Receiver {
    /// What it is.
    pub kind: ReceiverKind,
    /// Where it is; that of a chat is a secret by itself.
    pub url: Option<SecretRef>,
    /// What it is asked with: a routing key, a bot's token, an access token.
    pub token: Option<SecretRef>,
    /// The topic of ntfy.
    pub topic: Option<String>,
    /// The chat of Telegram.
    pub chat: Option<String>,
    /// Headers sent with every request; values may be secrets.
    pub headers: BTreeMap<String, SecretRef>,
    /// The key that a webhook's body is signed with (HMAC-SHA256).
    pub sign: Option<SecretRef>,
    /// The mail server as `host:port`.
    pub smtp: Option<String>,
    /// How it is spoken to.
    pub tls: Tls,
    /// Who we are to it.
    pub username: Option<String>,
    /// Its password.
    pub password: Option<SecretRef>,
    /// Whom the mail is from.
    pub from: Option<String>,
    /// Whom it is to.
    pub to: Vec<String>,
    /// The program with its arguments.
    pub command: Option<Vec<String>>,
    /// The template of the subject; `None` is the built-in one.
    pub subject: Option<String>,
    /// The template of the body; `None` is the built-in one.
    pub body: Option<String>,
    /// How long one attempt may take.
    pub timeout: Duration,
}

impl Default for Receiver {
    fn default() -> Self {
        Self {
            kind: ReceiverKind::default(),
            url: None,
            token: None,
            topic: None,
            chat: None,
            headers: BTreeMap::new(),
            sign: None,
            smtp: None,
            tls: Tls::default(),
            username: None,
            password: None,
            from: None,
            to: Vec::new(),
            command: None,
            subject: None,
            body: None,
            timeout: TIMEOUT,
        }
    }
}

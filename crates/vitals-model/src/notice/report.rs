//! The report of a day, as receivers are sent it. It is made and written elsewhere.

use std::path::PathBuf;

use crate::limits::{NOTICE_CHARS_MAX, SUBJECT_CHARS_MAX};
use crate::text::{Text, plain_lines};

/// The report of a day.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DayReport {
    /// The day on which it was due, as `2026-11-23`.
    pub day: String,
    /// The day, each target and its score, on one line.
    pub title: String,
    /// The whole of it as Markdown, at most [`NOTICE_CHARS_MAX`] characters.
    pub text: String,
    /// Where its page lies on this machine.
    pub page: PathBuf,
}

impl DayReport {
    /// What stands for a route in a notice with a report: the key of the configuration that names its receivers.
    pub const ROUTE: &'static str = "report.to";

    /// A report; a title or a text that is too long is cut, and marked with `…`.
    pub fn new(day: String, title: &str, text: &str, page: PathBuf) -> Self {
        Self { day, title: Text::cut(title, SUBJECT_CHARS_MAX).to_string(), text: plain_lines(text, NOTICE_CHARS_MAX), page }
    }
}

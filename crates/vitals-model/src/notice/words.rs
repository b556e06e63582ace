//! The words of a notice: templates, the built-in ones and an operator's own. They are `MiniJinja`; a name that is not there
//! is an error, and it is found when the configuration is read, because every template is tried on a sample then.

use minijinja::{AutoEscape, Environment, UndefinedBehavior};

use super::{Notice, Receiver, Stage, Status};
use crate::check::CheckId;
use crate::incident::{Handling, Incident, IncidentState, Ties};
use crate::limits::{NOTICE_CHARS_MAX, SUBJECT_CHARS_MAX, TEMPLATE_FUEL};
use crate::quiet::Remark;
use crate::reading::Health;
use crate::target::TargetId;
use crate::text::{Text, plain_lines};
use crate::time::Timestamp;
use crate::view::notice_v1::{NoticeView, Sender};

const SUBJECT: &str = include_str!("templates/subject.txt");
const BODY: &str = include_str!("templates/body.txt");
const HTML: &str = include_str!("templates/body.html");

/// The subject of a notice, on one line: by the receiver's template, else the built-in one.
///
/// # Errors
/// What is wrong with the template, as a fragment.
pub fn subject(view: &NoticeView, receiver: &Receiver) -> Result<String, String> {
    let line = render("subject", receiver.subject.as_deref().unwrap_or(SUBJECT), view)?;
    Ok(Text::cut(line.trim(), SUBJECT_CHARS_MAX).to_string())
}

/// The body of a notice as plain text: by the receiver's template, else the built-in one.
///
/// # Errors
/// What is wrong with the template, as a fragment.
pub fn body(view: &NoticeView, receiver: &Receiver) -> Result<String, String> {
    let text = render("body", receiver.body.as_deref().unwrap_or(BODY), view)?;
    Ok(plain_lines(text.trim_end(), NOTICE_CHARS_MAX))
}

/// The body of a notice as HTML, its texts escaped. An operator's own body is plain text, so it has none.
///
/// # Errors
/// What is wrong with the template, as a fragment.
pub fn html(view: &NoticeView) -> Result<String, String> {
    render("body.html", HTML, view)
}

/// What a template says of a sample in each of its states; the first error of them.
///
/// # Errors
/// What is wrong with it, as a fragment.
pub fn check(template: &str) -> Result<(), String> {
    let sender = Sender { host: "sample".to_owned(), link: Some("http://127.0.0.1:9180".to_owned()) };
    for status in Status::ALL {
        for link in [None, sender.link.clone()] {
            let sender = Sender { link, ..sender.clone() };
            render("template", template, &NoticeView::new(&sample("sample", "sample", status, Timestamp::default()), &sender))?;
        }
    }
    Ok(())
}

fn render(name: &str, template: &str, view: &NoticeView) -> Result<String, String> {
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_fuel(Some(TEMPLATE_FUEL));
    environment.set_trim_blocks(false);
    environment.set_auto_escape_callback(|name| {
        if name.to_ascii_lowercase().ends_with(".html") { AutoEscape::Html } else { AutoEscape::None }
    });
    let why = |error: minijinja::Error| {
        let place = error.line().map_or_else(String::new, |line| format!(" in line {line}"));
        format!(
            "{}{place}",
            error.detail().map_or_else(|| error.kind().to_string(), |detail| format!("{}: {detail}", error.kind()))
        )
    };
    environment.template_from_named_str(name, template).and_then(|template| template.render(view)).map_err(why)
}

/// A notice of which nothing is true: to see whether a receiver is reached, and what a template makes of it.
pub fn sample(route: &str, receiver: &str, status: Status, at: Timestamp) -> Notice {
    let is_over = status == Status::Resolved;
    let remark = Remark { at, author: Text::new("somebody"), text: Text::new("looking into it") };
    let incident = Incident {
        id: 0,
        target: TargetId::new("sample-hub"),
        check: CheckId::from_stored("hub-servers/sample-server/truth"),
        kind: "ghost".to_owned(),
        health: Health::Failing,
        state: if is_over { IncidentState::Resolved } else { IncidentState::Open },
        summary: "this is a sample, nothing is wrong: hub says connected, 14 tools; its process is gone".to_owned(),
        evidence: vec!["asked for by `mcp-vitals notify test`".to_owned()],
        hint: "nothing: whoever reads this is reached by mcp-vitals".to_owned(),
        opened_at: at.minus(std::time::Duration::from_secs(90)),
        updated_at: at,
        resolved_at: is_over.then_some(at),
        flapping: false,
        ties: Ties::default(),
        handling: Handling {
            acknowledged: (status == Status::Acknowledged).then(|| remark.clone()),
            notes: vec![remark],
            ..Handling::told(at)
        },
    };
    Notice {
        id: 0,
        route: route.to_owned(),
        receiver: receiver.to_owned(),
        group: "target=sample-hub".to_owned(),
        status,
        stage: Stage::Sample,
        reason: "a sample that somebody asked for".to_owned(),
        at,
        incidents: vec![incident],
        more: 0,
        labels: std::iter::once(("team".to_owned(), "sample".to_owned())).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn view(status: Status) -> NoticeView {
        let sender = Sender { host: "watch-1".to_owned(), link: Some("https://vitals.example.org".to_owned()) };
        NoticeView::new(&sample("all", "chat", status, Timestamp::from_millis(1_795_348_800_000)), &sender)
    }

    #[test]
    fn the_built_in_words_say_it_all_and_fit_a_page() {
        let receiver = Receiver::default();
        let [firing, taken, over] = Status::ALL.map(view);
        assert_eq!(subject(&firing, &receiver).unwrap(), "[critical] server sample-server of sample-hub: ghost");
        assert_eq!(subject(&taken, &receiver).unwrap(), "[acknowledged] server sample-server of sample-hub: ghost");
        assert_eq!(subject(&over, &receiver).unwrap(), "[resolved] server sample-server of sample-hub: ghost");
        insta::assert_snapshot!(body(&firing, &receiver).unwrap());
        let ended = body(&over, &receiver).unwrap();
        assert!(ended.contains("lasted 1m 30s, from 2026-11-22T11:58:30.000Z to") && !ended.contains("to do"), "{ended}");
    }

    #[test]
    fn what_a_target_says_is_text_and_no_markup() {
        let mut notice = sample("all", "mail", Status::Firing, Timestamp::default());
        notice.incidents[0].summary = "<script>alert(1)</script> & \u{1b}[31m".to_owned();
        let view = NoticeView::new(&notice, &Sender::default());
        let page = html(&view).unwrap();
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
        assert!(!body(&view, &Receiver::default()).unwrap().contains('\u{1b}'));
    }

    #[test]
    fn a_template_that_a_sample_does_not_show_wrong_is_refused_when_it_is_used() {
        let own = Receiver { subject: Some("{{ incidents[3].what }}".to_owned()), ..Receiver::default() };
        assert!(subject(&view(Status::Firing), &own).is_err_and(|why| why.contains("undefined")));
        assert_eq!(check("{{ incidents[0].server|upper }} {{ link or 'nowhere' }}"), Ok(()));
        assert!(check("{{ link|upper }}{{ nothing }}").is_err());
    }
}

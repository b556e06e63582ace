//! What people change by the page: forms, and what they send. A form that is not whole is answered with a page that says
//! why, and the browser's way back keeps what was typed.

use std::sync::Arc;

use axum::Form;
use axum::extract::rejection::{FormRejection, PathRejection};
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Redirect;
use maud::{Markup, html};
use serde::Deserialize;
use vitals_model::incident::{Incident, IncidentState};

use super::Refused;
use super::parts::{encoded, of_target};
use crate::ask::{self, Hush, Said};
use crate::auth::Access;
use crate::problem::Problem;
use crate::serve::App;
use crate::source::Source;

/// A form, with the token where the head of the request did not show it.
#[derive(Deserialize)]
pub(super) struct Signed<T> {
    #[serde(default)]
    token: String,
    #[serde(flatten)]
    what: T,
}

type Sent<T> = Result<Form<Signed<T>>, FormRejection>;
type Done = Result<Redirect, Refused>;
type Named = Result<Path<String>, PathRejection>;

/// What was sent, if the token was shown one way or the other.
fn signed<T>(app: &App, access: Access, sent: Sent<T>) -> Result<T, Problem> {
    let unsigned = || Problem::new(StatusCode::FORBIDDEN, "the token is missing or wrong; `watch` says at its start where it is");
    match sent {
        Ok(Form(form)) if access == Access::Shown || app.guard.token.is(&form.token) => Ok(form.what),
        Err(rejection) if access == Access::Shown => Err(Problem::new(rejection.status(), rejection.body_text())),
        // Who did not show the token is not told what else is wrong.
        Ok(_) | Err(_) => Err(unsigned()),
    }
}

fn named(name: Named) -> Result<String, Problem> {
    name.map(|Path(name)| name).map_err(|_| Problem::bad("the path is not UTF-8"))
}

pub(super) async fn acknowledge(access: Access, State(app): State<Arc<App>>, name: Named, sent: Sent<Said>) -> Done {
    let said = signed(&app, access, sent)?;
    let id = ask::number('I', &named(name)?)?;
    ask::acknowledge(&app, id, &said).await?;
    Ok(Redirect::to(&format!("/incidents/I{id}")))
}

pub(super) async fn note(access: Access, State(app): State<Arc<App>>, name: Named, sent: Sent<Said>) -> Done {
    let said = signed(&app, access, sent)?;
    let id = ask::number('I', &named(name)?)?;
    ask::note(&app, id, &said).await?;
    Ok(Redirect::to(&format!("/incidents/I{id}")))
}

pub(super) async fn silence(access: Access, State(app): State<Arc<App>>, sent: Sent<Hush>) -> Done {
    ask::silence(&app, &signed(&app, access, sent)?).await?;
    Ok(Redirect::to("/silences"))
}

pub(super) async fn unsilence(access: Access, State(app): State<Arc<App>>, name: Named, sent: Sent<Said>) -> Done {
    let said = signed(&app, access, sent)?;
    ask::unsilence(&app, ask::number('S', &named(name)?)?, &said.author).await?;
    Ok(Redirect::to("/silences"))
}

/// Where to go back to.
#[derive(Deserialize)]
pub(super) struct Back {
    #[serde(default)]
    target: String,
}

pub(super) async fn check_now(access: Access, State(app): State<Arc<App>>, sent: Sent<Back>) -> Done {
    let back = signed(&app, access, sent)?;
    app.ask(Source::check_now).await?;
    Ok(Redirect::to(&if back.target.is_empty() { "/".to_owned() } else { of_target(&back.target) }))
}

/// The field for the token; none where the browser shows it by itself.
fn token_field(access: Access) -> Markup {
    html! {
        @if access == Access::NotShown {
            label { "Token" input type="password" name="token" required autocomplete="off"; }
        }
    }
}

fn author_field() -> Markup {
    html! { label { "Your name" input name="author" required maxlength="64" autocomplete="username"; } }
}

/// A form that is opened by a button.
fn folded(id: &str, title: &str, form: &Markup) -> Markup {
    html! { details.act id=(id) { summary { (title) } (form) } }
}

/// What can be done about an incident.
pub(super) fn of_incident(incident: &Incident, access: Access) -> Markup {
    let path = |what: &str| format!("/incidents/I{}/{what}", incident.id);
    let said = |action: &str, label: &str, button: &str| {
        html! {
            form method="post" action=(path(action)) {
                (author_field())
                label { (label) input.wide name="text" maxlength="512" required[action == "note"]; }
                (token_field(access))
                button { (button) }
            }
        }
    };
    let open = incident.state == IncidentState::Open;
    html! {
        section.card.acts {
            h2 { "What you do" }
            @if open && incident.handling.acknowledged.is_none() {
                (folded("acknowledge", "Acknowledge", &said("acknowledge", "What you do about it (optional)", "Acknowledge")))
            }
            (folded("note", "Write a note", &said("note", "Note", "Write it down")))
            @if open { (folded("silence", "Silence this check", &silence_form(incident.target.as_str(), incident.check.as_str(), access))) }
        }
    }
}

/// A silence to be filled in.
pub(super) fn silence_form(target: &str, check: &str, access: Access) -> Markup {
    html! {
        form method="post" action="/silences" {
            label { "Targets" input name="target" required value=(target) maxlength="128"; }
            label { "Checks (* stands for anything)" input.wide name="check" required value=(check) maxlength="256"; }
            label {
                "For"
                select name="for" { @for (value, text) in LENGTHS { option value=(value) { (text) } } }
            }
            (author_field())
            label { "Why" input.wide name="text" required maxlength="512"; }
            (token_field(access))
            button { "Silence" }
        }
    }
}

const LENGTHS: [(&str, &str); 6] =
    [("30m", "30 minutes"), ("2h", "2 hours"), ("8h", "8 hours"), ("24h", "1 day"), ("3d", "3 days"), ("7d", "7 days")];

/// The end of a silence.
pub(super) fn end_form(id: u64, access: Access) -> Markup {
    let form = html! {
        form method="post" action={ "/silences/S" (id) "/end" } { (author_field()) (token_field(access)) button { "End silence S" (id) } }
    };
    folded(&format!("end-{id}"), &format!("End S{id}"), &form)
}

/// Every probe now.
pub(super) fn check_form(target: &str, access: Access) -> Markup {
    let form = html! {
        form method="post" action="/check-now" {
            input type="hidden" name="target" value=(target);
            (token_field(access))
            button { "Check everything now" }
        }
    };
    folded("check-now", "Check now", &form)
}

/// The path of a page below a target, with a range.
pub(super) fn of_range(path: &str, query: &[(&str, &str)]) -> String {
    let pairs: Vec<_> =
        query.iter().filter(|(_, value)| !value.is_empty()).map(|(name, value)| format!("{name}={}", encoded(value))).collect();
    if pairs.is_empty() { path.to_owned() } else { format!("{path}?{}", pairs.join("&")) }
}

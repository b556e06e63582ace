//! What the API changes. Each takes [`Allowed`] first: without the token nothing is read of the request.

use axum::Json;
use axum::extract::State;
use axum::extract::rejection::JsonRejection;
use axum::response::Response;
use serde_json::json;
use vitals_model::view::v1::IncidentView;

use super::{Answer, Known, Named, accepted, named};
use crate::ask::{self, Hush, Said};
use crate::auth::Allowed;
use crate::problem::Problem;
use crate::source::Source;

/// A body; what is wrong with one that cannot be read is said.
type Body<T> = Result<Json<T>, JsonRejection>;

fn body<T>(body: Body<T>) -> Result<T, Problem> {
    body.map(|Json(body)| body).map_err(|rejection| Problem::new(rejection.status(), rejection.body_text()))
}

pub(super) async fn acknowledge(_: Allowed, State(app): Known, name: Named, said: Body<Said>) -> Answer {
    let (id, said) = (ask::number('I', &named(name)?)?, body(said)?);
    Ok(Json(json!(IncidentView::from(&ask::acknowledge(&app, id, &said).await?))))
}

pub(super) async fn note(_: Allowed, State(app): Known, name: Named, said: Body<Said>) -> Answer {
    let (id, said) = (ask::number('I', &named(name)?)?, body(said)?);
    Ok(Json(json!(IncidentView::from(&ask::note(&app, id, &said).await?))))
}

pub(super) async fn silence(_: Allowed, State(app): Known, hush: Body<Hush>) -> Result<Response, Problem> {
    ask::silence(&app, &body(hush)?).await?;
    Ok(accepted())
}

pub(super) async fn unsilence(_: Allowed, State(app): Known, name: Named, said: Body<Said>) -> Result<Response, Problem> {
    let (id, said) = (ask::number('S', &named(name)?)?, body(said)?);
    ask::unsilence(&app, id, &said.author).await?;
    Ok(accepted())
}

pub(super) async fn check_now(_: Allowed, State(app): Known) -> Result<Response, Problem> {
    app.ask(Source::check_now).await?;
    Ok(accepted())
}

//! `/log-in` and `/log-out`: a log-in begins by a link that is used once, and ends when its owner says so.

use std::sync::Arc;

use askama::Template;
use axum::Form;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, LOCATION, SET_COOKIE};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::page::{failed, html};
use crate::auth::oidc::LogIns;
use crate::state::Faces;

/// What a link brings along.
#[derive(Debug, Default, Deserialize)]
pub(super) struct Shown {
    /// The secret of the link.
    #[serde(default)]
    link: String,
}

#[derive(Template)]
#[template(path = "log_in.html")]
struct LogIn<'a> {
    link: String,
    wrong: &'static str,
    /// The provider, where people can log in through one.
    issuer: Option<&'a str>,
}

/// The page.  A link is used by its button, not by being looked at: mail scanners and previews look at links.
pub(super) async fn show(State(faces): State<Arc<Faces>>, Query(shown): Query<Shown>) -> Response {
    html(StatusCode::OK, &LogIn { link: shown.link, wrong: "", issuer: issuer(&faces) })
}

/// Uses the link up.
pub(super) async fn by_link(State(faces): State<Arc<Faces>>, Form(shown): Form<Shown>) -> Response {
    match faces.engine.use_link(&shown.link).await {
        Ok(Some((_, secret))) => {
            let headers = [(LOCATION, "/".parse().expect("a path")), (SET_COOKIE, faces.cookies.set(secret.expose()))];
            (StatusCode::SEE_OTHER, headers).into_response()
        }
        Ok(None) => {
            let wrong = "This link was used before, is older than a quarter of an hour, or is none of this server’s.";
            html(StatusCode::FORBIDDEN, &LogIn { link: String::new(), wrong, issuer: issuer(&faces) })
        }
        Err(error) => failed(&faces, &error),
    }
}

/// Ends the log-in.
pub(super) async fn log_out(State(faces): State<Arc<Faces>>, headers: HeaderMap) -> Response {
    if let Some(session) = faces.cookies.shown(&headers)
        && let Err(error) = faces.engine.close_session(session).await
    {
        return failed(&faces, &error);
    }
    let headers = [(LOCATION, "/log-in".parse().expect("a path")), (SET_COOKIE, faces.cookies.clear())];
    (StatusCode::SEE_OTHER, headers).into_response()
}

fn issuer(faces: &Faces) -> Option<&str> {
    faces.log_ins.as_ref().map(LogIns::issuer)
}

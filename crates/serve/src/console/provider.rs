//! `/log-in/provider` and `/log-in/back`: to the OpenID provider, and back from there with its word.

use std::sync::Arc;

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::http::header::{HeaderMap, HeaderValue, LOCATION, RETRY_AFTER, SET_COOKIE};
use axum::response::{AppendHeaders, IntoResponse, Response};
use tokio::time::Instant;

use super::page::{failed, told};
use crate::auth::NotLoggedIn;
use crate::auth::oidc::{Answer, LASTS, LogIns};
use crate::auth::seconds;
use crate::state::Faces;

/// To the provider.  What is begun is remembered: strangers begin only so many.
pub(super) async fn begin(State(faces): State<Arc<Faces>>) -> Response {
    let Some(log_ins) = &faces.log_ins else { return none() };
    if let Some(response) = too_many(&faces) {
        return response;
    }
    match log_ins.begin(&faces.engine).await {
        Ok(away) => {
            let to = HeaderValue::try_from(away.to).expect("an address is ASCII");
            let cookie = faces.cookies.set_begun(away.browser.expose(), LASTS.as_secs());
            (StatusCode::SEE_OTHER, [(LOCATION, to), (SET_COOKIE, cookie)]).into_response()
        }
        Err(why) => refused(&faces, log_ins, &why),
    }
}

/// Back from the provider.
pub(super) async fn end(
    State(faces): State<Arc<Faces>>,
    headers: HeaderMap,
    answer: Result<Query<Answer>, QueryRejection>,
) -> Response {
    let Some(log_ins) = &faces.log_ins else { return none() };
    // What names something twice names nothing.
    let answer = answer.map(|Query(answer)| answer).unwrap_or_default();
    match log_ins.end(&faces.engine, faces.cookies.begun(&headers), answer).await {
        Ok(session) => {
            let cookies = [(SET_COOKIE, faces.cookies.set(session.expose())), (SET_COOKIE, faces.cookies.clear_begun())];
            (StatusCode::SEE_OTHER, [(LOCATION, HeaderValue::from_static("/"))], AppendHeaders(cookies)).into_response()
        }
        Err(why) => match too_many(&faces) {
            Some(response) => response,
            None => {
                let mut response = refused(&faces, log_ins, &why);
                response.headers_mut().append(SET_COOKIE, faces.cookies.clear_begun());
                response
            }
        },
    }
}

fn none() -> Response {
    let next = "Whoever runs this server makes a link that logs you in, or sets a provider up: [serve.oidc].";
    told(StatusCode::NOT_FOUND, "Not set up", "There is no provider to log in through.".to_owned(), next.to_owned())
}

fn too_many(faces: &Faces) -> Option<Response> {
    let after = faces.limits.take_stranger(Instant::now()).err()?;
    let mut response = told(
        StatusCode::TOO_MANY_REQUESTS,
        "Not logged in",
        "Too many log-ins were begun at once.".to_owned(),
        "Try again in a moment.".to_owned(),
    );
    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(after)));
    Some(response)
}

/// Nobody is logged in: a page that says why, and a line for whoever runs the server.
fn refused(faces: &Faces, log_ins: &LogIns, why: &NotLoggedIn) -> Response {
    let (status, next) = match why {
        NotLoggedIn::Failed(error) => return failed(faces, error),
        NotLoggedIn::Away { .. } => {
            let next = "Try again later; a link logs you in meanwhile: whoever runs this server makes one (provost token link).";
            (StatusCode::BAD_GATEWAY, next.to_owned())
        }
        NotLoggedIn::NotBegun { .. } => (StatusCode::BAD_REQUEST, "Begin again from the log-in page, here.".to_owned()),
        NotLoggedIn::Declined { .. } => (StatusCode::FORBIDDEN, "Begin again, or ask whoever runs the provider.".to_owned()),
        NotLoggedIn::NotProven { .. } => {
            let next =
                "Begin again; where it stays like this, whoever runs this server should look at [serve.oidc] and at the provider.";
            (StatusCode::FORBIDDEN, next.to_owned())
        }
        NotLoggedIn::NoRole { name, .. } => {
            (StatusCode::FORBIDDEN, format!("Whoever runs this server gives roles in [serve.oidc].  Your name there is {name}."))
        }
    };
    let who = match why {
        NotLoggedIn::NoRole { name, .. } => format!(" ({name})"),
        _ => String::new(),
    };
    (faces.notes)(format!("a log-in through {} was refused: {why}{who}", log_ins.issuer()));
    let title = if matches!(why, NotLoggedIn::NoRole { .. }) { "No role here" } else { "Not logged in" };
    told(status, title, format!("{why}."), next)
}

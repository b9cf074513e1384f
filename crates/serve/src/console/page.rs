//! What every page has: its frame, its headers, and what is shown where there is none.

use std::sync::Arc;

use askama::Template;
use axum::Extension;
use axum::extract::{Request, State};
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::{Caller, EngineError};

use crate::auth::{Refused, seconds};
use crate::state::Faces;

/// Nothing but what this server serves; no frame around it; forms go nowhere else.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; form-action 'self'; \
                      base-uri 'none'; frame-ancestors 'none'";
const HEADERS: [(HeaderName, &str); 6] = [
    (CONTENT_TYPE, "text/html; charset=utf-8"),
    (CACHE_CONTROL, "no-store"),
    (HeaderName::from_static("content-security-policy"), POLICY),
    (HeaderName::from_static("x-content-type-options"), "nosniff"),
    (HeaderName::from_static("referrer-policy"), "same-origin"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
];

#[derive(Template)]
#[template(path = "told.html")]
struct Told<'a> {
    title: &'a str,
    what: String,
    next: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
struct Overview {
    caller: Caller,
    apps: Vec<engine::AppRow>,
}

/// A page.
pub(super) fn html(status: StatusCode, page: &impl Template) -> Response {
    match page.render() {
        Ok(text) => {
            let mut response = (status, text).into_response();
            for (name, value) in HEADERS {
                response.headers_mut().insert(name, HeaderValue::from_static(value));
            }
            response
        }
        // A template only fails where what it shows cannot be written down.
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("the page cannot be shown: {error}\n")).into_response(),
    }
}

/// What went wrong on our side.
pub(super) fn failed(faces: &Faces, error: &EngineError) -> Response {
    (faces.notes)(format!("a page failed: {error}"));
    html(StatusCode::INTERNAL_SERVER_ERROR, &Told { title: "That did not work", what: error.to_string(), next: error.next() })
}

/// Somebody is not let in: to the log-in, or told why not.
pub(super) fn refused(faces: &Faces, request: &Request, why: Refused) -> Response {
    let told = |status, what: String, next: &str| html(status, &Told { title: "Not allowed", what, next: next.to_owned() });
    match why {
        Refused::Unknown { .. } if request.method() == Method::GET => (StatusCode::SEE_OTHER, [(LOCATION, "/log-in")]).into_response(),
        Refused::Unknown { .. } => told(StatusCode::UNAUTHORIZED, "The log-in ended.".to_owned(), "Log in again, and do it once more."),
        Refused::NotAllowed { caller, least } => {
            let what = format!("{} is {}; this takes {least}.", caller.name, caller.role);
            told(StatusCode::FORBIDDEN, what, "Somebody with that role can do it.")
        }
        Refused::OtherSite => told(
            StatusCode::FORBIDDEN,
            "This did not come from a page of this server.".to_owned(),
            "Open the page here, and do it there.",
        ),
        Refused::TooMany { after } => {
            let mut response = told(StatusCode::TOO_MANY_REQUESTS, "That was too much at once.".to_owned(), "Try again in a moment.");
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds(after)));
            response
        }
        Refused::Failed(error) => failed(faces, &error),
    }
}

/// `/`: are the platforms true to the roster?
pub(super) async fn overview(State(faces): State<Arc<Faces>>, Extension(caller): Extension<Caller>) -> Response {
    match faces.engine.apps().await {
        Ok(apps) => html(StatusCode::OK, &Overview { caller, apps }),
        Err(error) => failed(&faces, &error),
    }
}

//! What every page has: its frame, its headers, and what is shown where there is none.

use askama::Template;
use axum::extract::Request;
use axum::http::header::{ACCEPT, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, RETRY_AFTER};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use engine::EngineError;

use crate::auth::{Refused, seconds};
use crate::sorted::sorted;
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

/// What was not done, and what to do next.
pub(super) fn told(status: StatusCode, title: &str, what: String, next: String) -> Response {
    html(status, &Told { title, what, next })
}

/// A file to be saved under this name.
pub(super) fn file(name: &str, media: &'static str, content: Vec<u8>) -> Response {
    let as_name = HeaderValue::from_str(&format!("attachment; filename=\"{name}\""));
    let headers = [
        (CONTENT_TYPE, HeaderValue::from_static(media)),
        (CONTENT_DISPOSITION, as_name.unwrap_or(HeaderValue::from_static("attachment"))),
        (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        (HeaderName::from_static("x-content-type-options"), HeaderValue::from_static("nosniff")),
    ];
    (headers, content).into_response()
}

/// Whether a person's browser asks, and not a program.
pub(crate) fn is_for_reading(request: &Request) -> bool {
    request.headers().get(ACCEPT).and_then(|accept| accept.to_str().ok()).is_some_and(|accept| accept.contains("text/html"))
}

/// What a browser is shown where there is nothing.
pub(crate) fn no_such_page(path: &str) -> Response {
    told(StatusCode::NOT_FOUND, "No such page", format!("Nothing is at {path}."), "The overview leads to every page there is.".into())
}

/// Leads on to another page of ours, by its path.
pub(super) fn lead(path: &str) -> Response {
    match HeaderValue::from_str(path) {
        Ok(path) => (StatusCode::SEE_OTHER, [(LOCATION, path)]).into_response(),
        Err(_) => (StatusCode::SEE_OTHER, [(LOCATION, "/")]).into_response(),
    }
}

/// What the engine did not do; failures of ours are told at home as well.
pub(super) fn failed(faces: &Faces, error: &EngineError) -> Response {
    let (status, _) = sorted(error);
    if status == StatusCode::INTERNAL_SERVER_ERROR {
        (faces.notes)(format!("a page failed: {error}"));
    }
    let title = match status {
        StatusCode::NOT_FOUND => "Not there",
        status if status.is_client_error() => "That was not done",
        _ => "That did not work",
    };
    told(status, title, error.to_string(), error.next())
}

/// Somebody is not let in: to the log-in, or told why not.
pub(super) fn refused(faces: &Faces, request: &Request, why: Refused) -> Response {
    let told = |status, what: String, next: &str| html(status, &Told { title: "Not allowed", what, next: next.to_owned() });
    match why {
        Refused::Unknown { .. } if request.method() == Method::GET => (StatusCode::SEE_OTHER, [(LOCATION, "/log-in")]).into_response(),
        Refused::Unknown { .. } => told(StatusCode::UNAUTHORIZED, "The log-in ended.".to_owned(), "Log in again, and do it once more."),
        Refused::NotAllowed { caller, least } => {
            let what = format!("{} is {}; this takes {least}.", caller.called, caller.role);
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

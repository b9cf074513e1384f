//! Problem documents (RFC 9457): what went wrong, and what to do next.

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_TYPE, COOKIE, HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Method, Response, StatusCode};
use axum::response::IntoResponse;
use engine::EngineError;
use schemars::JsonSchema;
use serde::Serialize;
use std::sync::Arc;

use super::BASE;
use crate::auth::{Refused, seconds};
use crate::sorted::sorted;
use crate::state::Faces;

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub(crate) struct Problem {
    /// What kind of problem it is: a path below the API's address, the same for the same kind.
    r#type: String,
    /// The status in words.
    title: String,
    /// The status.
    status: u16,
    /// What happened, and where.
    detail: String,
    /// What to do next; left out where the detail says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    #[schemars(default)]
    next: String,
    /// After how many seconds it can be tried again, where that is known.
    #[serde(skip)]
    after: Option<u64>,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem").to_owned();
        let kind = format!("{BASE}/problems/{kind}");
        Self { r#type: kind, title, status: status.as_u16(), detail: detail.into(), next: next.into(), after: None }
    }

    /// There is no such thing.
    pub(crate) fn missing(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not-there", detail, "")
    }

    /// What is asked for cannot be done with what is given.
    pub(crate) fn not_valid(detail: impl Into<String>, next: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, "not-valid", detail, next)
    }

    /// The same, where what is not there was named in the body: the address itself is right.
    pub(crate) fn of_body(error: &EngineError, faces: &Faces) -> Self {
        let problem = Self::of(error, faces);
        if problem.status == StatusCode::NOT_FOUND.as_u16() { Self::not_valid(problem.detail, problem.next) } else { problem }
    }

    /// What the engine could not do; failures of ours are told at home as well.
    pub(crate) fn of(error: &EngineError, faces: &Faces) -> Self {
        let (status, kind) = sorted(error);
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            (faces.notes)(format!("a request to the API failed: {error}"));
        }
        Self::new(status, kind, error.to_string(), error.next())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response<Body> {
        let bytes = serde_json::to_vec(&self).expect("a problem is JSON: text keys");
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            headers.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Provost\""));
        }
        if let Some(after) = self.after {
            headers.insert(RETRY_AFTER, HeaderValue::from(after));
        }
        response
    }
}

/// Somebody is not let in.
pub(crate) fn refused(faces: &Faces, request: &Request, why: Refused) -> Response<Body> {
    let problem = match why {
        Refused::Unknown { shown } => {
            let detail = if shown { "what was shown is not known here, or counts no more" } else { "a token is wanted" };
            let next = "Authorization: Bearer TOKEN; `provost token create --name NAME --role ROLE` makes one";
            Problem::new(StatusCode::UNAUTHORIZED, "not-known", detail, next)
        }
        Refused::NotAllowed { caller, least } => {
            let detail = format!("{} is {}; this takes {least}", caller.name, caller.role);
            Problem::new(StatusCode::FORBIDDEN, "not-allowed", detail, "an admin makes a token, or gives a role, that may")
        }
        Refused::OtherSite => {
            let next = "a program shows a token: Authorization: Bearer TOKEN; a cookie counts only from the console's own pages";
            // Who shows nothing at all is a stranger first.
            let status = if request.headers().contains_key(COOKIE) { StatusCode::FORBIDDEN } else { StatusCode::UNAUTHORIZED };
            Problem::new(status, "other-site", "this neither shows a token nor comes from a page of this server", next)
        }
        Refused::TooMany { after } => {
            let after = seconds(after);
            let detail = format!("too many requests; again in {after} s");
            Problem { after: Some(after), ..Problem::new(StatusCode::TOO_MANY_REQUESTS, "too-many", detail, "Retry-After says when") }
        }
        Refused::Failed(error) => Problem::of(&error, faces),
    };
    problem.into_response()
}

/// The server cannot be given work now.
pub(crate) fn not_ready(detail: &str, next: &str) -> Response<Body> {
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "not-ready", detail, next).into_response()
}

/// Nothing is at this path.
pub(crate) fn no_such_path(path: &str) -> Response<Body> {
    let next = "/api/docs shows what there is, /api/openapi.json tells programs";
    Problem::new(StatusCode::NOT_FOUND, "not-there", format!("there is nothing at {path}"), next).into_response()
}

/// Something is at this path, but not for this method; which ones are, `Allow` says.
pub(crate) async fn no_such_method(State(_): State<Arc<Faces>>, method: Method) -> Response<Body> {
    let detail = format!("{method} is none of what can be done here");
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "other-method", detail, "Allow says which methods are").into_response()
}

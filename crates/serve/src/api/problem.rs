//! Problem documents (RFC 9457): what went wrong, and what to do next.

use axum::body::Body;
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderValue, WWW_AUTHENTICATE};
use axum::http::{Response, StatusCode};
use engine::EngineError;
use serde::Serialize;

use super::BASE;
use crate::auth::Refused;
use crate::state::Faces;

/// What went wrong with a request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub(crate) struct Problem {
    /// What kind of problem it is: a path below the API's address.
    r#type: String,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What happened, and where.
    detail: String,
    /// What to do next; left out where the detail says it.
    #[serde(skip_serializing_if = "String::is_empty")]
    next: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, kind: &str, detail: impl Into<String>, next: impl Into<String>) -> Self {
        let title = status.canonical_reason().unwrap_or("Problem");
        Self { r#type: format!("{BASE}/problems/{kind}"), title, status: status.as_u16(), detail: detail.into(), next: next.into() }
    }

    /// What the engine could not do; failures of ours are told at home as well.
    pub(crate) fn of(error: &EngineError, faces: &Faces) -> Self {
        let text = format!("a request to the API failed: {error}");
        (faces.notes)(text);
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", error.to_string(), error.next())
    }

    pub(crate) fn into_response(self) -> Response<Body> {
        let bytes = serde_json::to_vec(&self).expect("a problem is JSON: text keys");
        let mut response = Response::new(Body::from(bytes));
        *response.status_mut() = StatusCode::from_u16(self.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if self.status == StatusCode::UNAUTHORIZED.as_u16() {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer realm=\"Provost\""));
        }
        response
    }
}

/// Somebody is not let in.
pub(super) fn refused(faces: &Faces, _: &Request, why: Refused) -> Response<Body> {
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
            Problem::new(StatusCode::FORBIDDEN, "other-site", "this did not come from a page of this server", next)
        }
        Refused::Failed(error) => Problem::of(&error, faces),
    };
    problem.into_response()
}

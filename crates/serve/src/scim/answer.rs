//! Answers: the document, its headers, and what an error becomes.

use axum::body::Body;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderName, HeaderValue, LOCATION, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Response, StatusCode};
use engine::{EngineError, StoreError};
use scim::{Error, ScimType};
use serde_json::Value;

/// What is answered.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) body: Option<Value>,
    pub(super) etag: Option<String>,
    pub(super) location: Option<String>,
}

impl Answer {
    /// 200 with a document.
    pub(super) fn of(body: Value) -> Self {
        Self { status: 200, body: Some(body), ..Self::default() }
    }

    /// A status and nothing else.
    pub(super) fn empty(status: u16) -> Self {
        Self { status, ..Self::default() }
    }

    pub(super) fn into_response(self) -> Response<Body> {
        let Self { status, body, etag, location } = self;
        let mut headers = Vec::new();
        headers.extend(etag.map(|tag| (ETAG, tag)));
        headers.extend(location.map(|location| (LOCATION, location)));
        response(status, body.as_ref(), headers)
    }
}

/// Why a request is not done: an answer, or a failure on our side.
#[derive(Debug)]
pub(super) enum Trouble {
    Said(Error),
    Failed(EngineError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        Self::Said(error)
    }
}

impl From<EngineError> for Trouble {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Store(StoreError::Nul { .. }) => {
                Self::Said(Error::bad(ScimType::InvalidValue, "a text with a NUL character in it cannot be kept"))
            }
            other => Self::Failed(other),
        }
    }
}

impl Trouble {
    /// What the client is told; `note` is what is told at home, where the failure is ours.
    pub(super) fn told(self, note: impl FnOnce(String)) -> Error {
        match self {
            Self::Said(error) => error,
            Self::Failed(error) => {
                let again = "; nothing of the request was kept; send it again later";
                let told = match &error {
                    EngineError::Store(StoreError::DiskFull) => Error::new(507, format!("the server has no room left{again}")),
                    EngineError::Store(StoreError::Busy | StoreError::Closed) => {
                        Error::new(503, format!("the server is busy or about to stop{again}"))
                    }
                    EngineError::Store(StoreError::Lost { .. } | StoreError::Disk { .. }) => Error::new(
                        503,
                        "the server cannot reach its store; what became of the request is not known; look before sending it again",
                    ),
                    _ => Error::new(500, "the server failed; its log says why"),
                };
                note(format!("a SCIM request failed: {error}"));
                told
            }
        }
    }
}

/// An error as a response.
pub(super) fn refused(error: &Error) -> Response<Body> {
    let more = match error.status {
        401 => vec![(WWW_AUTHENTICATE, "Bearer realm=\"Provost SCIM\"".to_owned())],
        503 => vec![(RETRY_AFTER, "10".to_owned())],
        _ => Vec::new(),
    };
    refused_with(error, more)
}

/// The same, with more headers.
pub(super) fn refused_with(error: &Error, headers: Vec<(HeaderName, String)>) -> Response<Body> {
    response(error.status, Some(&error.to_json()), headers)
}

fn response(status: u16, body: Option<&Value>, headers: Vec<(HeaderName, String)>) -> Response<Body> {
    let bytes = body.map(|body| serde_json::to_vec(body).expect("a document is JSON: text keys"));
    let mut response = Response::new(bytes.map_or_else(Body::empty, Body::from));
    *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    if body.is_some() {
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/scim+json"));
    }
    for (name, value) in headers {
        // A value that cannot stand in a header is left out: the document says it too.
        if let Ok(value) = HeaderValue::try_from(value) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

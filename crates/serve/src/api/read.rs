//! Reading requests: what is wrong with them is said with its name.

use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path, Query, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use model::Digest;
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// Parameters behind `?`; unknown ones are refused by the type.
pub(super) struct Asked<T>(pub(super) T);

/// A body; unknown members are refused by the type.
pub(super) struct Given<T>(pub(super) T);

/// The one name in a path.
pub(super) struct Named(pub(super) String);

/// The digest in a path.
pub(super) struct OfDigest(pub(super) Digest);

impl<T: DeserializeOwned, S: Sync> FromRequestParts<S> for Asked<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let wrong = |error: axum::extract::rejection::QueryRejection| {
            Problem::new(
                StatusCode::BAD_REQUEST,
                "not-understood",
                error.body_text(),
                "the document at /api/openapi.json names the parameters",
            )
        };
        Query::try_from_uri(&parts.uri).map(|Query(asked)| Self(asked)).map_err(wrong)
    }
}

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Given<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let bytes = Bytes::from_request(request, state)
            .await
            .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "not-understood", error.body_text(), "send the body whole"))?;
        match Json::from_bytes(&bytes) {
            Ok(Json(given)) => Ok(Self(given)),
            Err(JsonRejection::JsonDataError(error)) => {
                let next = "the document at /api/openapi.json names the members, and their types";
                Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "not-valid", error.body_text(), next))
            }
            Err(error) if bytes.is_empty() => {
                let text = format!("a body is wanted: {}", error.body_text());
                Err(Problem::new(StatusCode::BAD_REQUEST, "not-understood", text, "send JSON, with Content-Type: application/json"))
            }
            Err(error) => Err(Problem::new(StatusCode::BAD_REQUEST, "not-understood", error.body_text(), "send JSON")),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Named {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        match Path::<String>::from_request_parts(parts, state).await {
            Ok(Path(name)) => Ok(Self(name)),
            Err(error) => Err(Problem::missing(error.body_text())),
        }
    }
}

impl<S: Send + Sync> FromRequestParts<S> for OfDigest {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let Named(name) = Named::from_request_parts(parts, state).await?;
        let digest = name.parse().map_err(|_| Problem::missing(format!("{name:?} is no digest: 64 digits of 0-9 and a-f")))?;
        Ok(Self(digest))
    }
}

//! Around every handler of the API: bodies that are too large or no JSON, requests with a name of their own, and what did not change.

use std::pin::Pin;
use std::sync::Arc;

use axum::body::{Body, Bytes, to_bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, ETAG, HeaderMap, HeaderName, HeaderValue, IF_MATCH, IF_NONE_MATCH, LOCATION};
use axum::http::{Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use engine::{Begun, Caller, Replied};
use model::{Digest, Secret, digest_of};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::problem::Problem;
use crate::state::Faces;

/// Bytes of a body at most.
const MAX_BODY: usize = 1 << 20;
/// The name that a caller gives a request.
const KEY: HeaderName = HeaderName::from_static("idempotency-key");
/// What says that an answer was given before.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// An answer as it is kept.
#[derive(Serialize, Deserialize)]
struct Kept {
    status: u16,
    kind: Option<String>,
    location: Option<String>,
    body: String,
}

/// Does all of it.
pub(super) fn around(faces: Arc<Faces>, request: Request, next: Next) -> Pin<Box<dyn Future<Output = Response> + Send>> {
    Box::pin(async move { answered(faces, request, next).await.unwrap_or_else(IntoResponse::into_response) })
}

async fn answered(faces: Arc<Faces>, request: Request, next: Next) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    let bytes = to_bytes(body, MAX_BODY).await.map_err(|error| unread(&error))?;
    if !bytes.is_empty() {
        is_json(&parts.headers)?;
    }
    let (looks, unchanged) = (matches!(parts.method, Method::GET | Method::HEAD), parts.headers.get(IF_NONE_MATCH).cloned());
    let key = if looks { None } else { key(&parts.headers)? };
    let caller = parts.extensions.get::<Caller>().cloned();
    let asked = digest_of(&(parts.method.as_str(), parts.uri.to_string(), hash(&bytes).to_string()));
    let request = Request::from_parts(parts, Body::from(bytes));
    match (key, caller) {
        (Some(key), Some(caller)) => once(faces, Named { caller: caller.name, key, asked }, request, next).await,
        _ if looks => Ok(tagged(next.run(request).await, unchanged.as_ref()).await),
        _ => Ok(to_its_end(request, next).await),
    }
}

/// What was begun is done, also where whoever asked does not wait for the answer.
async fn to_its_end(request: Request, next: Next) -> Response {
    match tokio::spawn(next.run(request)).await {
        Ok(response) => response,
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// A request with a name of its own.
struct Named {
    caller: String,
    key: String,
    asked: Digest,
}

async fn once(faces: Arc<Faces>, named: Named, request: Request, next: Next) -> Result<Response, Problem> {
    let conflict = |kind, detail: &str, next: &str| Err(Problem::new(StatusCode::CONFLICT, kind, detail, next));
    let of = Replied { caller: &named.caller, name: &named.key, server: &faces.server };
    match faces.engine.begin_reply(of, &named.asked).await.map_err(|error| Problem::of(&error, &faces))? {
        Begun::New => {}
        Begun::Answered(kept) => return replayed(&kept),
        Begun::Other => {
            let next = "give each request a key of its own";
            return Err(Problem::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "key-used",
                "this Idempotency-Key was given to another request",
                next,
            ));
        }
        Begun::UnderWay => {
            return conflict("under-way", "the request with this Idempotency-Key is being done", "ask again in a moment");
        }
        Begun::Unknown => {
            let detail = "another server began the request with this Idempotency-Key and did not say what came of it";
            return conflict("unknown-outcome", detail, "look at what is there, then ask with another key");
        }
    }
    // Done, and kept, also where whoever asked does not wait.
    let done = tokio::spawn(async move {
        let of = Replied { caller: &named.caller, name: &named.key, server: &faces.server };
        let response = next.run(request).await;
        let (response, kept) = keep(response).await;
        if let Err(error) = faces.engine.end_reply(of, kept.as_ref()).await {
            (faces.notes)(format!("an answer could not be kept for when it is asked for again: {error}"));
        }
        response
    });
    match done.await {
        Ok(response) => Ok(response),
        Err(error) => std::panic::resume_unwind(error.into_panic()),
    }
}

/// An answer, and how it is kept: one that came of a failure, or of too much at once, is not, so that it can be asked for again.
async fn keep(response: Response) -> (Response, Option<Secret>) {
    if response.status().is_server_error() || response.status() == StatusCode::TOO_MANY_REQUESTS {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    // It was made here, of texts.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = |name: &HeaderName| parts.headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let kept = Kept {
        status: parts.status.as_u16(),
        kind: text(&CONTENT_TYPE),
        location: text(&LOCATION),
        body: String::from_utf8_lossy(&bytes).into_owned(),
    };
    let kept = serde_json::to_string(&kept).expect("texts and a number are JSON");
    (Response::from_parts(parts, Body::from(bytes)), Some(Secret::new(kept)))
}

fn replayed(kept: &Secret) -> Result<Response, Problem> {
    let damaged = |error: String| {
        Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "failed", format!("the kept answer cannot be read: {error}"), "")
    };
    let kept: Kept = serde_json::from_str(kept.expose()).map_err(|error| damaged(error.to_string()))?;
    let mut response = Response::new(Body::from(kept.body));
    *response.status_mut() = StatusCode::from_u16(kept.status).map_err(|error| damaged(error.to_string()))?;
    for (name, value) in [(CONTENT_TYPE, kept.kind), (LOCATION, kept.location), (REPLAYED, Some("true".to_owned()))] {
        if let Some(value) = value.and_then(|value| HeaderValue::try_from(value).ok()) {
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

/// An answer with the tag of its content, or that it is what the caller has.
async fn tagged(response: Response, has: Option<&HeaderValue>) -> Response {
    let is_json = response.headers().get(CONTENT_TYPE).is_some_and(|kind| kind == "application/json");
    if response.status() != StatusCode::OK || !is_json {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let tag = tag(&bytes);
    parts.headers.insert(ETAG, HeaderValue::try_from(tag.as_str()).expect("hexadecimal digits"));
    if has.and_then(|has| has.to_str().ok()).is_some_and(|has| names(has, &tag)) {
        let mut same = StatusCode::NOT_MODIFIED.into_response();
        same.headers_mut().insert(ETAG, parts.headers[ETAG].clone());
        return same;
    }
    Response::from_parts(parts, Body::from(bytes))
}

/// Whether a caller who holds to what they saw (`If-Match`) saw this.
///
/// # Errors
/// 412.
pub(super) fn is_what_was_seen(headers: &HeaderMap, now: &impl Serialize) -> Result<(), Problem> {
    let Some(seen) = headers.get(IF_MATCH) else { return Ok(()) };
    let bytes = serde_json::to_vec(now).expect("an answer is JSON: text keys");
    if seen.to_str().is_ok_and(|seen| names(seen, &tag(&bytes))) {
        return Ok(());
    }
    let next = "GET it again, look at it, and ask with its new ETag";
    Err(Problem::new(StatusCode::PRECONDITION_FAILED, "changed", "it is not any more what If-Match names: nothing was done", next))
}

/// The tag of a content.
fn tag(bytes: &[u8]) -> String {
    format!("\"{}\"", &hash(bytes).to_string()[..32])
}

fn hash(bytes: &[u8]) -> Digest {
    Digest::new(Sha256::digest(bytes).into())
}

/// Whether a list of tags, or `*`, names this one.  Proxies weaken tags (`W/`) when they pack what is tagged.
fn names(list: &str, tag: &str) -> bool {
    list.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

fn key(headers: &HeaderMap) -> Result<Option<String>, Problem> {
    let Some(key) = headers.get(KEY) else { return Ok(None) };
    let bytes = key.as_bytes();
    if headers.get_all(KEY).iter().count() == 1 && (1..=255).contains(&bytes.len()) && bytes.iter().all(u8::is_ascii_graphic) {
        return Ok(Some(String::from_utf8_lossy(bytes).into_owned()));
    }
    let detail = "Idempotency-Key: one name of 1 to 255 printable characters of ASCII, without spaces";
    Err(Problem::new(StatusCode::BAD_REQUEST, "not-understood", detail, "a UUID does"))
}

fn is_json(headers: &HeaderMap) -> Result<(), Problem> {
    let kind = headers.get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let word = kind.split(';').next().unwrap_or_default().trim();
    if word.eq_ignore_ascii_case("application/json") {
        return Ok(());
    }
    let detail = format!("bodies are application/json here, not {word:?}");
    Err(Problem::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, "other-type", detail, "Content-Type: application/json"))
}

fn unread(error: &axum::Error) -> Problem {
    let why = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if why.contains("length limit") {
        let detail = format!("a body has at most {MAX_BODY} bytes here");
        return Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too-large", detail, "ask for less at once");
    }
    Problem::new(StatusCode::BAD_REQUEST, "not-understood", "the body broke off", "send it whole")
}

/// The bytes of a JSON answer.
pub(super) fn json(value: &impl Serialize) -> Response {
    let bytes = Bytes::from(serde_json::to_vec(value).expect("an answer is JSON: text keys"));
    ([(CONTENT_TYPE, "application/json")], bytes).into_response()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_names_a_content_and_a_list_may_hold_it() {
        let tag = tag(b"{}");
        assert!(tag.len() == 34 && tag != super::tag(b"[]"));
        assert!(names(&tag, &tag) && names("*", &tag) && names(&format!("\"a\", W/{tag}"), &tag));
        assert!(!names("\"a\"", &tag) && !names(tag.trim_matches('"'), &tag));
    }
}

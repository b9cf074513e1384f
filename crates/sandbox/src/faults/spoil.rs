//! Answers that are not the vendor's.

use axum::body::{Body, Bytes, to_bytes};
use axum::http::StatusCode;
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use axum::response::{IntoResponse, Response};

use super::Spoil;

/// A page as a proxy or a log-in portal answers.
pub(crate) fn html(status: StatusCode) -> Response {
    let reason = status.canonical_reason().unwrap_or("Error");
    let page = format!("<!DOCTYPE html>\n<html><head><title>{reason}</title></head><body><h1>{reason}</h1></body></html>\n");
    (status, [(CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

/// A redirect of the path: to the same host, or to one that no name server knows.
pub(crate) fn redirect(path: &str, same: bool) -> Response {
    let to = if same { path.to_owned() } else { format!("https://elsewhere.invalid{path}") };
    let to = HeaderValue::try_from(to).unwrap_or(HeaderValue::from_static("/"));
    (StatusCode::TEMPORARY_REDIRECT, [(LOCATION, to)]).into_response()
}

pub(crate) fn with_retry_after(mut answer: Response, seconds: Option<u64>) -> Response {
    answer.headers_mut().extend(seconds.map(|seconds| (RETRY_AFTER, HeaderValue::from(seconds))));
    answer
}

/// The answer with its body spoiled; as it was, and false, where there is too little to spoil.
pub(crate) async fn spoiled(answer: Response, how: Spoil, chance: u64) -> (Response, bool) {
    let (mut parts, body) = answer.into_parts();
    // The vendors' bodies are made in memory: reading one cannot fail.
    let body = to_bytes(body, usize::MAX).await.unwrap_or_default();
    if body.len() < 2 {
        return (Response::from_parts(parts, Body::from(body)), false);
    }
    let at = 1 + usize::try_from(chance % (body.len() as u64 - 1)).unwrap_or_default();
    let body = match how {
        Spoil::Truncated => body.slice(..at),
        Spoil::Garbled => {
            // A control character is no JSON anywhere, in a string or out of it.
            let mut bytes = body.to_vec();
            bytes[at] = (chance >> 32) as u8 & 0x07;
            Bytes::from(bytes)
        }
    };
    parts.headers.remove(CONTENT_LENGTH);
    (Response::from_parts(parts, Body::from(body)), true)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[tokio::test]
    async fn a_spoiled_body_is_never_json() {
        let json = r#"{"users":[{"id":1,"name":"A \"B\""}],"n":[1,2.5,true,null],"s":""}"#;
        for chance in (0..200_u64).map(|n| n * 0x1_0000_0001) {
            for how in [Spoil::Truncated, Spoil::Garbled] {
                let (answer, done) = spoiled((StatusCode::OK, json).into_response(), how, chance).await;
                let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
                assert!(done && serde_json::from_slice::<Value>(&body).is_err(), "{how:?} {chance}: {body:?}");
            }
        }
        let (_, done) = spoiled(StatusCode::OK.into_response(), Spoil::Garbled, 5).await;
        assert!(!done, "there was nothing to spoil");
    }
}

//! What pages are dressed with.  It is in the program: nothing is fetched from elsewhere.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};

const STYLE: &str = include_str!("../../assets/provost.css");
const SCRIPT: &str = include_str!("../../assets/live.js");

pub(super) async fn show(Path(name): Path<String>) -> Response {
    let (kind, text) = match name.as_str() {
        "provost.css" => ("text/css; charset=utf-8", STYLE),
        "live.js" => ("text/javascript; charset=utf-8", SCRIPT),
        _ => return (StatusCode::NOT_FOUND, "there is no such file\n").into_response(),
    };
    ([(CONTENT_TYPE, kind), (CACHE_CONTROL, "public, max-age=300")], text).into_response()
}

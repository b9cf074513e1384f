use axum::http::HeaderValue;
use axum::http::header::WWW_AUTHENTICATE;
use axum::response::Response;
use scim::Error;

use super::refused;

/// Something that a tenant must have before SCIM answers.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Needs {
    /// Whether this one has it.
    pub(crate) there: bool,
    /// What it is, for people.
    pub(crate) what: &'static str,
    /// The start option that gives it.
    pub(crate) option: &'static str,
}

/// 403 that names everything that is missing; None where nothing is.
pub(crate) fn missing(needs: &[Needs]) -> Option<Response> {
    let missing: Vec<String> =
        needs.iter().filter(|one| !one.there).map(|one| format!("{} (start option {})", one.what, one.option)).collect();
    if missing.is_empty() {
        return None;
    }
    Some(refused(&Error::new(403, format!("SCIM is not available to this tenant; missing: {}", missing.join(", ")))))
}

/// The token of an `Authorization: Bearer` header.
pub(crate) fn bearer(header: &str) -> Option<&str> {
    let (scheme, token) = header.trim().split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// 401 with what is asked for.
pub(crate) fn unauthorized(ask: &'static str, detail: &str) -> Response {
    let mut response = refused(&Error::new(401, detail));
    response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(ask));
    response
}

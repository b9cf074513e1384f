use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::{ACCEPT, WWW_AUTHENTICATE};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret as _;

use super::App;
use super::wire::Refusal;
use crate::call::Call;

/// Lets in who gives `Basic base64(subdomain:api_key)` and takes JSON.  Everyone else gets a 401 that says nothing further.
pub(super) async fn check(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let call = request.extensions().get::<Arc<Call>>();
    if !call.and_then(|call| call.header("authorization")).is_some_and(|given| known(&app, given)) {
        // Clients that wait to be asked are: without this they never send what they know.
        let refusal = Refusal { status: StatusCode::UNAUTHORIZED, error: "Unauthorized".to_owned() };
        return ([(WWW_AUTHENTICATE, "Basic realm=\"Application\"")], refusal).into_response();
    }
    if !call.is_none_or(|call| takes_json(call)) {
        let error = "this API answers application/json only".to_owned();
        return Refusal { status: StatusCode::NOT_ACCEPTABLE, error }.into_response();
    }
    next.run(request).await
}

fn known(app: &App, given: &str) -> bool {
    let Some((scheme, token)) = given.split_once(' ') else { return false };
    let expected = format!("{}:{}", app.subdomain, app.api_key.expose_secret());
    scheme.eq_ignore_ascii_case("basic") && STANDARD.decode(token.trim()).is_ok_and(|decoded| decoded == expected.as_bytes())
}

fn takes_json(call: &Call) -> bool {
    let accept: Vec<&str> = call.headers.get_all(ACCEPT).iter().filter_map(|value| value.to_str().ok()).collect();
    let accept = accept.join(",");
    // One that names nothing excludes nothing.
    accept.trim().is_empty()
        || accept.split(',').any(|range| {
            let mut parts = range.split(';').map(str::trim);
            let kind = parts.next().unwrap_or_default().to_ascii_lowercase();
            let refused = parts.filter_map(|p| p.strip_prefix("q=")).any(|q| q.parse() == Ok(0.0));
            matches!(kind.as_str(), "*/*" | "*" | "application/*" | "application/json") && !refused
        })
}

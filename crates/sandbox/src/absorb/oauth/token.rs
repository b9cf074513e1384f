//! `POST /oauth/token` (RFC 6749, 4.1.3, 5 and 6): form or JSON; the client's id and secret in the body or by Basic.

use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE, PRAGMA, WWW_AUTHENTICATE};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::ExposeSecret;
use serde_json::{Value, json};

use super::grants::{ACCESS, Refused, Taken};
use super::{OauthClient, Parameters, SCOPE};
use crate::absorb::Portal;
use crate::call::{Call, decoded, pairs};

/// An error of RFC 6749, 5.2.
struct Wrong {
    status: StatusCode,
    error: &'static str,
    why: String,
}

fn wrong(error: &'static str, why: impl Into<String>) -> Wrong {
    let status = if error == "invalid_client" { StatusCode::UNAUTHORIZED } else { StatusCode::BAD_REQUEST };
    Wrong { status, error, why: why.into() }
}

/// Gives tokens for a code or a refresh token.
pub(in crate::absorb) fn answer(portal: &Portal, call: &Call) -> Response {
    let (status, body) = match give(portal, call) {
        Ok(taken) => (
            StatusCode::OK,
            json!({
                "access_token": taken.access,
                "token_type": "Bearer",
                "expires_in": ACCESS.as_secs(),
                "refresh_token": taken.refresh,
                "scope": SCOPE,
            }),
        ),
        Err(wrong) => (wrong.status, json!({"error": wrong.error, "error_description": wrong.why})),
    };
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store"), (PRAGMA, "no-cache")];
    let answer = (status, headers, body.to_string());
    match status {
        StatusCode::UNAUTHORIZED => ([(WWW_AUTHENTICATE, "Basic realm=\"oauth\"")], answer).into_response(),
        _ => answer.into_response(),
    }
}

fn give(portal: &Portal, call: &Call) -> Result<Taken, Wrong> {
    let parameters = read(call)?;
    if let Some(name) = parameters.twice() {
        return Err(wrong("invalid_request", format!("{name} comes more than once")));
    }
    let client = client(portal, call, &parameters)?;
    let needed = |name: &str| parameters.get(name).ok_or_else(|| wrong("invalid_request", format!("{name} is missing")));
    let now = portal.backend.clock.now();
    let usable = |admin: &str| portal.usable(admin);
    let given = match needed("grant_type")? {
        "authorization_code" => {
            let (code, redirect_uri) = (needed("code")?, needed("redirect_uri")?);
            portal.grants().exchange(&client.client_id, code, redirect_uri, now, usable)
        }
        "refresh_token" => {
            let token = needed("refresh_token")?;
            if parameters.get("scope").is_some_and(|scope| scope != SCOPE) {
                return Err(wrong("invalid_scope", format!("the scope is {SCOPE}")));
            }
            portal.grants().refresh(&client.client_id, token, now, usable)
        }
        _ => return Err(wrong("unsupported_grant_type", "grant_type is authorization_code or refresh_token")),
    };
    given.map_err(|refused| match refused {
        Refused::Invalid(why) => wrong("invalid_grant", why),
        Refused::File(why) => Wrong { status: StatusCode::INTERNAL_SERVER_ERROR, error: "server_error", why },
    })
}

/// The parameters of the body: JSON when it says so, else a form.
fn read(call: &Call) -> Result<Parameters, Wrong> {
    let json = call.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    if !json {
        return Ok(Parameters(pairs(&String::from_utf8_lossy(&call.body))));
    }
    let Ok(Value::Object(map)) = serde_json::from_slice(&call.body) else {
        return Err(wrong("invalid_request", "the body is not a JSON object, which its content type says"));
    };
    let text = |(name, value)| match value {
        Value::String(text) => Ok((name, text)),
        Value::Null => Ok((name, String::new())),
        _ => Err(wrong("invalid_request", format!("{name} must be text"))),
    };
    map.into_iter().map(text).collect::<Result<_, _>>().map(Parameters)
}

/// Who calls.  CHOSEN: credentials in both places pass when they are the same.
fn client<'a>(portal: &'a Portal, call: &Call, parameters: &Parameters) -> Result<&'a OauthClient, Wrong> {
    let basic = match call.header("authorization").and_then(|header| header.split_once(' ')) {
        Some((scheme, text)) if scheme.eq_ignore_ascii_case("basic") => {
            let bytes = STANDARD.decode(text.trim()).ok().and_then(|bytes| String::from_utf8(bytes).ok());
            let pair = bytes.as_deref().and_then(|text| text.split_once(':')).map(|(id, secret)| (decoded(id), decoded(secret)));
            Some(pair.ok_or_else(|| wrong("invalid_client", "the Authorization header is no Basic log-in"))?)
        }
        _ => None,
    };
    let id = parameters.get("client_id").map(str::to_owned);
    let secret = parameters.get("client_secret").map(str::to_owned);
    let (id, secret) = match (basic, id, secret) {
        (Some((known, own)), id, secret) => {
            if id.is_some_and(|id| id != known) || secret.is_some_and(|secret| secret != own) {
                return Err(wrong("invalid_request", "the body and the Authorization header name different clients"));
            }
            (known, own)
        }
        (None, Some(id), Some(secret)) => (id, secret),
        (None, ..) => return Err(wrong("invalid_client", "client_id and client_secret are needed, in the body or by Basic")),
    };
    let found = portal.client(&id).filter(|client| client.client_secret.expose_secret() == secret);
    found.ok_or_else(|| wrong("invalid_client", "no such client, or its secret is wrong"))
}

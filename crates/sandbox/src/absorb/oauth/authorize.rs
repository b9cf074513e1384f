//! `GET /oauth/authorize`: a page where an admin logs in and says yes or no; `POST` of it sends the browser back.

use askama::Template;
use axum::http::StatusCode;
use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION, REFERRER_POLICY, X_FRAME_OPTIONS};
use axum::response::{IntoResponse, Response};

use super::{OauthClient, Parameters, SCOPE, redirect};
use crate::absorb::Portal;
use crate::absorb::wire::{Refusal, Reply};
use crate::call::{Call, pairs};

/// The page to log in and decide on.
#[derive(Template)]
#[template(path = "absorb/authorize.html")]
struct Page<'a> {
    portal: &'a str,
    client_id: &'a str,
    redirect_uri: &'a str,
    scope: &'a str,
    state: Option<&'a str>,
    username: &'a str,
    problem: Option<&'a str>,
}

/// The page for whoever cannot be sent back.
#[derive(Template)]
#[template(path = "absorb/refused.html")]
struct Refused<'a> {
    portal: &'a str,
    why: &'a str,
}

/// A request that can be decided on.
struct Ask<'a> {
    client: &'a OauthClient,
    redirect_uri: &'a str,
    state: Option<&'a str>,
}

impl Ask<'_> {
    /// Sends the browser back with what came of it.
    fn back(&self, name: &str, value: &str, why: Option<&str>) -> Response {
        let mut parameters = vec![(name, value)];
        parameters.extend(why.map(|why| ("error_description", why)));
        parameters.extend(self.state.map(|state| ("state", state)));
        let uri = redirect::with(self.redirect_uri, &parameters);
        (StatusCode::FOUND, [(LOCATION, uri), (CACHE_CONTROL, "no-store".to_owned())]).into_response()
    }
}

/// Shows the page, or takes what was decided on it.
pub(in crate::absorb) fn answer(portal: &Portal, call: &Call) -> Response {
    let parameters = match call.method.as_str() {
        "GET" => pairs(call.path.split_once('?').map_or("", |(_, query)| query)),
        "POST" => pairs(&String::from_utf8_lossy(&call.body)),
        _ => return Reply::from(Refusal::verb()).into_response(),
    };
    let parameters = Parameters(parameters);
    let ask = match check(portal, &parameters) {
        Ok(ask) => ask,
        Err(answer) => return *answer,
    };
    if call.method == "GET" { page(portal, &ask, StatusCode::OK, "", None) } else { decide(portal, &ask, &parameters) }
}

/// What is asked for, or the answer to who asks wrongly: a page as long as it is not sure where the browser may be sent,
/// then a redirect with the error (RFC 6749, 4.1.2.1).
fn check<'a>(portal: &'a Portal, parameters: &'a Parameters) -> Result<Ask<'a>, Box<Response>> {
    let refused = |why: &str| Box::new(html(StatusCode::BAD_REQUEST, Refused { portal: &portal.name, why }.render()));
    let twice = parameters.twice();
    if let Some(name @ ("client_id" | "redirect_uri")) = twice {
        return Err(refused(&format!("The link names {name} more than once.")));
    }
    let client = parameters.get("client_id").ok_or_else(|| refused("The link names no client_id."))?;
    let client = portal.client(client).ok_or_else(|| refused("This portal knows no application of that client_id."))?;
    let redirect_uri = parameters.get("redirect_uri").ok_or_else(|| refused("The link names no redirect_uri."))?;
    if !redirect::allowed(client, redirect_uri) {
        return Err(refused("The redirect_uri is not one that this application is registered with."));
    }
    let ask = Ask { client, redirect_uri, state: parameters.get("state") };
    let back = |error: &str, why: &str| Err(Box::new(ask.back("error", error, Some(why))));
    if let Some(name) = twice {
        return back("invalid_request", &format!("{name} comes more than once"));
    }
    match parameters.get("response_type") {
        Some("code") => {}
        Some(_) => return back("unsupported_response_type", "response_type is code"),
        None => return back("invalid_request", "response_type is missing"),
    }
    if parameters.get("scope") != Some(SCOPE) {
        return back("invalid_scope", "scope is admin.v1");
    }
    Ok(ask)
}

/// Takes the admin's name, password and yes or no.  A no needs no password.
fn decide(portal: &Portal, ask: &Ask<'_>, parameters: &Parameters) -> Response {
    let username = parameters.get("username").unwrap_or_default();
    let again = |status, problem| page(portal, ask, status, username, Some(problem));
    match parameters.get("decision") {
        Some("allow") => {}
        Some("deny") => return ask.back("error", "access_denied", Some("the admin said no")),
        _ => return again(StatusCode::BAD_REQUEST, "Choose whether to allow it."),
    }
    let password = parameters.get("password").unwrap_or_default();
    let Some(admin) = portal.admin_by(username, password) else {
        return again(StatusCode::FORBIDDEN, "The user name or the password is wrong, or the account is not active.");
    };
    let now = portal.backend.clock.now();
    let code = portal.grants().allow(&ask.client.client_id, &admin, ask.redirect_uri, now);
    ask.back("code", &code, None)
}

fn page(portal: &Portal, ask: &Ask<'_>, status: StatusCode, username: &str, problem: Option<&str>) -> Response {
    let page = Page {
        portal: &portal.name,
        client_id: &ask.client.client_id,
        redirect_uri: ask.redirect_uri,
        scope: SCOPE,
        state: ask.state,
        username,
        problem,
    };
    html(status, page.render())
}

/// A page that nobody may keep, frame, or put scripts into.  The form's target is left open: browsers hold the redirect
/// after it to that rule too.
fn html(status: StatusCode, text: askama::Result<String>) -> Response {
    let text = text.expect("texts can be written into a page");
    let headers = [
        (CONTENT_TYPE, "text/html; charset=utf-8"),
        (CACHE_CONTROL, "no-store"),
        (REFERRER_POLICY, "no-referrer"),
        (X_FRAME_OPTIONS, "DENY"),
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'"),
    ];
    (status, headers, text).into_response()
}

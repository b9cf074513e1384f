//! What holds for the whole company: where the completion of a lesson is to be told.

use std::sync::{Arc, PoisonError};

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use secrecy::{ExposeSecret as _, SecretString};
use serde_json::json;

use super::Api;
use super::params::Params;
use super::wire::{self, Refusal};
use crate::call::Call;

const URL: &str = "lesson_completed_callback_url";
const AUTHORIZATION: &str = "lesson_completed_callback_authorization";

/// PUT /company_settings: what is absent stays; null or empty takes it away.  The credentials are kept in memory only.
pub(super) async fn update(State(api): State<Api>, call: Extension<Arc<Call>>) -> Result<Response, Refusal> {
    let params = Params::of(&call, api.app.profile)?;
    let authorization = params.text(AUTHORIZATION)?.map(|given| given.filter(|text| !text.is_empty()));
    let mut kept = api.app.callback_authorization.lock().unwrap_or_else(PoisonError::into_inner);
    let url = api.app.backend.write(&call, |state, _| {
        let mut settings = state.settings.clone();
        if let Some(url) = params.text(URL)? {
            settings.lesson_completed_callback_url = url.filter(|url| !url.is_empty()).map(good_url).transpose()?;
        }
        settings.authorizations_set += u64::from(authorization.is_some());
        let change = settings.changed(&state.settings);
        let changes = if settings == state.settings { Vec::new() } else { vec![change] };
        Ok::<_, Refusal>((changes, settings.lesson_completed_callback_url))
    })?;
    if let Some(authorization) = authorization {
        *kept = authorization.map(SecretString::from);
    }
    Ok(wire::ok(json!({ URL: url, AUTHORIZATION: kept.as_ref().map(|secret| secret.expose_secret()) })))
}

fn good_url(url: &str) -> Result<String, Refusal> {
    let known = ["http://", "https://"].iter().any(|scheme| url.len() > scheme.len() && url.starts_with(scheme));
    if known { Ok(url.to_owned()) } else { Err(Refusal::malformed(format!("{URL} `{url}` is no http or https URL"))) }
}

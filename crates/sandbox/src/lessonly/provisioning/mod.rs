//! Lessonly's SCIM endpoint, `/scim/v2` (contract, section 6): in the guide's reading a server as the RFCs have it ([`rfc`]), in the
//! vendor's its own engine ([`engine`]).  The accounts are those of REST.
//!
//! What only SCIM can say of an account is kept beside it and is in the ledger as `scim`.  CHOSEN, where the contract is silent:
//!
//! - Lessonly has one name; SCIM's parts are kept for as long as they make up that name, else its first word is the given name.
//! - In the guide's reading the e-mail is the main one of `emails`, else `userName`; `title`, `externalId`, `locale`, the mobile phone
//!   and the enterprise extension's `department` and `division` (REST's `business_unit`) are REST's too, `manager.displayName` is read
//!   only.  Roles and groups are not written through SCIM.
//! - Where `active` is left out, a new account is active, and another stays as it was.

mod engine;
mod rfc;
mod users;

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use scim::discovery::{Authentication, Pagination, ServiceProvider};
use scim::{ResourceType, Service};
use secrecy::{ExposeSecret as _, SecretString};

use super::App;
use super::profile::{Profile, Provisioning};
use crate::call::Call;
use crate::provisioning::{Needs, Server, base, bearer, missing, unauthorized};

/// SCIM: its key, and what the company has of what it needs.  Where something is missing, 403 says what.
#[derive(Debug, Clone)]
pub struct Scim {
    /// The SCIM key, another than that of REST: as a bearer token, or as the password of Basic with the subdomain.
    pub key: SecretString,
    /// The Enterprise plan.
    pub enterprise: bool,
    /// SAML SSO is configured.
    pub sso: bool,
}

impl Default for Scim {
    /// The key `lessonly-sandbox-scim-key`, and nothing of what SCIM needs.
    fn default() -> Self {
        Self { key: "lessonly-sandbox-scim-key".into(), enterprise: false, sso: false }
    }
}

impl Scim {
    /// The same key with all that SCIM needs.
    pub fn available(self) -> Self {
        Self { enterprise: true, sso: true, ..self }
    }

    fn needs(&self) -> [Needs; 2] {
        [
            Needs { there: self.enterprise, what: "the Enterprise plan", option: "--enterprise" },
            Needs { there: self.sso, what: "SAML SSO", option: "--sso" },
        ]
    }
}

/// The server of the RFCs, where the profile has one.
pub(super) fn server(profile: &Profile) -> Option<Server> {
    let Provisioning::Rfc(leniency) = &profile.scim else { return None };
    Some(Server {
        service: Service { kinds: vec![ResourceType::user()], leniency: leniency.clone() },
        provider: ServiceProvider {
            documentation: None,
            patch: true,
            bulk: None,
            filter: true,
            max_results: 1000,
            change_password: false,
            sort: true,
            etag: false,
            pagination: Pagination { cursor: false, index: true, default_size: 100, cursor_seconds: None },
            authentication: vec![Authentication::basic(), Authentication::bearer()],
        },
    })
}

/// Everything at and below `/scim/v2`.
pub(super) async fn answer(State(app): State<Arc<App>>, call: Extension<Arc<Call>>) -> Response {
    if !call.header("authorization").is_some_and(|given| known(&app, given)) {
        return unauthorized("Basic realm=\"SCIM\"", "Authorization failure. The authorization header is invalid or missing.");
    }
    if let Some(response) = missing(&app.scim.needs()) {
        return response;
    }
    match &app.server {
        Some(server) => server.answer(&app.backend, &call, &rfc::Accounts { app: &app, base: base(&call) }),
        None => engine::answer(&app, &call),
    }
}

fn known(app: &App, given: &str) -> bool {
    let key = app.scim.key.expose_secret();
    let basic = || {
        let (scheme, token) = given.trim().split_once(' ')?;
        let decoded = STANDARD.decode(token.trim()).ok()?;
        Some(scheme.eq_ignore_ascii_case("basic") && decoded == format!("{}:{key}", app.subdomain).as_bytes())
    };
    bearer(given) == Some(key) || basic() == Some(true)
}

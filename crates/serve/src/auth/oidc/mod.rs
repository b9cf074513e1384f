//! Log-ins through an OpenID provider: authorization code with PKCE, as OpenID Connect Core 1.0 section 3.1 has it.
//!
//! What was begun is remembered here and nowhere else; what the provider says is held against it and against the provider's keys; whoever it
//! vouches for has a role by configuration, or none and is not let in.

mod begun;
mod claims;
mod problem;
mod provider;
mod roles;

use std::time::Duration;

use engine::Engine;
use model::Secret;
use serde::Deserialize;
use tokio::time::Instant;

pub(crate) use begun::LASTS;
use begun::{Begun, One};
pub use problem::NotLoggedIn;
use provider::Provider;
pub use roles::Roles;

/// Where a provider sends people back to, below the server's address.
pub const BACK: &str = "/log-in/back";

/// How people log in through a provider.
#[derive(Clone, Debug)]
pub struct Oidc {
    /// The provider, by its own name for itself: its address, as its discovery document has it.
    pub issuer: String,
    /// As which application Provost is known there.
    pub client_id: String,
    /// What proves that.
    pub secret: Secret,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
    /// Who has which role.
    pub roles: Roles,
}

impl Oidc {
    /// Asks the provider for its discovery document and its keys, and says what is wrong with them.
    ///
    /// # Errors
    /// [`NotLoggedIn::Away`].
    pub async fn check(&self, engine: &Engine) -> Result<(), NotLoggedIn> {
        Provider::new(self.clone(), String::from("http://127.0.0.1/")).known(engine, Duration::ZERO).await.map(drop)
    }
}

/// Where somebody is sent who wants to log in.
pub(crate) struct Away {
    /// The provider's page.
    pub(crate) to: String,
    /// By what the browser is known again.
    pub(crate) browser: Secret,
}

/// What a browser brings back.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Answer {
    state: Option<String>,
    code: Option<String>,
    error: Option<String>,
    iss: Option<String>,
}

/// All log-ins through the provider.
pub(crate) struct LogIns {
    settings: Oidc,
    provider: Provider,
    begun: Begun,
}

impl LogIns {
    /// With the address under which browsers know this server, without a slash at its end.
    pub(crate) fn new(settings: Oidc, url: &str) -> Self {
        let provider = Provider::new(settings.clone(), format!("{url}{BACK}"));
        Self { settings, provider, begun: Begun::default() }
    }

    /// The provider.
    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Begins one.
    ///
    /// # Errors
    /// [`NotLoggedIn::Away`].
    pub(crate) async fn begin(&self, engine: &Engine) -> Result<Away, NotLoggedIn> {
        let (state, browser) = (engine.new_secret(), engine.new_secret());
        let one = One { browser: browser.clone(), nonce: engine.new_secret(), verifier: engine.new_secret() };
        let to = self.provider.page(engine, &state, &one).await?;
        self.begun.put(&state, one, Instant::now());
        Ok(Away { to, browser })
    }

    /// Ends one: who it is, by the provider's word, is let in with the role that configuration gives; the secret of the log-in.
    ///
    /// # Errors
    /// [`NotLoggedIn`].
    pub(crate) async fn end(&self, engine: &Engine, browser: Option<&str>, answer: Answer) -> Result<Secret, NotLoggedIn> {
        let one = self.begun.take(answer.state.as_deref(), browser, Instant::now()).map_err(|why| NotLoggedIn::NotBegun { why })?;
        if answer.iss.is_some_and(|issuer| issuer != self.settings.issuer) {
            return Err(NotLoggedIn::proof("another provider answered"));
        }
        if let Some(error) = answer.error {
            return Err(NotLoggedIn::Declined { word: problem::word(&error) });
        }
        let code = answer.code.filter(|code| !code.is_empty()).ok_or_else(|| NotLoggedIn::proof("the answer has no code in it"))?;
        let who = self.provider.who(engine, Secret::new(code), &one).await?;
        let Some(role) = self.settings.roles.of(&who) else {
            return Err(NotLoggedIn::NoRole { called: who.called(), name: who.name() });
        };
        let (_, secret) = engine.open_session(&who.name(), &who.called(), role).await?;
        Ok(secret)
    }
}

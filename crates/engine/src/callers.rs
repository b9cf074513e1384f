//! Who acts through a face of the server: API tokens, log-ins in a browser, and the link that opens the first one.  All of them are tokens.

use jiff::SignedDuration;
use model::{Actor, Proof, Role, Secret, Token, digest_of};

use crate::tokens::public_part;
use crate::{Engine, EngineError};

/// What a token for programs opens.
const API: &str = "api";
/// What a log-in in a browser opens.
const SESSION: &str = "session";
/// What a link opens: one log-in, once.
const LINK: &str = "link";
/// How long a log-in counts, however much it is used.
const SESSION_LASTS: SignedDuration = SignedDuration::from_hours(12);
/// How long a link waits for its use.
const LINK_LASTS: SignedDuration = SignedDuration::from_mins(15);
/// For how long a log-in that ended is still listed.
const LISTED: SignedDuration = SignedDuration::from_hours(24 * 7);

/// How somebody shows who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shown {
    /// An API token.
    Token,
    /// A log-in in a browser.
    Session,
}

/// Somebody who acts through a face of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Caller {
    /// The name: no two people's, and the same at every log-in; what is asked for and decided stands under it.
    pub name: String,
    /// What people call them: an e-mail address where an OpenID provider vouches for one, else the name.
    pub called: String,
    /// What they may do.
    pub role: Role,
    /// How they showed it.
    pub shown: Shown,
    /// The public part of the token.
    pub token: String,
}

impl Caller {
    /// Who it is, where something is asked for or decided: known, as they logged in.
    pub fn actor(&self) -> Actor {
        Actor { name: self.name.clone(), proof: Proof::Authenticated }
    }
}

impl Engine {
    /// Makes a token for a program that acts under this name, with this role.  The secret is shown once.
    ///
    /// # Errors
    /// The store fails.
    pub async fn make_api_token(
        &self,
        name: &str,
        role: Role,
        lasts: Option<SignedDuration>,
        by: Actor,
    ) -> Result<(Token, Secret), EngineError> {
        self.new_token(API, name, Some(role), lasts, by).await
    }

    /// Lets somebody in whom another has shown to be who they are: a log-in, which ends after twelve hours.  Whoever bears `name` is `called`
    /// this by people, which two may be, and which may change; the audit trail has both.
    ///
    /// # Errors
    /// The store fails.
    pub async fn open_session(&self, name: &str, called: &str, role: Role) -> Result<(Token, Secret), EngineError> {
        let now = self.ports.clock.now();
        self.store.sweep_tokens(now.checked_sub(LISTED).unwrap_or(now)).await?;
        let by = Actor { name: called.to_owned(), proof: Proof::Authenticated };
        self.new_token(SESSION, name, Some(role), Some(SESSION_LASTS), by).await
    }

    /// Makes the secret of a link that logs its first user in as an admin of this name; it counts once, and for a quarter of an hour.
    ///
    /// # Errors
    /// The store fails.
    pub async fn make_link(&self, by: Actor) -> Result<Secret, EngineError> {
        let name = by.name.clone();
        Ok(self.new_token(LINK, &name, Some(Role::Admin), Some(LINK_LASTS), by).await?.1)
    }

    /// Uses up a link; none where it is none, was used, or is too old.
    ///
    /// # Errors
    /// The store fails.
    pub async fn use_link(&self, shown: &str) -> Result<Option<(Token, Secret)>, EngineError> {
        let now = self.ports.clock.now();
        let Some(token) = self.shown_token(shown).await?.filter(|token| token.purpose == LINK) else { return Ok(None) };
        let Some(role) = token.role else { return Ok(None) };
        if !self.store.take_token(&token.id, &token.hash, now).await? {
            return Ok(None);
        }
        self.open_session(&token.subject, &token.subject, role).await.map(Some)
    }

    /// Who a request is from, by what it shows: an API token, or the token of a log-in where it came `from_browser`.
    ///
    /// # Errors
    /// The store fails.
    pub async fn caller(&self, shown: &str, from_browser: bool) -> Result<Option<Caller>, EngineError> {
        let Some(token) = self.shown_token(shown).await? else { return Ok(None) };
        let how = match (token.purpose.as_str(), from_browser) {
            (API, false) => Shown::Token,
            (SESSION, true) => Shown::Session,
            _ => return Ok(None),
        };
        let called = if how == Shown::Session { token.made_by.name } else { token.subject.clone() };
        Ok(token.role.map(|role| Caller { name: token.subject, called, role, shown: how, token: token.id }))
    }

    /// Ends the log-in that is shown.
    ///
    /// # Errors
    /// The store fails.
    pub async fn close_session(&self, shown: &str) -> Result<(), EngineError> {
        let Some(id) = public_part(shown) else { return Ok(()) };
        self.store.take_token(id, &digest_of(&shown).to_string(), self.ports.clock.now()).await?;
        Ok(())
    }
}

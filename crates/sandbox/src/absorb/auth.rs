//! The key of the portal and the tokens of its admins (contract, section 2).

use std::collections::HashMap;

use jiff::{SignedDuration, Timestamp};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::Admin;
use super::profile::{Profile, TokenAnswer};
use super::wire::{Members, Refusal, Reply, Validation, fold};

/// A token that was given out last for its admin.
#[derive(Debug)]
struct Token {
    text: SecretString,
    expires: Timestamp,
}

/// Who may call.
#[derive(Debug)]
pub(super) struct Auth {
    key: SecretString,
    admins: Vec<Admin>,
    /// The one live token of each admin, by its place among the admins.
    tokens: HashMap<usize, Token>,
    /// How many were given out, those calls counted that were answered before it opened, and when that was: no token comes twice.
    given: u64,
    opened: Timestamp,
}

impl Auth {
    pub(super) fn new(key: SecretString, admins: Vec<Admin>, opened: Timestamp, calls: u64) -> Self {
        Self { key, admins, tokens: HashMap::new(), given: calls, opened }
    }

    pub(super) fn admin(&self, at: usize) -> &Admin {
        &self.admins[at]
    }

    /// 401 without the portal's key; every call needs it (A01).
    pub(super) fn check_key(&self, key: Option<&str>) -> Result<(), Refusal> {
        if key == Some(self.key.expose_secret()) {
            return Ok(());
        }
        Err(Refusal::unauthorized("apiKey", "the portal's key is missing or wrong: send it as x-api-key"))
    }

    pub(super) fn admins(&self) -> &[Admin] {
        &self.admins
    }

    /// The admin of that name and password.
    pub(super) fn admin_by(&self, username: &str, password: &str) -> Option<usize> {
        self.admin_named(username).filter(|at| self.admins[*at].password.expose_secret() == password)
    }

    /// The admin of that name.
    pub(super) fn admin_named(&self, username: &str) -> Option<usize> {
        self.admins.iter().position(|admin| fold(&admin.username) == fold(username))
    }

    /// The token call.  A new token for a user name kills the one before at once (A02); other names' live on.  `usable` says
    /// whether the account of that name is active.
    pub(super) fn log_in(
        &mut self,
        members: &Members,
        profile: &Profile,
        now: Timestamp,
        usable: impl Fn(&str) -> bool,
    ) -> Result<Reply, Refusal> {
        let text = |name: &str| members.given(name).and_then(|value| value.as_str());
        let missing = |name: &&&str| text(name).is_none_or(str::is_empty);
        let missing: Vec<_> = profile.token.members.iter().filter(missing).collect();
        if !missing.is_empty() {
            let faults = missing.into_iter().map(|name| Validation::new(*name, "is required and must be text")).collect();
            return Err(Refusal { status: profile.token.missing, ..Refusal::validations(faults) });
        }
        let (username, password) = (text("username").unwrap_or_default(), text("password").unwrap_or_default());
        // Where the body must repeat the portal's key, it must be the right one.
        if profile.token.members.contains(&"privateKey") {
            self.check_key(text("privateKey"))?;
        }
        let at = self.admin_by(username, password).filter(|at| usable(&self.admins[*at].username));
        let at = at.ok_or_else(|| Refusal::unauthorized("credentials", "the user name or the password is wrong"))?;
        let expires = now
            .checked_add(SignedDuration::from_hours(profile.token_hours))
            .map_err(|_| Refusal::unauthorized("credentials", "the clock is at the end of the calendar"))?;
        self.given += 1;
        let seed = format!("{}/{}/{}/{}", self.key.expose_secret(), fold(username), self.opened.as_nanosecond(), self.given);
        let text: String = Sha256::digest(seed).iter().map(|byte| format!("{byte:02x}")).collect();
        let seconds = expires.strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let reply = Reply::ok(&match profile.token.answer {
            TokenAnswer::Object => json!({"token": text, "expiresAt": seconds}),
            TokenAnswer::Text => json!(text),
        });
        self.tokens.insert(at, Token { text: text.into(), expires });
        Ok(reply)
    }

    /// The admin whose live token this is.
    pub(super) fn admin_with(&self, token: &str, now: Timestamp) -> Option<usize> {
        let live = self.tokens.iter().find(|(_, held)| held.text.expose_secret() == token && now < held.expires);
        live.map(|(at, _)| *at)
    }

    /// Somebody else takes a token for the user name whose live one the header holds, which kills that (A02); false when it holds none.
    pub(super) fn rival(&mut self, header: Option<&str>, now: Timestamp) -> bool {
        let taken = header.and_then(|header| self.admin_with(bare(header), now)).and_then(|at| self.tokens.remove(&at));
        taken.is_some()
    }
}

/// The token that an `Authorization` header holds, bare or after `Bearer`.
pub(super) fn bare(header: &str) -> &str {
    match header.trim().split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => header.trim(),
    }
}

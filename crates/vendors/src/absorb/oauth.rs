//! The other way in: a person allows it once in a browser (OAuth 2.0, authorization code), and a refresh token goes on from there.
//!
//! These tokens are outside the rule of one token for each admin (A02).  Neither the code, nor a token, nor the client's secret is in any
//! error: what the portal says back is freed of them first (P11).

use connector::{Answer, Fault, Scope, Session, Wire};
use http::StatusCode;
use jiff::SignedDuration;
use model::Secret;
use serde_json::Value;

use super::log_in::{LIFE, session, tell};
use super::profile::{Profile, VENDOR, named};
use super::wire::{garbled, redacted, wait};

/// Where a token is given for a code or a refresh token.
const TOKEN: &str = "/oauth/token";
/// What is asked for: everything that the Integration API does.
const SCOPE: &str = "admin.v1";

/// What one logs in with.
pub(super) struct Client {
    pub(super) client_id: Secret,
    pub(super) client_secret: Secret,
    /// Where people log in: an origin, perhaps with a path, without a slash at its end.
    pub(super) portal: String,
}

impl Client {
    /// Where a person allows it.
    pub(super) fn consent(&self, redirect: &str, state: &str) -> String {
        let query = form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", self.client_id.expose())
            .append_pair("redirect_uri", redirect)
            .append_pair("response_type", "code")
            .append_pair("scope", SCOPE)
            .append_pair("state", state)
            .finish();
        format!("{}/oauth/authorize?{query}", self.portal)
    }

    /// The first session, for the code that came back.
    pub(super) async fn redeem(
        &self,
        wire: &Wire,
        pinned: Option<&'static Profile>,
        api_key: &Secret,
        code: &Secret,
        redirect: &str,
    ) -> Result<Session, Fault> {
        let (grant, redirect) = (Secret::new("authorization_code"), Secret::new(redirect));
        let asked = [("grant_type", &grant), ("code", code), ("redirect_uri", &redirect)];
        let refused = "the portal does not take the code that the browser brought back";
        let tokens = self.ask(wire, &asked, &[code], refused).await.map_err(|fault| match fault {
            // A code counts once: whether it was used up cannot be known, and asking for another does no harm.
            Fault::Unknown { why } => Fault::Denied { scope: Scope::Consent(format!("the answer to the code was lost ({why})")) },
            fault => fault,
        })?;
        if tokens.refresh.is_none() {
            return Err(garbled("POST", TOKEN, "refresh_token is missing or no text"));
        }
        self.session(wire, pinned, api_key, tokens).await
    }

    /// The next session, with what the one before left to go on with.
    pub(super) async fn renew(
        &self,
        wire: &Wire,
        pinned: Option<&'static Profile>,
        api_key: &Secret,
        old: Option<&Session>,
    ) -> Result<Session, Fault> {
        let Some((old, refresh)) = old.and_then(|old| Some((old, old.refresh.as_ref()?))) else {
            return Err(Fault::Denied { scope: Scope::Consent("nobody has allowed Provost into this portal yet".to_owned()) });
        };
        let grant = Secret::new("refresh_token");
        let refused = "the portal does not take any more what was allowed: it has run out, or somebody withdrew it";
        let asked = self.ask(wire, &[("grant_type", &grant), ("refresh_token", refresh)], &[refresh], refused).await;
        let tokens = asked.map_err(|fault| match fault {
            Fault::Unknown { why } => Fault::Wait { after: None, why },
            fault => fault,
        })?;
        let refresh = tokens.refresh.or_else(|| Some(refresh.clone()));
        self.session(wire, pinned.or_else(|| named(&old.profile)), api_key, Tokens { refresh, ..tokens }).await
    }

    /// The session of these tokens.  Its profile is told by a look where it is not known.
    async fn session(&self, wire: &Wire, known: Option<&'static Profile>, api_key: &Secret, tokens: Tokens) -> Result<Session, Fault> {
        let expires = wire.now().checked_add(SignedDuration::from_secs(tokens.life)).ok();
        let bearer = format!("Bearer {}", tokens.access.expose());
        let in_profile = |profile: &Profile| session(profile, api_key, &bearer, expires);
        let profile = match known {
            Some(profile) => profile,
            None => tell(wire, &in_profile(&VENDOR)).await?,
        };
        Ok(Session { refresh: tokens.refresh, ..in_profile(profile) })
    }

    /// One exchange with the portal; `refused` says what it means that it does not take the grant.
    async fn ask(&self, wire: &Wire, fields: &[(&str, &Secret)], hide: &[&Secret], refused: &str) -> Result<Tokens, Fault> {
        let fields: Vec<(&str, &Secret)> = [fields, &[("client_id", &self.client_id), ("client_secret", &self.client_secret)]].concat();
        let hide: Vec<&Secret> = hide.iter().copied().chain([&self.client_secret]).collect();
        let judge = |answer: &Answer| self.fault(answer, &hide, refused);
        let answer = wire.at(&self.portal).post_form(TOKEN, &fields, &judge).await?;
        let body = answer.json.unwrap_or_default();
        let text = |member: &str| body.get(member).and_then(Value::as_str).filter(|text| !text.is_empty()).map(Secret::new);
        let access = text("access_token").ok_or_else(|| garbled("POST", TOKEN, "access_token is missing or no text"))?;
        let life = match body.get("expires_in") {
            None | Some(Value::Null) => LIFE.as_secs(),
            Some(seconds) => {
                seconds.as_i64().filter(|life| *life > 0).ok_or_else(|| garbled("POST", TOKEN, "expires_in is no number of seconds"))?
            }
        };
        Ok(Tokens { access, refresh: text("refresh_token"), life })
    }

    fn fault(&self, answer: &Answer, hide: &[&Secret], refused: &str) -> Option<Fault> {
        let status = answer.status;
        let member = |name: &str| answer.json.as_ref().and_then(|json| json.get(name)).and_then(Value::as_str).unwrap_or_default();
        let error = member("error");
        let said = [error, member("error_description"), member("message")].into_iter().filter(|text| !text.is_empty());
        let said = redacted(said.collect::<Vec<_>>().join(": "), hide);
        let said = if said.is_empty() { status.to_string() } else { said };
        let denied = |scope: Scope| Some(Fault::Denied { scope });
        match status {
            _ if status.is_success() => None,
            StatusCode::TOO_MANY_REQUESTS => Some(wait(answer)),
            _ if status.is_server_error() => Some(wait(answer)),
            StatusCode::NOT_FOUND => Some(Fault::Unreachable {
                detail: format!("{}{TOKEN} answered 404: `portal` is not the address of the portal", self.portal),
            }),
            _ if error == "invalid_grant" => denied(Scope::Consent(format!("{refused} ({said})"))),
            _ => denied(Scope::Credentials(format!("the portal gives no token for client_id and client_secret ({said})"))),
        }
    }
}

struct Tokens {
    access: Secret,
    refresh: Option<Secret>,
    /// Seconds that the access token lives.
    life: i64,
}

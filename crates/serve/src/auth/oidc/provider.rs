//! The provider: what it publishes, the page that people are sent to, and who somebody is by its word.

use std::pin::Pin;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use engine::{Broken, Engine};
use jiff::{SignedDuration, Timestamp};
use model::Secret;
use openidconnect::core::{CoreAuthenticationFlow, CoreClientAuthMethod, CoreJwsSigningAlgorithm as Algorithm, CoreProviderMetadata};
use openidconnect::{
    AsyncHttpClient, AuthType, AuthorizationCode, ClaimsVerificationError, ClientId, ClientSecret, CsrfToken, DiscoveryError,
    HttpRequest, HttpResponse, IdTokenVerifier, IssuerUrl, Nonce, OAuth2TokenResponse, PkceCodeChallenge, PkceCodeVerifier,
    RedirectUrl, RequestTokenError, Scope, SignatureVerificationError, TokenResponse, UserInfoError,
};
use tokio::sync::Mutex;
use tokio::time::{Instant, timeout};

use super::Oidc;
use super::begun::One;
use super::claims::{Client, Said, Told, email};
use super::problem::{NotLoggedIn, of_token, word};
use super::roles::Who;

/// How long what it publishes is held for true.
const FRESH: Duration = Duration::from_secs(3600);
/// How long it may take to answer.
const PATIENCE: Duration = Duration::from_secs(20);
/// By how much its clock and ours may differ.
const LEEWAY: SignedDuration = SignedDuration::from_secs(60);
/// With what an ID token may be signed, where the provider announces it: keys that it alone has the private half of.
const ALLOWED: [Algorithm; 9] = [
    Algorithm::RsaSsaPkcs1V15Sha256,
    Algorithm::RsaSsaPkcs1V15Sha384,
    Algorithm::RsaSsaPkcs1V15Sha512,
    Algorithm::RsaSsaPssSha256,
    Algorithm::RsaSsaPssSha384,
    Algorithm::RsaSsaPssSha512,
    Algorithm::EcdsaP256Sha256,
    Algorithm::EcdsaP384Sha384,
    Algorithm::EdDsa,
];

/// A provider.
pub(super) struct Provider {
    settings: Oidc,
    back: String,
    known: Mutex<Option<Arc<Known>>>,
}

/// What it publishes, as it was read once.
pub(super) struct Known {
    metadata: CoreProviderMetadata,
    client: Client,
    algorithms: Vec<Algorithm>,
    read: Instant,
}

impl Provider {
    /// With the address that it sends people back to.
    pub(super) fn new(settings: Oidc, back: String) -> Self {
        Self { settings, back, known: Mutex::default() }
    }

    /// What it publishes, no older than this.
    ///
    /// # Errors
    /// [`NotLoggedIn::Away`].
    pub(super) async fn known(&self, engine: &Engine, no_older: Duration) -> Result<Arc<Known>, NotLoggedIn> {
        // Whoever comes meanwhile waits for the same answer.
        let mut known = self.known.lock().await;
        if let Some(known) = known.as_ref().filter(|known| known.read.elapsed() < no_older) {
            return Ok(Arc::clone(known));
        }
        let read = Arc::new(self.read(engine).await.map_err(|why| self.away(why))?);
        *known = Some(Arc::clone(&read));
        Ok(read)
    }

    async fn read(&self, engine: &Engine) -> Result<Known, String> {
        let Oidc { issuer, client_id, secret, .. } = &self.settings;
        let issuer = IssuerUrl::new(issuer.clone()).map_err(|error| format!("its address is none: {error}"))?;
        let out = Out(engine);
        let asked = CoreProviderMetadata::discover_async(issuer, &out);
        let metadata = timeout(PATIENCE, asked).await.map_err(|_| slow())?.map_err(published)?;
        let announced = metadata.id_token_signing_alg_values_supported();
        let algorithms: Vec<Algorithm> = ALLOWED.into_iter().filter(|one| announced.contains(one)).collect();
        if algorithms.is_empty() {
            return Err("it announces no way of signing that counts here (RS256 or another with a key pair)".to_owned());
        }
        let back =
            RedirectUrl::new(self.back.clone()).map_err(|error| format!("{} is no address to come back to: {error}", self.back))?;
        let (id, proof) = (ClientId::new(client_id.clone()), ClientSecret::new(secret.expose().to_owned()));
        let mut client = openidconnect::Client::from_provider_metadata(metadata.clone(), id, Some(proof)).set_redirect_uri(back);
        // Where nothing is said, it is HTTP Basic (OpenID Connect Discovery 1.0, section 3).
        let ways = metadata.token_endpoint_auth_methods_supported();
        if ways.is_some_and(|ways| {
            ways.contains(&CoreClientAuthMethod::ClientSecretPost) && !ways.contains(&CoreClientAuthMethod::ClientSecretBasic)
        }) {
            client = client.set_auth_type(AuthType::RequestBody);
        }
        Ok(Known { metadata, client, algorithms, read: Instant::now() })
    }

    /// The page that somebody is sent to.
    ///
    /// # Errors
    /// [`NotLoggedIn::Away`].
    pub(super) async fn page(&self, engine: &Engine, state: &Secret, one: &One) -> Result<String, NotLoggedIn> {
        let known = self.known(engine, FRESH).await?;
        let (state, nonce) = (state.expose().to_owned(), one.nonce.expose().to_owned());
        let verifier = PkceCodeVerifier::new(one.verifier.expose().to_owned());
        let begin =
            known.client.authorize_url(CoreAuthenticationFlow::AuthorizationCode, || CsrfToken::new(state), || Nonce::new(nonce));
        let (page, _, _) = begin
            .add_scopes(self.settings.scopes.iter().cloned().map(Scope::new))
            .set_pkce_challenge(PkceCodeChallenge::from_code_verifier_sha256(&verifier))
            .url();
        Ok(page.into())
    }

    /// Who somebody is that came back with a code.
    ///
    /// # Errors
    /// [`NotLoggedIn::NotProven`], [`NotLoggedIn::Away`].
    pub(super) async fn who(&self, engine: &Engine, code: Secret, one: &One) -> Result<Who, NotLoggedIn> {
        let known = self.known(engine, FRESH).await?;
        let out = Out(engine);
        let exchange = known.client.exchange_code(AuthorizationCode::new(code.expose().to_owned()));
        let exchange = exchange.map_err(|_| self.away("it publishes no token endpoint".to_owned()))?;
        let exchange = exchange.set_pkce_verifier(PkceCodeVerifier::new(one.verifier.expose().to_owned()));
        let tokens = match timeout(PATIENCE, exchange.request_async(&out)).await.map_err(|_| self.away(slow()))? {
            Ok(tokens) => tokens,
            Err(RequestTokenError::ServerResponse(said)) => {
                let word = word(said.error().as_ref());
                return Err(NotLoggedIn::proof(format!("it gives nothing for this code ({word})")));
            }
            Err(RequestTokenError::Request(error)) => return Err(self.away(error.to_string())),
            Err(_) => return Err(NotLoggedIn::proof("what it gave for the code cannot be read")),
        };
        let Some(token) = tokens.id_token() else { return Err(NotLoggedIn::proof("it gave no ID token for the code")) };
        let nonce = Nonce::new(one.nonce.expose().to_owned());
        let now = engine.now();
        let claims = match token.claims(&self.verifier(&known, now), &nonce) {
            // It may sign with a new key already.
            Err(ClaimsVerificationError::SignatureVerification(SignatureVerificationError::NoMatchingKey)) => {
                let known = self.known(engine, Duration::ZERO).await?;
                token.claims(&self.verifier(&known, now), &nonce)
            }
            claims => claims,
        };
        let claims = claims.map_err(|error| NotLoggedIn::proof(of_token(&error)))?;
        if claims.authorized_party().is_some_and(|party| party.as_str() != self.settings.client_id) {
            return Err(NotLoggedIn::proof("the ID token is for another application (its azp)"));
        }
        let mut who = self.said(claims)?;
        let values = self.settings.roles.values(&claims.additional_claims().all);
        let lacks = who.email.is_none() || (self.settings.roles.claim.is_some() && values.is_none());
        who.values = values.unwrap_or_default();
        // Some providers keep the token small, and tell the rest to who asks.
        let asked = known.client.user_info(tokens.access_token().clone(), Some(claims.subject().clone()));
        if let (true, Ok(asked)) = (lacks, asked) {
            let told: Told = match timeout(PATIENCE, asked.request_async(&out)).await.map_err(|_| self.away(slow()))? {
                Ok(told) => told,
                Err(UserInfoError::ClaimsVerification(error)) => return Err(NotLoggedIn::proof(of_token(&error))),
                Err(UserInfoError::Request(error)) => return Err(self.away(error.to_string())),
                Err(_) => return Err(NotLoggedIn::proof("the user information cannot be had, or not be read")),
            };
            who.email = who.email.or_else(|| email(told.email(), told.email_verified()));
            if who.values.is_empty() {
                who.values = self.settings.roles.values(&told.additional_claims().all).unwrap_or_default();
            }
        }
        Ok(who)
    }

    /// What an ID token is held against.  It knows no secret: what is signed with one is never taken.
    fn verifier<'a>(&self, known: &Known, now: Timestamp) -> IdTokenVerifier<'a, openidconnect::core::CoreJsonWebKey> {
        let id = ClientId::new(self.settings.client_id.clone());
        let moved = |by: SignedDuration| SystemTime::from(now.checked_add(by).unwrap_or(now));
        let (earlier, later) = (moved(-LEEWAY), moved(LEEWAY));
        IdTokenVerifier::new_public_client(id, known.metadata.issuer().clone(), known.metadata.jwks().clone())
            .set_allowed_algs(known.algorithms.clone())
            .set_time_fn(move || earlier.into())
            .set_issue_time_verifier_fn(move |issued| {
                let past = SystemTime::from(issued) <= later;
                if past { Ok(()) } else { Err("from a time to come".to_owned()) }
            })
    }

    fn said(&self, claims: &Said) -> Result<Who, NotLoggedIn> {
        let subject = claims.subject().as_str();
        // OpenID Connect Core 1.0, section 2: at most 255 characters of ASCII.
        if subject.is_empty() || subject.len() > 255 || !subject.bytes().all(|byte| byte.is_ascii() && !byte.is_ascii_control()) {
            return Err(NotLoggedIn::proof("the ID token names nobody (its sub)"));
        }
        let email = email(claims.email(), claims.email_verified());
        Ok(Who { issuer: self.settings.issuer.clone(), subject: subject.to_owned(), email, values: Vec::new() })
    }

    fn away(&self, why: String) -> NotLoggedIn {
        NotLoggedIn::Away { issuer: self.settings.issuer.clone(), why }
    }
}

fn slow() -> String {
    format!("it did not answer within {} seconds", PATIENCE.as_secs())
}

/// What is wrong with what it publishes.
fn published(error: DiscoveryError<Broken>) -> String {
    match error {
        DiscoveryError::Request(error) => error.to_string(),
        DiscoveryError::Response(status, _, _) if !status.is_success() => format!("its discovery document or its keys: HTTP {status}"),
        DiscoveryError::Response(_, _, why) | DiscoveryError::Other(why) => why,
        DiscoveryError::Validation(_) => {
            "its discovery document is another issuer's: write the issuer as it stands there, slash or none at its end included"
                .to_owned()
        }
        DiscoveryError::Parse(error) => format!("its discovery document or its keys cannot be read: {error}"),
        error => error.to_string(),
    }
}

/// The engine's way out, as the library wants it.
struct Out<'e>(&'e Engine);

impl<'c> AsyncHttpClient<'c> for Out<'_> {
    type Error = Broken;
    type Future = Pin<Box<dyn Future<Output = Result<HttpResponse, Broken>> + Send + 'c>>;

    fn call(&'c self, request: HttpRequest) -> Self::Future {
        Box::pin(self.0.ask_outside(request))
    }
}

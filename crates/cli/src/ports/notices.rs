//! The ways out to people, filled: webhooks signed as Standard Webhooks says, chat, e-mail.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use connector::{Broken, Transport};
use engine::{NotSent, Notices};
use hmac::{Hmac, KeyInit, Mac};
use http::StatusCode;
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use jiff::Timestamp;
use model::{Notice, Secret};
use sha2::Sha256;

use super::{Http, smtp};
use crate::config::{NoticeConnection, Way};
use crate::failure::Failure;

/// Which delivery it is: the same each time it is sent.
const ID: &str = "webhook-id";
/// When it is sent, in seconds since 1970.
const TIMESTAMP: &str = "webhook-timestamp";
/// `v1,` and the HMAC-SHA256 of id, timestamp and body; several, separated by blanks, while secrets are changed.
const SIGNATURE: &str = "webhook-signature";
/// How every secret begins.
const MARK: &str = "whsec_";
/// How long the other side may take.
const PATIENCE: Duration = Duration::from_secs(30);

/// The ways that the configuration names.
pub(crate) struct WaysOut {
    ways: BTreeMap<String, NoticeConnection>,
    /// To the internet.
    public: Http,
    /// To wherever configuration allows.
    anywhere: Http,
}

impl WaysOut {
    /// Over these.
    ///
    /// # Errors
    /// A [`Failure`] when TLS cannot be set up.
    pub(crate) fn new(ways: BTreeMap<String, NoticeConnection>) -> Result<Self, Failure> {
        Ok(Self { ways, public: Http::public()?, anywhere: Http::new()? })
    }

    async fn post(&self, private: bool, url: &str, headers: Vec<(&'static str, String)>, body: Vec<u8>) -> Result<(), NotSent> {
        let mut request = http::Request::post(url).header(CONTENT_TYPE, "application/json");
        for (name, value) in headers {
            request = request.header(name, value);
        }
        let request = request.body(Bytes::from(body)).map_err(|_| later("the address or a header cannot be sent"))?;
        let http = if private { &self.anywhere } else { &self.public };
        let answer = match tokio::time::timeout(PATIENCE, http.send(request)).await {
            Err(_) => return Err(later(format!("no answer within {} seconds", PATIENCE.as_secs()))),
            Ok(Err(Broken::NotSent(why))) if why.contains("private address") => {
                return Err(later(format!("{why}; private = true allows that")));
            }
            Ok(Err(broken)) => return Err(later(broken.to_string())),
            Ok(Ok(answer)) => answer,
        };
        let status = answer.status();
        if status.is_success() {
            return Ok(());
        }
        if status == StatusCode::GONE {
            return Err(NotSent::Never("the other side answered 410: it wants no more of these".to_owned()));
        }
        let redirect = if status.is_redirection() { "; redirects are not followed" } else { "" };
        let least =
            answer.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.trim().parse().ok()).map(Duration::from_secs);
        Err(NotSent::Later(format!("the other side answered {}{redirect}", status.as_u16()), least))
    }
}

#[async_trait]
impl Notices for WaysOut {
    async fn send(&self, to: &str, id: &str, notice: &Notice, now: Timestamp) -> Result<(), NotSent> {
        let Some(NoticeConnection { way, private, .. }) = self.ways.get(to) else {
            return Err(NotSent::Never(format!("the configuration has no [notice.{to}]")));
        };
        let secret = |credential: &crate::config::Credential, name: &str| {
            credential.resolve_for("notice", to, name).map_err(|failure| later(failure.told().what))
        };
        match way {
            Way::Webhook { url, secret: at } => {
                let body = plan::notice::webhook(notice).to_string().into_bytes();
                let signature = signatures(&secret(at, "secret")?, id, now.as_second(), &body)?;
                let headers = vec![(ID, id.to_owned()), (TIMESTAMP, now.as_second().to_string()), (SIGNATURE, signature)];
                self.post(*private, url, headers, body).await
            }
            Way::Slack { url } => {
                let url = secret(url, "url")?;
                self.post(*private, url.expose(), Vec::new(), plan::notice::slack(notice).to_string().into_bytes()).await
            }
            Way::Email(mail) => {
                let password = mail.login.as_ref().map(|(_, password)| secret(password, "secret")).transpose()?;
                match tokio::time::timeout(PATIENCE, smtp::send(mail, password.as_ref(), *private, id, notice)).await {
                    Err(_) => Err(later(format!("no answer within {} seconds", PATIENCE.as_secs()))),
                    Ok(sent) => sent,
                }
            }
        }
    }
}

pub(super) fn later(why: impl Into<String>) -> NotSent {
    NotSent::Later(why.into(), None)
}

/// The signatures of a delivery, one with each secret that is there: <https://www.standardwebhooks.com>.
fn signatures(secrets: &Secret, id: &str, seconds: i64, body: &[u8]) -> Result<String, NotSent> {
    let mut signatures = Vec::new();
    for secret in secrets.expose().split_whitespace() {
        let key = secret.strip_prefix(MARK).and_then(|key| STANDARD.decode(key).ok()).filter(|key| (24..=64).contains(&key.len()));
        let key = key.ok_or_else(|| later(format!("the secret is not {MARK} and 24 to 64 bytes in base64")))?;
        let mut mac = Hmac::<Sha256>::new_from_slice(&key).map_err(|_| later("the secret has no length that can be used"))?;
        mac.update(format!("{id}.{seconds}.").as_bytes());
        mac.update(body);
        signatures.push(format!("v1,{}", STANDARD.encode(mac.finalize().into_bytes())));
    }
    Ok(signatures.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of the specification.
    #[test]
    fn deliveries_are_signed_as_standard_webhooks_says() {
        let secret = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
        let signed = signatures(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", 1_614_265_330, b"{\"test\": 2432232314}").unwrap();
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let two = Secret::new("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(signatures(&two, "a", 1, b"").unwrap().split(' ').count(), 2);
        for wrong in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "whsec_short", "whsec_AAAA", "whsec_%%%%"] {
            let why = signatures(&Secret::new(wrong), "a", 1, b"").unwrap_err();
            assert!(!format!("{why:?}").contains(wrong), "a secret is never told");
        }
    }
}

//! OAuth 2.0, authorization code (contract, section 2; RFC 6749): `GET|POST /oauth/authorize` and `POST /oauth/token`.
//!
//! The same in both profiles.  CHOSEN: neither path takes the portal's key: a person's browser has none, and the token call
//! shows the client's secret.  Calls with an access token do, like all others.

pub(super) mod authorize;
pub(super) mod grants;
mod redirect;
pub(super) mod token;

use secrecy::SecretString;

/// A program that may ask admins of the portal for access.
#[derive(Debug, Clone)]
pub struct OauthClient {
    /// What it calls itself.
    pub client_id: String,
    /// What it proves that with at the token call.
    pub client_secret: SecretString,
    /// Where people may be sent back to.  One on loopback (`http://127.0.0.1/…`, `http://[::1]/…`, `http://localhost/…`)
    /// stands for every port, and without a path for every path too (CHOSEN); others must be the same, letter by letter.
    pub redirect_uris: Vec<String>,
}

/// The one scope there is.
const SCOPE: &str = "admin.v1";

/// Parameters of a request, each at most once (RFC 6749, 3.1 and 3.2).
struct Parameters(Vec<(String, String)>);

impl Parameters {
    /// The value of a parameter; an empty one counts as left out.
    fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(found, value)| found == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// A name that comes more than once.
    fn twice(&self) -> Option<&str> {
        let again = |(at, (name, _)): (usize, &(String, String))| self.0[..at].iter().any(|(other, _)| other == name);
        self.0.iter().enumerate().find(|one| again(*one)).map(|(_, (name, _))| name.as_str())
    }
}

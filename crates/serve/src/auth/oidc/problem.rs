//! Why nobody is logged in through a provider, without a token, a code or a secret in it.

use engine::EngineError;
use openidconnect::{ClaimsVerificationError as Claims, SignatureVerificationError as Signature};

/// Why somebody is not logged in through an OpenID provider.
#[derive(Debug, thiserror::Error)]
pub enum NotLoggedIn {
    /// The provider cannot be asked, or says nothing that can be used.
    #[error("the provider {issuer} cannot be used: {why}")]
    Away {
        /// Which.
        issuer: String,
        /// Why.
        why: String,
    },
    /// What came back answers nothing that was begun.
    #[error("this is no answer to a log-in of this browser: {why}")]
    NotBegun {
        /// Why.
        why: &'static str,
    },
    /// The provider, or somebody there, said no.
    #[error("the provider said no: {word}")]
    Declined {
        /// Its word for it.
        word: String,
    },
    /// What it says does not prove who somebody is.
    #[error("what the provider said is no proof: {why}")]
    NotProven {
        /// Why not.
        why: String,
    },
    /// They are known, and nothing says what they may do.
    #[error("{called} is known, but has no role here")]
    NoRole {
        /// What they are called.
        called: String,
        /// Their name, as configuration can name them after the `#`.
        name: String,
    },
    /// The store fails.
    #[error(transparent)]
    Failed(#[from] EngineError),
}

impl NotLoggedIn {
    pub(super) fn proof(why: impl Into<String>) -> Self {
        Self::NotProven { why: why.into() }
    }
}

/// A word of OAuth, as it may be shown; anything else is none: what a browser brings may have been written by anybody.
pub(super) fn word(text: &str) -> String {
    let fits = !text.is_empty() && text.len() <= 64 && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_');
    if fits { text.to_owned() } else { "without a word that can be shown".to_owned() }
}

/// Why an ID token does not count, in words of our own: those of others may have parts of it in them.
pub(super) fn of_token(error: &Claims) -> &'static str {
    match error {
        Claims::Expired(_) => "the ID token is expired, or from a time to come",
        Claims::InvalidIssuer(_) => "the ID token is of another issuer",
        Claims::InvalidAudience(_) => "the ID token is for another application",
        Claims::InvalidNonce(_) => "the ID token answers another log-in (its nonce)",
        Claims::InvalidSubject(_) => "the user information is another person's",
        Claims::SignatureVerification(error) => match error {
            Signature::DisallowedAlg(_) | Signature::UnsupportedAlg(_) => "the ID token is signed in a way that does not count here",
            Signature::NoSignature => "the ID token is not signed",
            Signature::NoMatchingKey => "the ID token is signed with none of the provider's keys",
            _ => "the signature of the ID token is wrong",
        },
        _ => "the ID token is of a form that does not count here",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_words_are_shown() {
        assert_eq!(word("access_denied"), "access_denied");
        for odd in ["", "Call 555-1234", "<b>", &"a".repeat(65)] {
            assert_eq!(word(odd), "without a word that can be shown", "{odd}");
        }
    }
}

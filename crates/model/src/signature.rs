//! What a person signs, to the byte, and the signature that comes of it.  Whether it is anybody's is told by whoever holds the keys.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::Digest;
use crate::canonical::canonical_json;

/// What is said about a plan, or about a standing approval.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spoken {
    /// I stand for having asked for it.
    Ask,
    /// Yes.
    Yes,
    /// No, and why.
    No {
        /// Why.
        reason: String,
    },
    /// Yes, ahead: to the standing approval whose digest stands in the plan's place.
    Standing {
        /// The digest of what the policy wished for then: it counts for that policy only.
        policy: Digest,
    },
}

/// What a person signs: who says what about which plan, when, and until when it counts.
///
/// The fields stand in the order of canonical JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Statement {
    /// When it was said: a whole second.
    pub at: Timestamp,
    /// By whom, as configuration names them.
    pub by: String,
    /// Until when it counts: a whole second.
    pub expires: Timestamp,
    /// Whose plan it is.
    pub organization: String,
    /// The plan's digest; that of the rule, where a standing approval is spoken about.
    pub plan: Digest,
    /// The form of the statement: [`Statement::FORM`].
    pub provost: u32,
    /// What is said.
    pub verdict: Spoken,
}

impl Statement {
    /// The form of statements, as they name it.
    pub const FORM: u32 = 1;
    /// The namespace of signatures (`ssh-keygen -Y sign -n provost`): nothing signed for another purpose counts here.
    pub const NAMESPACE: &str = "provost";

    /// The exact bytes that are signed: its canonical JSON (RFC 8785) and a new line.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut text = canonical_json(self);
        text.push(b'\n');
        text
    }

    /// A statement from its exact bytes.
    ///
    /// # Errors
    /// Why they are none, to go on from "it ".
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let statement: Self = serde_json::from_slice(bytes).map_err(|error| format!("is no statement of Provost: {error}"))?;
        if statement.provost != Self::FORM {
            return Err(format!("is a statement of form {}, and this program knows form {}", statement.provost, Self::FORM));
        }
        if statement.to_bytes() != bytes {
            return Err("is not as it was printed: it was reformatted or changed".into());
        }
        Ok(statement)
    }
}

/// A signature under a [`Statement`], with what of the statement is not known otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Signature {
    /// The statement's time.
    pub at: Timestamp,
    /// Until when the statement counts.
    pub expires: Timestamp,
    /// The signature as OpenSSH writes it (`-----BEGIN SSH SIGNATURE-----`).
    pub sshsig: String,
}

/// Tells whether a signature is somebody's: whoever knows the keys that count now.
pub trait Signatures {
    /// Whether `signature` is that of `statement.by` under exactly this statement.
    ///
    /// # Errors
    /// Why not.
    fn check(&self, statement: &Statement, signature: &Signature) -> Result<(), String>;
}

/// Knows no keys: no signature counts.
#[derive(Clone, Copy, Debug)]
pub struct Nobody;

impl Signatures for Nobody {
    fn check(&self, _: &Statement, _: &Signature) -> Result<(), String> {
        Err("no keys are configured".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p3_a_statement_is_taken_to_the_byte() {
        let at = "2026-11-22T12:00:00Z".parse().unwrap();
        let statement = Statement {
            at,
            by: "bob".into(),
            expires: at,
            organization: "Acme\n".into(),
            plan: Digest::new([0xab; 32]),
            provost: Statement::FORM,
            verdict: Spoken::No { reason: "\"x\"".into() },
        };
        let bytes = statement.to_bytes();
        let text = String::from_utf8(bytes.clone()).unwrap();
        assert_eq!(
            text,
            format!(
                "{{\"at\":\"2026-11-22T12:00:00Z\",\"by\":\"bob\",\"expires\":\"2026-11-22T12:00:00Z\",\"organization\":\"Acme\\n\",\
                 \"plan\":\"{}\",\"provost\":1,\"verdict\":{{\"no\":{{\"reason\":\"\\\"x\\\"\"}}}}}}\n",
                "ab".repeat(32)
            )
        );
        assert_eq!(Statement::from_bytes(&bytes).unwrap(), statement);
        for (wrong, why) in [
            (text.trim_end().to_owned(), "reformatted"),
            (text.replace(",\"by\"", ", \"by\""), "reformatted"),
            (text.replace("\"provost\":1", "\"provost\":2"), "form 2"),
            (text.replace("\"by\":", "\"also\":1,\"by\":"), "no statement"),
            ("approve it".to_owned(), "no statement"),
        ] {
            let told = Statement::from_bytes(wrong.as_bytes()).unwrap_err();
            assert!(told.contains(why), "{told}");
        }
    }
}

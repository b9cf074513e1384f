//! What can go wrong at a wire, named for what the caller must do next.

use std::time::Duration;

/// What a log-in may not do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Scope {
    /// The session is not valid (any more): log in again, once.
    Session,
    /// The credentials themselves are refused; the text says which, as far as it can be told (L01, A01).
    Credentials(String),
    /// A person has to allow us in, for the first time or once more ([`crate::Source::consent`]).
    Consent(String),
    /// Logged in, and this is not allowed or not visible.
    Object(String),
}

/// Why a call did not do what was asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing happened; wait, then try again: throttled, or the app is down for a moment.
    #[error("the app asks to wait ({why})")]
    Wait {
        /// How long, when the app says so.
        after: Option<Duration>,
        /// The status or error, for people.
        why: String,
    },
    /// It may have happened: look before anything else (P6).
    #[error("the outcome is unknown ({why})")]
    Unknown {
        /// What is known, for people.
        why: String,
    },
    /// The look found an owned value that is neither before nor after (P5): nothing was written.
    #[error("somebody else changed it: {found}")]
    Drift {
        /// What was found.
        found: String,
    },
    /// Not allowed.
    #[error("not allowed: {}", match scope { Scope::Session => "the session is no longer valid", Scope::Credentials(what) | Scope::Consent(what) | Scope::Object(what) => what })]
    Denied {
        /// What.
        scope: Scope,
    },
    /// The app understood and said no; nothing was written.
    #[error("the app refused it: {code} {detail}")]
    Refused {
        /// Status or code.
        code: String,
        /// What it said, without secrets.
        detail: String,
    },
    /// The answer cannot be read as what the contract says (A16): the run stops, nothing is guessed.
    #[error("the answer cannot be read: {detail}")]
    Garbled {
        /// Which part.
        detail: String,
    },
    /// The API has no such thing.
    #[error("not supported: {what}")]
    Unsupported {
        /// What.
        what: String,
    },
    /// The address is wrong: nobody answers, or somebody else does.
    #[error("cannot reach the app: {detail}")]
    Unreachable {
        /// What was tried and what came back.
        detail: String,
    },
}

impl Fault {
    /// The same fault, with every text in it put through `text`.
    pub(crate) fn map(self, text: impl Fn(&str) -> String) -> Self {
        match self {
            Self::Wait { after, why } => Self::Wait { after, why: text(&why) },
            Self::Unknown { why } => Self::Unknown { why: text(&why) },
            Self::Drift { found } => Self::Drift { found: text(&found) },
            Self::Denied { scope } => Self::Denied {
                scope: match scope {
                    Scope::Session => Scope::Session,
                    Scope::Credentials(what) => Scope::Credentials(text(&what)),
                    Scope::Consent(what) => Scope::Consent(text(&what)),
                    Scope::Object(what) => Scope::Object(text(&what)),
                },
            },
            Self::Refused { code, detail } => Self::Refused { code, detail: text(&detail) },
            Self::Garbled { detail } => Self::Garbled { detail: text(&detail) },
            Self::Unsupported { what } => Self::Unsupported { what: text(&what) },
            Self::Unreachable { detail } => Self::Unreachable { detail: text(&detail) },
        }
    }
}

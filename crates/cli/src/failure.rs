//! What a user is told when a command does not do what was asked: what happened, and what to do next.

use engine::EngineError;
use store::StoreError;

use crate::config::ConfigError;

/// Why a command failed; it exits with 1 and, unless the text says otherwise, nothing was changed.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The configuration is wrong, with its places.
    Config(Box<ConfigError>),
    /// Anything else.
    Told {
        /// What happened, and where.
        what: String,
        /// What to do.
        next: String,
    },
}

impl Failure {
    /// A failure with its next step.
    pub(crate) fn new(what: impl Into<String>, next: impl Into<String>) -> Self {
        Self::Told { what: what.into(), next: next.into() }
    }
}

impl From<Box<ConfigError>> for Failure {
    fn from(error: Box<ConfigError>) -> Self {
        Self::Config(error)
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::new(error.to_string(), error.next())
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::new(error.to_string(), engine::store_next(&error))
    }
}

/// A failure in words, for programs.
#[derive(Debug, serde::Serialize)]
pub(crate) struct Told {
    pub(crate) what: String,
    pub(crate) next: String,
}

impl Failure {
    /// What happened and what to do, without the places.
    pub(crate) fn told(&self) -> Told {
        match self {
            Self::Config(error) => Told { what: error.to_string(), next: "correct the file".to_owned() },
            Self::Told { what, next } => Told { what: what.clone(), next: next.clone() },
        }
    }
}

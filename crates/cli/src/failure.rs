//! What a user is told when a command does not do what was asked: what happened, and what to do next.

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

impl From<ConfigError> for Failure {
    fn from(error: ConfigError) -> Self {
        Self::Config(Box::new(error))
    }
}

//! What comes from outside, as ports that the composition root fills; simulation replaces them.

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use jiff::Timestamp;

/// Tells the time.
pub trait Clock: Send + Sync {
    /// The instant now; may jump.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; never goes back.
    fn elapsed(&self) -> Duration;
}

/// Lets time pass.
#[async_trait]
pub trait Sleep: Send + Sync {
    /// Returns after this long.
    async fn sleep(&self, duration: Duration);
}

/// Chance, good enough for passwords.
pub trait Random: Send + Sync {
    /// Fills the bytes.
    fn fill(&self, bytes: &mut [u8]);
}

/// Makes ids of decisions, runs and proposals.
pub trait Ids: Send + Sync {
    /// A new UUID v7 in its usual text form.
    fn id(&self) -> String;
}

/// A request that got no answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It never left: nothing can have happened.
    #[error("could not connect: {0}")]
    NotSent(String),
    /// It may have arrived: the outcome is unknown.
    #[error("no answer: {0}")]
    NoAnswer(String),
}

/// The one way out: TLS, proxies, time-outs; follows no redirect.
#[async_trait]
pub trait Transport: Send + Sync {
    /// Sends one request with an absolute URI and reads the whole answer.
    ///
    /// # Errors
    /// [`Broken`], which says whether the request can have had an effect.
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken>;
}

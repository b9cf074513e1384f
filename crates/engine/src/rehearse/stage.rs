//! The port through which a rehearsal gets its stand-ins: servers in this process that hold what a reading of an app held.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use connector::{Broken, Target};
use jiff::Timestamp;
use model::{AppName, AppReading, RateLimit};

/// What a stand-in is made from.
#[derive(Clone, Copy)]
pub struct Scene<'a> {
    /// For which app.
    pub app: &'a AppName,
    /// What was read of it.
    pub reading: &'a AppReading,
    /// The records of the reading as they came: a JSON object a line, `{kind, id, raw}`; `kind` is `account`, `group`, `department`,
    /// `content` or `enrolment`.
    pub raw: &'a [u8],
    /// What time it is there at first.
    pub at: Timestamp,
    /// Whether things go wrong there, once they are allowed to ([`StandIn::misbehave`]).
    pub faulty: bool,
}

/// Makes stand-ins; filled by the composition root.
pub trait Stage: Send + Sync {
    /// A stand-in for an app, and the connector that talks to it.
    ///
    /// # Errors
    /// In words: a record that cannot be held, an app for which there is no stand-in.
    fn set(&self, scene: Scene<'_>) -> Result<Cast, String>;
}

/// A stand-in with its connector.
pub struct Cast {
    /// The stand-in.
    pub stand_in: Arc<dyn StandIn>,
    /// The connector, opened with credentials that only the stand-in takes.
    pub target: Arc<dyn Target>,
    /// The address that the connector is given; nobody is there.
    pub base_url: String,
    /// The rate to keep, where configuration says one that the vendor allows.
    pub rate: Option<RateLimit>,
    /// How long a write whose outcome is unknown may still take effect, as configuration says.
    pub settle: Duration,
    /// The limit that the stand-in enforces, in words.
    pub limit: String,
}

/// A server in this process.
#[async_trait]
pub trait StandIn: Send + Sync {
    /// Answers one request; also how much later the answer would have come over a network.
    ///
    /// # Errors
    /// [`Broken::NoAnswer`] where the connection is closed without one.
    async fn send(&self, request: http::Request<Bytes>) -> Result<(http::Response<Bytes>, Duration), Broken>;
    /// From now on it is this time there.
    fn set_clock(&self, now: Timestamp);
    /// From now on things go wrong, or do not.
    fn misbehave(&self, on: bool);
    /// Which faults happened so far, and how often.
    fn faults(&self) -> BTreeMap<String, u64>;
}

//! Requests that carry a name of their own: each is done once, and answered the same for a day.

use jiff::SignedDuration;
use model::{Digest, Secret};
use store::{Begun, Replied};

use crate::{Engine, EngineError};

/// For how long an answer is kept.
const KEPT: SignedDuration = SignedDuration::from_hours(24);

impl Engine {
    /// Begins a request by its name, where it is new.
    ///
    /// # Errors
    /// The store fails.
    pub async fn begin_reply(&self, of: Replied<'_>, request: &Digest) -> Result<Begun, EngineError> {
        let now = self.ports.clock.now();
        Ok(self.store.begin_reply(of, request, now, now.checked_sub(KEPT).unwrap_or(now)).await?)
    }

    /// Keeps what was answered; none where it came to nothing, and may be asked for again.
    ///
    /// # Errors
    /// The store fails.
    pub async fn end_reply(&self, of: Replied<'_>, answer: Option<&Secret>) -> Result<(), EngineError> {
        match answer {
            Some(answer) => Ok(self.store.end_reply(of, answer).await?),
            None => Ok(self.store.drop_reply(of).await?),
        }
    }
}

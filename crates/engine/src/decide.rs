//! A person's yes or no to one plan.

use jiff::Timestamp;
use model::{Actor, Decision, Digest, Verdict};

use crate::{Engine, EngineError};

impl Engine {
    /// Keeps a decision about a plan.  A yes counts once, until the returned instant.
    ///
    /// # Errors
    /// The plan is not there to be decided (unknown, superseded, expired, decided, run, empty), or policy demands a second person and `by`
    /// is the one who asked, or not authenticated.
    pub async fn decide(&self, digest: &Digest, verdict: Verdict, by: Actor) -> Result<Timestamp, EngineError> {
        let now = self.ports.clock.now();
        let stored = self.store.plan(digest, now).await?;
        let expires = now
            .checked_add(jiff::SignedDuration::from_secs(self.setup.policy.policy().approval.expires))
            .unwrap_or(stored.summary.expires)
            .min(stored.summary.expires);
        let decision = Decision { id: self.ports.ids.id(), digest: *digest, verdict, by, at: now, expires };
        if decision.verdict == Verdict::Yes && stored.summary.expires > now {
            decision
                .allows(&stored.plan, &stored.summary.asker, self.keys(), now, false)
                .map_err(|refusal| EngineError::Refused { digest: *digest, refusal })?;
        }
        self.store.decide(decision).await?;
        Ok(expires)
    }
}

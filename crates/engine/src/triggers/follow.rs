//! Following a trigger: what was planned because of it, who said yes, what ran, and how that ended.

use model::{Class, Decision, Digest, Planning, Trigger};
use plan::report::Report;
use serde::Serialize;
use store::PlanStatus;

use crate::{Engine, EngineError};

/// A trigger with all that came of it.
#[derive(Debug, Serialize)]
pub struct Followed {
    /// The trigger.
    pub trigger: Trigger,
    /// The planning that took it in; none while it waits, and where nobody is concerned.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planning: Option<Planning>,
    /// Its plans, with what became of each.
    pub plans: Vec<FollowedPlan>,
}

/// A plan that came of a trigger.
#[derive(Debug, Serialize)]
pub struct FollowedPlan {
    /// Which.
    pub digest: Digest,
    /// Open or held.
    pub class: Class,
    /// How many steps it has.
    pub steps: u64,
    /// Where it stands.
    pub status: PlanStatus,
    /// The decision that counts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// What became of its run, or where it stands, once there is one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub report: Option<Report>,
}

impl Engine {
    /// The newest triggers, at most so many.
    ///
    /// # Errors
    /// The store fails.
    pub async fn triggers(&self, most: u64) -> Result<Vec<Trigger>, EngineError> {
        Ok(self.store.triggers(most).await?)
    }

    /// The trigger whose id begins so, and what came of it.
    ///
    /// # Errors
    /// There is none, or several; the store fails.
    pub async fn follow(&self, prefix: &str) -> Result<Followed, EngineError> {
        let trigger = self.store.find_trigger(prefix).await?;
        let planning = match &trigger.planning {
            Some(id) => self.store.planning(id).await?,
            None => None,
        };
        let mut plans = Vec::new();
        for digest in planning.iter().flat_map(|planning| &planning.plans) {
            let summary = self.store.plan(digest, self.ports.clock.now()).await?.summary;
            let decided = self.store.decided(digest).await?;
            let (decision, used_by) = decided.map(|decided| (decided.decision, decided.used_by)).unzip();
            let report = match used_by.flatten() {
                Some(run) => Some(self.report(&run).await?),
                None => None,
            };
            let (class, steps, status) = (summary.class, summary.steps, summary.status);
            plans.push(FollowedPlan { digest: *digest, class, steps, status, decision, report });
        }
        Ok(Followed { trigger, planning, plans })
    }
}

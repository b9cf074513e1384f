//! Change freezes where plans are carried out: what was approved before, or for another time, is not begun in one.

use jiff::Timestamp;
use model::{Class, Digest, Plan, Step};

use crate::{Engine, EngineError};

impl Engine {
    /// Makes sure that no change freeze that is on at `now` covers one of these steps of a plan, unless the plan was held by that very freeze
    /// and somebody said yes to it while it was on.
    ///
    /// # Errors
    /// [`EngineError::Frozen`].
    pub(crate) fn not_frozen<'s>(
        &self,
        digest: &Digest,
        plan: &Plan,
        steps: impl Iterator<Item = &'s Step> + Clone,
        decided: Timestamp,
        now: Timestamp,
    ) -> Result<(), EngineError> {
        for frozen in self.setup.policy.frozen(now) {
            let reason = &frozen.freeze.reason;
            let held_by_it = plan.class != Class::Open
                && plan.guards.iter().any(|verdict| verdict.guard == plan::FREEZE && verdict.within.as_ref() == Some(reason));
            if (held_by_it && (frozen.began..frozen.ends).contains(&decided)) || !steps.clone().any(|step| frozen.covers(step)) {
                continue;
            }
            let until = self.setup.policy.local(frozen.ends);
            return Err(EngineError::Frozen { digest: *digest, reason: reason.clone(), until });
        }
        Ok(())
    }
}

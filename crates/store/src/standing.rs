//! Standing approvals: who approved them, who took that back, and what they approved since.

use jiff::Timestamp;
use model::{Actor, AuditEntry, AuditWhat, Decision, Digest, Proof, Subject};
use serde_json::json as object;

use crate::db::{Row, args};
use crate::pack::{json, millis, time};
use crate::{Store, StoreError, sql};

/// The newest word about a standing approval.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StandingWord {
    /// Whether it is a yes; else the yes was taken back.
    pub approved: bool,
    /// The digest of what the policy wished for then: it counts for that policy only.
    pub policy: Digest,
    /// Who.
    pub by: Actor,
    /// When.
    pub at: Timestamp,
}

/// What a standing approval may still do when it is used.
#[derive(Clone, Copy, Debug)]
pub struct StandingLimit {
    /// Which.
    pub digest: Digest,
    /// At most so many steps …
    pub max: u64,
    /// … since then.
    pub since: Timestamp,
}

impl Store {
    /// Keeps somebody's word about a standing approval, known by its digest; `rule` is the rule as JSON.  Taking a yes back ends every yes
    /// that it gave and that no run has used: those plans are superseded.
    ///
    /// # Errors
    /// [`StoreError::SignatureGiven`] when this very signature was given before; when the database fails.
    pub async fn say_standing(&self, digest: &Digest, rule: &str, word: &StandingWord) -> Result<(), StoreError> {
        let StandingWord { approved, policy, by, at } = word;
        let mut tx = self.db.begin().await?;
        let known = tx.fetch_one(sql::STANDING_LIKE, args![digest.to_string(), json(by)]).await?;
        if matches!(by.proof, Proof::Signed(_)) && known.is_some() {
            return Err(StoreError::SignatureGiven { digest: digest.short(), by: by.name.clone() });
        }
        let what = if *approved { AuditWhat::StandingApproved } else { AuditWhat::StandingRevoked };
        let rule_value: serde_json::Value =
            serde_json::from_str(rule).map_err(|error| StoreError::corrupt("a standing approval", error))?;
        let subject = Subject::Other("standing", digest.to_string());
        let details = object!({ "policy": policy, "rule": rule_value });
        tx.audit(AuditEntry { at: *at, actor: by.clone(), what, subject, details }).await?;
        let seq = tx.fetch_one(sql::STANDING_NEXT, args![]).await?.map_or(Ok(1), |row| row.int(0))?;
        let (digest, policy) = (digest.to_string(), policy.to_string());
        tx.execute(sql::STANDING_PUT, args![seq, digest.as_str(), *approved, policy, rule, json(by), millis(*at)]).await?;
        if !approved {
            for row in tx.fetch(sql::STANDING_UNUSED, args![digest.as_str()]).await? {
                let plan: Digest = row.parsed(0, "a plan's digest")?;
                let details = object!({ "was": "approved", "revoked": digest });
                tx.audit(AuditEntry { at: *at, actor: by.clone(), what: AuditWhat::Superseded, subject: Subject::Plan(plan), details })
                    .await?;
                tx.execute(sql::DECISION_END, args![plan.to_string()]).await?;
                tx.execute(sql::PLAN_SUPERSEDE, args![plan.to_string()]).await?;
            }
        }
        tx.commit().await
    }

    /// The newest word about a standing approval, if anybody ever said one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing(&self, digest: &Digest) -> Result<Option<StandingWord>, StoreError> {
        self.db.fetch_one(sql::STANDING, args![digest.to_string()]).await?.as_ref().map(read).transpose()
    }

    /// How many steps a standing approval stands for: those of plans that it approved and that still may run at `now`, run, or ran since.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn standing_used(&self, digest: &Digest, since: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let row = self.db.fetch_one(sql::STANDING_USED, args![digest.to_string(), millis(since), millis(now)]).await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?.unsigned_abs()))
    }

    /// Keeps the yes of a standing approval, if it is approved and not used up: counted together with everything else that it approved, of all
    /// who try at the same time.  Whether it was kept.
    ///
    /// # Errors
    /// As [`Store::decide`].
    pub async fn decide_standing(&self, decision: Decision, limit: StandingLimit) -> Result<bool, StoreError> {
        let (now, standing) = (decision.at, limit.digest.to_string());
        let mut tx = self.db.begin().await?;
        let word = tx.fetch_one(sql::STANDING, args![standing.as_str()]).await?.as_ref().map(read).transpose()?;
        let Some(word) = word.filter(|word| word.approved) else { return Ok(false) };
        tx.standing_is_told(&limit.digest, &word).await?;
        let used = tx.fetch_one(sql::STANDING_USED, args![standing.as_str(), millis(limit.since), millis(now)]).await?;
        let used = used.map_or(Ok(0), |row| row.int(0))?.unsigned_abs();
        let plan = tx.fetch_one(sql::PLAN_STEPS, args![decision.digest.to_string()]).await?;
        let steps = plan.ok_or_else(|| StoreError::no_plan(&decision.digest))?.int(0)?.unsigned_abs();
        if used.saturating_add(steps) > limit.max {
            return Ok(false);
        }
        self.decide_in(&mut tx, decision, now, Some(limit.digest)).await?;
        tx.commit().await?;
        Ok(true)
    }
}

fn read(row: &Row) -> Result<StandingWord, StoreError> {
    let what = "a word about a standing approval";
    Ok(StandingWord { approved: row.int(0)? != 0, policy: row.parsed(1, what)?, by: row.json(2, what)?, at: time(row.int(3)?, what)? })
}

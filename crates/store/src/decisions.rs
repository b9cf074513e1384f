//! Decisions: a yes binds to one digest, once, until it expires (P3).

use jiff::Timestamp;
use model::{Actor, AuditEntry, AuditWhat, Decision, Digest, Proof, Run, RunId, Subject, Verdict};
use serde_json::json as object;

use crate::audit::told;
use crate::db::{Row, Tx, args};
use crate::pack::{json, millis, time};
use crate::plans::PlanState;
use crate::runs::word;
use crate::{Store, StoreError, sql};

/// The decision about a plan that counts, and what became of it.
#[derive(Debug, PartialEq, Eq)]
pub struct Decided {
    /// The decision.
    pub decision: Decision,
    /// The run that used up the yes.
    pub used_by: Option<RunId>,
}

impl Store {
    /// Keeps a person's yes or no.  A plan has one decision that counts; a no takes back a yes that was not used yet, and an expired
    /// yes can be given again while the plan itself has not expired.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Superseded`], [`StoreError::Expired`], [`StoreError::AlreadyDecided`],
    /// [`StoreError::AlreadyUsed`], [`StoreError::Empty`]: the plan is not there to be decided.
    pub async fn decide(&self, decision: Decision) -> Result<(), StoreError> {
        let now = decision.at;
        self.decide_at(decision, now).await
    }

    /// As [`Store::decide`], at `now`: a decision that was signed somewhere else is older than that.
    ///
    /// # Errors
    /// As [`Store::decide`].
    pub async fn decide_at(&self, decision: Decision, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        self.decide_in(&mut tx, decision, now, None).await?;
        tx.commit().await
    }

    /// Keeps a decision with whatever else a transaction keeps; `standing` is the standing approval that gave it.
    pub(crate) async fn decide_in(
        &self,
        tx: &mut Tx,
        decision: Decision,
        now: Timestamp,
        standing: Option<Digest>,
    ) -> Result<(), StoreError> {
        let digest = decision.digest;
        let short = digest.short();
        let row = tx.fetch_one(sql::PLAN_HEAD, args![digest.to_string()]).await?;
        let plan = PlanState::read(&row.ok_or_else(|| StoreError::no_plan(&digest))?)?;
        let live = tx.fetch_one(sql::DECISION_LIVE, args![digest.to_string()]).await?;
        let live = live.as_ref().map(decided).transpose()?;
        let yes = decision.verdict == Verdict::Yes;
        match plan.word.as_str() {
            "superseded" => return Err(StoreError::Superseded { digest: short }),
            "done" if plan.steps == 0 => return Err(StoreError::Empty { digest: short }),
            _ => {}
        }
        if let Some(live) = live {
            if let Some(run) = live.used_by {
                return Err(StoreError::AlreadyUsed { digest: short, run });
            }
            let live = live.decision;
            let verdict = if live.verdict == Verdict::Yes { "approved" } else { "rejected" };
            let replaceable = live.verdict == Verdict::Yes && (!yes || live.expires <= now);
            if !replaceable {
                return Err(StoreError::AlreadyDecided { digest: short, verdict, by: live.by.name, at: live.at });
            }
            tx.execute(sql::DECISION_END, args![digest.to_string()]).await?;
        }
        if matches!(decision.by.proof, Proof::Signed(_))
            && tx.fetch_one(sql::DECISION_LIKE, args![digest.to_string(), json(&decision.by)]).await?.is_some()
        {
            return Err(StoreError::SignatureGiven { digest: short, by: decision.by.name });
        }
        if yes && (plan.word == "expired" || plan.expires <= now) {
            return Err(StoreError::Expired {
                what: "plan",
                digest: short,
                expires: plan.expires,
                next: "`provost plan` makes a new one",
            });
        }
        let mut details = object!({
            "decision": decision.id, "verdict": decision.verdict, "at": told(decision.at), "expires": told(decision.expires),
        });
        if let Some(standing) = standing {
            details["standing"] = object!(standing);
        }
        let noted = AuditEntry {
            at: now,
            actor: decision.by.clone(),
            what: if yes { AuditWhat::Approved } else { AuditWhat::Rejected },
            subject: Subject::Plan(digest),
            details,
        };
        tx.audit(noted).await?;
        let (verdict, by) = (json(&decision.verdict), json(&decision.by));
        let (at, expires) = (millis(decision.at), millis(decision.expires));
        let standing = standing.map(|standing| standing.to_string()).unwrap_or_default();
        tx.execute(sql::DECISION_PUT, args![decision.id, digest.to_string(), verdict, by, at, expires, yes, standing]).await?;
        if yes {
            tx.execute(sql::PLAN_APPROVED, args![digest.to_string(), expires]).await?;
        } else {
            tx.execute(sql::PLAN_REJECTED, args![digest.to_string()]).await?;
        }
        Ok(())
    }

    /// Keeps who stands for having asked for a plan that nobody decided yet.
    ///
    /// # Errors
    /// [`StoreError::NotFound`], [`StoreError::Superseded`], [`StoreError::Expired`], [`StoreError::AlreadyDecided`],
    /// [`StoreError::AlreadyUsed`], [`StoreError::Empty`]: the plan does not wait for a decision.
    pub async fn ask(&self, digest: &Digest, asker: &Actor, now: Timestamp) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        waiting(&mut tx, digest, now).await?;
        let subject = Subject::Plan(*digest);
        tx.audit(AuditEntry { at: now, actor: asker.clone(), what: AuditWhat::Asked, subject, details: object!({}) }).await?;
        tx.execute(sql::PLAN_ASKED, args![digest.to_string(), json(asker)]).await?;
        tx.commit().await
    }

    /// Uses up the yes to a plan for this run, and keeps the run: of all who try, one gets it.  The run is kept with the decision's
    /// own id, in the state it has, since `run.started`.
    ///
    /// # Errors
    /// [`StoreError::AlreadyUsed`] names the run that was first; [`StoreError::NotApproved`], [`StoreError::Rejected`],
    /// [`StoreError::Expired`], [`StoreError::NotFound`].
    pub async fn take_decision(&self, digest: &Digest, run: &Run) -> Result<Decision, StoreError> {
        let plan = digest.to_string();
        let mut tx = self.db.begin().await?;
        let used = tx.execute(sql::DECISION_USE, args![plan.as_str(), run.id.as_str(), millis(run.started)]).await?;
        let row = tx.fetch_one(sql::DECISION_LIVE, args![plan.as_str()]).await?;
        if used == 0 {
            let known = tx.fetch_one(sql::PLAN_HEAD, args![plan.as_str()]).await?;
            let plan = PlanState::read(&known.ok_or_else(|| StoreError::no_plan(digest))?)?;
            return Err(why_not(digest, &plan, row.as_ref().map(decided).transpose()?));
        }
        let decision = decided(&row.ok_or_else(|| StoreError::corrupt("a decision", "it vanished"))?)?.decision;
        tx.approval_is_told(digest).await?;
        let noted = AuditEntry {
            at: run.started,
            actor: self.actor.clone(),
            what: AuditWhat::RunStarted,
            subject: Subject::Run(run.id.clone()),
            details: object!({ "plan": digest, "decision": decision.id }),
        };
        tx.audit(noted).await?;
        let state = word(run.state);
        tx.execute(sql::RUN_PUT, args![run.id.as_str(), plan.as_str(), decision.id.as_str(), state, millis(run.started)]).await?;
        tx.execute(sql::PLAN_RUNNING, args![plan.as_str()]).await?;
        tx.commit().await?;
        Ok(decision)
    }

    /// The yes that a run used up: what it goes on with when it is resumed.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] when there is no such run; [`StoreError::Corrupt`] when the audit trail tells otherwise of it.
    pub async fn decision_of_run(&self, run: &RunId) -> Result<Decision, StoreError> {
        let mut tx = self.db.snapshot().await?;
        let row = tx.fetch_one(sql::DECISION_OF_RUN, args![run.as_str()]).await?;
        let row = row.ok_or_else(|| StoreError::NotFound { what: "run", name: run.to_string() })?;
        let decision = decided(&row)?.decision;
        tx.approval_is_told(&decision.digest).await?;
        Ok(decision)
    }

    /// The decision about a plan that counts, if there is one, to look at: only [`Store::take_decision`] uses it up.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn decided(&self, digest: &Digest) -> Result<Option<Decided>, StoreError> {
        self.db.fetch_one(sql::DECISION_LIVE, args![digest.to_string()]).await?.as_ref().map(decided).transpose()
    }
}

/// The row of a plan that waits for a decision.
pub(crate) async fn waiting(tx: &mut Tx, digest: &Digest, now: Timestamp) -> Result<PlanState, StoreError> {
    let row = tx.fetch_one(sql::PLAN_HEAD, args![digest.to_string()]).await?;
    let plan = PlanState::read(&row.ok_or_else(|| StoreError::no_plan(digest))?)?;
    let live = tx.fetch_one(sql::DECISION_LIVE, args![digest.to_string()]).await?;
    let short = digest.short();
    if let Some(Decided { decision, used_by }) = live.as_ref().map(decided).transpose()? {
        if let Some(run) = used_by {
            return Err(StoreError::AlreadyUsed { digest: short, run });
        }
        let yes = decision.verdict == Verdict::Yes;
        if !yes || decision.expires > now {
            let verdict = if yes { "approved" } else { "rejected" };
            return Err(StoreError::AlreadyDecided { digest: short, verdict, by: decision.by.name, at: decision.at });
        }
    }
    match plan.word.as_str() {
        "superseded" => Err(StoreError::Superseded { digest: short }),
        "done" if plan.steps == 0 => Err(StoreError::Empty { digest: short }),
        _ if plan.word == "expired" || plan.expires <= now => {
            let next = "`provost plan` makes a new one";
            Err(StoreError::Expired { what: "plan", digest: short, expires: plan.expires, next })
        }
        _ => Ok(plan),
    }
}

fn why_not(digest: &Digest, plan: &PlanState, live: Option<Decided>) -> StoreError {
    let digest = digest.short();
    match live.map(|live| (live.used_by, live.decision)) {
        Some((Some(run), _)) => StoreError::AlreadyUsed { digest, run },
        Some((None, Decision { verdict: Verdict::No { reason }, by, .. })) => StoreError::Rejected { digest, by: by.name, reason },
        Some((None, Decision { expires, .. })) => {
            StoreError::Expired { what: "the approval of plan", digest, expires, next: "approve it again, or plan anew" }
        }
        None if plan.word == "expired" => {
            StoreError::Expired { what: "plan", digest, expires: plan.expires, next: "`provost plan` makes a new one" }
        }
        None if plan.word == "superseded" => StoreError::Superseded { digest },
        None if plan.steps == 0 => StoreError::Empty { digest },
        None => StoreError::NotApproved { digest },
    }
}

fn decided(row: &Row) -> Result<Decided, StoreError> {
    let what = "a decision";
    let used_by = row.text(6)?;
    Ok(Decided {
        decision: Decision {
            id: row.text(0)?,
            digest: row.parsed(1, what)?,
            verdict: row.json(2, what)?,
            by: row.json(3, what)?,
            at: time(row.int(4)?, what)?,
            expires: time(row.int(5)?, what)?,
        },
        used_by: (!used_by.is_empty()).then(|| RunId::new(used_by)),
    })
}

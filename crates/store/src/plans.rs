//! Plans and proposals: what was asked for, by its digest, and where it stands.

use std::cell::LazyCell;
use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use model::{
    Actor, AuditEntry, AuditWhat, Class, Digest, Finding, Plan, PlanDigest, Proposal, RunId, Step, StepId, StepState, Subject, in_order,
};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_json::{Value, json as object};
use sha2::{Digest as _, Sha256};

use crate::audit::told;
use crate::db::{Row, Tx, args};
use crate::decisions::waiting;
use crate::pack::{expand, json, millis, pack, squeeze, time, unpack};
use crate::parts::from_rows;
use crate::{Store, StoreError, parts, sql};

/// Where a plan stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum PlanStatus {
    /// Waits for a decision.
    Pending,
    /// Somebody said yes, nobody has used it.
    Approved,
    /// Somebody said no.
    Rejected,
    /// A newer plan for everybody took its place before anybody decided.
    Superseded,
    /// Nobody decided, or used the yes, in time.
    Expired,
    /// A run carries it out, or was cut off or stopped and can be resumed.
    Running,
    /// Its run has finished, or it had no step.
    Done,
}

/// A guards' row that counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CountedRow {
    /// Of which plan.
    pub digest: Digest,
    /// Of which step: the same step may be in several plans.
    pub step: StepId,
    /// The JSON as it was given.
    pub json: String,
    /// When it was done (or begun, with an unknown end); none when it may still happen.
    pub done: Option<Timestamp>,
}

/// What is known of a plan without its steps.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlanSummary {
    /// Its digest.
    pub digest: Digest,
    /// The proposal it came with last.
    pub proposal: u64,
    /// Whether that planned for everybody.
    pub whole: bool,
    /// Open or held.
    pub class: Class,
    /// How many steps it has.
    pub steps: u64,
    /// Where it stands, at the time that was asked for.
    pub status: PlanStatus,
    /// Who asked for it.
    pub asker: Actor,
    /// When.
    pub created: Timestamp,
    /// Until when it can be decided.
    pub expires: Timestamp,
}

/// A plan as it is stored.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPlan {
    /// The plan; its bytes were checked against its digest.
    pub plan: Plan,
    /// What else is known of it.
    pub summary: PlanSummary,
}

/// Where the store stands, for whoever plans from what is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mark {
    proposals: i64,
    runs: i64,
}

fn mark(row: Option<Row>) -> Result<Mark, StoreError> {
    let row = row.ok_or_else(|| StoreError::corrupt("where the store stands", "it gave no row"))?;
    Ok(Mark { proposals: row.int(0)?, runs: row.int(1)? })
}

/// What the last planning found.
#[derive(Clone, Debug, PartialEq)]
pub struct LatestFindings {
    /// Which proposal.
    pub proposal: u64,
    /// Whether it planned for everybody.
    pub whole: bool,
    /// When.
    pub at: Timestamp,
    /// What it found.
    pub findings: Vec<Finding>,
}

impl Store {
    /// Keeps a proposal: its findings and each of its plans, to be decided until `expires`.  One for everybody supersedes the unused
    /// plans of earlier ones for everybody; an approved one only when a step of it is in no plan of this one.  A plan that is known already waits for a decision again, unless somebody's word about it
    /// stands: then it stays approved, rejected, running or done.  A plan without steps is done.  Returns the plans as they then
    /// stand: the open one, then the held ones.  `counted` gives what the guards count of some steps of one of them: JSON, a list
    /// of objects that each name their `step`; those with a member `undoes` are remembered however long ago their steps ran, and the store
    /// looks at nothing else in them.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_proposal(
        &self,
        proposal: &Proposal,
        asker: &Actor,
        at: Timestamp,
        expires: Timestamp,
        counted: &(dyn Fn(&Plan, &[Step]) -> Vec<u8> + Sync),
    ) -> Result<Vec<PlanSummary>, StoreError> {
        let put = self.put_if(None, proposal, asker, at, expires, counted).await?;
        Ok(put.expect("without a mark nothing is in the way"))
    }

    /// Where the store stands: it moves when a proposal is kept and when a run begins.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn mark(&self) -> Result<Mark, StoreError> {
        mark(self.db.fetch_one(sql::MARK, args![]).await?)
    }

    /// As [`Store::put_proposal`], if the store still stands where it stood before the guards' rows were read that this proposal counted;
    /// else nothing is kept.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_proposal_after(
        &self,
        stood: Mark,
        proposal: &Proposal,
        asker: &Actor,
        at: Timestamp,
        expires: Timestamp,
        counted: &(dyn Fn(&Plan, &[Step]) -> Vec<u8> + Sync),
    ) -> Result<Option<Vec<PlanSummary>>, StoreError> {
        self.put_if(Some(stood), proposal, asker, at, expires, counted).await
    }

    async fn put_if(
        &self,
        stood: Option<Mark>,
        proposal: &Proposal,
        asker: &Actor,
        at: Timestamp,
        expires: Timestamp,
        counted: &(dyn Fn(&Plan, &[Step]) -> Vec<u8> + Sync),
    ) -> Result<Option<Vec<PlanSummary>>, StoreError> {
        let whole = proposal.open.inputs.only.is_empty() && proposal.open.inputs.reverts.is_none();
        let packed: Vec<_> = proposal.plans().map(|plan| Packed::new(plan, counted)).collect();
        let findings = pack(&proposal.findings);
        let noted = |what: AuditWhat, digest: Digest, details: Value| AuditEntry {
            at,
            actor: asker.clone(),
            what,
            subject: Subject::Plan(digest),
            details,
        };
        let until = told(expires);
        let (asker, at, expires) = (json(asker), millis(at), millis(expires));
        let mut tx = self.db.begin().await?;
        if let Some(stood) = stood
            && mark(tx.fetch_one(sql::MARK, args![]).await?)? != stood
        {
            return Ok(None);
        }
        // What was out of date when something was planned stays so, whatever the clock says later: guards did not count it.
        for row in tx.fetch(sql::PLANS_OUT_OF_DATE, args![at]).await? {
            let late: Digest = row.parsed(0, "a plan's digest")?;
            if packed.iter().any(|plan| plan.digest == late) {
                continue;
            }
            tx.audit(noted(AuditWhat::Expired, late, object!({ "was": row.text(1)? }))).await?;
            tx.execute(sql::DECISION_END, args![late.to_string()]).await?;
            tx.execute(sql::PLAN_EXPIRE, args![late.to_string()]).await?;
        }
        let id = tx.fetch_one(sql::PROPOSAL_NEXT, args![]).await?.map_or(Ok(1), |row| row.int(0))?;
        tx.execute(sql::PROPOSAL_PUT, args![id, whole, at, findings]).await?;
        if whole {
            // What nobody has used is out of date, unless somebody said yes to it and the new proposal still has each of its steps.
            let steps: LazyCell<HashSet<&StepId>, _> =
                LazyCell::new(|| proposal.plans().flat_map(|plan| &plan.steps).map(|step| &step.id).collect());
            for row in tx.fetch(sql::PLAN_UNUSED, args![]).await? {
                let unused: Digest = row.parsed(0, "a plan's digest")?;
                let said_again = packed.iter().any(|plan| plan.digest == unused);
                let still_right = row.text(1)? == "approved"
                    && !said_again
                    && body(&mut tx, &unused, &row, 2).await?.steps.iter().all(|step| steps.contains(&step.id));
                if !said_again && !still_right {
                    tx.execute(sql::DECISION_END, args![unused.to_string()]).await?;
                    tx.execute(sql::PLAN_SUPERSEDE, args![unused.to_string()]).await?;
                    let was = row.text(1)?;
                    tx.audit(noted(AuditWhat::Superseded, unused, object!({ "by_proposal": id, "was": was }))).await?;
                }
            }
        }
        let mut summaries = Vec::with_capacity(packed.len());
        for (plan, Packed { digest, class, steps, readings, body, parts, counted, remembered }) in proposal.plans().zip(packed) {
            let key = digest.to_string();
            if tx.fetch_one(sql::PLAN_EXISTS, args![key.as_str()]).await?.is_some() {
                let again = args![key.as_str(), id, whole, asker.as_str(), at, expires, remembered];
                if tx.execute(sql::PLAN_AGAIN, again).await? > 0 {
                    tx.audit(noted(AuditWhat::Planned, digest, about(plan, id, until, true))).await?;
                    tx.execute(sql::COUNTED_DELETE, args![key.as_str()]).await?;
                    parts::put(&mut tx, sql::COUNTED_PUT, &[&key], counted).await?;
                }
            } else {
                if steps > 0 {
                    tx.audit(noted(AuditWhat::Planned, digest, about(plan, id, until, false))).await?;
                }
                let packed = Packed { digest, class, steps, readings, body, parts, counted, remembered };
                put(&mut tx, packed, &PutAt { proposal: id, whole, asker: &asker, at, expires }).await?;
            }
            summaries.push(summary_in(&mut tx, &key, at).await?);
        }
        tx.commit().await?;
        Ok(Some(summaries))
    }

    /// Puts plans that were made of another one's steps in its place.  They are asked for by `asker`, last as long as the old one, and
    /// together count for the guards what it counted of their steps.  Returns them as they then stand.
    ///
    /// # Errors
    /// [`StoreError::NotFound`] and the like: the old one does not wait for a decision.
    pub async fn divide(&self, old: &Digest, plans: &[Plan], asker: &Actor, now: Timestamp) -> Result<Vec<PlanSummary>, StoreError> {
        let mut tx = self.db.begin().await?;
        let state = waiting(&mut tx, old, now).await?;
        let of_old = tx.fetch_one(sql::PLAN_COUNTED, args![old.to_string()]).await?;
        let of_old = of_old.ok_or_else(|| StoreError::no_plan(old))?;
        let rows: HashMap<StepId, String> = counted(&mut tx, old, &of_old.bytes(0)?).await?.into_iter().collect();
        let counts = |_: &Plan, steps: &[Step]| {
            let of_steps: Vec<&str> = steps.iter().filter_map(|step| Some(rows.get(&step.id)?.as_str())).collect();
            format!("[{}]", of_steps.join(",")).into_bytes()
        };
        let packed: Vec<Packed> = plans.iter().map(|plan| Packed::new(plan, &counts)).collect();
        let into: Vec<String> = packed.iter().map(|plan| plan.digest.to_string()).collect();
        let noted = |what, digest, details| AuditEntry { at: now, actor: asker.clone(), what, subject: Subject::Plan(digest), details };
        tx.audit(noted(AuditWhat::Split, *old, object!({ "into": into }))).await?;
        tx.execute(sql::DECISION_END, args![old.to_string()]).await?;
        tx.execute(sql::PLAN_SUPERSEDE, args![old.to_string()]).await?;
        let mut summaries = Vec::with_capacity(packed.len());
        for (plan, packed) in plans.iter().zip(packed) {
            let proposal = i64::try_from(state.proposal).map_err(|error| StoreError::corrupt("a proposal", error))?;
            let key = packed.digest.to_string();
            if tx.fetch_one(sql::PLAN_EXISTS, args![key.as_str()]).await?.is_some() {
                // Divided the same way before: it waits again, unless somebody's word about it stands.
                let again = args![key.as_str(), proposal, state.whole, json(asker), millis(now), millis(state.expires)];
                if tx.execute(sql::PLAN_AGAIN, again).await? > 0 {
                    tx.audit(noted(AuditWhat::Planned, packed.digest, about(plan, proposal, state.expires, true))).await?;
                    tx.execute(sql::COUNTED_DELETE, args![key.as_str()]).await?;
                    parts::put(&mut tx, sql::COUNTED_PUT, &[&key], packed.counted).await?;
                }
            } else {
                tx.audit(noted(AuditWhat::Planned, packed.digest, about(plan, proposal, state.expires, false))).await?;
                let at = PutAt { proposal, whole: state.whole, asker: &json(asker), at: millis(now), expires: millis(state.expires) };
                put(&mut tx, packed, &at).await?;
            }
            summaries.push(summary_in(&mut tx, &key, millis(now)).await?);
        }
        tx.commit().await?;
        Ok(summaries)
    }

    /// A plan, and where it stands at `now`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`]; [`StoreError::Corrupt`] when its bytes do not have its digest.
    pub async fn plan(&self, digest: &Digest, now: Timestamp) -> Result<StoredPlan, StoreError> {
        let mut tx = self.db.snapshot().await?;
        let row = tx.fetch_one(sql::PLAN, args![digest.to_string()]).await?.ok_or_else(|| StoreError::no_plan(digest))?;
        Ok(StoredPlan { plan: body(&mut tx, digest, &row, 10).await?, summary: PlanState::read(&row)?.summary(millis(now)) })
    }

    /// Where a plan stands at `now`.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn plan_summary(&self, digest: &Digest, now: Timestamp) -> Result<PlanSummary, StoreError> {
        let row = self.db.fetch_one(sql::PLAN, args![digest.to_string()]).await?.ok_or_else(|| StoreError::no_plan(digest))?;
        Ok(PlanState::read(&row)?.summary(millis(now)))
    }

    /// The plan whose digest begins so, and where it stands at `now`.
    ///
    /// # Errors
    /// [`StoreError::BadPrefix`], [`StoreError::NotFound`], [`StoreError::Ambiguous`] with the plans that fit.
    pub async fn find_plan(&self, prefix: &str, now: Timestamp) -> Result<StoredPlan, StoreError> {
        let low = prefix.to_ascii_lowercase();
        if !(4..=64).contains(&low.len()) || !low.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(StoreError::BadPrefix { what: "plan", prefix: prefix.to_owned() });
        }
        let rows = self.db.fetch(sql::PLAN_FIND, args![low.as_str(), format!("{low}g")]).await?;
        let digests = rows.iter().map(|row| row.parsed(0, "a plan's digest")).collect::<Result<Vec<Digest>, _>>()?;
        match digests.as_slice() {
            [] => Err(StoreError::NotFound { what: "plan", name: low }),
            [digest] => self.plan(digest, now).await,
            several => Err(StoreError::Ambiguous { prefix: low, matches: several.iter().map(Digest::short).collect() }),
        }
    }

    /// All plans without their steps, newest first, and where they stand at `now`.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn plans(&self, now: Timestamp) -> Result<Vec<PlanSummary>, StoreError> {
        let rows = self.db.fetch(sql::PLANS, args![]).await?;
        rows.iter().map(|row| Ok(PlanState::read(row)?.summary(millis(now)))).collect()
    }

    /// What the last planning for everybody found; while there is none, the last planning at all.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn findings(&self) -> Result<Option<LatestFindings>, StoreError> {
        let Some(row) = self.db.fetch_one(sql::FINDINGS, args![]).await? else { return Ok(None) };
        Ok(Some(LatestFindings {
            proposal: row.int(0)?.unsigned_abs(),
            whole: row.int(1)? != 0,
            at: time(row.int(2)?, "a proposal")?,
            findings: unpack(&row.bytes(3)?, "the findings of a proposal")?,
        }))
    }

    /// The guards' rows that count in a window from `since` to `now`: of plans that may still be run, and of steps that runs did, or
    /// may have done, since.  With `planning_whole`, the unused plans for everybody are left out: the new proposal supersedes them.
    /// Rows with a member `undoes` count however long ago their steps were done.
    /// What a stopped run has left to do counts as long as it can be resumed; a step that is planned again has the same id.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn counted_since(&self, since: Timestamp, now: Timestamp, planning_whole: bool) -> Result<Vec<CountedRow>, StoreError> {
        let mut rows = Vec::new();
        // A plan that is made again meanwhile has its old rows or its new ones.
        let mut tx = self.db.snapshot().await?;
        for row in tx.fetch(sql::COUNTED_AHEAD, args![millis(now)]).await? {
            let state = PlanState::read(&row)?;
            if !(planning_whole && state.whole && matches!(state.status(millis(now)), PlanStatus::Pending | PlanStatus::Approved)) {
                let of_plan = counted(&mut tx, &state.digest, &row.bytes(10)?).await?;
                rows.extend(of_plan.into_iter().map(|(step, json)| CountedRow { digest: state.digest, step, json, done: None }));
            }
        }
        for row in tx.fetch(sql::COUNTED_RUNS, args![millis(since)]).await? {
            let (digest, finished) = (row.parsed(0, "a plan's digest")?, row.text(3)? == "finished");
            let said = said(&mut tx, &RunId::new(row.text(2)?)).await?;
            for (step, json) in counted(&mut tx, &digest, &row.bytes(1)?).await? {
                let done = match said.get(&step) {
                    None if finished => continue,
                    None => None,
                    Some((StepState::Drifted { .. } | StepState::Failed { .. } | StepState::Skipped { .. }, _)) => continue,
                    Some((StepState::AlreadyDone, _)) => continue,
                    Some((_, at)) if *at < since && !is_remembered(json.as_bytes()) => continue,
                    Some((StepState::Done | StepState::Started | StepState::Unsettled { .. }, at)) => Some(*at),
                };
                rows.push(CountedRow { digest, step, json, done });
            }
        }
        Ok(rows)
    }
}

/// The newest state of each step of a run, and when it was noted.
async fn said(tx: &mut Tx, run: &RunId) -> Result<BTreeMap<StepId, (StepState, Timestamp)>, StoreError> {
    let what = "a line of the journal";
    let rows = tx.fetch(sql::JOURNAL_STATES, args![run.as_str()]).await?;
    rows.iter().map(|row| Ok((row.parsed(0, what)?, (row.json(1, what)?, time(row.int(2)?, what)?)))).collect()
}

/// A plan whose packed body and number of parts stand in a row, from this column on; all of it must have its digest.
async fn body(tx: &mut Tx, digest: &Digest, row: &Row, column: usize) -> Result<Plan, StoreError> {
    let what = format!("plan {}", digest.short());
    let corrupt = |why: String| StoreError::corrupt(&what, why);
    let (text, count) = (expand(&row.bytes(column)?, &what)?, row.int(column + 1)?);
    let mut plan: Plan = serde_json::from_slice(&text).map_err(|error| corrupt(error.to_string()))?;
    let parts = from_rows(tx.fetch(sql::PLAN_PARTS, args![digest.to_string()]).await?, &what)?;
    let found = if count == 0 && parts.is_empty() {
        // Without steps, or from before there were parts.
        Digest::new(Sha256::digest(&text).into())
    } else {
        let (before, after) = text.split_at(text.len() - plan.around().1.len());
        let mut found = PlanDigest::new(before);
        let mut failed: Option<StoreError> = None;
        let read = |at: usize| {
            let text = expand(&parts[at], &what)?;
            let steps: Vec<Step> = serde_json::from_slice(&text).map_err(|error| StoreError::corrupt(&what, error))?;
            Ok::<_, StoreError>((text, steps))
        };
        in_order(parts.len(), read, |part| match part {
            Ok((text, steps)) => {
                found.part(&text);
                plan.steps.extend(steps);
            }
            Err(error) => drop(failed.get_or_insert(error)),
        });
        failed.map_or(Ok(()), Err)?;
        plan.steps.shrink_to_fit();
        found.end(after)
    };
    if found != *digest || count != parts::count(parts.len()) {
        return Err(corrupt("its bytes do not have its digest".into()));
    }
    Ok(plan)
}

/// What the audit trail says of a plan that was made.
pub(crate) fn about(plan: &Plan, proposal: i64, expires: Timestamp, again: bool) -> Value {
    let mut details = object!({
        "class": plan.class, "steps": plan.steps.len(), "four_eyes": plan.four_eyes, "proposal": proposal, "expires": expires,
    });
    let tripped: Vec<Value> = plan.guards.iter().filter(|guard| guard.tripped).map(|guard| object!(guard)).collect();
    if plan.class != Class::Open && !tripped.is_empty() {
        details["guards"] = tripped.into();
    }
    if !plan.inputs.only.is_empty() {
        details["only"] = plan.inputs.only.len().into();
    }
    if let Some(run) = &plan.inputs.reverts {
        details["reverts"] = run.as_str().into();
    }
    if again {
        details["again"] = true.into();
    }
    details
}

/// With whom and when a plan is kept.
struct PutAt<'a> {
    proposal: i64,
    whole: bool,
    asker: &'a str,
    at: i64,
    expires: i64,
}

/// Keeps a plan that was not there: it waits, unless there is nothing to do.
async fn put(tx: &mut Tx, plan: Packed, at: &PutAt<'_>) -> Result<(), StoreError> {
    let Packed { digest, class, steps, readings, body, parts, counted, remembered } = plan;
    let PutAt { proposal, whole, asker, at, expires } = *at;
    let status = if steps == 0 { "done" } else { "pending" };
    let (key, count, nothing) = (digest.to_string(), parts::count(parts.len()), pack::<[(); 0]>(&[]));
    let values =
        args![key.as_str(), proposal, whole, class, steps, status, asker, at, expires, readings, nothing, body, count, remembered];
    tx.execute(sql::PLAN_PUT, values).await?;
    parts::put(tx, sql::PLAN_PART_PUT, &[&key], parts).await?;
    parts::put(tx, sql::COUNTED_PUT, &[&key], counted).await
}

async fn summary_in(tx: &mut Tx, digest: &str, now: i64) -> Result<PlanSummary, StoreError> {
    let row = tx.fetch_one(sql::PLAN_HEAD, args![digest]).await?;
    Ok(PlanState::read(&row.ok_or_else(|| StoreError::corrupt("a plan", "it vanished"))?)?.summary(now))
}

/// Whether rows say what was undone: no text in JSON can hold a member's name with its quotes as they are.
fn is_remembered(rows: &[u8]) -> bool {
    std::str::from_utf8(rows).is_ok_and(|rows| rows.contains("\"undoes\":"))
}

/// What the guards count of a plan, by step: `packed` is what stands in its row, from before there were parts.
async fn counted(tx: &mut Tx, plan: &Digest, packed: &[u8]) -> Result<Vec<(StepId, String)>, StoreError> {
    #[derive(Deserialize)]
    struct Head {
        step: StepId,
    }
    let what = "what a plan counts";
    let mut rows: Vec<Box<RawValue>> = unpack(packed, what)?;
    let parts = from_rows(tx.fetch(sql::COUNTED_PARTS, args![plan.to_string()]).await?, what)?;
    parts::unpack_records(&parts, what, &mut rows)?;
    let counted = rows.into_iter().map(|row| {
        let Head { step } = serde_json::from_str(row.get()).map_err(|error| StoreError::corrupt(what, error))?;
        Ok((step, Box::<str>::from(row).into_string()))
    });
    counted.collect()
}

/// A plan on its way into its rows: its canonical bytes are written once, some thousand steps at a time, and only packed ones are kept.
struct Packed {
    digest: Digest,
    class: String,
    steps: i64,
    readings: String,
    /// Everything but the steps.
    body: Vec<u8>,
    /// The steps.
    parts: Vec<Vec<u8>>,
    /// What the guards count of them.
    counted: Vec<Vec<u8>>,
    /// Whether that counts however long ago it was.
    remembered: bool,
}

impl Packed {
    fn new(plan: &Plan, counted: &(dyn Fn(&Plan, &[Step]) -> Vec<u8> + Sync)) -> Self {
        let (mut parts, mut counted_parts, mut remembered) = (Vec::new(), Vec::new(), false);
        let packed = |text: &[u8], steps: &[Step]| {
            let rows = counted(plan, steps);
            (squeeze(text), squeeze(&rows), is_remembered(&rows))
        };
        let digest = plan.digest_in_parts(packed, |(part, counted, undoes)| {
            parts.push(part);
            counted_parts.push(counted);
            remembered |= undoes;
        });
        let (before, after) = plan.around();
        Self {
            digest,
            class: json(&plan.class),
            steps: parts::count(plan.steps.len()),
            readings: json(&plan.inputs.readings),
            body: squeeze(&[before, after].concat()),
            parts,
            counted: counted_parts,
            remembered,
        }
    }
}

/// A plan's row without its body.
pub(crate) struct PlanState {
    pub(crate) digest: Digest,
    pub(crate) proposal: u64,
    pub(crate) whole: bool,
    pub(crate) class: Class,
    pub(crate) steps: u64,
    /// The status as it is stored, which knows no time.
    pub(crate) word: String,
    pub(crate) asker: Actor,
    pub(crate) created: Timestamp,
    pub(crate) expires: Timestamp,
    approved_until: i64,
}

impl PlanState {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let what = "a plan's row";
        let word = row.text(5)?;
        if !["pending", "approved", "rejected", "superseded", "expired", "running", "done"].contains(&word.as_str()) {
            return Err(StoreError::corrupt(what, format!("unknown status {word:?}")));
        }
        Ok(Self {
            digest: row.parsed(0, what)?,
            proposal: row.int(1)?.unsigned_abs(),
            whole: row.int(2)? != 0,
            class: row.json(3, what)?,
            steps: row.int(4)?.unsigned_abs(),
            word,
            asker: row.json(6, what)?,
            created: time(row.int(7)?, what)?,
            expires: time(row.int(8)?, what)?,
            approved_until: row.int(9)?,
        })
    }

    fn status(&self, now: i64) -> PlanStatus {
        match self.word.as_str() {
            "approved" if self.approved_until > now => PlanStatus::Approved,
            "pending" | "approved" if millis(self.expires) > now => PlanStatus::Pending,
            "pending" | "approved" => PlanStatus::Expired,
            "rejected" => PlanStatus::Rejected,
            "superseded" => PlanStatus::Superseded,
            "expired" => PlanStatus::Expired,
            "running" => PlanStatus::Running,
            _ => PlanStatus::Done,
        }
    }

    fn summary(self, now: i64) -> PlanSummary {
        let status = self.status(now);
        let Self { digest, proposal, whole, class, steps, asker, created, expires, .. } = self;
        PlanSummary { digest, proposal, whole, class, steps, status, asker, created, expires }
    }
}

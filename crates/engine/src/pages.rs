//! What a person looks at who decides about a plan, or watches a run: from the store only, a part at a time.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use model::{Actor, Decision, Digest, Plan, Refusal, RunId, RunState, StepState, Verdict};
use plan::render::Shown as PlanShown;
use store::{PlanStatus, PlanSummary};

use crate::{Engine, EngineError};

/// A plan with a part of its steps, and where it stands.
#[derive(Clone, Debug)]
pub struct PlanPage {
    /// What is known of it without its steps.
    pub summary: PlanSummary,
    /// What it does.
    pub shown: PlanShown,
    /// Whether policy demands that asker and approver differ.
    pub four_eyes: bool,
    /// Who decided about it, if somebody did.
    pub decided: Option<Word>,
    /// The run that carries it out, or did.
    pub run: Option<RunId>,
}

/// A decision, as people read it.
#[derive(Clone, Debug)]
pub struct Word {
    /// Whose.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why not, where it was a no.
    pub no: Option<String>,
    /// Until when a yes counts.
    pub until: Timestamp,
}

/// A span of a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// When it begins.
    pub from: Timestamp,
    /// Steps that were done in it, or found done.
    pub done: u64,
    /// Steps that ended otherwise in it.
    pub other: u64,
}

impl Engine {
    /// A plan, with at most so many of its steps from the one of this number on, the gravest effects first.
    ///
    /// # Errors
    /// There is no such plan; the store fails.
    pub async fn plan_page(&self, digest: &Digest, from: usize, most: usize) -> Result<PlanPage, EngineError> {
        let summary = self.store.plan_summary(digest, self.ports.clock.now()).await?;
        let plan = self.known_plan(digest).await?;
        let decided = self.store.decided(digest).await?;
        let run = decided.as_ref().and_then(|decided| decided.used_by.clone());
        let word = decided.map(|decided| Word {
            by: decided.decision.by.name,
            at: decided.decision.at,
            no: match decided.decision.verdict {
                Verdict::Yes => None,
                Verdict::No { reason } => Some(reason),
            },
            until: decided.decision.expires,
        });
        let shown = plan::render::part(&plan, from, most);
        Ok(PlanPage { four_eyes: plan.four_eyes, summary, shown, decided: word, run })
    }

    /// A plan to be looked at; what is carried out is read anew.
    ///
    /// # Errors
    /// There is no such plan; the store fails.
    pub async fn known_plan(&self, digest: &Digest) -> Result<Arc<Plan>, EngineError> {
        let found = async { Ok(self.store.plan(digest, self.ports.clock.now()).await?.plan) };
        self.known.plan.get(*digest, found).await
    }

    /// Why a yes of theirs would not count now, of a plan that needs two people; none where it would.
    ///
    /// # Errors
    /// There is no such plan; the store fails.
    pub async fn objection(&self, digest: &Digest, by: Actor) -> Result<Option<Refusal>, EngineError> {
        let now = self.ports.clock.now();
        let stored = self.store.plan(digest, now).await?;
        let yes = Decision { id: String::new(), digest: *digest, verdict: Verdict::Yes, by, at: now, expires: stored.summary.expires };
        // Whether it is in time is told beside it.
        Ok(yes.allows(&stored.plan, &stored.summary.asker, self.keys(), now, true).err())
    }

    /// The plans that wait: for a decision, or, approved, for being carried out; the newest first.
    ///
    /// # Errors
    /// The store fails.
    pub async fn waiting(&self) -> Result<Vec<PlanSummary>, EngineError> {
        let mut plans = self.store.plans(self.ports.clock.now()).await?;
        plans.retain(|plan| plan.steps > 0 && matches!(plan.status, PlanStatus::Pending | PlanStatus::Approved));
        plans.sort_by_key(|plan| std::cmp::Reverse(plan.created));
        Ok(plans)
    }

    /// How a run went: for so many spans of equal length at most, from its first outcome to its last, the steps that were done in each and those
    /// that ended otherwise; nothing where nothing has ended yet.
    ///
    /// # Errors
    /// The store fails.
    pub async fn course(&self, run: &RunId, spans: usize) -> Result<Vec<Span>, EngineError> {
        if self.store.run(run).await?.state != RunState::Finished {
            return self.course_until_now(run, spans).await;
        }
        let found = self.course_until_now(run, spans);
        Ok(self.known.course.get((run.clone(), spans), found).await?.to_vec())
    }

    async fn course_until_now(&self, run: &RunId, spans: usize) -> Result<Vec<Span>, EngineError> {
        let records = self.store.records(run).await?;
        let mut ended: Vec<(Timestamp, bool)> = records
            .values()
            .filter(|record| record.state != StepState::Started)
            .map(|record| (record.at, matches!(record.state, StepState::Done | StepState::AlreadyDone)))
            .collect();
        ended.sort_unstable();
        let (Some((first, _)), Some((last, _))) = (ended.first(), ended.last()) else { return Ok(Vec::new()) };
        let whole = last.duration_since(*first).as_secs().max(0) as usize + 1;
        let length = whole.div_ceil(spans.max(1)).max(1);
        let from = |at: usize| first.saturating_add(SignedDuration::from_secs((at * length) as i64)).unwrap_or(*first);
        let mut course: Vec<Span> = (0..whole.div_ceil(length)).map(|at| Span { from: from(at), done: 0, other: 0 }).collect();
        for (at, done) in &ended {
            let span = &mut course[at.duration_since(*first).as_secs().max(0) as usize / length];
            *(if *done { &mut span.done } else { &mut span.other }) += 1;
        }
        Ok(course)
    }
}

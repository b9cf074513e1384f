//! The undo of a run: a plan from what its journal kept and from what is there now, to be approved like any other (P12).

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use model::{Actor, AppName, AppReading, PersonKey, Plan, Run, RunId, RunState, Step, StepRecord};
use plan::{Counted, Counting, Deed, Reverted, Reverting};
use store::StoredPlan;

use crate::named::For;
use crate::propose::{Facts, Proposed, rows};
use crate::{Ask, Engine, EngineError, Watch};

/// Which run is to be taken back.
#[derive(Clone, Debug)]
pub struct Revert {
    /// The run.
    pub run: RunId,
    /// For these people only; everybody when none are named.
    pub only: Option<BTreeSet<PersonKey>>,
    /// The instant to plan for.
    pub as_of: Timestamp,
    /// Who asks.
    pub asker: Actor,
}

/// The undo of a run, as it was kept.
#[derive(Clone, Debug)]
pub struct Undo {
    /// The run that it takes back.
    pub run: RunId,
    /// Its plans; among the findings what is left as it is, and why.
    pub proposed: Proposed,
    /// How many accounts are as they were before already.
    pub back: u64,
}

impl Engine {
    /// Reads the apps of a run and proposes what takes it back.  Nothing is written to an app.
    ///
    /// # Errors
    /// The run is unknown, not finished and can be resumed, of another tenant, or too long ago; nobody of it has a key that is named; an app
    /// cannot be read, another process uses it, the store fails.
    pub async fn revert(&self, ask: Revert, watch: &dyn Watch) -> Result<Undo, EngineError> {
        let now = self.ports.clock.now();
        let run = self.store.run(&ask.run).await?;
        let StoredPlan { plan, .. } = self.store.plan(&run.digest, now).await?;
        self.check_plan(&plan)?;
        self.check_ended(&run, &plan, now).await?;
        if let Some(swept) = self.store.images_swept(&run.id).await? {
            return Err(EngineError::ImagesGone { run: run.id, swept });
        }
        let steps = chosen(&run, &plan, ask.only.as_ref())?;
        let records = self.store.records(&run.id).await?;
        let deeds: Vec<Deed<'_>> = steps.into_iter().filter_map(|step| Some(self.deed(step, records.get(&step.id)?))).collect();
        let (apps, people) = plan::concerned(&deeds);
        let source = self.employment()?;
        let roster = self.store.latest_source_reading(&source).await?;
        let roster = roster.ok_or_else(|| EngineError::NothingRead(format!("source {source}")))?;
        let last_good = self.store.last_good_count(&source).await?;
        let ask_of = Ask { as_of: ask.as_of, only: Some(people), full: false, asker: ask.asker };
        let whom = For { ask: &ask_of, roster: &roster, last_good };
        let apps = self.read_of_run(&apps, whom, watch).await?;
        let (past, links) = (self.past(&ask_of).await?, self.store.links().await?);
        let mut facts = Facts { roster, last_good, apps, links, earlier: Vec::new(), past, aside: Vec::new(), told: Vec::new() };
        let only = ask.only.into_iter().flatten().map(|key| key.to_string()).collect();
        let reverting = Reverting { run: &run.id, deeds, only };
        let lifetime = SignedDuration::from_secs(self.setup.policy.policy().approval.expires);
        let expires = now.checked_add(lifetime).unwrap_or(Timestamp::MAX);
        loop {
            // As for any planning: of all who plan at the same time each has counted those before.
            let mark = self.store.mark().await?;
            facts.earlier = self.earlier(ask.as_of, false).await?;
            let review = |step: &Step| self.review(step, &facts);
            let Reverted { proposal, back, undoes } = plan::revert(&self.given(&facts, &ask_of, &review), &reverting);
            let counting = Counting::new(proposal.plans(), &facts.roster);
            let counted = |plan: &Plan, steps: &[Step]| {
                let undoes = |step: &Step| undoes.get(&step.id).cloned().unwrap_or_default();
                rows(steps.iter().map(|step| Counted { undoes: undoes(step), ..counting.of(plan, step) }))
            };
            let put = self.store.put_proposal_after(mark, &proposal, &ask_of.asker, now, expires, &counted).await?;
            if let Some(stands) = put {
                let digests = stands.iter().map(|plan| plan.digest).collect();
                return Ok(Undo { run: run.id.clone(), proposed: Proposed { proposal, digests, stands }, back });
            }
        }
    }

    /// Only what has ended can be taken back: a run that can still go on would do so under the feet of its undo.
    async fn check_ended(&self, run: &Run, plan: &Plan, now: Timestamp) -> Result<(), EngineError> {
        if run.state == RunState::Finished {
            return Ok(());
        }
        let until = self.resumable_until(run);
        if now < until {
            return Err(EngineError::NotEnded { run: run.id.clone(), until });
        }
        for app in plan.steps.iter().map(|step| &step.app).collect::<BTreeSet<_>>() {
            self.nobody_works_on(app).await?;
        }
        Ok(())
    }

    fn deed<'a>(&self, step: &'a Step, record: &'a StepRecord) -> Deed<'a> {
        let target = self.setup.apps.get(&step.app).map(|app| &app.target);
        let image = |raw: &Option<serde_json::Value>| target?.image(raw.as_ref()?);
        let receipt = &record.receipt;
        // Groups, departments and enrolments have receipts too: what is none of a person's account has no image.
        let of_account = step.person.is_some() && step.content.is_none();
        let image = |raw| if of_account { image(raw) } else { None };
        Deed {
            step,
            state: &record.state,
            account: receipt.account.as_ref(),
            before: image(&receipt.before),
            after: image(&receipt.after),
        }
    }

    /// Reads the apps that the run did something in, as they are now.
    async fn read_of_run(
        &self,
        apps: &BTreeSet<&AppName>,
        whom: For<'_>,
        watch: &dyn Watch,
    ) -> Result<BTreeMap<AppName, AppReading>, EngineError> {
        let mut readings = BTreeMap::new();
        for app in apps {
            let Some(policy) = self.setup.policy.policy().apps.get(*app) else { continue };
            let connection = self.connect(app).await?;
            let read = self.read_app(&connection, policy, whom, watch).await;
            connection.close().await;
            let read = read?;
            self.put_reading(&read.reading, read.raw, read.base.as_ref()).await?;
            readings.insert((*app).clone(), read.reading);
        }
        Ok(readings)
    }
}

/// The steps of a run that are to be taken back.
fn chosen<'p>(run: &Run, plan: &'p Plan, only: Option<&BTreeSet<PersonKey>>) -> Result<Vec<&'p Step>, EngineError> {
    let Some(only) = only else { return Ok(plan.steps.iter().collect()) };
    let of: BTreeSet<&PersonKey> = plan.steps.iter().filter_map(|step| step.person.as_ref()).collect();
    if let Some(who) = only.iter().find(|key| !of.contains(key)) {
        let known: Vec<&str> = of.iter().map(|key| key.as_str()).collect();
        let nearest = plan::nearest(who.as_str(), known.iter().copied()).map(str::to_owned);
        return Err(EngineError::NotInRun { run: run.id.clone(), who: who.to_string(), nearest });
    }
    Ok(plan.steps.iter().filter(|step| step.person.as_ref().is_some_and(|key| only.contains(key))).collect())
}

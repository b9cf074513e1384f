//! What guards have to know of the time before: what was done, what may still be done, and where we ever worked.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use model::{AccountId, AppName, Plan, StepId, StepRecord, Verb};
use plan::{Counted, Past, Taken};

use crate::{Ask, Engine, EngineError};

/// Under `began/APP`: when our first run there began, in seconds.
const BEGAN: &str = "began/";
/// Under `taken/APP/ACCOUNT`: the run that took an account's access and when it ended, in seconds; nothing once a run gave it back.
const TAKEN: &str = "taken/";
/// Under `changed/APP`: the run that first changed an account there that was there before it.
const CHANGED: &str = "changed/";

impl Engine {
    /// What earlier runs did and pending plans may do, within the longest window of a guard.  What was done in the same tenant under a name
    /// that the configuration has no more counts under its name of now.
    pub(crate) async fn earlier(&self, as_of: Timestamp, whole: bool) -> Result<Vec<Counted>, EngineError> {
        let window = self.setup.policy.policy().guards.values().map(|guard| guard.window).max().unwrap_or(0);
        let now = self.ports.clock.now();
        let since = now.checked_sub(SignedDuration::from_secs(window)).unwrap_or(Timestamp::MIN);
        let rows = self.store.counted_since(since, now, whole).await?;
        let renamed = self.renamed().await?;
        // What may still happen counts as happening now; both clocks are brought to the instant that is planned for.
        let counted = rows.into_iter().filter_map(|row| {
            let mut counted: Counted = serde_json::from_str(&row.json).ok()?;
            if row.done.is_none() {
                // What has not been done has taken nothing back, and done nothing again.
                counted.undoes.clear();
            }
            counted.at = shifted(row.done.unwrap_or(now), now, as_of);
            if let Some(name) = renamed.get(&counted.app) {
                counted.app = name.clone();
            }
            Some(counted)
        });
        Ok(counted.collect())
    }

    /// Names that apps had before, and have no more → their names of now.
    async fn renamed(&self) -> Result<BTreeMap<AppName, AppName>, EngineError> {
        let mut renamed = BTreeMap::new();
        for (name, home) in self.store.metas("home/").await? {
            let old = AppName::from(name.as_str());
            if self.setup.apps.contains_key(&old) {
                continue;
            }
            if let Some((new, _)) = self.setup.apps.iter().find(|(_, app)| app.home.as_str() == home) {
                renamed.insert(old, new.clone());
            }
        }
        Ok(renamed)
    }

    /// What else planning has to know of the time before.
    pub(crate) async fn past(&self, ask: &Ask) -> Result<Past, EngineError> {
        let now = self.ports.clock.now();
        let mut past = Past { standing: self.in_force(ask).await?, ..Past::default() };
        for app in self.setup.apps.keys() {
            let began = self.store.meta(&format!("{BEGAN}{app}")).await?.and_then(|text| text.parse().ok());
            let began = began.and_then(|seconds| Timestamp::from_second(seconds).ok());
            past.began.insert(app.clone(), began.map(|began| shifted(began, now, ask.as_of)));
            if self.store.meta(&format!("{CHANGED}{app}")).await?.is_none() {
                past.untouched.insert(app.clone());
            }
        }
        past.taken = self.taken().await?;
        Ok(past)
    }

    /// Accounts whose access runs of ours took, and did not give back since.
    async fn taken(&self) -> Result<BTreeMap<AppName, BTreeMap<AccountId, Taken>>, EngineError> {
        let mut all: BTreeMap<AppName, BTreeMap<AccountId, Taken>> = BTreeMap::new();
        for (name, value) in self.store.metas(TAKEN).await? {
            let Some((app, account)) = name.split_once('/') else { continue };
            let Some((at, run)) = value.split_once(' ') else { continue };
            if let Some(at) = at.parse().ok().and_then(|seconds| Timestamp::from_second(seconds).ok()) {
                all.entry(app.into()).or_default().insert(account.into(), Taken { run: run.into(), at });
            }
        }
        Ok(all)
    }

    /// Remembers whose access a run took, and forgets whose it gave back.
    async fn remember_taken(&self, run: &str, plan: &Plan, records: &BTreeMap<StepId, StepRecord>) -> Result<(), EngineError> {
        let done = |step: &&model::Step| records.get(&step.id).is_some_and(|record| record.state.is_done());
        let now = self.ports.clock.now().as_second();
        let mut kept = Vec::new();
        for step in plan.steps.iter().filter(|step| matches!(step.verb, Verb::Leave | Verb::Restore)).filter(done) {
            if let Some(account) = step.account.as_ref().and_then(model::Ref::id) {
                let value = if step.verb == Verb::Leave { format!("{now} {run}") } else { String::new() };
                kept.push((format!("{TAKEN}{}/{account}", step.app), value));
            }
        }
        Ok(self.store.set_metas(&kept).await?)
    }

    /// Remembers since when we work in these apps.
    pub(crate) async fn remember_beginning<'a>(
        &self,
        apps: impl IntoIterator<Item = &'a AppName>,
        at: Timestamp,
    ) -> Result<(), EngineError> {
        for app in apps {
            let name = format!("{BEGAN}{app}");
            if self.store.meta(&name).await?.is_none() {
                self.store.set_meta(&name, &at.as_second().to_string()).await?;
            }
        }
        Ok(())
    }

    /// Remembers in which apps a run changed accounts that it did not make itself: somebody said yes to such changes there; and whose access
    /// it took or gave back.
    pub(crate) async fn remember_changes(
        &self,
        run: &str,
        plan: &Plan,
        records: &BTreeMap<StepId, StepRecord>,
    ) -> Result<(), EngineError> {
        self.remember_taken(run, plan, records).await?;
        let changes = |verb: Verb| matches!(verb, Verb::Update | Verb::Relate | Verb::Restore | Verb::Enrol | Verb::Leave);
        let done =
            plan.steps.iter().filter(|step| changes(step.verb) && step.account.as_ref().is_some_and(|account| account.id().is_some()));
        let done = done.filter(|step| records.get(&step.id).is_some_and(|record| record.state.is_done()));
        for app in done.map(|step| &step.app).collect::<BTreeSet<_>>() {
            let name = format!("{CHANGED}{app}");
            if self.store.meta(&name).await?.is_none() {
                self.store.set_meta(&name, run).await?;
            }
        }
        Ok(())
    }
}

/// An instant on our clock, on the clock of the instant that is planned for.
fn shifted(at: Timestamp, now: Timestamp, as_of: Timestamp) -> Timestamp {
    let shift = as_of.as_second() - now.as_second();
    Timestamp::from_second(at.as_second().saturating_add(shift)).unwrap_or(as_of)
}

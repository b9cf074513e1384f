//! Steps that fail alone are put aside: not planned as if nothing had been, again and again, but held until a later day, or until they say
//! something else.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::{SignedDuration, Timestamp};
use model::{Alone, AppName, Aside, AuditWhat, Plan, Run, Step, StepId, StepRecord, StepState};

use serde_json::{Value, json};

use crate::{Engine, EngineError};

/// For how long a step that failed alone is put aside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AsideRule {
    /// Seconds after the first failure; doubled after each.
    pub first: i64,
    /// The longest, in seconds.
    pub longest: i64,
    /// How often a step finds that somebody else changed the account before it is put aside.
    pub drifts: u32,
}

impl Default for AsideRule {
    fn default() -> Self {
        Self { first: 86_400, longest: 14 * 86_400, drifts: 3 }
    }
}

impl AsideRule {
    /// Until when a step waits that failed so for the `tries`th time at `at`.
    fn until(&self, how: Alone, tries: u32, at: Timestamp) -> Timestamp {
        let spared = if how == Alone::Drifted { self.drifts.max(1) - 1 } else { 0 };
        let Some(doublings) = tries.checked_sub(spared + 1) else { return at };
        let pause = self.first.max(1).saturating_mul(1 << doublings.min(30)).min(self.longest.max(1));
        at.checked_add(SignedDuration::from_secs(pause)).unwrap_or(Timestamp::MAX)
    }

    /// Notes that a step failed, once for each run.
    fn failed(
        &self,
        list: &mut Vec<Aside>,
        noted: &mut Vec<(AuditWhat, Value)>,
        run: &Run,
        step: &Step,
        record: &StepRecord,
        (how, why): (Alone, String),
    ) {
        let known = list.iter().position(|one| one.is_about(step)).map(|at| list.remove(at));
        if let Some(known) = &known
            && known.run == run.id
        {
            list.push(known.clone());
            return;
        }
        let tries = known.as_ref().map_or(0, |known| known.tries) + 1;
        let until = self.until(how, tries, record.at);
        if until > record.at {
            let details =
                json!({ "step": step.id, "person": step.person, "label": step.label, "why": why, "tries": tries, "until": until });
            noted.push((AuditWhat::PutAside, details));
        }
        list.push(Aside {
            app: step.app.clone(),
            step: step.id,
            wants: (how == Alone::Drifted).then(|| Aside::wants(step)),
            verb: step.verb,
            person: step.person.clone(),
            label: step.label.to_string(),
            how,
            why,
            tries,
            since: known.map_or(record.at, |known| known.since),
            last: record.at,
            until,
            run: run.id.clone(),
        });
    }
}

/// How a step failed by itself, if it did.
fn alone(state: &StepState) -> Option<(Alone, String)> {
    match state {
        StepState::Failed { code, detail } => Some((Alone::Refused, format!("{code} {detail}").trim().to_owned())),
        StepState::Drifted { found } => Some((Alone::Drifted, found.clone())),
        StepState::Unsettled { detail } => Some((Alone::Unsettled, detail.clone())),
        StepState::Started | StepState::Done | StepState::AlreadyDone | StepState::Skipped { .. } => None,
    }
}

impl Engine {
    /// Puts aside what failed alone in a run, and forgets what was done.  Where an app's part of the run was `stopped` by a fault, steps
    /// that nobody knows the end of did not fail alone.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn note_outcomes(
        &self,
        run: &Run,
        plan: &Plan,
        records: &BTreeMap<StepId, StepRecord>,
        stopped: &BTreeSet<AppName>,
    ) -> Result<(), EngineError> {
        let Some(rule) = &self.behaviour.aside else { return Ok(()) };
        let known: BTreeSet<AppName> = self.store.asides().await?.into_iter().map(|one| one.app).collect();
        let mut ended: BTreeMap<&AppName, Vec<(&Step, &StepRecord)>> = BTreeMap::new();
        for step in &plan.steps {
            if let Some(record) = records.get(&step.id) {
                ended.entry(&step.app).or_default().push((step, record));
            }
        }
        for (app, ended) in ended {
            if !known.contains(app) && ended.iter().all(|(_, record)| alone(&record.state).is_none()) {
                continue;
            }
            let note = |list: &mut Vec<Aside>, noted: &mut Vec<_>| {
                for (step, record) in ended {
                    if record.state.is_done() {
                        let same = |one: &Aside| {
                            one.is_about(step) || (one.person.is_some() && one.person == step.person && one.verb == step.verb)
                        };
                        list.retain(|one| !same(one));
                    } else if let Some(failed) = alone(&record.state)
                        && !(failed.0 == Alone::Unsettled && stopped.contains(app))
                    {
                        rule.failed(list, noted, run, step, record, failed);
                    }
                }
            };
            self.store.change_asides(app, self.ports.clock.now(), note).await?;
        }
        Ok(())
    }

    /// What is put aside now.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn asides_now(&self) -> Result<Vec<Aside>, EngineError> {
        if self.behaviour.aside.is_none() {
            return Ok(Vec::new());
        }
        let now = self.ports.clock.now();
        Ok(self.store.asides().await?.into_iter().filter(|one| one.waits(now)).collect())
    }

    /// Forgets what was put aside and is planned no more, in the apps that were planned for: it says something else now, or is done.
    ///
    /// # Errors
    /// The store fails.
    pub(crate) async fn forget_others<'p>(
        &self,
        apps: impl Iterator<Item = &'p AppName>,
        plans: &[&'p Plan],
    ) -> Result<(), EngineError> {
        if self.behaviour.aside.is_none() {
            return Ok(());
        }
        let known: BTreeSet<AppName> = self.store.asides().await?.into_iter().map(|one| one.app).collect();
        for app in apps.filter(|app| known.contains(*app)) {
            let steps: Vec<&Step> = plans.iter().flat_map(|plan| &plan.steps).filter(|step| &step.app == app).collect();
            let ids: HashSet<&StepId> = steps.iter().map(|step| &step.id).collect();
            let is_planned = |one: &Aside| {
                ids.contains(&one.step)
                    || (one.wants.is_some() && steps.iter().any(|step| step.person == one.person && one.is_about(step)))
            };
            self.store.change_asides(app, self.ports.clock.now(), |list, _| list.retain(is_planned)).await?;
        }
        Ok(())
    }

    /// Lets what was put aside in an app be tried with the next plan: that of one person (by key) or group or department (by name), or
    /// all.  What it was.
    ///
    /// # Errors
    /// There is no such app; the store fails.
    pub async fn retry(&self, app: &AppName, who: Option<&str>) -> Result<Vec<Aside>, EngineError> {
        self.app(app)?;
        let now = self.ports.clock.now();
        let is_meant = |one: &Aside| match (who, &one.person) {
            (None, _) => true,
            (Some(who), Some(person)) => person.as_str() == who,
            (Some(who), None) => one.label == who,
        };
        let change = |list: &mut Vec<Aside>, noted: &mut Vec<_>| {
            let mut retried = Vec::new();
            for one in list.iter_mut().filter(|one| one.waits(now) && is_meant(one)) {
                noted.push((
                    AuditWhat::Retried,
                    json!({ "step": one.step, "person": one.person, "label": one.label, "tries": one.tries }),
                ));
                one.until = now;
                retried.push(one.clone());
            }
            retried
        };
        Ok(self.store.change_asides(app, now, change).await?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_fails_alone_waits_longer_each_time() {
        let (rule, at) = (AsideRule::default(), "2026-01-01T00:00:00Z".parse::<Timestamp>().unwrap());
        let days = |how, tries| rule.until(how, tries, at).duration_since(at).as_hours() / 24;
        assert_eq!([1, 2, 3, 4, 5, 60].map(|tries| days(Alone::Refused, tries)), [1, 2, 4, 8, 14, 14]);
        assert_eq!([1, 2, 3, 4, 5].map(|tries| days(Alone::Drifted, tries)), [0, 0, 1, 2, 4]);
    }
}

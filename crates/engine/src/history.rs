//! What runs did to one person, and who had said yes to it.

use std::collections::HashMap;

use jiff::Timestamp;
use model::{AppName, PersonKey, RunId, Step, StepId, Text};
use plan::render::verb_word;
use plan::report::outcome_word;

use crate::{Engine, EngineError};

/// How many runs are looked through: each is read with its plan.
const RUNS: usize = 25;

/// One step of a run about somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happened {
    /// In which run.
    pub run: RunId,
    /// When its outcome was known.
    pub at: Timestamp,
    /// In which app.
    pub app: AppName,
    /// What was to be done, in a word.
    pub verb: &'static str,
    /// What became of it, in a word.
    pub outcome: &'static str,
    /// Why it was to be done.
    pub reason: Text,
    /// Who had approved it.
    pub approved_by: String,
}

/// What happened to somebody.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// The newest first.
    pub happened: Vec<Happened>,
    /// Whether older runs were not looked at.
    pub more: bool,
}

/// What happened to everybody in the last runs.
#[derive(Default)]
pub(crate) struct Histories {
    /// The newest first.
    of: HashMap<PersonKey, Vec<Happened>>,
    more: bool,
}

impl Engine {
    /// What the last runs did to somebody.
    ///
    /// # Errors
    /// The store fails.
    pub async fn history(&self, person: &PersonKey) -> Result<History, EngineError> {
        let histories = self.known.histories.get(self.as_of_now().await?, self.histories()).await?;
        let happened = histories.of.get(person).cloned().unwrap_or_default();
        Ok(History { happened, more: histories.more })
    }

    async fn histories(&self) -> Result<Histories, EngineError> {
        let mut runs = self.store.runs().await?;
        runs.sort_by_key(|run| std::cmp::Reverse(run.started));
        let mut histories = Histories { more: runs.len() > RUNS, ..Histories::default() };
        for run in runs.into_iter().take(RUNS) {
            let plan = self.store.plan(&run.digest, self.ports.clock.now()).await?.plan;
            let steps: HashMap<&StepId, &Step> = plan.steps.iter().map(|step| (&step.id, step)).collect();
            let approved_by = self.store.decided(&run.digest).await?.map(|decided| decided.decision.by.name).unwrap_or_default();
            let mut records: Vec<_> = self.store.records(&run.id).await?.into_values().collect();
            records.sort_by_key(|record| std::cmp::Reverse(record.at));
            for record in records {
                let Some((step, person)) = steps.get(&record.step).and_then(|step| Some((step, step.person.clone()?))) else {
                    continue;
                };
                histories.of.entry(person).or_default().push(Happened {
                    run: run.id.clone(),
                    at: record.at,
                    app: step.app.clone(),
                    verb: verb_word(step.verb),
                    outcome: outcome_word(Some(&record.state)),
                    reason: step.reason.clone(),
                    approved_by: approved_by.clone(),
                });
            }
        }
        Ok(histories)
    }
}

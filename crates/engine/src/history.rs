//! What runs did to one person, and who had said yes to it.

use std::collections::HashMap;

use jiff::Timestamp;
use model::{AppName, PersonKey, RunId, Step, StepId};
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
    pub reason: String,
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

impl Engine {
    /// What the last runs did to somebody.
    ///
    /// # Errors
    /// The store fails.
    pub async fn history(&self, person: &PersonKey) -> Result<History, EngineError> {
        let mut runs = self.store.runs().await?;
        runs.sort_by_key(|run| std::cmp::Reverse(run.started));
        let mut history = History { more: runs.len() > RUNS, ..History::default() };
        for run in runs.into_iter().take(RUNS) {
            let plan = self.store.plan(&run.digest, self.ports.clock.now()).await?.plan;
            let steps: HashMap<&StepId, &Step> =
                plan.steps.iter().filter(|step| step.person.as_ref() == Some(person)).map(|step| (&step.id, step)).collect();
            if steps.is_empty() {
                continue;
            }
            let approved_by = self.store.decided(&run.digest).await?.map(|decided| decided.decision.by.name).unwrap_or_default();
            let records = self.store.records(&run.id).await?;
            let mut of_run: Vec<Happened> = records
                .values()
                .filter_map(|record| {
                    let step = steps.get(&record.step)?;
                    Some(Happened {
                        run: run.id.clone(),
                        at: record.at,
                        app: step.app.clone(),
                        verb: verb_word(step.verb),
                        outcome: outcome_word(Some(&record.state)),
                        reason: step.reason.to_string(),
                        approved_by: approved_by.clone(),
                    })
                })
                .collect();
            of_run.sort_by_key(|happened| std::cmp::Reverse(happened.at));
            history.happened.extend(of_run);
        }
        Ok(history)
    }
}

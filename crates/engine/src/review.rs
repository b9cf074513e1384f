//! Reviews: who has access and by whose decision, and which licences nobody uses.  From the store only; nothing is asked of an app.

use std::collections::HashMap;

use model::{AccountId, AppName, LogIn, Manifest, PersonKey, RunState, Step};
use plan::review::{Access, Granted, Known, Licences};

use crate::propose::Facts;
use crate::{Engine, EngineError};

impl Engine {
    /// Who has what: in one app or all, of one manager's people or everybody.
    ///
    /// # Errors
    /// There is no such app, nobody has the manager's key, nothing has been read yet, the journal of a run and the audit trail contradict
    /// each other, or the store fails.
    pub async fn review_access(&self, app: Option<&AppName>, manager: Option<&PersonKey>) -> Result<Access, EngineError> {
        if let Some(app) = app {
            self.app(app)?;
        }
        let ask = self.ask_now();
        let facts = self.stored_facts(&ask).await?;
        if let Some(manager) = manager
            && !facts.roster.people.iter().any(|person| person.key == *manager || person.get("manager") == manager.as_str())
        {
            return Err(EngineError::Nobody { who: manager.to_string() });
        }
        let known = Known { granted: self.granted().await?, ..self.log_ins(&facts).await? };
        let review = |step: &Step| self.review(step, &facts);
        Ok(plan::review::access(&self.given(&facts, &ask, &review), &known, app, manager))
    }

    /// Which licences nobody here needs.
    ///
    /// # Errors
    /// Nothing has been read yet, or the store fails.
    pub async fn review_licences(&self) -> Result<Licences, EngineError> {
        let ask = self.ask_now();
        let facts = self.stored_facts(&ask).await?;
        let known = self.log_ins(&facts).await?;
        let review = |step: &Step| self.review(step, &facts);
        Ok(plan::review::licences(&self.given(&facts, &ask, &review), &known))
    }

    /// What all runs gave, by whose decision.
    async fn granted(&self) -> Result<Granted, EngineError> {
        let now = self.ports.clock.now();
        let manifests = |app: &AppName| -> Option<&'static Manifest> { self.setup.apps.get(app).map(|app| app.target.manifest()) };
        let mut granted = Granted::default();
        for run in self.store.runs().await?.into_iter().rev() {
            let records: Vec<_> = self.store.records(&run.id).await?.into_values().collect();
            if records.is_empty() && run.state == RunState::Finished {
                continue;
            }
            let decision = self.store.decision_of_run(&run.id).await?;
            let plan = self.store.plan(&run.digest, now).await?.plan;
            granted.run(&manifests, &run, &decision.by, &plan, &records);
        }
        Ok(granted)
    }

    /// When somebody logged in last, as the records tell that were read.
    async fn log_ins(&self, facts: &Facts) -> Result<Known, EngineError> {
        let mut known = Known::default();
        for (app, reading) in &facts.apps {
            let Some(setup) = self.setup.apps.get(app) else { continue };
            let raw = self.store.app_raw(app, &reading.digest).await?;
            let records = crate::rehearse::raw_accounts(&raw);
            let told = records.into_iter().map(|(id, raw)| (AccountId::from(id), setup.target.last_log_in(&raw)));
            let told: HashMap<_, _> = told.filter(|(_, told)| *told != LogIn::NotTold).collect();
            if let (false, Some(at)) = (told.is_empty(), self.store.app_raw_at(app, &reading.digest).await?) {
                known.log_ins_at.insert(app.clone(), at);
            }
            known.log_ins.insert(app.clone(), told);
        }
        Ok(known)
    }
}

//! Planning for the people of whom an identity provider spoke since the last time.

use std::collections::BTreeSet;

use jiff::Timestamp;
use model::{Actor, Join, Person, PersonKey, Proof, ResourceKind, SourceName};
use plan::fold;
use serde_json::Value;

use crate::roster::joined_by;
use crate::{Ask, Engine, EngineError, Proposed, RunSummary, Watch};

/// Under which name `meta` keeps up to which change of a source it was planned.
const PLANNED: &str = "pushed.planned.";

/// What came of what was pushed.
#[derive(Clone, Debug)]
pub struct PlannedPush {
    /// Who was planned for.
    pub people: BTreeSet<PersonKey>,
    /// The plans.
    pub proposed: Proposed,
    /// The run of what a standing approval covers.
    pub ran: Option<RunSummary>,
}

impl Engine {
    /// Plans for the people of whom a source spoke since it was last planned for, and carries out what a standing approval covers; the rest
    /// waits.  None where nobody of the roster is concerned.  What is pushed meanwhile is left for the next time.
    ///
    /// # Errors
    /// As [`Engine::propose`] and [`Engine::execute_ahead`]: then it counts as not planned for.
    pub async fn plan_pushed(&self, source: &SourceName, watch: &dyn Watch) -> Result<Option<PlannedPush>, EngineError> {
        let kept = format!("{PLANNED}{source}");
        let planned = self.store.meta(&kept).await?.and_then(|text| text.parse().ok()).unwrap_or(0);
        let (touched, until) = self.store.pushed_after(source, planned).await?;
        if touched.is_empty() {
            return Ok(None);
        }
        let ids = touched.into_iter().filter(|(kind, _)| *kind == ResourceKind::User).map(|(_, id)| id).collect();
        let people = self.concerned(source, &ids, watch).await?;
        let mut planned = None;
        if !people.is_empty() {
            let asker = Actor { name: format!("source {source}"), proof: Proof::Unauthenticated };
            let now = self.ports.clock.now();
            let as_of = Timestamp::from_second(now.as_second()).unwrap_or(now);
            let proposed = self.propose(Ask { as_of, only: Some(people.clone()), full: false, asker }, watch).await?;
            let ran = self.execute_ahead(&proposed, watch).await?;
            planned = Some(PlannedPush { people, proposed, ran });
        }
        self.store.set_meta(&kept, &until.to_string()).await?;
        Ok(planned)
    }

    /// The people of the roster, as it is now, whom these records are about, by the source's `join`; deleted ones by what was said of them last.
    async fn concerned(
        &self,
        source: &SourceName,
        ids: &BTreeSet<String>,
        watch: &dyn Watch,
    ) -> Result<BTreeSet<PersonKey>, EngineError> {
        let Some(policy) = self.setup.policy.policy().sources.get(source) else { return Ok(BTreeSet::new()) };
        // Of a source that says who works here the records are the people.
        let own_key = || Join { person: "key".to_owned(), record: policy.key.clone() };
        let join = policy.join.clone().unwrap_or_else(own_key);
        let mut values = BTreeSet::new();
        for id in ids {
            let body = match self.store.pushed_record(source, ResourceKind::User, id).await? {
                Some(record) => Some(record.body),
                None => self.store.pushed_gone(source, ResourceKind::User, id).await?,
            };
            let record = body.and_then(|body| serde_json::from_str(&body).ok()).unwrap_or(Value::Null);
            values.extend(joined_by(policy, &join.record, id, &record).map(|value| fold(&value)));
        }
        values.remove("");
        if values.is_empty() {
            return Ok(BTreeSet::new());
        }
        let roster = self.read_sources(watch).await?.reading;
        let own = |person: &Person| fold(if join.person == "key" { person.key.as_str() } else { person.get(&join.person) });
        let about = |person: &&Person| values.contains(&own(person));
        Ok(roster.people.iter().filter(about).map(|person| person.key.clone()).collect())
    }
}

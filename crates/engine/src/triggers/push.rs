//! Planning for the people of whom an identity provider spoke since the last time.

use std::collections::BTreeSet;

use model::{Join, Person, PersonKey, ResourceKind, SourceName};
use plan::fold;
use serde_json::Value;

use super::Cause;
use crate::roster::joined_by;
use crate::{Engine, EngineError, Watch};

/// Under which name `meta` keeps up to which change of a source it was planned.
const PLANNED: &str = "pushed.planned.";

/// What a source pushed since it was last planned for.
pub(super) struct Touched {
    /// The users, by their ids.
    pub(super) users: BTreeSet<String>,
    /// The number of the newest change among it.
    pub(super) until: u64,
}

impl Engine {
    /// What a source pushed since it was last planned for, kept as a trigger; none where it pushed nothing.
    pub(super) async fn touched(&self, source: &SourceName) -> Result<Option<Touched>, EngineError> {
        let planned = self.store.meta(&format!("{PLANNED}{source}")).await?.and_then(|text| text.parse().ok()).unwrap_or(0);
        let (touched, until) = self.store.pushed_after(source, planned).await?;
        if touched.is_empty() {
            return Ok(None);
        }
        let users = touched.into_iter().filter(|(kind, _)| *kind == ResourceKind::User).map(|(_, id)| id).collect();
        let trigger = self.trigger(&Cause::Push(source.clone()), "pushed", format!("change {until}"), self.ports.clock.now());
        self.store.put_triggers(&[trigger]).await?;
        Ok(Some(Touched { users, until }))
    }

    /// What a source pushed up to this change was planned for.
    pub(super) async fn planned_until(&self, source: &SourceName, until: u64) -> Result<(), EngineError> {
        Ok(self.store.set_meta(&format!("{PLANNED}{source}"), &until.to_string()).await?)
    }

    /// The people of the roster, as it is now, whom these records are about, by the source's `join`; deleted ones by what was said of them last.
    pub(super) async fn concerned(
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
        let roster = self.read_sources(false, watch).await?.reading;
        let own = |person: &Person| fold(if join.person == "key" { person.key.as_str() } else { person.get(&join.person) });
        let about = |person: &&Person| values.contains(&own(person));
        Ok(roster.people.iter().filter(about).map(|person| person.key.clone()).collect())
    }
}

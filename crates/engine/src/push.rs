//! What identity providers push, for the face that speaks their protocol: kept as it was said, found again, never interpreted here.

use jiff::Timestamp;
use model::{Member, Query, Resource, ResourceKind, SourceName};
use store::{PushedChange, PushedWhat, Written};

use crate::{Engine, EngineError};

impl Engine {
    /// Makes one change of what a source pushed, and says when.  When this returns it is on disk.
    ///
    /// # Errors
    /// The store fails.
    pub async fn push(&self, source: &SourceName, kind: ResourceKind, what: PushedWhat) -> Result<(Written, Timestamp), EngineError> {
        let now = self.ports.clock.now();
        // As it is kept, and read back.
        let at = Timestamp::from_millisecond(now.as_millisecond()).unwrap_or(now);
        Ok((self.store.push(PushedChange { source: source.clone(), kind, at, what }).await?, at))
    }

    /// One record, if it is there.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_record(&self, source: &SourceName, kind: ResourceKind, id: &str) -> Result<Option<Resource>, EngineError> {
        Ok(self.store.pushed_record(source, kind, id).await?)
    }

    /// The records that a query means, by id, those after the id `after`, at most so many.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_find(
        &self,
        source: &SourceName,
        kind: ResourceKind,
        query: &Query,
        after: &str,
        most: u64,
    ) -> Result<Vec<Resource>, EngineError> {
        Ok(self.store.pushed_find(source, kind, query, after, most).await?)
    }

    /// The records in the order of their folded names: those after this name and id, at most so many; going back, those before it, the nearest
    /// first.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_by_name(
        &self,
        source: &SourceName,
        kind: ResourceKind,
        from: (&str, &str),
        back: bool,
        most: u64,
    ) -> Result<Vec<Resource>, EngineError> {
        Ok(self.store.pushed_by_name(source, kind, from, back, most).await?)
    }

    /// The name and id behind so many others in the order of folded names, if there are so many.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_skip_named(
        &self,
        source: &SourceName,
        kind: ResourceKind,
        over: u64,
    ) -> Result<Option<(String, String)>, EngineError> {
        Ok(self.store.pushed_skip_named(source, kind, over).await?)
    }

    /// The id behind so many others, by id, if there are so many.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_skip(&self, source: &SourceName, kind: ResourceKind, over: u64) -> Result<Option<String>, EngineError> {
        Ok(self.store.pushed_skip(source, kind, over).await?)
    }

    /// How many there are of a kind.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_count(&self, source: &SourceName, kind: ResourceKind) -> Result<u64, EngineError> {
        Ok(self.store.pushed_count(source, kind).await?)
    }

    /// Who is in a group, by id.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_members(&self, source: &SourceName, group: &str) -> Result<Vec<Member>, EngineError> {
        Ok(self.store.pushed_members(source, group).await?)
    }

    /// One membership, if it is there.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_member(&self, source: &SourceName, group: &str, member: &str) -> Result<Option<Member>, EngineError> {
        Ok(self.store.pushed_member(source, group, member).await?)
    }

    /// The groups of everybody whose id is among these, by id: whose, the group's id and what was said of it.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_groups_among(
        &self,
        source: &SourceName,
        ids: (&str, &str),
    ) -> Result<Vec<(String, String, String)>, EngineError> {
        Ok(self.store.pushed_groups_among(source, ids).await?)
    }

    /// The groups that somebody is in: their ids and what was said of them, by id.
    ///
    /// # Errors
    /// The store fails.
    pub async fn pushed_groups_of(&self, source: &SourceName, member: &str) -> Result<Vec<(String, String)>, EngineError> {
        Ok(self.store.pushed_groups_of(source, member).await?)
    }
}

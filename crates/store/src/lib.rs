//! The store: what Provost remembers, in a SQLite file or a schema of a PostgreSQL database; one set of statements for both.
//!
//! One [`Store`] is one organization's: readings, links, plans, decisions, runs with their journal, and one connection per app.
//! The store has no clock: whoever calls says when it is.  Times are kept to the millisecond.

mod audit;
mod connections;
mod coverage;
mod db;
mod decisions;
mod error;
mod gate;
mod health;
mod images;
mod journal;
mod links;
mod location;
mod notices;
mod pack;
mod parts;
mod plans;
mod pushed;
mod readings;
mod replies;
mod runs;
pub mod sabotage;
mod seal;
mod sql;
mod standing;
mod tokens;
mod transfer;
mod triggers;
mod vital;

use std::sync::Arc;

use model::{Actor, Digest, Proof};

use crate::db::{Db, args};
use crate::gate::Through;
use crate::pushed::Pushing;

pub use audit::{AuditFault, AuditHead, AuditReport};
pub use connections::{Epoch, StoredSession};
pub use coverage::CoverageNote;
pub use decisions::Decided;
pub use error::StoreError;
pub use gate::{Gate, Operation};
pub use journal::{Entry, Journal};
pub use location::{Location, LocationError, Server};
pub use notices::NoticeMove;
pub use plans::{CountedRow, LatestFindings, Mark, PlanStatus, PlanSummary, StoredPlan};
pub use pushed::{Pushed, PushedChange, PushedGone, PushedGroup, PushedUser, PushedWhat, Written};
pub use replies::{Begun, Replied};
pub use seal::SealKey;
pub use standing::{StandingLimit, StandingWord};
pub use transfer::{Contents, Copied, Heard, Tally};
pub use triggers::TriggerEnd;

/// The store of one organization; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct Store {
    db: Db,
    at: Arc<Location>,
    journal: Journal,
    pushing: Pushing,
    key: Option<SealKey>,
    /// Who works with it, for what has no name of its own in it.
    actor: Actor,
}

impl Store {
    /// Opens a store, makes it when there is none, and brings it to this program's schema: a SQLite file, readable by its owner
    /// only, or a schema of a PostgreSQL database.  Must be called within a tokio runtime, which must live as long as the store.
    ///
    /// # Errors
    /// [`StoreError::CannotOpen`] when it cannot be made or reached, is damaged or is no store; [`StoreError::NewerSchema`].
    pub async fn open(at: impl Into<Location>) -> Result<Self, StoreError> {
        Self::open_with(at.into(), Through::default()).await
    }

    /// As [`Store::open`], with something standing before the database: for simulation and fault sweeps.
    ///
    /// # Errors
    /// As [`Store::open`], and what the gate fails it with.
    pub async fn open_behind(gate: Arc<dyn Gate>, at: impl Into<Location>) -> Result<Self, StoreError> {
        Self::open_with(at.into(), Through(Some(gate))).await
    }

    async fn open_with(at: Location, gate: Through) -> Result<Self, StoreError> {
        let db = Db::open(&at, gate).await?;
        let actor = Actor { name: "somebody".into(), proof: Proof::Unauthenticated };
        Ok(Self { journal: Journal::begin(db.clone()), pushing: Pushing::begin(db.clone()), db, at: Arc::new(at), key: None, actor })
    }

    /// Where it is.
    pub fn location(&self) -> &Location {
        &self.at
    }

    /// The same store, able to keep secrets: sealed with this key, never in clear.
    pub fn sealed(mut self, key: SealKey) -> Self {
        self.key = Some(key);
        self
    }

    /// A mark of something that is not kept itself, such as credentials: the same for the same, and telling nothing to who has not the key.
    /// None without a key.
    pub fn mark_of(&self, of: &Digest) -> Option<Digest> {
        self.key.as_ref().map(|key| key.mark(of))
    }

    /// The same store, in the hands of this actor: what the audit trail says of runs, of being let into an app and of copies.
    pub fn acting_as(mut self, actor: Actor) -> Self {
        self.actor = actor;
        self
    }

    /// Ends all connections to the database; whatever was acknowledged is kept with or without this.
    pub async fn close(&self) {
        self.db.close().await;
    }

    /// A small value kept under a name ("organization", …), if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn meta(&self, name: &str) -> Result<Option<String>, StoreError> {
        self.db.fetch_one(sql::META, args![name]).await?.map(|row| row.text(0)).transpose()
    }

    /// All small values whose names begin so: the rest of the name, and the value.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn metas(&self, prefix: &str) -> Result<Vec<(String, String)>, StoreError> {
        let rows = self.db.fetch(sql::METAS, args![prefix, format!("{prefix}\u{10ffff}")]).await?;
        rows.iter().map(|row| Ok((row.text(0)?.split_off(prefix.len()), row.text(1)?))).collect()
    }

    /// Keeps a small value under a name, in place of the one before.  Not for secrets.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute(sql::SET_META, args![name, value]).await?;
        tx.commit().await
    }

    /// Keeps several small values, all or none.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_metas(&self, values: &[(String, String)]) -> Result<(), StoreError> {
        if values.is_empty() {
            return Ok(());
        }
        let mut tx = self.db.begin().await?;
        for (name, value) in values {
            tx.execute(sql::SET_META, args![name.as_str(), value.as_str()]).await?;
        }
        tx.commit().await
    }
}

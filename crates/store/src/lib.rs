//! The store: what Provost remembers.  SQLite now; every statement is written so that PostgreSQL takes it too.
//!
//! One [`Store`] is one organization's: readings, links, plans, decisions, runs with their journal, and one connection per app.
//! The store has no clock: whoever calls says when it is.  Times are kept to the millisecond.

mod connections;
mod db;
mod decisions;
mod error;
mod journal;
mod links;
mod pack;
mod plans;
mod readings;
mod runs;
mod seal;
mod sql;

use std::path::Path;

use crate::db::{Db, args};

pub use connections::{Epoch, StoredSession};
pub use decisions::Decided;
pub use error::StoreError;
pub use journal::{Entry, Journal};
pub use plans::{CountedRow, LatestFindings, PlanStatus, PlanSummary, StoredPlan};
pub use seal::SealKey;

/// The store of one organization; cheap to clone, all clones are one.
#[derive(Clone)]
pub struct Store {
    db: Db,
    journal: Journal,
    key: Option<SealKey>,
}

impl Store {
    /// Opens a SQLite file, makes it (readable by its owner only) when there is none, and brings it to this program's schema.
    /// Must be called within a tokio runtime, which must live as long as the store.
    ///
    /// # Errors
    /// [`StoreError::CannotOpen`] when the file cannot be made, is damaged or is no store; [`StoreError::NewerSchema`].
    pub async fn open(path: impl AsRef<Path>) -> Result<Self, StoreError> {
        let db = Db::open_sqlite(path.as_ref()).await?;
        Ok(Self { journal: Journal::begin(db.clone()), db, key: None })
    }

    /// The same store, able to keep secrets: sealed with this key, never in clear.
    pub fn sealed(mut self, key: SealKey) -> Self {
        self.key = Some(key);
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

    /// Keeps a small value under a name, in place of the one before.  Not for secrets.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn set_meta(&self, name: &str, value: &str) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        tx.execute(sql::SET_META, args![name, value]).await?;
        tx.commit().await
    }
}

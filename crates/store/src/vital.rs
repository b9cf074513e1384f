//! Whether the store can be worked with, and how large it is: for whoever watches the server.

use crate::db::{args, newest_migration};
use crate::{Store, StoreError, sql};

impl Store {
    /// Whether the store answers and still is as this program wants it: a newer one may have changed its schema since it was opened.
    ///
    /// # Errors
    /// [`StoreError::NewerSchema`]; whatever keeps the database from answering.
    pub async fn ready(&self) -> Result<(), StoreError> {
        let row = self.db.fetch_one(sql::MIGRATED, args![]).await?;
        let version = row.map_or(Ok(0), |row| row.int(0))?;
        if version > newest_migration() {
            return Err(StoreError::NewerSchema { path: self.at.to_string(), version });
        }
        Ok(())
    }

    /// How many bytes the database has for it.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn size(&self) -> Result<u64, StoreError> {
        let row = self.db.fetch_one(self.db.size_statement(), args![]).await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?.unsigned_abs()))
    }
}

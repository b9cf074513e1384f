//! How many of the people who work here had their accounts, planning by planning.

use jiff::Timestamp;
use model::AppName;

use crate::db::args;
use crate::pack::{millis, time};
use crate::{Store, StoreError, sql};

/// So many people, as of a planning for everybody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CoverageNote {
    /// When it was read.
    pub at: Timestamp,
    /// In which app.
    pub app: AppName,
    /// Who work here, by the status column.
    pub here: u64,
    /// Of these, who have an active account that is linked to them.
    pub with_account: u64,
    /// Who left and have one all the same.
    pub left_with_account: u64,
}

impl Store {
    /// Keeps these.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn put_coverage(&self, notes: &[CoverageNote]) -> Result<(), StoreError> {
        let mut tx = self.db.begin().await?;
        for note in notes {
            let count = |people: u64| i64::try_from(people).unwrap_or(i64::MAX);
            let row =
                args![millis(note.at), note.app.as_str(), count(note.here), count(note.with_account), count(note.left_with_account)];
            tx.execute(sql::COVERAGE_PUT, row).await?;
        }
        tx.commit().await
    }

    /// What was kept since then, the oldest first; of one instant by app.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn coverage_since(&self, since: Timestamp) -> Result<Vec<CoverageNote>, StoreError> {
        let rows = self.db.fetch(sql::COVERAGE_SINCE, args![millis(since)]).await?;
        let note = |row: &crate::db::Row| {
            let count = |column: usize| row.int(column).map(|people| u64::try_from(people).unwrap_or_default());
            Ok(CoverageNote {
                at: time(row.int(0)?, "a coverage")?,
                app: row.text(1)?.into(),
                here: count(2)?,
                with_account: count(3)?,
                left_with_account: count(4)?,
            })
        };
        rows.iter().map(note).collect()
    }
}

//! Before- and after-images: kept as long as configuration says, then removed from the journal.

use jiff::Timestamp;
use model::{Receipt, RunId};

use crate::db::args;
use crate::pack::{millis, pack, time, unpack};
use crate::{Store, StoreError, sql};

impl Store {
    /// Removes the images of runs that finished before `until` from their journals; which account a step made or touched stays.  One run at a
    /// time, so that nobody waits for long.  How many runs lost theirs.
    ///
    /// # Errors
    /// When the database fails, or a line of a journal is damaged.
    pub async fn sweep_images(&self, until: Timestamp, now: Timestamp) -> Result<u64, StoreError> {
        let mut swept = 0;
        for row in self.db.fetch(sql::RUNS_SWEPT, args![millis(until)]).await? {
            let run = row.text(0)?;
            let mut tx = self.db.begin().await?;
            if tx.execute(sql::RUN_SWEEP, args![run.as_str(), millis(now)]).await? == 0 {
                continue;
            }
            for line in tx.fetch(sql::JOURNAL, args![run.as_str()]).await? {
                let packed = line.bytes(7)?;
                if packed.is_empty() {
                    continue;
                }
                let receipt: Receipt = unpack(&packed, "a line of the journal")?;
                if receipt.before.is_some() || receipt.after.is_some() {
                    let bare = Receipt { account: receipt.account, ..Receipt::default() };
                    let bare = if bare == Receipt::default() { Vec::new() } else { pack(&bare) };
                    tx.execute(sql::JOURNAL_RECEIPT, args![run.as_str(), line.int(0)?, bare]).await?;
                }
            }
            tx.commit().await?;
            swept += 1;
        }
        Ok(swept)
    }

    /// When the images of a run were removed; none while they are there.
    ///
    /// # Errors
    /// [`StoreError::NotFound`].
    pub async fn images_swept(&self, run: &RunId) -> Result<Option<Timestamp>, StoreError> {
        let row = self.db.fetch_one(sql::RUN_SWEPT, args![run.as_str()]).await?;
        match row.ok_or_else(|| StoreError::NotFound { what: "run", name: run.to_string() })?.int(0)? {
            0 => Ok(None),
            at => time(at, "a run").map(Some),
        }
    }
}

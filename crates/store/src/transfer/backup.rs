//! A backup: one SQLite file with everything, whichever engine the store is on, sealed with its digest.

use std::path::Path;

use jiff::Timestamp;
use model::AuditWhat;

use super::copy::{Copied, For, copy};
use super::tally::tally;
use super::{Heard, Tally};
use crate::db::sqlite;
use crate::{Store, StoreError};

impl Store {
    /// Writes everything, as it is at one instant, into a new file that only its owner can read, while others go on to write.  The key
    /// that log-ins are sealed with is not in it.  The file appears whole or not at all.
    ///
    /// # Errors
    /// [`StoreError::Backup`] when the file is there already or cannot be written; when the database fails.
    pub async fn backup(&self, file: &Path, heard: &mut Heard<'_>) -> Result<Tally, StoreError> {
        let refused = |why: String, next| StoreError::Backup { path: file.display().to_string(), why, next };
        let cannot =
            |error: std::io::Error| refused(format!("cannot be written: {error}"), "name a file in a folder that you may write to");
        if file.symlink_metadata().is_ok() {
            return Err(refused("is there already".into(), "name a new file: a backup replaces nothing"));
        }
        let folder = match file.parent() {
            Some(folder) if folder != Path::new("") => folder,
            _ => Path::new("."),
        };
        // In the same folder, so that it can be moved into its place at once.
        let partial = tempfile::Builder::new().prefix(".provost-backup-").tempdir_in(folder).map_err(cannot)?;
        let made = partial.path().join("backup");
        let other = Self::open(&made).await?;
        let copied = copy(self, &other, None, For::Keeping, heard).await;
        other.close().await;
        let tally = copied?.tally;
        sqlite::seal_backup(&made, &tally.digest.to_string()).await?;
        std::fs::File::open(&made).and_then(|made| made.sync_all()).map_err(cannot)?;
        // A link fails where the file has come to be meanwhile; not every file system has links.
        match std::fs::hard_link(&made, file) {
            Err(error) if error.kind() != std::io::ErrorKind::AlreadyExists => std::fs::rename(&made, file).map_err(cannot)?,
            other => other.map_err(cannot)?,
        }
        std::fs::File::open(folder).and_then(|folder| folder.sync_all()).map_err(cannot)?;
        Ok(tally)
    }

    /// Brings a backup into this store; it is verified first, and the file stays as it is.  All or nothing; what has to hold is as
    /// for [`Store::copy_to`].
    ///
    /// # Errors
    /// [`StoreError::Backup`] when the file is no backup or is damaged; [`StoreError::NewerSchema`]; as [`Store::copy_to`].
    pub async fn restore(&self, file: &Path, replace: bool, now: Timestamp, heard: &mut Heard<'_>) -> Result<Copied, StoreError> {
        let refused = |why: String, next| StoreError::Backup { path: file.display().to_string(), why, next };
        let cannot =
            |error: std::io::Error| refused(format!("cannot be read: {error}"), "name a file that `provost store backup` wrote");
        // Verified and brought to this version's tables as a copy: the file may be all that there is.
        let scratch = tempfile::tempdir().map_err(cannot)?;
        let copied = scratch.path().join("backup");
        std::fs::copy(file, &copied).map_err(cannot)?;
        let damaged = |why: &dyn std::fmt::Display| refused(format!("is damaged ({why})"), "use another backup; nothing was changed");
        let (db, digest) = match sqlite::open_backup(&copied).await {
            Ok(Some(opened)) => opened,
            Ok(None) => {
                let next = "name a file that `provost store backup` wrote; a store is copied with `provost store copy`";
                return Err(refused("is no backup".into(), next));
            }
            Err(error) => return Err(damaged(&error)),
        };
        let found = match db.snapshot().await {
            Ok(mut all) => tally(&mut all, &mut |table, done, total| heard(&format!("{table}, verified"), done, total)).await,
            Err(error) => Err(error),
        };
        db.close().await;
        if found.map_err(|error| damaged(&error))?.digest.to_string() != digest {
            return Err(damaged(&"its rows do not have its digest"));
        }
        sqlite::unseal_backup(&copied).await.map_err(|error| damaged(&error))?;
        let from = Self::open(copied).await.map_err(|error| match error {
            StoreError::NewerSchema { version, .. } => StoreError::NewerSchema { path: file.display().to_string(), version },
            other => damaged(&other),
        })?;
        let purpose = For::Work { what: AuditWhat::Restored, now };
        let copied = copy(&from, self, replace.then_some(now), purpose, heard).await;
        from.close().await;
        copied
    }
}

//! Whether a SQLite store still is where it was opened: a file that was removed or replaced goes on to take writes that nobody finds again.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::StoreError;

/// The store's file, as it was opened.
#[derive(Debug)]
pub(crate) struct Placed {
    path: PathBuf,
    /// Which file that is; none before the first connection.
    opened: Mutex<Option<Identity>>,
}

/// Device and number of a file; nothing where the system has none, and there an open file cannot be removed.
type Identity = (u64, u64);

impl Placed {
    /// For a store at this path; nothing is looked at yet.
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned(), opened: Mutex::default() }
    }

    /// Notes which file a writing connection has just opened.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when the store was another file before.
    pub(crate) fn opened(&self) -> Result<(), StoreError> {
        let mut opened = self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        let now = identity(&self.path);
        if opened.is_some() && *opened != now {
            return Err(self.moved());
        }
        *opened = now;
        Ok(())
    }

    /// Whether what was just committed can be found again.
    ///
    /// # Errors
    /// [`StoreError::Moved`] when it cannot.
    pub(crate) fn still(&self) -> Result<(), StoreError> {
        let opened = *self.opened.lock().unwrap_or_else(PoisonError::into_inner);
        if opened == identity(&self.path) { Ok(()) } else { Err(self.moved()) }
    }

    fn moved(&self) -> StoreError {
        StoreError::Moved { path: self.path.display().to_string() }
    }
}

#[cfg(unix)]
fn identity(path: &Path) -> Option<Identity> {
    use std::os::unix::fs::MetadataExt as _;
    std::fs::metadata(path).ok().map(|file| (file.dev(), file.ino()))
}

#[cfg(not(unix))]
fn identity(_: &Path) -> Option<Identity> {
    None
}

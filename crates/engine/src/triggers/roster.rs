//! Watched rosters: a file, or a folder that exports are put into.
//!
//! Looked at time and again: a network share, where exports most often are, tells nobody of changes.  A file that is still being written is not
//! read: it has to be the same, in size and time, for two looks in a row.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::SystemTime;

use model::{SourceName, digest_of};

use super::Cause;
use crate::roster::newest;
use crate::{Engine, EngineError};

/// Under which name `meta` keeps which file was planned for last.
const SEEN: &str = "roster.seen.";

/// A file as it looks from outside.
type Looks = (PathBuf, u64, SystemTime);

/// What was seen of watched rosters a look ago.
#[derive(Debug, Default)]
pub struct Watched(BTreeMap<SourceName, Option<Looks>>);

impl Engine {
    /// Whether any roster is watched.
    pub fn watches_rosters(&self) -> bool {
        self.setup.sources.values().any(|source| source.watch)
    }

    /// Looks at the watched rosters; keeps a trigger for each that was written since it was last planned for and holds still since the last look.
    ///
    /// # Errors
    /// The store fails.
    pub async fn look_at_rosters(&self, watched: &mut Watched) -> Result<Vec<Cause>, EngineError> {
        let mut causes = Vec::new();
        for (name, source) in self.setup.sources.iter().filter(|(_, source)| source.watch) {
            let looks = newest(&source.path).ok().and_then(|path| {
                let about = std::fs::metadata(&path).ok()?;
                Some((path, about.len(), about.modified().ok()?))
            });
            let before = watched.0.insert(name.clone(), looks.clone());
            let Some((path, length, written)) = looks.clone().filter(|_| before == Some(looks)) else { continue };
            let written = written.duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_nanos());
            let mark = digest_of(&(path.to_string_lossy(), length, written.to_string())).to_string();
            let kept = format!("{SEEN}{name}");
            if self.store.meta(&kept).await?.as_ref() == Some(&mark) {
                continue;
            }
            let cause = Cause::Roster(name.clone());
            let trigger = self.trigger(&cause, "written", mark.clone(), self.ports.clock.now());
            self.store.put_triggers(&[trigger]).await?;
            self.store.set_meta(&kept, &mark).await?;
            causes.push(cause);
        }
        Ok(causes)
    }
}

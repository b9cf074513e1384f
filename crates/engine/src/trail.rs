//! Looking through the audit trail: which entries are meant, a page at a time.

use jiff::Timestamp;
use model::{AuditWhat, Audited};

use crate::{Engine, EngineError};

/// How many entries are looked at at once.
const AT_ONCE: u32 = 1000;

/// Which entries of the audit trail are meant; all where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Not before this instant.
    pub since: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// By this name.
    pub actor: Option<String>,
    /// About this: a plan's digest or its first digits, a run's id, an app, or `plan:`, `run:`, `app:` and the beginning.
    pub subject: Option<String>,
    /// Of one of these kinds, by their words.
    pub what: Vec<String>,
}

impl AuditFilter {
    /// Whether it means this entry.
    pub fn takes(&self, entry: &Audited) -> bool {
        let about = |wanted: &String| {
            let name = entry.subject.split_once(':').map_or(entry.subject.as_str(), |(_, name)| name);
            entry.subject.starts_with(wanted.as_str()) || name.starts_with(wanted.as_str())
        };
        self.since.is_none_or(|since| entry.at >= since)
            && self.until.is_none_or(|until| entry.at < until)
            && self.actor.as_ref().is_none_or(|actor| entry.by() == actor)
            && self.subject.as_ref().is_none_or(about)
            && (self.what.is_empty() || self.what.contains(&entry.what))
    }

    /// The first of its kinds that is none: a typing error, not an empty list.
    pub fn unknown(&self) -> Option<&str> {
        let is_known = |word: &&String| AuditWhat::ALL.iter().any(|what| what.word() == word.as_str());
        self.what.iter().find(|word| !is_known(word)).map(String::as_str)
    }
}

impl Engine {
    /// The next entries after this place that are meant, so many at most; as they are kept, not verified.
    ///
    /// # Errors
    /// The store fails.
    pub async fn trail(&self, filter: &AuditFilter, mut after: u64, most: usize) -> Result<Vec<Audited>, EngineError> {
        let mut found = Vec::new();
        loop {
            let entries = self.store.audited_after(after, AT_ONCE).await?;
            let Some(last) = entries.last() else { return Ok(found) };
            after = last.seq;
            let left = most.saturating_sub(found.len());
            found.extend(entries.into_iter().filter(|entry| filter.takes(entry)).take(left));
            if found.len() >= most {
                return Ok(found);
            }
        }
    }
}

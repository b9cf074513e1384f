//! Lists that were found and sorted for a first page and are kept for the pages after it, until something changes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

/// How many are kept; the oldest gives way.
const KEPT: usize = 8;

/// Lists no longer than this are found anew for each page.
const WORTH_KEEPING: usize = 100;

/// Lists of ids by what was asked for.
#[derive(Debug, Default)]
pub(super) struct Lists {
    kept: Mutex<VecDeque<(String, Arc<[Uuid]>)>>,
    /// Held by who finds a list, so that many who ask for one at once do not all sort the whole portal.
    finding: Mutex<()>,
}

impl Lists {
    /// The list that was kept under a question, else the one that `find` gives.
    pub(super) fn find(&self, question: String, find: impl FnOnce() -> Arc<[Uuid]>) -> Arc<[Uuid]> {
        if let Some(list) = self.get(&question) {
            return list;
        }
        let _finding = self.finding.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(list) = self.get(&question) {
            return list;
        }
        let list = find();
        if list.len() > WORTH_KEEPING {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.truncate(KEPT - 1);
            kept.push_front((question, Arc::clone(&list)));
        }
        list
    }

    fn get(&self, question: &str) -> Option<Arc<[Uuid]>> {
        let kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == question).map(|(_, list)| Arc::clone(list))
    }

    /// Forgets all: something changed.
    pub(super) fn clear(&mut self) {
        self.kept.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

//! Lists that were found and sorted for a first page and are kept for the pages after it, until something changes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use uuid::Uuid;

/// How many are kept; the oldest gives way.
const KEPT: usize = 8;

/// Lists of ids by what was asked for.
#[derive(Debug, Default)]
pub(super) struct Lists(Mutex<VecDeque<(String, Arc<[Uuid]>)>>);

impl Lists {
    /// The list that was kept under a question.
    pub(super) fn get(&self, question: &str) -> Option<Arc<[Uuid]>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.iter().find(|(known, _)| known == question).map(|(_, list)| Arc::clone(list))
    }

    /// Keeps a list.
    pub(super) fn put(&self, question: String, list: Arc<[Uuid]>) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(known, _)| *known != question);
        kept.truncate(KEPT - 1);
        kept.push_front((question, list));
    }

    /// Forgets all: something changed.
    pub(super) fn clear(&mut self) {
        self.0.get_mut().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

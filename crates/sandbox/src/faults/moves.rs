//! Records that move between pages while somebody reads (traps L03, A05).
//!
//! No state changes, and so the ledger has nothing to say: what moves is where the lists show a record.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// How often a list has to be begun anew before another of its records moves: whoever reads it a second time, first page looked at once
/// more, gets all of it.
const CALM: u32 = 3;
/// How many records of one list may have moved; no more do then.
const MOST: usize = 64;

/// The lists that have such records.
#[derive(Debug, Default)]
pub(crate) struct Moves(Mutex<HashMap<String, List>>);

#[derive(Debug, Default)]
struct List {
    /// Places of the records that moved, counted from the list's end, where new records do not shift them; the last one stands first.
    moved: Vec<usize>,
    /// How often it was begun since the last one moved.
    begun: u32,
}

/// One request's part in it.
#[derive(Debug, Clone)]
pub(crate) struct Shuffle {
    moves: Arc<Moves>,
    list: String,
    /// Whether a record is to move.
    moving: bool,
    moved: Arc<AtomicBool>,
}

impl Shuffle {
    pub(crate) fn new(moves: &Arc<Moves>, list: String, moving: bool) -> Self {
        Self { moves: Arc::clone(moves), list, moving, moved: Arc::default() }
    }

    /// Whether a record moved for this request.
    pub(crate) fn has_moved(&self) -> bool {
        self.moved.load(Ordering::Relaxed)
    }

    /// Which rows, of `total` in their own order, stand at `offset` and on, at most `limit`; None: those that would anyway.
    pub(crate) fn rows(&self, total: usize, offset: usize, limit: usize) -> Option<Vec<usize>> {
        let mut lists = self.moves.0.lock().unwrap_or_else(PoisonError::into_inner);
        let can_move = self.moving && offset > 0 && offset < total;
        if !can_move && !lists.contains_key(&self.list) {
            return None;
        }
        let known = lists.contains_key(&self.list);
        let list = lists.entry(self.list.clone()).or_default();
        list.begun = list.begun.saturating_add(u32::from(offset == 0));
        if can_move && (!known || list.begun >= CALM) && list.moved.len() < MOST {
            let row = list.row(offset, total);
            list.moved.push(total - 1 - row);
            list.begun = 0;
            self.moved.store(true, Ordering::Relaxed);
        }
        Some((offset.min(total)..offset.saturating_add(limit).min(total)).map(|place| list.row(place, total)).collect())
    }
}

impl List {
    /// The row that stands at this place.
    fn row(&self, place: usize, total: usize) -> usize {
        let mut first: Vec<usize> = self.moved.iter().rev().filter_map(|from_end| (total - 1).checked_sub(*from_end)).collect();
        if let Some(row) = first.get(place) {
            return *row;
        }
        let mut row = place - first.len();
        first.sort_unstable();
        for moved in first {
            row += usize::from(moved <= row);
        }
        row
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    /// Reads ten rows in pages of three, a record moving at the page that begins with row `at`.
    fn walk(moves: &Arc<Moves>, at: Option<usize>) -> Vec<usize> {
        let page = |offset| Shuffle::new(moves, "users".to_owned(), at == Some(offset)).rows(10, offset, 3);
        [0, 3, 6, 9].into_iter().flat_map(|offset| page(offset).unwrap_or_else(|| (offset..(offset + 3).min(10)).collect())).collect()
    }

    #[test]
    fn l03_one_record_is_missed_one_comes_twice_and_the_next_walk_has_all() {
        let moves = Arc::default();
        assert_eq!(walk(&moves, None), (0..10).collect::<Vec<_>>());
        let during = walk(&moves, Some(6));
        assert_eq!(during, [0, 1, 2, 3, 4, 5, 5, 7, 8, 9]);
        let after = walk(&moves, None);
        assert_eq!(after, [6, 0, 1, 2, 3, 4, 5, 7, 8, 9]);
        assert_eq!(walk(&moves, Some(3)), after, "calm for two walks");
        assert_eq!(walk(&moves, Some(3)).iter().collect::<BTreeSet<_>>().len(), 9, "and then not");
        assert_eq!(walk(&moves, None).iter().collect::<BTreeSet<_>>().len(), 10);
    }

    #[test]
    fn nothing_moves_on_the_first_page_or_past_the_end() {
        let moves = Arc::default();
        for offset in [0, 10, 99] {
            let shuffle = Shuffle::new(&moves, "users".to_owned(), true);
            assert_eq!((shuffle.rows(10, offset, 3), shuffle.has_moved()), (None, false));
        }
    }
}

//! Numbers for the records of a reading that stay the same from one reading to the next, whatever comes and goes between them.

use crate::index::{Index, NONE};

/// The records of one reading.  What is remembered about a record is remembered by its slot.
#[derive(Default)]
pub(crate) struct Slots {
    /// Key → slot.
    index: Index,
    /// By slot: the hash of the whole record; 0 when the slot is free.
    marks: Vec<u64>,
    /// By slot: where the record stands in the reading.
    at: Vec<u32>,
    /// By place in the reading: the slot.
    order: Vec<u32>,
    free: Vec<u32>,
}

impl Slots {
    /// How many slots there are, free ones included.
    pub(crate) fn len(&self) -> usize {
        self.marks.len()
    }

    /// The slots of all records, in the order of the reading.
    pub(crate) fn order(&self) -> &[u32] {
        &self.order
    }

    /// Whether a record has this slot.
    pub(crate) fn is_used(&self, slot: usize) -> bool {
        self.at[slot] != NONE
    }

    /// Where the record stands in the reading.
    pub(crate) fn place(&self, slot: usize) -> usize {
        self.at[slot] as usize
    }

    /// The hash of the whole record.
    pub(crate) fn mark(&self, slot: usize) -> u64 {
        self.marks[slot]
    }

    /// The hash of the record's key.
    pub(crate) fn key(&self, slot: usize) -> u64 {
        self.index.hash_of(slot as u32)
    }

    /// The slots of records whose keys have this hash.
    pub(crate) fn with_key(&self, key: u64) -> impl Iterator<Item = usize> {
        self.index.with(key).map(|slot| slot as usize)
    }

    /// Whether two records have the same key (or the same hash of it).
    pub(crate) fn has_twins(&self) -> bool {
        self.index.has_twins()
    }

    /// Takes the next reading, as the hash of each record's key and that of the whole record, and gives every slot whose record is another
    /// one than before: came, changed, or gone.
    pub(crate) fn align(&mut self, records: &[(u64, u64)]) -> Vec<u32> {
        let before = std::mem::take(&mut self.order);
        let mut seen = vec![false; self.len()];
        let mut moved = Vec::new();
        let mut came = Vec::new();
        let mut next = 0;
        self.order.reserve_exact(records.len());
        for (place, (key, mark)) in records.iter().enumerate() {
            // Readings are in order of their keys: nearly always it is the one after the last.
            let expected = before.get(next).copied().filter(|slot| self.index.hash_of(*slot) == *key && !seen[*slot as usize]);
            let Some(slot) = expected.or_else(|| self.index.with(*key).find(|slot| !seen[*slot as usize])) else {
                came.push(place);
                self.order.push(NONE);
                continue;
            };
            let at = slot as usize;
            seen[at] = true;
            next = self.at[at] as usize + 1;
            self.at[at] = place as u32;
            self.order.push(slot);
            if self.marks[at] != *mark {
                self.marks[at] = *mark;
                moved.push(slot);
            }
        }
        for slot in before.into_iter().filter(|slot| !seen[*slot as usize]) {
            self.index.remove(slot);
            self.marks[slot as usize] = 0;
            self.at[slot as usize] = NONE;
            self.free.push(slot);
            moved.push(slot);
        }
        for place in came {
            let slot = self.free.pop().unwrap_or_else(|| {
                self.marks.push(0);
                self.at.push(NONE);
                self.marks.len() as u32 - 1
            });
            let (key, mark) = records[place];
            self.index.insert(slot, key);
            self.marks[slot as usize] = mark;
            self.at[slot as usize] = place as u32;
            self.order[place] = slot;
            moved.push(slot);
        }
        moved.sort_unstable();
        moved.dedup();
        moved
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_record_keeps_its_slot_and_what_moved_is_told(
            readings in prop::collection::vec(prop::collection::btree_map(1u64..30, 1u64..4, 0..25), 1..8),
            backwards: bool,
        ) {
            let mut slots = Slots::default();
            let mut was: BTreeMap<u64, (u64, u32)> = BTreeMap::new();
            for reading in readings {
                let mut records: Vec<(u64, u64)> = reading.into_iter().collect();
                if backwards {
                    records.reverse();
                }
                let moved = slots.align(&records);
                let mut now = BTreeMap::new();
                for (place, (key, mark)) in records.iter().enumerate() {
                    let slot = slots.order()[place];
                    prop_assert_eq!(slots.place(slot as usize), place);
                    prop_assert_eq!(slots.mark(slot as usize), *mark);
                    prop_assert_eq!(slots.with_key(*key).collect::<Vec<_>>(), vec![slot as usize]);
                    match was.get(key) {
                        Some((before, same)) => {
                            prop_assert_eq!(slot, *same);
                            prop_assert_eq!(moved.contains(&slot), before != mark);
                        }
                        None => prop_assert!(moved.contains(&slot)),
                    }
                    now.insert(*key, (*mark, slot));
                }
                for (key, (_, slot)) in &was {
                    prop_assert!(now.contains_key(key) || moved.contains(slot));
                }
                was = now;
            }
        }
    }
}

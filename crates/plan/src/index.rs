//! Which records have a value: hash → slots, in 20 bytes a record.

/// No slot, no place.
pub(crate) const NONE: u32 = u32::MAX;

/// Hash → slots.  Slots of one hash are in no particular order; whether they have the value itself is for the caller to look up.
#[derive(Default)]
pub(crate) struct Index {
    /// By slot: its hash; 0 when it is not in here.
    hashes: Vec<u64>,
    /// By slot: the next one of the same hash.
    next: Vec<u32>,
    /// The first slot of each hash, by the hash's low bits, else further on; a power of two of them.
    table: Vec<u32>,
    /// How many hashes there are.
    count: usize,
    /// How many slots are not the first of their hash.
    twins: usize,
}

impl Index {
    /// Nothing yet, with room for so many.
    pub(crate) fn with_room(count: usize) -> Self {
        let mut index = Self::default();
        index.hashes.reserve_exact(count);
        index.next.reserve_exact(count);
        index.table = vec![NONE; (count * 8 / 5 + 1).next_power_of_two()];
        index
    }

    /// The hash under which a slot is in here, or 0.
    pub(crate) fn hash_of(&self, slot: u32) -> u64 {
        self.hashes.get(slot as usize).copied().unwrap_or_default()
    }

    /// Whether any two slots have the same hash.
    pub(crate) fn has_twins(&self) -> bool {
        self.twins > 0
    }

    /// All slots of a hash.
    pub(crate) fn with(&self, hash: u64) -> impl Iterator<Item = u32> {
        let first = if self.table.is_empty() { NONE } else { self.table[self.place(hash)] };
        std::iter::successors((first != NONE).then_some(first), |slot| {
            let next = self.next[*slot as usize];
            (next != NONE).then_some(next)
        })
    }

    /// Adds a slot that is not in here.
    pub(crate) fn insert(&mut self, slot: u32, hash: u64) {
        if self.table.len() * 5 <= (self.count + 1) * 8 {
            self.grow();
        }
        let at = slot as usize;
        if self.hashes.len() <= at {
            self.hashes.resize(at + 1, 0);
            self.next.resize(at + 1, NONE);
        }
        debug_assert_eq!(self.hashes[at], 0, "the slot is in the index");
        let place = self.place(hash);
        self.hashes[at] = hash;
        self.next[at] = self.table[place];
        if self.table[place] == NONE {
            self.count += 1;
        } else {
            self.twins += 1;
        }
        self.table[place] = slot;
    }

    /// Takes a slot out and gives the hash that it had; 0 when it was not in here.
    pub(crate) fn remove(&mut self, slot: u32) -> u64 {
        let hash = self.hash_of(slot);
        if hash == 0 {
            return 0;
        }
        let place = self.place(hash);
        let next = self.next[slot as usize];
        if self.table[place] != slot {
            let mut before = self.table[place];
            while self.next[before as usize] != slot {
                before = self.next[before as usize];
            }
            self.next[before as usize] = next;
            self.twins -= 1;
        } else if next != NONE {
            self.table[place] = next;
            self.twins -= 1;
        } else {
            self.close(place);
            self.count -= 1;
        }
        self.hashes[slot as usize] = 0;
        self.next[slot as usize] = NONE;
        hash
    }

    /// Where the hash is in the table, or would be.
    fn place(&self, hash: u64) -> usize {
        let mask = self.table.len() - 1;
        let mut place = hash as usize & mask;
        while self.table[place] != NONE && self.hashes[self.table[place] as usize] != hash {
            place = (place + 1) & mask;
        }
        place
    }

    /// Empties a place and moves up what had to go past it.
    fn close(&mut self, mut hole: usize) {
        let mask = self.table.len() - 1;
        let mut at = hole;
        loop {
            at = (at + 1) & mask;
            if self.table[at] == NONE {
                break;
            }
            let home = self.hashes[self.table[at] as usize] as usize & mask;
            if (at.wrapping_sub(home) & mask) >= (at.wrapping_sub(hole) & mask) {
                self.table[hole] = self.table[at];
                hole = at;
            }
        }
        self.table[hole] = NONE;
    }

    fn grow(&mut self) {
        let size = (self.table.len() * 2).max(16);
        let old = std::mem::replace(&mut self.table, vec![NONE; size]);
        for first in old.into_iter().filter(|first| *first != NONE) {
            let place = self.place(self.hashes[first as usize]);
            self.table[place] = first;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeMap, BTreeSet};

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_says_what_a_map_of_sets_says(work in prop::collection::vec((0u32..40, 1u64..25, any::<bool>()), 0..300)) {
            let mut index = Index::default();
            let mut model: BTreeMap<u32, u64> = BTreeMap::new();
            for (slot, hash, spread) in work {
                // Hashes that want the same place, and hashes that do not.
                let hash = if spread { hash } else { hash << 20 };
                match model.remove(&slot) {
                    Some(was) => prop_assert_eq!(index.remove(slot), was),
                    None => {
                        index.insert(slot, hash);
                        model.insert(slot, hash);
                    }
                }
                for hash in (1u64..25).flat_map(|hash| [hash, hash << 20]) {
                    let is: BTreeSet<u32> = index.with(hash).collect();
                    let should: BTreeSet<u32> = model.iter().filter(|(_, of)| **of == hash).map(|(slot, _)| *slot).collect();
                    prop_assert_eq!(is, should);
                }
                let hashes: BTreeSet<&u64> = model.values().collect();
                prop_assert_eq!(index.has_twins(), hashes.len() < model.len());
            }
        }
    }
}

//! User names in order, with a quick way to the nth of them: blocks of a few hundred names each, so that a page far into a
//! list costs what the first one does, and a new name moves only the names of its block.

use std::ops::Range;

use uuid::Uuid;

/// A block that grows beyond this is cut in two.
const BLOCK: usize = 512;

/// Folded names and whose they are; each name once.
#[derive(Debug, Default)]
pub(super) struct Names {
    /// None is empty.
    blocks: Vec<Vec<(String, Uuid)>>,
}

impl Names {
    /// Whose name it is.
    pub(super) fn get(&self, name: &str) -> Option<Uuid> {
        let (block, place) = self.find(name);
        place.ok().map(|at| self.blocks[block][at].1)
    }

    /// Gives a name to somebody, whoever had it.
    pub(super) fn insert(&mut self, name: String, id: Uuid) {
        if self.blocks.is_empty() {
            self.blocks.push(Vec::new());
        }
        let (block, place) = self.find(&name);
        match place {
            Ok(at) => self.blocks[block][at].1 = id,
            Err(at) => {
                self.blocks[block].insert(at, (name, id));
                if self.blocks[block].len() > BLOCK {
                    let half = self.blocks[block].split_off(BLOCK / 2);
                    self.blocks.insert(block + 1, half);
                }
            }
        }
    }

    /// Takes a name out.
    pub(super) fn remove(&mut self, name: &str) {
        let (block, place) = self.find(name);
        if let Ok(at) = place {
            self.blocks[block].remove(at);
            if self.blocks[block].is_empty() {
                self.blocks.remove(block);
            }
        }
    }

    /// Who has the names in that range of the order, which is cut at the end.
    pub(super) fn part(&self, range: Range<usize>) -> impl DoubleEndedIterator<Item = Uuid> {
        let mut before = 0;
        let blocks = self.blocks.iter().flat_map(move |block| {
            let begin = range.start.saturating_sub(before).min(block.len());
            let end = range.end.saturating_sub(before).min(block.len());
            before += block.len();
            &block[begin..end.max(begin)]
        });
        blocks.map(|(_, id)| *id).collect::<Vec<_>>().into_iter()
    }

    /// The block where a name is or would be, and its place there.
    fn find(&self, name: &str) -> (usize, Result<usize, usize>) {
        let before = |block: &Vec<(String, Uuid)>| block.last().is_some_and(|(last, _)| last.as_str() < name);
        let block = self.blocks.partition_point(before).min(self.blocks.len().saturating_sub(1));
        let place = self.blocks.get(block).map_or(Err(0), |names| names.binary_search_by(|(known, _)| known.as_str().cmp(name)));
        (block, place)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;
    use crate::company::Chance;

    #[test]
    fn they_are_what_an_ordered_map_is() {
        let (mut names, mut plain, mut chance) = (Names::default(), BTreeMap::new(), Chance::new(7));
        for step in 0..20_000_u128 {
            let name = format!("n{}", chance.below(4_000));
            if chance.below(3) == 0 {
                names.remove(&name);
                plain.remove(&name);
            } else {
                names.insert(name.clone(), Uuid::from_u128(step));
                plain.insert(name, Uuid::from_u128(step));
            }
        }
        let ids: Vec<Uuid> = plain.values().copied().collect();
        assert!(names.blocks.len() > 4 && names.blocks.iter().all(|block| !block.is_empty() && block.len() <= BLOCK));
        assert_eq!(names.part(0..usize::MAX).collect::<Vec<_>>(), ids);
        for begin in [0, 1, 255, 256, 511, 512, 1000, ids.len() - 1, ids.len(), ids.len() + 9] {
            let range = begin.min(ids.len())..(begin + 20).min(ids.len());
            assert_eq!(names.part(begin..begin + 20).collect::<Vec<_>>(), ids[range]);
        }
        for (name, id) in &plain {
            assert_eq!(names.get(name), Some(*id));
        }
        assert_eq!((names.get("absent"), Names::default().get("x")), (None, None));
    }
}

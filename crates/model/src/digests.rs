//! A digest over many records that does not depend on their order, and that a few changes do not make anew.

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::Digest;
use crate::canonical::digest_of;
use crate::cores::in_order;

/// Digests go into buckets by their own first twelve bits: among a million records, a change makes a quarter of a thousand digests anew.
const BUCKETS: usize = 1 << 12;
/// How many records a thread digests at a time.
const AT_ONCE: usize = 2048;

/// The digests of many records, kept so that one more or less is soon told.  Its own digest is that of the digests of its buckets; a
/// bucket's is that of its sorted members; of empty buckets nothing is said.  The order of records does not matter (P2); how many times
/// each is there does.
#[derive(Clone, Debug, Default)]
pub struct DigestSet {
    /// Empty, or [`BUCKETS`] of them, each sorted.
    buckets: Vec<Bucket>,
}

#[derive(Clone, Debug, Default)]
struct Bucket {
    members: Vec<Digest>,
    /// Of the members, once it was asked for.
    digest: Option<Digest>,
}

impl DigestSet {
    /// The digests of these records, made on all cores.
    pub fn of<T: Serialize + Sync>(records: &[T]) -> Self {
        let mut set = Self::default();
        let parts: Vec<&[T]> = records.chunks(AT_ONCE).collect();
        let digests = |at: usize| parts[at].iter().map(digest_of).collect::<Vec<Digest>>();
        in_order(parts.len(), digests, |digests| digests.into_iter().for_each(|digest| set.bucket(&digest).members.push(digest)));
        set.buckets.iter_mut().for_each(|bucket| bucket.members.sort_unstable());
        set
    }

    /// One more record, by its digest ([`digest_of`]).
    pub fn insert(&mut self, digest: Digest) {
        let bucket = self.bucket(&digest);
        let at = bucket.members.partition_point(|member| *member < digest);
        bucket.members.insert(at, digest);
        bucket.digest = None;
    }

    /// One record less; false when it was not there.
    pub fn remove(&mut self, digest: &Digest) -> bool {
        let bucket = self.bucket(digest);
        let Ok(at) = bucket.members.binary_search(digest) else { return false };
        bucket.members.remove(at);
        bucket.digest = None;
        true
    }

    /// The digest over all of them; only buckets that changed since it was asked for are digested again.
    pub fn digest(&mut self) -> Digest {
        let mut all = Sha256::new();
        for (at, bucket) in self.buckets.iter_mut().enumerate().filter(|(_, bucket)| !bucket.members.is_empty()) {
            let members = &bucket.members;
            let digest = bucket.digest.get_or_insert_with(|| {
                let mut hasher = Sha256::new();
                members.iter().for_each(|member| hasher.update(member.as_bytes()));
                Digest::new(hasher.finalize().into())
            });
            all.update((at as u64).to_be_bytes());
            all.update(digest.as_bytes());
        }
        Digest::new(all.finalize().into())
    }

    fn bucket(&mut self, digest: &Digest) -> &mut Bucket {
        if self.buckets.is_empty() {
            self.buckets.resize_with(BUCKETS, Bucket::default);
        }
        let [first, second, ..] = *digest.as_bytes();
        &mut self.buckets[usize::from(first) << 4 | usize::from(second) >> 4]
    }
}

/// A digest of many values that does not depend on their order (P2): that of their [`DigestSet`].
pub fn digest_set<T: Serialize + Sync>(values: &[T]) -> Digest {
    DigestSet::of(values).digest()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn p2_changes_give_the_digest_of_making_it_anew_in_any_order() {
        let mut records: Vec<u64> = (0..5000).chain([7, 7]).collect();
        let mut set = DigestSet::of(&records);
        let first = set.digest();
        assert_eq!(first, digest_set(&records.iter().rev().copied().collect::<Vec<_>>()));
        assert_ne!(first, digest_set(&records[..5001]), "how many times each is there matters");
        for n in 0..50 {
            let (old, new) = (records[n * 31], 100_000 + n as u64);
            records[n * 31] = new;
            assert!(set.remove(&digest_of(&old)));
            set.insert(digest_of(&new));
            assert_eq!(set.digest(), digest_set(&records));
        }
        assert!(!set.remove(&digest_of(&0_u64)), "it was changed before");
        records.iter().for_each(|record| assert!(set.remove(&digest_of(record))));
        assert_eq!(set.digest(), DigestSet::default().digest());
    }
}

//! RFC 8785 (JSON Canonicalization Scheme) and SHA-256: how a value becomes a digest (P2).

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::Digest;

/// The canonical JSON (RFC 8785) of a value of this crate.
///
/// Panics only if a value cannot be written as JSON at all, which no type of this crate can be: keys are text, numbers are integers.
pub fn canonical_json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json_canonicalizer::to_vec(value).expect("values of the model are JSON: text keys, integer numbers")
}

/// The SHA-256 of the canonical JSON of a value.
pub fn digest_of<T: Serialize>(value: &T) -> Digest {
    Digest::new(Sha256::digest(canonical_json(value)).into())
}

/// A digest of many values that does not depend on their order (P2): the digest of their sorted digests.
pub fn digest_set<'a, T: Serialize + 'a>(values: impl IntoIterator<Item = &'a T>) -> Digest {
    let mut digests: Vec<Digest> = values.into_iter().map(digest_of).collect();
    digests.sort_unstable();
    let mut hasher = Sha256::new();
    for digest in &digests {
        hasher.update(digest.as_bytes());
    }
    Digest::new(hasher.finalize().into())
}

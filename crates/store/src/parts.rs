//! Large bodies in parts: packed and unpacked on all cores, a few at a time, so that no text is ever there as a whole.

use model::in_order;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::db::{Row, Tx, args};
use crate::pack::{expand, pack, squeeze, unpack};

/// How many records go into a part.
const RECORDS: usize = 2048;
/// How many raw bytes go into a part.
const BYTES: usize = 1 << 20;

/// Records as packed parts.
pub(crate) fn pack_records<T: Serialize + Sync>(records: &[T]) -> Vec<Vec<u8>> {
    let slices: Vec<&[T]> = records.chunks(RECORDS).collect();
    let mut parts = Vec::with_capacity(slices.len());
    in_order(slices.len(), |at| pack(slices[at]), |part| parts.push(part));
    parts
}

/// Raw bytes as packed parts; at least one, so that nothing is told from not there.
pub(crate) fn pack_bytes(bytes: &[u8]) -> Vec<Vec<u8>> {
    let slices: Vec<&[u8]> = if bytes.is_empty() { vec![bytes] } else { bytes.chunks(BYTES).collect() };
    let mut parts = Vec::with_capacity(slices.len());
    in_order(slices.len(), |at| squeeze(slices[at]), |part| parts.push(part));
    parts
}

/// Adds the records of packed parts to those that are there already.
pub(crate) fn unpack_records<T: DeserializeOwned + Send>(
    parts: &[Vec<u8>],
    what: &str,
    records: &mut Vec<T>,
) -> Result<(), StoreError> {
    let mut failed = None;
    records.reserve_exact(parts.len() * RECORDS);
    in_order(
        parts.len(),
        |at| unpack::<Vec<T>>(&parts[at], what),
        |part| match part {
            Ok(part) => records.extend(part),
            Err(error) => drop(failed.get_or_insert(error)),
        },
    );
    records.shrink_to_fit();
    failed.map_or(Ok(()), Err)
}

/// The raw bytes of packed parts.
pub(crate) fn unpack_bytes(parts: &[Vec<u8>], what: &str) -> Result<Vec<u8>, StoreError> {
    let mut bytes = Vec::new();
    for part in parts {
        bytes.append(&mut expand(part, what)?);
    }
    Ok(bytes)
}

/// The packed parts in rows of their number and body, which must be all there are.
pub(crate) fn from_rows(rows: Vec<Row>, what: &str) -> Result<Vec<Vec<u8>>, StoreError> {
    let mut parts = Vec::with_capacity(rows.len());
    for row in rows {
        if row.int(0)? != count(parts.len()) {
            return Err(StoreError::corrupt(what, format!("its part {} is missing", parts.len())));
        }
        parts.push(row.bytes(1)?);
    }
    Ok(parts)
}

/// Puts parts in their rows; `key` is what stands before the number of the part.
pub(crate) async fn put(tx: &mut Tx, sql: &'static str, key: &[&str], parts: Vec<Vec<u8>>) -> Result<(), StoreError> {
    for (at, part) in parts.into_iter().enumerate() {
        let mut values: Vec<_> = key.iter().map(|word| (*word).into()).collect();
        values.append(&mut args![count(at), part]);
        tx.execute(sql, values).await?;
    }
    Ok(())
}

pub(crate) fn count(parts: usize) -> i64 {
    i64::try_from(parts).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn records_and_bytes_come_back_and_damage_is_said() {
        for count in [0, 1, RECORDS, RECORDS + 1, 5 * RECORDS] {
            let records: Vec<String> = (0..count).map(|n| format!("record {n}")).collect();
            let mut parts = pack_records(&records);
            assert_eq!(parts.len(), count.div_ceil(RECORDS));
            let mut read = vec!["before".to_owned()];
            unpack_records(&parts, "x", &mut read).unwrap();
            assert_eq!(read[1..], records);
            for at in 0..parts.len() {
                let part = std::mem::replace(&mut parts[at], b"damaged".to_vec());
                let refused = unpack_records::<String>(&parts, "x", &mut Vec::new());
                assert!(matches!(refused, Err(StoreError::Corrupt { .. })), "part {at} of {count}");
                parts[at] = part;
            }
        }
        for count in [0, 1, BYTES, 3 * BYTES + 7] {
            let bytes: Vec<u8> = (0..count).map(|n| n.to_le_bytes()[n % 3]).collect();
            let parts = pack_bytes(&bytes);
            assert!(!parts.is_empty());
            assert_eq!(unpack_bytes(&parts, "x").unwrap(), bytes);
            assert!(matches!(unpack_bytes(&[b"damaged".to_vec()], "x"), Err(StoreError::Corrupt { .. })));
        }
    }

    proptest::proptest! {
        #![proptest_config(cases(300))]

        /// Stored bodies of any bytes, and right ones with bytes changed, are read or told as damaged.
        #[test]
        fn fuzz_damaged_bodies_are_told(
            words in proptest::collection::vec(".{0,20}", 0..50),
            at in proptest::prelude::any::<proptest::sample::Index>(),
            with in proptest::prelude::any::<u8>(),
            keep in proptest::prelude::any::<proptest::sample::Index>(),
            junk in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..64),
        ) {
            let whole = pack_records(&words).pop().unwrap_or_default();
            let mut changed = whole.clone();
            if !changed.is_empty() {
                let at = at.index(changed.len());
                changed[at] ^= with;
            }
            let cut = whole[..keep.index(whole.len() + 1)].to_vec();
            for damaged in [changed, cut, junk] {
                let read = unpack_records::<String>(std::slice::from_ref(&damaged), "x", &mut Vec::new());
                let bytes = unpack_bytes(&[damaged], "x");
                let told = matches!(read, Ok(()) | Err(StoreError::Corrupt { .. })) && matches!(bytes, Ok(_) | Err(StoreError::Corrupt { .. }));
                proptest::prop_assert!(told);
            }
        }
    }

    /// More cases in a soak (`cargo xtask soak fuzz`).
    fn cases(few: u32) -> proptest::prelude::ProptestConfig {
        let times = std::env::var("PROVOST_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
        proptest::prelude::ProptestConfig {
            cases: few.saturating_mul(times),
            failure_persistence: None,
            ..proptest::prelude::ProptestConfig::default()
        }
    }
}

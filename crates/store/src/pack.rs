//! How values lie in rows: times as milliseconds, large bodies as lz4 of JSON.

use std::cell::RefCell;

use jiff::Timestamp;
use lz4_flex::block::{CompressTable, compress_into_with_table, get_maximum_output_size};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;

/// Milliseconds since 1970: times in the store are kept to the millisecond.
pub(crate) fn millis(at: Timestamp) -> i64 {
    at.as_millisecond()
}

pub(crate) fn time(millis: i64, what: &str) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(millis).map_err(|error| StoreError::corrupt(what, error))
}

/// JSON text.  Values of the model always are JSON: text keys, whole numbers.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> String {
    serde_json::to_string(value).expect("values of the model are JSON: text keys, whole numbers")
}

/// lz4 of JSON.
pub(crate) fn pack<T: Serialize + ?Sized>(value: &T) -> Vec<u8> {
    squeeze(&serde_json::to_vec(value).expect("values of the model are JSON: text keys, whole numbers"))
}

pub(crate) fn unpack<T: DeserializeOwned>(packed: &[u8], what: &str) -> Result<T, StoreError> {
    serde_json::from_slice(&expand(packed, what)?).map_err(|error| StoreError::corrupt(what, error))
}

/// Up to this a text is packed into memory of its own; the memory and the table for larger ones are kept by the thread, up to [`KEPT`].
const SMALL: usize = 1 << 16;
const KEPT: usize = 1 << 23;

thread_local! {
    static PACKING: RefCell<(Vec<u8>, CompressTable)> = RefCell::new((Vec::new(), CompressTable::large()));
}

pub(crate) fn squeeze(bytes: &[u8]) -> Vec<u8> {
    if bytes.len() <= SMALL || bytes.len() > KEPT {
        return lz4_flex::compress_prepend_size(bytes);
    }
    PACKING.with_borrow_mut(|(room, table)| {
        let most = get_maximum_output_size(bytes.len());
        if room.len() < most {
            room.resize(most, 0);
        }
        let length = compress_into_with_table(bytes, room, table).expect("there is room for whatever comes of it");
        let claimed = (bytes.len() as u32).to_le_bytes();
        [&claimed[..], &room[..length]].concat()
    })
}

pub(crate) fn expand(packed: &[u8], what: &str) -> Result<Vec<u8>, StoreError> {
    // lz4 cannot shrink by more than 255: a damaged length must not take all memory.
    let claimed = packed.first_chunk().map(|length| u32::from_le_bytes(*length) as usize);
    if claimed.is_none_or(|claimed| claimed / 255 > packed.len()) {
        return Err(StoreError::corrupt(what, "its length is wrong"));
    }
    lz4_flex::decompress_size_prepended(packed).map_err(|error| StoreError::corrupt(what, error))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_packed_comes_back_and_damage_is_said() {
        let long = vec!["the same again and again".to_owned(); 1000];
        let packed = pack(&long);
        assert!(packed.len() < 1000);
        assert_eq!(unpack::<Vec<String>>(&packed, "x").unwrap(), long);
        for damaged in [&b""[..], b"abc", b"\xff\xff\xff\xff\x00", &packed[..packed.len() / 2]] {
            assert!(matches!(expand(damaged, "x"), Err(StoreError::Corrupt { .. })), "{damaged:?}");
        }
    }
}

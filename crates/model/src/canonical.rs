//! RFC 8785 (JSON Canonicalization Scheme) and SHA-256: how a value becomes a digest (P2).

mod sorted;

use std::cell::RefCell;

use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::Digest;
use sorted::Sorted;

/// The canonical JSON (RFC 8785) of a value of this crate.
///
/// Panics only if a value cannot be written as JSON at all, which no type of this crate can be: keys are text, numbers are integers.
pub fn canonical_json<T: Serialize>(value: &T) -> Vec<u8> {
    canonical_in(value, Vec::new())
}

/// The same, in the memory of a text that is done with.
pub(crate) fn canonical_in<T: Serialize>(value: &T, mut text: Vec<u8>) -> Vec<u8> {
    with_sorted(|sorted| {
        std::mem::swap(&mut sorted.out, &mut text);
        write(sorted, value);
        std::mem::swap(&mut sorted.out, &mut text);
    });
    text
}

/// The SHA-256 of the canonical JSON of a value.
pub fn digest_of<T: Serialize>(value: &T) -> Digest {
    with_sorted(|sorted| {
        write(sorted, value);
        Digest::new(Sha256::digest(&sorted.out).into())
    })
}

/// Writes a value, and nothing else, into the buffer.
fn write<T: Serialize>(sorted: &mut Sorted, value: &T) {
    sorted.clear();
    if value.serialize(&mut *sorted).is_err() {
        sorted.out = serde_json_canonicalizer::to_vec(value).expect("values of the model are JSON: text keys, integer numbers");
    }
}

thread_local! {
    /// Where this thread wrote last: small values follow each other by the million, and each finds the memory of the one before.
    static LAST: RefCell<Sorted> = RefCell::default();
}

/// What was written with more memory than this is not kept for the next.
const KEPT: usize = 1 << 16;

fn with_sorted<R>(work: impl FnOnce(&mut Sorted) -> R) -> R {
    let mut sorted = LAST.take();
    let result = work(&mut sorted);
    if sorted.capacity() <= KEPT {
        LAST.set(sorted);
    }
    result
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_fast_way_writes_what_rfc_8785_says() {
        for value in [
            json!(null),
            json!({}),
            json!({"b": 1, "a": {"z": [1, {"y": null, "x": "q\"\\\n\u{7}é\u{2028}😀"}], "ab": true, "a!": -5, "a": ""}}),
            json!([{"b": {}, "a": []}, [], "x"]),
            json!({"€": 1, "\r": 2, "1": 3, "😀": 4, "\u{fb33}": 5}),
            json!({"x": 1.5, "a": 1e30, "n": 4.5e-7, "i": 9007199254740991_i64}),
            json!([9007199254740992_u64, -9007199254740991_i64]),
            json!([9007199254740995_i64]),
            json!({"a\"b": 1, "a": {"c\\d": 2}}),
        ] {
            let general = serde_json_canonicalizer::to_vec(&value).unwrap();
            assert_eq!(String::from_utf8(canonical_json(&value)).unwrap(), String::from_utf8(general).unwrap());
        }
        assert_eq!(canonical_json(&json!({"b": [2, 1], "a": "x"})), br#"{"a":"x","b":[2,1]}"#);
    }

    #[test]
    fn every_shape_and_every_escape_is_written_as_the_general_way_writes_it() {
        #[derive(Serialize)]
        enum Shape<'a> {
            Unit,
            New(&'a str),
            Tuple(u8, i16),
            Struct { z: Option<char>, a: bool },
        }
        #[derive(Serialize)]
        struct Of<'a>(Vec<Shape<'a>>, (), Option<u32>, std::collections::BTreeMap<char, i8>, std::collections::BTreeMap<u8, ()>);
        fn check<T: Serialize>(value: &T) {
            let general = serde_json_canonicalizer::to_vec(value).unwrap();
            assert_eq!(String::from_utf8(canonical_json(value)).unwrap(), String::from_utf8(general.clone()).unwrap());
            assert_eq!(digest_of(value), Digest::new(Sha256::digest(&general).into()));
        }
        let shapes = || vec![Shape::Unit, Shape::New("x"), Shape::Tuple(1, -2), Shape::Struct { z: Some('é'), a: false }];
        check(&Of(shapes(), (), None, [('b', 1), ('a', -1)].into(), Default::default()));
        check(&Of(shapes(), (), Some(7), Default::default(), [(10, ()), (9, ())].into()));
        for (length, at) in (1..20).flat_map(|length| (0..length).map(move |at| (length, at))) {
            for special in (0..0x20).chain([0x22, 0x5c, 0x7f, 0x80, 0x7ff, 0x2028, 0x1f600]).filter_map(char::from_u32) {
                let text: String = (0..length).map(|n| if n == at { special } else { '!' }).collect();
                check(&text);
                check(&json!({ "b": text, "a": [text] }));
            }
        }
        check(&"\"\u{1f}\u{21}\\ \u{20}".repeat(9));
    }
}

//! RFC 8785 (JSON Canonicalization Scheme) and SHA-256: how a value becomes a digest (P2).

use std::io;

use serde::Serialize;
use serde_json::ser::{CharEscape, CompactFormatter, Formatter};
use sha2::{Digest as _, Sha256};

use crate::Digest;

/// The canonical JSON (RFC 8785) of a value of this crate.
///
/// Panics only if a value cannot be written as JSON at all, which no type of this crate can be: keys are text, numbers are integers.
pub fn canonical_json<T: Serialize>(value: &T) -> Vec<u8> {
    let mut sorted = Sorted::default();
    let plain = value.serialize(&mut serde_json::Serializer::with_formatter(io::sink(), Sorting(&mut sorted))).is_ok() && !sorted.odd;
    if plain {
        return sorted.out;
    }
    serde_json_canonicalizer::to_vec(value).expect("values of the model are JSON: text keys, integer numbers")
}

/// The SHA-256 of the canonical JSON of a value.
pub fn digest_of<T: Serialize>(value: &T) -> Digest {
    Digest::new(Sha256::digest(canonical_json(value)).into())
}

/// Canonical JSON as nearly every value of this crate has it, in one buffer: ASCII member names without escapes, no fractions.  Anything
/// else sets `odd`, and the general implementation does it: a large plan is written four times as fast this way.
#[derive(Default)]
struct Sorted {
    out: Vec<u8>,
    /// The members of all open objects, the innermost object's last.
    members: Vec<Member>,
    /// For each open object, where its members begin.
    objects: Vec<usize>,
    /// Where an object is put in order; kept from one to the next.
    spare: Vec<u8>,
    odd: bool,
}

/// One member of an object, by places in the buffer.
struct Member {
    /// Its name's quote.
    from: usize,
    /// After the other quote.
    named: usize,
    /// Its end.
    to: usize,
}

impl Sorted {
    /// Puts the members of the object that ends here in order.
    fn close(&mut self) {
        let first = self.objects.pop().unwrap_or_default();
        let members = &mut self.members[first..];
        let out = &mut self.out;
        let name = |member: &Member| &out[member.from + 1..member.named - 1];
        if !members.is_sorted_by(|a, b| name(a) <= name(b)) {
            let start = members[0].from;
            members.sort_unstable_by(|a, b| name(a).cmp(name(b)));
            self.spare.clear();
            for (at, member) in members.iter().enumerate() {
                if at > 0 {
                    self.spare.push(b',');
                }
                self.spare.extend_from_slice(&out[member.from..member.to]);
            }
            out.truncate(start);
            out.extend_from_slice(&self.spare);
        }
        self.members.truncate(first);
    }
}

/// Whole numbers beyond this are not exact as RFC 8785 writes numbers.
const EXACT: u64 = 1 << 53;

struct Sorting<'s>(&'s mut Sorted);

/// Methods that write what the compact form writes, into our buffer instead of the serializer's writer.
macro_rules! compact {
    ($($name:ident($($arg:ident: $kind:ty),*));* $(;)?) => {
        $(fn $name<W: ?Sized + io::Write>(&mut self, _: &mut W, $($arg: $kind),*) -> io::Result<()> {
            CompactFormatter.$name(&mut self.0.out, $($arg),*)
        })*
    };
}

impl Formatter for Sorting<'_> {
    compact! {
        write_null(); write_bool(value: bool);
        write_i8(value: i8); write_i16(value: i16); write_i32(value: i32);
        write_u8(value: u8); write_u16(value: u16); write_u32(value: u32);
        begin_string(); end_string(); write_string_fragment(fragment: &str); write_char_escape(escape: CharEscape);
        begin_array(); end_array(); begin_array_value(first: bool); end_array_value(); begin_object_value();
    }

    fn write_i64<W: ?Sized + io::Write>(&mut self, _: &mut W, value: i64) -> io::Result<()> {
        self.0.odd |= value.unsigned_abs() > EXACT;
        CompactFormatter.write_i64(&mut self.0.out, value)
    }

    fn write_u64<W: ?Sized + io::Write>(&mut self, _: &mut W, value: u64) -> io::Result<()> {
        self.0.odd |= value > EXACT;
        CompactFormatter.write_u64(&mut self.0.out, value)
    }

    fn write_i128<W: ?Sized + io::Write>(&mut self, _: &mut W, _: i128) -> io::Result<()> {
        self.0.odd = true;
        Ok(())
    }

    fn write_u128<W: ?Sized + io::Write>(&mut self, _: &mut W, _: u128) -> io::Result<()> {
        self.0.odd = true;
        Ok(())
    }

    fn write_f32<W: ?Sized + io::Write>(&mut self, _: &mut W, _: f32) -> io::Result<()> {
        self.0.odd = true;
        Ok(())
    }

    fn write_f64<W: ?Sized + io::Write>(&mut self, _: &mut W, _: f64) -> io::Result<()> {
        self.0.odd = true;
        Ok(())
    }

    fn write_number_str<W: ?Sized + io::Write>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        self.0.odd = true;
        Ok(())
    }

    fn write_raw_fragment<W: ?Sized + io::Write>(&mut self, _: &mut W, _: &str) -> io::Result<()> {
        self.0.odd = true;
        Ok(())
    }

    fn begin_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.out.push(b'{');
        self.0.objects.push(self.0.members.len());
        Ok(())
    }

    fn end_object<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.close();
        self.0.out.push(b'}');
        Ok(())
    }

    fn begin_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W, first: bool) -> io::Result<()> {
        if !first {
            self.0.out.push(b',');
        }
        let at = self.0.out.len();
        self.0.members.push(Member { from: at, named: at, to: at });
        Ok(())
    }

    fn end_object_key<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        let at = self.0.out.len();
        if let Some(member) = self.0.members.last_mut() {
            member.named = at;
            // The order is by UTF-16 units of the name itself: for plain ASCII that is the order of these bytes.
            self.0.odd |= !self.0.out[member.from..at].iter().all(|byte| byte.is_ascii() && *byte != b'\\');
        }
        Ok(())
    }

    fn end_object_value<W: ?Sized + io::Write>(&mut self, _: &mut W) -> io::Result<()> {
        let at = self.0.out.len();
        if let Some(member) = self.0.members.last_mut() {
            member.to = at;
        }
        Ok(())
    }
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
}

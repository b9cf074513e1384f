//! Canonical JSON as nearly every value of this crate has it, in one buffer: ASCII member names without escapes, no fractions.
//!
//! Anything else ends in [`Odd`], and the general implementation does it: a large plan is written many times as fast this way.

use std::fmt;
use std::io::Write as _;

use serde::Serialize;
use serde::ser::{
    Error, SerializeMap, SerializeSeq, SerializeStruct, SerializeStructVariant, SerializeTuple, SerializeTupleStruct,
    SerializeTupleVariant, Serializer,
};

/// Writes a value with the members of each object in order.
#[derive(Default)]
pub(super) struct Sorted {
    /// What was written.
    pub(super) out: Vec<u8>,
    /// The members of all open objects, the innermost object's last.
    members: Vec<Member>,
    /// Where an object is put in order; kept from one to the next.
    spare: Vec<u8>,
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

/// The value is none of those that are written here.
#[derive(Debug)]
pub(super) struct Odd;

impl fmt::Display for Odd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the value is not written the quick way")
    }
}

impl std::error::Error for Odd {}

impl Error for Odd {
    fn custom<T: fmt::Display>(_: T) -> Self {
        Self
    }
}

/// Whole numbers beyond this are not exact as RFC 8785 writes numbers.
const EXACT: u64 = 1 << 53;

/// What `serde_json` calls types that are written in ways of their own.
const PRIVATE: &str = "$serde_json::private::";

impl Sorted {
    pub(super) fn clear(&mut self) {
        self.out.clear();
        self.members.clear();
    }

    /// How much memory it holds, in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.out.capacity() + self.spare.capacity() + self.members.capacity() * size_of::<Member>()
    }

    fn number(&mut self, number: impl fmt::Display, size: u64) -> Result<(), Odd> {
        if size > EXACT {
            return Err(Odd);
        }
        write!(self.out, "{number}").map_err(|_| Odd)
    }

    fn text(&mut self, text: &str) {
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        while let Some(at) = escaped(rest) {
            self.out.extend_from_slice(&rest[..at]);
            let byte = rest[at];
            match byte {
                b'"' | b'\\' => self.out.extend([b'\\', byte]),
                b'\n' => self.out.extend(b"\\n"),
                b'\r' => self.out.extend(b"\\r"),
                b'\t' => self.out.extend(b"\\t"),
                0x08 => self.out.extend(b"\\b"),
                0x0c => self.out.extend(b"\\f"),
                other => {
                    let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
                    self.out.extend([b'\\', b'u', b'0', b'0', digit(other >> 4), digit(other & 15)]);
                }
            }
            rest = &rest[at + 1..];
        }
        self.out.extend_from_slice(rest);
        self.out.push(b'"');
    }

    fn list(&mut self, ends: &'static str) -> List<'_> {
        self.out.push(b'[');
        List { to: self, empty: true, ends }
    }

    fn object(&mut self, ends: &'static str) -> Object<'_> {
        self.out.push(b'{');
        Object { first: self.members.len(), to: self, ends, sorted: true }
    }

    /// The object around what a variant holds.
    fn variant(&mut self, name: &str) {
        self.out.push(b'{');
        self.text(name);
        self.out.push(b':');
    }

    /// Puts the members from this one on in order.
    fn sort(&mut self, first: usize) {
        let Self { out, members, spare } = self;
        let members = &mut members[first..];
        let Some(start) = members.first().map(|member| member.from) else { return };
        let name = |member: &Member| &out[member.from + 1..member.named - 1];
        members.sort_unstable_by(|a, b| name(a).cmp(name(b)));
        spare.clear();
        for (at, member) in members.iter().enumerate() {
            if at > 0 {
                spare.push(b',');
            }
            spare.extend_from_slice(&out[member.from..member.to]);
        }
        out.truncate(start);
        out.extend_from_slice(spare);
    }
}

/// The first byte that JSON escapes in a text: eight bytes are looked at together, since most texts have none.
fn escaped(text: &[u8]) -> Option<usize> {
    const ONES: u64 = u64::from_ne_bytes([1; 8]);
    const HIGH: u64 = u64::from_ne_bytes([0x80; 8]);
    // Bytes below a bound of at most 0x80 get their high bit, and maybe some above the lowest of these.
    let below = |word: u64, bound: u64| word.wrapping_sub(ONES * bound) & !word & HIGH;
    let is = |word: u64, byte: u8| below(word ^ (ONES * u64::from(byte)), 1);
    let mut done = 0;
    for chunk in text.chunks_exact(8) {
        let word = u64::from_le_bytes(chunk.try_into().expect("eight bytes"));
        if below(word, 0x20) | is(word, b'"') | is(word, b'\\') != 0 {
            break;
        }
        done += 8;
    }
    text[done..].iter().position(|byte| matches!(byte, 0..0x20 | b'"' | b'\\')).map(|at| done + at)
}

/// An open list, and with what it ends.
pub(super) struct List<'s> {
    to: &'s mut Sorted,
    empty: bool,
    ends: &'static str,
}

impl List<'_> {
    fn item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        if !std::mem::take(&mut self.empty) {
            self.to.out.push(b',');
        }
        value.serialize(&mut *self.to)
    }

    fn close(self) -> Result<(), Odd> {
        self.to.out.extend_from_slice(self.ends.as_bytes());
        Ok(())
    }
}

/// An open object, and with what it ends.
pub(super) struct Object<'s> {
    to: &'s mut Sorted,
    /// Where its members begin.
    first: usize,
    /// Whether they have come in order until now.
    sorted: bool,
    ends: &'static str,
}

impl Object<'_> {
    /// Begins a member whose name `write` writes.
    fn name(&mut self, write: impl FnOnce(&mut Sorted) -> Result<(), Odd>) -> Result<(), Odd> {
        let Sorted { out, members, .. } = &mut *self.to;
        let before = members.get(self.first..).and_then(<[Member]>::last).map(|member| member.from + 1..member.named - 1);
        if before.is_some() {
            out.push(b',');
        }
        let from = out.len();
        write(self.to)?;
        let Sorted { out, members, .. } = &mut *self.to;
        let named = out.len();
        members.push(Member { from, named, to: named });
        // The order is by UTF-16 units of the name itself: for plain ASCII that is the order of these bytes.
        let [b'"', name @ .., b'"'] = &out[from..] else { return Err(Odd) };
        if !name.is_ascii() || name.contains(&b'\\') {
            return Err(Odd);
        }
        self.sorted &= before.is_none_or(|before| out[before] <= *name);
        out.push(b':');
        Ok(())
    }

    fn value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        value.serialize(&mut *self.to)?;
        let to = self.to.out.len();
        // The members of what lies within are gone: the last one is this.
        self.to.members.last_mut().ok_or(Odd)?.to = to;
        Ok(())
    }

    fn field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Odd> {
        self.name(|to| {
            to.text(name);
            Ok(())
        })?;
        self.value(value)
    }

    fn close(self) -> Result<(), Odd> {
        if !self.sorted {
            self.to.sort(self.first);
        }
        self.to.members.truncate(self.first);
        self.to.out.extend_from_slice(self.ends.as_bytes());
        Ok(())
    }
}

impl<'s> Serializer for &'s mut Sorted {
    type Ok = ();
    type Error = Odd;
    type SerializeSeq = List<'s>;
    type SerializeTuple = List<'s>;
    type SerializeTupleStruct = List<'s>;
    type SerializeTupleVariant = List<'s>;
    type SerializeMap = Object<'s>;
    type SerializeStruct = Object<'s>;
    type SerializeStructVariant = Object<'s>;

    fn serialize_bool(self, value: bool) -> Result<(), Odd> {
        self.out.extend_from_slice(if value { b"true" } else { b"false" });
        Ok(())
    }

    fn serialize_i8(self, value: i8) -> Result<(), Odd> {
        self.serialize_i64(value.into())
    }

    fn serialize_i16(self, value: i16) -> Result<(), Odd> {
        self.serialize_i64(value.into())
    }

    fn serialize_i32(self, value: i32) -> Result<(), Odd> {
        self.serialize_i64(value.into())
    }

    fn serialize_i64(self, value: i64) -> Result<(), Odd> {
        self.number(value, value.unsigned_abs())
    }

    fn serialize_u8(self, value: u8) -> Result<(), Odd> {
        self.serialize_u64(value.into())
    }

    fn serialize_u16(self, value: u16) -> Result<(), Odd> {
        self.serialize_u64(value.into())
    }

    fn serialize_u32(self, value: u32) -> Result<(), Odd> {
        self.serialize_u64(value.into())
    }

    fn serialize_u64(self, value: u64) -> Result<(), Odd> {
        self.number(value, value)
    }

    fn serialize_i128(self, _: i128) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_u128(self, _: u128) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_f32(self, _: f32) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_f64(self, _: f64) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_char(self, value: char) -> Result<(), Odd> {
        self.text(value.encode_utf8(&mut [0; 4]));
        Ok(())
    }

    fn serialize_str(self, value: &str) -> Result<(), Odd> {
        self.text(value);
        Ok(())
    }

    fn serialize_bytes(self, _: &[u8]) -> Result<(), Odd> {
        Err(Odd)
    }

    fn serialize_none(self) -> Result<(), Odd> {
        self.serialize_unit()
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Odd> {
        value.serialize(self)
    }

    fn serialize_unit(self) -> Result<(), Odd> {
        self.out.extend_from_slice(b"null");
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Odd> {
        self.serialize_unit()
    }

    fn serialize_unit_variant(self, _: &'static str, _: u32, variant: &'static str) -> Result<(), Odd> {
        self.serialize_str(variant)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, value: &T) -> Result<(), Odd> {
        value.serialize(self)
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        variant: &'static str,
        value: &T,
    ) -> Result<(), Odd> {
        self.variant(variant);
        value.serialize(&mut *self)?;
        self.out.push(b'}');
        Ok(())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<List<'s>, Odd> {
        Ok(self.list("]"))
    }

    fn serialize_tuple(self, _: usize) -> Result<List<'s>, Odd> {
        Ok(self.list("]"))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<List<'s>, Odd> {
        Ok(self.list("]"))
    }

    fn serialize_tuple_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<List<'s>, Odd> {
        self.variant(variant);
        Ok(self.list("]}"))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Object<'s>, Odd> {
        Ok(self.object("}"))
    }

    fn serialize_struct(self, name: &'static str, _: usize) -> Result<Object<'s>, Odd> {
        if name.starts_with(PRIVATE) { Err(Odd) } else { Ok(self.object("}")) }
    }

    fn serialize_struct_variant(self, _: &'static str, _: u32, variant: &'static str, _: usize) -> Result<Object<'s>, Odd> {
        self.variant(variant);
        Ok(self.object("}}"))
    }
}

/// The traits of lists, which differ in their names only.
macro_rules! lists {
    ($($list:ident: $item:ident),*) => {
        $(impl $list for List<'_> {
            type Ok = ();
            type Error = Odd;

            fn $item<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
                self.item(value)
            }

            fn end(self) -> Result<(), Odd> {
                self.close()
            }
        })*
    };
}

lists!(
    SerializeSeq: serialize_element,
    SerializeTuple: serialize_element,
    SerializeTupleStruct: serialize_field,
    SerializeTupleVariant: serialize_field
);

/// The same for those of structs.
macro_rules! objects {
    ($($object:ident),*) => {
        $(impl $object for Object<'_> {
            type Ok = ();
            type Error = Odd;

            fn serialize_field<T: Serialize + ?Sized>(&mut self, name: &'static str, value: &T) -> Result<(), Odd> {
                self.field(name, value)
            }

            fn end(self) -> Result<(), Odd> {
                self.close()
            }
        })*
    };
}

objects!(SerializeStruct, SerializeStructVariant);

impl SerializeMap for Object<'_> {
    type Ok = ();
    type Error = Odd;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<(), Odd> {
        self.name(|to| key.serialize(to))
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Odd> {
        self.value(value)
    }

    fn end(self) -> Result<(), Odd> {
        self.close()
    }
}

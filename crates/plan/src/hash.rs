//! A quick 64-bit hash of texts and records: for indexes, which look at the record itself before they believe it, and for telling a record
//! that has changed from one that has not.

use model::{Account, Compare, Person, Standing, Value};

use crate::text::comparable;

const SEED: u64 = 0x9e37_79b9_7f4a_7c15;
const FACTOR: u64 = 0xd6e8_feb8_6659_fd93;

/// Multiplies and folds eight bytes at a time; never gives 0, which stands for nothing.
pub(crate) struct Mix(u64);

impl Mix {
    pub(crate) fn new() -> Self {
        Self(SEED)
    }

    pub(crate) fn word(&mut self, word: u64) {
        let wide = u128::from(self.0 ^ word) * u128::from(FACTOR);
        self.0 = (wide as u64) ^ ((wide >> 64) as u64) ^ SEED.rotate_left((word & 31) as u32);
    }

    pub(crate) fn text(&mut self, text: &str) {
        let mut chunks = text.as_bytes().chunks_exact(8);
        for chunk in &mut chunks {
            self.word(u64::from_le_bytes(chunk.try_into().expect("eight bytes")));
        }
        let mut rest = [0; 8];
        rest[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
        self.word(u64::from_le_bytes(rest));
        self.word(text.len() as u64);
    }

    fn value(&mut self, value: &Value) {
        match value {
            Value::Null => self.word(1),
            Value::Bool(yes) => self.word(2 + u64::from(*yes)),
            Value::Int(number) => {
                self.word(4);
                self.word(*number as u64);
            }
            Value::Text(text) => {
                self.word(5);
                self.text(text);
            }
            Value::List(values) => {
                self.word(6);
                self.word(values.len() as u64);
                values.iter().for_each(|value| self.value(value));
            }
            Value::CreatedBy(step) => {
                self.word(7);
                self.text(&step.to_string());
            }
        }
    }

    pub(crate) fn done(mut self) -> u64 {
        self.word(FACTOR);
        self.word(SEED);
        self.0.max(1)
    }
}

/// The hash of one text.
pub(crate) fn of_text(text: &str) -> u64 {
    let mut mix = Mix::new();
    mix.text(text);
    mix.done()
}

/// The hash of [`comparable`]'s text; `None` where that gives none.
pub(crate) fn of_comparable(value: &Value, compare: Compare) -> Option<u64> {
    let mut short = [0; 64];
    if let (Value::Text(text), Compare::Folded) = (value, compare)
        && text.is_ascii()
    {
        let text = text.trim();
        if let Some(short) = short.get_mut(..text.len()) {
            short.copy_from_slice(text.as_bytes());
            short.make_ascii_lowercase();
            let folded = std::str::from_utf8(short).expect("ASCII in lower case is ASCII");
            return (!folded.is_empty()).then(|| of_text(folded));
        }
    }
    if let (Value::Text(text), Compare::Exact) = (value, compare) {
        return (!text.trim().is_empty()).then(|| of_text(text));
    }
    comparable(value, compare).map(|text| of_text(&text))
}

/// The hash of everything that a row says.
pub(crate) fn of_person(person: &Person) -> u64 {
    let mut mix = Mix::new();
    mix.text(person.key.as_str());
    mix.word(match person.standing {
        Standing::Active => 1,
        Standing::Left => 2,
        Standing::Unsaid => 3,
    });
    for day in [person.starts, person.ends] {
        mix.word(day.map_or(u64::MAX, |day| (i64::from(day.year()) << 16 | i64::from(day.month()) << 8 | i64::from(day.day())) as u64));
    }
    mix.word(u64::from(person.zone.is_some()));
    mix.text(person.zone.as_deref().unwrap_or_default());
    for (name, text) in &person.attributes {
        mix.text(name);
        mix.text(text);
    }
    for (source, word) in &person.idp {
        mix.text(source);
        mix.word(word.state as u64);
        mix.word(word.said.as_millisecond() as u64);
        for groups in [&word.groups, &word.outside] {
            mix.word(groups.len() as u64);
            groups.iter().for_each(|group| mix.text(group));
        }
    }
    mix.done()
}

/// The hash of everything that is known of an account.
pub(crate) fn of_account(account: &Account) -> u64 {
    let mut mix = Mix::new();
    mix.text(account.id.as_str());
    mix.word(u64::from(account.active) << 1 | u64::from(account.protected.is_some()));
    mix.text(account.protected.as_deref().unwrap_or_default());
    for (name, value) in &account.attributes {
        mix.text(name);
        mix.value(value);
    }
    mix.done()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_quick_way_and_the_general_way_hash_the_same() {
        let long = format!(" {} ", "Ab".repeat(60));
        for text in ["", " ", "a", " Ada@X.example ", "É", "e\u{301}", "a\u{a0}", "\u{a0}", long.as_str()] {
            for compare in [Compare::Exact, Compare::Folded] {
                let value = Value::Text(text.into());
                let general = comparable(&value, compare).map(|text| of_text(&text));
                assert_eq!(of_comparable(&value, compare), general, "{text:?} {compare:?}");
            }
        }
    }

    #[test]
    fn near_texts_have_hashes_of_their_own() {
        let mut seen = HashSet::new();
        for n in 0..100_000_u32 {
            assert!(seen.insert(of_text(&n.to_string())), "{n}");
            assert!(seen.insert(of_text(&format!("person{n}@acme.example"))), "{n}");
        }
        assert!(seen.insert(of_text("")) && seen.insert(of_text("\0")) && seen.insert(of_text("\0\0")));
        let low: HashSet<u64> = (0..10_000_u32).map(|n| of_text(&n.to_string()) & 0xffff).collect();
        assert!(low.len() > 9_000, "low bits are spread: {}", low.len());
    }
}

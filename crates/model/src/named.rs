//! Values by name, as leanly as millions of records need: records of one kind mostly have the same names, so these are kept once.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Text;

/// Values by name, in byte order of the names; JSON is an object.
///
/// It is a map whose names many maps share: one that is read or collected costs its values and one pointer.  A name inserted or taken out
/// later finds other names to share, so collect rather than insert where there are many.
#[derive(Clone)]
pub struct Named<V> {
    names: Names,
    values: Box<[V]>,
}

/// Names in byte order, each once; shared by all the maps that have just these.
#[derive(Clone, Default)]
struct Names(Option<Arc<Box<[Text]>>>);

/// How many lists of names a thread remembers: kinds of records that are read in turns, not all there ever were.
const REMEMBERED: usize = 16;

thread_local! {
    /// The lists of names this thread met last, the newest last.  Threads do not share: a common counter would make them wait for each other.
    static MET: RefCell<Vec<Arc<Box<[Text]>>>> = const { RefCell::new(Vec::new()) };
}

impl Names {
    fn of(names: Vec<Text>) -> Self {
        if names.is_empty() {
            return Self(None);
        }
        MET.with_borrow_mut(|met| {
            if let Some(at) = met.iter().rposition(|known| ***known == *names) {
                let known = met[at].clone();
                // What is asked for often is looked at early.
                if at + 1 < met.len() {
                    met.swap(at, at + 1);
                }
                return Self(Some(known));
            }
            if met.len() == REMEMBERED {
                met.remove(0);
            }
            let new = Arc::new(names.into_boxed_slice());
            met.push(new.clone());
            Self(Some(new))
        })
    }

    fn all(&self) -> &[Text] {
        self.0.as_ref().map_or(&[], |names| names)
    }

    fn place(&self, name: &str) -> Result<usize, usize> {
        self.all().binary_search_by(|known| known.as_str().cmp(name))
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other) || own == other,
            (own, other) => own.is_none() && other.is_none(),
        }
    }
}

impl<V> Named<V> {
    /// Nothing.
    pub fn new() -> Self {
        Self { names: Names(None), values: Box::default() }
    }

    /// Sets the value of a name; gives the one before.
    pub fn insert(&mut self, name: impl Into<Text>, value: V) -> Option<V> {
        let name = name.into();
        match self.names.place(&name) {
            Ok(at) => Some(std::mem::replace(&mut self.values[at], value)),
            Err(at) => {
                let mut names = self.names.all().to_vec();
                names.insert(at, name);
                self.names = Names::of(names);
                let mut values = std::mem::take(&mut self.values).into_vec();
                values.reserve_exact(1);
                values.insert(at, value);
                self.values = values.into_boxed_slice();
                None
            }
        }
    }

    /// Takes a name's value out.
    pub fn remove(&mut self, name: &str) -> Option<V> {
        let at = self.names.place(name).ok()?;
        let mut names = self.names.all().to_vec();
        names.remove(at);
        self.names = Names::of(names);
        let mut values = std::mem::take(&mut self.values).into_vec();
        let value = values.remove(at);
        self.values = values.into_boxed_slice();
        Some(value)
    }

    /// A name's value.
    pub fn get(&self, name: &str) -> Option<&V> {
        self.names.place(name).ok().map(|at| &self.values[at])
    }

    /// A name's value, to be changed.
    pub fn get_mut(&mut self, name: &str) -> Option<&mut V> {
        self.names.place(name).ok().map(|at| &mut self.values[at])
    }

    /// Whether there is a value of that name.
    pub fn contains_key(&self, name: &str) -> bool {
        self.names.place(name).is_ok()
    }

    /// Names and values, in order.
    pub fn iter(&self) -> Iter<'_, V> {
        self.names.all().iter().zip(&self.values)
    }

    /// The names, in order.
    pub fn keys(&self) -> std::slice::Iter<'_, Text> {
        self.names.all().iter()
    }

    /// The values, in order of their names.
    pub fn values(&self) -> std::slice::Iter<'_, V> {
        self.values.iter()
    }

    /// The values, in order of their names, to be changed.
    pub fn values_mut(&mut self) -> std::slice::IterMut<'_, V> {
        self.values.iter_mut()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// From names and values that belong together place by place, in any order; of several values of one name the last counts.
    fn from_parts(mut names: Vec<Text>, mut values: Vec<V>) -> Self {
        if !names.is_sorted_by(|a, b| a < b) {
            let mut pairs: Vec<(Text, V)> = names.into_iter().zip(values).collect();
            pairs.reverse();
            pairs.sort_by(|a, b| a.0.cmp(&b.0));
            pairs.dedup_by(|again, kept| again.0 == kept.0);
            (names, values) = pairs.into_iter().unzip();
        }
        Self { names: Names::of(names), values: values.into_boxed_slice() }
    }
}

/// Names and values, in order.
pub type Iter<'a, V> = std::iter::Zip<std::slice::Iter<'a, Text>, std::slice::Iter<'a, V>>;

impl<V> Default for Named<V> {
    fn default() -> Self {
        Self::new()
    }
}

impl<V: PartialEq> PartialEq for Named<V> {
    fn eq(&self, other: &Self) -> bool {
        self.names == other.names && self.values == other.values
    }
}

impl<V: Eq> Eq for Named<V> {}

impl<V: fmt::Debug> fmt::Debug for Named<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl<V> std::ops::Index<&str> for Named<V> {
    type Output = V;

    /// Panics when there is no value of that name, as maps do.
    fn index(&self, name: &str) -> &V {
        self.get(name).expect("there is a value of that name")
    }
}

impl<K: Into<Text>, W: Into<V>, V> FromIterator<(K, W)> for Named<V> {
    fn from_iter<I: IntoIterator<Item = (K, W)>>(pairs: I) -> Self {
        let (names, values) = pairs.into_iter().map(|(name, value)| (name.into(), value.into())).unzip();
        Self::from_parts(names, values)
    }
}

impl<K: Into<Text>, W: Into<V>, V, const N: usize> From<[(K, W); N]> for Named<V> {
    fn from(pairs: [(K, W); N]) -> Self {
        pairs.into_iter().collect()
    }
}

impl<K: Into<Text>, V> Extend<(K, V)> for Named<V> {
    fn extend<I: IntoIterator<Item = (K, V)>>(&mut self, pairs: I) {
        let own = std::mem::take(self);
        *self = own.into_iter().chain(pairs.into_iter().map(|(name, value)| (name.into(), value))).collect();
    }
}

impl<'a, V> IntoIterator for &'a Named<V> {
    type Item = (&'a Text, &'a V);
    type IntoIter = Iter<'a, V>;

    fn into_iter(self) -> Iter<'a, V> {
        self.iter()
    }
}

impl<V> IntoIterator for Named<V> {
    type Item = (Text, V);
    type IntoIter = std::iter::Zip<std::vec::IntoIter<Text>, std::vec::IntoIter<V>>;

    fn into_iter(self) -> Self::IntoIter {
        self.names.all().to_vec().into_iter().zip(self.values.into_vec())
    }
}

impl<V: Serialize> Serialize for Named<V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de, V: Deserialize<'de>> Deserialize<'de> for Named<V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object<V>(PhantomData<V>);
        impl<'de, V: Deserialize<'de>> Visitor<'de> for Object<V> {
            type Value = Named<V>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Named<V>, A::Error> {
                let (mut names, mut values) = (Vec::with_capacity(8), Vec::with_capacity(8));
                while let Some((name, value)) = map.next_entry::<Text, V>()? {
                    names.push(name);
                    values.push(value);
                }
                Ok(Named::from_parts(names, values))
            }
        }
        deserializer.deserialize_map(Object(PhantomData))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn it_is_a_map_in_order_that_survives_json() {
        let mut map: Named<Value> = [("b", "2"), ("a", "1"), ("b", "3")].into();
        assert_eq!(map.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((map.len(), &map["b"], map.get("c")), (2, &Value::from("3"), None));
        assert_eq!(map.insert("aa", "4".into()), None);
        assert_eq!(map.insert("b", "5".into()), Some("3".into()));
        map.values_mut().for_each(|value| *value = format!("{value}0").as_str().into());
        let json = serde_json::to_string(&map).unwrap();
        assert_eq!(json, r#"{"a":"10","aa":"40","b":"50"}"#);
        assert_eq!(serde_json::from_str::<Named<Value>>(&json).unwrap(), map);
        let other = r#"{"b":"50","a":"10","aa":"x","aa":"40"}"#;
        assert_eq!(serde_json::from_str::<Named<Value>>(other).unwrap(), map);
        assert_eq!((map.remove("aa"), map.remove("aa"), map.len()), (Some("40".into()), None, 2));
        map.extend([("c", "60".into())]);
        assert_eq!(map.iter().map(|(name, value)| format!("{name}{value}")).collect::<Vec<_>>(), ["a10", "b50", "c60"]);
        assert_ne!(map, Named::new());
        assert_eq!(Named::<Value>::default(), Named::new());
    }

    #[test]
    fn maps_with_the_same_names_share_them_and_are_equal_when_they_do_not() {
        let make = || -> Named<u8> { [("a", 1), ("b", 2)].into() };
        let (one, two) = (make(), make());
        let there = std::thread::spawn(make).join().unwrap();
        let same = |a: &Named<u8>, b: &Named<u8>| Arc::ptr_eq(a.names.0.as_ref().unwrap(), b.names.0.as_ref().unwrap());
        assert!(same(&one, &two) && !same(&one, &there));
        assert_eq!(one, there);
        for n in 0..REMEMBERED * 2 {
            assert_eq!([(format!("name{n}"), 0)].into_iter().collect::<Named<u8>>().len(), 1);
        }
        assert_eq!(make(), one);
    }
}

//! What a step sets: a sorted list, because there may be hundreds of thousands of them and each holds a handful.

use std::fmt;

use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::Change;

/// Owned values before → after, by attribute, in byte order of the names; JSON is an object.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes(Vec<(String, Change)>);

impl Changes {
    /// No change.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets an attribute's change, in place of the one before.
    pub fn insert(&mut self, attribute: String, change: Change) {
        match self.place(&attribute) {
            Ok(at) => self.0[at].1 = change,
            Err(at) => self.0.insert(at, (attribute, change)),
        }
    }

    /// An attribute's change.
    pub fn get(&self, attribute: &str) -> Option<&Change> {
        self.place(attribute).ok().map(|at| &self.0[at].1)
    }

    /// An attribute's change, to be changed.
    pub fn get_mut(&mut self, attribute: &str) -> Option<&mut Change> {
        self.place(attribute).ok().map(|at| &mut self.0[at].1)
    }

    /// Takes an attribute's change out.
    pub fn remove(&mut self, attribute: &str) -> Option<Change> {
        self.place(attribute).ok().map(|at| self.0.remove(at).1)
    }

    /// Whether an attribute is changed.
    pub fn contains_key(&self, attribute: &str) -> bool {
        self.place(attribute).is_ok()
    }

    /// Attributes and changes, in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = (&String, &Change)> + DoubleEndedIterator {
        self.0.iter().map(|(attribute, change)| (attribute, change))
    }

    /// The attributes, in order.
    pub fn keys(&self) -> impl ExactSizeIterator<Item = &String> + DoubleEndedIterator {
        self.0.iter().map(|(attribute, _)| attribute)
    }

    /// The changes, in order of their attributes.
    pub fn values(&self) -> impl ExactSizeIterator<Item = &Change> {
        self.0.iter().map(|(_, change)| change)
    }

    /// The changes, in order of their attributes, to be changed.
    pub fn values_mut(&mut self) -> impl ExactSizeIterator<Item = &mut Change> {
        self.0.iter_mut().map(|(_, change)| change)
    }

    /// How many attributes are changed.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether none is.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn place(&self, attribute: &str) -> Result<usize, usize> {
        self.0.binary_search_by(|(name, _)| name.as_str().cmp(attribute))
    }
}

impl std::ops::Index<&str> for Changes {
    type Output = Change;

    /// Panics when the attribute is not changed, as maps do.
    fn index(&self, attribute: &str) -> &Change {
        self.get(attribute).expect("the attribute is changed")
    }
}

impl FromIterator<(String, Change)> for Changes {
    fn from_iter<I: IntoIterator<Item = (String, Change)>>(changes: I) -> Self {
        let mut all = Self::default();
        all.extend(changes);
        all
    }
}

impl Extend<(String, Change)> for Changes {
    fn extend<I: IntoIterator<Item = (String, Change)>>(&mut self, changes: I) {
        changes.into_iter().for_each(|(attribute, change)| self.insert(attribute, change));
    }
}

impl<'a> IntoIterator for &'a Changes {
    type Item = (&'a String, &'a Change);
    type IntoIter = Box<dyn Iterator<Item = Self::Item> + 'a>;

    fn into_iter(self) -> Self::IntoIter {
        Box::new(self.iter())
    }
}

impl IntoIterator for Changes {
    type Item = (String, Change);
    type IntoIter = std::vec::IntoIter<Self::Item>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl Serialize for Changes {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.iter())
    }
}

impl<'de> Deserialize<'de> for Changes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Object;
        impl<'de> Visitor<'de> for Object {
            type Value = Changes;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object of attributes and their changes")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Changes, A::Error> {
                let mut changes = Changes::default();
                while let Some((attribute, change)) = map.next_entry()? {
                    changes.insert(attribute, change);
                }
                Ok(changes)
            }
        }
        deserializer.deserialize_map(Object)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Value;

    #[test]
    fn it_is_a_map_in_order_that_survives_json() {
        let change = |after: &str| Change { before: Value::Null, after: after.into() };
        let mut changes: Changes =
            [("b", "2"), ("a", "1"), ("b", "3")].map(|(name, after)| (name.to_owned(), change(after))).into_iter().collect();
        assert_eq!(changes.keys().collect::<Vec<_>>(), ["a", "b"]);
        assert_eq!((changes.len(), &changes["b"].after, changes.get("c")), (2, &Value::from("3"), None));
        changes.values_mut().for_each(|change| change.before = "0".into());
        let json = serde_json::to_value(&changes).unwrap();
        assert_eq!(json["b"], serde_json::json!({ "before": "0", "after": "3" }));
        assert_eq!(serde_json::from_value::<Changes>(json).unwrap(), changes);
    }
}

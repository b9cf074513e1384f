//! A set of a few things: a sorted list, because there are millions of sets and most hold nothing or one thing.

use std::borrow::Borrow;

use serde::{Deserialize, Deserializer, Serialize};

/// A small set in order; JSON is a list.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Few<T>(Box<[T]>);

impl<T> Few<T> {
    /// None.
    pub fn new() -> Self {
        Self(Box::default())
    }

    /// They, in order.
    pub fn iter(&self) -> std::slice::Iter<'_, T> {
        self.0.iter()
    }

    /// How many.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// They, in order.
    pub fn as_slice(&self) -> &[T] {
        &self.0
    }
}

impl<T: Ord> Few<T> {
    /// Adds one; whether it was not there yet.
    pub fn insert(&mut self, item: T) -> bool {
        match self.0.binary_search(&item) {
            Ok(_) => false,
            Err(at) => {
                let mut items = std::mem::take(self).0.into_vec();
                items.reserve_exact(1);
                items.insert(at, item);
                self.0 = items.into_boxed_slice();
                true
            }
        }
    }

    /// Takes one out; whether it was there.
    pub fn remove<Q: Ord + ?Sized>(&mut self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        let Ok(at) = self.place(item) else { return false };
        let mut items = std::mem::take(self).0.into_vec();
        items.remove(at);
        self.0 = items.into_boxed_slice();
        true
    }

    /// Whether it is there.
    pub fn contains<Q: Ord + ?Sized>(&self, item: &Q) -> bool
    where
        T: Borrow<Q>,
    {
        self.place(item).is_ok()
    }

    fn place<Q: Ord + ?Sized>(&self, item: &Q) -> Result<usize, usize>
    where
        T: Borrow<Q>,
    {
        self.0.binary_search_by(|known| known.borrow().cmp(item))
    }
}

impl<T> Default for Few<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: Ord> FromIterator<T> for Few<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let mut items: Vec<T> = items.into_iter().collect();
        if !items.is_sorted_by(|a, b| a < b) {
            items.sort_unstable();
            items.dedup();
        }
        Self(items.into_boxed_slice())
    }
}

impl<T: Ord, const N: usize> From<[T; N]> for Few<T> {
    fn from(items: [T; N]) -> Self {
        items.into_iter().collect()
    }
}

impl<T: Ord> Extend<T> for Few<T> {
    fn extend<I: IntoIterator<Item = T>>(&mut self, items: I) {
        let mut items = items.into_iter().peekable();
        if items.peek().is_some() {
            *self = std::mem::take(self).into_iter().chain(items).collect();
        }
    }
}

impl<'a, T> IntoIterator for &'a Few<T> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T> IntoIterator for Few<T> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_vec().into_iter()
    }
}

impl<'de, T: Ord + Deserialize<'de>> Deserialize<'de> for Few<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Vec::<T>::deserialize(deserializer)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_a_set_in_order_that_survives_json() {
        let mut few: Few<String> = ["b", "a", "b"].map(str::to_owned).into();
        assert_eq!(few.as_slice(), ["a", "b"]);
        assert!(few.insert("ab".into()) && !few.insert("a".into()));
        assert!(few.contains("ab") && !few.contains("c") && few.remove("a") && !few.remove("a"));
        few.extend(["aa".to_owned(), "b".to_owned()]);
        assert_eq!(serde_json::to_string(&few).unwrap(), r#"["aa","ab","b"]"#);
        assert_eq!(serde_json::from_str::<Few<String>>(r#"["b","ab","aa","b"]"#).unwrap(), few);
        assert_eq!((few.len(), few.is_empty(), Few::<String>::new().is_empty()), (3, false, true));
    }
}

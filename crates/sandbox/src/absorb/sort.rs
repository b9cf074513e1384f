//! `_sort=name,-date`: the order of a list (contract, section 2).

use std::borrow::Cow;
use std::cmp::{Ordering, Reverse};

use serde_json::Value;

use super::filter::Members;
use super::wire::{Query, Refusal, fold};

/// The members to sort by, the first one first, each with whether downwards.
pub(super) struct Sort(Vec<(Cow<'static, str>, bool)>);

impl Sort {
    /// Reads `_sort`; `members` gives a member's own spelling.  A member that is not known is 422 (CHOSEN).
    pub(super) fn of(query: &Query, members: Members<'_>) -> Result<Self, Refusal> {
        let key = |part: &str| {
            let (name, down) = part.trim().strip_prefix('-').map_or((part.trim(), false), |name| (name, true));
            let known = members(name).ok_or_else(|| Refusal::invalid("_sort", format!("`{name}` is nothing to sort this list by")))?;
            Ok((known.0, down))
        };
        query.get("_sort").into_iter().flat_map(|text| text.split(',')).map(key).collect::<Result<_, _>>().map(Self)
    }

    /// The only member to sort by and whether downwards; none when there are several.
    pub(super) fn only(&self) -> Option<(&str, bool)> {
        match self.0.as_slice() {
            [(name, down)] => Some((name, *down)),
            _ => None,
        }
    }

    /// Whether the list stays as it is.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Sorts the rows by what `value` gives of each; ties stay in the order in which they came.
    pub(super) fn order<T>(&self, rows: &mut [T], value: impl Fn(&T, &str) -> Value) {
        for (name, down) in self.0.iter().rev() {
            if *down {
                rows.sort_by_cached_key(|row| Reverse(Rank::of(&value(row, name))));
            } else {
                rows.sort_by_cached_key(|row| Rank::of(&value(row, name)));
            }
        }
    }
}

/// A value's place among others: nothing first, then flags, numbers, and texts without regard to case.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    Nothing,
    Flag(bool),
    Number(Number),
    Text(String),
}

struct Number(f64);

impl Ord for Number {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.total_cmp(&other.0)
    }
}

impl PartialOrd for Number {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}

impl Eq for Number {}

impl Rank {
    fn of(value: &Value) -> Self {
        match value {
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => Self::Number(Number(number.as_f64().unwrap_or_default())),
            Value::String(text) => Self::Text(fold(text)),
            _ => Self::Nothing,
        }
    }
}

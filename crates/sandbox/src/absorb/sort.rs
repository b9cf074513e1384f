//! `_sort=name,-date`: the order of a list (contract, section 2).

use std::cmp::Reverse;

use serde_json::Value;

use super::wire::{Query, Refusal, fold};

/// The members to sort by, the first one first, each with whether downwards.
pub(super) struct Sort(Vec<(&'static str, bool)>);

impl Sort {
    /// Reads `_sort`; `known` gives a member's own spelling.  A member that is not known is 422 (CHOSEN).
    pub(super) fn of(query: &Query, known: impl Fn(&str) -> Option<&'static str>) -> Result<Self, Refusal> {
        let key = |part: &str| {
            let (name, down) = part.trim().strip_prefix('-').map_or((part.trim(), false), |name| (name, true));
            let name = known(name).ok_or_else(|| Refusal::invalid("_sort", format!("`{name}` is nothing to sort this list by")))?;
            Ok((name, down))
        };
        query.get("_sort").into_iter().flat_map(|text| text.split(',')).map(key).collect::<Result<_, _>>().map(Self)
    }

    /// As [`Sort::of`], for a list whose records have these members.
    pub(super) fn by(query: &Query, members: &[&'static str]) -> Result<Self, Refusal> {
        Self::of(query, |name| members.iter().find(|member| member.eq_ignore_ascii_case(name)).copied())
    }

    /// The members and directions asked for; none when the list stays as it is.
    pub(super) fn keys(&self) -> &[(&'static str, bool)] {
        &self.0
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
    Number(i64),
    Text(String),
}

impl Rank {
    fn of(value: &Value) -> Self {
        match value {
            Value::Bool(flag) => Self::Flag(*flag),
            Value::Number(number) => Self::Number(number.as_i64().unwrap_or_default()),
            Value::String(text) => Self::Text(fold(text)),
            _ => Self::Nothing,
        }
    }
}

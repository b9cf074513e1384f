//! `_filter`: the subset of OData v3 that the vendor's pages give (contract, section 2).
//!
//! `eq ne gt ge lt le and or not ()`, `substringof('part', member)`, `startswith(member, 's')`, `endswith(member, 's')`,
//! `tolower(…)`, `toupper(…)`; literals `'it''s'`, `guid'…'`, `datetime'…'`, numbers, `true`, `false`, `null`; members as
//! `lastName` or `customFields/decimal1`.  Names and words in any case; a predicate that is true or false may stand alone
//! or be compared.  `not` binds closest, then `gt ge lt le`, `eq ne`, `and`, `or`.
//!
//! CHOSEN: text is compared without regard to case, as everywhere in the portal.  What cannot be read is 400, what can be
//! read and does not fit the list's members is 422, both with the place, counted from 1.  Nothing compares with `null` but by
//! `eq` and `ne`: greater, less, and a function of nothing are false, and so is a flag that is not set.

mod eval;
mod lex;
mod parse;
#[cfg(test)]
mod tests;

use std::borrow::Cow;

use axum::http::StatusCode;
use jiff::civil::DateTime;
use serde_json::Value;
use uuid::Uuid;

use super::profile::Profile;
use super::wire::{Query, Refusal, Validation, parse_date};

/// What kind of value a member holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Text,
    Number,
    Flag,
    Guid,
    Time,
}

impl Type {
    fn word(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Number => "a number",
            Self::Flag => "true or false",
            Self::Guid => "a guid",
            Self::Time => "a datetime",
        }
    }
}

/// A value while a filter is looked at.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Nothing,
    Text(Cow<'a, str>),
    Number(f64),
    Flag(bool),
    Guid(Uuid),
    Time(DateTime),
}

impl<'a> Cell<'a> {
    /// What a record holds under a member of that type.
    pub(super) fn of(value: Option<&'a Value>, kind: Type) -> Self {
        let read = |value: &'a Value| match kind {
            Type::Text => value.as_str().map(|text| Self::Text(Cow::Borrowed(text))),
            Type::Number => value.as_f64().map(Self::Number),
            Type::Flag => value.as_bool().map(Self::Flag),
            Type::Guid => value.as_str().and_then(|text| Uuid::try_parse(text).ok()).map(Self::Guid),
            Type::Time => value.as_str().and_then(parse_date).map(Self::Time),
        };
        value.and_then(read).unwrap_or(Self::Nothing)
    }

    fn kind(&self) -> Option<Type> {
        match self {
            Self::Nothing => None,
            Self::Text(_) => Some(Type::Text),
            Self::Number(_) => Some(Type::Number),
            Self::Flag(_) => Some(Type::Flag),
            Self::Guid(_) => Some(Type::Guid),
            Self::Time(_) => Some(Type::Time),
        }
    }
}

/// The members that a list can be filtered by, as the list spells them.
pub(super) type Members<'a> = &'a dyn Fn(&str) -> Option<(Cow<'static, str>, Type)>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Compare {
    Eq,
    Ne,
    Gt,
    Ge,
    Lt,
    Le,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Function {
    SubstringOf,
    StartsWith,
    EndsWith,
    ToLower,
    ToUpper,
}

#[derive(Debug, Clone, PartialEq)]
enum Expr {
    Literal(Cell<'static>),
    Member(Cow<'static, str>, Type),
    Not(Box<Expr>),
    Compare(Compare, Box<Expr>, Box<Expr>),
    And(Vec<Expr>),
    Or(Vec<Expr>),
    Call(Function, Vec<Expr>),
}

/// A filter that was read and fits its list.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter(Expr);

/// A value that every row which a filter lets through must have.
pub(super) enum Hint<'a> {
    Text(&'a str, &'a str),
    Guid(&'a str, Uuid),
    /// At this time or later.
    Since(&'a str, DateTime),
}

impl Filter {
    /// `_filter` of a query, where the profile has it.
    pub(super) fn of(query: &Query, profile: &Profile, members: Members<'_>) -> Result<Option<Self>, Refusal> {
        let text = query.get("_filter").filter(|_| profile.filters);
        text.map(|text| Self::read(text, members)).transpose()
    }

    /// Reads a filter over these members.
    ///
    /// # Errors
    /// 400 when it cannot be read, 422 when it does not fit the members; both say where.
    fn read(text: &str, members: Members<'_>) -> Result<Self, Refusal> {
        let parsed = lex::tokens(text).and_then(|tokens| parse::expression(&tokens, text.chars().count(), members));
        parsed.map(Self).map_err(|wrong| {
            let status = if wrong.unreadable { StatusCode::BAD_REQUEST } else { StatusCode::UNPROCESSABLE_ENTITY };
            let fault = Validation::new("_filter", format!("at {}: {}", wrong.at + 1, wrong.why));
            Refusal { status, ..Refusal::validations(vec![fault]) }
        })
    }

    /// Whether a row passes; `value` gives what it holds under a member.
    pub(super) fn passes<'r>(&'r self, value: &dyn Fn(&str, Type) -> Cell<'r>) -> bool {
        eval::truth(&self.0, value)
    }

    /// As [`Filter::passes`], for a record.
    pub(super) fn passes_record(&self, record: &Value) -> bool {
        self.passes(&|name, kind| Cell::of(record.get(name), kind))
    }

    /// What an index could be asked before rows are looked at: parts that all rows must meet.
    pub(super) fn hints(&self) -> impl Iterator<Item = Hint<'_>> {
        let parts = match &self.0 {
            Expr::And(parts) => parts.as_slice(),
            one => std::slice::from_ref(one),
        };
        parts.iter().filter_map(|part| {
            let Expr::Compare(how, left, right) = part else { return None };
            let (Expr::Member(name, _), Expr::Literal(value)) = (left.as_ref(), right.as_ref()) else { return None };
            match (how, value) {
                (Compare::Eq, Cell::Text(text)) => Some(Hint::Text(name, text)),
                (Compare::Eq, Cell::Guid(id)) => Some(Hint::Guid(name, *id)),
                (Compare::Ge | Compare::Gt, Cell::Time(time)) => Some(Hint::Since(name, *time)),
                _ => None,
            }
        })
    }
}

/// The members of a list, found in whatever case.
pub(super) fn among(members: &[(&'static str, Type)], name: &str) -> Option<(Cow<'static, str>, Type)> {
    members.iter().find(|(known, _)| known.eq_ignore_ascii_case(name)).map(|(known, kind)| (Cow::Borrowed(*known), *kind))
}

/// What is wrong with a filter, and at which character, from 0.
#[derive(Debug, PartialEq, Eq)]
struct Wrong {
    at: usize,
    why: String,
    /// Whether it cannot even be read.
    unreadable: bool,
}

impl Wrong {
    fn unreadable(at: usize, why: impl Into<String>) -> Self {
        Self { at, why: why.into(), unreadable: true }
    }

    fn unfit(at: usize, why: impl Into<String>) -> Self {
        Self { at, why: why.into(), unreadable: false }
    }
}

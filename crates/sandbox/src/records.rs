//! Records as the APIs show them, for a sandbox that stands in for a tenant: it holds what these say, under the same ids.
//!
//! What a record does not show has its default: a password that is set and known to nobody, no lists of groups that were not read.  Members
//! that this sandbox does not know are not held.

use serde_json::Value;

use crate::error::Error;

/// What a record is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An account.
    User,
    /// A group, with its members where the record has them.
    Group,
    /// A department.
    Department,
    /// A course, lesson or path.
    Content,
    /// An enrolment or assignment.
    Enrolment,
}

impl Kind {
    fn word(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Group => "group",
            Self::Department => "department",
            Self::Content => "course or lesson",
            Self::Enrolment => "enrolment",
        }
    }
}

/// A record as an API showed it.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What it is about.
    pub kind: Kind,
    /// As it came.
    pub raw: Value,
}

impl Record {
    /// The members that are there and not null.
    pub(crate) fn get(&self, member: &str) -> Option<&Value> {
        self.raw.get(member).filter(|value| !value.is_null())
    }

    /// A text that may be missing.
    pub(crate) fn text(&self, member: &str) -> Result<Option<String>, Error> {
        self.of(member, "text", |value| value.as_str().map(str::to_owned))
    }

    /// What `read` makes of a member that may be missing; `what` says what it has to be.
    pub(crate) fn of<'a, T>(&'a self, member: &str, what: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<Option<T>, Error> {
        let Some(value) = self.get(member) else { return Ok(None) };
        read(value).map(Some).ok_or_else(|| self.refused(format!("{member} is {value}, and has to be {what}")))
    }

    /// The same of one that must be there.
    pub(crate) fn must<'a, T>(&'a self, member: &str, what: &str, read: impl FnOnce(&'a Value) -> Option<T>) -> Result<T, Error> {
        self.of(member, what, read)?.ok_or_else(|| self.refused(format!("{member} is missing")))
    }

    /// Why this record cannot be held.
    pub(crate) fn refused(&self, why: impl Into<String>) -> Error {
        let id = match self.raw.get("id") {
            Some(Value::String(id)) => id.clone(),
            Some(id) => id.to_string(),
            None => "without id".to_owned(),
        };
        Error::Record { record: format!("{} {id}", self.kind.word()), why: why.into() }
    }
}

/// The records of a kind, in their order.
pub(crate) fn of(records: &[Record], kind: Kind) -> impl Iterator<Item = &Record> {
    records.iter().filter(move |record| record.kind == kind)
}

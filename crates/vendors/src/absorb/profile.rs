//! The two readings of the API, as values: what differs between them, and nothing else.

use std::fmt;

use serde_json::{Value as Json, json};

/// How a reading writes something that is one of a few.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark {
    Word(&'static str),
    Number(i64),
}

impl Mark {
    pub(super) fn json(self) -> Json {
        match self {
            Self::Word(word) => json!(word),
            Self::Number(number) => json!(number),
        }
    }

    pub(super) fn is(self, value: &Json) -> bool {
        match self {
            Self::Word(word) => value.as_str() == Some(word),
            Self::Number(number) => value.as_i64() == Some(number),
        }
    }
}

impl fmt::Display for Mark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// What `_offset` counts (A05).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Offset {
    Rows,
    /// Pages, from 0.
    Pages,
}

/// How many users are written at once, and what is answered (A08).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Batch {
    /// `{users: […]}`, each matched by its id first; `{succeeded, failed, errors: [{index, message}]}`.
    Counted,
    /// A bare list, each matched by its user name or its external id; `[{key: id, value: user name}]`, or 422 for all of it.
    Keyed,
}

/// What `modifiedSince` is asked in (A21).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Since {
    Day,
    Time,
}

/// One reading of the API.
#[derive(Debug)]
pub(super) struct Profile {
    /// As configuration names it.
    pub(super) name: &'static str,
    /// Where a token is asked for.
    pub(super) token_path: &'static str,
    /// Whether the Private Key is in the body of that request too, and the answer is the token alone, which lives four hours; else the
    /// answer is an object that says until when it lives.
    pub(super) token_bare: bool,
    /// What `x-api-version` is pinned to (A16).
    pub(super) version: &'static str,
    /// `activeStatus` of an account that may log in.
    pub(super) active: Mark,
    /// `activeStatus` of an account that may not.
    pub(super) inactive: Mark,
    /// What `_offset` counts.
    pub(super) offset: Offset,
    /// Whether `POST /users` writes over whoever has the user name or the external id, where the other reading refuses (P7, F08).
    pub(super) upserts: bool,
    /// Where many users are written at once.
    pub(super) batch_path: &'static str,
    /// How they are.
    pub(super) batch: Batch,
    /// Whether an account's enrolments come in pages, like every list; else as a bare list.
    pub(super) enrolments_paged: bool,
    /// Whether one enrols by `POST /users/:u/enrollments/:c`; else by `POST /enrollments`.
    pub(super) enrols_by_path: bool,
    /// Whether the API tells what an admin sees, and which custom fields there are.
    pub(super) tells_scope: bool,
    /// What changes are asked for by.
    pub(super) since: Since,
}

/// The guide's reading.
pub(super) static GUIDE: Profile = Profile {
    name: "guide",
    token_path: "/authentication",
    token_bare: false,
    version: "2",
    active: Mark::Word("Active"),
    inactive: Mark::Word("Inactive"),
    offset: Offset::Rows,
    upserts: false,
    batch_path: "/users/batch",
    batch: Batch::Counted,
    enrolments_paged: false,
    enrols_by_path: false,
    tells_scope: false,
    since: Since::Day,
};

/// The vendor's reading: what a live tenant answers.
pub(super) static VENDOR: Profile = Profile {
    name: "vendor",
    token_path: "/authenticate",
    token_bare: true,
    version: "2",
    active: Mark::Number(0),
    inactive: Mark::Number(1),
    offset: Offset::Pages,
    upserts: true,
    batch_path: "/users/upload",
    batch: Batch::Keyed,
    enrolments_paged: true,
    enrols_by_path: true,
    tells_scope: true,
    since: Since::Time,
};

/// The profiles by name, in the order in which they are tried where none is pinned: the vendor's first, because whoever does not speak it
/// answers 404, and nothing has happened.
pub(super) const PROFILES: &[(&str, &Profile)] = &[("vendor", &VENDOR), ("guide", &GUIDE)];

/// A profile by its name.
pub(super) fn named(name: &str) -> Option<&'static Profile> {
    PROFILES.iter().find(|(listed, _)| *listed == name).map(|(_, profile)| *profile)
}

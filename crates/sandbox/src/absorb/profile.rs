//! What differs between the two public readings of the API, as one value (contract, section 1).
//!
//! Handlers read these values and hold no condition on a profile's name.

use axum::http::StatusCode;
use scim::{Leniency, Unknown};
use serde_json::{Value, json};

use super::filter::Type;

/// One reading of the Integration API: paths, sizes, words and success codes.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name as given on the command line.
    pub name: &'static str,
    /// The call that gives tokens.
    pub token: TokenCall,
    /// Last path segment of `POST /users/…` that takes many users.
    pub batch_path: &'static str,
    /// What that call takes and answers.
    pub batch: Batch,
    /// Most users in one batch; one more and the whole call is refused.
    pub batch_max: usize,
    /// What a `POST /users` does whose user is there already.
    pub duplicate: Duplicate,
    /// Members of a user that a `PUT` must name.
    pub put_requires: &'static [&'static str],
    /// What becomes of the members that a `PUT` or a batch leaves out.
    pub left_out: LeftOut,
    /// Rows in a page when `_limit` is left out (CHOSEN in the guide: 20).
    pub limit_default: usize,
    /// Largest `_limit`; above it the call is refused (CHOSEN in the guide: 1000).
    pub limit_max: usize,
    /// What `_offset` counts.
    pub offset: Offset,
    /// `activeStatus` of an account that may log in.
    pub active: Status,
    /// `activeStatus` of an account that may not.
    pub inactive: Status,
    /// Status of a create.
    pub created: StatusCode,
    /// Status of a `PUT`.
    pub replaced: StatusCode,
    /// How enrollments are listed and made.
    pub enrollments: Enrollments,
    /// Whether an admin's scope can be asked for.
    pub admin_settings: bool,
    /// Whether lists take `_filter`; where they do not, it is a parameter like any other unknown one.
    pub filters: bool,
    /// Life of a token in hours.
    pub token_hours: i64,
    /// How literally SCIM requests are taken.
    pub scim: Leniency,
    /// Requests a second that the bucket is refilled with.
    pub refill_per_second: u32,
    /// Requests that may come at once when the bucket is full.
    pub burst: u32,
}

/// How a token is asked for.
#[derive(Debug, PartialEq, Eq)]
pub struct TokenCall {
    /// Its path.
    pub path: &'static str,
    /// Members that its body must have.
    pub members: &'static [&'static str],
    /// Status when one of them is missing.
    pub missing: StatusCode,
    /// What it answers.
    pub answer: TokenAnswer,
}

/// What the token call answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenAnswer {
    /// `{"token", "expiresAt"}`.
    Object,
    /// The token as a bare JSON string.
    Text,
}

/// What a batch takes and answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Batch {
    /// `{users: […]}`; the valid ones are taken, `{succeeded, failed, errors}` lists the others.
    Report,
    /// A bare array, all or nothing; `[{"key": userId, "value": username}]`.
    Whole,
}

/// What a create does whose user is there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Duplicate {
    /// It is refused: the user name is taken.
    Refused,
    /// It updates the user of that user name, else of that external id.
    Updates,
}

/// What becomes of members that a write leaves out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// Cleared, but for the required ones, the password and the roles.
    Cleared,
    /// Kept.
    Kept,
}

/// What `_offset` counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Offset {
    /// Rows.
    Rows,
    /// Pages of `_limit` rows, from 0.
    Pages,
}

/// How an account's `activeStatus` is said.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// By a word, in whatever case.
    Word(&'static str),
    /// By a number.
    Number(u64),
}

impl Status {
    pub(super) fn value(self) -> Value {
        match self {
            Self::Word(word) => json!(word),
            Self::Number(number) => json!(number),
        }
    }

    /// How lists are filtered by it.
    pub(super) fn kind(self) -> Type {
        match self {
            Self::Word(_) => Type::Text,
            Self::Number(_) => Type::Number,
        }
    }

    /// Whether a request means this one.
    pub(super) fn is(self, value: &Value) -> bool {
        match self {
            Self::Word(word) => value.as_str().is_some_and(|text| text.eq_ignore_ascii_case(word)),
            Self::Number(number) => value.as_u64() == Some(number),
        }
    }
}

impl std::fmt::Display for Status {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Word(word) => f.write_str(word),
            Self::Number(number) => write!(f, "{number}"),
        }
    }
}

/// How enrollments are listed and made.
#[derive(Debug, PartialEq, Eq)]
pub struct Enrollments {
    /// Member that says when one was completed.
    pub completed: &'static str,
    /// Whether a user's list comes in the envelope of all lists; else it is a bare array, cut only where a part is asked for.
    pub envelope: bool,
    /// Whether user and course are named in the path (`/users/:u/enrollments/:c`, and `/enrollments/unenroll` beside it);
    /// else in the body of `POST /enrollments`.
    pub by_path: bool,
}

/// Both readings say of SCIM the same: to the letter, but for attributes that nobody knows, words that are not the suggested ones, and
/// `remove` with a list, which Okta sends (CHOSEN).  What Entra sends otherwise is refused.
const SCIM: Leniency =
    Leniency { unknown: Unknown::Drop, canonical_only: false, remove_listed: true, mend_primary: true, ..Leniency::STRICT };

/// The readings there are; the first is taken when none is asked for.
pub static PROFILES: &[&Profile] = &[&GUIDE, &VENDOR];

/// The guide's reading (`seeds/004`): the requirement.
pub static GUIDE: Profile = Profile {
    name: "guide",
    token: TokenCall {
        path: "authentication",
        members: &["username", "password"],
        missing: StatusCode::UNPROCESSABLE_ENTITY,
        answer: TokenAnswer::Object,
    },
    batch_path: "batch",
    batch: Batch::Report,
    batch_max: 200,
    duplicate: Duplicate::Refused,
    put_requires: &[],
    left_out: LeftOut::Cleared,
    limit_default: 20,
    limit_max: 1000,
    offset: Offset::Rows,
    active: Status::Word("Active"),
    inactive: Status::Word("Inactive"),
    created: StatusCode::CREATED,
    replaced: StatusCode::OK,
    enrollments: Enrollments { completed: "completedDate", envelope: false, by_path: false },
    admin_settings: false,
    filters: false,
    token_hours: 4,
    scim: SCIM,
    refill_per_second: 200,
    burst: 300,
};

/// What a live tenant answers, after the vendor's own reference pages.
pub static VENDOR: Profile = Profile {
    name: "vendor",
    token: TokenCall {
        path: "authenticate",
        members: &["username", "password", "privateKey"],
        missing: StatusCode::BAD_REQUEST,
        answer: TokenAnswer::Text,
    },
    batch_path: "upload",
    batch: Batch::Whole,
    batch_max: 200,
    duplicate: Duplicate::Updates,
    put_requires: &["username", "departmentId", "firstName", "lastName"],
    left_out: LeftOut::Kept,
    limit_default: 20,
    limit_max: 1000,
    offset: Offset::Pages,
    active: Status::Number(0),
    inactive: Status::Number(1),
    created: StatusCode::CREATED,
    replaced: StatusCode::CREATED,
    enrollments: Enrollments { completed: "dateCompleted", envelope: true, by_path: true },
    admin_settings: true,
    filters: true,
    token_hours: 4,
    scim: SCIM,
    refill_per_second: 200,
    burst: 300,
};

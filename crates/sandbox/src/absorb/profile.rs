//! What differs between the two public readings of the API, as one value (contract, section 1).
//!
//! Handlers read these values and hold no condition on a profile's name; a second reading is a second value here.

use axum::http::StatusCode;

/// One reading of the Integration API: paths, sizes, words and success codes.
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// Name as given on the command line.
    pub name: &'static str,
    /// First path segment of the token call.
    pub token_path: &'static str,
    /// Last path segment of `POST /users/…` that takes many users.
    pub batch_path: &'static str,
    /// Most users in one batch; one more and the whole call is refused.
    pub batch_max: usize,
    /// Rows in a page when `_limit` is left out (CHOSEN: 20).
    pub limit_default: usize,
    /// Largest `_limit`; above it the call is refused (CHOSEN: 1000).
    pub limit_max: usize,
    /// `activeStatus` of an account that may log in.
    pub active: &'static str,
    /// `activeStatus` of an account that may not.
    pub inactive: &'static str,
    /// Status of a create.
    pub created: StatusCode,
    /// Status of a `PUT`.
    pub replaced: StatusCode,
    /// Member of an enrollment that says when it was completed.
    pub completed_member: &'static str,
    /// Life of a token in hours.
    pub token_hours: i64,
    /// Requests a second that the bucket is refilled with.
    pub refill_per_second: u32,
    /// Requests that may come at once when the bucket is full.
    pub burst: u32,
}

/// The readings there are; the first is taken when none is asked for.
pub static PROFILES: &[&Profile] = &[&GUIDE];

/// The guide's reading (`seeds/004`): the requirement.
pub static GUIDE: Profile = Profile {
    name: "guide",
    token_path: "authentication",
    batch_path: "batch",
    batch_max: 200,
    limit_default: 20,
    limit_max: 1000,
    active: "Active",
    inactive: "Inactive",
    created: StatusCode::CREATED,
    replaced: StatusCode::OK,
    completed_member: "completedDate",
    token_hours: 4,
    refill_per_second: 200,
    burst: 300,
};

//! Which reading of the API a sandbox answers by: the data in which the readings differ, and nothing else (contract,
//! section 1).  Chosen when the sandbox opens; handlers read these values and hold no condition on a profile's name.

use std::sync::LazyLock;

use axum::http::StatusCode;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Unit};
use scim::{Leniency, Unknown};

/// One reading of the API.
#[derive(Debug)]
pub struct Profile {
    /// `guide` or `vendor`.
    pub name: &'static str,
    /// Items on a page of a paginated list when nothing is said.
    pub(super) page: usize,
    /// The most items that `per_page` gets; None: it is ignored.
    pub(super) page_max: Option<usize>,
    /// Whether a paginated list says `total_…`, `total_pages`, `page` and `per_page`.
    pub(super) totals: bool,
    /// Whether users are looked up by `filter[…]`.
    pub(super) filters: bool,
    /// Whether DELETE /users/:id exists.
    pub(super) deletes: bool,
    /// Whether PUT /company_settings exists.
    pub(super) settings: bool,
    /// Whether `group_ids` is written and shown, and a whole user dated.
    pub(super) group_ids: bool,
    /// Whether writing a custom field that is not declared makes it; else it is dropped without a word.
    pub(super) mints: bool,
    /// Whether a number is taken where text is wanted (CHOSEN, as the vendor's own platform does).
    pub(super) casts: bool,
    /// `type` of the answer to POST /users.
    pub(super) created_user: &'static str,
    /// `type` of the answer to PUT /users/:id.
    pub(super) updated_user: &'static str,
    /// `type` of GET /users/:id/assignments.
    pub(super) user_assignments: &'static str,
    /// How the `type` of POST /lessons/:id/assignments and the like begins.
    pub(super) posted_assignments: &'static str,
    /// How statuses are written.
    pub(super) statuses: Statuses,
    /// How `archived_at` is kept and written.
    pub(super) archived: Instant,
    /// What `/scim/v2` is.
    pub(super) scim: Provisioning,
    /// What comes over the rate limit.
    pub(super) throttled: Throttled,
}

/// What answers below `/scim/v2`.
#[derive(Debug)]
pub(super) enum Provisioning {
    /// A server as the RFCs have it, which reads so literally.
    Rfc(Leniency),
    /// The vendor's own engine.
    Engine,
}

/// How the statuses of an assignment are written.
#[derive(Debug)]
pub(super) struct Statuses {
    pub(super) completed: &'static str,
    pub(super) incomplete: &'static str,
    pub(super) overdue: &'static str,
    pub(super) grade_pending: &'static str,
}

/// A way to write an instant.
#[derive(Debug, Clone, Copy)]
pub(super) enum Instant {
    /// `2024-06-01T12:00:00Z`.
    Utc,
    /// `2016-10-13T09:34:24.151-04:00`: to the millisecond, in the vendor's own zone.
    Zoned,
}

/// The answer to a call that came too fast.
#[derive(Debug, Clone, Copy)]
pub(super) struct Throttled {
    pub(super) status: StatusCode,
    pub(super) error: &'static str,
}

/// Where the vendor's public exchanges were recorded: Eastern time.
static ZONE: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::get("America/New_York").expect("the binary holds the time-zone data, this zone included"));

impl Instant {
    /// As precisely as it is written.
    pub(super) fn kept(self, at: Timestamp) -> Timestamp {
        at.round(jiff::TimestampRound::new().smallest(self.unit()).mode(jiff::RoundMode::Floor)).unwrap_or(at)
    }

    fn unit(self) -> Unit {
        match self {
            Self::Utc => Unit::Second,
            Self::Zoned => Unit::Millisecond,
        }
    }

    pub(super) fn written(self, at: Timestamp) -> String {
        match self {
            Self::Utc => self.kept(at).to_string(),
            Self::Zoned => at.to_zoned(ZONE.clone()).strftime("%Y-%m-%dT%H:%M:%S.%3f%:z").to_string(),
        }
    }
}

/// The readings there are; the first is taken when none is asked for.
pub static PROFILES: &[&Profile] = &[&GUIDE, &VENDOR];

/// The guide's reading.
pub static GUIDE: Profile = Profile {
    name: "guide",
    page: 50,
    page_max: None,
    totals: false,
    filters: false,
    deletes: false,
    settings: false,
    group_ids: true,
    mints: false,
    casts: false,
    created_user: "user",
    updated_user: "user",
    user_assignments: "assignments",
    posted_assignments: "create",
    statuses: Statuses { completed: "completed", incomplete: "incomplete", overdue: "overdue", grade_pending: "grade pending" },
    archived: Instant::Utc,
    // To the letter, but for attributes that nobody knows, words that are not the suggested ones, and `remove` with a list (CHOSEN).
    scim: Provisioning::Rfc(Leniency {
        unknown: Unknown::Drop,
        canonical_only: false,
        remove_listed: true,
        mend_primary: true,
        ..Leniency::STRICT
    }),
    throttled: Throttled { status: StatusCode::TOO_MANY_REQUESTS, error: "Too Many Requests" },
};

/// The vendor's own: what a live tenant answers.
pub static VENDOR: Profile = Profile {
    name: "vendor",
    page: 50,
    page_max: Some(1000),
    totals: true,
    filters: true,
    deletes: true,
    settings: true,
    group_ids: false,
    mints: true,
    casts: true,
    created_user: "create_user",
    updated_user: "update_user",
    user_assignments: "user_assignments",
    posted_assignments: "update",
    statuses: Statuses { completed: "Completed", incomplete: "Incomplete", overdue: "Overdue", grade_pending: "Grade Pending" },
    archived: Instant::Zoned,
    scim: Provisioning::Engine,
    throttled: Throttled { status: StatusCode::FORBIDDEN, error: "Forbidden (Rate Limit Exceeded)" },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_is_written_as_each_reading_does() {
        let at = "2016-10-13T13:34:24.1519Z".parse().unwrap();
        assert_eq!(Instant::Zoned.written(at), "2016-10-13T09:34:24.151-04:00");
        assert_eq!(Instant::Zoned.kept(at).to_string(), "2016-10-13T13:34:24.151Z");
        assert_eq!(Instant::Utc.written(at), "2016-10-13T13:34:24Z");
        let winter = "2019-02-01T07:51:40Z".parse().unwrap();
        assert_eq!(Instant::Zoned.written(winter), "2019-02-01T02:51:40.000-05:00");
    }
}

/// Which reading of the API a sandbox answers by: the data in which the readings differ, and nothing else.  Chosen when the
/// sandbox opens.  (The vendor's own reading gets a value beside [`GUIDE`].)
#[derive(Debug, PartialEq, Eq)]
pub struct Profile {
    /// `guide`.
    pub name: &'static str,
    /// Items on a page of a paginated list, whatever `per_page` says.
    pub(super) page: usize,
    /// `type` of the answer to POST /users.
    pub(super) created_user: &'static str,
    /// `type` of the answer to PUT /users/:id, and to archive and restore.
    pub(super) updated_user: &'static str,
    /// `type` of GET /users/:id/assignments.
    pub(super) user_assignments: &'static str,
    /// How statuses are written.
    pub(super) statuses: Statuses,
}

/// How the statuses of an assignment are written.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Statuses {
    pub(super) completed: &'static str,
    pub(super) incomplete: &'static str,
    pub(super) overdue: &'static str,
    pub(super) grade_pending: &'static str,
}

/// The readings there are; the first is taken when none is asked for.
pub static PROFILES: &[&Profile] = &[&GUIDE];

/// The guide's reading.
pub static GUIDE: Profile = Profile {
    name: "guide",
    page: 50,
    created_user: "user",
    updated_user: "user",
    user_assignments: "assignments",
    statuses: Statuses { completed: "completed", incomplete: "incomplete", overdue: "overdue", grade_pending: "grade pending" },
};

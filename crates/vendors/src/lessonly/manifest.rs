//! What Lessonly can do, as data (`vendors/lessonly.md`).

use connector::{Attribute, Compare, EnrolmentsBy, LandsLate, Manifest, Shape, Support};
use model::{AdminMark, Kind, Verb};

/// Attributes that begin with this are custom fields: `custom.NAME`.  They are declared per tenant, so they are not in the manifest.
pub(super) const CUSTOM: &str = "custom.";

/// Roles, from least to most power.
pub(super) const ROLES: &[&str] = &["learner", "creator", "manager", "admin"];

const fn text(name: &'static str) -> Attribute {
    Attribute { name, shape: Shape::Text, compare: Compare::Exact, required: false, unique: false, refused: "" }
}

/// The manifest of every profile.
pub static MANIFEST: Manifest = Manifest {
    connector: "lessonly",
    attributes: &[
        Attribute { required: true, refused: "`!@#$%^&*+=()|[];", ..text("name") },
        Attribute { required: true, unique: true, compare: Compare::Folded, ..text("email") },
        Attribute { shape: Shape::Role(ROLES), ..text("role") },
        text("ext_uid"),
        text("job_title"),
        text("business_unit"),
        text("department"),
        text("location"),
        text("locale"),
        Attribute { shape: Shape::Date, ..text("hire_date") },
        text("manager_name"),
    ],
    key_attribute: Some("ext_uid"),
    admins: &[AdminMark { member: "role", is: "admin", why: "role admin" }],
    verbs: &[
        (Verb::CreateDepartment, Support::Cannot("a department is plain text on the account, set like any other attribute")),
        (Verb::CreateGroup, Support::Can),
        (Verb::Link, Support::Can),
        (Verb::Restore, Support::Can),
        (Verb::Create, Support::Can),
        (Verb::Update, Support::Can),
        (Verb::Relate, Support::Cannot("manager_name is plain text; the API knows no supervisor")),
        (Verb::Enrol, Support::Can),
        (Verb::Leave, Support::Can),
    ],
    // Links are no call: together they are looked at by page.
    batches: &[(Verb::Link, 5000)],
    // An e-mail that is there is refused.  Updates name what they set; archiving, restoring and assigning twice changes nothing.  Groups may
    // share a name.
    lands_late: &[
        (Verb::CreateGroup, LandsLate::Doubles),
        (Verb::Link, LandsLate::Same),
        (Verb::Restore, LandsLate::Same),
        (Verb::Create, LandsLate::Refused),
        (Verb::Update, LandsLate::Same),
        (Verb::Enrol, LandsLate::Same),
        (Verb::Leave, LandsLate::Same),
    ],
    kinds: &[Kind::Accounts, Kind::Groups, Kind::Content, Kind::Enrolments],
    restore_sets: false,
    enrolments: EnrolmentsBy::Content,
    hides: false,
    leave: (
        "archive",
        "can no longer log in and drops out of reports; completion history is kept; restoring later does not enrol again",
    ),
    moves_enrol: false,
    limit: None,
    concurrency: 4,
    pages: &[("guide", 50), ("vendor", 1000)],
    dated: &[],
    asked_by: &[("vendor", &["email", "ext_uid"])],
};

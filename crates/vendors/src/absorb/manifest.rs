//! What Absorb can do, as data.

use connector::{Attribute, Compare, EnrolmentsBy, LandsLate, Manifest, RateLimit, Shape, Support};
use model::{AdminMark, Kind, Verb};

/// Most users in one batch; one more and the vendor refuses the whole call (A08).
pub(super) const BATCH: usize = 200;
/// Rows of a page when reading: the most the vendor gives.
pub(super) const PAGE: usize = 1000;

/// By which the list of users is filtered for one value.
const ASKED_BY: &[&str] = &["username", "externalId", "emailAddress"];

const fn text(name: &'static str) -> Attribute {
    Attribute { name, shape: Shape::Text, compare: Compare::Exact, required: false, unique: false, refused: "" }
}

const fn day(name: &'static str) -> Attribute {
    Attribute { shape: Shape::Date, ..text(name) }
}

const fn number(name: &'static str) -> Attribute {
    Attribute { shape: Shape::Int, ..text(name) }
}

const ATTRIBUTES: &[Attribute] = &[
    Attribute { compare: Compare::Folded, required: true, unique: true, ..text("username") },
    Attribute { required: true, ..text("firstName") },
    text("middleName"),
    Attribute { required: true, ..text("lastName") },
    Attribute { compare: Compare::Folded, ..text("emailAddress") },
    text("externalId"),
    Attribute { shape: Shape::Department, required: true, ..text("department") },
    Attribute { shape: Shape::Supervisor, ..text("supervisor") },
    text("jobTitle"),
    text("employeeNumber"),
    text("location"),
    text("phone"),
    text("address"),
    text("address2"),
    text("city"),
    text("postalCode"),
    text("notes"),
    number("gender"),
    number("languageId"),
    day("dateHired"),
    day("dateTerminated"),
    number("customFields.decimal1"),
    number("customFields.decimal2"),
    number("customFields.decimal3"),
    number("customFields.decimal4"),
    number("customFields.decimal5"),
    text("customFields.string1"),
    text("customFields.string2"),
    text("customFields.string3"),
    text("customFields.string4"),
    text("customFields.string5"),
    text("customFields.string6"),
    text("customFields.string7"),
    text("customFields.string8"),
    text("customFields.string9"),
    text("customFields.string10"),
    text("customFields.string11"),
    text("customFields.string12"),
    text("customFields.string13"),
    text("customFields.string14"),
    text("customFields.string15"),
    text("customFields.string16"),
    text("customFields.string17"),
    text("customFields.string18"),
    text("customFields.string19"),
    text("customFields.string20"),
    text("customFields.string21"),
    text("customFields.string22"),
    text("customFields.string23"),
    text("customFields.string24"),
    text("customFields.string25"),
    text("customFields.string26"),
    text("customFields.string27"),
    text("customFields.string28"),
    text("customFields.string29"),
    text("customFields.string30"),
    day("customFields.datetime1"),
    day("customFields.datetime2"),
    day("customFields.datetime3"),
    day("customFields.datetime4"),
    day("customFields.datetime5"),
];

/// What Absorb's Integration API can do.
///
/// Accounts are dated: `modifiedSince` shows who was made or edited, in both profiles.  It does not show whom somebody moved out of the
/// departments that the log-in sees (such an account is simply there no more), nor anything about enrolments, departments, groups and
/// courses: those need a reading of the whole.
pub static MANIFEST: Manifest = Manifest {
    connector: "absorb",
    attributes: ATTRIBUTES,
    key_attribute: Some("externalId"),
    admins: &[AdminMark { member: "isAdmin", is: "true", why: "an administrator of the portal" }],
    verbs: &[
        (Verb::CreateDepartment, Support::Can),
        (Verb::CreateGroup, Support::Cannot("the API lists groups and has no call that makes or fills one")),
        (Verb::Link, Support::Can),
        (Verb::Restore, Support::Can),
        (Verb::Create, Support::Can),
        (Verb::Update, Support::Can),
        (Verb::Relate, Support::Can),
        (Verb::Enrol, Support::Can),
        (Verb::Leave, Support::Can),
    ],
    // Links are no call: together they need one look.
    batches: &[
        (Verb::Link, BATCH),
        (Verb::Restore, BATCH),
        (Verb::Create, BATCH),
        (Verb::Update, BATCH),
        (Verb::Relate, BATCH),
        (Verb::Leave, BATCH),
    ],
    // A batch of creates updates whoever is there by now, and sets the password again; every other write of a user is the whole record as
    // it was before; an enrolment may be a new one beside history.  Departments may share a name.
    lands_late: &[
        (Verb::CreateDepartment, LandsLate::Doubles),
        (Verb::Link, LandsLate::Same),
        (Verb::Restore, LandsLate::Overwrites),
        (Verb::Create, LandsLate::Overwrites),
        (Verb::Update, LandsLate::Overwrites),
        (Verb::Relate, LandsLate::Overwrites),
        (Verb::Enrol, LandsLate::Overwrites),
        (Verb::Leave, LandsLate::Overwrites),
    ],
    kinds: &[Kind::Accounts, Kind::Groups, Kind::Departments, Kind::Content, Kind::Enrolments],
    restore_sets: true,
    enrolments: EnrolmentsBy::Account,
    hides: true,
    leave: ("deactivate", "cannot log in any more; the record, its enrolments and its history stay, nothing is deleted"),
    moves_enrol: true,
    limit: Some(RateLimit { per_second: 200, burst: 100 }),
    concurrency: 8,
    pages: &[("vendor", PAGE), ("guide", PAGE)],
    dated: &[Kind::Accounts],
    asked_by: &[("vendor", ASKED_BY), ("guide", ASKED_BY)],
};

//! What a SCIM application can do, as data (RFC 7643, RFC 7644).

use connector::{Attribute, Compare, EnrolmentsBy, LandsLate, Manifest, Shape, Support};
use model::{Kind, Verb};

const fn text(name: &'static str) -> Attribute {
    Attribute { name, shape: Shape::Text, compare: Compare::Exact, required: false, unique: false, refused: "" }
}

const USER_NAME: Attribute = Attribute { required: true, unique: true, compare: Compare::Folded, ..text("userName") };
const MANAGER: Attribute = Attribute { shape: Shape::Supervisor, ..text("manager") };

/// Every attribute but the manager; each is at a place of the resource that `convert.rs` knows.
macro_rules! attributes {
    ($($more:expr)?) => {
        &[
            USER_NAME,
            text("externalId"),
            text("name.givenName"),
            text("name.familyName"),
            text("name.middleName"),
            text("name.formatted"),
            text("displayName"),
            text("nickName"),
            text("title"),
            text("userType"),
            text("preferredLanguage"),
            text("locale"),
            text("timezone"),
            text("profileUrl"),
            Attribute { compare: Compare::Folded, ..text("emails.work") },
            Attribute { compare: Compare::Folded, ..text("emails.home") },
            text("phoneNumbers.work"),
            text("phoneNumbers.mobile"),
            text("addresses.work.streetAddress"),
            text("addresses.work.locality"),
            text("addresses.work.region"),
            text("addresses.work.postalCode"),
            text("addresses.work.country"),
            text("employeeNumber"),
            text("costCenter"),
            text("organization"),
            text("division"),
            text("department"),
            $($more)?
        ]
    };
}

const VERBS_OF_ALL: &[(Verb, Support)] = &[
    (Verb::CreateDepartment, Support::Cannot("a department is plain text of the enterprise extension, set like any other attribute")),
    (Verb::CreateGroup, Support::Can),
    (Verb::Link, Support::Can),
    (Verb::Restore, Support::Can),
    (Verb::Create, Support::Can),
    (Verb::Update, Support::Can),
    (Verb::Relate, Support::Can),
    (Verb::Enrol, Support::Cannot("SCIM knows accounts and groups, nothing to learn")),
    (Verb::Leave, Support::Can),
];

/// By what an application whose filters work is asked for accounts.
const ASKED_BY: &[&str] = &["userName", "externalId"];

/// The manifest of applications with groups, and of those of which nothing is known yet.
const WITH_GROUPS: Manifest = Manifest {
    connector: "scim",
    attributes: attributes!(MANAGER),
    key_attribute: Some("externalId"),
    admins: &[],
    verbs: VERBS_OF_ALL,
    // Links are no call: together they are looked at by page.  The others are a call each, and share the calls about their groups.
    batches: &[(Verb::Link, 5000), (Verb::Create, 20), (Verb::Restore, 20), (Verb::Update, 20)],
    // A create may change whoever is there by now; every other write may be a PUT of all that was read before.  Groups may share a name.
    lands_late: &[
        (Verb::CreateGroup, LandsLate::Doubles),
        (Verb::Link, LandsLate::Same),
        (Verb::Restore, LandsLate::Overwrites),
        (Verb::Create, LandsLate::Overwrites),
        (Verb::Update, LandsLate::Overwrites),
        (Verb::Relate, LandsLate::Overwrites),
        (Verb::Leave, LandsLate::Overwrites),
    ],
    kinds: &[Kind::Accounts, Kind::Groups],
    restore_sets: true,
    enrolments: EnrolmentsBy::Account,
    hides: false,
    leave: ("deactivate", "can no longer log in there; the account and what belongs to it stay"),
    moves_enrol: false,
    limit: None,
    concurrency: 4,
    pages: &[("patch", super::wire::PAGE)],
    dated: &[],
    asked_by: &[
        ("patch", ASKED_BY),
        ("put", ASKED_BY),
        ("bare", ASKED_BY),
        ("patch-users", ASKED_BY),
        ("put-users", ASKED_BY),
        ("bare-users", ASKED_BY),
    ],
};

/// The manifest that holds where configuration pins no profile, or one with groups.
pub static MANIFEST: Manifest = WITH_GROUPS;

/// The manifest of applications where configuration pins that there are users only: no groups, and no manager, who is another user's id in
/// an extension that such applications do not have.
pub(super) static USERS_ONLY: Manifest = Manifest {
    attributes: attributes!(),
    verbs: &[
        (
            Verb::CreateDepartment,
            Support::Cannot("a department is plain text of the enterprise extension, set like any other attribute"),
        ),
        (Verb::CreateGroup, Support::Cannot("the application has no groups over SCIM")),
        (Verb::Link, Support::Can),
        (Verb::Restore, Support::Can),
        (Verb::Create, Support::Can),
        (Verb::Update, Support::Can),
        (Verb::Relate, Support::Cannot("the application has no manager over SCIM")),
        (Verb::Enrol, Support::Cannot("SCIM knows accounts and groups, nothing to learn")),
        (Verb::Leave, Support::Can),
    ],
    lands_late: &[
        (Verb::Link, LandsLate::Same),
        (Verb::Restore, LandsLate::Overwrites),
        (Verb::Create, LandsLate::Overwrites),
        (Verb::Update, LandsLate::Overwrites),
        (Verb::Leave, LandsLate::Overwrites),
    ],
    batches: &[(Verb::Link, 5000)],
    kinds: &[Kind::Accounts],
    ..WITH_GROUPS
};

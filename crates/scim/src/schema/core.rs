//! What users, their enterprise extension and groups have (RFC 7643, sections 3.1, 4 and 8.7.1).
//!
//! Where the RFC's text and its example documents differ, the text counts: references and bytes are case-exact (2.3.6, 2.3.7), a
//! group's name is required (4.2), addresses have `primary` (2.4), members have `display` (2.4, 8.4). What holds an id (members,
//! groups, manager) is case-exact as ids are (3.1).

use std::sync::{Arc, LazyLock};

use super::{Attribute, Kind, Mutability, Returned, Schema, Uniqueness};
use crate::urn;

fn text(name: &str, description: &str) -> Attribute {
    Attribute::new(name, Kind::String, description)
}

fn flag(name: &str, description: &str) -> Attribute {
    Attribute::new(name, Kind::Boolean, description)
}

fn link(name: &str, to: &[&str], description: &str) -> Attribute {
    Attribute::new(name, Kind::Reference, description).refers(to)
}

/// `value`, `display`, `type` and `primary`, as most lists of a user have them (RFC 7643, section 2.4).
fn listed(name: &str, description: &str, value: Attribute, types: &[&str]) -> Attribute {
    let subs = [
        value,
        text("display", "The value in words, for people."),
        text("type", "What the value is for.").canonical(types),
        flag("primary", "The preferred value; true for one value at most."),
    ];
    Attribute::complex(name, description, subs).multi()
}

/// What every resource has, whatever its schema: `schemas`, `id`, `externalId`, `meta` (RFC 7643, section 3.1).
pub fn common() -> &'static [Arc<Attribute>] {
    static COMMON: LazyLock<Vec<Arc<Attribute>>> = LazyLock::new(|| {
        let meta = [
            text("resourceType", "The name of the resource type.").exact().mutability(Mutability::ReadOnly),
            Attribute::new("created", Kind::DateTime, "When the resource was made.").mutability(Mutability::ReadOnly),
            Attribute::new("lastModified", Kind::DateTime, "When the resource was last changed.").mutability(Mutability::ReadOnly),
            link("location", &["uri"], "Where the resource is.").mutability(Mutability::ReadOnly),
            text("version", "The version of the resource, an entity tag.").exact().mutability(Mutability::ReadOnly),
        ];
        let all = [
            link("schemas", &["uri"], "The schemas whose attributes the resource has.").multi().required().returned(Returned::Always),
            text("id", "The server's own name of the resource.")
                .exact()
                .mutability(Mutability::ReadOnly)
                .returned(Returned::Always)
                .unique(Uniqueness::Server),
            text("externalId", "The client's name of the resource.").exact(),
            Attribute::complex("meta", "What the server knows about the resource.", meta).mutability(Mutability::ReadOnly),
        ];
        all.into_iter().map(Arc::new).collect()
    });
    &COMMON
}

/// `urn:ietf:params:scim:schemas:core:2.0:User`.
pub fn user() -> &'static Arc<Schema> {
    static USER: LazyLock<Arc<Schema>> = LazyLock::new(|| {
        let name = [
            text("formatted", "The whole name as it is shown."),
            text("familyName", "The family name."),
            text("givenName", "The given name."),
            text("middleName", "The middle names."),
            text("honorificPrefix", "Titles before the name."),
            text("honorificSuffix", "What stands after the name."),
        ];
        let address = [
            text("formatted", "The whole address as it is written on a label."),
            text("streetAddress", "Street, house, apartment; lines may be broken."),
            text("locality", "City or place."),
            text("region", "State or region."),
            text("postalCode", "Postal code."),
            text("country", "Country, as ISO 3166-1 alpha-2."),
            text("type", "What the address is for.").canonical(&["work", "home", "other"]),
            flag("primary", "The preferred address; true for one at most."),
        ];
        let groups = [
            text("value", "The group's id.").exact().mutability(Mutability::ReadOnly),
            link("$ref", &["User", "Group"], "Where the group is.").mutability(Mutability::ReadOnly),
            text("display", "The group's name.").mutability(Mutability::ReadOnly),
            text("type", "Whether the membership is direct.").canonical(&["direct", "indirect"]).mutability(Mutability::ReadOnly),
        ];
        let certificate = Attribute::new("value", Kind::Binary, "The certificate, DER.");
        let places = ["work", "home", "other"];
        let phones = ["work", "home", "mobile", "fax", "pager", "other"];
        let messengers = ["aim", "gtalk", "icq", "xmpp", "msn", "skype", "qq", "yahoo"];
        Arc::new(Schema::new(
            urn::USER,
            "User",
            "User Account",
            [
                text("userName", "The name by which the user is known to the server and logs in.")
                    .required()
                    .unique(Uniqueness::Server),
                Attribute::complex("name", "The parts of the user's name.", name),
                text("displayName", "The name that is shown."),
                text("nickName", "What friends say."),
                link("profileUrl", &["external"], "The user's page."),
                text("title", "The user's position."),
                text("userType", "How the user belongs to the organization."),
                text("preferredLanguage", "The preferred language, as in Accept-Language."),
                text("locale", "How dates, numbers and money are written for the user."),
                text("timezone", "The user's time zone, by its name in the time-zone database."),
                flag("active", "Whether the user may do anything."),
                text("password", "The user's password in clear; written, never shown.")
                    .exact()
                    .mutability(Mutability::WriteOnly)
                    .returned(Returned::Never),
                listed("emails", "E-mail addresses.", text("value", "The address."), &places),
                listed("phoneNumbers", "Telephone numbers.", text("value", "The number."), &phones),
                listed("ims", "Addresses for instant messages.", text("value", "The address."), &messengers),
                listed(
                    "photos",
                    "Pictures of the user.",
                    link("value", &["external"], "Where the picture is."),
                    &["photo", "thumbnail"],
                ),
                Attribute::complex("addresses", "Postal addresses.", address).multi(),
                Attribute::complex("groups", "The groups that the user is in; changed through the groups.", groups)
                    .multi()
                    .mutability(Mutability::ReadOnly),
                listed("entitlements", "What the user is entitled to.", text("value", "The entitlement."), &[]),
                listed("roles", "What the user is in the application.", text("value", "The role."), &[]),
                listed("x509Certificates", "The user's certificates.", certificate, &[]),
            ],
        ))
    });
    &USER
}

/// `urn:ietf:params:scim:schemas:extension:enterprise:2.0:User`.
pub fn enterprise_user() -> &'static Arc<Schema> {
    static ENTERPRISE: LazyLock<Arc<Schema>> = LazyLock::new(|| {
        let manager = [
            text("value", "The manager's id.").exact(),
            link("$ref", &["User"], "Where the manager is."),
            text("displayName", "The manager's name.").mutability(Mutability::ReadOnly),
        ];
        Arc::new(Schema::new(
            urn::ENTERPRISE_USER,
            "EnterpriseUser",
            "Enterprise User",
            [
                text("employeeNumber", "The organization's number for the person."),
                text("costCenter", "The cost center."),
                text("organization", "The organization."),
                text("division", "The division."),
                text("department", "The department."),
                Attribute::complex("manager", "Whom the user reports to.", manager),
            ],
        ))
    });
    &ENTERPRISE
}

/// `urn:ietf:params:scim:schemas:core:2.0:Group`.
pub fn group() -> &'static Arc<Schema> {
    static GROUP: LazyLock<Arc<Schema>> = LazyLock::new(|| {
        let member = [
            text("value", "The member's id.").exact().mutability(Mutability::Immutable),
            link("$ref", &["User", "Group"], "Where the member is.").mutability(Mutability::Immutable),
            text("type", "What the member is.").canonical(&["User", "Group"]).mutability(Mutability::Immutable),
            text("display", "The member's name.").mutability(Mutability::Immutable),
        ];
        Arc::new(Schema::new(
            urn::GROUP,
            "Group",
            "Group",
            [
                text("displayName", "The group's name.").required(),
                Attribute::complex("members", "Who is in the group.", member).multi(),
            ],
        ))
    });
    &GROUP
}

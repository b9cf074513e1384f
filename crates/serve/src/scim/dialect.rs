//! What identity providers disagree about, one value for each of them.

use scim::Leniency;

/// How one kind of identity provider is answered, and how literally it is taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dialect {
    /// Its name in the configuration.
    pub name: &'static str,
    /// How literally requests are taken.
    pub leniency: Leniency,
    /// Whether a PATCH of a user is answered with the user (200), else with nothing (204).
    pub shows_patched_user: bool,
    /// The same for groups.
    pub shows_patched_group: bool,
    /// What is answered to a POST of somebody who is there and inactive, and is active again by it.
    pub revived: u16,
    /// Whether the schemas name `externalId`, which every resource has whatever its schema (RFC 7643, section 3.1): some look for whatever they
    /// map in the schema.
    pub lists_external_id: bool,
}

/// Okta: updates users by PUT, groups by PATCH; POSTs whom it does not find.
pub const OKTA: Dialect = Dialect {
    name: "okta",
    leniency: Leniency::TOLERANT,
    shows_patched_user: true,
    shows_patched_group: true,
    revived: 201,
    lists_external_id: false,
};
/// Microsoft Entra: everything by PATCH, with booleans as text and paths as keys; it takes 204 for groups, which may be large.
pub const ENTRA: Dialect = Dialect {
    name: "entra",
    leniency: Leniency::TOLERANT,
    shows_patched_user: true,
    shows_patched_group: false,
    revived: 201,
    lists_external_id: true,
};
/// OneLogin: POSTs again whom it knows by a name only, and takes 200 for that.
pub const ONELOGIN: Dialect = Dialect {
    name: "onelogin",
    leniency: Leniency::TOLERANT,
    shows_patched_user: true,
    shows_patched_group: true,
    revived: 200,
    lists_external_id: false,
};
/// To the letter of the RFCs.
pub const STRICT: Dialect = Dialect {
    name: "strict",
    leniency: Leniency::STRICT,
    shows_patched_user: true,
    shows_patched_group: true,
    revived: 200,
    lists_external_id: false,
};

impl Dialect {
    /// All of them.
    pub const ALL: [Self; 4] = [OKTA, ENTRA, ONELOGIN, STRICT];

    /// The one with this name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|dialect| dialect.name == name)
    }
}

impl Default for Dialect {
    /// What takes most of what is sent, and answers as the RFCs say.
    fn default() -> Self {
        OKTA
    }
}

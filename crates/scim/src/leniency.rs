//! How literally requests are taken: to the letter, or as identity providers really send them.

/// What happens to attributes that no schema of the resource type has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The request is refused.
    Refuse,
    /// They are left out in silence.
    Drop,
}

/// How literally requests are taken. A value: the caller chooses one once, [`STRICT`](Self::STRICT) or
/// [`TOLERANT`](Self::TOLERANT), or one of these with a switch turned.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leniency {
    /// Attributes that no schema has.
    pub unknown: Unknown,
    /// Booleans and numbers may be written as text (`"True"`), text as a number; `active eq "true"` in filters, and a word there
    /// without its quotes (`userName sw O`).
    pub spelled: bool,
    /// `op` in any case (`"Add"`), and bodies without `schemas`.
    pub loose_bodies: bool,
    /// Names of an extension without its URN, URN and name joined by a dot, dotted and URN keys in a value without path,
    /// and `emails[type eq "work"].value eq "…"` in filters; `attributes=emails[type eq "work"]` is `emails`. Endpoints in any case.
    pub loose_paths: bool,
    /// One value where a list belongs and a list of one where a value belongs; text for a complex attribute is its `value`
    /// (`manager`), empty text is none; read-only members of a PATCH without path are passed over, as PUT does it.
    pub loose_values: bool,
    /// PATCH of `emails[type eq "work"].value` where there is no such element makes one, and removing what is not there
    /// changes nothing; else both are `noTarget`.
    pub make_targets: bool,
    /// `remove` with a `value` takes away what it lists, and nothing else; else such an operation is refused.
    pub remove_listed: bool,
    /// Only canonical values where a schema names some (RFC 7643, section 7, leaves it to the server).
    pub canonical_only: bool,
    /// Of several values marked as primary, the first stays so; else the request is refused.
    pub mend_primary: bool,
}

impl Leniency {
    /// To the letter of RFC 7643 and 7644.
    pub const STRICT: Self = Self {
        unknown: Unknown::Refuse,
        spelled: false,
        loose_bodies: false,
        loose_paths: false,
        loose_values: false,
        make_targets: false,
        remove_listed: false,
        canonical_only: true,
        mend_primary: false,
    };

    /// As identity providers really send it.
    pub const TOLERANT: Self = Self {
        unknown: Unknown::Drop,
        spelled: true,
        loose_bodies: true,
        loose_paths: true,
        loose_values: true,
        make_targets: true,
        remove_listed: true,
        canonical_only: false,
        mend_primary: true,
    };
}

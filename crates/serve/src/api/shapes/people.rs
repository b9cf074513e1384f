//! People and what was found about them.

use std::collections::BTreeMap;

use schemars::JsonSchema;

use super::{Change, Instant, OrNull, Step};

/// One person in a list.
#[derive(JsonSchema)]
pub(in crate::api) struct Person {
    /// The source's key.
    key: String,
    /// Display name.
    name: String,
    /// E-mail, or "".
    email: String,
    /// Department, or "".
    department: String,
    /// What the roster's status column says.
    standing: StandingWord,
    /// The linked accounts, per app.
    accounts: Vec<LinkedAccount>,
}

/// What the roster's status column says.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
pub(in crate::api) enum StandingWord {
    Active,
    Left,
    Unsaid,
}

/// A linked account in a list.
#[derive(JsonSchema)]
pub(in crate::api) struct LinkedAccount {
    /// In which app.
    app: String,
    /// The vendor's id.
    account: String,
    /// Whether it can log in; null when the last reading did not show it.
    active: OrNull<bool>,
}

/// Everything about one person.
#[derive(JsonSchema)]
pub(in crate::api) struct Explanation {
    /// The key.
    person: String,
    /// How people call them; empty when the roster does not name them.
    name: String,
    /// What the roster says, in words.
    stands: String,
    /// Every attribute of the roster.
    attributes: BTreeMap<String, String>,
    /// What identity providers said last, by source.
    idp: Option<BTreeMap<String, Heard>>,
    /// What there is and will be in each app.
    apps: BTreeMap<String, InApp>,
    /// What was found about this person.
    findings: Vec<Finding>,
}

/// The word of an identity provider.
#[derive(JsonSchema)]
pub(in crate::api) struct Heard {
    /// The groups that policy goes by and the person is in.
    groups: Option<Vec<String>>,
    /// Those that the person is not in.
    outside: Option<Vec<String>>,
    /// When it said so.
    said: Instant,
    /// How they stand: `active`, `inactive`, `deleted`, `absent`.
    state: String,
    /// Days since it did.
    age_days: i64,
}

/// One person in one app.
#[derive(JsonSchema)]
pub(in crate::api) struct InApp {
    /// The account, when one is known or found.
    account: Option<String>,
    /// How account and person belong together, in words.
    bond: String,
    /// Whether the account is active.
    active: Option<bool>,
    /// What the account holds now, by the app's names.
    has: BTreeMap<String, String>,
    /// Managed groups the account is in.
    groups: Vec<String>,
    /// Whether policy wants the person to have an account.
    wanted: bool,
    /// Owned values that differ.
    differs: BTreeMap<String, Change>,
    /// What the next plans would do: pairs of the class that holds it (or null) and the step.
    next: Vec<(Option<String>, Step)>,
}

/// Something that a human should know.
#[derive(JsonSchema)]
pub(in crate::api) struct Finding {
    /// The sort (docs/findings.md).
    kind: String,
    /// In which app.
    app: Option<String>,
    /// About which person.
    person: Option<String>,
    /// About which account.
    account: Option<String>,
    /// Where in a file.
    place: Option<FilePlace>,
    /// What, in a sentence.
    what: String,
    /// What can be done about it.
    next: Option<String>,
}

/// A place in a file.
#[derive(JsonSchema)]
pub(in crate::api) struct FilePlace {
    /// The file.
    file: String,
    /// The line, from 1.
    line: u64,
}

//! Something a human should know.

use serde::{Deserialize, Serialize};

use crate::{AccountId, AppName, PersonKey};

/// What sort of thing was found; `docs/findings.md` explains each.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FindingKind {
    /// A linked account whose person is no longer in the roster.
    Orphan,
    /// The person left, and the account is still active after this plan.
    Ghost,
    /// Several accounts that all belong to one person.
    Duplicate,
    /// Several people or accounts match and no rule tells which.
    Ambiguous,
    /// An account that matches nobody.
    Unmanaged,
    /// An account was changed by somebody else in a value that policy owns.
    Drift,
    /// Two people are each other's supervisor, directly or in a circle.
    Cycle,
    /// A reading that cannot show absence: somebody may be there unseen.
    BlindSpot,
    /// A person of whom the app is known or feared to hold an account that cannot be seen.
    Hidden,
    /// A row of a roster that contradicts itself or cannot be read; its person is held.
    BadRow,
    /// A person who vanished from the source without a word that they left.
    Absent,
    /// A supervisor, department, group or course that the app or the roster does not know.
    UnknownReference,
    /// A value that the vendor would refuse, or that another account already uses.
    Objection,
    /// An account that policy would change and that is protected.
    Protected,
    /// An account that could be adopted, and policy says never.
    Adoptable,
    /// A step whose outcome could not be settled, for a person to look at.
    Unsettled,
    /// A guard holds steps back: what it counted, and whom.
    Guard,
    /// Something else logs in with the user name that is ours: each log-in ends the other's session.
    RivalLogIn,
    /// Something that a run did and that its undo leaves as it is.
    NotUndone,
    /// What an undo took back is planned again: roster and policy still want it.
    Reverted,
    /// An app that fails too much: nothing is asked of it until its next try, and nothing is planned for it.
    Quarantined,
    /// A step that failed alone: it waits until its next try, or until what it is about changes.
    PutAside,
    /// An account whose access we took, active again, and not by us (L14).
    Resurrection,
    /// What an identity provider said last is too old to wait for (L14).
    StaleWord,
    /// What an identity provider assigns and what an app holds are not the same.
    Assignment,
    /// Groups of an identity provider give one attribute several values.
    Conflict,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Place {
    /// The file as it was named.
    pub file: String,
    /// The line, counted from 1.
    pub line: u64,
}

/// One finding: what, about whom, where, and what to do next.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Finding {
    /// The sort.
    pub kind: FindingKind,
    /// In which app, if in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppName>,
    /// About which person, if known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// About which account, if about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Where in a file, if in one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<Place>,
    /// What was found, in one sentence.
    pub what: String,
    /// What a person can do about it; empty when nothing is needed.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub next: String,
}

impl Finding {
    /// A finding of this sort, with its sentence; the rest is added with the `in_app`, `about`, `of_account`, `at` and `next` methods.
    pub fn new(kind: FindingKind, what: impl Into<String>) -> Self {
        Self { kind, app: None, person: None, account: None, place: None, what: what.into(), next: String::new() }
    }

    /// Adds the app.
    pub fn in_app(mut self, app: &AppName) -> Self {
        self.app = Some(app.clone());
        self
    }

    /// Adds the person.
    pub fn about(mut self, person: &PersonKey) -> Self {
        self.person = Some(person.clone());
        self
    }

    /// Adds the account.
    pub fn of_account(mut self, account: &AccountId) -> Self {
        self.account = Some(account.clone());
        self
    }

    /// Adds the place in a file.
    pub fn at(mut self, file: impl Into<String>, line: u64) -> Self {
        self.place = Some(Place { file: file.into(), line });
        self
    }

    /// Adds what to do next.
    pub fn next(mut self, next: impl Into<String>) -> Self {
        self.next = next.into();
        self
    }
}

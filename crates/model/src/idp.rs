//! What an identity provider says of people, and what policy makes of it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AppName, Text};

/// How somebody stands at an identity provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum IdpState {
    /// It says that they are active.
    Active,
    /// It says that they are not.
    Inactive,
    /// It deleted them.
    Deleted,
    /// A complete reading of it does not have them: the absence of a word, and a word only where absence may count (P4).
    Absent,
}

impl IdpState {
    /// The word for people.
    pub fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Inactive => "inactive",
            Self::Deleted => "deleted",
            Self::Absent => "not there",
        }
    }
}

/// What an identity provider said last of one person.
///
/// The fields stand in the order of canonical JSON, so that digesting many moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IdpWord {
    /// The groups of [`IdpPolicy::groups`] that the person is in, as policy writes them.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub groups: BTreeSet<Text>,
    /// Those that the provider has and that the person is not in.  Of a group in neither nothing is known.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub outside: BTreeSet<Text>,
    /// When it said so.
    pub said: Timestamp,
    /// How they stand.
    pub state: IdpState,
}

impl IdpWord {
    /// For people: "active, said 2026-11-22T10:00:00Z".
    pub fn in_words(&self) -> String {
        format!("{}, said {:.0}", self.state.word(), self.said)
    }
}

/// What belongs to a source with the role `idp`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct IdpPolicy {
    /// Whoever is active there is assigned to these apps, and nobody else; of others it only says who is active.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub apps: BTreeSet<AppName>,
    /// What a group of the provider means in an app.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub groups: BTreeMap<String, BTreeMap<AppName, GroupGives>>,
    /// How old (seconds) a word may be for a leave to wait for it (L14).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub said_within: Option<i64>,
}

impl IdpPolicy {
    /// How old a word may be, in seconds, where the configuration says nothing: thirty days.
    pub const SAID_WITHIN: i64 = 30 * 86_400;
}

/// What being in a group of the provider gives in one app.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GroupGives {
    /// A department, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// A group, by name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// A role.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
}

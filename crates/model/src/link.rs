//! The bond between a person and an account.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccountId, AppName, PersonKey};

/// Why a person and an account belong together.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// We created the account for this person (the id came with the answer or the read-back).
    Created,
    /// A rule of `[app.X.accounts] match` held, named as written there, and adopting was approved or allowed.
    Matched {
        /// The rule, e.g. `ext_uid == person.key`.
        rule: String,
    },
}

/// A known link: one account belongs to one person in one app; unique both ways (P7).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Link {
    /// In which app.
    pub app: AppName,
    /// Whose.
    pub person: PersonKey,
    /// Which account.
    pub account: AccountId,
    /// Why.
    pub evidence: Evidence,
    /// Since when.
    pub since: Timestamp,
}

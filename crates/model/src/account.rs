//! What an app holds: accounts and what they belong to, in one shape for all vendors.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Attributes, Text};

/// What one app holds about someone.  Attribute names are the app's own, as `[app.X.set]` writes them.
///
/// The fields stand in the order of canonical JSON, so that digesting many moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Whether its owner can log in (not archived, not inactive).
    pub active: bool,
    /// Attributes by the app's names; references (department, supervisor) are ids; empty ones are left out.
    pub attributes: Attributes,
    /// The vendor's id.
    pub id: AccountId,
    /// Why no plan may ever touch it ("role admin", "the API's own account"), when there is a reason (F09).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<Text>,
}

/// An account as a record that was kept shows it: a before-image, or an after-image (P12).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Image {
    /// The account.
    pub account: Account,
    /// The ids of its groups, where the record tells.
    pub groups: Option<BTreeSet<Text>>,
}

/// When whoever has an account logged in last, as far as the app tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum LogIn {
    /// The app does not say.
    NotTold,
    /// Nobody ever did.
    Never,
    /// Then.
    At(Timestamp),
}

/// A group of an app with all its members.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// The vendor's id.
    pub id: String,
    /// Its name, as policy writes it.
    pub name: String,
    /// False for built-in groups that nobody can change.
    pub writable: bool,
    /// Accounts in it, in byte order.
    pub members: Vec<AccountId>,
}

/// A department of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Department {
    /// The vendor's id.
    pub id: String,
    /// Its name, as policy writes it.
    pub name: String,
    /// The id of the department above, if any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<String>,
}

/// Something to learn: a course, a lesson, a path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    /// The vendor's id, with a prefix where ids are only unique per kind ("lesson/7").
    pub id: String,
    /// Its name, as policy writes it.
    pub name: String,
}

/// Where an enrolment stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EnrolmentState {
    /// To be done.
    Open,
    /// Completed.
    Done,
    /// Neither: ended, declined, history.
    Ended,
}

/// That an account is, or was, enrolled in some content.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrolment {
    /// Whose.
    pub account: AccountId,
    /// In what: a [`Content::id`].
    pub content: Text,
    /// Where it stands; several records of one pair count by their best (Open, Done, Ended).
    pub state: EnrolmentState,
}

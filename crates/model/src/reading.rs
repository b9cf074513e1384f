//! Everything one source or app said at one time, and how far it can be trusted.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::digest_of;
use crate::digests::digest_set;
use crate::{
    Account, AccountId, AppName, Content, Department, Digest, Enrolment, Finding, Fingerprint, Group, Person, PersonKey, SourceName,
};

/// A kind of record that an app holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// Accounts, inactive ones included.
    Accounts,
    /// Groups with their members.
    Groups,
    /// Departments.
    Departments,
    /// Courses, lessons, paths.
    Content,
    /// Who is enrolled in what.
    Enrolments,
}

/// Whether a reading can show absence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Completeness {
    /// It holds everything, and how that was proved ("count equals totalItems before and after").
    Complete {
        /// The proof, in words.
        proof: String,
    },
    /// Something may be missing, and why.  Absence then proves nothing (P4, F01).
    Partial {
        /// Why, in words.
        why: String,
    },
}

/// What was read of an app since it was read as a whole, where it dates its records (L05).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Increments {
    /// When the last one was read.
    pub at: Timestamp,
    /// How many records came with them.
    pub count: u64,
}

/// How far a reading can be trusted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// When the last request or byte of the whole reading was read; increments do not change it: they cannot show absence.
    pub at: Timestamp,
    /// Complete or partial.
    pub completeness: Completeness,
    /// Records read.
    pub count: u64,
    /// From where the next increment goes on, where the app dates its accounts: the connector's own words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub watermark: Option<String>,
    /// What was read since, if anything was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub increments: Option<Increments>,
}

impl Certificate {
    /// Up to when it says what there is: what came into being later cannot be in it.
    pub fn until(&self) -> Timestamp {
        self.increments.as_ref().map_or(self.at, |increments| increments.at)
    }

    /// What it says, for people: complete or partial, by which proof or why, and what came since.
    pub fn in_words(&self) -> String {
        let whole = match &self.completeness {
            Completeness::Complete { proof } => format!("complete: {proof}"),
            Completeness::Partial { why } => format!("partial: {why}"),
        };
        match &self.increments {
            None => whole,
            Some(Increments { at, count }) => format!(
                "{whole}; that was {:.0}, and up to {at:.0} the app told of {count} changes and counts as many accounts as are known; what it does not date (groups, departments, content, enrolments) was read anew",
                self.at
            ),
        }
    }

    /// Whether it is complete and not older than `max_age_seconds` at `now`.
    pub fn shows_absence(&self, now: Timestamp, max_age_seconds: i64) -> bool {
        matches!(self.completeness, Completeness::Complete { .. }) && now.as_second() - self.at.as_second() <= max_age_seconds
    }
}

/// What one source said.  The digest is over people and held keys only, not over time, place or order (P2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SourceReading {
    /// Which source.
    pub source: SourceName,
    /// Content digest.
    pub digest: Digest,
    /// Trust.
    pub certificate: Certificate,
    /// The people whose rows can be acted upon, in byte order of their keys.
    pub people: Vec<Person>,
    /// The keys of people whose rows are broken or contradictory: nothing is done about them, and they are not absent.
    pub held: BTreeSet<PersonKey>,
    /// What was wrong, with file and line.
    pub findings: Vec<Finding>,
}

impl SourceReading {
    /// Gives the reading its content digest: over people, held keys and whether it is complete.
    pub fn seal(&mut self) {
        let complete = matches!(self.certificate.completeness, Completeness::Complete { .. });
        self.digest = digest_of(&(digest_set(&self.people), &self.held, complete));
    }

    /// Takes the proof of completeness back: absence in this reading shows nothing.
    pub fn distrust(&mut self, why: impl Into<String>) {
        self.certificate.completeness = Completeness::Partial { why: why.into() };
        self.seal();
    }
}

/// What probing an app found.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tenant {
    /// The profile in force ("guide", "vendor").
    pub profile: String,
    /// Whether the log-in sees everybody: `Some(true)` known or asserted, `Some(false)` known not to, `None` cannot be told.
    pub sees_all: Option<bool>,
    /// Ids of the departments that the log-in sees, where it does not see all of them and app or configuration says which (A20).
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub sees: BTreeSet<String>,
    /// Custom fields that are declared, as far as the API or the configuration tells (L13).
    pub declared: BTreeSet<String>,
    /// The vendor's clock minus ours, in milliseconds, by the `Date` header.
    pub clock_ahead_ms: i64,
    /// What else a person should know, one line each.
    pub notes: Vec<String>,
}

/// What one app said.  The digest is over the records only, not over time or order (P2).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AppReading {
    /// Which app.
    pub app: AppName,
    /// Which tenant.
    pub fingerprint: Fingerprint,
    /// What the probe found.
    pub tenant: Tenant,
    /// Content digest.
    pub digest: Digest,
    /// Trust, as to accounts.
    pub certificate: Certificate,
    /// Accounts, inactive ones included, in byte order of their ids.
    pub accounts: Vec<Account>,
    /// Groups with members.
    pub groups: Vec<Group>,
    /// Departments.
    pub departments: Vec<Department>,
    /// Content.
    pub content: Vec<Content>,
    /// Enrolments, as far as read.
    pub enrolments: Vec<Enrolment>,
    /// Of which accounts enrolments were read ([`crate::EnrolmentsBy::Account`]).
    pub enrolments_of: BTreeSet<AccountId>,
}

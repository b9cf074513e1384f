//! What the configuration wants: who should have an account, with what; when to wait for a person.  Addresses and secrets are not in
//! here, so that the policy's digest says the same on a sandbox and on a live tenant.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use jiff::Timestamp;
use jiff::civil::{Date, Time, Weekday};
use serde::Serialize;

use crate::canonical::digest_of;
use crate::{AppName, Digest, Effect, IdpPolicy, SourceName};

/// An expression (CEL over `person`) with its place in the configuration file, in bytes, for errors.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Expr {
    /// The expression.
    pub text: String,
    /// Where it stands.
    #[serde(skip)]
    pub span: Range<usize>,
}

/// The whole policy.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Policy {
    /// `[organization]`.
    pub organization: Organization,
    /// `[source.X]`.
    pub sources: BTreeMap<SourceName, SourcePolicy>,
    /// `[precedence]`: attribute → the sources that may give it, the first that has a value counts.  An attribute that is not listed comes
    /// from the employment source, else from the others in byte order of their names.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub precedence: BTreeMap<String, Vec<SourceName>>,
    /// `[app.X]`.
    pub apps: BTreeMap<AppName, AppPolicy>,
    /// `[guard.X]`.
    pub guards: BTreeMap<String, GuardRule>,
    /// `[[freeze]]`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub freezes: Vec<Freeze>,
    /// `[approval]`.
    pub approval: Approval,
}

/// `[organization]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Organization {
    /// Its name.
    pub name: String,
    /// IANA time zone of people whose row names none.
    pub time_zone: String,
}

/// What a source is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum SourceRole {
    /// Who works here; exactly one source.
    Employment,
    /// More about them.
    Attributes,
    /// Who is active at the identity provider.
    Idp,
}

/// The shrink guard of a source (F01): it trips when more rows are gone than `max`, or more than `percent`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Shrink {
    /// Rows.
    pub max: u64,
    /// Per cent of the last good reading, in thousandths (5% = 5000), so that the digest holds no fractions.
    pub percent_milli: u64,
}

/// `join = "person.ATTRIBUTE == record.FIELD"`: whose a record is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Join {
    /// The person's attribute, or `key`.
    pub person: String,
    /// The record's attribute or column.
    pub record: String,
}

/// `[source.X]`, as far as planning and reading go.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SourcePolicy {
    /// Its role.
    pub role: SourceRole,
    /// The kind (`file`, `csv`, `scim`).
    pub kind: String,
    /// The column with the person's key.
    pub key: String,
    /// How its records belong to people; the employment source's are the people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub join: Option<Join>,
    /// Whether a missing row means that the person left (`absent = "leave"`); else it is a finding.  Of a source with more about people:
    /// whether its values are taken back when its record is gone; else nothing is done about the person.
    pub absent_leaves: bool,
    /// The shrink guard.
    pub shrink: Shrink,
    /// Attribute → column, as configured (defaults are the reader's).
    pub columns: BTreeMap<String, String>,
    /// Words of the status column that mean employed.
    pub active_words: BTreeSet<String>,
    /// Words of the status column that mean left.
    pub left_words: BTreeSet<String>,
    /// What belongs to an identity provider, where any of it is said.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub idp: Option<IdpPolicy>,
}

impl SourcePolicy {
    /// How old (seconds) the word of this identity provider may be for a leave to wait for it (L14).
    pub fn said_within(&self) -> i64 {
        self.idp.as_ref().and_then(|idp| idp.said_within).unwrap_or(IdpPolicy::SAID_WITHIN)
    }

    /// Whether whoever is active there, and nobody else, has an account in the app.
    pub fn assigns(&self, app: &AppName) -> bool {
        self.idp.as_ref().is_some_and(|idp| idp.apps.contains(app))
    }

    /// Whether anything that it says decides about accounts in the app.
    pub fn speaks_of(&self, app: &AppName) -> bool {
        self.assigns(app) || self.idp.as_ref().is_some_and(|idp| idp.groups.values().any(|gives| gives.contains_key(app)))
    }
}

/// What to do with a matching account that we did not make.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Adopt {
    /// A step that waits for a person, with all that depends on it.
    Approve,
    /// A step of the open plan.
    Link,
    /// A finding; nothing is done for that person in that app.
    Never,
}

/// `"attribute == expression"`: how accounts are found for people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MatchRule {
    /// The app's attribute.
    pub attribute: String,
    /// The person's side.
    pub expr: Expr,
}

/// When an owned value is set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum On {
    /// Always.
    Always,
    /// When the account is made; never afterwards.
    Create,
}

/// Whether lowering a role waits for a person.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Lower {
    /// It goes with the rest.
    Free,
    /// It is held as class `role_lowered`.
    Approve,
}

/// One line of `[app.X.set]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SetRule {
    /// The value.
    pub value: Expr,
    /// When.
    pub on: On,
    /// For roles.
    pub lower: Lower,
}

/// `[app.X.groups]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupPolicy {
    /// The only groups that are ever added or removed.
    pub managed: Vec<String>,
    /// Expressions that give a group's name, or a list of them.
    pub member: Vec<Expr>,
    /// Whether a managed group that is not there is made.
    pub create: bool,
}

/// One `[[app.X.enrol]]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct EnrolRule {
    /// The content's name (`course`, `lesson` or `path`).
    pub content: String,
    /// Where the name stands in the file.
    #[serde(skip)]
    pub span: Range<usize>,
    /// For whom.
    pub when: Expr,
}

/// `[app.X]`, as far as planning goes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AppPolicy {
    /// Which connector.
    pub connector: String,
    /// `accounts.who`.
    pub who: Expr,
    /// `accounts.match`, tried in order.
    pub matching: Vec<MatchRule>,
    /// `accounts.adopt`.
    pub adopt: Adopt,
    /// Whether leavers lose their access (`leave = "archive"|"deactivate"`; `"keep"` = no).
    pub leave: bool,
    /// Seconds before the first day at which an account is made.
    pub before_start: i64,
    /// Values of the login or e-mail attribute of accounts that are never touched.
    pub protect: BTreeSet<String>,
    /// What we own.
    pub set: BTreeMap<String, SetRule>,
    /// Groups, if any are managed.
    pub groups: Option<GroupPolicy>,
    /// `[app.X.departments] create`: whether a department that is not there is made.
    pub create_departments: bool,
    /// Enrolments.
    pub enrol: Vec<EnrolRule>,
    /// `scope = "all"`: asserted that the log-in sees everybody.
    pub scope_all: bool,
    /// Custom fields that the app's administrator declared (L13).
    pub declared: BTreeSet<String>,
    /// The IdP that provisions here too (L14).
    pub also_provisioned_by: Option<SourceName>,
    /// How old (seconds) a full reading may be for creates and leaves that rest on absence.
    pub max_age: i64,
}

/// By what a guard counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum By {
    /// Per app.
    App,
    /// Per group of an app.
    Group,
    /// Per department of the roster, in each app.
    Department,
}

/// `[guard.NAME]`: trips when `n > exempt && (n > max || n / accounts > percent)`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GuardRule {
    /// The effect that is counted (the rule's name, unless `effect` says otherwise).
    pub effect: Effect,
    /// Per what.
    pub by: By,
    /// Up to so many never trip.
    pub exempt: u64,
    /// More than so many trip.
    pub max: Option<u64>,
    /// More than so many thousandths of a per cent trip (3% = 3000).
    pub percent_milli: Option<u64>,
    /// Length of the rolling window, in seconds.
    pub window: i64,
}

/// When a change freeze is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FreezeWindow {
    /// Once.
    Once {
        /// From this instant.
        from: Timestamp,
        /// Until before this instant.
        until: Timestamp,
    },
    /// Every week, in the organization's zone.
    Weekly {
        /// The days on which it begins, 1 for Monday to 7 for Sunday.
        days: BTreeSet<i8>,
        /// From this time of these days.
        from: Time,
        /// Until before this time; of the next day, where it is not later than `from`.
        until: Time,
    },
}

/// `[[freeze]]`: a time in which nothing that it covers is carried out without a decision of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Freeze {
    /// Why, for whoever waits; it also names the window.
    pub reason: String,
    /// When.
    pub when: FreezeWindow,
    /// In which apps; in all, when none are named.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub apps: BTreeSet<AppName>,
    /// Which effects; all steps, when none are named.
    #[serde(skip_serializing_if = "BTreeSet::is_empty")]
    pub effects: BTreeSet<Effect>,
}

impl FreezeWindow {
    /// The number that a day has in `days`.
    pub fn day(day: Weekday) -> i8 {
        day.to_monday_one_offset()
    }
}

/// `[approval]`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Approval {
    /// How long a yes counts, in seconds.
    pub expires: i64,
    /// Guards and effects whose plans need a second person.
    pub four_eyes: BTreeSet<Effect>,
    /// Decisions made ahead.
    pub standing: Vec<StandingApproval>,
}

/// One `[[approval.standing]]`: a decision made ahead.  It counts once somebody approved these very words; its digest is its name.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StandingApproval {
    /// Whose changes.
    pub source: SourceName,
    /// Only these effects.
    pub effects: BTreeSet<Effect>,
    /// At most so many steps within any [`StandingApproval::WINDOW`], in all plans together.
    pub max: u64,
    /// Until (and including) this day, in the organization's zone.
    pub until: Date,
}

impl StandingApproval {
    /// The rolling window, in seconds, in which the steps that it approves are counted together.
    pub const WINDOW: i64 = 86_400;

    /// What it is known by: whoever changes a word of it has another one.
    pub fn digest(&self) -> Digest {
        digest_of(self)
    }
}

impl Policy {
    /// The digest of what says which accounts there shall be, and with what: sources, precedence, apps, whose and where.  Guards, freezes and
    /// approvals are not in it.
    pub fn digest_of_wishes(&self) -> Digest {
        digest_of(&(&self.organization, &self.sources, &self.precedence, &self.apps))
    }
}

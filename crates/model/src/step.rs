//! One change to one account, fully decided.

use serde::{Deserialize, Serialize};

use crate::canonical::digest_of;
use crate::{AppName, Effects, Few, Named, PersonKey, StepId, Text, Value};

/// What a step does at the app.  The order here is the order of running; each verb is one phase (a phase starts when the one before
/// it has ended in that app); a step that needs one of a later phase runs in that phase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verb {
    /// Make a department.
    CreateDepartment,
    /// Make a group.
    CreateGroup,
    /// Take over an account that we did not make: nothing is written to the app, the link is kept (F08).
    Link,
    /// Reactivate an account (where the manifest says `restore_sets`, with new values in the same write).
    Restore,
    /// Make an account, with its groups.
    Create,
    /// Change values and memberships of an account.
    Update,
    /// Set what could not be set before its other end existed: supervisors (the second pass).
    Relate,
    /// Enrol in content.
    Enrol,
    /// Archive or deactivate.
    Leave,
}

/// What a step does to a human.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Somebody can log in who could not.
    AccessGiven,
    /// Somebody cannot log in any more.
    AccessLost,
    /// A membership more.
    GroupGained,
    /// A membership less.
    GroupLost,
    /// More power.
    RoleRaised,
    /// Less power.
    RoleLowered,
    /// The vendor writes to the person.
    Notified,
    /// Attributes change.
    RecordChanged,
    /// An enrolment begins.
    EnrolmentStarted,
    /// The app's own rules may enrol or re-enrol the person (A19).
    EnrolmentPossible,
    /// An account that somebody else made becomes ours (F08).
    Adopted,
    /// A group or department comes into being.
    StructureCreated,
}

impl Effect {
    /// All of them, in order.
    pub const ALL: [Self; 12] = [
        Self::AccessGiven,
        Self::AccessLost,
        Self::GroupGained,
        Self::GroupLost,
        Self::RoleRaised,
        Self::RoleLowered,
        Self::Notified,
        Self::RecordChanged,
        Self::EnrolmentStarted,
        Self::EnrolmentPossible,
        Self::Adopted,
        Self::StructureCreated,
    ];

    /// The word in configuration and plans (`access_lost`).
    pub fn word(self) -> &'static str {
        match self {
            Self::AccessGiven => "access_given",
            Self::AccessLost => "access_lost",
            Self::GroupGained => "group_gained",
            Self::GroupLost => "group_lost",
            Self::RoleRaised => "role_raised",
            Self::RoleLowered => "role_lowered",
            Self::Notified => "notified",
            Self::RecordChanged => "record_changed",
            Self::EnrolmentStarted => "enrolment_started",
            Self::EnrolmentPossible => "enrolment_possible",
            Self::Adopted => "adopted",
            Self::StructureCreated => "structure_created",
        }
    }
}

/// An id that is known, or will be made by an earlier step.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(untagged)]
pub enum Ref {
    /// A vendor's id.
    Id(Text),
    /// What a step of the same plan makes.
    CreatedBy {
        /// That step.
        created_by: StepId,
    },
}

impl Ref {
    /// The id, once it is known.
    pub fn id(&self) -> Option<&str> {
        match self {
            Self::Id(id) => Some(id),
            Self::CreatedBy { .. } => None,
        }
    }
}

/// What a step sets: owned values before → after, by attribute.
pub type Changes = Named<Change>;

/// One owned value, before → after.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// As the reading said; `null` when there was nothing.
    pub before: Value,
    /// As it shall be.
    pub after: Value,
}

/// One change to one account (or one new group or department), fully decided.
///
/// `set` holds, for Create: every value to send (before = null); for Update, Relate and Restore: the owned values that differ; for
/// CreateGroup and CreateDepartment: `name`; for Link: the value that matched, before = after; for the rest nothing.  What is not named is not touched (P8).
///
/// The fields stand in the order of canonical JSON, so that writing a large plan moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Which account; none when this step makes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<Ref>,
    /// Groups to add.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub add_groups: Few<Ref>,
    /// In which app.
    pub app: AppName,
    /// The content to enrol in (Enrol only).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Text>,
    /// What it does to the human.
    pub effects: Effects,
    /// The rule that matched (Link only): how the account is found again and the evidence that is kept.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evidence: Option<Text>,
    /// Content hash of everything else: the first 16 bytes of the SHA-256 of the step's canonical JSON with an empty id.
    #[serde(serialize_with = "StepId::or_empty")]
    pub id: StepId,
    /// How people call them (display name), or the name of the new group or department.
    pub label: Text,
    /// Steps that must have been done before.
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub needs: Few<StepId>,
    /// For whom; none for groups and departments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// Why, in one sentence.
    pub reason: Text,
    /// Groups to remove (ids).
    #[serde(default, skip_serializing_if = "Few::is_empty")]
    pub remove_groups: Few<Text>,
    /// Owned values before → after, by attribute.
    #[serde(default, skip_serializing_if = "Changes::is_empty")]
    pub set: Changes,
    /// What is done.
    pub verb: Verb,
}

impl Step {
    /// Gives the step its content hash; called once, when everything else is set.
    pub fn seal(&mut self) {
        self.id = StepId::default();
        let digest = digest_of(self);
        self.id = StepId::new(*digest.as_bytes().first_chunk().expect("a digest is longer than a step's id"));
    }

    /// The step with its content hash.
    pub fn sealed(mut self) -> Self {
        self.seal();
        self
    }
}

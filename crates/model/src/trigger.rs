//! Triggers: what happened elsewhere and made somebody be planned for, followed from there to the run.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{Digest, PersonKey};

/// What kind of thing triggered.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerKind {
    /// An app told of an event.
    Webhook,
    /// An identity provider pushed.
    Push,
    /// A schedule was due.
    Schedule,
    /// A watched roster was written.
    Roster,
}

impl TriggerKind {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Webhook, Self::Push, Self::Schedule, Self::Roster];

    /// Its word, which is also how it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Push => "push",
            Self::Schedule => "schedule",
            Self::Roster => "roster",
        }
    }
}

/// Where a trigger stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TriggerState {
    /// Nobody planned for it yet.
    Waiting,
    /// It was planned for.
    Planned,
    /// Nobody of the roster is concerned: nothing follows.
    Nobody,
}

impl TriggerState {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Planned, Self::Nobody];

    /// Its word, which is also how it is kept.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Planned => "planned",
            Self::Nobody => "nobody",
        }
    }
}

/// Something that happened elsewhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Trigger {
    /// Its own id: a UUID v7.
    pub id: String,
    /// What kind.
    pub kind: TriggerKind,
    /// The app, source or schedule that it comes from, by its name in the configuration.
    pub from: String,
    /// What happened, in the word of whoever told.
    pub event: String,
    /// The account that it is about, by the vendor's id; empty where it is about none.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub account: String,
    /// What tells it from every other of its kind and origin: of two with the same there is one.
    pub key: String,
    /// When it happened, as whoever told says.
    pub at: Timestamp,
    /// When we heard of it.
    pub came: Timestamp,
    /// Where it stands.
    pub state: TriggerState,
    /// Whom of the roster it concerns, where it is one person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// The planning that took it in, by id; none before there was one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub planning: Option<String>,
}

/// One planning that triggers made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Planning {
    /// Its id: a UUID v7.
    pub id: String,
    /// When.
    pub at: Timestamp,
    /// How many people were planned for; none for everybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub people: Option<u64>,
    /// The plans that came of it, without those that have nothing to do.
    pub plans: Vec<Digest>,
}

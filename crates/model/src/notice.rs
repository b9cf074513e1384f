//! What people are told of who are not looking: something waits for them, or has ended.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AppName, Digest};

/// Of what one is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Occasion {
    /// A plan waits for a decision.
    Waits,
    /// A guard holds a plan back.
    Held,
    /// A run stopped or did not do all of its steps, or an app failed too much.
    Failed,
    /// A run did all of its steps.
    Done,
}

impl Occasion {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waits, Self::Held, Self::Failed, Self::Done];

    /// The word in configuration and notices.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waits => "waits",
            Self::Held => "held",
            Self::Failed => "failed",
            Self::Done => "done",
        }
    }
}

/// What is told: of what, in which apps, how many, which guards.  Nobody is named in it unless configuration says so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Of what.
    pub occasion: Occasion,
    /// The organization's name.
    pub organization: String,
    /// When it happened.
    pub at: Timestamp,
    /// What it is about: `plan`, `run`, `app`.
    pub kind: String,
    /// Which: a digest, an id, a name.
    pub id: String,
    /// App → steps; for an app that failed, the app with 0.
    pub apps: BTreeMap<AppName, u64>,
    /// Steps in all.
    pub steps: u64,
    /// Of a run: steps that were not done.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_done: Option<u64>,
    /// Of a plan that is held: by which guard.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub guard: Option<String>,
    /// Of a plan: until when it can be decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires: Option<Timestamp>,
    /// Of a plan: what its steps are, whichever plan they are in: the digest of their ids.  The same steps planned again for another instant
    /// are another plan with the same content.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Digest>,
    /// Of a plan: whether it needs a second person.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub four_eyes: bool,
    /// Where to look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
    /// Some of the people concerned, where configuration lets them be named.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<String>,
    /// What went wrong, in words that may name people; only where configuration lets them be named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

impl Notice {
    /// Whether this was told by an earlier notice that still stands: the same steps wait, held by the same guard, and it could still be decided
    /// about them then.
    pub fn is_told_by(&self, earlier: &Self) -> bool {
        let same = |notice: &Self| (notice.occasion, notice.content, notice.guard.clone());
        self.content.is_some() && same(self) == same(earlier) && earlier.expires.is_some_and(|expires| self.at < expires)
    }

    /// The notice without what may name people.
    #[must_use]
    pub fn without_people(self) -> Self {
        Self { people: Vec::new(), why: None, ..self }
    }
}

/// Who wants to be told of what: `[notice.NAME]`, as far as that is not about the way there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NoticeRule {
    /// Of what.
    pub occasions: BTreeSet<Occasion>,
    /// About these apps only; about all, when none are named.
    pub apps: BTreeSet<AppName>,
    /// Whether people may be named.
    pub people: bool,
}

impl NoticeRule {
    /// Whether this is to be told.
    pub fn wants(&self, notice: &Notice) -> bool {
        self.occasions.contains(&notice.occasion) && (self.apps.is_empty() || notice.apps.keys().any(|app| self.apps.contains(app)))
    }
}

/// Where a delivery stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryState {
    /// To be sent, for the first time or again.
    Waiting,
    /// The other side took it.
    Sent,
    /// It was tried often enough: nothing is done until somebody sends it again.
    Aside,
}

/// One notice on its way to one `[notice.NAME]`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Delivery {
    /// Its id, the same each time it is sent.
    pub id: String,
    /// To which `[notice.NAME]`.
    pub to: String,
    /// The entry of the audit trail that it tells of.
    pub entry: u64,
    /// When it was made.
    pub made: Timestamp,
    /// What is told.
    pub notice: Notice,
    /// Where it stands.
    pub state: DeliveryState,
    /// How often it was tried.
    pub tries: u64,
    /// When it is tried next, while it waits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next: Option<Timestamp>,
    /// When it was sent or put aside.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// What went wrong last; "" for nothing.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub why: String,
}

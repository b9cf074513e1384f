//! How an app behaves: the quarantine of one that fails too much, and what is put aside because it fails alone.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::digest_of;
use crate::{AppName, Digest, PersonKey, RunId, Step, StepId, Verb};

/// One exchange with an app, as people may see it: no header, nothing of the request's body, no secret anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// When it was sent.
    pub at: Timestamp,
    /// GET, POST, ….
    pub method: String,
    /// Where to, with its query.
    pub path: String,
    /// The status of the answer; none when there was no answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub status: Option<u16>,
    /// The answer's content type, if it named one.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub content_type: String,
    /// The beginning of the answer's body, or why there was none.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub body: String,
}

/// Nothing is asked of the app until the next try.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quarantine {
    /// Since when.
    pub since: Timestamp,
    /// What was too much, in words.
    pub why: String,
    /// When it is tried again, once, before anything else is asked.
    pub next: Timestamp,
    /// How often it was tried since, in vain.
    pub tries: u32,
    /// A mark of the address and the credentials that it was used with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub used: Option<Digest>,
}

/// A failure that was the app's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failing {
    /// When.
    pub at: Timestamp,
    /// What was wrong, in words.
    pub why: String,
    /// The exchange.
    pub exchange: Exchange,
}

/// The pace that an app was found to take.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundPace {
    /// Requests a minute.
    pub per_minute: u64,
    /// When it was found.
    pub at: Timestamp,
}

/// What is remembered of an app's behaviour from one piece of work (a reading, a run) to the next.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Health {
    /// Pieces of work in a row that the app made come to nothing.
    #[serde(default)]
    pub in_vain: u32,
    /// The quarantine that it is in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quarantine: Option<Quarantine>,
    /// How often it was put in quarantine, ever.
    #[serde(default)]
    pub quarantines: u32,
    /// The last failure that was its own.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failing: Option<Failing>,
    /// The pace that was found last, where its limit is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pace: Option<FoundPace>,
    /// When a piece of work ended well.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub well: Option<Timestamp>,
}

/// How a step failed by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Alone {
    /// The app refused it.
    Refused,
    /// What it changes was changed by somebody else, time after time.
    Drifted,
    /// Nobody knows whether it was done.
    Unsettled,
}

impl Alone {
    /// As the end of "the step …".
    pub fn word(self) -> &'static str {
        match self {
            Self::Refused => "was refused",
            Self::Drifted => "found the account changed by somebody else",
            Self::Unsettled => "ended with nobody knowing whether it was done",
        }
    }
}

/// A step that failed alone, for as long as it stays the same.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Aside {
    /// In which app.
    pub app: AppName,
    /// The step: its id is a hash of all that it says, so one about other values is another.
    pub step: StepId,
    /// What it wants, whatever is there now: for steps that find something else there each time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wants: Option<Digest>,
    /// What it does.
    pub verb: Verb,
    /// For whom; none for groups and departments.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// How people call them.
    pub label: String,
    /// How it failed last.
    pub how: Alone,
    /// What was said about it last.
    pub why: String,
    /// How often it failed.
    pub tries: u32,
    /// When it failed first.
    pub since: Timestamp,
    /// When it failed last.
    pub last: Timestamp,
    /// Until when it is not tried; not later than `last` where it is not put aside (any more).
    pub until: Timestamp,
    /// The run in which it failed last.
    pub run: RunId,
}

impl Aside {
    /// Whether a step is the one that failed.
    pub fn is_about(&self, step: &Step) -> bool {
        self.app == step.app
            && (self.step == step.id || (self.wants.is_some() && self.person == step.person && self.wants == Some(Self::wants(step))))
    }

    /// What a step wants, without what it finds.
    pub fn wants(step: &Step) -> Digest {
        let after: Vec<_> = step.set.iter().map(|(name, change)| (name, &change.after)).collect();
        digest_of(&(&step.app, step.verb, &step.person, &step.content, after, &step.add_groups, &step.remove_groups))
    }

    /// Whether it is not tried at this time.
    pub fn waits(&self, now: Timestamp) -> bool {
        self.until > now
    }
}

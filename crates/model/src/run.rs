//! A run: the carrying out of an approved plan, as its journal tells it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{AccountId, Digest, RunId, StepId};

/// Where one step of a run stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepState {
    /// Journalled before the call; without an outcome its effect is unknown (P6).
    Started,
    /// Done, and seen to be done.
    Done,
    /// The look found it done before we began: nothing was written.
    AlreadyDone,
    /// An owned value was neither before nor after: not overwritten (P5).
    Drifted {
        /// What was found.
        found: String,
    },
    /// The vendor refused it.
    Failed {
        /// The vendor's code or status.
        code: String,
        /// What it said.
        detail: String,
    },
    /// A step it needs was not done.
    Skipped {
        /// Which.
        because: StepId,
    },
    /// The outcome could not be settled; a person has to look (P6).
    Unsettled {
        /// What is known.
        detail: String,
    },
}

impl StepState {
    /// Whether the end state the step wanted is there.
    pub fn is_done(&self) -> bool {
        matches!(self, Self::Done | Self::AlreadyDone)
    }
}

/// What a done step left behind.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Receipt {
    /// The id of the account, group or department that the step made or touched.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// The vendor's record just before, as it was looked at: the before-image (P12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<serde_json::Value>,
    /// The vendor's record just after, as it was read back; none where the step moved it out of what the log-in sees.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<serde_json::Value>,
}

/// The newest word of the journal about one step.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StepRecord {
    /// Which step.
    pub step: StepId,
    /// The call it went out with; counted per run from 1, 0 for steps that never went out.
    pub call: u64,
    /// Where it stands.
    pub state: StepState,
    /// What it left behind.
    #[serde(default)]
    pub receipt: Receipt,
    /// When.
    pub at: Timestamp,
}

/// Where a run stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// Being carried out, or cut off: `resume` goes on with it.
    Running,
    /// Every step has its outcome.
    Finished,
    /// Stopped by a fault that concerns the whole connection; `resume` goes on with it.
    Stopped,
}

/// One run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Its id.
    pub id: RunId,
    /// The plan it carries out.
    pub digest: Digest,
    /// The decision it used up.
    pub decision: String,
    /// Where it stands.
    pub state: RunState,
    /// When it began.
    pub started: Timestamp,
    /// When it ended or stopped.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<Timestamp>,
    /// Why it stopped, when it did.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub stopped_by: String,
}

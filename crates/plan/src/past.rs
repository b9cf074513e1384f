//! What is known of the time before, beside the steps that guards count.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{AccountId, AppName, Digest, RunId, StandingApproval};

/// What planning has to know of what was done before.  Nothing in it: we have worked everywhere for long, and nothing is approved ahead.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Past {
    /// Since when we work in an app, on the clock of the as-of; none where no run of ours ever began.  An app that is not in it: for long.
    pub began: BTreeMap<AppName, Option<Timestamp>>,
    /// Apps where no run of ours ever changed an account that was there before us.
    pub untouched: BTreeSet<AppName>,
    /// Standing approvals that may approve this planning's open plan.
    pub standing: Vec<Standing>,
    /// Accounts whose access runs of ours took, and did not give back since.
    pub taken: BTreeMap<AppName, BTreeMap<AccountId, Taken>>,
}

/// Which run took an account's access, and when.
#[derive(Clone, Debug, PartialEq)]
pub struct Taken {
    /// The run.
    pub run: RunId,
    /// When it ended.
    pub at: Timestamp,
}

/// A standing approval that was itself approved and is in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Standing {
    /// [`StandingApproval::digest`].
    pub digest: Digest,
    /// The rule.
    pub rule: StandingApproval,
    /// How many steps more it may approve now.
    pub left: u64,
}

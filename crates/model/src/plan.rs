//! A plan: an ordered list of steps with reasons; a value with a digest.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::canonical::{canonical_json, digest_of};
use crate::{AppName, Digest, Finding, Fingerprint, Step};

/// The version of the plan's form; a plan of another version is refused.
pub const PLAN_VERSION: u32 = 1;

/// What a plan was computed from (P2): the same inputs give the same bytes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inputs {
    /// Digest of the policy.
    pub policy: Digest,
    /// Source or app (`source.NAME`, `app.NAME`) → digest of its reading.
    pub readings: BTreeMap<String, Digest>,
    /// Digest of the links that were known.
    pub links: Digest,
    /// Digest of the steps of earlier runs and pending plans that guards may count (their ids, whatever their order).
    pub earlier: Digest,
    /// The instant the plan is for.
    pub as_of: Timestamp,
    /// Version of the time-zone data.
    pub time_zones: String,
    /// App → tenant: a plan never reaches another tenant.
    pub tenants: BTreeMap<AppName, Fingerprint>,
    /// The only people that were planned for, when it was not everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
}

/// Whether a plan may go on as soon as it is approved, or is what a guard holds back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// What no guard holds.
    Open,
    /// What this rule holds (`access_lost`, `adopt`, `role_lowered`, `idp_first`, …); release = approving it.
    Held(String),
}

/// What one guard counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct GuardVerdict {
    /// The rule's name in the configuration.
    pub guard: String,
    /// In which app.
    pub app: AppName,
    /// Which group or department, where the rule goes by one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub within: Option<String>,
    /// Effects counted: this proposal, earlier runs and pending plans within the window.
    pub count: u64,
    /// Active managed accounts before the window: the denominator.
    pub accounts: u64,
    /// Whether it holds.
    pub tripped: bool,
    /// The comparison in words: "12 > 5 and 12 of 180 (6.7%) > 3%".
    pub why: String,
}

/// A plan.  A value: canonical JSON, SHA-256 digest.  It holds source keys and vendor ids, no random ids, no time but the as-of.
///
/// The fields stand in the order of canonical JSON, so that writing a large plan moves nothing.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Open or held.
    pub class: Class,
    /// Whether policy demands that asker and approver differ (P3).
    pub four_eyes: bool,
    /// What the guards counted that concern this plan: all of them for the open plan, its own for a held one.
    pub guards: Vec<GuardVerdict>,
    /// What it was computed from.
    pub inputs: Inputs,
    /// App → id → name of the groups, departments and content that steps mention, for people.
    pub names: BTreeMap<AppName, BTreeMap<String, String>>,
    /// Whose.
    pub organization: String,
    /// The steps, in the order of running.
    pub steps: Vec<Step>,
    /// [`PLAN_VERSION`].
    pub version: u32,
}

impl Plan {
    /// The digest one says yes to.
    pub fn digest(&self) -> Digest {
        digest_of(self)
    }

    /// Its canonical JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(self)
    }
}

/// Everything one planning said.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Proposal {
    /// What may go on when approved; its steps may be none.
    pub open: Plan,
    /// What guards hold back: one plan per class, none of them empty.
    pub held: Vec<Plan>,
    /// What a human should know, in a stable order.
    pub findings: Vec<Finding>,
}

impl Proposal {
    /// The open plan and the held ones.
    pub fn plans(&self) -> impl Iterator<Item = &Plan> {
        std::iter::once(&self.open).chain(&self.held)
    }
}

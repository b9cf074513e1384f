//! A plan: an ordered list of steps with reasons; a value with a digest.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use sha2::{Digest as _, Sha256};

use crate::canonical::{canonical_in, canonical_json};
use crate::cores::in_order;
use crate::{AppName, Digest, Finding, Fingerprint, PersonKey, RunId, Step, Text};

/// The version of the plan's form; a plan of another version is refused.
pub const PLAN_VERSION: u32 = 1;

/// How many steps are written, packed and stored at a time.
pub const STEPS_IN_PART: usize = 2048;

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
    /// Apps where accounts that were there before us were never changed under a yes: what would change many of them waits.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub first: Vec<AppName>,
    /// The standing approval that the open plan was cut for: each of its steps is within it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub standing: Option<Digest>,
    /// The run that it takes back, where it is the undo of one (P12).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<RunId>,
    /// Digest of the steps that were put aside (those that failed alone, and wait), if there were any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub aside: Option<Digest>,
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

/// Somebody whom a guard counted.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Concerned {
    /// Their key; none for a new group or department.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// Their name, or that of the group or department; empty when the roster does not name them any more.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub name: Text,
    /// Their department in the roster.
    #[serde(default, skip_serializing_if = "Text::is_empty")]
    pub department: Text,
    /// Whether they were counted from an earlier run or a pending plan, and nothing of it is in this proposal.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub earlier: bool,
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
    /// Where it holds: everybody who is in the count, in the order of their keys.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub people: Vec<Concerned>,
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
    /// The digest one says yes to: the SHA-256 of its canonical JSON.
    pub fn digest(&self) -> Digest {
        self.digest_in_parts(|_, _| (), |()| ())
    }

    /// Its digest, made on all cores without ever having its canonical JSON as a whole.  The steps, [`STEPS_IN_PART`] at a time, go
    /// through `pack`, as a JSON list and as they are, and what that makes of them to `keep`, in order.
    pub fn digest_in_parts<T: Send>(&self, pack: impl Fn(&[u8], &[Step]) -> T + Sync, mut keep: impl FnMut(T)) -> Digest {
        let (before, after) = self.around();
        let parts: Vec<&[Step]> = self.steps.chunks(STEPS_IN_PART).collect();
        let mut digest = PlanDigest::new(&before);
        // Texts are written where earlier ones were: taking the memory anew for each costs as much as writing it.
        let spare: Mutex<Vec<Vec<u8>>> = Mutex::default();
        let spare = || spare.lock().unwrap_or_else(PoisonError::into_inner);
        let written = |at: usize| {
            let text = spare().pop().unwrap_or_default();
            let text = canonical_in(&parts[at], text);
            let packed = pack(&text, parts[at]);
            (text, packed)
        };
        in_order(parts.len(), written, |(text, packed)| {
            digest.part(&text);
            keep(packed);
            spare().push(text);
        });
        digest.end(&after)
    }

    /// Its canonical JSON without the steps, cut where they go.
    pub fn around(&self) -> (Vec<u8>, Vec<u8>) {
        let Self { class, four_eyes, guards, inputs, names, organization, steps: _, version } = self;
        let mut before = canonical_json(&Around { class, four_eyes, guards, inputs, names, organization, steps: [], version });
        let after = before.split_off(before.len() - format!("],\"version\":{version}}}").len());
        (before, after)
    }

    /// Its canonical JSON.
    pub fn to_bytes(&self) -> Vec<u8> {
        canonical_json(self)
    }
}

/// A plan without its steps, for writing them by parts.
#[derive(Serialize)]
struct Around<'a> {
    class: &'a Class,
    four_eyes: &'a bool,
    guards: &'a [GuardVerdict],
    inputs: &'a Inputs,
    names: &'a BTreeMap<AppName, BTreeMap<String, String>>,
    organization: &'a str,
    steps: [(); 0],
    version: &'a u32,
}

/// The digest of a plan whose steps come in parts.
pub struct PlanDigest {
    hasher: Sha256,
    first: bool,
}

impl PlanDigest {
    /// Begins with what stands before the steps ([`Plan::around`]).
    pub fn new(before: &[u8]) -> Self {
        Self { hasher: Sha256::new_with_prefix(before), first: true }
    }

    /// The next steps: a JSON list of them, canonical and not empty.
    pub fn part(&mut self, list: &[u8]) {
        if !std::mem::take(&mut self.first) {
            self.hasher.update(b",");
        }
        self.hasher.update(list.get(1..list.len().saturating_sub(1)).unwrap_or_default());
    }

    /// Ends with what stands after them.
    pub fn end(mut self, after: &[u8]) -> Digest {
        self.hasher.update(after);
        Digest::new(self.hasher.finalize().into())
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::canonical::digest_of;
    use crate::{StepId, Verb};

    #[test]
    fn p2_a_plan_in_parts_has_the_digest_of_its_canonical_json() {
        let step = |n: usize| Step {
            account: None,
            add_groups: Default::default(),
            app: "app".into(),
            content: None,
            effects: Default::default(),
            evidence: None,
            id: StepId::default(),
            label: format!("],\"version\":1}}{n}").into(),
            needs: Default::default(),
            person: Some(format!("{n}").into()),
            reason: "\"steps\":[]".into(),
            remove_groups: Default::default(),
            set: Default::default(),
            verb: Verb::Create,
        };
        let digest = Digest::new([7; 32]);
        let mut plan = Plan {
            class: Class::Held("],\"version\":1}".into()),
            four_eyes: true,
            guards: Vec::new(),
            inputs: Inputs {
                policy: digest,
                readings: BTreeMap::new(),
                links: digest,
                earlier: digest,
                as_of: Timestamp::UNIX_EPOCH,
                time_zones: "2026a".into(),
                tenants: BTreeMap::new(),
                only: Vec::new(),
                first: Vec::new(),
                standing: None,
                reverts: None,
                aside: None,
            },
            names: BTreeMap::new(),
            organization: "Ä\"steps\":[]".into(),
            steps: Vec::new(),
            version: PLAN_VERSION,
        };
        for steps in [0, 1, STEPS_IN_PART, STEPS_IN_PART + 1, 3 * STEPS_IN_PART - 1] {
            plan.steps = (0..steps).map(|n| step(n).sealed()).collect();
            assert_eq!(plan.digest(), digest_of(&plan), "{steps}");
            let mut read: Vec<Step> = Vec::new();
            plan.digest_in_parts(
                |text, _| serde_json::from_slice::<Vec<Step>>(text).unwrap(),
                |part| {
                    assert!(part.len() <= STEPS_IN_PART);
                    read.extend(part);
                },
            );
            assert_eq!(read, plan.steps);
        }
    }
}

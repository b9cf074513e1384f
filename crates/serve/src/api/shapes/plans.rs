//! Steps, guards, and what a plan was made from.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde_json::Value;

use super::{EffectWord, Hex, Instant};

/// What a step does at the app.
#[derive(JsonSchema)]
#[schemars(rename_all = "snake_case", inline)]
pub(in crate::api) enum Verb {
    CreateDepartment,
    CreateGroup,
    Link,
    Restore,
    Create,
    Update,
    Relate,
    Enrol,
    Leave,
}

/// One change to one account, fully decided.
#[derive(JsonSchema)]
pub(in crate::api) struct Step {
    /// Which account: an id, or which step makes it.
    account: Option<Reference>,
    /// Groups to add.
    add_groups: Option<Vec<Reference>>,
    /// In which app.
    app: String,
    /// The content to enrol in.
    content: Option<String>,
    /// What it does to the human.
    effects: Vec<EffectWord>,
    /// The rule that matched.
    evidence: Option<String>,
    /// A hash of everything else.
    id: String,
    /// How people call them.
    label: String,
    /// Steps that must have been done before.
    needs: Option<Vec<String>>,
    /// For whom.
    person: Option<String>,
    /// Why, in a sentence.
    reason: String,
    /// Groups to remove.
    remove_groups: Option<Vec<String>>,
    /// Owned values, before and after.
    set: Option<BTreeMap<String, Change>>,
    /// What is done.
    verb: Verb,
}

/// An id that is known, or will be made by an earlier step.
#[derive(JsonSchema)]
#[schemars(untagged)]
pub(in crate::api) enum Reference {
    /// The app's own id.
    Id(String),
    /// What a step of the same plan makes.
    CreatedBy {
        /// That step.
        created_by: String,
    },
}

/// One owned value.
#[derive(JsonSchema)]
pub(in crate::api) struct Change {
    /// As it was read; null when there was nothing.
    before: Value,
    /// As it shall be.
    after: Value,
}

/// What one guard counted.
#[derive(JsonSchema)]
pub(in crate::api) struct Guard {
    /// The rule's name in the configuration.
    guard: String,
    /// In which app.
    app: String,
    /// Which group or department, where the rule goes by one.
    within: Option<String>,
    /// Effects counted.
    count: u64,
    /// Active managed accounts before.
    accounts: u64,
    /// Whether it holds.
    tripped: bool,
    /// The comparison in words.
    why: String,
    /// Where it holds: everybody who is in the count.
    people: Option<Vec<Concerned>>,
}

/// Somebody whom a guard counted.
#[derive(JsonSchema)]
pub(in crate::api) struct Concerned {
    /// Their key.
    person: Option<String>,
    /// Their name, or that of a group or department.
    name: Option<String>,
    /// Their department.
    department: Option<String>,
    /// Whether they were counted from before.
    earlier: Option<bool>,
}

/// What a plan was computed from.
#[derive(JsonSchema)]
pub(in crate::api) struct Inputs {
    /// Digest of the policy.
    policy: Hex,
    /// Digest of each reading.
    readings: BTreeMap<String, Hex>,
    /// Digest of the links.
    links: Hex,
    /// Digest of what guards remember.
    earlier: Hex,
    /// The instant that it is for.
    as_of: Instant,
    /// Version of the time-zone data.
    time_zones: String,
    /// The tenant of each app.
    tenants: BTreeMap<String, String>,
    /// The only people that were planned for.
    only: Option<Vec<String>>,
    /// Apps where accounts that were there before us were never changed under a yes.
    first: Option<Vec<String>>,
    /// The standing approval that it was cut for.
    standing: Option<Hex>,
    /// The run that it takes back.
    reverts: Option<String>,
    /// Digest of what is put aside.
    aside: Option<Hex>,
}

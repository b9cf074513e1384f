//! What guards remember of a plan: one line for each step.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use model::{AppName, Effects, Person, PersonKey, Plan, RunId, SourceReading, Step, StepId};
use serde::{Deserialize, Serialize};

use crate::again::Undone;
use crate::hash;
use crate::index::Index;
use crate::parallel::spread;

/// What guards need to remember of a step of an earlier run or of a plan that is pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Which step.
    pub step: StepId,
    /// In which app.
    pub app: AppName,
    /// What it did, or will do.
    pub effects: Effects,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// The person's department in the roster then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Names of the groups that were added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups_gained: Vec<String>,
    /// Names of the groups that were removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups_lost: Vec<String>,
    /// When, on the clock that the as-of of plans is on; a step that may still happen counts as happening now.
    pub at: Timestamp,
    /// The run that the step takes back, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reverts: Option<RunId>,
    /// What it takes back, or, where it does not, what it does once more after that was taken back.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub undoes: Vec<Undone>,
}

/// What guards will need to remember of the plans of a proposal: to be kept beside each as long as it is pending, and beside its run for the
/// longest window of any guard (of the steps that were done).
pub struct Counting<'p> {
    /// The people of the reading that the plans were made from.
    people: &'p [Person],
    /// Key → people.
    by_key: Index,
    /// Steps that make something → what it is called.
    labels: HashMap<&'p StepId, &'p str>,
}

impl<'p> Counting<'p> {
    /// `roster` is the reading that the plans were made from.
    pub fn new(plans: impl Iterator<Item = &'p Plan>, roster: &'p SourceReading) -> Self {
        let people = roster.people.as_slice();
        let hashes = spread(people.len(), |range| people[range].iter().map(|person| hash::of_text(person.key.as_str())).collect());
        let mut by_key = Index::with_room(people.len());
        hashes.into_iter().zip(0..).for_each(|(hash, at)| by_key.insert(at, hash));
        Self { people, by_key, labels: labels(plans.flat_map(|plan| &plan.steps)) }
    }

    /// The department of somebody in the roster; of several rows with one key the last one that has one.
    fn department(&self, key: &PersonKey) -> Option<&'p str> {
        let rows = self.by_key.with(hash::of_text(key.as_str())).filter(|row| self.people[*row as usize].key == *key);
        let departments = rows.filter_map(|row| Some((row, self.people[row as usize].attributes.get("department")?)));
        departments.max_by_key(|(row, _)| *row).map(|(_, name)| name.as_str())
    }

    /// One step of one of these plans; `at` is the plan's as-of.
    pub fn of(&self, plan: &Plan, step: &Step) -> Counted {
        let (groups_gained, groups_lost) = groups(step, plan.names.get(&step.app), &self.labels);
        Counted {
            step: step.id,
            app: step.app.clone(),
            effects: step.effects,
            person: step.person.clone(),
            department: step.person.as_ref().and_then(|key| self.department(key)).map(str::to_owned),
            groups_gained,
            groups_lost,
            at: plan.inputs.as_of,
            reverts: plan.inputs.reverts.clone(),
            undoes: Vec::new(),
        }
    }
}

/// What the steps that have no person make.
pub(super) fn labels<'s>(steps: impl Iterator<Item = &'s Step>) -> HashMap<&'s StepId, &'s str> {
    steps.filter(|step| step.person.is_none()).map(|step| (&step.id, step.label.as_str())).collect()
}

/// Names of the groups that a step adds and removes.
pub(super) fn groups(
    step: &Step,
    names: Option<&BTreeMap<String, String>>,
    labels: &HashMap<&StepId, &str>,
) -> (Vec<String>, Vec<String>) {
    let name = |id: &str| names.and_then(|names| names.get(id)).cloned().unwrap_or_else(|| id.to_owned());
    let gained = step.add_groups.iter().map(|group| match group {
        model::Ref::Id(id) => name(id),
        model::Ref::CreatedBy { created_by } => {
            labels.get(created_by).map_or_else(|| created_by.to_string(), |label| (*label).to_owned())
        }
    });
    (gained.collect(), step.remove_groups.iter().map(|id| name(id)).collect())
}

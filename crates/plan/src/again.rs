//! What an undo took back, and the planning after it: where roster and policy still want the same, a person has to look first.
//!
//! The steps of an undo are remembered as what they took back, however long ago they ran.  A step that would do one of these things again
//! is held as class `reverted`.  Once such a step was approved and done, what it did again is forgotten; and a leave that is planned for
//! another reason than the one that was taken back is another leave.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use model::{AppName, Finding, FindingKind, PersonKey, Ref, RunId, Step, Text, Value, Verb};
use serde::{Deserialize, Serialize};

use crate::draft::verb_word;
use crate::guard::Counted;
use crate::propose::Given;

/// The class that holds what would be done again.
const CLASS: &str = "reverted";

/// One thing that a run did and that its undo took back.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Undone {
    /// Access that was given: by a create or a restore.
    Given,
    /// Access that was taken, and why.
    Taken {
        /// The reason of the step that took it.
        why: Text,
    },
    /// A value that was set.
    Value {
        /// Of which attribute.
        attribute: Text,
        /// The value.
        value: Value,
    },
    /// A group that was joined.
    Joined {
        /// Its id.
        group: Text,
    },
    /// A group that was left.
    Left {
        /// Its id.
        group: Text,
    },
}

/// What of an account is meant: of several words about one thing the newest counts.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Thing<'a> {
    Access,
    Value(&'a str),
    Group(&'a str),
}

impl Undone {
    fn thing(&self) -> Thing<'_> {
        match self {
            Self::Given | Self::Taken { .. } => Thing::Access,
            Self::Value { attribute, .. } => Thing::Value(attribute),
            Self::Joined { group } | Self::Left { group } => Thing::Group(group),
        }
    }

    /// Whether a step does this (again).
    fn is_done_by(&self, step: &Step) -> bool {
        match self {
            Self::Given => matches!(step.verb, Verb::Create | Verb::Restore),
            Self::Taken { why } => step.verb == Verb::Leave && step.reason == *why,
            Self::Value { attribute, value } => step.set.get(attribute).is_some_and(|change| change.after == *value),
            Self::Joined { group } => step.add_groups.contains(&Ref::Id(group.clone())),
            Self::Left { group } => step.remove_groups.contains(group),
        }
    }
}

/// Who undid it: when, and which run.
struct Word<'a> {
    at: Timestamp,
    run: &'a RunId,
    undone: &'a Undone,
}

/// The newest word about each thing of each account, as far as it was an undo's.
fn words(earlier: &[Counted]) -> BTreeMap<(&AppName, &PersonKey), Vec<Word<'_>>> {
    let mut said: Vec<&Counted> = earlier.iter().filter(|counted| !counted.undoes.is_empty()).collect();
    said.sort_by_key(|counted| (counted.at, counted.step));
    let mut newest: BTreeMap<(&AppName, &PersonKey, Thing<'_>), (&Counted, &Undone)> = BTreeMap::new();
    for counted in said {
        let Some(person) = &counted.person else { continue };
        newest.extend(counted.undoes.iter().map(|undone| ((&counted.app, person, undone.thing()), (counted, undone))));
    }
    let mut words: BTreeMap<(&AppName, &PersonKey), Vec<Word<'_>>> = BTreeMap::new();
    for ((app, person, _), (counted, undone)) in newest {
        if let Some(run) = &counted.reverts {
            words.entry((app, person)).or_default().push(Word { at: counted.at, run, undone });
        }
    }
    words
}

/// What was taken back and not done again since: from what a planning knew of earlier steps.
pub struct Again<'e>(BTreeMap<(&'e AppName, &'e PersonKey), Vec<Word<'e>>>);

impl<'e> Again<'e> {
    /// Of these earlier steps.
    pub fn of(earlier: &'e [Counted]) -> Self {
        Self(words(earlier))
    }

    /// What a step would do again, so that it is forgotten when the step was approved and done.
    pub fn done_by(&self, step: &Step) -> Vec<Undone> {
        self.words(step).map(|word| word.undone.clone()).collect()
    }

    fn words<'s>(&'s self, step: &'s Step) -> impl Iterator<Item = &'s Word<'e>> {
        let of = step.person.as_ref().and_then(|person| self.0.get(&(&step.app, person)));
        of.into_iter().flatten().filter(|word| word.undone.is_done_by(step))
    }
}

/// Holds every step that would do again what was taken back, and tells whom it is about.
pub(crate) fn hold_again(given: &Given<'_>, steps: &[Step], held: &mut [BTreeSet<String>], findings: &mut Vec<Finding>) {
    let again = Again::of(given.earlier);
    if again.0.is_empty() {
        return;
    }
    for (step, held) in steps.iter().zip(held) {
        let Some(word) = again.words(step).max_by_key(|word| word.at) else { continue };
        held.insert(CLASS.to_owned());
        let verb = verb_word(step.verb);
        let what = format!(
            "what run {} did was undone on {:.0}; {verb} is planned again, because roster and policy still say so, and waits for a person",
            word.run, word.at
        );
        let next = "correct the roster or the policy; or approve the plan held as `reverted`, if it is right now";
        let mut finding = Finding::new(FindingKind::Reverted, what).in_app(&step.app).next(next);
        finding.person.clone_from(&step.person);
        finding.account = step.account.as_ref().and_then(Ref::id).map(Into::into);
        findings.push(finding);
    }
}

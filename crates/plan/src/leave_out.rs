//! Leaving steps out of a plan: the same split as the guards', by a person's choice.
//!
//! What is left out is held as `left_out`, and whatever needs it with it.  Both plans keep what the old one had been made from, what its
//! guards counted, and whether it needs four eyes: a split lowers no bar.

use std::collections::BTreeSet;

use model::{Class, Plan, Step};

use crate::assemble::mentioned;
use crate::split::{Split, split};

/// The class of what a person left out.
const LEFT_OUT: &str = "left_out";

/// Splits a plan in what goes on and what is left out, if anything of that can stand alone: a step that is left out and needs one that goes
/// on is in neither, and is proposed again when that one was done.
pub fn leave_out(plan: Plan, out: impl Fn(&Step) -> bool) -> (Plan, Option<Plan>) {
    let classes = plan.steps.iter().map(|step| if out(step) { BTreeSet::from([LEFT_OUT.to_owned()]) } else { BTreeSet::new() });
    let classes = classes.collect();
    let names = plan.names;
    let shell = Plan { steps: Vec::new(), names: Default::default(), ..plan };
    let Split { open, mut held, .. } = split(plan.steps, classes);
    let part = |class: Class, steps: Vec<Step>| Plan { class, names: mentioned(&names, &steps), steps, ..shell.clone() };
    let left = held.remove(LEFT_OUT).map(|steps| part(Class::Held(LEFT_OUT.to_owned()), steps));
    (part(shell.class.clone(), open), left)
}

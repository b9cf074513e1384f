//! The split of a proposal that trips: one open plan, and one held plan for each class, dependants with it.
//!
//! What needs a held step is held with it.  Held steps that depend on each other are in one plan, under the first of their classes by name,
//! so that no plan ever waits for another.  A held step that needs a step of the open plan cannot name it from another plan: it is put off,
//! and the next planning, when what it needs is there, proposes it again (and the guard counts it again).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{Step, StepId, Verb};

use crate::guard::FIRST_RUN;

/// What becomes of the steps.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Split {
    pub(crate) open: Vec<Step>,
    /// Class → its steps.
    pub(crate) held: BTreeMap<String, Vec<Step>>,
    /// Leavers who are put off because their accounts are taken over first.
    pub(crate) later: Vec<Step>,
    /// Class → everything that holds its steps, itself included: whoever releases them is told all of it.
    pub(crate) classes: BTreeMap<String, BTreeSet<String>>,
}

/// Splits steps that are in the order of running, each with all the classes that hold it; it goes by the first of them by name.
pub(crate) fn split(steps: Vec<Step>, classes: Vec<BTreeSet<String>>) -> Split {
    if classes.iter().all(BTreeSet::is_empty) {
        return Split { open: steps, ..Split::default() };
    }
    let at: HashMap<&StepId, usize> = steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
    let needs: Vec<Vec<usize>> =
        steps.iter().map(|step| step.needs.iter().filter_map(|need| at.get(need).copied()).collect()).collect();
    let mut held = vec![false; steps.len()];
    let mut put_off = vec![false; steps.len()];
    let mut parent: Vec<usize> = (0..steps.len()).collect();
    for (at, classes) in classes.iter().enumerate() {
        held[at] = !classes.is_empty() || needs[at].iter().any(|need| held[*need]);
        if !held[at] {
            continue;
        }
        // What would change accounts that were there before us comes after they were taken over, whoever has to say yes to that.
        let first_taken_over = classes.contains(FIRST_RUN) && needs[at].iter().any(|need| steps[*need].verb == Verb::Link);
        put_off[at] = first_taken_over || needs[at].iter().any(|need| !held[*need] || put_off[*need]);
        if first_taken_over {
            continue;
        }
        for need in needs[at].iter().filter(|need| held[**need]) {
            let (a, b) = (root(&mut parent, at), root(&mut parent, *need));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut class_of: HashMap<usize, String> = HashMap::new();
    for (at, classes) in classes.iter().enumerate() {
        if let Some(class) = classes.first() {
            let best = class_of.entry(root(&mut parent, at)).or_insert_with(|| class.clone());
            if class < best {
                best.clone_from(class);
            }
        }
    }
    let mut split = Split::default();
    for (at, (step, own)) in steps.into_iter().zip(classes).enumerate() {
        if !held[at] {
            split.open.push(step);
            continue;
        }
        let class = class_of.get(&root(&mut parent, at)).cloned().unwrap_or_default();
        if put_off[at] {
            if step.verb == Verb::Leave {
                split.later.push(step);
            }
            continue;
        }
        split.classes.entry(class.clone()).or_default().extend(own);
        split.held.entry(class).or_default().push(step);
    }
    split
}

/// Holds with every held step also what it needs, and whatever needs that: for plans that no planning follows which would propose again what
/// is put off.
pub(crate) fn hold_together(steps: &[Step], classes: &mut [BTreeSet<String>]) {
    if classes.iter().all(BTreeSet::is_empty) {
        return;
    }
    let at: HashMap<&StepId, usize> = steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
    let mut parent: Vec<usize> = (0..steps.len()).collect();
    for (own, step) in steps.iter().enumerate() {
        for need in step.needs.iter().filter_map(|need| at.get(need)) {
            let (a, b) = (root(&mut parent, own), root(&mut parent, *need));
            parent[a.max(b)] = a.min(b);
        }
    }
    let mut first: HashMap<usize, String> = HashMap::new();
    for (at, class) in classes.iter().enumerate().filter_map(|(at, classes)| Some((at, classes.first()?))) {
        let best = first.entry(root(&mut parent, at)).or_insert_with(|| class.clone());
        if class < best {
            best.clone_from(class);
        }
    }
    for (at, classes) in classes.iter_mut().enumerate().filter(|(_, classes)| classes.is_empty()) {
        classes.extend(first.get(&root(&mut parent, at)).cloned());
    }
}

fn root(parent: &mut [usize], mut at: usize) -> usize {
    while parent[at] != at {
        parent[at] = parent[parent[at]];
        at = parent[at];
    }
    at
}

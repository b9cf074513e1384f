//! The order of running, and the content hashes.
//!
//! Steps run by verb (each verb is one phase), in a phase by key; a step that needs another comes after it, in the phase of the needed
//! one when that is later (a new account whose e-mail a rename has to free first is made in the phase of the renames).

use model::{Change, Few, Ref, Step, StepId, Value, Verb};

use crate::draft::{Draft, Slot};
use crate::parallel::in_chunks_mut;

/// Steps with their hashes, in the order of running.
#[derive(Default)]
pub(crate) struct Ordered {
    pub(crate) steps: Vec<Step>,
    /// For each: the class that holds it whatever the guards say.
    pub(crate) classes: Vec<Option<&'static str>>,
}

/// Orders and seals the drafts of one app.
pub(crate) fn order(mut drafts: Vec<Draft>) -> Ordered {
    let places = places(&drafts);
    let mut by_level: Vec<u32> = (0..drafts.len() as u32).collect();
    by_level.sort_unstable_by_key(|at| (places[*at as usize].level, *at));
    let mut rank = vec![0_u32; drafts.len()];
    for (at, draft) in by_level.iter().enumerate() {
        rank[*draft as usize] = at as u32;
    }
    // Sorted by level, a level is a slice: all that its drafts name lies before it, already sealed.
    let places: Vec<Place> = by_level.iter().map(|at| places[*at as usize]).collect();
    arrange(&mut drafts, by_level);
    let mut ids: Vec<StepId> = Vec::with_capacity(drafts.len());
    while ids.len() < drafts.len() {
        let from = ids.len();
        let to = from + places[from..].partition_point(|place| place.level == places[from].level);
        let (known, rank) = (&ids, &rank);
        in_chunks_mut(&mut drafts[from..to], |draft| seal(draft, |other| &known[rank[other] as usize]));
        ids.extend(drafts[from..to].iter().map(|draft| draft.step.id));
    }
    drop((ids, rank));
    let mut running: Vec<u32> = (0..drafts.len() as u32).collect();
    running.sort_unstable_by(|a, b| {
        let (x, y) = (&drafts[*a as usize].step, &drafts[*b as usize].step);
        let key = |at: u32, step: &Step| (places[at as usize].phase, places[at as usize].depth, step.verb);
        key(*a, x)
            .cmp(&key(*b, y))
            .then_with(|| match (&x.person, &y.person) {
                (Some(x), Some(y)) => x.cmp(y),
                _ => who(x).cmp(&who(y)),
            })
            .then_with(|| x.content.cmp(&y.content))
            .then_with(|| x.id.cmp(&y.id))
    });
    drop(places);
    arrange(&mut drafts, running);
    let classes = drafts.iter().map(|draft| draft.class).collect();
    Ordered { steps: drafts.into_iter().map(|draft| draft.step).collect(), classes }
}

/// Groups and departments before people, each by name or key.
fn who(step: &Step) -> (bool, &str) {
    (step.person.is_some(), step.person.as_ref().map_or(step.label.as_str(), |key| key.as_str()))
}

/// Puts the items into an order, given as the place of each item that is wanted next, without a second list of them.
fn arrange<T>(items: &mut [T], mut order: Vec<u32>) {
    for start in 0..order.len() {
        let mut at = start;
        loop {
            let from = std::mem::replace(&mut order[at], at as u32) as usize;
            if from == start {
                break;
            }
            items.swap(at, from);
            at = from;
        }
    }
}

#[derive(Clone, Copy)]
struct Place {
    phase: Verb,
    /// How many needed steps precede it in its own phase.
    depth: u32,
    /// How many steps have to be sealed before it, one after the other.
    level: u32,
}

fn places(drafts: &[Draft]) -> Vec<Place> {
    let mut places: Vec<Option<Place>> = vec![None; drafts.len()];
    let mut open: Vec<u32> = (0..drafts.len() as u32).collect();
    while !open.is_empty() {
        let before = open.len();
        open.retain(|at| {
            let draft = &drafts[*at as usize];
            let needed = || draft.needs.iter().map(|need| places[*need as usize]);
            if needed().any(|need| need.is_none()) {
                return true;
            }
            let needed = || needed().flatten();
            let phase = needed().map(|need| need.phase).fold(draft.step.verb, Verb::max);
            let depth = needed().filter(|need| need.phase == phase).map(|need| need.depth + 1).max().unwrap_or(0);
            let level = needed().map(|need| need.level + 1).max().unwrap_or(0);
            places[*at as usize] = Some(Place { phase, depth, level });
            false
        });
        assert!(open.len() < before, "circles of needs were objected to before");
    }
    places.into_iter().flatten().collect()
}

fn seal<'i>(draft: &mut Draft, id: impl Fn(usize) -> &'i StepId) {
    let needs: Few<StepId> = draft.needs.iter().map(|need| *id(*need as usize)).collect();
    let step = &mut draft.step;
    step.needs = needs;
    for (slot, other) in &draft.made {
        let made = *id(*other as usize);
        match slot {
            Slot::Account => step.account = Some(Ref::CreatedBy { created_by: made }),
            Slot::Group => {
                step.add_groups.insert(Ref::CreatedBy { created_by: made });
            }
            Slot::Attribute(name) => {
                let before = step.set.get(name).map(|change| change.before.clone()).unwrap_or_default();
                step.set.insert(name.clone(), Change { before, after: Value::CreatedBy(made) });
            }
        }
    }
    step.seal();
}

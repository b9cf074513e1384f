//! The order of running, and the content hashes.
//!
//! Steps run by verb (each verb is one phase), in a phase by key; a step that needs another comes after it, in the phase of the needed
//! one when that is later (a new account whose e-mail a rename has to free first is made in the phase of the renames).

use model::{Change, Few, Ref, Step, StepId, Text, Value, Verb};

use crate::draft::{Draft, Slot};
use crate::parallel::in_chunks_mut;

/// A step with its hash, and the class that holds it whatever the guards say.
pub(crate) struct Ordered {
    pub(crate) step: Step,
    pub(crate) class: Option<&'static str>,
}

/// Orders and seals the drafts of one app.
pub(crate) fn order(drafts: Vec<Draft>) -> Vec<Ordered> {
    let places = places(&drafts);
    let mut by_level: Vec<usize> = (0..drafts.len()).collect();
    by_level.sort_unstable_by_key(|at| (places[*at].level, *at));
    let mut rank = vec![0; drafts.len()];
    for (at, draft) in by_level.iter().enumerate() {
        rank[*draft] = at;
    }
    // Sorted by level, a level is a slice: all that its drafts name lies before it, already sealed.
    let mut slots: Vec<Option<Draft>> = drafts.into_iter().map(Some).collect();
    let mut work: Vec<Draft> = by_level.iter().map(|at| slots[*at].take().expect("each place is taken once")).collect();
    drop(slots);
    let mut ids: Vec<StepId> = Vec::with_capacity(work.len());
    while ids.len() < work.len() {
        let from = ids.len();
        let level = places[by_level[from]].level;
        let to = by_level[from..].iter().position(|at| places[*at].level != level).map_or(work.len(), |count| from + count);
        let (known, rank) = (&ids, &rank);
        in_chunks_mut(&mut work[from..to], |draft| seal(draft, |other| &known[rank[other]]));
        ids.extend(work[from..to].iter().map(|draft| draft.step.id.clone()));
    }
    let mut running: Vec<usize> = (0..work.len()).collect();
    running.sort_unstable_by(|a, b| {
        let (x, y) = (&work[*a], &work[*b]);
        let (a, b) = (&places[by_level[*a]], &places[by_level[*b]]);
        let key = |place: &Place, step: &Step| (place.phase, place.depth, step.verb);
        let who = |step: &Step| -> (bool, Text) {
            (step.person.is_some(), step.person.as_ref().map_or_else(|| step.label.clone(), |key| key.as_str().into()))
        };
        key(a, &x.step)
            .cmp(&key(b, &y.step))
            .then_with(|| match (&x.step.person, &y.step.person) {
                (Some(x), Some(y)) => x.cmp(y),
                _ => who(&x.step).cmp(&who(&y.step)),
            })
            .then_with(|| x.step.content.cmp(&y.step.content))
            .then_with(|| x.step.id.cmp(&y.step.id))
    });
    let mut work: Vec<Option<Draft>> = work.into_iter().map(Some).collect();
    let ordered = running.into_iter().map(|at| work[at].take().expect("each place is taken once"));
    ordered.map(|draft| Ordered { step: draft.step, class: draft.class }).collect()
}

#[derive(Clone, Copy)]
struct Place {
    phase: Verb,
    /// How many needed steps precede it in its own phase.
    depth: usize,
    /// How many steps have to be sealed before it, one after the other.
    level: usize,
}

fn places(drafts: &[Draft]) -> Vec<Place> {
    let mut places: Vec<Option<Place>> = vec![None; drafts.len()];
    let mut open: Vec<usize> = (0..drafts.len()).collect();
    while !open.is_empty() {
        let before = open.len();
        let mut later = Vec::new();
        for at in open {
            let draft = &drafts[at];
            let needed: Option<Vec<Place>> = draft.needs.iter().map(|need| places[*need]).collect();
            match needed {
                None => later.push(at),
                Some(needed) => {
                    let phase = needed.iter().map(|need| need.phase).fold(draft.step.verb, Verb::max);
                    let depth = needed.iter().filter(|need| need.phase == phase).map(|need| need.depth + 1).max().unwrap_or(0);
                    let level = needed.iter().map(|need| need.level + 1).max().unwrap_or(0);
                    places[at] = Some(Place { phase, depth, level });
                }
            }
        }
        assert!(later.len() < before, "circles of needs were objected to before");
        open = later;
    }
    places.into_iter().flatten().collect()
}

fn seal<'i>(draft: &mut Draft, id: impl Fn(usize) -> &'i StepId) {
    let needs: Few<StepId> = draft.needs.iter().map(|need| id(*need).clone()).collect();
    let step = &mut draft.step;
    step.needs = needs;
    for (slot, other) in &draft.made {
        let made = id(*other).clone();
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

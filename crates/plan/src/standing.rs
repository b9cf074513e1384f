//! What a standing approval may approve is cut out of the open plan; the rest waits as a plan of its own.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{AppName, Digest, SourceRole, StandingApproval, Step, StepId};

use crate::past::Standing;
use crate::{Compiled, Given};

/// The class of what no standing approval covers, where one covers the rest.
pub(crate) const BEYOND_STANDING: &str = "beyond_standing";

/// Chooses the standing approval that covers most of what nothing holds, and holds the rest; its digest.  Nothing is held where none covers
/// anything.
pub(crate) fn cut(given: &Given<'_>, steps: &[Step], held: &mut [BTreeSet<String>]) -> Option<Digest> {
    if given.past.standing.is_empty() {
        return None;
    }
    let free = unheld(steps, held);
    let (mut best, mut most) = (None, 0);
    for standing in &given.past.standing {
        let within = within(given, standing, steps, &free);
        let count = within.iter().filter(|within| **within).count();
        if count > most {
            (best, most) = (Some((standing.digest, within)), count);
        }
    }
    let (digest, within) = best?;
    for at in (0..steps.len()).filter(|at| free[*at] && !within[*at]) {
        held[at].insert(BEYOND_STANDING.to_owned());
    }
    Some(digest)
}

/// Which steps nothing holds, not even what they need.  What is needed comes first.
fn unheld(steps: &[Step], held: &[BTreeSet<String>]) -> Vec<bool> {
    if held.iter().all(BTreeSet::is_empty) {
        return vec![true; steps.len()];
    }
    let mut waits: BTreeSet<&StepId> = BTreeSet::new();
    let mut free = Vec::with_capacity(steps.len());
    for (step, classes) in steps.iter().zip(held) {
        let is_free = classes.is_empty() && step.needs.iter().all(|need| !waits.contains(need));
        if !is_free {
            waits.insert(&step.id);
        }
        free.push(is_free);
    }
    free
}

/// Which of the free steps a standing approval covers, as many as it may approve.
fn within(given: &Given<'_>, standing: &Standing, steps: &[Step], free: &[bool]) -> Vec<bool> {
    let four_eyes = &given.policy.policy().approval.four_eyes;
    let mut from: BTreeMap<&AppName, bool> = BTreeMap::new();
    let mut covered: HashMap<&StepId, bool> = HashMap::new();
    let mut left = standing.left;
    let mut within = Vec::with_capacity(steps.len());
    for (step, free) in steps.iter().zip(free) {
        let comes = *from.entry(&step.app).or_insert_with(|| comes_from(given.policy, &standing.rule, &step.app));
        let fits = *free
            && comes
            && left > 0
            && step.effects.iter().all(|effect| standing.rule.effects.contains(effect) && !four_eyes.contains(effect))
            && step.needs.iter().all(|need| covered.get(need).copied().unwrap_or(true));
        covered.insert(&step.id, fits);
        within.push(fits);
        left -= u64::from(fits);
    }
    within
}

/// Whether everything that decides about an app's accounts comes from the rule's source: it says who works here, no other source may give an
/// attribute that the app's rules read, and no identity provider has a say there.  Or it is the one identity provider that assigns the app:
/// then the rule covers what it asks for there, and what the roster changes about the same accounts.
fn comes_from(policy: &Compiled, rule: &StandingApproval, app: &AppName) -> bool {
    let whole = policy.policy();
    let mut speak = whole.sources.iter().filter(|(_, source)| source.speaks_of(app));
    match (speak.next(), speak.next()) {
        (None, _) => {}
        (Some((name, source)), None) => return *name == rule.source && source.assigns(app),
        (Some(_), Some(_)) => return false,
    }
    if !whole.sources.get(&rule.source).is_some_and(|source| source.role == SourceRole::Employment) {
        return false;
    }
    let alone = whole.sources.values().all(|source| source.role != SourceRole::Attributes);
    let reads = policy.apps.get(app).map(|rules| rules.reads());
    let only_here = |attribute: &String| whole.precedence.get(attribute).is_some_and(|sources| *sources == [rule.source.clone()]);
    alone || reads.is_some_and(|reads| reads.iter().all(only_here))
}

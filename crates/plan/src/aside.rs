//! Steps that failed alone are held for a while, instead of failing again each time.
//!
//! A step that was put aside is known by its id, the hash of all that it says: when the roster, the account or the policy make it say
//! something else, it is another step and is done at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use model::{AppName, Aside, Digest, Finding, FindingKind, Ref, Step, StepId, digest_of};

use crate::draft::verb_word;

/// The class of the plan that holds what was put aside.
pub const PUT_ASIDE: &str = "put_aside";

/// Holds the steps that were put aside, and says which they are, why, until when, and what waits with them.
pub(crate) fn hold(aside: &[Aside], steps: &[Step], held: &mut [BTreeSet<String>], findings: &mut Vec<Finding>) {
    if aside.is_empty() {
        return;
    }
    let mut of_app: BTreeMap<&AppName, Vec<&Aside>> = BTreeMap::new();
    aside.iter().for_each(|one| of_app.entry(&one.app).or_default().push(one));
    let mut found: Vec<(usize, &Aside)> = Vec::new();
    for (at, step) in steps.iter().enumerate() {
        if let Some(one) = of_app.get(&step.app).and_then(|those| those.iter().find(|one| one.is_about(step))) {
            held[at].insert(PUT_ASIDE.to_owned());
            found.push((at, one));
        }
    }
    if found.is_empty() {
        return;
    }
    let mut needed_by: HashMap<&StepId, Vec<&Step>> = HashMap::new();
    for step in steps {
        step.needs.iter().for_each(|need| needed_by.entry(need).or_default().push(step));
    }
    findings.extend(found.into_iter().map(|(at, one)| finding(&steps[at], one, &needed_by)));
}

/// The digest of what was put aside, whatever its order; none when nothing was.
pub(crate) fn digest(aside: &[Aside]) -> Option<Digest> {
    let those: BTreeSet<_> = aside.iter().map(|one| (&one.app, &one.step, &one.wants)).collect();
    (!those.is_empty()).then(|| digest_of(&those))
}

fn finding(step: &Step, one: &Aside, needed_by: &HashMap<&StepId, Vec<&Step>>) -> Finding {
    let times = if one.tries == 1 { "once".to_owned() } else { format!("{} times", one.tries) };
    let with_it = dependants(step, needed_by);
    let with_it = match with_it {
        0 => String::new(),
        1 => "; one step that needs it waits with it".to_owned(),
        more => format!("; {more} steps that need it wait with it"),
    };
    let what = format!(
        "put aside until {:.0}: {} of {} {} {times}, last at {:.0} ({}){with_it}",
        one.until,
        verb_word(step.verb),
        step.label,
        one.how.word(),
        one.last,
        one.why
    );
    let who = step.person.as_ref().map_or("all", |person| person.as_str());
    let next = format!(
        "correct what it is about, in the source, at the app or in the policy: then it is done at once; or `provost apps {} --retry {who}`",
        step.app
    );
    let mut finding = Finding::new(FindingKind::PutAside, what).in_app(&step.app).next(next);
    finding.person.clone_from(&step.person);
    finding.account = step.account.as_ref().and_then(Ref::id).map(model::AccountId::from);
    finding
}

/// How many steps need this one, directly or not.
fn dependants(step: &Step, needed_by: &HashMap<&StepId, Vec<&Step>>) -> usize {
    let mut seen: BTreeSet<&StepId> = BTreeSet::new();
    let mut next = vec![&step.id];
    while let Some(id) = next.pop() {
        for step in needed_by.get(id).into_iter().flatten() {
            if seen.insert(&step.id) {
                next.push(&step.id);
            }
        }
    }
    seen.len()
}

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

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use model::{Digest, Few, GuardVerdict, Inputs, PLAN_VERSION, StepId, Verb};

    use super::*;

    fn step(label: &str, verb: Verb, needs: &[&Step]) -> Step {
        Step {
            account: None,
            add_groups: Few::new(),
            app: "academy".into(),
            content: None,
            effects: Default::default(),
            evidence: None,
            id: StepId::default(),
            label: label.into(),
            needs: needs.iter().map(|step| step.id).collect(),
            person: None,
            reason: "".into(),
            remove_groups: Few::new(),
            set: Default::default(),
            verb,
        }
        .sealed()
    }

    fn labels(plan: &Plan) -> Vec<&str> {
        plan.steps.iter().map(|step| step.label.as_str()).collect()
    }

    #[test]
    fn what_is_left_out_takes_with_it_what_needs_it_and_lowers_no_bar() {
        let department = step("department", Verb::CreateDepartment, &[]);
        let ann = step("ann", Verb::Create, &[&department]);
        let bob = step("bob", Verb::Create, &[]);
        let course = step("course", Verb::Enrol, &[&bob]);
        let boss = step("boss", Verb::Relate, &[&ann, &bob]);
        let digest = Digest::new([1; 32]);
        let guard = GuardVerdict {
            guard: "many".into(),
            app: "academy".into(),
            within: None,
            count: 12,
            accounts: 100,
            tripped: true,
            why: "12 > 5".into(),
            people: Vec::new(),
        };
        let plan = Plan {
            class: Class::Held("many".into()),
            four_eyes: true,
            guards: vec![guard],
            inputs: Inputs {
                policy: digest,
                readings: BTreeMap::new(),
                links: digest,
                earlier: digest,
                as_of: jiff::Timestamp::UNIX_EPOCH,
                time_zones: "2026a".into(),
                tenants: BTreeMap::new(),
                only: Vec::new(),
                aside: None,
                first: Vec::new(),
                standing: None,
                reverts: None,
            },
            names: BTreeMap::new(),
            organization: "Acme".into(),
            steps: vec![department, ann, bob, course, boss],
            version: PLAN_VERSION,
        };
        let (kept, left) = leave_out(plan.clone(), |step| step.label == "bob");
        let left = left.expect("bob can stand alone");
        // The boss needs Ann, who goes on: in neither, and proposed again when she is there.
        assert_eq!((labels(&kept), labels(&left)), (vec!["department", "ann"], vec!["bob", "course"]));
        assert_eq!((&kept.class, &left.class), (&plan.class, &Class::Held("left_out".into())));
        for part in [&kept, &left] {
            assert_eq!((part.four_eyes, &part.guards, &part.inputs), (true, &plan.guards, &plan.inputs));
        }
        let (kept, left) = leave_out(plan.clone(), |step| step.label == "ann");
        assert_eq!((labels(&kept), left), (vec!["department", "bob", "course"], None), "Ann needs the department, which goes on");
        assert_eq!(leave_out(plan.clone(), |_| false).0, plan);
        assert_eq!(labels(&leave_out(plan, |_| true).0), [""; 0]);
    }
}

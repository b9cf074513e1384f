//! What has to change in one app.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::{AppName, AppReading, Change, Evidence, Finding, FindingKind, PersonKey, Ref, Step, StepId, Text, Value, Verb};

use crate::desire::Wish;
use crate::draft::Drafter;
use crate::guard::Census;
use crate::order::{Ordered, order};
use crate::parallel::{in_chunks, spread};
use crate::planned::{Memory, Outcome, Planned, Rest};
use crate::propose::Given;
use crate::roster::Roster;
use crate::scene::Scene;
use crate::settle::{Ground, Settled};

/// What has to change in one app.
pub(crate) struct Part {
    pub(crate) ordered: Ordered,
    pub(crate) names: BTreeMap<String, String>,
    pub(crate) census: Census,
    /// Linked people whom the roster does not name, where nothing says that they left.
    pub(crate) missing: BTreeSet<PersonKey>,
    pub(crate) findings: Vec<Finding>,
    /// Where no run of ours ever changed an account that was there before us: the steps that would.
    pub(crate) theirs: BTreeSet<StepId>,
}

impl Part {
    pub(crate) fn new(
        given: &Given<'_>,
        roster: &Roster<'_>,
        moved: &[u32],
        app: (&AppName, &AppReading),
        memory: &mut Memory,
    ) -> Option<Self> {
        let mut findings = Vec::new();
        let Memory { known, outcome, .. } = memory;
        let mut planned = Planned::new(given, roster, moved, app, (known, outcome), &mut findings)?;
        planned.app_findings(roster, &mut findings);
        let desired = std::mem::take(&mut planned.desired);
        let mut wishes: Vec<Wish> = desired.into_iter().filter_map(|(_, desired)| desired.wish).collect();
        // Readings are in order of keys, and so are the wishes, unless the reading or the slots are not.
        wishes.sort_by_key(|wish| wish.person.map(|person| roster.key(person)));
        let mut gone = Vec::new();
        let mut missing = BTreeSet::new();
        planned.absent(roster, &mut wishes, &mut gone, &mut missing, &mut findings);
        let settled = settle(&planned, roster, wishes, outcome, &mut findings);
        let drafter = Drafter { roster, scene: &planned.scene, drafts: Vec::new(), gone };
        let ordered = review(given, order(drafter.draft(settled, &mut findings)), &mut findings);
        let names = labels(&planned, roster, &ordered.steps);
        let untouched = given.past.untouched.contains(app.0);
        let guarded = untouched || !given.policy.policy().guards.is_empty() || !given.policy.policy().freezes.is_empty();
        let census = if guarded { Census::new(given, roster, &planned) } else { Census::default() };
        let theirs = if untouched { theirs(&planned.scene, &ordered.steps) } else { BTreeSet::new() };
        Some(Self { ordered, names, census, missing, findings, theirs })
    }
}

/// The steps that change an account that was there before us; taking it over changes nothing.
fn theirs(scene: &Scene<'_>, steps: &[Step]) -> BTreeSet<StepId> {
    let is_theirs = |step: &&Step| {
        let made_by_us = |person: &PersonKey| scene.link_of(person.as_str()).is_some_and(|link| link.evidence == Evidence::Created);
        step.verb != Verb::Link
            && step.account.as_ref().is_some_and(|account| account.id().is_some())
            && !step.person.as_ref().is_some_and(made_by_us)
    };
    steps.iter().filter(is_theirs).map(|step| step.id).collect()
}

/// Looks at what the wishes of different people have to do with each other.
fn settle<'a>(
    planned: &Planned<'_, 'a>,
    roster: &Roster<'a>,
    wishes: Vec<Wish>,
    outcome: &mut Outcome,
    findings: &mut Vec<Finding>,
) -> Settled {
    let ground = Ground { roster, scene: &planned.scene, bonds: &planned.bonds, stages: &planned.stages };
    let (mut wishes, mut frees) = ground.unique(wishes, findings);
    let mut wish_of = ground.wish_of(&wishes);
    // Those who only want the supervisor that they already have want nothing; the others want it after all.
    let idle: Vec<u32> = roster.slots().iter().copied().filter(|person| outcome.rest[*person as usize] == Rest::Idle).collect();
    let is_under = spread(idle.len(), |range| {
        let above = |person: usize| outcome.above[person] as usize;
        idle[range].iter().map(|person| ground.is_under(*person as usize, above(*person as usize), &wish_of, &wishes)).collect()
    });
    let above = outcome.above.clone();
    let mut want = Vec::new();
    for (person, is_under) in idle.into_iter().zip(is_under) {
        if is_under {
            outcome.rest[person as usize] = Rest::Settled;
        } else {
            outcome.rest[person as usize] = Rest::Stirred;
            outcome.above[person as usize] = crate::index::NONE;
            want.push(person);
        }
    }
    wishes.extend(in_chunks(want.len(), |range, machine| {
        want[range].iter().filter_map(|person| planned.view(roster, *person as usize).desire(machine).wish).collect()
    }));
    frees.resize_with(wishes.len(), BTreeSet::new);
    for (at, person) in wishes.iter().enumerate().filter_map(|(at, wish)| Some((at, wish.person?))) {
        wish_of[person] = at as u32;
    }
    let relations = ground.supervisors(&mut wishes, &wish_of, above, findings);
    Settled { wishes, frees, relations }
}

/// Takes out the steps of people for whom the vendor would refuse one, and what needs these.
pub(crate) fn review(given: &Given<'_>, ordered: Ordered, findings: &mut Vec<Finding>) -> Ordered {
    let steps = &ordered.steps;
    let objections: Vec<Finding> = spread(steps.len(), |range| steps[range].iter().flat_map(|step| (given.review)(step)).collect());
    if objections.is_empty() {
        return ordered;
    }
    let refused: HashSet<PersonKey> = objections.iter().filter_map(|finding| finding.person.clone()).collect();
    findings.extend(objections);
    let mut out: HashSet<StepId> = HashSet::new();
    let mut kept = Ordered::default();
    for (step, class) in ordered.steps.into_iter().zip(ordered.classes) {
        if step.person.as_ref().is_some_and(|person| refused.contains(person)) {
            out.insert(step.id);
        } else if step.needs.iter().any(|need| out.contains(need)) {
            out.insert(step.id);
            let what = format!("{} waits for a step that the vendor would refuse; it is left out", step.label);
            let mut finding = Finding::new(FindingKind::Objection, what).in_app(&step.app);
            finding.person.clone_from(&step.person);
            findings.push(finding);
        } else {
            kept.steps.push(step);
            kept.classes.push(class);
        }
    }
    kept
}

/// Names of the groups, departments and content that steps mention, and of the people behind supervisors' accounts.
pub(crate) fn labels(planned: &Planned<'_, '_>, roster: &Roster<'_>, steps: &[Step]) -> BTreeMap<String, String> {
    let reading = planned.scene.reading;
    let groups = reading.groups.iter().map(|group| (group.id.as_str(), group.name.as_str()));
    let departments = reading.departments.iter().map(|department| (department.id.as_str(), department.name.as_str()));
    let content = reading.content.iter().map(|content| (content.id.as_str(), content.name.as_str()));
    let known: HashMap<&str, &str> = groups.chain(departments).chain(content).collect();
    let mut labels = BTreeMap::new();
    let mut add = |id: &str| {
        if labels.contains_key(id) {
            return;
        }
        if let Some(name) = known.get(id) {
            labels.insert(id.to_owned(), (*name).to_owned());
        } else if let Some(owner) = planned.scene.find(id).and_then(|account| planned.bonds.owner(account)) {
            labels.insert(id.to_owned(), roster.human(owner).person.display_name());
        }
    };
    for step in steps {
        step.add_groups.iter().filter_map(Ref::id).for_each(&mut add);
        step.remove_groups.iter().map(Text::as_str).for_each(&mut add);
        step.content.iter().map(Text::as_str).for_each(&mut add);
        for setting in planned
            .scene
            .rules
            .set
            .iter()
            .filter(|setting| matches!(setting.attribute.shape, model::Shape::Department | model::Shape::Supervisor))
        {
            if let Some(Change { before, after }) = step.set.get(&setting.attribute.name) {
                [before, after].into_iter().filter_map(Value::as_text).for_each(&mut add);
            }
        }
    }
    labels
}

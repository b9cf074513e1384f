//! Plans put together from steps that are in order and split, with their inputs and the names that they mention.

use std::collections::{BTreeMap, BTreeSet};

use model::{
    AccountId, AppName, Class, Digest, Effects, Finding, FindingKind, GuardVerdict, Inputs, Link, PLAN_VERSION, PersonKey, Plan,
    Proposal, Ref, Step, Value, Verb, digest_of,
};

use crate::aside;
use crate::guard::{FIRST_RUN, Judged};
use crate::parallel::spread;
use crate::propose::{Given, time_zones};
use crate::render::some_of;
use crate::split::Split;

/// The proposal: each plan with what concerns it, and the findings in their order.
pub(crate) fn assemble(
    given: &Given<'_>,
    split: Split,
    judged: Judged,
    standing: Option<Digest>,
    names: &BTreeMap<AppName, BTreeMap<String, String>>,
    links: Digest,
    mut findings: Vec<Finding>,
) -> Proposal {
    let policy = given.policy.policy();
    let verdicts = judged.verdicts;
    findings.extend(verdicts.iter().filter(|verdict| verdict.tripped).map(holds));
    findings.extend(split.later.iter().map(|step| ghost(FIRST_RUN, step)));
    let mut readings = BTreeMap::from([(format!("source.{}", given.roster.source), given.roster.digest)]);
    readings.extend(given.apps.iter().map(|(app, reading)| (format!("app.{app}"), reading.digest)));
    let inputs = Inputs {
        policy: given.policy.digest,
        readings,
        links,
        earlier: digest_of(&given.earlier.iter().map(|counted| &counted.step).collect::<BTreeSet<_>>()),
        as_of: given.as_of,
        time_zones: time_zones().to_owned(),
        tenants: given.apps.iter().map(|(app, reading)| (app.clone(), reading.fingerprint.clone())).collect(),
        aside: aside::digest(given.aside),
        only: given.only.into_iter().flatten().map(ToString::to_string).collect(),
        first: judged.first,
        standing,
        reverts: None,
    };
    let plan = |class: Class, steps: Vec<Step>, guards: Vec<GuardVerdict>| {
        let mut effects = Effects::new();
        steps.iter().for_each(|step| effects |= step.effects);
        Plan {
            version: PLAN_VERSION,
            organization: policy.organization.name.clone(),
            class,
            inputs: inputs.clone(),
            guards,
            four_eyes: policy.approval.four_eyes.iter().any(|effect| effects.contains(effect)),
            names: mentioned(names, &steps),
            steps,
        }
    };
    let held = split
        .held
        .into_iter()
        .map(|(class, steps)| {
            findings.extend(steps.iter().filter(|step| step.verb == Verb::Leave).map(|step| ghost(&class, step)));
            let own =
                verdicts.iter().filter(|verdict| verdict.tripped && split.classes[&class].contains(&verdict.guard)).cloned().collect();
            plan(Class::Held(class), steps, own)
        })
        .collect();
    let open = plan(Class::Open, split.open, verdicts);
    if let Some(only) = given.only {
        findings.retain(|finding| match &finding.person {
            Some(person) => only.contains(person),
            None => finding.account.is_none(),
        });
    }
    findings.sort_unstable();
    findings.dedup();
    Proposal { open, held, findings }
}

/// The digest of the links that were known, whatever their order.
pub(crate) fn digest_of_links(links: &[Link]) -> Digest {
    let mut links: Vec<(&AppName, &PersonKey, &AccountId)> =
        links.iter().map(|link| (&link.app, &link.person, &link.account)).collect();
    links.sort_unstable();
    digest_of(&links)
}

/// The part of the names that the steps of one plan mention.
pub(crate) fn mentioned(
    names: &BTreeMap<AppName, BTreeMap<String, String>>,
    steps: &[Step],
) -> BTreeMap<AppName, BTreeMap<String, String>> {
    let parts = spread(steps.len(), |range| vec![mentioned_by(names, &steps[range])]);
    let mut all: BTreeMap<AppName, BTreeMap<String, String>> = BTreeMap::new();
    for (app, part) in parts.into_iter().flatten() {
        all.entry(app).or_default().extend(part);
    }
    all
}

fn mentioned_by(names: &BTreeMap<AppName, BTreeMap<String, String>>, steps: &[Step]) -> BTreeMap<AppName, BTreeMap<String, String>> {
    let mut part: BTreeMap<AppName, BTreeMap<String, String>> = BTreeMap::new();
    for step in steps {
        let Some(known) = names.get(&step.app) else { continue };
        let values = step.set.values().flat_map(|change| [&change.before, &change.after]).filter_map(Value::as_text);
        let groups = step.add_groups.iter().filter_map(Ref::id).chain(step.remove_groups.iter().map(model::Text::as_str));
        for id in values.chain(groups).chain(step.content.as_deref()) {
            if let Some(name) = known.get(id)
                && !part.get(&step.app).is_some_and(|part| part.contains_key(id))
            {
                part.entry(step.app.clone()).or_default().insert(id.to_owned(), name.clone());
            }
        }
    }
    part
}

/// What a guard holds, and whom it counted.
fn holds(verdict: &GuardVerdict) -> Finding {
    let within = verdict.within.as_ref().map(|within| format!(" for {within}")).unwrap_or_default();
    let GuardVerdict { guard, app, why, people, .. } = verdict;
    let what = format!("guard {guard} holds{within}: {why}: {}", some_of(people));
    Finding::new(FindingKind::Guard, what).in_app(app).next("look at the people of the held plan, then approve it or correct the cause")
}

/// Somebody left and keeps access as long as this leave is held.
fn ghost(class: &str, step: &Step) -> Finding {
    let (what, next) = if class == "idp_first" {
        (
            "the leave waits until the IdP says that they are gone there".to_owned(),
            "take them out at the IdP first, or the next sync gives the account back",
        )
    } else {
        (format!("the leave is held by {class}"), "look at the people of the held plan, then approve it")
    };
    let mut finding =
        Finding::new(FindingKind::Ghost, format!("the person left and still has access: {what}")).in_app(&step.app).next(next);
    finding.person.clone_from(&step.person);
    finding.account = step.account.as_ref().and_then(Ref::id).map(AccountId::new);
    finding
}

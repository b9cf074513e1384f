//! One app, read, correlated and desired: what is known of it is brought up to date, and whoever may stand elsewhere than before is looked at.

use std::collections::{BTreeSet, HashSet};

use model::{AccountId, AppName, AppReading, Finding, FindingKind, Link, Manifest, PersonKey, Value};

use crate::correlate::{Bond, Bonds, Looks};
use crate::desire::{Act, Desired, View, Wish};
use crate::expr::Machine;
use crate::index::NONE;
use crate::known::{Known, Stale};
use crate::parallel::in_chunks;
use crate::propose::Given;
use crate::roster::{Roster, Stage};
use crate::scene::{Named, Names, Scene};

/// What a planning leaves about one app for the next.
#[derive(Default)]
pub(crate) struct Memory {
    manifest: Option<&'static Manifest>,
    pub(crate) known: Known,
    pub(crate) outcome: Outcome,
}

/// Where everybody stands.
#[derive(Default)]
pub(crate) struct Outcome {
    pub(crate) looks: Looks,
    bonds: Bonds,
    /// By person: what is known of the person at this instant, packed.
    stood: Vec<u64>,
    pub(crate) rest: Vec<Rest>,
    /// By person: the supervisor of those who idle, or [`NONE`].
    pub(crate) above: Vec<u32>,
}

/// Whether anything is to be done or said about a person, apart from other people.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Rest {
    /// Something is: it is worked out anew each time.
    #[default]
    Stirred,
    /// Nothing is.
    Quiet,
    /// Nothing is, if the supervisor's account is what the person's account names; that has to be looked at.
    Idle,
    /// Nothing is, and the account names the supervisor's.
    Settled,
}

impl Memory {
    /// The memory, if it was made for this connector; else none.
    pub(crate) fn of(self, manifest: &'static Manifest) -> Self {
        if self.manifest == Some(manifest) { self } else { Self { manifest: Some(manifest), ..Self::default() } }
    }
}

/// One app.
pub(crate) struct Planned<'g, 'a> {
    pub(crate) scene: Scene<'a>,
    pub(crate) stages: Vec<Stage>,
    pub(crate) bonds: Bonds,
    /// Everybody about whom there is something to do or to say.
    pub(crate) desired: Vec<(usize, Desired)>,
    given: &'g Given<'a>,
}

impl<'g, 'a> Planned<'g, 'a> {
    /// Brings the memory up to date; `moved` are the people whose rows are not what they were.
    pub(crate) fn new(
        given: &'g Given<'a>,
        roster: &Roster<'a>,
        moved: &[u32],
        (app, reading): (&'a AppName, &'a AppReading),
        (known, outcome): (&'a mut Known, &mut Outcome),
        findings: &mut Vec<Finding>,
    ) -> Option<Self> {
        let rules = given.policy.apps.get(app)?;
        let policy = given.policy.policy().apps.get(app)?;
        let names = Names::new(app, policy, rules, reading, findings);
        let links: Vec<&Link> = given.links.iter().filter(|link| &link.app == app).collect();
        let mut stale = known.update(rules, &names, reading, &links, roster, moved);
        let scene = Scene::new(given, app, rules, reading, names, links, known);
        let horizons = roster.horizons(given, policy.before_start);
        let mut stages = vec![Stage::NotYet; roster.len()];
        roster.slots().iter().for_each(|person| stages[*person as usize] = roster.human(*person as usize).stage(&horizons));
        outcome.spoil(roster, &scene, &stages, moved, &mut stale);
        outcome.looks.look(roster, &scene, &stages, &stale.people(roster));
        let bonds = outcome.looks.bonds(roster, &scene, &stages, findings);
        for person in roster.slots().iter().map(|person| *person as usize) {
            stale.people[person] |= outcome.bonds.of.get(person) != Some(&bonds.of[person]);
        }
        outcome.bonds = bonds.clone();
        let mut planned = Self { scene, stages, bonds, desired: Vec::new(), given };
        let people = stale.people(roster);
        let seen = in_chunks(people.len(), |range, machine| {
            people[range].iter().map(|at| planned.see(roster, *at as usize, machine)).collect()
        });
        planned.desired.reserve_exact(seen.iter().filter(|seen| matches!(seen, Seen::Stirred(_))).count());
        for (person, seen) in people.into_iter().map(|person| person as usize).zip(seen) {
            (outcome.rest[person], outcome.above[person]) = match seen {
                Seen::Stirred(mut desired) => {
                    findings.append(&mut desired.findings);
                    planned.desired.push((person, *desired));
                    (Rest::Stirred, NONE)
                }
                Seen::Quiet => (Rest::Quiet, NONE),
                Seen::Idle(supervisor) => (Rest::Idle, supervisor as u32),
            };
        }
        for person in roster.slots().iter().map(|person| *person as usize) {
            if outcome.rest[person] == Rest::Settled && stale.people[outcome.above[person] as usize] {
                outcome.rest[person] = Rest::Idle;
            }
        }
        Some(planned)
    }

    /// One person as policy sees them.
    pub(crate) fn view<'v>(&'v self, roster: &'v Roster<'a>, person: usize) -> View<'v, 'a> {
        View { scene: &self.scene, human: roster.human(person), index: person, stage: self.stages[person], bond: self.bonds.of[person] }
    }

    fn see(&self, roster: &Roster<'a>, person: usize, machine: &Machine) -> Seen {
        if !self.given.includes(roster.key(person)) {
            return Seen::Quiet;
        }
        let desired = self.view(roster, person).desire(machine);
        match &desired.wish {
            _ if !desired.findings.is_empty() || self.bonds.of[person] == Bond::Vanished => Seen::Stirred(Box::new(desired)),
            None => Seen::Quiet,
            Some(wish) => match wish.supervisors.as_slice() {
                [(_, key)] if !wish.changes() && wish.found.is_none() => match roster.find(key) {
                    Some(supervisor) if supervisor != person => Seen::Idle(supervisor),
                    _ => Seen::Stirred(Box::new(desired)),
                },
                _ => Seen::Stirred(Box::new(desired)),
            },
        }
    }

    /// What is said once for the app, not for a person.
    pub(crate) fn app_findings(&self, roster: &Roster<'_>, findings: &mut Vec<Finding>) {
        let scene = &self.scene;
        if let Some(why) = &scene.blind {
            let what = format!("the app may hold accounts that were not seen: {why}; nobody gets an account here");
            findings.push(
                Finding::new(FindingKind::BlindSpot, what)
                    .in_app(scene.name)
                    .next("give the log-in full scope, or state `scope = \"all\"` if it has it"),
            );
        }
        for content in &scene.names.content {
            if let Named::Not(kind, what) = content {
                findings.push(Finding::new(*kind, what.clone()).in_app(scene.name).next("correct the name in [[app.X.enrol]]"));
            }
        }
        let key = scene.rules.manifest.key_attribute;
        for at in scene.known.accounts.order().iter().map(|account| *account as usize).filter(|at| !self.bonds.claimed[*at]) {
            let account = scene.account(at);
            if !account.active {
                continue;
            }
            let held = key
                .and_then(|key| account.attributes.get(key))
                .and_then(Value::as_text)
                .is_some_and(|key| roster.reading.held.contains(&PersonKey::new(key)));
            if !held && scene.protected(account).is_none() {
                let what = "the account matches nobody in the roster";
                let next = "archive it by hand, protect it, or give it the person's key";
                findings.push(Finding::new(FindingKind::Unmanaged, what).in_app(scene.name).of_account(&account.id).next(next));
            }
        }
    }

    /// Linked accounts whose people the roster does not name any more: leavers where policy and the reading allow that, else findings.
    pub(crate) fn absent(
        &self,
        roster: &Roster<'_>,
        wishes: &mut Vec<Wish>,
        gone: &mut Vec<PersonKey>,
        missing: &mut BTreeSet<PersonKey>,
        findings: &mut Vec<Finding>,
    ) {
        let scene = &self.scene;
        let mut links: Vec<(&PersonKey, &AccountId, usize)> = scene
            .known
            .ends()
            .filter(|(_, person, _)| person.is_none())
            .filter_map(|(link, _, account)| Some((&scene.link(link).person, &scene.account(account?).id, account?)))
            .filter(|(person, _, account)| {
                scene.account(*account).active && !roster.reading.held.contains(*person) && self.given.includes(person)
            })
            .collect();
        links.sort_unstable();
        if roster.blind.is_some() {
            return;
        }
        for (person, _, at) in links {
            let account = scene.account(at);
            let finding = |kind, what: &str| Finding::new(kind, what).in_app(scene.name).about(person).of_account(&account.id);
            if !(roster.absent_leaves && scene.policy.leave) {
                let what =
                    "the account's person is not in the roster any more, and nothing says that they left; the account stays as it is";
                findings.push(finding(FindingKind::Orphan, what).next("say in the source that they left, or set absent = \"leave\""));
                missing.insert(person.clone());
            } else if let Some(why) = scene.protected(account) {
                let what = format!("the account is protected ({why}) and stays as it is; policy would take its access");
                findings.push(finding(FindingKind::Protected, &what));
            } else {
                let mut wish = Wish::new(None, Some(at), Act::Leave);
                wish.reason = "leaver: not in the roster any more".into();
                wishes.push(wish);
                gone.push(person.clone());
            }
        }
    }
}

/// What policy wants for one person, as far as it has to be remembered.
enum Seen {
    Stirred(Box<Desired>),
    Quiet,
    Idle(usize),
}

impl Stale {
    /// The people of the roster who are named.
    fn people(&self, roster: &Roster<'_>) -> Vec<u32> {
        roster.slots().iter().copied().filter(|person| self.people[*person as usize]).collect()
    }
}

impl Outcome {
    /// Adds to the people who may stand elsewhere than before all those for whom more than their own row, link and account is different,
    /// and those about whom there was something to do or to say.
    fn spoil(&mut self, roster: &Roster<'_>, scene: &Scene<'_>, stages: &[Stage], moved: &[u32], stale: &mut Stale) {
        let rules = scene.rules.matching.len();
        self.rest.resize(roster.len(), Rest::Stirred);
        self.above.resize(roster.len(), NONE);
        self.stood.resize(roster.len(), u64::MAX);
        let mut other = vec![false; roster.len()];
        for person in moved.iter().map(|person| *person as usize) {
            other[person] = true;
            self.rest[person] = Rest::Stirred;
            self.above[person] = NONE;
            self.looks.forget(person, rules);
        }
        for account in &stale.accounts {
            if let Some(owner) = self.bonds.owner(*account as usize) {
                stale.people[owner] = true;
            }
        }
        let looked_up: Vec<Option<&HashSet<u64>>> = scene
            .rules
            .matching
            .iter()
            .map(|rule| stale.values.get(scene.known.attribute(&rule.attribute, rule.compare)?).filter(|values| !values.is_empty()))
            .collect();
        let looks_for = |person: usize| {
            let values = self.looks.values(person, rules).iter().zip(&looked_up);
            values.filter(|(value, _)| **value != 0).any(|(value, moved)| moved.is_some_and(|moved| moved.contains(value)))
        };
        let tenure = scene.rules.names.reads_tenure();
        for person in roster.slots().iter().map(|person| *person as usize) {
            let human = roster.human(person);
            let days = if tenure { human.tenure_days() as u32 } else { 0 };
            let stood = u64::from(human.held.is_some()) << 40 | (stages[person] as u64) << 36 | u64::from(days);
            let above = self.above[person];
            stale.people[person] = stale.people[person]
                || stale.all
                || self.rest[person] == Rest::Stirred
                || self.stood[person] != stood
                || (above != NONE && other[above as usize])
                || looks_for(person);
            self.stood[person] = stood;
        }
    }
}

//! What has to be asked of an app when some people only are planned for.
//!
//! Whatever decides about a person is asked for: the linked account, the accounts that the match rules find or found, those that hold a
//! value which only one account may have, and the same of supervisors and of whoever else lays claim to one of these accounts.  What is
//! asked for follows from what is known, so it is asked again with the answers until nothing new comes up.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use model::{AccountId, AppName, AppReading, Compare, On, PersonKey, Shape, Text, Value};

use crate::Compiled;
use crate::compiled::Matching;
use crate::correlate::facts;
use crate::expr::{Machine, Scope};
use crate::hash;
use crate::planned::{Memory, Planned};
use crate::propose::{Given, Planner};
use crate::roster::Roster;
use crate::text::comparable;

/// What has to be asked of one app about its accounts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Lookups {
    /// Accounts by their ids.
    pub ids: BTreeSet<AccountId>,
    /// Attribute → values.
    pub values: BTreeMap<String, BTreeSet<String>>,
    /// The accounts of the people who are named, as far as they are known; they are among `ids`.
    pub own: BTreeSet<AccountId>,
}

/// What has to be asked of each app about the people who are named ([`Given::only`]), as far as it follows from what is given.
pub fn lookups(given: &Given<'_>) -> BTreeMap<AppName, Lookups> {
    let work = |given: &Given<'_>, roster: &Roster<'_>, moved: &[u32], app: (&AppName, &AppReading), memory: &mut Memory| {
        let Memory { known, outcome, .. } = memory;
        let planned = Planned::new(given, roster, moved, app, (known, outcome), &mut Vec::new())?;
        let values_of = |person, rules| outcome.looks.values(person, rules);
        let machine = Machine::new();
        let mut round = Round { planned: &planned, roster, machine: &machine, known: HashSet::new(), told: Lookups::default() };
        round.people(given.only.into_iter().flatten(), values_of);
        Some(round.told)
    };
    Planner::default().round(given, &mut Vec::new(), work, |_, parts, _| {
        parts.into_iter().filter_map(|(app, told)| Some((app.clone(), told?))).collect()
    })
}

impl Compiled {
    /// The attributes by which an app has to be asked for accounts when some people only are planned for: those of the match rules, and
    /// those that only one account may have.
    pub fn looks_by(&self, app: &AppName) -> BTreeSet<&str> {
        let rules = self.apps.get(app).into_iter();
        rules
            .flat_map(|rules| {
                let unique = rules.set.iter().filter(|setting| setting.attribute.unique).map(|setting| &setting.attribute.name);
                rules.matching.iter().map(|rule| &rule.attribute).chain(unique).map(String::as_str)
            })
            .collect()
    }
}

/// One going over what is known.
struct Round<'r, 'a> {
    planned: &'r Planned<'r, 'a>,
    roster: &'r Roster<'a>,
    machine: &'r Machine,
    /// The people who were looked at.
    known: HashSet<usize>,
    told: Lookups,
}

impl<'r> Round<'r, '_> {
    fn people<'k, 'l>(&mut self, named: impl Iterator<Item = &'k PersonKey>, values_of: impl Fn(usize, usize) -> &'l [u64]) {
        let mut others = Vec::new();
        for key in named {
            match self.roster.find(key.as_str()) {
                Some(person) => others.extend(self.named(person)),
                None => self.linked(key.as_str()),
            }
        }
        loop {
            others.extend(self.claimants(&values_of));
            if others.is_empty() {
                return;
            }
            for person in others.drain(..) {
                if self.known.insert(person) && !self.bound(person) {
                    self.matching(person);
                }
            }
        }
    }

    /// What decides about somebody named, and who the supervisors are.
    fn named(&mut self, person: usize) -> Vec<usize> {
        self.known.insert(person);
        self.bound(person);
        self.matching(person);
        let scene = &self.planned.scene;
        let account = self.planned.bonds.of[person].account();
        if let Some(account) = account {
            self.told.own.insert(scene.account(account).id.clone());
        }
        let scope = Scope::new(self.machine, &scene.rules.names, facts(self.roster.human(person), self.planned.stages[person]));
        let mut supervisors = Vec::new();
        for setting in &scene.rules.set {
            let (name, shape) = (&setting.attribute.name, setting.attribute.shape);
            let Ok(text) = setting.value.text_of(&scope) else { continue };
            if shape == Shape::Supervisor {
                match self.roster.find(&text) {
                    Some(supervisor) => supervisors.push(supervisor),
                    None => self.linked(&text),
                }
            } else if setting.attribute.unique && !(setting.on == On::Create && account.is_some()) {
                self.value(name, Compare::Folded, text);
            }
        }
        supervisors
    }

    /// Asks for the linked account of somebody.
    fn linked(&mut self, key: &str) {
        if let Some(link) = self.planned.scene.link_of(key) {
            self.told.ids.insert(link.account.clone());
        }
    }

    /// The same for somebody in the roster; whether there is a link.
    fn bound(&mut self, person: usize) -> bool {
        let scene = &self.planned.scene;
        let Some(link) = scene.known.link_of(person) else { return false };
        self.told.ids.insert(scene.link(link).account.clone());
        true
    }

    /// Asks for what the match rules look for.
    fn matching(&mut self, person: usize) {
        let scene = &self.planned.scene;
        let scope = Scope::new(self.machine, &scene.rules.names, facts(self.roster.human(person), self.planned.stages[person]));
        for rule in &scene.rules.matching {
            if let Ok(text) = rule.value.text_of(&scope) {
                self.value(&rule.attribute, rule.compare, text);
            }
        }
    }

    /// Asks for a value, and for the accounts that are known to have it: they may have it no more.
    fn value(&mut self, name: &str, compare: Compare, text: Text) {
        let scene = &self.planned.scene;
        let value = Value::text(text.clone());
        if comparable(&value, compare).is_none() {
            return;
        }
        if let Some(attribute) = scene.known.attribute(name, compare) {
            let accounts = scene.with_value(attribute, (name, compare), &value);
            self.told.ids.extend(accounts.map(|account| scene.account(account).id.clone()));
        }
        self.told.values.entry(name.to_owned()).or_default().insert(text.into());
    }

    /// The people, but those looked at, whose match rules find an account that is asked for and that nobody is linked to.
    fn claimants<'l>(&self, values_of: &impl Fn(usize, usize) -> &'l [u64]) -> Vec<usize> {
        let scene = &self.planned.scene;
        let found = self.told.ids.iter().filter_map(|id| scene.find(id.as_str()));
        let free: Vec<_> = found.filter(|account| !scene.known.is_linked(*account)).map(|account| scene.account(account)).collect();
        if free.is_empty() {
            return Vec::new();
        }
        let carried = |rule: &Matching| -> HashSet<u64> {
            let values = free.iter().filter_map(|account| account.attributes.get(rule.attribute.as_str()));
            values.filter_map(|value| hash::of_comparable(value, rule.compare)).collect()
        };
        let carried: Vec<HashSet<u64>> = scene.rules.matching.iter().map(carried).collect();
        let finds = |person: &usize| values_of(*person, carried.len()).iter().zip(&carried).any(|(hash, of)| of.contains(hash));
        self.roster.slots().iter().map(|person| *person as usize).filter(|person| !self.known.contains(person)).filter(finds).collect()
    }
}

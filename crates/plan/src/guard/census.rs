//! Denominators: how many people had an active managed account before the window, in an app, a department or a group.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use model::{By, Effect, GuardRule, PersonKey};

use super::counted::Counted;
use crate::Given;
use crate::planned::Planned;
use crate::roster::Roster;

/// Who has access, and is in which managed group, before this proposal.
#[derive(Default)]
pub(crate) struct Census {
    /// How many people have an active managed account (linked, or matched by policy).
    pub(super) active: u64,
    /// The same, by the number of their department; nobody knows the department of those who are not in the roster.
    departments: Vec<u64>,
    /// The same, by managed group.
    groups: BTreeMap<String, u64>,
    /// Which of the people whom earlier steps name have one.
    earlier: HashMap<PersonKey, Now>,
}

/// Where somebody is counted who has an active account now.
struct Now {
    department: String,
    groups: BTreeSet<String>,
}

impl Census {
    pub(crate) fn new(given: &Given<'_>, roster: &Roster<'_>, planned: &Planned<'_, '_>) -> Self {
        let scene = &planned.scene;
        let named: HashSet<&PersonKey> = given.earlier.iter().filter_map(|counted| counted.person.as_ref()).collect();
        let by_group = given.policy.policy().guards.values().any(|guard| guard.by == By::Group);
        let mut census = Self::default();
        let here = roster.slots().iter().map(|person| *person as usize).filter_map(|person| {
            let account = planned.bonds.of[person].account().filter(|account| planned.bonds.owner(*account) == Some(person))?;
            Some((roster.key(person), Some(person), account))
        });
        let absent = scene.known.ends().filter(|(_, person, _)| person.is_none());
        let absent = absent.filter_map(|(link, _, account)| Some((&scene.link(link).person, None, account?)));
        for (person, slot, account) in here.chain(absent).filter(|(_, _, account)| scene.account(*account).active) {
            census.active += 1;
            let department = slot.map_or(0, |slot| roster.department(slot)) as usize;
            if census.departments.len() <= department {
                census.departments.resize(department + 1, 0);
            }
            census.departments[department] += 1;
            let named = named.contains(person);
            if !by_group && !named {
                continue;
            }
            let groups = scene.member_of(account);
            for group in &groups {
                let name = &scene.names.groups[*group].name;
                match census.groups.get_mut(name) {
                    Some(count) => *count += 1,
                    None => drop(census.groups.insert(name.clone(), 1)),
                }
            }
            if named {
                let department = slot.map_or("", |slot| roster.human(slot).person.get("department")).to_owned();
                let groups = groups.iter().map(|group| scene.names.groups[*group].name.clone()).collect();
                census.earlier.insert(person.clone(), Now { department, groups });
            }
        }
        census
    }

    /// How many there are now.
    fn now(&self, within: &str, by: By, roster: &Roster<'_>) -> u64 {
        match by {
            By::App => self.active,
            By::Department => {
                let number = roster.department_named(within);
                number.and_then(|number| self.departments.get(number as usize)).copied().unwrap_or_default()
            }
            By::Group => self.groups.get(within).copied().unwrap_or_default(),
        }
    }
}

/// What a window changed in one app: by how much more there were before it, in each group or department ("" for the app).
pub(super) struct Before<'x> {
    census: Option<&'x Census>,
    by: By,
    more: HashMap<&'x str, i64>,
}

impl<'x> Before<'x> {
    /// `earlier` are the earlier steps of the app within the window.  Where the app is `fresh` (our first run there is in the window, or
    /// there was none), nothing was there before it: then whoever was given an account stays in the count.
    pub(super) fn new(rule: &GuardRule, census: Option<&'x Census>, earlier: &[&'x Counted], fresh: bool) -> Self {
        // What was first done to somebody (in a group) tells how it was before: who lost access first had it.
        let mut first: HashMap<(&str, &str), (Timestamp, bool, &Counted)> = HashMap::new();
        let mut note = |within: &'x str, counted: &'x Counted, taken: bool| {
            let Some(person) = counted.person.as_ref() else { return };
            let event = (counted.at, !taken, counted);
            let known = first.entry((within, person.as_str())).or_insert(event);
            if (event.0, event.1) < (known.0, known.1) {
                *known = event;
            }
        };
        for counted in earlier {
            if rule.by == By::Group {
                counted.groups_lost.iter().for_each(|group| note(group, counted, true));
                counted.groups_gained.iter().for_each(|group| note(group, counted, false));
                continue;
            }
            if counted.effects.contains(&Effect::AccessLost) {
                note("", counted, true);
            }
            if counted.effects.contains(&Effect::AccessGiven) {
                note("", counted, false);
            }
        }
        let mut more: HashMap<&'x str, i64> = HashMap::new();
        for ((group, person), (_, given, counted)) in first {
            let now = census.and_then(|census| census.earlier.get(person));
            let now = now.filter(|now| rule.by != By::Group || now.groups.contains(group));
            let within = |department: &'x str| match rule.by {
                By::Department => department,
                By::App | By::Group => group,
            };
            if let Some(now) = now
                && !(fresh && given)
            {
                *more.entry(within(&now.department)).or_default() -= 1;
            }
            if !given {
                *more.entry(within(counted.department.as_deref().unwrap_or_default())).or_default() += 1;
            }
        }
        Self { census, by: rule.by, more }
    }

    /// Active managed accounts before the window.
    pub(super) fn accounts(&self, within: &str, roster: &Roster<'_>) -> u64 {
        let now = self.census.map_or(0, |census| census.now(within, self.by, roster));
        now.saturating_add_signed(self.more.get(within).copied().unwrap_or_default())
    }
}

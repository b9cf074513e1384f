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
    /// Which of the people whom earlier steps name have an account, active or not.
    earlier: HashMap<PersonKey, Now>,
}

/// Where somebody is who has an account.
struct Now {
    active: bool,
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
        for (person, slot, account) in here.chain(absent) {
            let (active, named) = (scene.account(account).active, named.contains(person));
            if active {
                census.active += 1;
                let department = slot.map_or(0, |slot| roster.department(slot)) as usize;
                if census.departments.len() <= department {
                    census.departments.resize(department + 1, 0);
                }
                census.departments[department] += 1;
            }
            if !(named || active && by_group) {
                continue;
            }
            let groups = scene.member_of(account);
            for group in groups.iter().filter(|_| active) {
                let name = &scene.names.groups[*group].name;
                match census.groups.get_mut(name) {
                    Some(count) => *count += 1,
                    None => drop(census.groups.insert(name.clone(), 1)),
                }
            }
            if named {
                let department = slot.map_or("", |slot| roster.human(slot).person.get("department")).to_owned();
                let groups = groups.iter().map(|group| scene.names.groups[*group].name.clone()).collect();
                census.earlier.insert(person.clone(), Now { active, department, groups });
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

/// What was done first, by whom or what it was done to: when, whether it gave (rather than took), and by which step.
type First<'x> = HashMap<&'x str, (Timestamp, bool, &'x Counted)>;

/// Notes something that was done, where nothing else was done before; of two things at one time, that which took.
fn note<'x>(first: &mut First<'x>, to: &'x str, counted: &'x Counted, taken: bool) {
    let event = (counted.at, !taken, counted);
    let known = first.entry(to).or_insert(event);
    if (event.0, event.1) < (known.0, known.1) {
        *known = event;
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
        // What was first done to somebody tells how it was before: who lost access, or a membership, first had it.
        let (mut access, mut members) = (First::new(), BTreeMap::<&str, First<'_>>::new());
        for counted in earlier {
            let Some(person) = counted.person.as_ref() else { continue };
            let groups = if rule.by == By::Group { members.entry(person.as_str()).or_default() } else { &mut First::new() };
            counted.groups_lost.iter().for_each(|group| note(groups, group, counted, true));
            counted.groups_gained.iter().for_each(|group| note(groups, group, counted, false));
            if counted.effects.contains(&Effect::AccessLost) {
                note(&mut access, person.as_str(), counted, true);
            }
            if counted.effects.contains(&Effect::AccessGiven) {
                note(&mut access, person.as_str(), counted, false);
            }
        }
        let was = |first: Option<&(Timestamp, bool, &Counted)>, now: bool| match first {
            None => now,
            Some((_, given, _)) => !given || (fresh && now),
        };
        let mut more: HashMap<&'x str, i64> = HashMap::new();
        if rule.by == By::Group {
            for (person, events) in &members {
                let now = census.and_then(|census| census.earlier.get(*person));
                let active = now.is_some_and(|now| now.active);
                let had = was(access.get(person), active);
                let theirs = now.into_iter().flat_map(|now| now.groups.iter().map(String::as_str));
                for group in events.keys().copied().chain(theirs).collect::<BTreeSet<_>>() {
                    let member = now.is_some_and(|now| now.groups.contains(group));
                    let before = had && was(events.get(group), member);
                    *more.entry(group).or_default() += i64::from(before) - i64::from(active && member);
                }
            }
            return Self { census, by: rule.by, more };
        }
        for (person, first) in &access {
            let by_department = |department: &'x str| if rule.by == By::Department { department } else { "" };
            let now = census.and_then(|census| census.earlier.get(*person)).filter(|now| now.active);
            if let Some(now) = now {
                *more.entry(by_department(&now.department)).or_default() -= 1;
            }
            if was(Some(first), now.is_some()) {
                let department = now.filter(|_| first.1).map_or(first.2.department.as_deref(), |now| Some(&now.department));
                *more.entry(by_department(department.unwrap_or_default())).or_default() += 1;
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

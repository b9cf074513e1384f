//! Guards: effects counted over a rolling window, in this proposal and in the runs and pending plans before it (F02, F10).
//!
//! What is counted is people: somebody whom two steps, or a pending plan and this one, do the same to counts once in an app (a new group or
//! department counts by itself).  So a count means the same as the accounts that a percentage is of.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use jiff::Timestamp;
use model::{AppName, By, Effect, Effects, GuardRule, GuardVerdict, PersonKey, Plan, SourceReading, Step, StepId};
use serde::{Deserialize, Serialize};

use crate::Given;
use crate::planned::Planned;
use crate::roster::{Roster, percent_text};

/// What guards need to remember of a step of an earlier run or of a plan that is pending.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counted {
    /// Which step.
    pub step: StepId,
    /// In which app.
    pub app: AppName,
    /// What it did, or will do.
    pub effects: Effects,
    /// To whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// The person's department in the roster then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub department: Option<String>,
    /// Names of the groups that were added.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups_gained: Vec<String>,
    /// Names of the groups that were removed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups_lost: Vec<String>,
    /// When, on the clock that the as-of of plans is on; a step that may still happen counts as happening now.
    pub at: Timestamp,
}

/// What guards will need to remember of the plans of a proposal: to be kept beside each as long as it is pending, and beside its run for the
/// longest window of any guard (of the steps that were done).
pub struct Counting<'p> {
    /// Person → department, in the reading that the plans were made from.
    departments: HashMap<&'p PersonKey, &'p str>,
    /// Steps that make something → what it is called.
    labels: HashMap<&'p StepId, &'p str>,
}

impl<'p> Counting<'p> {
    /// `roster` is the reading that the plans were made from.
    pub fn new(plans: impl Iterator<Item = &'p Plan>, roster: &'p SourceReading) -> Self {
        let department = |person: &'p model::Person| Some((&person.key, person.attributes.get("department")?.as_str()));
        Self { departments: roster.people.iter().filter_map(department).collect(), labels: labels(plans.flat_map(|plan| &plan.steps)) }
    }

    /// One step of one of these plans; `at` is the plan's as-of.
    pub fn of(&self, plan: &Plan, step: &Step) -> Counted {
        let (groups_gained, groups_lost) = groups(step, plan.names.get(&step.app), &self.labels);
        Counted {
            step: step.id,
            app: step.app.clone(),
            effects: step.effects,
            person: step.person.clone(),
            department: step.person.as_ref().and_then(|key| self.departments.get(key)).map(|name| (*name).to_owned()),
            groups_gained,
            groups_lost,
            at: plan.inputs.as_of,
        }
    }
}

/// What the steps that have no person make.
fn labels<'s>(steps: impl Iterator<Item = &'s Step>) -> HashMap<&'s StepId, &'s str> {
    steps.filter(|step| step.person.is_none()).map(|step| (&step.id, step.label.as_str())).collect()
}

/// Names of the groups that a step adds and removes.
fn groups(step: &Step, names: Option<&BTreeMap<String, String>>, labels: &HashMap<&StepId, &str>) -> (Vec<String>, Vec<String>) {
    let name = |id: &str| names.and_then(|names| names.get(id)).cloned().unwrap_or_else(|| id.to_owned());
    let gained = step.add_groups.iter().map(|group| match group {
        model::Ref::Id(id) => name(id),
        model::Ref::CreatedBy { created_by } => {
            labels.get(created_by).map_or_else(|| created_by.to_string(), |label| (*label).to_owned())
        }
    });
    (gained.collect(), step.remove_groups.iter().map(|id| name(id)).collect())
}

/// Who had access, and was in which managed group, before this proposal: the denominators.
#[derive(Default)]
pub(crate) struct Census {
    /// How many people have an active managed account (linked, or matched by policy).
    active: u64,
    /// The same, by the number of their department; nobody knows the department of those who are not in the roster.
    departments: Vec<u64>,
    /// The same, by managed group.
    groups: BTreeMap<String, u64>,
    /// Which of the people whom earlier steps name have one, and the managed groups that they are in.
    earlier: HashMap<PersonKey, BTreeSet<String>>,
}

impl Census {
    pub(crate) fn new(given: &Given<'_>, roster: &Roster<'_>, planned: &Planned<'_, '_>) -> Self {
        let scene = &planned.scene;
        let named: HashSet<&PersonKey> = given.earlier.iter().filter_map(|counted| counted.person.as_ref()).collect();
        let by_group = given.policy.policy().guards.values().any(|guard| guard.by == By::Group);
        let mut census = Self::default();
        let here = roster.slots().iter().map(|person| *person as usize).filter_map(|person| {
            let account = planned.bonds.of[person].account().filter(|account| planned.bonds.owner(*account) == Some(person))?;
            Some((roster.key(person), roster.department(person), account))
        });
        let absent = scene.known.ends().filter(|(_, person, _)| person.is_none());
        let absent = absent.filter_map(|(link, _, account)| Some((&scene.link(link).person, 0, account?)));
        for (person, department, account) in here.chain(absent).filter(|(_, _, account)| scene.account(*account).active) {
            census.active += 1;
            let department = department as usize;
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
                census.earlier.insert(person.clone(), groups.iter().map(|group| scene.names.groups[*group].name.clone()).collect());
            }
        }
        census
    }
}

/// One thing that is counted: a guard, an app, and a group or department where the guard goes by one.
type Bucket<'s> = (&'s AppName, Option<String>);

/// Counts, and says for every step which guards hold it.
pub(crate) fn judge(
    given: &Given<'_>,
    roster: &Roster<'_>,
    census: &BTreeMap<&AppName, Census>,
    names: &BTreeMap<AppName, BTreeMap<String, String>>,
    steps: &[Step],
) -> (Vec<GuardVerdict>, Vec<BTreeSet<String>>) {
    let mut verdicts = Vec::new();
    let mut held: Vec<BTreeSet<String>> = vec![BTreeSet::new(); steps.len()];
    if given.policy.policy().guards.is_empty() {
        return (verdicts, held);
    }
    let labels = labels(steps.iter());
    let department = |person: Option<&PersonKey>| {
        let name = person.and_then(|key| roster.find(key.as_str())).map_or("", |at| roster.human(at).person.get("department"));
        (!name.is_empty()).then(|| name.to_owned())
    };
    for (guard, rule) in &given.policy.policy().guards {
        let since = given.as_of.as_second().saturating_sub(rule.window);
        let earlier: BTreeMap<&StepId, &Counted> =
            given.earlier.iter().filter(|counted| counted.at.as_second() > since).map(|counted| (&counted.step, counted)).collect();
        let mut buckets: BTreeMap<Bucket<'_>, Vec<usize>> = BTreeMap::new();
        for (at, step) in steps.iter().enumerate().filter(|(_, step)| step.effects.contains(&rule.effect)) {
            let within: Vec<Option<String>> = match rule.by {
                By::App => vec![None],
                By::Department => vec![Some(department(step.person.as_ref()).unwrap_or_default())],
                By::Group => {
                    let (gained, lost) = groups(step, names.get(&step.app), &labels);
                    (if rule.effect == Effect::GroupLost { lost } else { gained }).into_iter().map(Some).collect()
                }
            };
            for within in within {
                buckets.entry((&step.app, within)).or_default().push(at);
            }
        }
        for ((app, within), members) in buckets {
            let belongs = |counted: &Counted| match (&within, rule.by) {
                (Some(name), By::Department) => counted.department.as_deref().unwrap_or_default() == name,
                (Some(name), By::Group) => counted.groups_lost.contains(name) || counted.groups_gained.contains(name),
                _ => true,
            };
            let before: Vec<&Counted> = earlier.values().copied().filter(|counted| &counted.app == app && belongs(counted)).collect();
            // People are counted, not steps: who is updated and related loses and gains once.  What has no person counts by itself.
            let mut subjects: BTreeSet<Result<&str, StepId>> =
                members.iter().map(|at| subject(steps[*at].person.as_ref(), &steps[*at].id)).collect();
            for counted in &before {
                let same = match (&within, rule.by, rule.effect) {
                    (Some(name), By::Group, Effect::GroupLost) => counted.groups_lost.contains(name),
                    (Some(name), By::Group, _) => counted.groups_gained.contains(name),
                    _ => counted.effects.contains(&rule.effect),
                };
                if same {
                    subjects.insert(subject(counted.person.as_ref(), &counted.step));
                }
            }
            let count = subjects.len() as u64;
            let accounts = accounts(census.get(app), rule, within.as_deref(), &before, roster);
            let (tripped, why) = verdict(rule, count, accounts);
            if tripped {
                for at in members {
                    held[at].insert(guard.clone());
                }
            }
            verdicts.push(GuardVerdict {
                guard: guard.clone(),
                app: app.clone(),
                within,
                count,
                accounts,
                tripped,
                why,
                people: Vec::new(),
            });
        }
    }
    (verdicts, held)
}

/// Whom an effect counts for: the person, else the step by itself.
fn subject<'s>(person: Option<&'s PersonKey>, step: &StepId) -> Result<&'s str, StepId> {
    person.map(PersonKey::as_str).ok_or(*step)
}

/// Active managed accounts before the window: those of today, less what was given within it, and what was taken.
fn accounts(census: Option<&Census>, rule: &GuardRule, within: Option<&str>, before: &[&Counted], roster: &Roster<'_>) -> u64 {
    let Some(census) = census else { return 0 };
    let mut count = match (rule.by, within) {
        (By::Group, Some(name)) => census.groups.get(name).copied().unwrap_or_default(),
        (By::Department, Some(name)) => {
            let counted = roster.department_named(name).and_then(|number| census.departments.get(number as usize));
            counted.copied().unwrap_or_default()
        }
        _ => census.active,
    };
    let is_now = |person: &str| match (rule.by, within) {
        (By::Group, Some(name)) => census.earlier.get(person).is_some_and(|groups| groups.contains(name)),
        _ => census.earlier.contains_key(person),
    };
    let mut gained = HashSet::new();
    let mut lost = HashSet::new();
    for counted in before {
        let Some(person) = counted.person.as_ref().map(PersonKey::as_str) else { continue };
        let (given, taken) = match (rule.by, within) {
            (By::Group, Some(name)) => {
                (counted.groups_gained.iter().any(|group| group == name), counted.groups_lost.iter().any(|group| group == name))
            }
            _ => (counted.effects.contains(&Effect::AccessGiven), counted.effects.contains(&Effect::AccessLost)),
        };
        if given && is_now(person) {
            gained.insert(person);
        }
        if taken && !is_now(person) {
            lost.insert(person);
        }
    }
    count += lost.len() as u64;
    count.saturating_sub(gained.len() as u64)
}

/// `n > exempt && (n > max || n / accounts > percent)`, and the comparison in words.
fn verdict(rule: &GuardRule, count: u64, accounts: u64) -> (bool, String) {
    if count <= rule.exempt {
        return (false, format!("{count}, and up to {} never wait", rule.exempt));
    }
    let share = |milli: u64| u128::from(count) * 100_000 > u128::from(milli) * u128::from(accounts);
    let percent = match (u128::from(count) * 1000 + u128::from(accounts) / 2).checked_div(u128::from(accounts)) {
        Some(tenths) => format!("{count} of {accounts} ({}.{}%)", tenths / 10, tenths % 10),
        None => format!("{count} of 0"),
    };
    let over_max = rule.max.filter(|max| count > *max).map(|max| format!("{count} > {max}"));
    let over_share = rule.percent_milli.filter(|milli| share(*milli)).map(|milli| format!("{percent} > {}%", percent_text(milli)));
    let over: Vec<String> = over_max.into_iter().chain(over_share).collect();
    if over.is_empty() {
        let limits: Vec<String> = rule
            .max
            .map(|max| max.to_string())
            .into_iter()
            .chain(rule.percent_milli.map(|milli| format!("{}%", percent_text(milli))))
            .collect();
        let limits = if limits.is_empty() { "no limit is set".to_owned() } else { format!("not more than {}", limits.join(" or ")) };
        return (false, format!("{percent}: {limits}"));
    }
    let exempt = if rule.exempt > 0 { format!("{count} > {} and ", rule.exempt) } else { String::new() };
    (true, format!("{exempt}{}", over.join(" and ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rule(exempt: u64, max: Option<u64>, percent_milli: Option<u64>) -> GuardRule {
        GuardRule { effect: Effect::AccessLost, by: By::App, exempt, max, percent_milli, window: 86_400 }
    }

    #[test]
    fn a_guard_trips_beyond_its_exemption_and_beyond_a_limit() {
        for (exempt, max, percent, count, accounts, trips) in [
            (5, Some(50), Some(3000), 5, 10, false),
            (5, Some(50), Some(3000), 6, 10, true),
            (5, Some(50), Some(3000), 6, 200, false),
            (5, Some(50), Some(3000), 7, 200, true),
            (5, Some(50), Some(3000), 50, 100_000, false),
            (5, Some(50), Some(3000), 51, 100_000, true),
            (0, Some(0), None, 1, 1_000_000, true),
            (0, None, Some(20_000), 1, 5, false),
            (0, None, Some(20_000), 1, 4, true),
            (0, None, Some(20_000), 1, 0, true),
            (0, None, None, 1_000, 1, false),
        ] {
            let (tripped, why) = verdict(&rule(exempt, max, percent), count, accounts);
            assert_eq!(tripped, trips, "{count} of {accounts}: {why}");
        }
    }

    #[test]
    fn the_comparison_is_said_in_words() {
        assert_eq!(verdict(&rule(5, Some(50), Some(3000)), 12, 180).1, "12 > 5 and 12 of 180 (6.7%) > 3%");
        assert_eq!(verdict(&rule(5, Some(50), Some(3000)), 4, 180).1, "4, and up to 5 never wait");
        assert_eq!(verdict(&rule(5, Some(50), Some(3000)), 6, 1800).1, "6 of 1800 (0.3%): not more than 50 or 3%");
    }
}

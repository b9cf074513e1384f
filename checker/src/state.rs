//! C4: the end state is what roster and policy say, by the checker's own reading of both; and what policy does not own was
//! not touched (P8).

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use serde_json::Value;

use crate::expect::{Desire, Person, Standing, desire};
use crate::inputs::{PlanFile, Verb};
use crate::policy::{Config, Vendor};
use crate::replay::{Account, Part, id_text, is_empty};
use crate::report::Report;
use crate::rules::{Case, Matched, folds};

/// What C4 compares with.
#[derive(Debug)]
pub struct Roster<'a> {
    /// The configuration.
    pub config: &'a Config,
    /// The people.
    pub people: &'a BTreeMap<String, Person>,
    /// The instant.
    pub as_of: Timestamp,
    /// Keys of people who are left out.
    pub except: &'a BTreeSet<String>,
}

/// Which account is whose, by the configured rules.
pub type Owners<'a> = HashMap<&'a str, Vec<&'a str>>;

/// Compares an app's end state with roster and policy.
///
/// # Errors
/// A policy expression cannot be evaluated.
pub fn compare(
    case: &Case<'_>,
    roster: &Roster<'_>,
    plans: &[PlanFile],
    matched: &Matched<'_>,
    report: &mut Report,
) -> Result<(), String> {
    only_owned(case, report);
    let owners = owners(case, roster)?;
    let born: HashMap<&str, usize> = matched
        .jobs
        .iter()
        .filter(|job| job.step.verb == Verb::Create)
        .filter_map(|job| Some((job.account.as_deref()?, job.plan)))
        .collect();
    let mut compared = 0;
    let mut left_out = BTreeMap::<&str, usize>::new();
    let mut unnamed = BTreeSet::new();
    for person in roster.people.values() {
        if roster.except.contains(&person.key) {
            *left_out.entry("held or excepted").or_default() += 1;
            continue;
        }
        let standing = person.standing(case.policy, roster.as_of);
        if standing == Standing::Unclear {
            *left_out.entry("whose row contradicts itself").or_default() += 1;
            continue;
        }
        let accounts = owners.get(person.key.as_str()).map(Vec::as_slice).unwrap_or_default();
        if accounts.len() > 1 {
            *left_out.entry("to whom several accounts belong").or_default() += 1;
            continue;
        }
        let own = accounts.first().and_then(|id| Some((*id, case.world.accounts.get(*id)?)));
        if own.is_some_and(|(_, account)| account.protected(&case.policy.protect).is_some()) {
            *left_out.entry("whose account is protected").or_default() += 1;
            continue;
        }
        compared += 1;
        let context = person.context(roster.config, standing == Standing::Here, roster.as_of);
        let who = case.policy.who.value(&context).map_err(|error| format!("person {}: {error}", person.key))?;
        let should = standing == Standing::Here && who == Value::Bool(true);
        let mut wrong =
            |name: &'static str, what: String| report.violation("C4", name, case.name, format!("person {}: {what}", person.key));
        match (should, own) {
            (true, None) => wrong("missing_account", "has no account".to_owned()),
            (true, Some((id, account))) => {
                if !account.active {
                    wrong("inactive_account", format!("account {id} is inactive"));
                }
                let wanted = desire(case.policy, person, &context)?;
                let at_birth = born.get(id).is_some_and(|plan| plans[*plan].plan.is_for(roster.as_of));
                let view = View { case, roster, owners: &owners, person };
                view.values(account, &wanted, at_birth)
                    .into_iter()
                    .for_each(|what| wrong("wrong_value", format!("account {id}: {what}")));
                view.groups(account, &wanted, &mut unnamed)
                    .into_iter()
                    .for_each(|what| wrong("wrong_groups", format!("account {id}: {what}")));
                view.enrolments(id, &wanted, &mut unnamed)
                    .into_iter()
                    .for_each(|what| wrong("missing_enrolment", format!("account {id}: {what}")));
            }
            (false, Some((id, account))) if account.active => match standing {
                Standing::Later if case.world.first.contains(id) => {}
                Standing::Later => wrong("too_early", format!("account {id} was made before its time")),
                _ if case.policy.leaves => wrong("leaver_active", format!("account {id} is still active")),
                _ => {}
            },
            (false, _) => {}
        }
    }
    absent(case, roster, matched, report);
    early_enrolments(case, roster, plans, matched, report)?;
    report.count(case.name, "people", compared);
    report.notes.extend(left_out.iter().map(|(why, number)| format!("{}: {number} people {why} are not compared", case.name)));
    report.notes.extend(unnamed.into_iter().map(|what| format!("{}: {what}", case.name)));
    Ok(())
}

/// Finds the accounts of every person by the configured rules, the first rule that finds any.  An account that carries another person's key
/// where a rule looks for keys is not found by what else it has: addresses change hands.
///
/// # Errors
/// A rule cannot be evaluated.
pub fn owners<'a>(case: &'a Case<'_>, roster: &'a Roster<'_>) -> Result<Owners<'a>, String> {
    let fold = |field: &str, text: &str| if folds(field) { text.to_lowercase() } else { text.to_owned() };
    let mut by_field: HashMap<&str, HashMap<String, Vec<&str>>> = HashMap::new();
    for (field, _) in &case.policy.matches {
        let index = by_field.entry(field).or_default();
        for (id, account) in &case.world.accounts {
            if let Some(value) = account.fields.get(field) {
                index.entry(fold(field, &id_text(value))).or_default().push(id);
            }
        }
    }
    let mut owners = Owners::new();
    for person in roster.people.values() {
        let context = person.context(roster.config, true, roster.as_of);
        let mut rules = Vec::with_capacity(case.policy.matches.len());
        for (field, value) in &case.policy.matches {
            let value = value.value(&context).map_err(|error| format!("person {}: {error}", person.key))?;
            rules.push((field, id_text(&value), is_empty(&value)));
        }
        let anothers = |id: &&str| {
            let fields = &case.world.accounts[*id].fields;
            rules.iter().filter(|(_, value, _)| *value == person.key).any(|(field, ..)| {
                fields
                    .get(*field)
                    .map(id_text)
                    .is_some_and(|carried| !carried.is_empty() && fold(field, &carried) != fold(field, &person.key))
            })
        };
        for (field, value, _) in rules.iter().filter(|(.., empty)| !empty) {
            let found = by_field.get(field.as_str()).and_then(|index| index.get(&fold(field, value)));
            let found: Vec<&str> = found.into_iter().flatten().copied().filter(|id| !anothers(id)).collect();
            if !found.is_empty() {
                owners.insert(&person.key, found);
                break;
            }
        }
    }
    Ok(owners)
}

/// One person's account beside what policy wants.
struct View<'a> {
    case: &'a Case<'a>,
    roster: &'a Roster<'a>,
    owners: &'a Owners<'a>,
    person: &'a Person,
}

impl View<'_> {
    fn values(&self, account: &Account, wanted: &Desire, at_birth: bool) -> Vec<String> {
        let mut wrong = Vec::new();
        for (attribute, value) in &wanted.values {
            if self.case.policy.set[attribute].on_create && !at_birth {
                continue;
            }
            let id_of = |name: &str| account.text(name).to_owned();
            let vendor = self.case.policy.vendor;
            let absorb = vendor == Vendor::Absorb;
            let (found, right) = match attribute.as_str() {
                "department" if absorb => {
                    let id = id_of("departmentId");
                    let name = self.case.name_of(&self.case.world.departments, &id).unwrap_or(id);
                    let right = name.trim().to_lowercase() == id_text(value).trim().to_lowercase();
                    (name, right || is_empty(value))
                }
                "supervisor" | "manager" if absorb == (attribute == "supervisor") && vendor != Vendor::Lessonly => {
                    let id = id_of(if absorb { "supervisorId" } else { "manager" });
                    let right = self.supervisor(&id, value);
                    (id, right)
                }
                _ => {
                    let found = account.fields.get(attribute).or_else(|| account.fields.get(&format!("custom.{attribute}")));
                    let found = found.map(id_text).unwrap_or_default();
                    let value = if value.is_null() { String::new() } else { id_text(value) };
                    let same =
                        found == value.trim() || found == value || (folds(attribute) && found.to_lowercase() == value.to_lowercase());
                    (found, same)
                }
            };
            if !right {
                wrong.push(format!("`{attribute}` is `{found}`, and policy says `{}`", id_text(value)));
            }
        }
        wrong
    }

    /// A supervisor is the account of the person with that key.  One who has left, is unknown, or stands in a circle with the
    /// person is a finding: then nothing, or that account, is right.
    fn supervisor(&self, found: &str, key: &Value) -> bool {
        if is_empty(key) {
            return found.is_empty();
        }
        let key = id_text(key);
        let manager = self.roster.people.get(&key);
        let here = manager.is_some_and(|manager| manager.standing(self.case.policy, self.roster.as_of) == Standing::Here);
        let account = self.owners.get(key.as_str()).and_then(|accounts| accounts.first());
        let active = account.is_some_and(|id| self.case.world.accounts.get(*id).is_some_and(|account| account.active));
        if !here || !active || self.roster.except.contains(&key) {
            return true;
        }
        account.is_some_and(|id| *id == found) || (found.is_empty() && self.in_circle(&key))
    }

    fn in_circle(&self, manager: &str) -> bool {
        let mut at = manager;
        for _ in 0..self.roster.people.len() {
            if at == self.person.key {
                return true;
            }
            match self.roster.people.get(at).and_then(|person| person.attributes.get("manager")) {
                Some(next) => at = next,
                None => return false,
            }
        }
        // A circle further up.
        true
    }

    fn groups(&self, account: &Account, wanted: &Desire, unnamed: &mut BTreeSet<String>) -> Vec<String> {
        let managed = &self.case.policy.managed;
        let names = account.groups.iter().filter_map(|id| self.case.name_of(&self.case.world.groups, id));
        let has: BTreeSet<String> = names.filter(|name| managed.contains(name)).collect();
        let exists = |name: &str| self.case.world.groups.values().chain(self.case.names.values()).any(|known| known == name);
        let mut wrong = Vec::new();
        for name in wanted.groups.difference(&has) {
            if exists(name) {
                wrong.push(format!("is not in `{name}`"));
            } else {
                unnamed.insert(format!("no group `{name}` is known here; memberships in it are not compared"));
            }
        }
        wrong.extend(has.difference(&wanted.groups).map(|name| format!("is in `{name}`")));
        wrong
    }

    fn enrolments(&self, id: &str, wanted: &Desire, unnamed: &mut BTreeSet<String>) -> Vec<String> {
        let mut wrong = Vec::new();
        for (kind, name) in &wanted.enrolments {
            let contents = contents(self.case, kind, name);
            if contents.is_empty() {
                unnamed.insert(format!("no {kind} `{name}` is known here; enrolments in it are not compared"));
            } else if !contents.iter().any(|content| self.case.world.enrolments.contains(&(id.to_owned(), content.clone()))) {
                wrong.push(format!("is not enrolled in the {kind} `{name}`"));
            }
        }
        wrong
    }
}

/// Ids of content of that kind and name, as enrolments write them.
fn contents(case: &Case<'_>, kind: &str, name: &str) -> Vec<String> {
    let known = case.world.content.iter().chain(case.names).filter(|(_, known)| *known == name);
    let ids = known.filter_map(|(id, _)| match id.split_once('/') {
        Some((of, rest)) if of == kind => Some(if case.policy.vendor == Vendor::Absorb { rest.to_owned() } else { id.clone() }),
        Some(_) => None,
        None => Some(id.clone()),
    });
    ids.collect()
}

/// P8: every part of every effect of ours is something that policy owns.
fn only_owned(case: &Case<'_>, report: &mut Report) {
    let policy = case.policy;
    let ours = case.world.events.iter().filter(|event| event.line.method != "ADMIN" && !event.consequence);
    for event in ours {
        for part in &event.parts {
            let owned = match part {
                Part::Field(field) => {
                    let rule = Case::attributes(field).into_iter().find_map(|name| policy.set.get(name));
                    rule.is_some_and(|rule| !rule.on_create || event.before.is_none())
                }
                Part::Group(id, _) => case.name_of(&case.world.groups, id).is_some_and(|name| policy.managed.contains(&name)),
                Part::GroupMade(name) => policy.managed.contains(name),
                Part::Enrolled(id) => {
                    let names = case.world.content.iter().chain(case.names).filter(|(known, _)| crate::rules::same_content(known, id));
                    names.into_iter().any(|(_, name)| policy.enrol.iter().any(|rule| rule.name == *name))
                }
                Part::Made | Part::Active(_) | Part::DepartmentMade(_) => true,
                Part::Other(_) => false,
            };
            if !owned {
                let what = format!("line {} ({}): {part}, which policy does not own", event.line.seq, event.line.object);
                report.violation("C4", "unowned_changed", case.name, what);
            }
        }
    }
}

/// Where a missing row means that the person left, nobody who is missing keeps an account that we worked on.
fn absent(case: &Case<'_>, roster: &Roster<'_>, matched: &Matched<'_>, report: &mut Report) {
    if !roster.config.roster.absent_leaves || !case.policy.leaves {
        return;
    }
    let mut seen = BTreeSet::new();
    for job in &matched.jobs {
        let (Some(person), Some(id)) = (&job.step.person, &job.account) else { continue };
        let out = roster.people.contains_key(person) || roster.except.contains(person) || !seen.insert(id);
        if !out && case.world.accounts.get(id).is_some_and(|account| account.active) {
            report.violation(
                "C4",
                "leaver_active",
                case.name,
                format!("person {person} is not in the roster, and account {id} is still active"),
            );
        }
    }
}

/// Enrolments made by plans of this instant are wanted at this instant.
fn early_enrolments(
    case: &Case<'_>,
    roster: &Roster<'_>,
    plans: &[PlanFile],
    matched: &Matched<'_>,
    report: &mut Report,
) -> Result<(), String> {
    for job in matched.jobs.iter().filter(|job| job.step.verb == Verb::Enrol && !job.done.is_empty()) {
        if !plans[job.plan].plan.is_for(roster.as_of) {
            continue;
        }
        let (Some(key), Some(content)) = (&job.step.person, &job.step.content) else { continue };
        let Some(person) = roster.people.get(key) else { continue };
        let here = person.standing(case.policy, roster.as_of) == Standing::Here;
        let wanted = desire(case.policy, person, &person.context(roster.config, here, roster.as_of))?;
        let id = content.strip_prefix("course/").unwrap_or(content);
        let fits =
            wanted.enrolments.iter().any(|(kind, name)| contents(case, kind, name).iter().any(|known| known == content || known == id));
        if !here || !fits {
            report.violation(
                "C4",
                "unwanted_enrolment",
                case.name,
                format!("person {key}: no rule asks for the enrolment in {content}"),
            );
        }
    }
    Ok(())
}

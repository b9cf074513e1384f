//! What a stand-in holds in the end, compared with what the steps promised.
//!
//! Only the two readings are looked at, before and after, and the plan: not what the executor says of itself.

use std::collections::{BTreeMap, BTreeSet};

use model::{Account, AccountId, AppName, AppReading, Compare, EnrolmentState, Manifest, PersonKey, Ref, Step, StepId, Value, Verb};
use serde::Serialize;
use serde_json::Value as Json;

use crate::draft::verb_word;
use crate::text::{comparable, same};

#[cfg(test)]
mod tests;

/// What a stand-in held at one time.
#[derive(Clone, Copy)]
pub struct Held<'a> {
    /// As it was read.
    pub reading: &'a AppReading,
    /// Its accounts as they came, by id.
    pub raw: &'a BTreeMap<String, Json>,
}

/// Something that is otherwise than the plan promised.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Deviation {
    /// In which app.
    pub app: AppName,
    /// Of which step; none where no step is about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub step: Option<StepId>,
    /// What that step was to do, in a word.
    #[serde(skip_serializing_if = "str::is_empty")]
    pub verb: &'static str,
    /// Whose account, where it is a person's that a step names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonKey>,
    /// About whom or what, for people: key and name, a name, or an account's id.
    pub who: String,
    /// What of it: an attribute, a group, the account itself.
    pub what: String,
    /// As promised.
    pub expected: String,
    /// As it is.
    pub found: String,
}

/// What the steps so far make of one account.
#[derive(Default)]
struct Promise<'a> {
    active: Option<(bool, &'a Step)>,
    set: BTreeMap<&'a str, (Value, &'a Step)>,
    groups: BTreeMap<String, (bool, &'a Step)>,
    enrolled: Vec<(&'a str, &'a Step)>,
    /// The last step that is about it.
    last: Option<&'a Step>,
}

struct Judge<'a> {
    app: &'a AppName,
    manifest: &'a Manifest,
    before: Held<'a>,
    after: Held<'a>,
    /// What steps made: an account's, department's or group's id.
    made: BTreeMap<StepId, String>,
    deviations: Vec<Deviation>,
}

/// Everything in which an app is otherwise after its steps than they promised; `steps` are those of this app, in the plan's order.
///
/// Looked at are: that what is made is there once; every value, group and enrolment that a step names; what it does not name of the same
/// account; that no other account differs in a single byte of its record; that no account, department or group is there which no step makes,
/// and none is gone.
pub fn judge(app: &AppName, manifest: &Manifest, steps: &[&Step], before: Held<'_>, after: Held<'_>) -> Vec<Deviation> {
    let mut judge = Judge { app, manifest, before, after, made: BTreeMap::new(), deviations: Vec::new() };
    judge.structures(steps);
    judge.creates(steps);
    let promises = judge.promises(steps);
    for (account, promise) in &promises {
        judge.keeps(account, promise);
    }
    judge.memberships(&promises);
    judge.others(&promises);
    judge.enrolments(&promises);
    judge.deviations
}

impl<'a> Judge<'a> {
    fn told(&mut self, step: &Step, what: &str, expected: impl Into<String>, found: impl Into<String>) {
        let who = step.person.as_ref().map_or_else(|| step.label.to_string(), |key| format!("{key} {}", step.label));
        self.deviations.push(Deviation {
            app: self.app.clone(),
            step: Some(step.id),
            verb: verb_word(step.verb),
            person: step.person.clone(),
            who,
            what: what.to_owned(),
            expected: expected.into(),
            found: found.into(),
        });
    }

    fn stray(&mut self, who: String, what: &str, expected: impl Into<String>, found: impl Into<String>) {
        let (expected, found) = (expected.into(), found.into());
        let what = what.to_owned();
        self.deviations.push(Deviation { app: self.app.clone(), step: None, verb: "", person: None, who, what, expected, found });
    }

    /// Departments and groups: those to be made are there once, no others came, none went.
    fn structures(&mut self, steps: &[&Step]) {
        for (verb, kind) in [(Verb::CreateDepartment, "department"), (Verb::CreateGroup, "group")] {
            let of = |reading: &AppReading| -> BTreeMap<String, String> {
                match verb {
                    Verb::CreateGroup => reading.groups.iter().map(|group| (group.id.clone(), group.name.clone())).collect(),
                    _ => reading.departments.iter().map(|one| (one.id.clone(), one.name.clone())).collect(),
                }
            };
            let (before, after) = (of(self.before.reading), of(self.after.reading));
            let mut new: BTreeMap<&String, &String> = after.iter().filter(|(id, _)| !before.contains_key(*id)).collect();
            for step in steps.iter().filter(|step| step.verb == verb) {
                let name = step.set.get("name").and_then(|change| change.after.as_text()).unwrap_or(&step.label);
                let ids: Vec<String> = new.iter().filter(|(_, found)| found.as_str() == name).map(|(id, _)| (*id).clone()).collect();
                if ids.len() != 1 {
                    self.told(
                        step,
                        kind,
                        "there once",
                        if ids.is_empty() { "not there".to_owned() } else { format!("{} of it", ids.len()) },
                    );
                }
                new.retain(|id, _| !ids.contains(*id));
                if let Some(id) = ids.into_iter().next() {
                    self.made.insert(step.id, id);
                }
            }
            let new: Vec<(String, String)> = new.into_iter().map(|(id, name)| (id.clone(), name.clone())).collect();
            for (id, name) in new {
                self.stray(name, kind, "none that no step makes", format!("{kind} {id}"));
            }
            for (id, name) in before {
                match after.get(&id) {
                    Some(now) if *now == name => {}
                    now => self.stray(name, kind, "as before", now.map_or("gone".to_owned(), |now| format!("called {now}"))),
                }
            }
        }
    }

    /// Accounts: those to be made are there once.
    fn creates(&mut self, steps: &[&Step]) {
        let known: BTreeSet<&AccountId> = self.before.reading.accounts.iter().map(|account| &account.id).collect();
        let key = self.manifest.key_attribute.and_then(|name| self.manifest.attribute(name));
        let unique = self.manifest.attributes.iter().find(|attribute| attribute.unique);
        let mut by: BTreeMap<(&str, String), Vec<&AccountId>> = BTreeMap::new();
        for account in &self.after.reading.accounts {
            for attribute in [key, unique].into_iter().flatten() {
                let value = account.attributes.get(attribute.name).and_then(|value| comparable(value, Compare::Folded));
                if let Some(value) = value {
                    by.entry((attribute.name, value)).or_default().push(&account.id);
                }
            }
        }
        for step in steps.iter().filter(|step| step.verb == Verb::Create) {
            let named = [key, unique].into_iter().flatten().find_map(|attribute| {
                let value = comparable(&step.set.get(attribute.name)?.after, Compare::Folded)?;
                Some((attribute.name, value))
            });
            let Some((name, value)) = named else {
                self.told(step, "account", "one that can be found again", "the step sets neither a key nor a unique value");
                continue;
            };
            let mut found: Vec<&AccountId> = by.get(&(name, value.clone())).cloned().unwrap_or_default();
            found.dedup();
            match found.as_slice() {
                [one] if !known.contains(one) => drop(self.made.insert(step.id, one.as_str().to_owned())),
                [one] => {
                    let found = format!("account {one}, which was there before, has {name} {value}");
                    self.told(step, "account", "a new one", found);
                }
                [] => self.told(step, "account", "a new one", format!("none has {name} {value}")),
                several => {
                    let several = several.iter().map(|id| id.as_str()).collect::<Vec<_>>().join(", ");
                    self.told(step, "account", "a new one", format!("several have {name} {value}: {several}"));
                }
            }
        }
    }

    /// The id that a reference means in the end.
    fn id(&self, reference: &Ref) -> Option<String> {
        match reference {
            Ref::Id(id) => Some(id.to_string()),
            Ref::CreatedBy { created_by } => self.made.get(created_by).cloned(),
        }
    }

    /// What all steps together make of each account.
    fn promises(&mut self, steps: &[&'a Step]) -> BTreeMap<String, Promise<'a>> {
        let mut promises: BTreeMap<String, Promise<'a>> = BTreeMap::new();
        for step in steps.iter().filter(|step| !matches!(step.verb, Verb::CreateDepartment | Verb::CreateGroup)) {
            let account = match (step.verb, &step.account) {
                (Verb::Create, _) => self.made.get(&step.id).cloned(),
                (_, Some(reference)) => self.id(reference),
                (_, None) => None,
            };
            // What could not be made was told where it was looked for.
            let Some(account) = account else { continue };
            let promise = promises.entry(account).or_default();
            promise.last = Some(step);
            match step.verb {
                Verb::Create | Verb::Restore => promise.active = Some((true, step)),
                Verb::Leave => promise.active = Some((false, step)),
                Verb::Enrol => promise.enrolled.extend(step.content.as_deref().map(|content| (content, *step))),
                _ => {}
            }
            if step.verb != Verb::Link {
                for (name, change) in &step.set {
                    let after = match &change.after {
                        Value::CreatedBy(made) => self.made.get(made).map_or(Value::CreatedBy(*made), |id| Value::text(id.as_str())),
                        value => value.clone(),
                    };
                    promise.set.insert(name.as_str(), (after, step));
                }
            }
            for reference in &step.add_groups {
                if let Some(group) = self.id(reference) {
                    promise.groups.insert(group, (true, step));
                }
            }
            for group in &step.remove_groups {
                promise.groups.insert(group.to_string(), (false, step));
            }
        }
        promises
    }

    /// One account that steps are about.
    fn keeps(&mut self, id: &str, promise: &Promise<'_>) {
        let find =
            |reading: &'a AppReading| -> Option<&'a Account> { reading.accounts.iter().find(|account| account.id.as_str() == id) };
        let Some(last) = promise.last else { return };
        let Some(now) = find(self.after.reading) else {
            self.told(last, "account", format!("account {id}"), "gone");
            return;
        };
        let was = find(self.before.reading);
        let active = promise.active.map_or_else(|| was.is_some_and(|was| was.active), |(active, _)| active);
        if now.active != active {
            let word = |active| if active { "active" } else { "not active" };
            self.told(promise.active.map_or(last, |(_, step)| step), "account", word(active), word(now.active));
        }
        let null = Value::Null;
        let names: BTreeSet<&str> = promise.set.keys().copied().chain(now.attributes.keys().map(|name| name.as_str())).collect();
        for name in names {
            let compare = self.manifest.attribute(name).map_or(Compare::Exact, |attribute| attribute.compare);
            let found = now.attributes.get(name).unwrap_or(&null);
            match (promise.set.get(name), was) {
                (Some((expected, step)), _) if !same(expected, found, compare) => {
                    self.told(step, name, expected.to_string(), found.to_string());
                }
                (None, Some(was)) => {
                    let expected = was.attributes.get(name).unwrap_or(&null);
                    if expected != found {
                        self.told(last, name, format!("{expected}, which no step changes"), found.to_string());
                    }
                }
                _ => {}
            }
        }
    }

    /// Every group has whom it had, with those who were to be added and without those who were to be removed.
    fn memberships(&mut self, promises: &BTreeMap<String, Promise<'_>>) {
        let before: BTreeMap<&str, BTreeSet<&str>> = members(self.before.reading);
        for group in &self.after.reading.groups {
            let now: BTreeSet<&str> = group.members.iter().map(AccountId::as_str).collect();
            let was = before.get(group.id.as_str());
            let mut wanted: BTreeMap<&str, Option<&Step>> = was.into_iter().flatten().map(|id| (*id, None)).collect();
            let mut removed: BTreeMap<&str, &Step> = BTreeMap::new();
            for (account, promise) in promises {
                match promise.groups.get(&group.id) {
                    Some((true, step)) => drop(wanted.insert(account, Some(step))),
                    Some((false, step)) => {
                        wanted.remove(account.as_str());
                        removed.insert(account, step);
                    }
                    None => {}
                }
            }
            let what = format!("group {}", group.name);
            for (account, step) in wanted.iter().filter(|(account, _)| !now.contains(*account)) {
                match step {
                    Some(step) => self.told(step, &what, "a member", "not a member"),
                    None => self.stray(format!("account {account}"), &what, "a member, as before", "not a member"),
                }
            }
            for account in now.iter().filter(|account| !wanted.contains_key(*account)) {
                match removed.get(account) {
                    Some(step) => self.told(step, &what, "not a member", "a member"),
                    None => self.stray(format!("account {account}"), &what, "not a member, as before", "a member"),
                }
            }
        }
    }

    /// Accounts that no step is about: their records are the same to the byte, none came and none went.
    fn others(&mut self, promises: &BTreeMap<String, Promise<'_>>) {
        let (before, after) = (self.before.raw, self.after.raw);
        let made: BTreeSet<String> = self.made.values().cloned().collect();
        for id in after.keys().filter(|id| !before.contains_key(*id) && !made.contains(*id)) {
            self.stray(format!("account {id}"), "account", "none that no step makes", "an account more");
        }
        for (id, was) in before.iter().filter(|(id, _)| !promises.get(*id).is_some_and(Promise::writes)) {
            match after.get(id) {
                None => self.stray(format!("account {id}"), "account", "as before", "gone"),
                Some(now) if now == was => {}
                Some(now) => {
                    for (name, was, now) in differing(was, now) {
                        self.stray(format!("account {id}"), &name, format!("{was}, as before"), now);
                    }
                }
            }
        }
    }

    /// Who was to be enrolled is, once; of accounts that no step is about, nothing changed as far as it was read.
    fn enrolments(&mut self, promises: &BTreeMap<String, Promise<'_>>) {
        let count = |reading: &AppReading| -> BTreeMap<(String, String), (usize, usize)> {
            let mut counted: BTreeMap<(String, String), (usize, usize)> = BTreeMap::new();
            for one in &reading.enrolments {
                let (all, live) = counted.entry((one.account.to_string(), one.content.to_string())).or_default();
                *all += 1;
                *live += usize::from(one.state != EnrolmentState::Ended);
            }
            counted
        };
        let (before, after) = (count(self.before.reading), count(self.after.reading));
        for (account, promise) in promises {
            for (content, step) in &promise.enrolled {
                let pair = (account.clone(), (*content).to_owned());
                let (had, (has, live)) = (before.get(&pair).map_or(0, |(all, _)| *all), after.get(&pair).copied().unwrap_or_default());
                let what = format!("enrolment in {content}");
                if live == 0 {
                    self.told(step, &what, "enrolled", "not enrolled");
                } else if has > had + 1 {
                    self.told(step, &what, "one record more", format!("{} records more", has - had));
                }
            }
        }
        for (pair, was) in before.iter().filter(|((account, _), _)| !promises.contains_key(account)) {
            let now = after.get(pair).copied().unwrap_or_default();
            if now != *was {
                let what = format!("enrolment in {}", pair.1);
                let words = |(all, live): (usize, usize)| format!("{all} records, {live} in force");
                self.stray(format!("account {}", pair.0), &what, format!("{}, as before", words(*was)), words(now));
            }
        }
    }
}

impl Promise<'_> {
    /// Whether any step writes to the account, or to what is in its record.
    fn writes(&self) -> bool {
        self.active.is_some() || !self.set.is_empty() || !self.groups.is_empty() || !self.enrolled.is_empty()
    }
}

fn members(reading: &AppReading) -> BTreeMap<&str, BTreeSet<&str>> {
    reading.groups.iter().map(|group| (group.id.as_str(), group.members.iter().map(AccountId::as_str).collect())).collect()
}

/// The members in which two records differ, as text; the whole where they are no objects.
fn differing(was: &Json, now: &Json) -> Vec<(String, String, String)> {
    let (Some(before), Some(after)) = (was.as_object(), now.as_object()) else {
        return vec![("record".to_owned(), was.to_string(), now.to_string())];
    };
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let text = |value: Option<&Json>| value.map_or("(not there)".to_owned(), Json::to_string);
    let differs = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
    differs.map(|name| (name.clone(), text(before.get(name)), text(after.get(name)))).collect()
}

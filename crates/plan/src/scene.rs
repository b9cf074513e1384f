//! One app as planning sees it: what was read, indexed by what is asked for; how far the reading can be trusted; names resolved.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use model::{
    Account, AccountId, AppName, AppPolicy, AppReading, Completeness, EnrolmentState, EnrolmentsBy, Finding, FindingKind, PersonKey,
    Support, Verb,
};

use crate::Given;
use crate::compiled::{Rules, custom_field};
use crate::text::{comparable, fold, nearest_words};

/// A name of policy resolved in an app.
pub(crate) enum Named {
    /// What was read has it, under this id.
    Id(String),
    /// It is not there and a step may make it.
    ToMake,
    /// It cannot be used, and why.
    Not(FindingKind, String),
}

/// A group that policy manages.
pub(crate) struct Managed {
    pub(crate) name: String,
    pub(crate) found: Named,
}

/// One app.
pub(crate) struct Scene<'a> {
    pub(crate) name: &'a AppName,
    pub(crate) policy: &'a AppPolicy,
    pub(crate) rules: &'a Rules,
    pub(crate) reading: &'a AppReading,
    pub(crate) account_of: HashMap<&'a str, &'a AccountId>,
    pub(crate) person_of: HashMap<&'a str, &'a PersonKey>,
    /// People whose link is younger than the reading: their account cannot be in it.
    pub(crate) fresh: HashSet<&'a str>,
    pub(crate) by_id: HashMap<&'a str, usize>,
    /// Per match rule: comparable value → accounts.
    pub(crate) indexes: Vec<HashMap<String, Vec<usize>>>,
    departments: HashMap<String, Vec<usize>>,
    pub(crate) groups: Vec<Managed>,
    /// Account → managed groups it is in (indexes into `groups`).
    members: HashMap<&'a str, Vec<usize>>,
    /// Per enrol rule: the content.
    pub(crate) content: Vec<Named>,
    enrolled: HashSet<(&'a str, &'a str)>,
    /// Why somebody may have an account that was not seen, if so: then nobody gets one blindly (P4).
    pub(crate) blind: Option<String>,
    /// Per set rule: whether the custom field it names is declared nowhere (L13).
    pub(crate) undeclared: Vec<bool>,
}

impl<'a> Scene<'a> {
    pub(crate) fn new(
        given: &Given<'a>,
        name: &'a AppName,
        rules: &'a Rules,
        reading: &'a AppReading,
        findings: &mut Vec<Finding>,
    ) -> Self {
        let policy = &given.policy.policy().apps[name];
        let links = given.links.iter().filter(|link| &link.app == name);
        let mut account_of = HashMap::new();
        let mut person_of = HashMap::new();
        let mut fresh = HashSet::new();
        for link in links {
            if link.since > reading.certificate.at {
                fresh.insert(link.person.as_str());
            }
            account_of.insert(link.person.as_str(), &link.account);
            person_of.insert(link.account.as_str(), &link.person);
        }
        let by_id: HashMap<&str, usize> =
            reading.accounts.iter().enumerate().map(|(index, account)| (account.id.as_str(), index)).collect();
        let indexes = rules
            .matching
            .iter()
            .map(|rule| {
                let mut index: HashMap<String, Vec<usize>> = HashMap::with_capacity(reading.accounts.len());
                for (at, account) in reading.accounts.iter().enumerate() {
                    if let Some(value) = account.attributes.get(&rule.attribute).and_then(|value| comparable(value, rule.compare)) {
                        index.entry(value).or_default().push(at);
                    }
                }
                index
            })
            .collect();
        let mut departments: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, department) in reading.departments.iter().enumerate() {
            departments.entry(fold(&department.name)).or_default().push(at);
        }
        let groups = managed(policy, reading);
        let mut members: HashMap<&str, Vec<usize>> = HashMap::new();
        for (at, group) in groups.iter().enumerate() {
            if let Named::Id(id) = &group.found {
                for member in reading.groups.iter().filter(|group| &group.id == id).flat_map(|group| &group.members) {
                    members.entry(member.as_str()).or_default().push(at);
                }
            }
        }
        let content = policy.enrol.iter().map(|rule| resolve_content(name, &rule.content, reading)).collect();
        let enrolled = reading
            .enrolments
            .iter()
            .filter(|enrolment| matches!(enrolment.state, EnrolmentState::Open | EnrolmentState::Done))
            .map(|enrolment| (enrolment.account.as_str(), enrolment.content.as_str()))
            .collect();
        let declared: BTreeSet<&String> = policy.declared.iter().chain(&reading.tenant.declared).collect();
        let undeclared = rules
            .set
            .iter()
            .map(|setting| {
                let name = &setting.attribute.name;
                setting.attribute.custom
                    && !declared.contains(name)
                    && !custom_field(name).is_some_and(|own| declared.iter().any(|it| *it == own))
            })
            .collect::<Vec<bool>>();
        for (setting, undeclared) in rules.set.iter().zip(&undeclared) {
            if *undeclared {
                let known = declared.iter().map(|name| name.as_str());
                let what = format!(
                    "no custom field {:?} is declared, and the app would lose the value{}; it is left out of every step",
                    setting.attribute.name,
                    nearest_words(custom_field(&setting.attribute.name).unwrap_or(&setting.attribute.name), known)
                );
                findings.push(
                    Finding::new(FindingKind::Objection, what)
                        .in_app(name)
                        .next("declare the field at the app, or correct the name in [app.X.set]"),
                );
            }
        }
        let blind = blind(given, policy, rules, reading, &by_id, &account_of, &fresh);
        Self {
            name,
            fresh,
            policy,
            rules,
            reading,
            account_of,
            person_of,
            by_id,
            indexes,
            departments,
            groups,
            members,
            content,
            enrolled,
            blind,
            undeclared,
        }
    }

    pub(crate) fn account(&self, index: usize) -> &'a Account {
        &self.reading.accounts[index]
    }

    /// Why no plan may touch the account, if so: the app's reason, or policy's `protect` (F09, A18).
    pub(crate) fn protected(&self, account: &Account) -> Option<String> {
        if let Some(why) = &account.protected {
            return Some(why.clone().into());
        }
        if self.rules.protect.is_empty() {
            return None;
        }
        let named =
            self.rules.manifest.attributes.iter().filter(|attribute| attribute.unique || attribute.compare == model::Compare::Folded);
        named
            .filter_map(|attribute| account.attributes.get(attribute.name).and_then(model::Value::as_text))
            .any(|text| self.rules.protect.contains(&fold(text)))
            .then(|| "policy protects it".to_owned())
    }

    /// The managed groups an account is in.
    pub(crate) fn member_of(&self, account: &AccountId) -> &[usize] {
        self.members.get(account.as_str()).map_or(&[], Vec::as_slice)
    }

    pub(crate) fn is_enrolled(&self, account: &AccountId, content: &str) -> bool {
        self.enrolled.contains(&(account.as_str(), content))
    }

    /// Whether it is known in what the account is enrolled.
    pub(crate) fn enrolments_known(&self, account: &AccountId) -> bool {
        self.rules.manifest.enrolments == EnrolmentsBy::Content || self.reading.enrolments_of.contains(account)
    }

    /// A department by the name people give it.
    pub(crate) fn department(&self, name: &str) -> Named {
        match self.departments.get(&fold(name)).map_or(&[][..], Vec::as_slice) {
            [one] => Named::Id(self.reading.departments[*one].id.clone()),
            [] if self.policy.create_departments => Named::ToMake,
            [] => {
                let known = self.reading.departments.iter().map(|department| department.name.as_str());
                let what = format!("there is no department {name:?}{}; nothing is done for the person", nearest_words(name, known));
                Named::Not(FindingKind::UnknownReference, what)
            }
            several => {
                let what = format!("{} departments are called {name:?}; nothing is done for the person", several.len());
                Named::Not(FindingKind::Objection, what)
            }
        }
    }

    pub(crate) fn can(&self, verb: Verb) -> Result<(), &'static str> {
        match self.rules.manifest.support(verb) {
            Support::Can => Ok(()),
            Support::Cannot(why) | Support::Unbuilt(why) => Err(why),
        }
    }
}

fn managed(policy: &AppPolicy, reading: &AppReading) -> Vec<Managed> {
    let Some(groups) = &policy.groups else { return Vec::new() };
    let mut by_name: BTreeMap<String, &str> = BTreeMap::new();
    for name in &groups.managed {
        let best = by_name.entry(fold(name)).or_insert(name);
        *best = (*best).min(name);
    }
    by_name
        .into_iter()
        .map(|(folded, name)| {
            let mut found: Vec<&model::Group> = reading.groups.iter().filter(|group| fold(&group.name) == folded).collect();
            found.sort_by(|a, b| a.id.cmp(&b.id));
            let found = match found.as_slice() {
                [one] if one.writable => Named::Id(one.id.clone()),
                [_] => Named::Not(
                    FindingKind::Objection,
                    format!("group {name:?} is built in and cannot be changed; nothing is done for the person"),
                ),
                [] if groups.create => Named::ToMake,
                [] => {
                    let known = reading.groups.iter().map(|group| group.name.as_str());
                    let what = format!("there is no group {name:?}{}; nothing is done for the person", nearest_words(name, known));
                    Named::Not(FindingKind::UnknownReference, what)
                }
                several => Named::Not(
                    FindingKind::Objection,
                    format!("{} groups are called {name:?}; nothing is done for the person", several.len()),
                ),
            };
            Managed { name: name.to_owned(), found }
        })
        .collect()
}

fn resolve_content(app: &AppName, name: &str, reading: &AppReading) -> Named {
    let folded = fold(name);
    let found: BTreeSet<&str> =
        reading.content.iter().filter(|content| fold(&content.name) == folded).map(|content| content.id.as_str()).collect();
    match found.len() {
        1 => Named::Id(found.into_iter().next().expect("just counted").to_owned()),
        0 => {
            let near = nearest_words(name, reading.content.iter().map(|content| content.name.as_str()));
            Named::Not(FindingKind::UnknownReference, format!("{app} has no content {name:?}{near}; nobody is enrolled in it"))
        }
        several => Named::Not(
            FindingKind::Objection,
            format!("{several} pieces of content in {app} are called {name:?}; nobody is enrolled in any"),
        ),
    }
}

/// Why the reading cannot show that somebody has no account: partial or too old, or the app may hide accounts and nobody says it does not
/// (A04), or a linked account that ought to be seen is not.
fn blind(
    given: &Given<'_>,
    policy: &AppPolicy,
    rules: &Rules,
    reading: &AppReading,
    by_id: &HashMap<&str, usize>,
    account_of: &HashMap<&str, &AccountId>,
    fresh: &HashSet<&str>,
) -> Option<String> {
    match &reading.certificate.completeness {
        Completeness::Partial { why } => return Some(format!("the reading is partial: {why}")),
        Completeness::Complete { .. } if !reading.certificate.shows_absence(given.now, policy.max_age) => {
            return Some(format!("the reading of {} is older than {} s", reading.certificate.at, policy.max_age));
        }
        Completeness::Complete { .. } => {}
    }
    if !rules.manifest.hides {
        return None;
    }
    match reading.tenant.sees_all {
        Some(false) => return Some("the log-in does not see everybody".into()),
        None if !policy.scope_all => {
            return Some("it is not known whether the log-in sees everybody (`scope = \"all\"` is not stated)".into());
        }
        Some(true) | None => {}
    }
    let unseen = |person: &str, account: &AccountId| !fresh.contains(person) && !by_id.contains_key(account.as_str());
    let hidden = account_of.iter().filter(|(person, account)| unseen(person, account)).count();
    (hidden > 0).then(|| format!("the log-in is said to see everybody, but {hidden} linked accounts are not seen"))
}

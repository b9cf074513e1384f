//! One app as planning sees it: what was read, indexed by what is asked for; how far the reading can be trusted; names resolved.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use model::{
    Account, AccountId, AppName, AppPolicy, AppReading, Changes, Compare, Completeness, EnrolmentsBy, Finding, FindingKind, Link,
    Support, Value, Verb,
};

use crate::Given;
use crate::compiled::{Rules, custom_field};
use crate::hash::{self, Mix};
use crate::known::Known;
use crate::past::Taken;
use crate::text::{comparable, fold, nearest_words};

/// So many linked accounts may be gone, and so many per cent of them: then somebody removed them at the app.  When it is more, the reading
/// does not show who is there.
const GONE: usize = 5;
const GONE_PERCENT: usize = 5;

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
    /// The name, folded.
    pub(crate) folded: String,
    pub(crate) found: Named,
    /// Its place among the groups that were read, when it can be used.
    pub(crate) place: Option<usize>,
}

/// What the names in policy mean in one app.
pub(crate) struct Names {
    departments: HashMap<String, Vec<usize>>,
    pub(crate) groups: Vec<Managed>,
    /// Per enrol rule: the content.
    pub(crate) content: Vec<Named>,
    /// Per set rule: whether the custom field it names is declared nowhere (L13).
    pub(crate) undeclared: Vec<bool>,
    /// The hash of all this: as long as it is the same, every name means the same.
    pub(crate) mark: u64,
}

impl Names {
    pub(crate) fn new(name: &AppName, policy: &AppPolicy, rules: &Rules, reading: &AppReading, findings: &mut Vec<Finding>) -> Self {
        let mut departments: HashMap<String, Vec<usize>> = HashMap::new();
        for (at, department) in reading.departments.iter().enumerate() {
            departments.entry(fold(&department.name)).or_default().push(at);
        }
        let content = policy.enrol.iter().map(|rule| resolve_content(name, &rule.content, reading)).collect();
        let undeclared = undeclared(name, policy, rules, reading, findings);
        let mut mark = Mix::new();
        let mut list = |items: &mut dyn Iterator<Item = (&str, &str, bool)>| {
            for (id, name, flag) in items {
                mark.text(id);
                mark.text(name);
                mark.word(u64::from(flag));
            }
            mark.word(u64::MAX);
        };
        list(&mut reading.departments.iter().map(|department| (department.id.as_str(), department.name.as_str(), true)));
        list(&mut reading.groups.iter().map(|group| (group.id.as_str(), group.name.as_str(), group.writable)));
        list(&mut reading.content.iter().map(|content| (content.id.as_str(), content.name.as_str(), true)));
        list(&mut undeclared.iter().map(|undeclared| ("", "", *undeclared)));
        Self { departments, groups: managed(policy, reading), content, undeclared, mark: mark.done() }
    }
}

/// One app.
pub(crate) struct Scene<'a> {
    pub(crate) name: &'a AppName,
    pub(crate) policy: &'a AppPolicy,
    pub(crate) rules: &'a Rules,
    pub(crate) reading: &'a AppReading,
    pub(crate) names: Names,
    pub(crate) known: &'a Known,
    /// The app's links, in the order in which they are given.
    pub(crate) links: Vec<&'a Link>,
    /// Why somebody may have an account that was not seen, if so: then nobody gets one blindly (P4).
    pub(crate) blind: Option<String>,
    /// The instant that is planned for.
    pub(crate) as_of: Timestamp,
    /// Accounts whose access runs of ours took, and did not give back since.
    taken: Option<&'a BTreeMap<AccountId, Taken>>,
}

impl<'a> Scene<'a> {
    /// `known` has taken this reading and these links ([`Known::update`]).
    pub(crate) fn new(
        given: &Given<'a>,
        name: &'a AppName,
        rules: &'a Rules,
        reading: &'a AppReading,
        names: Names,
        links: Vec<&'a Link>,
        known: &'a Known,
    ) -> Self {
        let policy = &given.policy.policy().apps[name];
        let taken = given.past.taken.get(name);
        let mut scene = Self { name, policy, rules, reading, names, known, links, blind: None, as_of: given.as_of, taken };
        scene.blind = scene.blindness(given);
        scene
    }

    /// The account in a slot.
    pub(crate) fn account(&self, slot: usize) -> &'a Account {
        &self.reading.accounts[self.known.accounts.place(slot)]
    }

    /// An account by its id.
    pub(crate) fn find(&self, id: &str) -> Option<usize> {
        self.known.accounts.with_key(hash::of_text(id)).find(|slot| self.account(*slot).id.as_str() == id)
    }

    /// A link by its slot.
    pub(crate) fn link(&self, slot: usize) -> &'a Link {
        self.links[self.known.links.place(slot)]
    }

    /// The link of a person who may not be in the roster.
    pub(crate) fn link_of(&self, key: &str) -> Option<&'a Link> {
        self.known.links_of(key).map(|link| self.link(link)).find(|link| link.person.as_str() == key)
    }

    /// Whether a link is younger than the reading: its account cannot be in it.
    pub(crate) fn is_fresh(&self, link: &Link) -> bool {
        link.since > self.reading.certificate.until()
    }

    /// The accounts that have a value in an attribute by which they are looked up ([`Known::attribute`]).
    pub(crate) fn with_value<'s>(
        &'s self,
        attribute: usize,
        by: (&'s str, Compare),
        value: &'s Value,
    ) -> impl Iterator<Item = usize> + 's {
        let wanted = comparable(value, by.1);
        let hash = hash::of_comparable(value, by.1);
        let slots = hash.map(|hash| self.known.with_value(attribute, hash));
        slots
            .into_iter()
            .flatten()
            .filter(move |slot| self.account(*slot).attributes.get(by.0).and_then(|value| comparable(value, by.1)) == wanted)
    }

    /// Why no plan may touch the account, if so: the app's reason, or policy's `protect` (F09, A18).
    pub(crate) fn protected(&self, account: &Account) -> Option<String> {
        if let Some(why) = &account.protected {
            return Some(why.clone().into());
        }
        if self.rules.protect.is_empty() {
            return None;
        }
        let named = self.rules.manifest.attributes.iter().filter(|attribute| attribute.unique || attribute.compare == Compare::Folded);
        named
            .filter_map(|attribute| account.attributes.get(attribute.name).and_then(model::Value::as_text))
            .any(|text| self.rules.protect.contains(&fold(text)))
            .then(|| "policy protects it".to_owned())
    }

    /// Whether these values would make the account an admin's.
    pub(crate) fn makes_admin(&self, set: &Changes) -> bool {
        self.rules.manifest.admin(|member| set.get(member).and_then(|change| change.after.as_text())).is_some()
    }

    /// A run of ours that took the access of an account which was seen active since, if one did: then somebody else gave it back (L14).
    pub(crate) fn taken(&self, account: &Account) -> Option<&'a Taken> {
        let taken = self.taken?.get(&account.id)?;
        (account.active && taken.at < self.reading.certificate.until()).then_some(taken)
    }

    /// The managed groups an account is in.
    pub(crate) fn member_of(&self, slot: usize) -> Vec<usize> {
        self.known.groups_of(slot, &self.account(slot).id, &self.names, self.reading)
    }

    /// Whether an account is enrolled in the content of a rule.
    pub(crate) fn is_enrolled(&self, slot: usize, rule: usize) -> bool {
        self.known.is_enrolled(slot, &self.account(slot).id, rule, self.reading)
    }

    /// Whether it is known in what the account is enrolled.
    pub(crate) fn enrolments_known(&self, account: &AccountId) -> bool {
        self.rules.manifest.enrolments == EnrolmentsBy::Content || self.reading.enrolments_of.contains(account)
    }

    /// A department by the name people give it.
    pub(crate) fn department(&self, name: &str) -> Named {
        match self.names.departments.get(&fold(name)).map_or(&[][..], Vec::as_slice) {
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

    /// Why the reading cannot show that somebody has no account: partial or too old, or the app may hide accounts and nobody says it does
    /// not (A04), or a linked account that ought to be seen is not.
    fn blindness(&self, given: &Given<'_>) -> Option<String> {
        let reading = self.reading;
        match &reading.certificate.completeness {
            Completeness::Partial { why } => return Some(format!("the reading is partial: {why}")),
            Completeness::Complete { .. } if !reading.certificate.shows_absence(given.now, self.policy.max_age) => {
                return Some(format!("the reading of {} is older than {} s", reading.certificate.at, self.policy.max_age));
            }
            Completeness::Complete { .. } => {}
        }
        // An app that answers with an empty list, or a page short, looks complete: that so many are gone at once it has not shown.
        let unseen = self.known.ends().filter(|(_, _, account)| account.is_none());
        let hidden = unseen.filter(|(link, _, _)| !self.is_fresh(self.link(*link))).count();
        let (linked, seen) = (self.links.len(), self.links.len() - hidden);
        if (hidden > GONE && hidden * 100 > linked * GONE_PERCENT) || (hidden > 1 && seen == 0) {
            return Some(format!(
                "{hidden} of {linked} linked accounts are not seen; look at the app whether it shows its people, then plan again"
            ));
        }
        if !self.rules.manifest.hides {
            return None;
        }
        match reading.tenant.sees_all {
            Some(false) => return Some("the log-in does not see everybody".into()),
            None if !self.policy.scope_all => {
                return Some("it is not known whether the log-in sees everybody (`scope = \"all\"` is not stated)".into());
            }
            Some(true) | None => {}
        }
        (hidden > 0).then(|| format!("the log-in is said to see everybody, but {hidden} linked accounts are not seen"))
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
            let place = match found.as_slice() {
                [one] if one.writable => reading.groups.iter().position(|group| group.id == one.id),
                _ => None,
            };
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
            Managed { name: name.to_owned(), folded, found, place }
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

/// Per set rule: whether the custom field it names is declared nowhere, which is a finding (L13).
fn undeclared(name: &AppName, policy: &AppPolicy, rules: &Rules, reading: &AppReading, findings: &mut Vec<Finding>) -> Vec<bool> {
    let declared: BTreeSet<&String> = policy.declared.iter().chain(&reading.tenant.declared).collect();
    let mut all = Vec::with_capacity(rules.set.len());
    for setting in &rules.set {
        let field = &setting.attribute.name;
        let own = custom_field(field);
        let undeclared = setting.attribute.custom
            && !declared.contains(field)
            && !own.is_some_and(|own| declared.iter().any(|declared| *declared == own));
        if undeclared {
            let known = declared.iter().map(|name| name.as_str());
            let what = format!(
                "no custom field {field:?} is declared, and the app would lose the value{}; it is left out of every step",
                nearest_words(own.unwrap_or(field), known)
            );
            let next = "declare the field at the app, or correct the name in [app.X.set]";
            findings.push(Finding::new(FindingKind::Objection, what).in_app(name).next(next));
        }
        all.push(undeclared);
    }
    all
}

//! What an identity provider says over SCIM, as a reading: what it pushed, or what it answered when it was asked.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::io::Write as _;

use jiff::Timestamp;
use model::{
    Certificate, Completeness, Digest, Finding, FindingKind, IdpState, IdpWord, Person, PersonKey, ResourceKind, SourceName,
    SourcePolicy, SourceReading, Standing, Text,
};
use plan::fold;
use serde_json::{Value, json};
use store::Pushed;

use super::path::ScimPath;
use super::{Roster, RowPlaces, cells};

const ENTERPRISE: &str = "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User";

/// Attribute → where it stands, when the configuration does not say.
fn defaults() -> [(&'static str, String); 11] {
    [
        ("department", format!("{ENTERPRISE}:department")),
        ("email", "emails".to_owned()),
        ("externalId", "externalId".to_owned()),
        ("family_name", "name.familyName".to_owned()),
        ("given_name", "name.givenName".to_owned()),
        ("id", "id".to_owned()),
        ("manager", format!("{ENTERPRISE}:manager.value")),
        ("number", format!("{ENTERPRISE}:employeeNumber")),
        ("time_zone", "timezone".to_owned()),
        ("title", "title".to_owned()),
        ("userName", "userName".to_owned()),
    ]
}

/// Attribute → path.  Paths are looked at when the configuration is read; one that is none gives nothing.
fn paths(policy: &SourcePolicy) -> BTreeMap<String, (ScimPath, String)> {
    let mut all: BTreeMap<String, String> = defaults().into_iter().map(|(name, path)| (name.to_owned(), path)).collect();
    all.extend(policy.columns.iter().map(|(name, path)| (name.clone(), path.clone())));
    all.into_iter().filter_map(|(name, path)| Some((name, (ScimPath::parse(&path).ok()?, path)))).collect()
}

/// The values that a source's record, as it was pushed, has where its `join` looks: by the name of an attribute, or by a path.
pub(crate) fn joined_by(policy: &SourcePolicy, field: &str, id: &str, resource: &Value) -> Option<String> {
    if fold(field) == "id" {
        return Some(id.to_owned());
    }
    let paths = paths(policy);
    let known =
        paths.iter().find(|(name, (_, path))| fold(name) == fold(field) || fold(path) == fold(field)).map(|(_, (path, _))| path);
    known.cloned().or_else(|| ScimPath::parse(field).ok())?.text_in(resource)
}

/// One record on its way.
struct Record<'p> {
    id: &'p str,
    said: Timestamp,
    resource: &'p Value,
    gone: bool,
}

/// What attributes a source's records have, each with its place.
pub(crate) fn attributes(policy: &SourcePolicy) -> BTreeMap<String, String> {
    paths(policy).into_iter().map(|(attribute, (_, path))| (attribute, path)).collect()
}

/// What a source pushed until now.  It is never complete: only what was said counts (P4).
pub(crate) fn read_pushed(name: &SourceName, policy: &SourcePolicy, pushed: &Pushed, now: Timestamp) -> Roster {
    let completeness = Completeness::Partial { why: "what is pushed is never complete: only what was said counts".into() };
    read_records(name, policy, pushed, completeness, now)
}

/// A source's records, as people.
pub(crate) fn read_records(
    name: &SourceName,
    policy: &SourcePolicy,
    pushed: &Pushed,
    completeness: Completeness,
    now: Timestamp,
) -> Roster {
    let paths = paths(policy);
    let groups = Groups::new(policy, pushed);
    let mut people: BTreeMap<PersonKey, Person> = BTreeMap::new();
    let (mut held, mut findings) = (BTreeSet::new(), Vec::new());
    let users = pushed.users.iter().map(|user| Record { id: &user.id, said: user.said, resource: &user.resource, gone: false });
    let gone = pushed.gone.iter().filter(|gone| gone.kind == ResourceKind::User);
    let gone = gone.map(|gone| Record { id: &gone.id, said: gone.said, resource: &gone.resource, gone: true });
    for record in users.chain(gone) {
        match person(name, policy, &paths, &groups, &record) {
            Err((key, what)) => {
                let mut finding = Finding::new(FindingKind::BadRow, format!("source {name}, user {}: {what}", record.id))
                    .next("correct it at the identity provider");
                held.extend(key.clone());
                finding.person = key;
                findings.push(finding);
            }
            // What is there says more than what was deleted: somebody was made anew.
            Ok(person) if record.gone && people.contains_key(&person.key) => {}
            Ok(person) => {
                let key = person.key.clone();
                if people.insert(key.clone(), person).is_some() && !record.gone {
                    let what = format!("source {name}: several users have the key {key}; nobody knows which is meant");
                    findings
                        .push(Finding::new(FindingKind::BadRow, what).about(&key).next("leave one of them at the identity provider"));
                    held.insert(key);
                }
            }
        }
    }
    people.retain(|key, _| !held.contains(key));
    findings.sort();
    let count = pushed.users.len() as u64;
    let certificate = Certificate { at: now, completeness, count, watermark: None, increments: None };
    let digest = Digest::new([0; 32]);
    let people = people.into_values().collect();
    let mut reading = SourceReading { source: name.clone(), digest, certificate, people, held, findings };
    reading.seal();
    Roster { reading, raw: raw(pushed), attributes: attributes(policy), rows: RowPlaces::default(), said: now }
}

/// A record as a person; else whose it is, where that can be told, and what is wrong with it.
fn person(
    source: &SourceName,
    policy: &SourcePolicy,
    paths: &BTreeMap<String, (ScimPath, String)>,
    groups: &Groups<'_>,
    record: &Record<'_>,
) -> Result<Person, (Option<PersonKey>, String)> {
    let key = if policy.key.is_empty() {
        record.id.to_owned()
    } else {
        let found = joined_by(policy, &policy.key, record.id, record.resource);
        found.ok_or_else(|| (None, format!("it has no {} (`key`): nobody knows whose it is", policy.key)))?
    };
    let key = PersonKey::from(key);
    let mut values: BTreeMap<&str, String> =
        paths.iter().filter_map(|(name, (path, _))| Some((name.as_str(), path.text_in(record.resource)?))).collect();
    values.insert("id", record.id.to_owned());
    let mut day = |name: &str| match values.remove(name) {
        Some(text) => cells::date(&text, None).map_err(|(what, _)| (Some(key.clone()), what)),
        None => Ok(None),
    };
    let (starts, ends) = (day("starts")?, day("ends")?);
    let zone = values.remove("time_zone").map(Text::from);
    // A zone that does not exist is the provider's idea of one ("Pacific Time"): days then end where the organization's do.
    let zone = zone.filter(|zone| jiff::tz::TimeZone::get(zone).is_ok());
    let active = record.resource.get("active").is_none_or(|active| match active {
        Value::Bool(yes) => *yes,
        Value::String(text) => !text.eq_ignore_ascii_case("false"),
        _ => true,
    });
    let state = match (record.gone, active) {
        (true, _) => IdpState::Deleted,
        (false, true) => IdpState::Active,
        (false, false) => IdpState::Inactive,
    };
    let (inside, outside) = groups.of(record.id);
    let word = IdpWord { groups: inside, outside, said: record.said, state };
    Ok(Person {
        key,
        standing: if state == IdpState::Active { Standing::Active } else { Standing::Left },
        starts,
        ends,
        zone,
        attributes: values.into_iter().collect(),
        idp: [(source.as_str(), word)].into_iter().collect(),
    })
}

/// The groups to which policy gives a meaning, as far as the provider pushed them.
struct Groups<'p> {
    /// Their names in policy; by user id the places of those that the user is in.
    known: Vec<&'p str>,
    of: HashMap<&'p str, Vec<usize>>,
}

impl<'p> Groups<'p> {
    fn new(policy: &'p SourcePolicy, pushed: &'p Pushed) -> Self {
        let mut all = Self { known: Vec::new(), of: HashMap::new() };
        for name in policy.idp.iter().flat_map(|idp| idp.groups.keys()) {
            let called =
                |resource: &Value| resource.get("displayName").and_then(Value::as_str).is_some_and(|own| fold(own) == fold(name));
            let mut found = pushed.groups.iter().filter(|group| called(&group.resource)).peekable();
            let deleted = || pushed.gone.iter().any(|gone| gone.kind == ResourceKind::Group && called(&gone.resource));
            if found.peek().is_none() && !deleted() {
                continue;
            }
            let at = all.known.len();
            all.known.push(name);
            for (member, _) in found.flat_map(|group| &group.members) {
                all.of.entry(member).or_default().push(at);
            }
        }
        all
    }

    /// Those that a user is in, and the others.
    fn of(&self, id: &str) -> (BTreeSet<Text>, BTreeSet<Text>) {
        let inside = self.of.get(id).map_or(&[][..], Vec::as_slice);
        let (mut yes, mut no) = (BTreeSet::new(), BTreeSet::new());
        for (at, name) in self.known.iter().enumerate() {
            if inside.contains(&at) {
                yes.insert(Text::from(*name))
            } else {
                no.insert(Text::from(*name))
            };
        }
        (yes, no)
    }
}

/// The records as they were pushed, one JSON line each.
fn raw(pushed: &Pushed) -> Vec<u8> {
    let users = pushed.users.iter().map(|user| json!({"user": user.id, "said": user.said, "resource": user.resource}));
    let groups = pushed
        .groups
        .iter()
        .map(|group| json!({"group": group.id, "said": group.said, "resource": group.resource, "members": group.members}));
    let gone =
        pushed.gone.iter().map(|gone| json!({"gone": gone.id, "kind": gone.kind.word(), "said": gone.said, "resource": gone.resource}));
    let mut lines = Vec::new();
    for line in users.chain(groups).chain(gone) {
        writeln!(lines, "{line}").expect("writing to memory cannot fail");
    }
    lines
}

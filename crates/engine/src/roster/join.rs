//! Several sources, one roster: what other sources say about the people of the employment source.
//!
//! Who works here, and since when, only the employment source says.  Every other value comes from the first source that has one, in the order
//! of `[precedence]`.  A value that was not read takes nothing away (P4): where a record is missing that was there at the last good reading,
//! or may only not have been read, nothing is done about its person.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use jiff::Timestamp;
use jiff::tz::TimeZone;
use model::{
    Completeness, Finding, FindingKind, Join, Person, PersonKey, Policy, SourceName, SourcePolicy, SourceReading, Standing, Text,
};
use plan::fold;

/// Another source, as read now and at its last good reading.
pub(crate) struct Other<'a> {
    pub(crate) name: &'a SourceName,
    pub(crate) policy: &'a SourcePolicy,
    pub(crate) reading: SourceReading,
    pub(crate) last_good: Option<SourceReading>,
    /// The attributes that its columns give, each with the name of its column.
    pub(crate) attributes: BTreeMap<String, String>,
}

/// Whose record it is.
enum Record<'a> {
    One(&'a Person),
    None,
    /// Nothing can be done about the person, and why.
    Held(FindingKind, String),
}

/// One source's records by the value that they are joined by.
struct Index<'a> {
    name: &'a SourceName,
    join: Join,
    by_value: HashMap<String, Vec<&'a Person>>,
    /// Values whose records are broken.
    broken: BTreeSet<String>,
    /// Whether every record was read.
    complete: bool,
    /// Values that had a record at the last good reading; none when there was no such reading.
    before: Option<BTreeSet<String>>,
    absent_leaves: bool,
}

/// Makes each person what all sources together say.  The reading stays the employment source's, with its certificate.
///
/// # Errors
/// A source has no such field as its `join` names.
pub(crate) fn join(policy: &Policy, roster: &mut SourceReading, others: &[Other<'_>]) -> Result<(), String> {
    let indexes = others.iter().map(Index::new).collect::<Result<Vec<_>, _>>()?;
    let mut held: Vec<(PersonKey, Finding)> = Vec::new();
    for person in &mut roster.people {
        let mut records: BTreeMap<&SourceName, &Person> = BTreeMap::new();
        let mut problem = None;
        for index in &indexes {
            match index.record(person) {
                Record::One(record) => drop(records.insert(index.name, record)),
                Record::None => {}
                // That somebody left is positive evidence, and needs no other source.
                Record::Held(..) if gone(person, roster.certificate.at) => {}
                Record::Held(kind, what) => problem = Some(Finding::new(kind, what).about(&person.key)),
            }
        }
        match problem {
            Some(finding) => held.push((person.key.clone(), finding)),
            None => merge(policy, &roster.source, person, &records),
        }
    }
    let out: BTreeSet<&PersonKey> = held.iter().map(|(key, _)| key).collect();
    roster.people.retain(|person| !out.contains(&person.key));
    for (key, finding) in held {
        roster.held.insert(key);
        roster.findings.push(finding.next("nothing is done about this person until the source says it again"));
    }
    for other in others {
        roster.findings.extend(other.reading.findings.iter().cloned());
    }
    roster.findings.sort();
    roster.seal();
    Ok(())
}

/// Whether the employment source says that the person left.
fn gone(person: &Person, at: Timestamp) -> bool {
    let today = at.to_zoned(TimeZone::UTC).date();
    person.standing == Standing::Left || person.ends.is_some_and(|last| last < today)
}

/// Fills in what the records say, each attribute from the first source that has it.
fn merge(policy: &Policy, employment: &SourceName, person: &mut Person, records: &BTreeMap<&SourceName, &Person>) {
    let said = records.values().flat_map(|record| record.attributes.keys()).map(Text::as_str);
    let said: BTreeSet<Text> = said.chain(policy.precedence.keys().map(String::as_str)).map(Text::from).collect();
    for attribute in said {
        let by_name = || std::iter::once(employment).chain(records.keys().copied());
        let value_of = |source: &SourceName| {
            if source == employment {
                person.attributes.get(&attribute).cloned()
            } else {
                records.get(source).and_then(|record| record.attributes.get(&attribute)).cloned()
            }
        };
        let value = match policy.precedence.get(attribute.as_str()) {
            Some(order) => order.iter().find_map(value_of),
            None => by_name().find_map(value_of),
        };
        match value {
            Some(value) => drop(person.attributes.insert(attribute, value)),
            None => drop(person.attributes.remove(&attribute)),
        }
    }
}

impl<'a> Index<'a> {
    fn new(other: &'a Other<'a>) -> Result<Self, String> {
        let key = || Join { person: "key".to_owned(), record: other.policy.key.clone() };
        let join = other.policy.join.clone().unwrap_or_else(key);
        let field = field(other.name, other.policy, &other.attributes, &join.record)?;
        let mut by_value: HashMap<String, Vec<&Person>> = HashMap::new();
        for record in &other.reading.people {
            let value = fold(value(record, field.as_deref()));
            if !value.is_empty() {
                by_value.entry(value).or_default().push(record);
            }
        }
        // Of a broken row only the key is known: where people are joined by something else, it may be anybody's.
        let by_key = field.is_none();
        let broken: BTreeSet<String> =
            if by_key { other.reading.held.iter().map(|key| fold(key.as_str())).collect() } else { BTreeSet::new() };
        let whole = matches!(other.reading.certificate.completeness, Completeness::Complete { .. });
        let before = other.last_good.as_ref().map(|last| {
            let known = last.people.iter().map(|record| fold(value(record, field.as_deref())));
            let held = last.held.iter().filter(|_| by_key).map(|key| fold(key.as_str()));
            known.chain(held).collect()
        });
        Ok(Self {
            name: other.name,
            join,
            by_value,
            complete: whole && (by_key || other.reading.held.is_empty()),
            broken,
            before,
            absent_leaves: other.policy.absent_leaves,
        })
    }

    fn record(&self, person: &Person) -> Record<'a> {
        let own = fold(if self.join.person == "key" { person.key.as_str() } else { person.get(&self.join.person) });
        let source = self.name;
        let of = format!("person.{} {own:?}", self.join.person);
        if own.is_empty() {
            return Record::None;
        }
        if self.broken.contains(&own) {
            return Record::Held(FindingKind::BadRow, format!("the row of source {source} with {of} cannot be used"));
        }
        match self.by_value.get(&own).map_or(&[][..], Vec::as_slice) {
            [one] => Record::One(one),
            [] => match (&self.before, self.complete) {
                (Some(before), _) if !before.contains(&own) => Record::None,
                (Some(_), true) if self.absent_leaves => Record::None,
                (Some(_), _) => Record::Held(
                    FindingKind::Absent,
                    format!("source {source} has no record with {of} any more, and its values would be lost"),
                ),
                (None, true) => Record::None,
                (None, false) => {
                    let what = format!("source {source} was not read to its end, and may hold a record with {of}");
                    Record::Held(FindingKind::Absent, what)
                }
            },
            several => {
                let what = format!("{} records of source {source} have {of}; nobody knows which is meant", several.len());
                Record::Held(FindingKind::BadRow, what)
            }
        }
    }
}

/// The attribute of the records that `join` names; none for their key.
pub(super) fn field(
    source: &SourceName,
    policy: &SourcePolicy,
    attributes: &BTreeMap<String, String>,
    named: &str,
) -> Result<Option<String>, String> {
    if (!policy.key.is_empty() && fold(named) == fold(&policy.key)) || named == "key" {
        return Ok(None);
    }
    // A column that gives an attribute of another name may be meant by its own.
    let of_column = || attributes.iter().find(|(_, column)| fold(column) == fold(named)).map(|(attribute, _)| attribute);
    if let Some((attribute, _)) = attributes.get_key_value(named) {
        return Ok(Some(attribute.clone()));
    }
    if let Some(attribute) = of_column() {
        return Ok(Some(attribute.clone()));
    }
    let known: Vec<&str> =
        std::iter::once(policy.key.as_str()).filter(|key| !key.is_empty()).chain(attributes.values().map(String::as_str)).collect();
    Err(format!("source {} has no field {named:?}, which its `join` names; it has {}", source, known.join(", ")))
}

pub(super) fn value<'p>(record: &'p Person, field: Option<&str>) -> &'p str {
    field.map_or(record.key.as_str(), |field| record.get(field))
}

#[cfg(test)]
mod tests {
    use model::{Approval, Certificate, Digest, Organization, Shrink, SourceRole};

    use super::*;

    fn person(key: &str, attributes: &[(&str, &str)]) -> Person {
        let attributes = attributes.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Person {
            key: PersonKey::new(key),
            standing: Standing::Unsaid,
            starts: None,
            ends: None,
            zone: None,
            idp: Default::default(),
            attributes,
        }
    }

    fn reading(source: &str, people: Vec<Person>) -> SourceReading {
        let completeness = Completeness::Complete { proof: "made".into() };
        let certificate =
            Certificate { at: Timestamp::UNIX_EPOCH, completeness, count: people.len() as u64, watermark: None, increments: None };
        let (digest, held, findings) = (Digest::new([0; 32]), BTreeSet::new(), Vec::new());
        SourceReading { source: SourceName::new(source), digest, certificate, people, held, findings }
    }

    fn source(role: SourceRole, join: Option<(&str, &str)>) -> SourcePolicy {
        SourcePolicy {
            role,
            kind: "file".into(),
            key: "employee_id".into(),
            join: join.map(|(person, record)| Join { person: person.into(), record: record.into() }),
            absent_leaves: false,
            shrink: Shrink { max: 20, percent_milli: 5000 },
            columns: BTreeMap::new(),
            active_words: BTreeSet::new(),
            left_words: BTreeSet::new(),
            idp: None,
        }
    }

    fn policy(precedence: &[(&str, &[&str])]) -> Policy {
        let order = |names: &[&str]| names.iter().map(|name| SourceName::new(*name)).collect();
        Policy {
            organization: Organization { name: "Acme".into(), time_zone: "UTC".into() },
            sources: BTreeMap::new(),
            precedence: precedence.iter().map(|(name, sources)| ((*name).to_owned(), order(sources))).collect(),
            apps: BTreeMap::new(),
            guards: BTreeMap::new(),
            freezes: Vec::new(),
            approval: Approval { expires: 60, four_eyes: BTreeSet::new(), standing: Vec::new() },
        }
    }

    fn hr() -> SourceReading {
        let ada = person("1", &[("email", "Ada@acme.example"), ("title", "Engineer")]);
        reading("hr", vec![ada, person("2", &[("email", "bob@acme.example"), ("title", "Clerk"), ("location", "Paris")])])
    }

    /// The roster after joining one source's records, with what it said last.
    fn joined(
        precedence: &[(&str, &[&str])],
        policy_of: &SourcePolicy,
        now: SourceReading,
        last: Option<SourceReading>,
    ) -> SourceReading {
        let attributes =
            now.people.iter().flat_map(|person| person.attributes.keys().map(|name| (name.to_string(), name.to_string()))).collect();
        let name = now.source.clone();
        let mut roster = hr();
        join(&policy(precedence), &mut roster, &[Other { name: &name, policy: policy_of, reading: now, last_good: last, attributes }])
            .expect("it joins");
        roster
    }

    fn desks(records: &[(&str, &[(&str, &str)])]) -> SourceReading {
        reading("desks", records.iter().map(|(key, values)| person(key, values)).collect())
    }

    #[test]
    fn what_others_say_is_filled_in_and_precedence_is_per_attribute() {
        let by_mail = source(SourceRole::Attributes, Some(("email", "mail")));
        let now = || desks(&[("d1", &[("mail", "ada@ACME.example"), ("location", "Rome"), ("title", "Countess")])]);
        let plain = joined(&[], &by_mail, now(), None);
        assert_eq!(
            (plain.people[0].get("location"), plain.people[0].get("title")),
            ("Rome", "Engineer"),
            "the employment source is first"
        );
        assert_eq!(plain.people[1].get("location"), "Paris", "a source without a record takes nothing away");
        let other = joined(&[("title", &["desks", "hr"])], &by_mail, now(), None);
        assert_eq!((other.people[0].get("title"), other.people[1].get("title")), ("Countess", "Clerk"));
        let only = joined(&[("title", &["desks"])], &by_mail, now(), None);
        assert_eq!(only.people[1].get("title"), "", "a source that is not listed for an attribute does not give it");
        assert_ne!(plain.digest, other.digest, "what was joined is an input of the plan");
    }

    #[test]
    fn p4_a_record_that_is_gone_holds_its_person() {
        let by_key = source(SourceRole::Attributes, None);
        let last = || Some(desks(&[("1", &[("location", "Rome")])]));
        let held = joined(&[], &by_key, desks(&[]), last());
        assert!(held.held.contains("1") && held.people.len() == 1, "{held:?}");
        assert!(held.findings.iter().any(|finding| finding.kind == FindingKind::Absent && finding.what.contains("desks")));
        let taken = joined(&[], &SourcePolicy { absent_leaves: true, ..by_key.clone() }, desks(&[]), last());
        assert!(taken.held.is_empty() && taken.people[0].get("location").is_empty());
        // Partly read, the source proves nothing, whatever `absent` says.
        let mut partial = desks(&[]);
        partial.distrust("it shrank");
        let doubt = joined(&[], &SourcePolicy { absent_leaves: true, ..by_key.clone() }, partial.clone(), last());
        assert!(doubt.held.contains("1") && !doubt.held.contains("2"));
        let first = joined(&[], &by_key, partial, None);
        assert_eq!(first.held.len(), 2, "nobody knows who had a record");
    }

    #[test]
    fn several_records_or_a_broken_one_hold_their_person() {
        let by_mail = source(SourceRole::Attributes, Some(("email", "mail")));
        let mail: &[(&str, &str)] = &[("mail", "ada@acme.example")];
        let twice = joined(&[], &by_mail, desks(&[("d1", mail), ("d2", mail)]), None);
        assert!(twice.held.contains("1") && !twice.held.contains("2"), "{twice:?}");
        let by_key = source(SourceRole::Attributes, None);
        let mut broken = desks(&[("2", &[("location", "Oslo")])]);
        broken.held.insert(PersonKey::new("1"));
        assert!(joined(&[], &by_key, broken, None).held.contains("1"));
    }

    #[test]
    fn a_field_that_there_is_not_is_an_error_with_those_there_are() {
        let other = source(SourceRole::Attributes, Some(("email", "e_mail")));
        let now = desks(&[("d1", &[("email", "ada@acme.example")])]);
        let name = SourceName::new("desks");
        let attributes = BTreeMap::from([("email".to_owned(), "mail".to_owned())]);
        let others = [Other { name: &name, policy: &other, reading: now, last_good: None, attributes }];
        let error = join(&policy(&[]), &mut hr(), &others).expect_err("refused");
        assert!(error.contains("e_mail") && error.contains("employee_id, mail"), "{error}");
    }
}

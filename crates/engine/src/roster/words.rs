//! One graph: what identity providers say, put beside the people of the roster.
//!
//! A word of nobody's takes nothing and gives nothing.  Whoever is active at a provider and not in the roster is found.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use model::{AccountId, Completeness, Finding, FindingKind, IdpState, IdpWord, Join, Person, SourceName, SourcePolicy, SourceReading};
use plan::fold;

use super::join::{field, value};

/// An identity provider as read now.
pub(crate) struct Idp<'a> {
    pub(crate) name: &'a SourceName,
    pub(crate) policy: &'a SourcePolicy,
    pub(crate) reading: SourceReading,
    /// The attributes that its records have, each with the name of its column or path.
    pub(crate) attributes: BTreeMap<String, String>,
    /// When a file was written: what it does not have, it did not have then.
    pub(crate) said: Timestamp,
}

/// Puts the words beside the people, in place of any before.
///
/// # Errors
/// A source has no such field as its `join` names.
pub(crate) fn say(roster: &mut SourceReading, idps: &[Idp<'_>]) -> Result<(), String> {
    for idp in idps {
        let Join { person: own, record: named } =
            idp.policy.join.clone().unwrap_or_else(|| Join { person: "key".to_owned(), record: "key".to_owned() });
        let field = field(idp.name, idp.policy, &idp.attributes, &named)?;
        let mut records: HashMap<String, Vec<&Person>> = HashMap::new();
        for record in &idp.reading.people {
            let value = fold(value(record, field.as_deref()));
            if !value.is_empty() {
                records.entry(value).or_default().push(record);
            }
        }
        // Of a broken row nobody knows whose it is: then absence shows nothing.
        let whole = matches!(idp.reading.certificate.completeness, Completeness::Complete { .. }) && idp.reading.held.is_empty();
        let mut met: HashSet<String> = HashSet::new();
        for person in &mut roster.people {
            person.idp.remove(idp.name.as_str());
            let of = fold(if own == "key" { person.key.as_str() } else { person.get(&own) });
            if of.is_empty() {
                continue;
            }
            let word = match records.get(&of).map_or(&[][..], Vec::as_slice) {
                [one] => one.idp.get(idp.name.as_str()).cloned(),
                [] if whole => {
                    Some(IdpWord { groups: Default::default(), outside: Default::default(), said: idp.said, state: IdpState::Absent })
                }
                [] => None,
                several => {
                    let what = format!(
                        "{} records of source {} have person.{own} {of:?}; nobody knows which is meant",
                        several.len(),
                        idp.name
                    );
                    let next = "leave one of them at the identity provider; until then its word about this person counts for nothing";
                    roster.findings.push(Finding::new(FindingKind::Ambiguous, what).about(&person.key).next(next));
                    None
                }
            };
            if let Some(word) = word {
                person.idp.insert(idp.name.as_str(), word);
            }
            met.insert(of);
        }
        if matches!(roster.certificate.completeness, Completeness::Complete { .. }) {
            let strangers = records.iter().filter(|(value, _)| !met.contains(*value)).flat_map(|(_, records)| records);
            roster.findings.extend(strangers.filter_map(|record| stranger(idp, record, &own, field.as_deref())));
        }
        roster.findings.extend(idp.reading.findings.iter().cloned());
    }
    roster.findings.sort();
    roster.findings.dedup();
    roster.seal();
    Ok(())
}

/// Somebody whom the provider has as active, and the roster does not have.
fn stranger(idp: &Idp<'_>, record: &Person, own: &str, field: Option<&str>) -> Option<Finding> {
    let word = record.idp.get(idp.name.as_str()).filter(|word| word.state == IdpState::Active)?;
    let what = format!(
        "{} has {:?} as active (said {:.0}), and the roster names nobody with this {}",
        idp.name,
        value(record, field),
        word.said,
        if own == "key" { "key" } else { own }
    );
    let next = "deactivate them at the identity provider, or correct the roster; service accounts do not belong in what it sends here";
    Some(Finding::new(FindingKind::Ghost, what).of_account(&AccountId::new(record.key.as_str())).next(next))
}

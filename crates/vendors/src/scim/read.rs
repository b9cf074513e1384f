//! Reading: pages and looks.

use std::collections::{BTreeMap, BTreeSet};

use connector::{Body, Cursor, Fault, Key, Page, Read, Record};
use model::{Kind, Value};
use serde_json::Value as Json;

use super::Scim;
use super::convert::{self, account_record, encoded, equals, group_record, in_path};
use super::manifest::MANIFEST;
use super::wire::{PAGE, get, get_one, profile};

/// Where a page of a list begins.
enum Start {
    /// At this number, from 1.
    Index(u64),
    /// At this cursor of the application's (RFC 9865).
    Cursor(String),
}

impl Start {
    fn of(cursor: Option<Cursor>) -> Result<Self, Fault> {
        let Some(Cursor(text)) = cursor else { return Ok(Self::Index(1)) };
        match text.split_once(':') {
            Some(("at", number)) => number.parse().map(Self::Index).ok(),
            Some(("cursor", cursor)) => Some(Self::Cursor(cursor.to_owned())),
            _ => None,
        }
        .ok_or_else(|| Fault::Unsupported { what: format!("`{text}` is no place in this list") })
    }

    /// The first page is asked for without saying where it begins: so applications that page by cursor only answer with one.
    fn query(&self) -> String {
        match self {
            Self::Index(1) => format!("count={PAGE}"),
            Self::Index(at) => format!("startIndex={at}&count={PAGE}"),
            Self::Cursor(cursor) => format!("cursor={}&count={PAGE}", encoded(cursor)),
        }
    }
}

/// One page of everything of a kind.
pub(super) async fn read(app: &Scim, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
    match kind {
        Kind::Accounts => page(wire, "/Users", "", after, |raw, path| account_record(app, raw, path)).await,
        Kind::Groups if !profile(wire).groups => Err(Fault::Unsupported {
            what: "groups: the application has none over SCIM; take [app.X.groups] out of the configuration".to_owned(),
        }),
        // Members are looked at group by group, and only where policy manages the group.
        Kind::Groups => match page(wire, "/Groups", "&excludedAttributes=members", after.clone(), group_record).await {
            Err(Fault::Refused { .. }) => page(wire, "/Groups", "", after, group_record).await,
            page => page,
        },
        Kind::Departments => Err(Fault::Unsupported { what: "SCIM has no departments, only a text on the account".to_owned() }),
        Kind::Content | Kind::Enrolments => Err(Fault::Unsupported { what: "SCIM knows accounts and groups only".to_owned() }),
    }
}

/// One page of a list.  The next one begins after as many as came, however many were asked for: applications cap that as they like.
async fn page(
    wire: &Read,
    path: &str,
    query: &str,
    after: Option<Cursor>,
    convert: impl Fn(&Json, &str) -> Result<Record, Fault>,
) -> Result<Page, Fault> {
    let start = Start::of(after)?;
    let answer = get(wire, &format!("{path}?{}{query}", start.query())).await?;
    let list = convert::list(&answer)?;
    let records = list.resources.iter().enumerate().map(|(index, raw)| convert(raw, &format!("Resources[{index}]")));
    let records = records.collect::<Result<Vec<_>, Fault>>()?;
    let next = match (&start, list.cursor) {
        // A cursor that leads to itself has no end.
        (Start::Cursor(now), Some(next)) if now == next => {
            return Err(convert::garbled("nextCursor", "another one", answer.get("nextCursor")));
        }
        (_, Some(next)) => Some(Cursor(format!("cursor:{next}"))),
        (Start::Cursor(_), None) => None,
        (Start::Index(at), None) => {
            let next = at + records.len() as u64;
            (!records.is_empty() && next <= list.total).then(|| Cursor(format!("at:{next}")))
        }
    };
    Ok(Page { records, next, total: Some(list.total), watermark: None })
}

/// Every record with this key.
pub(super) async fn find(app: &Scim, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
    let mut found = BTreeMap::new();
    match (kind, key.attribute.as_str()) {
        (Kind::Accounts, "id") => {
            for id in key.values.iter().filter_map(|id| in_path(id)) {
                if let Some(raw) = get_one(wire, &format!("/Users/{id}")).await? {
                    insert(&mut found, account_record(app, &raw, "user")?);
                }
            }
        }
        (Kind::Accounts, name) if is_known(app, name) => return accounts_with(app, wire, key).await,
        (Kind::Groups, "id") => {
            for id in key.values.iter().filter_map(|id| in_path(id)) {
                if let Some(raw) = get_one(wire, &format!("/Groups/{id}")).await? {
                    insert(&mut found, group_record(&raw, "group")?);
                }
            }
        }
        (Kind::Groups, "name") => {
            for name in &key.values {
                groups_named(wire, name, &mut found).await?;
            }
        }
        _ => {
            return Err(Fault::Unsupported { what: format!("a SCIM application cannot be asked for {kind:?} by `{}`", key.attribute) });
        }
    }
    Ok(found.into_values().collect())
}

/// Whether accounts show this attribute.
pub(super) fn is_known(app: &Scim, attribute: &str) -> bool {
    MANIFEST.attribute(attribute).is_some() || app.declared.contains(attribute)
}

/// How applications write an attribute in a filter: the RFC's way, and where there is one, the way of those that know no other.
fn in_filters(attribute: &str) -> Vec<String> {
    match attribute {
        "emails.work" => vec!["emails.value".to_owned(), "email".to_owned()],
        "emails.home" => vec!["emails.value".to_owned()],
        "manager" => vec![format!("{}:manager.value", scim::urn::ENTERPRISE_USER)],
        name => match convert::Place::of(name) {
            Some(convert::Place::Typed(list, kind, member)) => vec![format!("{list}[type eq \"{kind}\"].{member}")],
            Some(place) => vec![place.path()],
            None => vec![name.to_owned()],
        },
    }
}

/// The accounts with one of the values.  What a filter finds is held against the value: some applications heed none, and give everybody.
async fn accounts_with(app: &Scim, wire: &Read, key: &Key) -> Result<Vec<Record>, Fault> {
    let mut found = BTreeMap::new();
    let values: BTreeSet<&String> = key.values.iter().filter(|value| !value.is_empty()).collect();
    let mut left = BTreeSet::new();
    for value in values {
        let asked = profile(wire).filter && asked_for(app, wire, &key.attribute, value, &mut found).await?;
        if !asked {
            left.insert(value);
        }
    }
    let mut after = None;
    while !left.is_empty() {
        let page = read(app, wire, Kind::Accounts, after).await?;
        take(&key.attribute, key.values.iter(), page.records, &mut found);
        // Only where the attribute is unique is one all that there are.
        if MANIFEST.attribute(&key.attribute).is_some_and(|attribute| attribute.unique) {
            left.retain(|value| !found.values().any(|record| has(record, &key.attribute, value)));
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(found.into_values().collect())
}

/// Asks by a filter; whether the application took it.
async fn asked_for(
    app: &Scim,
    wire: &Read,
    attribute: &str,
    value: &String,
    found: &mut BTreeMap<String, Record>,
) -> Result<bool, Fault> {
    for name in in_filters(attribute) {
        let query = format!("&filter={}", equals(&name, value));
        let mut after = None;
        loop {
            let page = match page(wire, "/Users", &query, after, |raw, path| account_record(app, raw, path)).await {
                Ok(page) => page,
                // It does not know such a filter.
                Err(Fault::Refused { .. }) => break,
                Err(fault) => return Err(fault),
            };
            take(attribute, std::iter::once(value), page.records, found);
            match page.next {
                Some(next) => after = Some(next),
                None => return Ok(true),
            }
        }
    }
    Ok(false)
}

fn take<'a>(
    attribute: &str,
    values: impl Iterator<Item = &'a String> + Clone,
    records: Vec<Record>,
    found: &mut BTreeMap<String, Record>,
) {
    for record in records {
        if values.clone().any(|value| has(&record, attribute, value)) {
            insert(found, record);
        }
    }
}

fn has(record: &Record, attribute: &str, value: &str) -> bool {
    let Body::Account(account) = &record.body else { return false };
    account.attributes.get(attribute).is_some_and(|found| convert::same(attribute, found, &Value::text(value)))
}

/// The groups of this name: by a filter, and where that is refused, by walking through all.
async fn groups_named(wire: &Read, name: &str, found: &mut BTreeMap<String, Record>) -> Result<(), Fault> {
    let filter = format!("&excludedAttributes=members&filter={}", equals("displayName", name));
    'queries: for query in [filter.as_str(), "&excludedAttributes=members", ""] {
        let (mut after, mut named) = (None, Vec::new());
        loop {
            let page = match page(wire, "/Groups", query, after, group_record).await {
                Err(Fault::Refused { .. }) if !query.is_empty() => continue 'queries,
                page => page?,
            };
            named.extend(page.records.into_iter().filter(|record| matches!(&record.body, Body::Group(group) if group.name == name)));
            match page.next {
                Some(next) => after = Some(next),
                None => break,
            }
        }
        named.into_iter().for_each(|record| insert(found, record));
        return Ok(());
    }
    Ok(())
}

fn insert(found: &mut BTreeMap<String, Record>, record: Record) {
    found.insert(record.id.clone(), record);
}

//! Reading: pages, looks, the probe.

use std::collections::{BTreeMap, BTreeSet};

use connector::{Cursor, Fault, Key, Page, Read, Record, clock_ahead_ms};
use model::{Kind, Tenant, Value};
use serde_json::Value as Json;

use super::Lessonly;
use super::convert::{self, CONTENT, account_record, content_record, enrolment_record, garbled, group_record, list};
use super::manifest::{CUSTOM, MANIFEST};
use super::wire::{get, get_one, read_fault};

/// Asks for the cheapest thing there is: it shows whether address and key are right, and what time it is there.
pub(super) async fn probe(app: &Lessonly, wire: &Read) -> Result<Tenant, Fault> {
    let sent = wire.now();
    let answer = wire.get("/ping", &read_fault).await?;
    let pong = answer.json.as_ref().and_then(|json| json.get("response"));
    if pong.and_then(Json::as_str) != Some("pong") {
        return Err(garbled("response", "\"pong\"", pong));
    }
    let mut notes = vec!["the limit of requests is not published: the pace adapts to what Lessonly takes".to_owned()];
    if app.declared.is_empty() {
        notes.push("no custom field is declared in the configuration; the API cannot tell which ones there are".to_owned());
    }
    Ok(Tenant {
        profile: app.profile.name.to_owned(),
        sees_all: Some(true),
        declared: app.declared.clone(),
        clock_ahead_ms: clock_ahead_ms(answer.date, sent),
        notes,
    })
}

/// One page of everything of a kind.
pub(super) async fn read(app: &Lessonly, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
    match kind {
        Kind::Accounts => {
            let page = page_number(after)?;
            let answer = get(wire, &format!("/users?page={page}")).await?;
            let users = list(&answer, Some("users"), "users")?;
            paged(page, users, |raw, path| listed_account(app, raw, path), "users")
        }
        Kind::Groups => Ok(Page { records: groups(wire).await?, next: None, total: None, watermark: None }),
        Kind::Content => {
            // The three lists are the three pages.
            let at = match after {
                None => 0,
                Some(Cursor(name)) => CONTENT.iter().position(|(kind, _)| *kind == name).ok_or_else(|| bad_cursor(&name))?,
            };
            let records = content_list(wire, CONTENT[at].0).await?;
            let next = CONTENT.get(at + 1).map(|(kind, _)| Cursor((*kind).to_owned()));
            Ok(Page { records, next, total: None, watermark: None })
        }
        Kind::Enrolments => Err(Fault::Unsupported { what: "enrolments are read one content at a time".to_owned() }),
        Kind::Departments => Err(Fault::Unsupported { what: "Lessonly has no departments, only a text on the account".to_owned() }),
    }
}

/// Every record with this key.
///
/// By any attribute but the id, accounts are looked for page by page, newest first, until every value was seen: the API has no look-up,
/// and what is looked for at run time was just made.  Of several accounts with one value (only `email` is unique) older ones may be left
/// out.
pub(super) async fn find(app: &Lessonly, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
    let attribute = key.attribute.as_str();
    let mut found = BTreeMap::new();
    match (kind, attribute) {
        (Kind::Accounts, "id") => {
            for id in numbers(key) {
                if let Some(raw) = get_one(wire, &format!("/users/{id}")).await? {
                    convert::typed(&raw, "user")?;
                    insert(&mut found, account_record(&raw, "user", &app.protect)?);
                }
            }
        }
        (Kind::Accounts, _) if is_listed(app, attribute) => return accounts_with(app, wire, key).await,
        (Kind::Groups, "id") => {
            for id in numbers(key) {
                if let Some(raw) = get_one(wire, &format!("/groups/{id}")).await? {
                    let members = raw.get("members");
                    if !members.is_some_and(Json::is_array) {
                        return Err(garbled("group.members", "a list", members));
                    }
                    insert(&mut found, group_record(&raw, "group")?);
                }
            }
        }
        (Kind::Groups, "name") => {
            for record in groups(wire).await? {
                if record.raw.get("name").and_then(Json::as_str).is_some_and(|name| key.values.iter().any(|value| value == name)) {
                    insert(&mut found, record);
                }
            }
        }
        (Kind::Content, "id") => {
            for (kind, _, number) in key.values.iter().filter_map(|id| convert::content_id(id)) {
                if let Some(raw) = get_one(wire, &format!("/{kind}s/{number}")).await? {
                    insert(&mut found, content_record(&raw, kind, kind)?);
                }
            }
        }
        (Kind::Content, "name") => {
            for (kind, _) in CONTENT {
                for record in content_list(wire, kind).await? {
                    if matches!(&record.body, connector::Body::Content(content) if key.values.contains(&content.name)) {
                        insert(&mut found, record);
                    }
                }
            }
        }
        (Kind::Enrolments, "account") => {
            for id in numbers(key) {
                for record in assignments_of(app, wire, id).await?.unwrap_or_default() {
                    insert(&mut found, record);
                }
            }
        }
        (Kind::Enrolments, "content") => {
            for (kind, _, number) in key.values.iter().filter_map(|id| convert::content_id(id)) {
                let mut page = 1;
                while let Some(answer) = get_one(wire, &format!("/{kind}s/{number}/assignments?page={page}")).await? {
                    let read = paged(page, list(&answer, None, "assignments")?, enrolment_record, "assignments")?;
                    read.records.into_iter().for_each(|record| insert(&mut found, record));
                    if read.next.is_none() {
                        break;
                    }
                    page += 1;
                }
            }
        }
        _ => {
            return Err(Fault::Unsupported { what: format!("Lessonly cannot be asked for {kind:?} by `{attribute}`") });
        }
    }
    Ok(found.into_values().collect())
}

/// Whether the list of accounts shows this attribute.
pub(super) fn is_listed(app: &Lessonly, attribute: &str) -> bool {
    MANIFEST.attribute(attribute).is_some() || attribute.strip_prefix(CUSTOM).is_some_and(|field| app.declared.contains(field))
}

/// An account of the list.  Where custom fields are declared, one without them is not taken for one whose fields are empty.
fn listed_account(app: &Lessonly, raw: &Json, path: &str) -> Result<Record, Fault> {
    if !app.declared.is_empty() && raw.get("custom_user_field_data").is_none() {
        return Err(garbled(&format!("{path}.custom_user_field_data"), "a list, as v1.1 of the API has it", None));
    }
    account_record(raw, path, &app.protect)
}

/// All assignments of a user; none when there is no such user.
pub(super) async fn assignments_of(app: &Lessonly, wire: &Read, account: u64) -> Result<Option<Vec<Record>>, Fault> {
    let Some(answer) = get_one(wire, &format!("/users/{account}/assignments")).await? else { return Ok(None) };
    let all = list(&answer, Some(app.profile.user_assignments), "assignments")?;
    records(all, enrolment_record, "assignments").map(Some)
}

/// All groups, without their members.
pub(super) async fn groups(wire: &Read) -> Result<Vec<Record>, Fault> {
    let answer = get(wire, "/groups").await?;
    records(list(&answer, Some("groups"), "groups")?, group_record, "groups")
}

async fn accounts_with(app: &Lessonly, wire: &Read, key: &Key) -> Result<Vec<Record>, Fault> {
    let mut missing: BTreeSet<&String> = key.values.iter().collect();
    let mut found = BTreeMap::new();
    let mut after = None;
    while !missing.is_empty() {
        let page = read(app, wire, Kind::Accounts, after).await?;
        for record in page.records {
            let connector::Body::Account(account) = &record.body else { continue };
            let Some(value) = account.attributes.get(&key.attribute) else { continue };
            let hits: Vec<&String> =
                key.values.iter().filter(|wanted| convert::same(&key.attribute, value, &Value::text(wanted.as_str()))).collect();
            if !hits.is_empty() {
                missing.retain(|wanted| !hits.contains(wanted));
                insert(&mut found, record);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(found.into_values().collect())
}

async fn content_list(wire: &Read, kind: &str) -> Result<Vec<Record>, Fault> {
    let plural = format!("{kind}s");
    let answer = get(wire, &format!("/{plural}")).await?;
    records(list(&answer, None, &plural)?, |raw, path| content_record(raw, path, kind), &plural)
}

fn records(raw: &[Json], convert: impl Fn(&Json, &str) -> Result<Record, Fault>, name: &str) -> Result<Vec<Record>, Fault> {
    raw.iter().enumerate().map(|(index, raw)| convert(raw, &format!("{name}[{index}]"))).collect()
}

/// A page of a paginated list.  A short page is the last; a full one is followed by another, which may be empty (L03).
fn paged(page: u64, raw: &[Json], convert: impl Fn(&Json, &str) -> Result<Record, Fault>, name: &str) -> Result<Page, Fault> {
    let next = (raw.len() >= MANIFEST.page("guide")).then(|| Cursor((page + 1).to_string()));
    Ok(Page { records: records(raw, convert, name)?, next, total: None, watermark: None })
}

fn page_number(after: Option<Cursor>) -> Result<u64, Fault> {
    match after {
        None => Ok(1),
        Some(Cursor(text)) => text.parse().map_err(|_| bad_cursor(&text)),
    }
}

fn bad_cursor(text: &str) -> Fault {
    Fault::Unsupported { what: format!("`{text}` is no place in this list") }
}

/// Ids that can be ids here; no record has any other.
fn numbers(key: &Key) -> impl Iterator<Item = u64> {
    key.values.iter().filter_map(|text| convert::number(text))
}

fn insert(found: &mut BTreeMap<String, Record>, record: Record) {
    found.insert(record.id.clone(), record);
}

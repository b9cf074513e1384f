//! Reading: pages, looks, the probe.

use std::collections::{BTreeMap, BTreeSet};

use connector::{Cursor, Fault, Key, Page, Read, Record, clock_ahead_ms};
use model::{Kind, Tenant, Value};
use serde_json::Value as Json;

use super::Lessonly;
use super::convert::{self, CONTENT, account_record, content_record, enrolment_record, garbled, group_record, list};
use super::manifest::{CUSTOM, MANIFEST};
use super::wire::{Profile, get, get_one, profile, read_fault};

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
        profile: profile(wire).name.to_owned(),
        sees_all: Some(true),
        sees: BTreeSet::new(),
        declared: app.declared.clone(),
        clock_ahead_ms: clock_ahead_ms(answer.date, sent),
        notes,
    })
}

/// One page of everything of a kind.
pub(super) async fn read(app: &Lessonly, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
    match kind {
        Kind::Accounts => accounts(app, wire, after, "").await,
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

/// One page of the accounts; `query` begins with `&` where it filters.
async fn accounts(app: &Lessonly, wire: &Read, after: Option<Cursor>, query: &str) -> Result<Page, Fault> {
    let page = page_number(after)?;
    let answer = get(wire, &format!("/users?page={page}{}{query}", profile(wire).per_page)).await?;
    convert::typed(&answer, "users")?;
    paged(profile(wire), page, &answer, "users", |raw, path| listed_account(app, raw, path))
}

/// Every record with this key.
///
/// Where the profile has no filter for an attribute, accounts are looked for page by page, newest first, until every value was seen: what
/// is looked for at run time was just made.  Of several accounts with one value (only `email` is unique) older ones may then be left out.
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
                for record in assignments_of(wire, id).await?.unwrap_or_default() {
                    insert(&mut found, record);
                }
            }
        }
        (Kind::Enrolments, "content") => {
            for (kind, _, number) in key.values.iter().filter_map(|id| convert::content_id(id)) {
                let (mut page, per_page) = (1, profile(wire).per_page);
                while let Some(answer) = get_one(wire, &format!("/{kind}s/{number}/assignments?page={page}{per_page}")).await? {
                    let read = paged(profile(wire), page, &answer, "assignments", enrolment_record)?;
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
pub(super) async fn assignments_of(wire: &Read, account: u64) -> Result<Option<Vec<Record>>, Fault> {
    let Some(answer) = get_one(wire, &format!("/users/{account}/assignments")).await? else { return Ok(None) };
    let all = list(&answer, Some(profile(wire).user_assignments), "assignments")?;
    records(all, enrolment_record, "assignments").map(Some)
}

/// All groups, without their members.
pub(super) async fn groups(wire: &Read) -> Result<Vec<Record>, Fault> {
    let answer = get(wire, "/groups").await?;
    records(list(&answer, Some("groups"), "groups")?, group_record, "groups")
}

/// The groups that an account is a member of, as it is told in additive readings: ids, and the list as it came.
pub(super) async fn memberships_of(wire: &Read, account: u64) -> Result<Option<(BTreeSet<u64>, Json)>, Fault> {
    let Some(answer) = get_one(wire, &format!("/users/{account}/groups")).await? else { return Ok(None) };
    convert::typed(&answer, "user_groups")?;
    let memberships = convert::memberships(&answer)?;
    Ok(Some((memberships, answer["memberships"].clone())))
}

async fn accounts_with(app: &Lessonly, wire: &Read, key: &Key) -> Result<Vec<Record>, Fault> {
    let filter = profile(wire).filters.iter().find(|(attribute, _)| *attribute == key.attribute);
    match filter {
        Some((_, parameter)) => {
            let mut found = BTreeMap::new();
            for value in key.values.iter().filter(|value| !value.is_empty()) {
                let value: String = form_urlencoded::byte_serialize(value.as_bytes()).collect();
                accounts_among(app, wire, key, &format!("&{parameter}={value}"), true, &mut found).await?;
            }
            Ok(found.into_values().collect())
        }
        None => {
            let mut found = BTreeMap::new();
            accounts_among(app, wire, key, "", false, &mut found).await?;
            Ok(found.into_values().collect())
        }
    }
}

/// The accounts of a list that have one of the values; `all` of them, or until each value was seen.
async fn accounts_among(
    app: &Lessonly,
    wire: &Read,
    key: &Key,
    query: &str,
    all: bool,
    found: &mut BTreeMap<String, Record>,
) -> Result<(), Fault> {
    let mut missing: BTreeSet<&String> = key.values.iter().collect();
    let mut after = None;
    while all || !missing.is_empty() {
        let page = accounts(app, wire, after, query).await?;
        for record in page.records {
            let connector::Body::Account(account) = &record.body else { continue };
            let Some(value) = account.attributes.get(&key.attribute) else { continue };
            let hits: Vec<&String> =
                key.values.iter().filter(|wanted| convert::same(&key.attribute, value, &Value::text(wanted.as_str()))).collect();
            if !hits.is_empty() {
                missing.retain(|wanted| !hits.contains(wanted));
                insert(found, record);
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    Ok(())
}

async fn content_list(wire: &Read, kind: &str) -> Result<Vec<Record>, Fault> {
    let plural = format!("{kind}s");
    let answer = get(wire, &format!("/{plural}")).await?;
    records(list(&answer, None, &plural)?, |raw, path| content_record(raw, path, kind), &plural)
}

fn records(raw: &[Json], convert: impl Fn(&Json, &str) -> Result<Record, Fault>, name: &str) -> Result<Vec<Record>, Fault> {
    raw.iter().enumerate().map(|(index, raw)| convert(raw, &format!("{name}[{index}]"))).collect()
}

/// A page of a paginated list.  Where lists are not counted a short page is the last, and a full one is followed by another, which may be
/// empty (L03).
fn paged(
    profile: &Profile,
    page: u64,
    answer: &Json,
    name: &str,
    convert: impl Fn(&Json, &str) -> Result<Record, Fault>,
) -> Result<Page, Fault> {
    let raw = list(answer, None, name)?;
    let (total, ended) = if profile.counts {
        let count = |member: &str| {
            let found = answer.get(member);
            found.and_then(Json::as_u64).ok_or_else(|| garbled(member, "a whole number", found))
        };
        (Some(count(&format!("total_{name}"))?), page >= count("total_pages")?)
    } else {
        (None, raw.len() < MANIFEST.page(profile.name))
    };
    let next = (!ended).then(|| Cursor((page + 1).to_string()));
    Ok(Page { records: records(raw, convert, name)?, next, total, watermark: None })
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

//! Reading: the probe, pages, and looking things up by a key.

use connector::{Attribute, Cursor, Fault, Key, Page, Read, Record, clock_ahead_ms};
use jiff::Timestamp;
use model::{Kind, Tenant};
use serde_json::Value as Json;

use super::Absorb;
use super::convert::{self, account, id_of, is_uuid, same, value};
use super::manifest::{MANIFEST, PAGE};
use super::wire::{encoded, garbled, get_one, list};

/// Kinds that are plain lists, as the API calls them.
fn plural(kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Accounts => Some("users"),
        Kind::Departments => Some("departments"),
        Kind::Content => Some("courses"),
        Kind::Groups => Some("groups"),
        Kind::Enrolments => None,
    }
}

/// The order in which a list is walked: the same for every page (A05).
fn sort(kind: Kind) -> &'static str {
    if kind == Kind::Accounts { "_sort=username" } else { "" }
}

fn record(absorb: &Absorb, kind: Kind, raw: Json) -> Result<Record, Fault> {
    match kind {
        Kind::Accounts => account(raw, absorb.profile, &absorb.protected),
        Kind::Departments => convert::department(raw),
        Kind::Content => convert::course(raw),
        Kind::Groups => convert::group(raw),
        Kind::Enrolments => Err(unsupported(kind)),
    }
}

fn unsupported(kind: Kind) -> Fault {
    Fault::Unsupported { what: format!("Absorb shows enrolments per account only, so {kind:?} cannot be read as one list") }
}

/// One request: it shows that the log-in works, how many users it sees, and the vendor's clock.  Custom fields are those of the
/// manifest; a portal has all of them, so there is nothing to declare but by configuration.
pub(super) async fn probe(absorb: &Absorb, wire: &Read) -> Result<Tenant, Fault> {
    let sent = wire.now();
    let page = list(wire, "users", "", 1, 0).await?;
    absorb.look.remember_total(page.total);
    let mut notes = vec![format!("the log-in sees {} users", page.total)];
    notes.push(if absorb.scope_all {
        "scope = \"all\" is asserted by configuration; the API cannot tell whether users are hidden from this log-in".to_owned()
    } else {
        "the API cannot tell whether users are hidden from this log-in; if it sees every department, say scope = \"all\"".to_owned()
    });
    if page.date.is_none() {
        notes.push("answers have no Date header, so the clocks cannot be compared".to_owned());
    }
    let sees_all = if !absorb.departments.is_empty() { Some(false) } else { absorb.scope_all.then_some(true) };
    let profile = absorb.profile.name.to_owned();
    Ok(Tenant { profile, sees_all, declared: absorb.declared.clone(), clock_ahead_ms: clock_ahead_ms(page.date, sent), notes })
}

/// One page of a list.
pub(super) async fn read(absorb: &Absorb, wire: &Read, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
    let plural = plural(kind).ok_or_else(|| unsupported(kind))?;
    let offset = match after {
        None => 0,
        Some(Cursor(rows)) => {
            rows.parse().map_err(|_| Fault::Garbled { detail: format!("`{rows}` is no cursor of this connector") })?
        }
    };
    let page = list(wire, plural, sort(kind), PAGE, offset).await?;
    if kind == Kind::Accounts {
        absorb.look.remember_total(page.total);
    }
    let read = offset + page.rows.len();
    let ended = page.rows.is_empty() || read as u64 >= page.total;
    let records = page.rows.into_iter().map(|raw| record(absorb, kind, raw)).collect::<Result<_, _>>()?;
    Ok(Page { records, next: (!ended).then(|| Cursor(read.to_string())), total: Some(page.total), watermark: None })
}

/// Every record with this key.
pub(super) async fn find(absorb: &Absorb, wire: &Read, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
    let mut found = match (kind, key.attribute.as_str()) {
        (Kind::Enrolments, "account") => {
            let mut found = Vec::new();
            for account in &key.values {
                found.extend(enrolments(wire, account).await?.unwrap_or_default());
            }
            return Ok(found);
        }
        (Kind::Enrolments, _) => return Err(unsupported(kind)),
        (Kind::Accounts, attribute) => accounts(absorb, wire, attribute, &key.values).await?,
        (_, attribute) => {
            let member = if matches!(attribute, "id" | "name") { attribute } else { return Err(unknown_key(kind, attribute)) };
            let rows = walk(absorb, wire, kind).await?;
            let is =
                |row: &Json| row.get(member).and_then(Json::as_str).is_some_and(|text| key.values.iter().any(|value| value == text));
            rows.into_iter().filter(is).map(|raw| record(absorb, kind, raw)).collect::<Result<_, _>>()?
        }
    };
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    Ok(found)
}

fn unknown_key(kind: Kind, attribute: &str) -> Fault {
    Fault::Unsupported { what: format!("looking for {kind:?} by {attribute}") }
}

async fn accounts(absorb: &Absorb, wire: &Read, attribute: &str, values: &[String]) -> Result<Vec<Record>, Fault> {
    let by_id = attribute == "id";
    let listed = MANIFEST.attribute(attribute);
    if !by_id && listed.is_none() {
        return Err(unknown_key(Kind::Accounts, attribute));
    }
    let parameter = match attribute {
        "id" => Some("id"),
        "username" => Some("username"),
        "externalId" => Some("externalId"),
        "emailAddress" => Some("email"),
        _ => None,
    };
    let mut found = Vec::new();
    match parameter {
        Some(parameter) if !absorb.look.walk_is_cheaper(values.len()) => {
            for value in values.iter().filter(|value| !value.is_empty()) {
                if by_id {
                    found.extend(user(wire, value).await?.map(|(raw, _)| raw));
                } else {
                    found.extend(all(wire, "users", &format!("{parameter}={}", encoded(value)), None).await?);
                }
            }
        }
        _ => found = walk(absorb, wire, Kind::Accounts).await?,
    }
    let mut records = Vec::new();
    for raw in found {
        let is = match listed {
            None => values.iter().any(|value| raw.get("id").and_then(Json::as_str).is_some_and(|id| id.eq_ignore_ascii_case(value))),
            Some(attribute) => has_any(&raw, attribute, values)?,
        };
        if is {
            records.push(record(absorb, Kind::Accounts, raw)?);
        }
    }
    Ok(records)
}

fn has_any(raw: &Json, attribute: &Attribute, values: &[String]) -> Result<bool, Fault> {
    let held = value(raw, attribute)?;
    Ok(!held.is_null() && values.iter().any(|wanted| same(attribute, &held, &wanted.as_str().into())))
}

/// The user with this id, if this log-in sees one.
pub(super) async fn user(wire: &Read, id: &str) -> Result<Option<(Json, Option<Timestamp>)>, Fault> {
    if !is_uuid(id) {
        return Ok(None);
    }
    let answer = get_one(wire, &format!("/users/{id}")).await?;
    match answer.json.unwrap_or_default() {
        Json::Null => Ok(None),
        raw if id_of(&raw)?.eq_ignore_ascii_case(id) => Ok(Some((raw, answer.date))),
        raw => Err(garbled("GET", "/users/:id", &format!("asked for {id}, id is {}", id_of(&raw)?))),
    }
}

/// A whole list of a kind.
pub(super) async fn walk(absorb: &Absorb, wire: &Read, kind: Kind) -> Result<Vec<Json>, Fault> {
    let plural = plural(kind).ok_or_else(|| unsupported(kind))?;
    let look = (kind == Kind::Accounts).then_some(&absorb.look);
    all(wire, plural, sort(kind), look).await
}

async fn all(wire: &Read, plural: &str, query: &str, look: Option<&super::look::Look>) -> Result<Vec<Json>, Fault> {
    let mut rows = Vec::new();
    loop {
        let page = list(wire, plural, query, PAGE, rows.len()).await?;
        let ended = page.rows.is_empty() || (rows.len() + page.rows.len()) as u64 >= page.total;
        rows.extend(page.rows);
        if ended {
            look.inspect(|look| look.remember_total(page.total));
            return Ok(rows);
        }
    }
}

/// An account's enrolments, history too; none when there is no such account, or none that this log-in sees.
pub(super) async fn enrolments(wire: &Read, account: &str) -> Result<Option<Vec<Record>>, Fault> {
    if !is_uuid(account) {
        return Ok(None);
    }
    let path = format!("/users/{account}/enrollments");
    match get_one(wire, &path).await?.json.unwrap_or_default() {
        Json::Null => Ok(None),
        Json::Array(rows) => {
            let records = rows.into_iter().enumerate().map(|(place, raw)| convert::enrolment(account, raw, place));
            records.collect::<Result<_, _>>().map(Some)
        }
        _ => Err(garbled("GET", "/users/:id/enrollments", "the answer is no list")),
    }
}

//! Reading: pages, what changed, and looking things up by a key.

use connector::{Attribute, Cursor, Fault, Key, Page, Record, Watermark};
use jiff::{SignedDuration, Timestamp};
use model::Kind;
use serde_json::Value as Json;

use super::Absorb;
use super::convert::{self, account, id_of, is_uuid, same, value};
use super::manifest::{MANIFEST, PAGE};
use super::profile::Since;
use super::wire::{Listed, Place, Reader, encoded, garbled, get_one, list, list_of};

/// How far a watermark is behind the vendor's clock: its servers need not agree to the second (A12).
const OVERLAP: SignedDuration = SignedDuration::from_mins(5);
/// The same where changes are asked for by the day: a day begins earlier somewhere else (A21).
const DAY: SignedDuration = SignedDuration::from_hours(24);

/// Where the kinds that are plain lists are.
fn path(kind: Kind) -> Result<&'static str, Fault> {
    match kind {
        Kind::Accounts => Ok("/users"),
        Kind::Departments => Ok("/departments"),
        Kind::Content => Ok("/courses"),
        Kind::Groups => Ok("/groups"),
        Kind::Enrolments => Err(unsupported(kind)),
    }
}

/// The order in which a list is walked: the same for every page (A05).
fn sort(kind: Kind) -> &'static str {
    if kind == Kind::Accounts { "_sort=username" } else { "" }
}

fn record(absorb: &Absorb, reader: Reader<'_>, kind: Kind, raw: Json) -> Result<Record, Fault> {
    match kind {
        Kind::Accounts => account(raw, reader.profile, &absorb.protected),
        Kind::Departments => convert::department(raw),
        Kind::Content => convert::course(raw),
        Kind::Groups => convert::group(raw),
        Kind::Enrolments => Err(unsupported(kind)),
    }
}

fn unsupported(kind: Kind) -> Fault {
    Fault::Unsupported { what: format!("Absorb shows enrolments per account only, so {kind:?} cannot be read as one list") }
}

/// One page of a list.
pub(super) async fn read(absorb: &Absorb, reader: Reader<'_>, kind: Kind, after: Option<Cursor>) -> Result<Page, Fault> {
    let (first, place) = (after.is_none(), place(after)?);
    let listed = list(reader, path(kind)?, sort(kind), PAGE, place).await?;
    if kind == Kind::Accounts {
        absorb.look.remember_total(listed.total);
    }
    page(absorb, reader, kind, listed, first)
}

/// One page of the accounts that were edited since.  What `modifiedSince` cannot show: [`super::manifest::MANIFEST`].
pub(super) async fn changed(absorb: &Absorb, reader: Reader<'_>, since: &Watermark, after: Option<Cursor>) -> Result<Page, Fault> {
    let at = since.0.parse::<Timestamp>().map_err(|_| foreign(&since.0, "watermark"))?;
    let since = match reader.profile.since {
        Since::Day => at.strftime("%Y-%m-%d"),
        Since::Time => at.strftime("%Y-%m-%dT%H:%M:%SZ"),
    };
    let query = format!("{}&modifiedSince={}", sort(Kind::Accounts), encoded(&since.to_string()));
    let (first, place) = (after.is_none(), place(after)?);
    let listed = list(reader, path(Kind::Accounts)?, &query, PAGE, place).await?;
    page(absorb, reader, Kind::Accounts, listed, first)
}

fn place(after: Option<Cursor>) -> Result<Place, Fault> {
    let Some(Cursor(text)) = after else { return Ok(Place::default()) };
    Place::of(&text).ok_or_else(|| foreign(&text, "cursor"))
}

fn foreign(text: &str, what: &str) -> Fault {
    Fault::Garbled { detail: format!("`{text}` is no {what} of this connector") }
}

/// A page in our shape.  The first one of a list has the watermark: what is edited while the others are read comes again later (A12).
fn page(absorb: &Absorb, reader: Reader<'_>, kind: Kind, listed: Listed, first: bool) -> Result<Page, Fault> {
    let Listed { rows, total, date, next } = listed;
    let overlap = match reader.profile.since {
        Since::Day => DAY,
        Since::Time => OVERLAP,
    };
    let mark = date.filter(|_| first && kind == Kind::Accounts).and_then(|date| date.checked_sub(overlap).ok());
    let records = rows.into_iter().map(|raw| record(absorb, reader, kind, raw)).collect::<Result<_, _>>()?;
    let next = next.map(|place| Cursor(place.text()));
    Ok(Page { records, next, total: Some(total), watermark: mark.map(|mark| Watermark(mark.to_string())) })
}

/// Every record with this key.
pub(super) async fn find(absorb: &Absorb, reader: Reader<'_>, kind: Kind, key: &Key) -> Result<Vec<Record>, Fault> {
    let mut found = match (kind, key.attribute.as_str()) {
        (Kind::Enrolments, "account") => {
            let mut found = Vec::new();
            for account in &key.values {
                found.extend(enrolments(reader, account).await?.unwrap_or_default());
            }
            return Ok(found);
        }
        (Kind::Enrolments, _) => return Err(unsupported(kind)),
        (Kind::Accounts, attribute) => accounts(absorb, reader, attribute, &key.values).await?,
        (_, attribute) => {
            let member = if matches!(attribute, "id" | "name") { attribute } else { return Err(unknown_key(kind, attribute)) };
            let rows = walk(absorb, reader, kind).await?;
            let is =
                |row: &Json| row.get(member).and_then(Json::as_str).is_some_and(|text| key.values.iter().any(|value| value == text));
            rows.into_iter().filter(is).map(|raw| record(absorb, reader, kind, raw)).collect::<Result<_, _>>()?
        }
    };
    found.sort_by(|a, b| a.id.cmp(&b.id));
    found.dedup_by(|a, b| a.id == b.id);
    Ok(found)
}

fn unknown_key(kind: Kind, attribute: &str) -> Fault {
    Fault::Unsupported { what: format!("looking for {kind:?} by {attribute}") }
}

async fn accounts(absorb: &Absorb, reader: Reader<'_>, attribute: &str, values: &[String]) -> Result<Vec<Record>, Fault> {
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
                    found.extend(user(reader, value).await?.map(|(raw, _)| raw));
                } else {
                    found.extend(all(reader, "/users", &format!("{parameter}={}", encoded(value)), None).await?);
                }
            }
        }
        _ => found = walk(absorb, reader, Kind::Accounts).await?,
    }
    let mut records = Vec::new();
    for raw in found {
        let is = match listed {
            None => values.iter().any(|value| raw.get("id").and_then(Json::as_str).is_some_and(|id| id.eq_ignore_ascii_case(value))),
            Some(attribute) => has_any(&raw, attribute, values)?,
        };
        if is {
            records.push(record(absorb, reader, Kind::Accounts, raw)?);
        }
    }
    Ok(records)
}

fn has_any(raw: &Json, attribute: &Attribute, values: &[String]) -> Result<bool, Fault> {
    let held = value(raw, attribute)?;
    Ok(!held.is_null() && values.iter().any(|wanted| same(attribute, &held, &wanted.as_str().into())))
}

/// The user with this id, if this log-in sees one.
pub(super) async fn user(reader: Reader<'_>, id: &str) -> Result<Option<(Json, Option<Timestamp>)>, Fault> {
    if !is_uuid(id) {
        return Ok(None);
    }
    let answer = get_one(reader, &format!("/users/{id}")).await?;
    match answer.json.unwrap_or_default() {
        Json::Null => Ok(None),
        raw if id_of(&raw)?.eq_ignore_ascii_case(id) => Ok(Some((raw, answer.date))),
        raw => Err(garbled("GET", "/users/:id", &format!("asked for {id}, id is {}", id_of(&raw)?))),
    }
}

/// A whole list of a kind.
pub(super) async fn walk(absorb: &Absorb, reader: Reader<'_>, kind: Kind) -> Result<Vec<Json>, Fault> {
    let look = (kind == Kind::Accounts).then_some(&absorb.look);
    all(reader, path(kind)?, sort(kind), look).await
}

async fn all(reader: Reader<'_>, path: &str, query: &str, look: Option<&super::look::Look>) -> Result<Vec<Json>, Fault> {
    let (mut rows, mut place) = (Vec::new(), Place::default());
    loop {
        let page = list(reader, path, query, PAGE, place).await?;
        rows.extend(page.rows);
        match page.next {
            Some(next) => place = next,
            None => {
                look.inspect(|look| look.remember_total(page.total));
                return Ok(rows);
            }
        }
    }
}

/// An account's enrolments, history too; none when there is no such account, or none that this log-in sees.
pub(super) async fn enrolments(reader: Reader<'_>, account: &str) -> Result<Option<Vec<Record>>, Fault> {
    if !is_uuid(account) {
        return Ok(None);
    }
    let path = format!("/users/{account}/enrollments");
    let mut rows = Vec::new();
    if reader.profile.enrolments_paged {
        let mut place = Some(Place::default());
        while let Some(at) = place {
            let Some(page) = list_of(reader, &path, PAGE, at).await? else { return Ok(None) };
            rows.extend(page.rows);
            place = page.next;
        }
    } else {
        match get_one(reader, &path).await?.json.unwrap_or_default() {
            Json::Null => return Ok(None),
            Json::Array(listed) => rows = listed,
            _ => return Err(garbled("GET", "/users/:id/enrollments", "the answer is no list")),
        }
    }
    let records = rows.into_iter().enumerate().map(|(place, raw)| convert::enrolment(account, raw, place));
    records.collect::<Result<_, _>>().map(Some)
}

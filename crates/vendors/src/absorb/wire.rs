//! How Absorb is talked to: what statuses mean, the shapes of its answers.

use std::fmt::Write as _;
use std::time::Duration;

use connector::{Answer, Fault, Read, Scope, Write};
use http::StatusCode;
use jiff::Timestamp;
use model::Secret;
use serde_json::Value;

use super::profile::{Offset, Profile};

/// A wire to read with, and the profile that its session speaks.
#[derive(Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) wire: &'a Read,
    pub(super) profile: &'static Profile,
}

impl Reader<'_> {
    /// The time now.
    pub(super) fn now(&self) -> Timestamp {
        self.wire.now()
    }
}

/// A wire to write with, and one to look with.
#[derive(Clone, Copy)]
pub(super) struct Writer<'a> {
    pub(super) wire: &'a Write,
    pub(super) reader: Reader<'a>,
}

/// GET of something that must be there.
pub(super) async fn get(reader: Reader<'_>, path: &str) -> Result<Answer, Fault> {
    let judge = |answer: &Answer| match answer.status {
        StatusCode::NOT_FOUND => Some(Fault::Unreachable {
            detail: format!("GET {path} answered 404: base_url is not the address of an Absorb Integration API"),
        }),
        _ => read_fault(answer, path),
    };
    reader.wire.get(path, &judge).await
}

/// GET of one object by its id; `Null` as body when there is none, or none that this log-in sees.
pub(super) async fn get_one(reader: Reader<'_>, path: &str) -> Result<Answer, Fault> {
    let judge = |answer: &Answer| if answer.status == StatusCode::NOT_FOUND { None } else { read_fault(answer, path) };
    let mut answer = reader.wire.get(path, &judge).await?;
    if answer.status == StatusCode::NOT_FOUND {
        answer.json = Some(Value::Null);
    }
    Ok(answer)
}

fn read_fault(answer: &Answer, path: &str) -> Option<Fault> {
    match answer.status {
        status if status.is_success() => not_json(answer, "GET", path),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => Some(wait(answer)),
        _ => Some(refusal(answer)),
    }
}

/// POST; 422 is an answer where `lists` says that its body may list what was refused.
pub(super) async fn post(writer: Writer<'_>, path: &str, body: &Value, lists: bool) -> Result<Answer, Fault> {
    let judge = |answer: &Answer| match answer.status {
        StatusCode::UNPROCESSABLE_ENTITY if lists && answer.json.as_ref().is_some_and(|json| json.get("errors").is_some()) => None,
        _ => write_fault(answer, "POST", path),
    };
    writer.wire.post(path, body, &judge).await
}

/// PUT.
pub(super) async fn put(writer: Writer<'_>, path: &str, body: &Value) -> Result<Answer, Fault> {
    writer.wire.put(path, Some(body), &|answer: &Answer| write_fault(answer, "PUT", path)).await
}

/// A failure of the server may have written; what it throttled or refused it has not.
fn write_fault(answer: &Answer, method: &str, path: &str) -> Option<Fault> {
    match answer.status {
        status if status.is_success() => not_json(answer, method, path),
        status if status.is_server_error() || status == StatusCode::REQUEST_TIMEOUT => {
            Some(Fault::Unknown { why: format!("{method} {path} answered {status}") })
        }
        _ => match refusal(answer) {
            // A refusal whose reason was lost may be "that is there already": an earlier call may have made it.
            Fault::Refused { .. } if answer.json.is_none() => {
                Some(Fault::Unknown { why: format!("{method} {path} answered {} with a body that is not JSON", answer.status) })
            }
            fault => Some(fault),
        },
    }
}

/// What a 4xx means whatever was asked.
fn refusal(answer: &Answer) -> Fault {
    match answer.status {
        StatusCode::UNAUTHORIZED => Fault::Denied { scope: Scope::Session },
        StatusCode::FORBIDDEN => Fault::Denied { scope: Scope::Object(detail(answer)) },
        StatusCode::TOO_MANY_REQUESTS => wait(answer),
        status => Fault::Refused { code: status.as_u16().to_string(), detail: detail(answer) },
    }
}

pub(super) fn wait(answer: &Answer) -> Fault {
    Fault::Wait { after: answer.retry_after.map(Duration::from_secs), why: answer.status.to_string() }
}

pub(super) fn not_json(answer: &Answer, method: &str, path: &str) -> Option<Fault> {
    let is_json = answer.json.as_ref().is_some_and(|json| !json.is_null());
    (!is_json).then(|| garbled(method, path, &format!("{} with a body that is not JSON", answer.status)))
}

/// `message` and `validations` of an error, else the body's beginning.
pub(super) fn detail(answer: &Answer) -> String {
    let member = |value: &Value, name: &str| value.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
    let Some(json) = answer.json.as_ref().filter(|json| json.is_object()) else { return answer.text.trim().to_owned() };
    let message = member(json, "message");
    if !message.is_empty() {
        return message;
    }
    let validations = json.get("validations").and_then(Value::as_array).into_iter().flatten();
    let listed: Vec<String> = validations.map(|one| format!("{} {}", member(one, "field"), member(one, "message"))).collect();
    if listed.is_empty() { answer.text.trim().to_owned() } else { listed.join("; ") }
}

/// What a vendor said, without the secrets that it may have said back (P11).
pub(super) fn redacted(text: String, secrets: &[&Secret]) -> String {
    let secrets = secrets.iter().map(|secret| secret.expose()).filter(|secret| !secret.is_empty());
    secrets.fold(text, |text, secret| {
        let in_a_form: String = form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        [secret, &in_a_form, &encoded(secret)].into_iter().fold(text, |text, spelling| text.replace(spelling, "…"))
    })
}

/// An answer that is not what the contract says (A16).
pub(super) fn garbled(method: &str, path: &str, what: &str) -> Fault {
    let path = path.split('?').next().unwrap_or(path);
    Fault::Garbled { detail: format!("{method} {path}: {what}") }
}

/// How far one has come in a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    rows: usize,
    pages: usize,
}

impl Place {
    /// At the beginning.
    pub(super) fn is_first(self) -> bool {
        self == Self::default()
    }

    /// `ROWS/PAGES`, as a cursor keeps it.
    pub(super) fn text(self) -> String {
        format!("{}/{}", self.rows, self.pages)
    }

    /// Of a cursor's text.
    pub(super) fn of(text: &str) -> Option<Self> {
        let (rows, pages) = text.split_once('/')?;
        Some(Self { rows: rows.parse().ok()?, pages: pages.parse().ok()? })
    }
}

/// A list envelope, taken apart.
pub(super) struct Listed {
    pub(super) rows: Vec<Value>,
    /// How many there are in all.
    pub(super) total: u64,
    /// The vendor's clock.
    pub(super) date: Option<Timestamp>,
    /// Where the next page begins; none after the last.
    pub(super) next: Option<Place>,
}

/// GET of one page of a list, `limit` rows from `place`; `path` ends in what the list is called, `query` has no question mark and may be
/// empty.
pub(super) async fn list(reader: Reader<'_>, path: &str, query: &str, limit: usize, place: Place) -> Result<Listed, Fault> {
    let path = page_path(reader.profile, path, query, limit, place);
    take_apart(&path, place, get(reader, &path).await?)
}

/// As [`list`], of something that one object has; none when there is no such object, or none that this log-in sees.
pub(super) async fn list_of(reader: Reader<'_>, path: &str, limit: usize, place: Place) -> Result<Option<Listed>, Fault> {
    let path = page_path(reader.profile, path, "", limit, place);
    let answer = get_one(reader, &path).await?;
    if answer.status == StatusCode::NOT_FOUND { Ok(None) } else { take_apart(&path, place, answer).map(Some) }
}

fn page_path(profile: &Profile, path: &str, query: &str, limit: usize, place: Place) -> String {
    let and = if query.is_empty() { "" } else { "&" };
    let offset = match profile.offset {
        Offset::Rows => place.rows,
        Offset::Pages => place.pages,
    };
    format!("{path}?{query}{and}_limit={limit}&_offset={offset}")
}

fn take_apart(path: &str, place: Place, answer: Answer) -> Result<Listed, Fault> {
    let plural = path.split('?').next().and_then(|path| path.rsplit('/').next()).unwrap_or_default();
    let mut body = answer.json.unwrap_or_default();
    let total = body.get("totalItems").and_then(Value::as_u64);
    let total = total.ok_or_else(|| garbled("GET", path, "totalItems is missing or no number"))?;
    let Some(Value::Array(rows)) = body.get_mut(plural).map(Value::take) else {
        return Err(garbled("GET", path, &format!("{plural} is missing or no list")));
    };
    let read = Place { rows: place.rows + rows.len(), pages: place.pages + 1 };
    let ended = rows.is_empty() || read.rows as u64 >= total;
    Ok(Listed { rows, total, date: answer.date, next: (!ended).then_some(read) })
}

/// A value for a query, percent-encoded.
pub(super) fn encoded(text: &str) -> String {
    text.bytes().fold(String::with_capacity(text.len()), |mut out, byte| {
        match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => out.push(char::from(byte)),
            _ => write!(out, "%{byte:02X}").expect("a string takes all that is written to it"),
        }
        out
    })
}

/// A .NET date, with or without a zone, as an instant; without one it is UTC.
pub(super) fn instant(text: &str) -> Option<Timestamp> {
    text.parse().ok().or_else(|| {
        let zoneless: jiff::civil::DateTime = text.parse().ok()?;
        zoneless.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|zoned| zoned.timestamp())
    })
}

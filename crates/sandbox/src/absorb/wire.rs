//! What goes over the wire and means the same for every call: request parts, envelopes, refusals, dates (contract, section 2).

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Serialize;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::profile::{Offset, Profile};
use crate::backend::LedgerFailed;
use crate::call::{Call, pairs};
use crate::faults::Shuffle;

/// A request taken apart: its path in lower case, its query, and the call they came with.
pub(super) struct Request<'a> {
    pub(super) call: &'a Call,
    path: String,
    pub(super) query: Query,
}

impl<'a> Request<'a> {
    pub(super) fn of(call: &'a Call) -> Self {
        let (path, query) = call.path.split_once('?').unwrap_or((&call.path, ""));
        Self { call, path: path.to_ascii_lowercase(), query: Query::of(query, call.shuffle.clone()) }
    }

    /// The parts of the path, empty ones left out: neither case nor trailing slashes matter.
    pub(super) fn segments(&self) -> Vec<&str> {
        self.path.split('/').filter(|part| !part.is_empty()).collect()
    }

    /// The body as a JSON object: 400 when it is not one (CHOSEN).
    pub(super) fn members(&self) -> Result<Members, Refusal> {
        match self.json()? {
            Value::Object(map) => Ok(Members::of(map)),
            _ => Err(Refusal::malformed("the body must be a JSON object")),
        }
    }

    /// The body as a JSON array: 400 when it is not one (CHOSEN).
    pub(super) fn items(&self) -> Result<Vec<Value>, Refusal> {
        match self.json()? {
            Value::Array(items) => Ok(items),
            _ => Err(Refusal::malformed("the body must be a JSON array")),
        }
    }

    /// The body as JSON.
    pub(super) fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.call.body).map_err(|error| Refusal::malformed(format!("the body is not JSON: {error}")))
    }
}

/// Members of a JSON object, found without regard to case.
#[derive(Default)]
pub(super) struct Members(BTreeMap<String, Value>);

impl Members {
    /// Folds the names; of two that differ in case only the last counts.
    pub(super) fn of(map: Map<String, Value>) -> Self {
        Self(map.into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect())
    }

    /// The value of a member, also when it is null.
    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(&name.to_ascii_lowercase())
    }

    /// The value of a member that is there and not null.
    pub(super) fn given(&self, name: &str) -> Option<&Value> {
        self.get(name).filter(|value| !value.is_null())
    }
}

/// The query string, names without regard to case.
pub(super) struct Query {
    pairs: Vec<(String, String)>,
    shuffle: Option<Shuffle>,
}

impl Query {
    fn of(text: &str, shuffle: Option<Shuffle>) -> Self {
        let pairs = pairs(text).into_iter().map(|(name, value)| (name.to_ascii_lowercase(), value)).collect();
        Self { pairs, shuffle }
    }

    /// The first value under a name; an empty one counts as left out.
    pub(super) fn get(&self, name: &str) -> Option<&str> {
        let name = name.to_ascii_lowercase();
        self.pairs.iter().find(|(found, value)| *found == name && !value.is_empty()).map(|(_, value)| value.as_str())
    }

    /// The query as one text, without these parameters.
    pub(super) fn without(&self, names: &[&str]) -> String {
        let kept = self.pairs.iter().filter(|(name, _)| !names.contains(&name.as_str()));
        kept.map(|(name, value)| format!("{name}={value}\n")).collect()
    }

    /// `modifiedSince` as an instant; a day begins at midnight UTC.
    pub(super) fn modified_since(&self) -> Result<Option<Timestamp>, Refusal> {
        let Some(text) = self.get("modifiedSince") else { return Ok(None) };
        let instant = parse_date(text).and_then(instant_of);
        instant.map(Some).ok_or_else(|| Refusal::invalid("modifiedSince", "must be a day or a time in ISO 8601"))
    }
}

/// The part of a list that was asked for.
pub(super) struct Window {
    pub(super) limit: usize,
    /// As asked for: rows or pages.
    pub(super) offset: usize,
    /// Rows before it.
    pub(super) skip: usize,
    /// Records that moved while somebody reads: a fault on demand.
    shuffle: Option<Shuffle>,
}

impl Window {
    /// `_limit` and `_offset`; 422 when one is no number or the limit is outside its bounds.
    pub(super) fn of(query: &Query, profile: &Profile) -> Result<Self, Refusal> {
        let limit = match query.get("_limit") {
            None => profile.limit_default,
            Some(text) => match text.parse() {
                Ok(limit) if (1..=profile.limit_max).contains(&limit) => limit,
                _ => return Err(Refusal::invalid("_limit", format!("must be a number from 1 to {}", profile.limit_max))),
            },
        };
        let offset = match query.get("_offset") {
            None => 0,
            Some(text) => text.parse().map_err(|_| Refusal::invalid("_offset", "must be a number from 0"))?,
        };
        let skip = match profile.offset {
            Offset::Rows => offset,
            Offset::Pages => limit.saturating_mul(offset),
        };
        Ok(Self { limit, offset, skip, shuffle: query.shuffle.clone() })
    }

    /// Which rows of `total` are on the page when some have moved; None: those of the window.
    pub(super) fn moved(&self, total: usize) -> Option<Vec<usize>> {
        self.shuffle.as_ref()?.rows(total, self.skip, self.limit)
    }

    /// The rows of the window out of all.
    pub(super) fn cut<T>(&self, all: impl IntoIterator<Item = T>) -> Vec<T> {
        if self.shuffle.is_none() {
            return all.into_iter().skip(self.skip).take(self.limit).collect();
        }
        let mut all: Vec<Option<T>> = all.into_iter().map(Some).collect();
        match self.moved(all.len()) {
            Some(rows) => rows.into_iter().filter_map(|row| all[row].take()).collect(),
            None => all.into_iter().skip(self.skip).take(self.limit).flatten().collect(),
        }
    }
}

/// The list envelope: `{totalItems, returnedItems, limit, offset, <plural>: […]}`.
pub(super) struct Listed<'a, T> {
    pub(super) plural: &'static str,
    pub(super) window: &'a Window,
    pub(super) total: usize,
    pub(super) rows: Vec<T>,
}

impl<T: Serialize> Serialize for Listed<'_, T> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        use serde::ser::SerializeMap;
        let mut map = serializer.serialize_map(Some(5))?;
        map.serialize_entry("totalItems", &self.total)?;
        map.serialize_entry("returnedItems", &self.rows.len())?;
        map.serialize_entry("limit", &self.window.limit)?;
        map.serialize_entry("offset", &self.window.offset)?;
        map.serialize_entry(self.plural, &self.rows)?;
        map.end()
    }
}

/// An answer: a status and, unless it is bare, a JSON body.
#[derive(Debug)]
pub(super) struct Reply {
    pub(super) status: StatusCode,
    pub(super) body: Vec<u8>,
}

impl Reply {
    pub(super) fn json(status: StatusCode, body: &impl Serialize) -> Self {
        let body = serde_json::to_vec(body).expect("records have text keys and finite numbers");
        Self { status, body }
    }

    pub(super) fn ok(body: &impl Serialize) -> Self {
        Self::json(StatusCode::OK, body)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> Response {
        (self.status, [(CONTENT_TYPE, "application/json")], self.body).into_response()
    }
}

/// One complaint about one member.
#[derive(Debug, Clone, Serialize, PartialEq, Eq)]
pub(super) struct Validation {
    pub(super) field: String,
    pub(super) message: String,
}

impl Validation {
    pub(super) fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }
}

/// Why a call was refused; becomes `{validations, code, message, term, _meta}`.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
    pub(super) validations: Vec<Validation>,
}

impl Refusal {
    pub(super) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into(), validations: Vec::new() }
    }

    /// 400: the body cannot be read at all.
    pub(super) fn malformed(message: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "malformed", message)
    }

    /// 401: the three reasons share the status and differ in the code (CHOSEN).
    pub(super) fn unauthorized(code: &'static str, message: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, code, message)
    }

    /// 403: outside the departments of the calling admin.
    pub(super) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", message)
    }

    /// 404: not there, or not visible to the calling admin; the answer is the same.
    pub(super) fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "notFound", format!("{what} was not found"))
    }

    /// 405: the path is known, the verb is not.
    pub(super) fn verb() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "methodNotAllowed", "this path does not take that method")
    }

    /// 409: what is there contradicts the request.
    pub(super) fn conflict(message: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, "stateConflict", message)
    }

    /// 422 for one member.
    pub(super) fn invalid(field: &str, message: impl Into<String>) -> Self {
        Self::validations(vec![Validation::new(field, message)])
    }

    /// 422 for several members.
    pub(super) fn validations(validations: Vec<Validation>) -> Self {
        let message = validations.iter().map(|v| format!("{} {}", v.field, v.message)).collect::<Vec<_>>().join("; ");
        Self { status: StatusCode::UNPROCESSABLE_ENTITY, code: "validation", message, validations }
    }
}

impl From<LedgerFailed> for Refusal {
    fn from(LedgerFailed(why): LedgerFailed) -> Self {
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "ledger", why)
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        let body = json!({
            "validations": refusal.validations,
            "code": refusal.code,
            "message": refusal.message,
            "term": format!("error.{}", refusal.code),
            "_meta": {},
        });
        Self::json(refusal.status, &body)
    }
}

/// An id in a path or a body; one that is no UUID is 422.
pub(super) fn parse_id(field: &str, text: &str) -> Result<Uuid, Refusal> {
    Uuid::try_parse(text).map_err(|_| Refusal::invalid(field, "is not a UUID"))
}

/// Folds text for comparing: the portal compares without case.
pub(super) fn fold(text: &str) -> String {
    text.to_lowercase()
}

/// A day or a time, with or without `Z` or an offset, as UTC.
pub(super) fn parse_date(text: &str) -> Option<DateTime> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Some(TimeZone::UTC.to_datetime(instant));
    }
    text.parse::<DateTime>().ok()
}

/// The instant of a time in UTC; none at the ends of the calendar.
pub(super) fn instant_of(date: DateTime) -> Option<Timestamp> {
    TimeZone::UTC.to_timestamp(date).ok()
}

/// .NET style: milliseconds when there are any, no zone.
pub(super) fn show_date(date: DateTime) -> String {
    let millis = date.millisecond();
    let seconds = date.strftime("%Y-%m-%dT%H:%M:%S");
    if millis == 0 { seconds.to_string() } else { format!("{seconds}.{millis:03}") }
}

/// An instant of the sandbox's clock, as records carry it.
pub(super) fn show_instant(instant: Timestamp) -> String {
    show_date(TimeZone::UTC.to_datetime(instant))
}

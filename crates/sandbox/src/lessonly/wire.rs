//! Envelopes, errors and bodies.

use axum::extract::{FromRequestParts, Path};
use axum::http::{StatusCode, header, request::Parts};
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde_json::{Map, Value, json};

use super::profile::Profile;
use crate::backend::LedgerFailed;
use crate::call::{Call, pairs};

/// A request that is refused, with nothing changed: `{"error": "…"}`.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: StatusCode,
    pub(super) error: String,
}

impl Refusal {
    /// 400: a parameter is malformed or missing.
    pub(super) fn malformed(error: impl Into<String>) -> Self {
        Self { status: StatusCode::BAD_REQUEST, error: error.into() }
    }

    /// 404: there is no such object.
    pub(super) fn missing(what: &str) -> Self {
        Self { status: StatusCode::NOT_FOUND, error: format!("{what} not found") }
    }
}

impl From<LedgerFailed> for Refusal {
    fn from(LedgerFailed(error): LedgerFailed) -> Self {
        Self { status: StatusCode::INTERNAL_SERVER_ERROR, error }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        answer(self.status, &json!({ "error": self.error }))
    }
}

/// An answer with a JSON body.
pub(super) fn answer(status: StatusCode, body: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json; charset=utf-8")], body.to_string()).into_response()
}

/// 200.
pub(super) fn ok(body: Value) -> Response {
    answer(StatusCode::OK, &body)
}

/// The record with its envelope's `type`.
pub(super) fn typed(kind: &str, mut record: Value) -> Value {
    record["type"] = kind.into();
    record
}

/// The variable part of a path.
#[derive(Debug)]
pub(super) struct Segment(pub(super) String);

impl<S: Send + Sync> FromRequestParts<S> for Segment {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let found = Path::<String>::from_request_parts(parts, state).await;
        found.map(|Path(text)| Self(text)).map_err(|error| Refusal::malformed(error.body_text()))
    }
}

/// An id in a path: digits only.
pub(super) fn id(text: &str) -> Option<u64> {
    text.bytes().all(|b| b.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The part of a list that the `page` asked for holds.  A page past the end is empty.
pub(super) fn page<T: Copy>(call: &Call, profile: &Profile, all: impl ExactSizeIterator<Item = T>) -> Result<Vec<T>, Refusal> {
    let page = match call.param("page") {
        None => 1,
        Some(text) => text
            .parse::<usize>()
            .ok()
            .filter(|page| *page > 0)
            .ok_or_else(|| Refusal::malformed(format!("page `{text}` is no page number")))?,
    };
    let before = (page - 1).saturating_mul(profile.page).min(all.len());
    Ok(all.skip(before).take(profile.page).collect())
}

/// An instant in a parameter; a day is its first moment in UTC.
pub(super) fn instant(name: &str, text: &str) -> Result<Timestamp, Refusal> {
    let day = || text.parse::<Date>().ok()?.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp());
    text.parse().ok().or_else(day).ok_or_else(|| Refusal::malformed(format!("{name} `{text}` is no date or time")))
}

/// The API dates to the second.
pub(super) fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_second(at.as_second()).unwrap_or(at)
}

/// A request's body: JSON or a form, which mean the same.
#[derive(Debug, Default)]
pub(super) struct Params(Map<String, Value>);

impl Params {
    /// Reads the body.  What begins like JSON is JSON whatever its type says; no body is no parameters.
    pub(super) fn of(call: &Call) -> Result<Self, Refusal> {
        let body = call.body.trim_ascii();
        if body.is_empty() {
            return Ok(Self::default());
        }
        let json =
            body.starts_with(b"{") || body.starts_with(b"[") || call.header("content-type").is_some_and(|kind| kind.contains("json"));
        if !json {
            let text = str::from_utf8(body).map_err(|_| Refusal::malformed("the body is not UTF-8"))?;
            return form(text).map(Self);
        }
        match serde_json::from_slice(body) {
            Ok(Value::Object(map)) => Ok(Self(map)),
            Ok(_) => Err(Refusal::malformed("the body is not a JSON object")),
            Err(error) => Err(Refusal::malformed(format!("the body is not JSON: {error}"))),
        }
    }

    /// The parameters of a change by hand.
    pub(super) fn by_hand(fields: Value) -> Result<Self, Refusal> {
        match fields {
            Value::Object(map) => Ok(Self(map)),
            _ => Err(Refusal::malformed("give an object of the fields to set")),
        }
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name)
    }

    /// Text: absent is None, null is Some(None).
    pub(super) fn text(&self, name: &str) -> Result<Option<Option<&str>>, Refusal> {
        match self.0.get(name) {
            None => Ok(None),
            Some(Value::Null) => Ok(Some(None)),
            Some(Value::String(text)) => Ok(Some(Some(text))),
            Some(_) => Err(Refusal::malformed(format!("{name} must be a string"))),
        }
    }

    /// A list of objects; absent and null are none.
    pub(super) fn objects(&self, name: &str) -> Result<Vec<&Map<String, Value>>, Refusal> {
        let wrong = || Refusal::malformed(format!("{name} must be a list of objects"));
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(Vec::new()),
            Some(Value::Array(items)) => items.iter().map(|item| item.as_object().ok_or_else(wrong)).collect(),
            Some(_) => Err(wrong()),
        }
    }
}

/// An id in an object of a list.
pub(super) fn id_in(object: &Map<String, Value>, list: &str, name: &str) -> Result<u64, Refusal> {
    object.get(name).and_then(Value::as_u64).ok_or_else(|| Refusal::malformed(format!("{list}: every item needs an integer {name}")))
}

/// Whether an item of a list asks to be taken out: `remove: "true"`.
pub(super) fn removes(object: &Map<String, Value>) -> bool {
    matches!(object.get("remove"), Some(Value::Bool(true))) || object.get("remove").is_some_and(|v| v == "true")
}

/// A form, with `a[b]` for an object, `a[]` for a list and `a[][b]` for a list of objects, where a member seen before begins
/// the next object.  Ids are read as integers.
fn form(text: &str) -> Result<Map<String, Value>, Refusal> {
    let mut map = Map::new();
    for (key, text) in pairs(text) {
        let (name, rest) = key.split_once('[').unwrap_or((&key, ""));
        let wrong = || Refusal::malformed(format!("form parameter `{key}` cannot be read"));
        let member = rest.trim_start_matches("][").trim_end_matches(']');
        let value = leaf(if member.is_empty() { name } else { member }, text);
        if rest.is_empty() {
            map.insert(name.to_owned(), value);
        } else if rest == "]" {
            let list = map.entry(name).or_insert_with(|| json!([])).as_array_mut().ok_or_else(wrong)?;
            // `group_ids[]=` alone is how a form says: none.
            if value != "" {
                list.push(value);
            }
        } else if rest.starts_with("][") {
            let list = map.entry(name).or_insert_with(|| json!([])).as_array_mut().ok_or_else(wrong)?;
            if list.last().is_none_or(|last| last.get(member).is_some()) {
                list.push(json!({}));
            }
            let last = list.last_mut().and_then(Value::as_object_mut).ok_or_else(wrong)?;
            last.insert(member.to_owned(), value);
        } else {
            let object = map.entry(name).or_insert_with(|| json!({})).as_object_mut().ok_or_else(wrong)?;
            object.insert(member.to_owned(), value);
        }
    }
    Ok(map)
}

fn leaf(name: &str, text: String) -> Value {
    let id = name == "id" || name.ends_with("_id") || name.ends_with("_ids");
    match text.parse::<u64>() {
        Ok(number) if id => number.into(),
        _ => text.into(),
    }
}

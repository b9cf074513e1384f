//! The parameters in a request's body: JSON or a form, which mean the same.

use serde_json::{Map, Value};

use super::form::form;
use super::profile::Profile;
use super::wire::Refusal;
use crate::call::Call;

/// Parameters that a number may stand for where the profile says so: codes that an HR system holds as numbers.
const CODES: [&str; 7] = ["ext_uid", "job_title", "business_unit", "department", "location", "locale", "manager_name"];

/// A request's parameters.
#[derive(Debug, Default)]
pub(super) struct Params(Map<String, Value>);

impl Params {
    /// Reads the body.  What begins like JSON is JSON and what looks like a form is a form, whatever its type says; no body
    /// is no parameters.
    pub(super) fn of(call: &Call, profile: &Profile) -> Result<Self, Refusal> {
        let mut map = parsed(call)?;
        if !profile.group_ids {
            map.remove("group_ids");
        }
        if profile.casts {
            for code in CODES {
                if let Some(value) = map.get_mut(code)
                    && value.is_number()
                {
                    *value = value.to_string().into();
                }
            }
        }
        Ok(Self(map))
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

    /// A list of objects; absent and null are None.
    pub(super) fn objects(&self, name: &str) -> Result<Option<Vec<&Map<String, Value>>>, Refusal> {
        let wrong = || Refusal::malformed(format!("{name} must be a list of objects"));
        match self.0.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::Array(items)) => {
                items.iter().map(|item| item.as_object().ok_or_else(wrong)).collect::<Result<_, _>>().map(Some)
            }
            Some(_) => Err(wrong()),
        }
    }
}

fn parsed(call: &Call) -> Result<Map<String, Value>, Refusal> {
    let body = call.body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(&call.body).trim_ascii();
    let typed_json = || call.header("content-type").is_some_and(|kind| kind.to_ascii_lowercase().contains("json"));
    let json = match body.first() {
        None => return Ok(Map::new()),
        Some(b'{' | b'[' | b'"') => true,
        Some(_) => typed_json() && !body.contains(&b'='),
    };
    if json {
        return match serde_json::from_slice(body) {
            Ok(Value::Object(map)) => Ok(map),
            Ok(_) => Err(Refusal::malformed("the body is not a JSON object")),
            Err(error) => Err(Refusal::malformed(format!("the body is not JSON: {error}"))),
        };
    }
    let text = str::from_utf8(body).map_err(|_| Refusal::malformed("the body is not UTF-8"))?;
    form(text).map_err(|key| Refusal::malformed(format!("form parameter `{key}` cannot be read")))
}

/// An id, as a number or as its digits.
pub(super) fn id_of(value: &Value) -> Option<u64> {
    match value {
        Value::String(digits) => super::wire::id(digits),
        other => other.as_u64(),
    }
}

/// An id in an object of a list.
pub(super) fn id_in(object: &Map<String, Value>, list: &str, name: &str) -> Result<u64, Refusal> {
    let id = object.get(name).and_then(id_of);
    id.ok_or_else(|| Refusal::malformed(format!("{list}: every item needs an integer {name}")))
}

/// Whether an item of a list asks to be taken out: `remove: "true"`.
pub(super) fn removes(object: &Map<String, Value>) -> bool {
    object.get("remove").is_some_and(|value| *value == true || value == "true")
}

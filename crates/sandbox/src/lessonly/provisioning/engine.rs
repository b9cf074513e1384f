//! The vendor's reading: its own engine as it really answers.
//!
//! No discovery, no groups, no DELETE; ids are integers, there is no `meta`; the e-mail is `emails[0].value`, whatever `userName` says.
//! CHOSEN: a value that cannot be is 422; texts of a filter are compared without regard to case; a `startIndex` or `count` that is no
//! number from 1 up is as if it were not there; what the engine does not know is ignored.

use axum::http::StatusCode;
use axum::response::Response;
use scim::{Error, ScimType, urn};
use serde_json::{Map, Value, json};

use super::users::{finished, keep_names, names, new, set};
use crate::call::Call;
use crate::lessonly::App;
use crate::lessonly::records::User;
use crate::lessonly::state::State;
use crate::lessonly::wire;
use crate::provisioning::{refused, said};

/// Results of a page where nothing is said.
const PAGE: usize = 100;

/// Answers one request.
pub(super) fn answer(app: &App, call: &Call) -> Response {
    let path = call.path.split_once('?').map_or(call.path.as_str(), |(path, _)| path);
    let segments: Vec<&str> = path.split('/').filter(|part| !part.is_empty()).skip(2).collect();
    let answered = match (call.method.as_str(), segments.as_slice()) {
        ("GET", ["Users"]) => list(app, call),
        ("POST", ["Users"]) => create(app, call),
        ("GET", ["Users", id]) => app.backend.read(|state| known(state, id).map(|user| (StatusCode::OK, shown(user)))),
        ("PUT", ["Users", id]) => replace(app, call, id),
        ("PATCH", ["Users", id]) => patch(app, call, id),
        _ => Err(Error::new(404, format!("No route matches {} {path}", call.method))),
    };
    match answered {
        Ok((status, body)) => said(status, Some(&body)),
        Err(error) => refused(&error),
    }
}

type Answered = Result<(StatusCode, Value), Error>;

fn list(app: &App, call: &Call) -> Answered {
    let wanted = call.param("filter").map(Wanted::read).transpose()?;
    let number = |name, default| call.param(name).and_then(|text| text.parse().ok()).filter(|number| *number > 0).unwrap_or(default);
    let (start, count) = (number("startIndex", 1), number("count", PAGE));
    app.backend.read(|state| {
        let found: Vec<&User> = match &wanted {
            Some(wanted) => wanted.among(state).into_iter().filter(|user| wanted.is(user)).collect(),
            None => state.users.values().collect(),
        };
        let moved = call.shuffle.as_ref().and_then(|shuffle| shuffle.rows(found.len(), start - 1, count));
        let rows = moved.unwrap_or_else(|| (start - 1..found.len()).take(count).collect());
        let resources: Vec<Value> = rows.into_iter().filter_map(|row| found.get(row).map(|user| shown(user))).collect();
        let body = json!({
            "schemas": [urn::LIST_RESPONSE],
            "totalResults": found.len(),
            "startIndex": start,
            "itemsPerPage": resources.len(),
            "Resources": resources,
        });
        Ok((StatusCode::OK, body))
    })
}

/// One comparison.
struct Wanted {
    attribute: &'static str,
    value: String,
}

impl Wanted {
    fn read(filter: &str) -> Result<Self, Error> {
        let wrong = || {
            let detail = "The specified filter syntax was invalid, or the specified attribute and filter comparison combination is not supported.";
            Error::bad(ScimType::InvalidFilter, detail)
        };
        let mut parts = filter.trim().splitn(3, ' ');
        let (attribute, operator) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        let attribute = ["userName", "email", "givenName", "familyName"].into_iter().find(|name| *name == attribute);
        let attribute = attribute.filter(|_| operator.eq_ignore_ascii_case("eq")).ok_or_else(wrong)?;
        // A text in quotes, or one word.
        let text = parts.next().unwrap_or_default().trim();
        let value = match serde_json::from_str::<Value>(text) {
            Ok(Value::String(value)) => value,
            _ if !text.is_empty() && !text.contains(['"', ' ', '(', ')', '[', ']']) => text.to_owned(),
            _ => return Err(wrong()),
        };
        Ok(Self { attribute, value: value.to_lowercase() })
    }

    fn among<'s>(&self, state: &'s State) -> Vec<&'s User> {
        match self.attribute {
            "userName" | "email" => state.owner(&self.value).and_then(|id| state.users.get(&id)).into_iter().collect(),
            _ => state.users.values().collect(),
        }
    }

    fn is(&self, user: &User) -> bool {
        let (given, family) = names(user);
        let text = match self.attribute {
            "givenName" => given,
            "familyName" => family,
            _ => Some(user.email.as_str()),
        };
        text.is_some_and(|text| text.to_lowercase() == self.value)
    }
}

/// `POST /Users`: 201 also where the e-mail is a user's of this company, who is updated, archived or not.
fn create(app: &App, call: &Call) -> Answered {
    let asked = Asked::read(call)?;
    let user = app.backend.write(call, |state, now| {
        let there = asked.email.as_deref().and_then(|email| state.users.get(&state.owner(email)?));
        let mut user = there.cloned().unwrap_or_else(|| new(state, now));
        asked.put(app, state, &mut user, there.is_none())?;
        Ok::<_, Error>(finished(app, state, there, user, asked.active, now))
    })?;
    Ok((StatusCode::CREATED, shown(&user)))
}

fn replace(app: &App, call: &Call, id: &str) -> Answered {
    let asked = Asked::read(call)?;
    let user = app.backend.write(call, |state, now| {
        let before = known(state, id)?;
        let mut user = before.clone();
        asked.put(app, state, &mut user, true)?;
        Ok::<_, Error>(finished(app, state, Some(before), user, asked.active, now))
    })?;
    Ok((StatusCode::OK, shown(&user)))
}

/// `PATCH /Users/:id`: status only, in value form.
fn patch(app: &App, call: &Call, id: &str) -> Answered {
    let body = body(call)?;
    let status = |operation: &Value| {
        let replaces = operation["op"].as_str().is_some_and(|op| op.eq_ignore_ascii_case("replace"));
        if replaces && operation.get("path").is_none() { operation["value"]["active"].as_bool() } else { None }
    };
    let active = body.get("Operations").and_then(Value::as_array).and_then(|all| all.iter().find_map(status));
    let user = app.backend.write(call, |state, now| {
        let before = known(state, id)?;
        let detail = "Invalid PATCH request. This PATCH endpoint only supports deprovisioning and reprovisioning records.";
        let active = active.ok_or_else(|| Error::new(422, detail))?;
        Ok::<_, Error>(finished(app, state, Some(before), before.clone(), Some(active), now))
    })?;
    Ok((StatusCode::OK, shown(&user)))
}

fn known<'s>(state: &'s State, id: &str) -> Result<&'s User, Error> {
    let found = wire::id(id).and_then(|id| state.users.get(&id));
    found.ok_or_else(|| Error::new(404, format!("Resource {id:?} not found.")))
}

fn body(call: &Call) -> Result<Map<String, Value>, Error> {
    match serde_json::from_slice(&call.body) {
        Ok(Value::Object(body)) => Ok(body),
        _ => Err(Error::bad(ScimType::InvalidSyntax, "the body is no JSON object")),
    }
}

/// What the engine reads of a user.
struct Asked {
    email: Option<String>,
    given: Option<String>,
    family: Option<String>,
    active: Option<bool>,
}

impl Asked {
    fn read(call: &Call) -> Result<Self, Error> {
        let body = Value::Object(body(call)?);
        let text = |value: &Value| value.as_str().filter(|text| !text.trim().is_empty()).map(str::to_owned);
        let active = match &body["active"] {
            Value::Null => None,
            // More than a PATCH takes.
            yes if [json!(true), json!("true"), json!(1)].contains(yes) => Some(true),
            no if [json!(false), json!("false"), json!(0)].contains(no) => Some(false),
            other => return Err(Error::new(422, format!("active is {other}, and has to be true or false"))),
        };
        Ok(Self {
            email: text(&body["emails"][0]["value"]),
            given: text(&body["name"]["givenName"]),
            family: text(&body["name"]["familyName"]),
            active,
        })
    }

    /// Puts e-mail and name on the user; `whole` says whether both have to be given.
    fn put(&self, app: &App, state: &State, user: &mut User, whole: bool) -> Result<(), Error> {
        let blank = |what: &str| Error::new(422, format!("Validation failed: {what} can't be blank"));
        if whole && self.email.is_none() {
            return Err(blank("Email"));
        }
        if whole && (self.given.is_none() || self.family.is_none()) {
            return Err(blank("Name"));
        }
        let (given, family) = names(user);
        let given = self.given.as_deref().or(given).unwrap_or_default().to_owned();
        let family = self.family.as_deref().or(family).unwrap_or_default().to_owned();
        let mut params = Map::new();
        if let Some(email) = &self.email {
            params.insert("email".to_owned(), json!(email));
        }
        if self.given.is_some() || self.family.is_some() {
            params.insert("name".to_owned(), json!(format!("{given} {family}").trim_end()));
        }
        // A value that cannot be is 422 here, 409 stays.
        set(app, state, user, params).map_err(|error| match error.status {
            400 => Error::new(422, format!("Validation failed: {}", error.detail)),
            _ => error,
        })?;
        if self.given.is_some() || self.family.is_some() {
            keep_names(user, &given, &family);
        }
        Ok(())
    }
}

/// A user as the engine shows it.
fn shown(user: &User) -> Value {
    let (given, family) = names(user);
    json!({
        "schemas": [urn::USER],
        "id": user.id,
        "userName": user.email,
        "name": {"givenName": given, "familyName": family},
        "emails": [{"value": user.email}],
        "active": user.archived_at.is_none(),
    })
}

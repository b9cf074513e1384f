//! Records to and from the model: users, departments, courses, groups, enrolments.

use std::collections::BTreeSet;

use connector::{Attribute, Body, Compare, Fault, Record, Shape};
use jiff::{SignedDuration, Timestamp};
use model::{Account, AccountId, Attributes, Changes, Content, Department, Enrolment, EnrolmentState, Group, LogIn, Secret, Value};
use serde_json::{Map, Value as Json, json};

use super::manifest::MANIFEST;
use super::profile::Profile;
use super::wire::instant;

/// Members that the vendor keeps itself; they are read and not sent back.
const KEPT_BY_VENDOR: [&str; 4] = ["dateAdded", "dateEdited", "lastLoginDate", "password"];

/// A record edited within so long after it was added was made by the call that edited it.
const JUST_MADE: SignedDuration = SignedDuration::from_mins(1);

/// Whose accounts no plan may touch (A18, F09), beside the administrators.
pub(super) struct Protected {
    /// The API's own user name, folded, where it is known.
    pub(super) own: Option<String>,
    /// User names and e-mail addresses from configuration, folded.
    pub(super) names: BTreeSet<String>,
}

impl Protected {
    /// Why nobody may touch this account, if nobody may.
    pub(super) fn why(&self, raw: &Json) -> Option<&'static str> {
        let text = |member: &str| raw.get(member).and_then(Json::as_str).map(fold).unwrap_or_default();
        let names = [text("username"), text("emailAddress")];
        if self.own.as_ref() == Some(&names[0]) {
            return Some("the API's own account");
        }
        let member = |member: &str| match raw.get(member)? {
            Json::String(text) => Some(text.clone()),
            other => Some(other.to_string()),
        };
        if let Some(mark) = MANIFEST.admin(member) {
            return Some(mark.why);
        }
        names.iter().any(|name| self.names.contains(name)).then_some("protected by configuration")
    }
}

/// Text as the vendor compares it: without regard to case and surrounding space.
pub(super) fn fold(text: &str) -> String {
    text.trim().to_lowercase()
}

/// Whether the text is an id of Absorb's.  Nothing else may get into a path.
pub(super) fn is_uuid(text: &str) -> bool {
    let lengths: Vec<usize> = text.split('-').map(str::len).collect();
    lengths == [8, 4, 4, 4, 12] && text.bytes().all(|byte| byte == b'-' || byte.is_ascii_hexdigit())
}

/// A record as it may be kept: without any password that a vendor might show one day (P11).
pub(super) fn image(raw: &Json) -> Json {
    let mut raw = raw.clone();
    if let Some(members) = raw.as_object_mut() {
        members.retain(|name, _| !name.eq_ignore_ascii_case("password"));
    }
    raw
}

fn shape_fault(what: &str, raw: &Json, member: &str, wrong: &str) -> Fault {
    let id = raw.get("id").and_then(Json::as_str).unwrap_or("without id");
    Fault::Garbled { detail: format!("{what} {id}: {member} {wrong}") }
}

fn required<'a>(what: &str, raw: &'a Json, member: &str) -> Result<&'a str, Fault> {
    let text = raw.get(member).and_then(Json::as_str).filter(|text| !text.is_empty());
    text.ok_or_else(|| shape_fault(what, raw, member, "is missing or no text"))
}

/// A user's id.
pub(super) fn id_of(raw: &Json) -> Result<&str, Fault> {
    required("user", raw, "id")
}

/// When the vendor last edited the record, by its own clock.
pub(super) fn edited(raw: &Json) -> Option<Timestamp> {
    raw.get("dateEdited").and_then(Json::as_str).and_then(instant)
}

/// Whether a record that was just written was there long before: then the vendor wrote over somebody's account instead of making one.  Both
/// instants are the vendor's, so that no clock and no zone of ours counts.
pub(super) fn was_there(raw: &Json) -> bool {
    let added = raw.get("dateAdded").and_then(Json::as_str).and_then(instant);
    added.zip(edited(raw)).is_some_and(|(added, edited)| edited.duration_since(added) > JUST_MADE)
}

/// When somebody logged in last; a record without the member does not tell.
pub(super) fn last_log_in(raw: &Json) -> LogIn {
    match raw.get("lastLoginDate") {
        Some(Json::Null) => LogIn::Never,
        Some(Json::String(text)) => instant(text).map_or(LogIn::NotTold, LogIn::At),
        _ => LogIn::NotTold,
    }
}

/// Whether the account may log in.
pub(super) fn active(raw: &Json, profile: &Profile) -> Result<bool, Fault> {
    match raw.get("activeStatus") {
        Some(status) if profile.active.is(status) => Ok(true),
        Some(status) if profile.inactive.is(status) => Ok(false),
        _ => Err(shape_fault("user", raw, "activeStatus", &format!("is neither {} nor {}", profile.active, profile.inactive))),
    }
}

/// The vendor's member for an attribute: its name, and the object it is in where it is a custom field.
fn member(attribute: &str) -> (Option<&'static str>, &str) {
    match attribute {
        "department" => (None, "departmentId"),
        "supervisor" => (None, "supervisorId"),
        other => other.strip_prefix("customFields.").map_or((None, other), |field| (Some("customFields"), field)),
    }
}

/// One attribute of a user record.
pub(super) fn value(raw: &Json, attribute: &Attribute) -> Result<Value, Fault> {
    let (object, name) = member(attribute.name);
    let holder = match object {
        None => Some(raw),
        Some(object) => match raw.get(object) {
            None | Some(Json::Null) => None,
            Some(Json::Object(_)) => raw.get(object),
            Some(_) => return Err(shape_fault("user", raw, object, "is no object")),
        },
    };
    let wrong = |wrong: &str| Err(shape_fault("user", raw, attribute.name, wrong));
    match (holder.and_then(|holder| holder.get(name)), attribute.shape) {
        (None | Some(Json::Null), _) => Ok(Value::Null),
        (Some(Json::String(text)), Shape::Date) => match text.get(..10).and_then(|day| day.parse::<jiff::civil::Date>().ok()) {
            _ if text.is_empty() => Ok(Value::Null),
            Some(day) => Ok(Value::Text(day.to_string().into())),
            None => wrong("is no date"),
        },
        (Some(Json::Number(number)), Shape::Int) => Ok(match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => Value::Int(whole),
            (None, Some(decimal)) if decimal.fract() == 0.0 && decimal.abs() < 9e15 => Value::Int(decimal as i64),
            // A decimal with a fraction is shown as it is; it equals no whole number that policy could want.
            _ => Value::Text(number.to_string().into()),
        }),
        (Some(_), Shape::Int) => wrong("is no number"),
        (Some(Json::String(text)), _) => Ok(Value::text(text.as_str())),
        (Some(_), _) => wrong("is no text"),
    }
}

/// Whether two values of an attribute are the same, as the manifest compares them.
pub(super) fn same(attribute: &Attribute, a: &Value, b: &Value) -> bool {
    let blank = |value: &Value| value.as_text().map_or(value.is_null(), str::is_empty);
    match (attribute.compare, a.as_text(), b.as_text()) {
        _ if blank(a) && blank(b) => true,
        (Compare::Folded, Some(a), Some(b)) => fold(a) == fold(b),
        // Ids are UUIDs, which are the same in any case.
        (_, Some(a), Some(b)) if matches!(attribute.shape, Shape::Department | Shape::Supervisor) => a.eq_ignore_ascii_case(b),
        _ => a == b,
    }
}

/// A user record in our shape.
pub(super) fn account(raw: Json, profile: &Profile, protected: &Protected) -> Result<Record, Fault> {
    let id = id_of(&raw)?.to_owned();
    required("user", &raw, "username")?;
    let mut attributes = Attributes::new();
    for attribute in MANIFEST.attributes {
        let value = value(&raw, attribute)?;
        if !value.is_null() {
            attributes.insert(attribute.name.to_owned(), value);
        }
    }
    let account = Account {
        id: AccountId::new(id.clone()),
        active: active(&raw, profile)?,
        protected: protected.why(&raw).map(Into::into),
        attributes,
    };
    Ok(Record { id, body: Body::Account(account), raw: image(&raw) })
}

/// A department in our shape.
pub(super) fn department(raw: Json) -> Result<Record, Fault> {
    let (id, name) = (required("department", &raw, "id")?.to_owned(), required("department", &raw, "name")?.to_owned());
    let parent = match raw.get("parentId") {
        None | Some(Json::Null) => None,
        Some(Json::String(parent)) => Some(parent.clone()),
        Some(_) => return Err(shape_fault("department", &raw, "parentId", "is no text")),
    };
    Ok(Record { id: id.clone(), body: Body::Department(Department { id, name, parent }), raw })
}

/// A course in our shape.
pub(super) fn course(raw: Json) -> Result<Record, Fault> {
    let (id, name) = (required("course", &raw, "id")?.to_owned(), required("course", &raw, "name")?.to_owned());
    Ok(Record { id: id.clone(), body: Body::Content(Content { id, name }), raw })
}

/// A group in our shape; the API does not tell who is in it, and nobody can write it there.
pub(super) fn group(raw: Json) -> Result<Record, Fault> {
    let (id, name) = (required("group", &raw, "id")?.to_owned(), required("group", &raw, "name")?.to_owned());
    Ok(Record { id: id.clone(), body: Body::Group(Group { id, name, writable: false, members: Vec::new() }), raw })
}

/// An enrolment status by its number (contract, section 4), as far as it is known (A17).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    NotStarted,
    InProgress,
    PendingApproval,
    Complete,
    NotComplete,
    Failed,
    Declined,
    PendingEvaluationRequired,
    OnWaitlist,
    Absent,
    NotApplicable,
    PendingProctor,
    ReadyForReview,
    /// A number that the contract does not have: kept, not dropped.
    Unknown(i64),
}

impl Status {
    pub(super) fn of(number: i64) -> Self {
        match number {
            0 => Self::NotStarted,
            1 => Self::InProgress,
            2 => Self::PendingApproval,
            3 => Self::Complete,
            4 => Self::NotComplete,
            5 => Self::Failed,
            6 => Self::Declined,
            7 => Self::PendingEvaluationRequired,
            8 => Self::OnWaitlist,
            9 => Self::Absent,
            10 => Self::NotApplicable,
            11 => Self::PendingProctor,
            12 => Self::ReadyForReview,
            other => Self::Unknown(other),
        }
    }

    /// Where an enrolment of this status stands.  What waits for somebody is open, what ended without success is over; an unknown
    /// number counts as open, so that nobody is enrolled a second time because of it.
    pub(super) fn state(self) -> EnrolmentState {
        match self {
            Self::NotStarted | Self::InProgress | Self::PendingApproval | Self::PendingEvaluationRequired => EnrolmentState::Open,
            Self::OnWaitlist | Self::PendingProctor | Self::ReadyForReview | Self::Unknown(_) => EnrolmentState::Open,
            Self::Complete => EnrolmentState::Done,
            Self::NotComplete | Self::Failed | Self::Declined | Self::Absent | Self::NotApplicable => EnrolmentState::Ended,
        }
    }
}

/// An enrolment of an account in our shape; one that a later one replaced (`isActive` false) is history.
pub(super) fn enrolment(account: &str, raw: Json, place: usize) -> Result<Record, Fault> {
    let course = required("enrollment", &raw, "courseId")?.to_owned();
    let number = raw.get("status").and_then(Json::as_i64);
    let status = number.map(Status::of).ok_or_else(|| shape_fault("enrollment", &raw, "status", "is missing or no number"))?;
    let history = raw.get("isActive") == Some(&Json::Bool(false));
    let state = if history { EnrolmentState::Ended } else { status.state() };
    // The guide's records have no id; their place in the account's list tells them apart.
    let id = raw.get("id").and_then(Json::as_str).map_or_else(|| format!("{account}/{course}/{place}"), str::to_owned);
    Ok(Record { id, body: Body::Enrolment(Enrolment { account: AccountId::new(account), content: course.into(), state }), raw })
}

fn to_json(value: &Value) -> Json {
    match value {
        Value::Bool(flag) => json!(flag),
        Value::Int(number) => json!(number),
        Value::Text(text) => json!(text),
        Value::List(values) => values.iter().map(to_json).collect(),
        Value::Null | Value::CreatedBy(_) => Json::Null,
    }
}

fn put(members: &mut Map<String, Json>, attribute: &str, value: &Value) {
    let (object, name) = member(attribute);
    match object {
        None => drop(members.insert(name.to_owned(), to_json(value))),
        Some(object) => {
            let inside = members.entry(object).or_insert_with(|| json!({}));
            if !inside.is_object() {
                *inside = json!({});
            }
            inside[name] = to_json(value);
        }
    }
}

/// The whole record that a write sends: everything that was read, with the change over it (A06).  So a vendor that clears what is
/// left out has nothing to clear.
pub(super) fn whole(raw: &Json, set: &Changes, activate: Option<bool>, profile: &Profile) -> Json {
    let read = raw.as_object().into_iter().flatten();
    let mut members: Map<String, Json> = read
        .filter(|(name, value)| !value.is_null() && !KEPT_BY_VENDOR.iter().any(|kept| name.eq_ignore_ascii_case(kept)))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for (attribute, change) in set {
        put(&mut members, attribute, &change.after);
    }
    if let Some(active) = activate {
        members.insert("activeStatus".to_owned(), if active { profile.active } else { profile.inactive }.json());
    }
    Json::Object(members)
}

/// The record of a new user.  The password is required even under SSO (A07); it is made for this one request.
pub(super) fn new_user(set: &Changes, password: &Secret, profile: &Profile) -> Json {
    let mut members = Map::new();
    for (attribute, change) in set.iter().filter(|(_, change)| !change.after.is_null()) {
        put(&mut members, attribute, &change.after);
    }
    members.insert("activeStatus".to_owned(), profile.active.json());
    members.insert("password".to_owned(), json!(password.expose()));
    Json::Object(members)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_status_has_its_state_and_an_unknown_one_is_kept() {
        let states: Vec<EnrolmentState> = (0..=12).map(|number| Status::of(number).state()).collect();
        use EnrolmentState::{Done, Ended, Open};
        assert_eq!(states, [Open, Open, Open, Done, Ended, Ended, Ended, Open, Open, Ended, Ended, Open, Open]);
        assert_eq!(Status::of(99), Status::Unknown(99));
        assert_eq!(Status::of(99).state(), Open);
    }

    #[test]
    fn dates_and_numbers_are_read_and_other_shapes_are_named() {
        let raw =
            json!({"id": "u1", "dateHired": "2024-05-01T00:00:00", "gender": 2.0, "jobTitle": 7, "customFields": {"string3": "x"}});
        let read = |name: &str| value(&raw, MANIFEST.attribute(name).expect("listed"));
        assert_eq!(read("dateHired"), Ok(Value::from("2024-05-01")));
        assert_eq!(read("gender"), Ok(Value::Int(2)));
        assert_eq!(read("customFields.string3"), Ok(Value::from("x")));
        assert_eq!(read("phone"), Ok(Value::Null));
        assert_eq!(read("jobTitle"), Err(Fault::Garbled { detail: "user u1: jobTitle is no text".to_owned() }));
    }

    #[test]
    fn the_whole_record_keeps_what_is_not_ours_and_leaves_out_what_the_vendor_keeps() {
        let raw = json!({"id": "u1", "notes": "n", "phone": null, "dateEdited": "2024-01-01", "customFields": {"string1": "a"}});
        let change = |after: &str| model::Change { before: Value::Null, after: Value::from(after) };
        let set = Changes::from_iter([("customFields.string2".to_owned(), change("b")), ("department".to_owned(), change("d"))]);
        let wanted = json!({"id": "u1", "notes": "n", "departmentId": "d", "activeStatus": "Inactive",
                            "customFields": {"string1": "a", "string2": "b"}});
        assert_eq!(whole(&raw, &set, Some(false), &super::super::profile::GUIDE), wanted);
    }
}

//! The members of a user: what each may hold, what a write does to it, and the record made of them (contract, section 3).

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::OnceLock;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};
use uuid::Uuid;

use super::edit::Edit;
use super::filter::Type;
use super::profile::{LeftOut, Profile, Status};
use super::wire::{Members, Validation, instant_of, parse_date, show_date};

/// What a member may hold.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// Kept by the portal; a value that is sent is ignored.
    Fixed,
    Text,
    Email,
    Emails,
    Date,
    Flag,
    Gender,
    ActiveStatus,
    Department,
    Supervisor,
    Language,
    Roles,
    Custom,
}

/// One member of a user.
pub(super) struct Field {
    pub(super) name: &'static str,
    kind: Kind,
    /// Must be given on create and cannot be emptied.
    required: bool,
    /// A `PUT` that leaves it out does not clear it.
    kept: bool,
}

const fn field(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: false, kept: matches!(kind, Kind::Fixed | Kind::Roles | Kind::Flag) }
}

const fn required(name: &'static str, kind: Kind) -> Field {
    Field { name, kind, required: true, kept: true }
}

/// All members but `id` and `password`, in the order of the record.
///
/// CHOSEN: roles, which a `PUT` keeps, are `roleIds` and the three `is…` flags.  `activeStatus` is neither required nor a
/// role, so a `PUT` that leaves it out brings it back to its default: whoever updates an inactive account without saying
/// so makes it active.
pub(super) const FIELDS: &[Field] = &[
    required("departmentId", Kind::Department),
    required("firstName", Kind::Text),
    field("middleName", Kind::Text),
    required("lastName", Kind::Text),
    required("username", Kind::Text),
    field("emailAddress", Kind::Email),
    field("externalId", Kind::Text),
    field("ccEmailAddresses", Kind::Emails),
    field("languageId", Kind::Language),
    field("gender", Kind::Gender),
    field("jobTitle", Kind::Text),
    field("employeeNumber", Kind::Text),
    field("location", Kind::Text),
    field("phone", Kind::Text),
    field("address", Kind::Text),
    field("address2", Kind::Text),
    field("city", Kind::Text),
    field("postalCode", Kind::Text),
    field("notes", Kind::Text),
    field("dateHired", Kind::Date),
    field("dateTerminated", Kind::Date),
    field("dateEdited", Kind::Fixed),
    field("dateAdded", Kind::Fixed),
    field("lastLoginDate", Kind::Fixed),
    field("customFields", Kind::Custom),
    field("roleIds", Kind::Roles),
    field("activeStatus", Kind::ActiveStatus),
    field("isLearner", Kind::Flag),
    field("isAdmin", Kind::Flag),
    field("isInstructor", Kind::Flag),
    field("supervisorId", Kind::Supervisor),
];

/// The extension of a SCIM user.
pub(super) const ENTERPRISE: &str = scim::urn::ENTERPRISE_USER;

/// The declared custom fields: kind of value, prefix, how many.
pub(super) const CUSTOM: [(&str, usize); 4] = [("decimal", 5), ("string", 30), ("datetime", 5), ("bool", 5)];

/// The member of that name, in whatever case, when a list can be sorted and filtered by it; `customFields/decimal1` too.
pub(super) fn member(name: &str, profile: &Profile) -> Option<(Cow<'static, str>, Type)> {
    if name.eq_ignore_ascii_case("id") {
        return Some((Cow::Borrowed("id"), Type::Guid));
    }
    if let Some((parent, nested)) = name.split_once('/') {
        let nested = nested.to_ascii_lowercase();
        let (prefix, count) = CUSTOM.iter().find(|(prefix, _)| nested.starts_with(prefix))?;
        let digits = &nested[prefix.len()..];
        let known = (1..=*count).any(|number| number.to_string() == digits) && parent.eq_ignore_ascii_case("customFields");
        let kind = match *prefix {
            "decimal" => Type::Number,
            "bool" => Type::Flag,
            "datetime" => Type::Time,
            _ => Type::Text,
        };
        return known.then(|| (Cow::Owned(format!("customFields/{nested}")), kind));
    }
    let field = FIELDS.iter().find(|field| field.name.eq_ignore_ascii_case(name))?;
    let kind = match field.kind {
        Kind::Text | Kind::Email => Type::Text,
        // Those that the portal keeps are dates.
        Kind::Date | Kind::Fixed => Type::Time,
        Kind::Flag => Type::Flag,
        Kind::Gender | Kind::Language => Type::Number,
        Kind::ActiveStatus => profile.active.kind(),
        Kind::Department | Kind::Supervisor => Type::Guid,
        Kind::Emails | Kind::Roles | Kind::Custom => return None,
    };
    Some((Cow::Borrowed(field.name), kind))
}

/// What SCIM says of an account and no member of a user holds; `absorb/provisioning` reads and writes it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Beside {
    /// Attributes as SCIM names them.  A null `active` is one that SCIM took away.
    pub(super) attributes: Map<String, Value>,
    /// SCIM deleted it: it is no longer shown there for as long as it is inactive.
    pub(super) deleted: bool,
}

/// A user.  Only members that are set are held, under their own names; passwords are not held at all.
#[derive(Debug, Clone)]
pub(super) struct User {
    id: Uuid,
    department: Uuid,
    edited: Timestamp,
    passwords_set: u64,
    values: Map<String, Value>,
    /// What only SCIM can say of it.
    beside: Beside,
    /// The record as the API shows it, once it was asked for.
    shown: OnceLock<Box<RawValue>>,
}

impl User {
    /// A user of canonical members; `departmentId`, `username` and `dateEdited` must be among them.
    pub(super) fn new(id: Uuid, values: Map<String, Value>, passwords_set: u64) -> Result<Self, String> {
        let text = |name: &str| values.get(name).and_then(Value::as_str).ok_or_else(|| format!("{name} is missing"));
        let department = Uuid::try_parse(text("departmentId")?).map_err(|error| format!("departmentId: {error}"))?;
        let edited = parse_date(text("dateEdited")?).and_then(instant_of).ok_or("dateEdited is no time")?;
        text("username")?;
        Ok(Self { id, department, edited, passwords_set, values, beside: Beside::default(), shown: OnceLock::new() })
    }

    /// Reads what [`User::ledger`] wrote.
    pub(super) fn from_ledger(value: Value) -> Result<Self, String> {
        let Value::Object(mut values) = value else { return Err("a user is an object".to_owned()) };
        let id = values.remove("id").and_then(|id| Uuid::try_parse(id.as_str()?).ok()).ok_or("id is no UUID")?;
        let passwords_set = values.remove("passwordsSet").and_then(|n| n.as_u64()).ok_or("passwordsSet is missing")?;
        let attributes = match values.remove("scim") {
            None => Map::new(),
            Some(Value::Object(attributes)) => attributes,
            Some(_) => return Err("scim is no object".to_owned()),
        };
        let deleted = values.remove("scimDeleted").is_some_and(|deleted| deleted == true);
        Self::new(id, values, passwords_set).map(|user| user.with(Beside { attributes, deleted }))
    }

    /// The user with this beside its members.
    pub(super) fn with(self, beside: Beside) -> Self {
        Self { beside, ..self }
    }

    pub(super) fn beside(&self) -> &Beside {
        &self.beside
    }

    /// What stays beside a user that REST changes: not what SCIM said of something that is another now.
    fn beside_after(&self, values: &Map<String, Value>) -> Beside {
        let mut beside = self.beside.clone();
        let differs = |name: &str| self.values.get(name) != values.get(name);
        let gone = [
            (ENTERPRISE, "department", differs("departmentId")),
            (ENTERPRISE, "manager", differs("supervisorId")),
            ("name", "formatted", differs("firstName") || differs("middleName") || differs("lastName")),
        ];
        for (part, name, _) in gone.into_iter().filter(|(.., gone)| *gone) {
            if let Some(Value::Object(part)) = beside.attributes.get_mut(part) {
                part.remove(name);
            }
        }
        if differs("activeStatus") {
            beside.attributes.remove("active");
        }
        beside.attributes.retain(|_, value| !empty(value));
        beside
    }

    /// The record for the ledger: what is set, and how often a password was, never the password.
    pub(super) fn ledger(&self) -> Value {
        let mut values = self.values.clone();
        values.insert("id".to_owned(), json!(self.id));
        values.insert("passwordsSet".to_owned(), json!(self.passwords_set));
        if !self.beside.attributes.is_empty() {
            values.insert("scim".to_owned(), Value::Object(self.beside.attributes.clone()));
        }
        if self.beside.deleted {
            values.insert("scimDeleted".to_owned(), json!(true));
        }
        Value::Object(values)
    }

    pub(super) fn id(&self) -> Uuid {
        self.id
    }

    pub(super) fn department(&self) -> Uuid {
        self.department
    }

    pub(super) fn edited(&self) -> Timestamp {
        self.edited
    }

    pub(super) fn username(&self) -> &str {
        self.text("username").unwrap_or_default()
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.values.get(name)?.as_str()
    }

    /// What is set under a member, or under one of `customFields/…`.
    pub(super) fn value(&self, name: &str) -> Option<&Value> {
        match name.split_once('/') {
            Some((parent, nested)) => self.values.get(parent)?.get(nested),
            None => self.values.get(name),
        }
    }

    /// Whether the account may be used.
    pub(super) fn active(&self, profile: &Profile) -> bool {
        self.value("activeStatus").is_some_and(|status| profile.active.is(status))
    }

    /// Whether only the time of the edit differs.
    pub(super) fn same_as(&self, other: &Self) -> bool {
        let bare = |user: &Self| {
            let mut values = user.values.clone();
            values.remove("dateEdited");
            values
        };
        self.passwords_set == other.passwords_set && self.beside == other.beside && bare(self) == bare(other)
    }
}

/// The record as the API shows it: every member, null where nothing is set.  It is made once.
impl Serialize for User {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let shown = || to_raw_value(&Record(self)).expect("records have text keys and finite numbers");
        self.shown.get_or_init(shown).serialize(serializer)
    }
}

struct Record<'a>(&'a User);

impl Serialize for Record<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(FIELDS.len() + 1))?;
        map.serialize_entry("id", &self.0.id)?;
        for field in FIELDS {
            match (self.0.values.get(field.name), field.kind) {
                (Some(value), _) => map.serialize_entry(field.name, value)?,
                (None, Kind::Emails | Kind::Roles) => map.serialize_entry(field.name, &[(); 0])?,
                (None, Kind::Custom) => map.serialize_entry(field.name, &Map::new())?,
                (None, _) => map.serialize_entry(field.name, &())?,
            }
        }
        map.end()
    }
}

/// A user as a request describes it: what it sets, what it clears by null, and what is wrong with it.
pub(super) struct Draft {
    set: BTreeMap<&'static str, Value>,
    cleared: BTreeSet<&'static str>,
    password: bool,
    pub(super) faults: Vec<Validation>,
}

impl Draft {
    /// Reads the members of a request; what the API does not know is ignored, as its binder does.
    pub(super) fn read(members: &Members, edit: &Edit<'_>) -> Self {
        let mut draft = Self { set: BTreeMap::new(), cleared: BTreeSet::new(), password: false, faults: Vec::new() };
        for field in FIELDS.iter().filter(|field| field.kind != Kind::Fixed) {
            match members.get(field.name) {
                None => {}
                // CHOSEN: an empty text is no value.
                Some(value) if value.is_null() || blank(value) => drop(draft.cleared.insert(field.name)),
                Some(value) => match read_value(field.kind, value, edit) {
                    Ok(value) => drop(draft.set.insert(field.name, value)),
                    Err(message) => draft.faults.push(Validation::new(field.name, message)),
                },
            }
        }
        match members.given("password") {
            None => {}
            Some(Value::String(text)) if !text.is_empty() => draft.password = true,
            Some(_) => draft.faults.push(Validation::new("password", "must be text and not empty")),
        }
        draft
    }

    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.set.get(name)?.as_str()
    }

    /// A new user of it.  `password` says whether one is required: the API does, JIT and the admin pages do not.
    pub(super) fn create(mut self, id: Uuid, edit: &Edit<'_>, password: bool) -> Result<User, Vec<Validation>> {
        for field in FIELDS.iter().filter(|field| field.required && !self.set.contains_key(field.name)) {
            // A value that was refused already is not missing too.
            if !self.faults.iter().any(|fault| fault.field == field.name) {
                self.faults.push(Validation::new(field.name, "is required"));
            }
        }
        if password && !self.password && !self.faults.iter().any(|fault| fault.field == "password") {
            self.faults.push(Validation::new("password", "is required"));
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let set = self.set.into_iter().map(|(name, value)| (name.to_owned(), without_nulls(value)));
        let mut values: Map<String, Value> = set.filter(|(_, value)| !empty(value)).collect();
        let defaults = [("isLearner", json!(true)), ("isAdmin", json!(false)), ("isInstructor", json!(false))];
        for (name, value) in defaults.into_iter().chain([("activeStatus", edit.view.profile.active.value())]) {
            values.entry(name).or_insert(value);
        }
        values.insert("dateAdded".to_owned(), json!(edit.now));
        values.insert("dateEdited".to_owned(), json!(edit.now));
        Ok(User::new(id, values, u64::from(self.password)).expect("all required members were read"))
    }

    /// Complains about members that a write must name and does not.
    pub(super) fn require(&mut self, names: &[&'static str]) {
        for name in names.iter().filter(|name| !self.set.contains_key(*name) && !self.cleared.contains(*name)) {
            if !self.faults.iter().any(|fault| fault.field == *name) {
                self.faults.push(Validation::new(*name, "is required"));
            }
        }
    }

    /// The user that a write makes of `old`.
    pub(super) fn replace(mut self, old: &User, edit: &Edit<'_>, left_out: LeftOut) -> Result<User, Vec<Validation>> {
        for field in FIELDS.iter().filter(|field| field.required && self.cleared.contains(field.name)) {
            self.faults.push(Validation::new(field.name, "is required"));
        }
        if !self.faults.is_empty() {
            return Err(self.faults);
        }
        let mut values = Map::new();
        for field in FIELDS {
            let keeps = match left_out {
                LeftOut::Cleared => field.kept,
                LeftOut::Kept => field.kept || !self.cleared.contains(field.name),
            };
            let value = match self.set.remove(field.name) {
                Some(value) if field.kind == Kind::Custom && left_out == LeftOut::Kept => {
                    Some(merged(old.values.get(field.name), value))
                }
                Some(value) => Some(value),
                None if keeps => old.values.get(field.name).cloned(),
                None if field.kind == Kind::ActiveStatus => Some(edit.view.profile.active.value()),
                None => None,
            };
            if let Some(value) = value.map(without_nulls).filter(|value| !empty(value)) {
                values.insert(field.name.to_owned(), value);
            }
        }
        values.insert("dateEdited".to_owned(), json!(edit.now));
        let passwords_set = old.passwords_set + u64::from(self.password);
        let beside = old.beside_after(&values);
        Ok(User::new(old.id, values, passwords_set).expect("required members are kept").with(beside))
    }
}

/// Custom fields with what a write says of some of them.
fn merged(old: Option<&Value>, new: Value) -> Value {
    let (mut all, Value::Object(new)) = (old.and_then(Value::as_object).cloned().unwrap_or_default(), new) else { return Value::Null };
    all.extend(new);
    Value::Object(all)
}

/// A list or object without what is null in it.
fn without_nulls(value: Value) -> Value {
    match value {
        Value::Object(map) => Value::Object(map.into_iter().filter(|(_, value)| !value.is_null()).collect()),
        other => other,
    }
}

fn blank(value: &Value) -> bool {
    value.as_str().is_some_and(|text| text.trim().is_empty())
}

/// A list or object of nothing is as if it were not set.
fn empty(value: &Value) -> bool {
    value.as_array().is_some_and(Vec::is_empty) || value.as_object().is_some_and(Map::is_empty)
}

/// The value as the portal holds it, or what is wrong with it.
fn read_value(kind: Kind, value: &Value, edit: &Edit<'_>) -> Result<Value, String> {
    let text = || value.as_str().ok_or("must be text");
    match kind {
        Kind::Fixed => Err("cannot be set".to_owned()),
        Kind::Text => short(text()?).map(Value::from),
        Kind::Email => email(text()?).map(Value::from),
        Kind::Emails => {
            let list = value.as_array().ok_or("must be a list of e-mail addresses")?;
            if list.len() > 5 {
                return Err("takes five addresses at most".to_owned());
            }
            list.iter().map(|item| email(item.as_str().ok_or("must be text")?).map(Value::from)).collect()
        }
        Kind::Date => date(text()?).map(Value::from),
        Kind::Flag => value.as_bool().map(Value::from).ok_or_else(|| "must be true or false".to_owned()),
        Kind::Gender => match value.as_u64() {
            Some(gender @ 0..=2) => Ok(json!(gender)),
            _ => Err("must be 0, 1 or 2".to_owned()),
        },
        Kind::ActiveStatus => {
            let profile = edit.view.profile;
            let known = [profile.active, profile.inactive];
            let status = known.into_iter().find(|status| status.is(value));
            status.map(Status::value).ok_or_else(|| format!("must be {} or {}", known[0], known[1]))
        }
        Kind::Department => {
            let id = uuid(text()?)?;
            edit.view.state.department(id).map(|_| json!(id)).ok_or_else(|| "is no department".to_owned())
        }
        // CHOSEN: a supervisor whom the calling admin cannot see is a supervisor all the same.
        Kind::Supervisor => {
            let id = uuid(text()?)?;
            edit.user(id).map(|_| json!(id)).ok_or_else(|| "is no user".to_owned())
        }
        Kind::Language => {
            let known = value.as_u64().filter(|id| edit.view.state.catalog.has_language(*id));
            known.map(Value::from).ok_or_else(|| "is no language".to_owned())
        }
        Kind::Roles => {
            let list = value.as_array().ok_or("must be a list of ids")?;
            let role = |item: &Value| {
                let id = uuid(item.as_str().ok_or("must be text")?)?;
                if edit.view.state.catalog.has_role(id) { Ok(json!(id)) } else { Err(format!("{id} is no role")) }
            };
            list.iter().map(role).collect()
        }
        Kind::Custom => custom(value),
    }
}

fn custom(value: &Value) -> Result<Value, String> {
    let members = Members::of(value.as_object().ok_or("must be an object")?.clone());
    let mut values = Map::new();
    for (prefix, count) in CUSTOM {
        for number in 1..=count {
            let name = format!("{prefix}{number}");
            let Some(value) = members.get(&name) else { continue };
            if value.is_null() {
                values.insert(name, Value::Null);
                continue;
            }
            let wrong = |what: &str| format!("{name} must be {what}");
            let value = match prefix {
                "decimal" if value.is_number() => value.clone(),
                "decimal" => return Err(wrong("a number")),
                "bool" => json!(value.as_bool().ok_or_else(|| wrong("true or false"))?),
                "datetime" => json!(value.as_str().and_then(|text| date(text).ok()).ok_or_else(|| wrong("a day or a time"))?),
                _ => json!(value.as_str().ok_or_else(|| wrong("text"))?),
            };
            values.insert(name, value);
        }
    }
    Ok(Value::Object(values))
}

fn short(text: &str) -> Result<&str, String> {
    if text.chars().count() > 255 { Err("is longer than 255 characters".to_owned()) } else { Ok(text) }
}

fn email(text: &str) -> Result<&str, String> {
    let sides = text.split_once('@');
    let fits = sides.is_some_and(|(local, host)| !local.is_empty() && !host.is_empty() && !host.contains('@'));
    if fits && !text.contains(char::is_whitespace) { short(text) } else { Err("is no e-mail address".to_owned()) }
}

fn date(text: &str) -> Result<String, String> {
    parse_date(text).map(show_date).ok_or_else(|| "must be a day or a time in ISO 8601".to_owned())
}

fn uuid(text: &str) -> Result<Uuid, String> {
    Uuid::try_parse(text).map_err(|_| "is not a UUID".to_owned())
}

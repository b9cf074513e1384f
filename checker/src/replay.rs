//! The ledger, replayed: what each line changed, in small parts that a step either names or does not, and what was there
//! in the end.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde_json::{Map, Value};

use crate::inputs::{BaseObject, Effect};
use crate::policy::Vendor;
use crate::scim;

/// An account as one line left it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Account {
    /// Members that hold something, but for status and groups.
    pub fields: BTreeMap<String, Value>,
    /// Whether its owner can log in.
    pub active: bool,
    /// Ids of the groups it is in.
    pub groups: BTreeSet<String>,
}

impl Account {
    fn read(vendor: Vendor, state: &Value) -> Option<Self> {
        let mut fields: BTreeMap<String, Value> = state
            .as_object()?
            .iter()
            .filter(|(_, value)| !is_empty(value))
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect();
        // Custom fields are members of their own: `custom.NAME`.
        for item in fields.remove("custom_user_field_data").as_ref().and_then(Value::as_array).into_iter().flatten() {
            if let (Some(name), Some(value)) = (item.get("name").and_then(Value::as_str), item.get("value").filter(|v| !is_empty(v))) {
                fields.insert(format!("custom.{name}"), value.clone());
            }
        }
        for (name, value) in fields.remove("customFields").as_ref().and_then(Value::as_object).into_iter().flatten() {
            if !is_empty(value) {
                fields.insert(format!("custom.{name}"), value.clone());
            }
        }
        let groups = fields.remove("group_ids");
        let groups = groups.as_ref().and_then(Value::as_array).into_iter().flatten().map(id_text).collect();
        let active = match vendor {
            Vendor::Scim => !fields.remove("active").is_some_and(|active| active == false || active == "false" || active == "False"),
            Vendor::Lessonly => !fields.contains_key("archived_at"),
            Vendor::Absorb => fields.get("activeStatus").is_none_or(|status| status == "Active" || *status == 0),
        };
        Some(Self { fields, active, groups })
    }

    /// A member's text, or "".
    pub fn text(&self, name: &str) -> &str {
        self.fields.get(name).and_then(Value::as_str).unwrap_or_default()
    }

    /// Why no plan may touch it, if none may: admins and whom the configuration protects.
    pub fn protected(&self, protect: &BTreeSet<String>) -> Option<&'static str> {
        let listed = ["email", "emailAddress", "username", "userName", "emails.work"]
            .iter()
            .any(|name| protect.contains(&self.text(name).to_lowercase()));
        let admin = self.text("role") == "admin" || self.fields.get("isAdmin") == Some(&Value::Bool(true));
        if listed { Some("protected by configuration") } else { admin.then_some("an admin") }
    }
}

/// Null, an empty text, an empty list: the same as not there.
pub fn is_empty(value: &Value) -> bool {
    match value {
        Value::Null => true,
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(members) => members.is_empty(),
        _ => false,
    }
}

/// An id as text, whatever its shape.
pub fn id_text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// One part of a line.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Part {
    /// The account came into being.
    Made,
    /// A member has another value now.
    Field(String),
    /// It was made active, or inactive.
    Active(bool),
    /// It is in a group, or no longer.
    Group(String, bool),
    /// It was enrolled in content.
    Enrolled(String),
    /// A group came into being.
    GroupMade(String),
    /// A department came into being.
    DepartmentMade(String),
    /// Something no step can ask for.
    Other(String),
}

impl std::fmt::Display for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Made => f.write_str("was made"),
            Self::Field(name) => write!(f, "`{name}` changed"),
            Self::Active(true) => f.write_str("was made active"),
            Self::Active(false) => f.write_str("was made inactive"),
            Self::Group(id, true) => write!(f, "joined group {id}"),
            Self::Group(id, false) => write!(f, "lost group {id}"),
            Self::Enrolled(id) => write!(f, "was enrolled in {id}"),
            Self::GroupMade(name) => write!(f, "group `{name}` was made"),
            Self::DepartmentMade(name) => write!(f, "department `{name}` was made"),
            Self::Other(what) => f.write_str(what),
        }
    }
}

/// One line of the ledger, understood.
#[derive(Clone, Debug)]
pub struct Event {
    /// Its place in the ledger.
    pub line: Effect,
    /// The account it is about.
    pub account: Option<String>,
    /// The account before and after, where the line is the account's own.
    pub before: Option<Account>,
    /// See `before`.
    pub after: Option<Account>,
    /// What it changed.
    pub parts: BTreeSet<Part>,
    /// A change that the vendor makes as a consequence of another (enrolments by its own rules).
    pub consequence: bool,
}

/// What one app holds, and how it came to.
#[derive(Debug, Default)]
pub struct World {
    /// Accounts in the end.
    pub accounts: BTreeMap<String, Account>,
    /// Every state each account was seen in, the first one first.
    pub history: HashMap<String, Vec<Account>>,
    /// Group id → name.
    pub groups: BTreeMap<String, String>,
    /// Department id → name.
    pub departments: BTreeMap<String, String>,
    /// Content id (`lesson/7`, or a course's id) → name.
    pub content: BTreeMap<String, String>,
    /// Account and content, of enrolments that are not over.
    pub enrolments: BTreeSet<(String, String)>,
    /// Accounts that were there before the first line.
    pub first: BTreeSet<String>,
    /// The lines.
    pub events: Vec<Event>,
}

impl World {
    /// Replays a ledger over what was there before.  Without a base, what an app held is known as far as lines tell it.
    ///
    /// # Errors
    /// A line is not about an object of this vendor, or its `before` is not what the line before it left.
    pub fn replay(vendor: Vendor, base: &[BaseObject], lines: Vec<Effect>) -> Result<Self, String> {
        let mut world = Self::default();
        let mut states: HashMap<String, Value> = HashMap::new();
        let mut last = 0;
        for line in &lines {
            if line.seq <= last {
                return Err(format!("ledger: line {} follows line {last}", line.seq));
            }
            last = line.seq;
        }
        let (base, lines) = match vendor {
            Vendor::Scim => scim::flat(base, &lines)?,
            Vendor::Lessonly | Vendor::Absorb => (base.to_vec(), lines),
        };
        for object in &base {
            world.put(vendor, &object.object, &object.state);
        }
        for line in lines {
            match states.get(&line.object) {
                Some(known) if !same_object(known, &line.before) => {
                    return Err(format!("ledger line {}: {} was something else before than the ledger says", line.seq, line.object));
                }
                None if !line.before.is_null() => world.seen_first(vendor, &line),
                _ => {}
            }
            states.insert(line.object.clone(), line.after.clone());
            let event = event(vendor, line)?;
            world.put(vendor, &event.line.object, &event.line.after);
            if event.line.before.is_null()
                && let Some(id) = event.line.object.strip_prefix("user/")
            {
                world.first.remove(id);
            }
            world.events.push(event);
        }
        Ok(world)
    }

    /// What an object was when the ledger first speaks of it, unless the base said so already.
    fn seen_first(&mut self, vendor: Vendor, line: &Effect) {
        let known = line.object.strip_prefix("user/").is_some_and(|id| self.accounts.contains_key(id));
        if !known {
            self.put(vendor, &line.object, &line.before);
        }
    }

    fn put(&mut self, vendor: Vendor, object: &str, state: &Value) {
        let Some((kind, id)) = object.split_once('/') else { return };
        let name = || state.get("name").map(id_text).unwrap_or_default();
        match kind {
            "user" => {
                if let Some(account) = Account::read(vendor, state) {
                    let versions = self.history.entry(id.to_owned()).or_default();
                    if versions.is_empty() {
                        self.first.insert(id.to_owned());
                    }
                    versions.push(account.clone());
                    self.accounts.insert(id.to_owned(), account);
                }
            }
            "group" => drop(self.groups.insert(id.to_owned(), name())),
            "department" => drop(self.departments.insert(id.to_owned(), name())),
            "lesson" | "path" => drop(self.content.insert(object.to_owned(), name())),
            "course" => {
                let id = if vendor == Vendor::Lessonly { object } else { id };
                self.content.insert(id.to_owned(), name());
            }
            "assignment" | "enrollment" => {
                if let Some(pair) = enrolment(state) {
                    let over = state.get("ended_at").is_some_and(|at| !at.is_null());
                    let _known = if over { self.enrolments.remove(&pair) } else { self.enrolments.insert(pair) };
                }
            }
            _ => {}
        }
    }
}

/// Whether two writings of one object are the same but for members that hold nothing.
fn same_object(a: &Value, b: &Value) -> bool {
    let bare = |value: &Value| {
        value
            .as_object()
            .map(|members| members.iter().filter(|(_, v)| !is_empty(v)).map(|(k, v)| (k.clone(), v.clone())).collect::<Map<_, _>>())
    };
    bare(a) == bare(b)
}

/// Account and content of an enrolment.
fn enrolment(state: &Value) -> Option<(String, String)> {
    if let Some(course) = state.get("courseId") {
        return Some((id_text(state.get("userId")?), id_text(course)));
    }
    let kind = match state.get("assignable_type")?.as_str()? {
        "Lesson" => "lesson",
        "Course" => "course",
        _ => "path",
    };
    Some((id_text(state.get("assignee_id")?), format!("{kind}/{}", id_text(state.get("assignable_id")?))))
}

/// Members that the vendor keeps by itself.
const VENDORS_OWN: [&str; 9] = [
    "id",
    "resource_type",
    "created_at",
    "updated_at",
    "archived_at",
    "archived_by_user_id",
    "dateAdded",
    "dateEdited",
    "activeStatus",
];

/// What a vendor fills in when an account is made: what gives no power.
fn is_default(name: &str, value: &Value) -> bool {
    match name {
        "languageId" | "locale" | "passwordsSet" => true,
        "role" => value == "learner",
        "password" => value == "set",
        "isLearner" => *value == true,
        "isAdmin" | "isInstructor" => *value == false,
        _ => false,
    }
}

fn event(vendor: Vendor, line: Effect) -> Result<Event, String> {
    let (kind, id) = line.object.split_once('/').ok_or_else(|| format!("ledger line {}: `{}` is no kind/id", line.seq, line.object))?;
    let mut parts = BTreeSet::new();
    let (mut account, mut before, mut after, mut consequence) = (None, None, None, false);
    let new = line.before.is_null();
    let name = line.after.get("name").map(id_text).unwrap_or_default();
    match kind {
        _ if line.after.is_null() => drop(parts.insert(Part::Other(format!("{} was deleted", line.object)))),
        "user" => {
            account = Some(id.to_owned());
            before = Account::read(vendor, &line.before);
            after = Account::read(vendor, &line.after);
            let to = after.as_ref().ok_or_else(|| format!("ledger line {}: a user is an object", line.seq))?;
            parts = user_parts(before.as_ref(), to);
        }
        "group" if new => drop(parts.insert(Part::GroupMade(name))),
        "department" if new => drop(parts.insert(Part::DepartmentMade(name))),
        "group" | "department" | "settings" => drop(parts.insert(Part::Other(format!("{} changed", line.object)))),
        "assignment" | "enrollment" => {
            let (user, content) =
                enrolment(&line.after).ok_or_else(|| format!("ledger line {}: an enrolment without its ends", line.seq))?;
            // Enrolments in the wake of a user's own call are made, or ended, by the vendor's rules.
            consequence = !(line.path.contains("enrollment") || line.path.contains("assignments"));
            let history = line.after.get("isActive") == Some(&Value::Bool(false));
            if !consequence && !history {
                parts.insert(Part::Enrolled(content));
            }
            consequence |= history;
            account = Some(user);
        }
        other => return Err(format!("ledger line {}: `{other}` is no kind of object this checker knows", line.seq)),
    }
    Ok(Event { account, before, after, parts, consequence, line })
}

fn user_parts(before: Option<&Account>, after: &Account) -> BTreeSet<Part> {
    let mut parts = BTreeSet::new();
    let none = Account::default();
    let from = before.unwrap_or(&none);
    if before.is_none() {
        parts.insert(Part::Made);
    } else if from.active != after.active {
        parts.insert(Part::Active(after.active));
    }
    for name in from.fields.keys().chain(after.fields.keys()) {
        let follows_role = name == "role_id" && (before.is_none() || from.fields.get("role") != after.fields.get("role"));
        let default = before.is_none() && after.fields.get(name).is_some_and(|value| is_default(name, value));
        if from.fields.get(name) != after.fields.get(name) && !VENDORS_OWN.contains(&name.as_str()) && !follows_role && !default {
            parts.insert(Part::Field(name.clone()));
        }
    }
    parts.extend(after.groups.difference(&from.groups).map(|id| Part::Group(id.clone(), true)));
    parts.extend(from.groups.difference(&after.groups).map(|id| Part::Group(id.clone(), false)));
    parts
}

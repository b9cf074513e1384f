//! Resources to and from the model.

use std::collections::BTreeSet;

use connector::{Body, Compare, Fault, Record};
use model::{Account, AccountId, Attributes, Finding, FindingKind, Group, Step, Tenant, Value, Verb};
use scim::urn;
use serde_json::{Map, Value as Json, json};

use super::Scim;
use super::discovery::ACTIVE;
use super::manifest::MANIFEST;

/// An answer that is not what the RFCs say, with the path of the member (A16).
pub(super) fn garbled(path: &str, expected: &str, found: Option<&Json>) -> Fault {
    let found = found.map_or_else(|| "nothing".to_owned(), |json| json.to_string().chars().take(80).collect());
    Fault::Garbled { detail: format!("{path} should be {expected}, and is {found}") }
}

/// A list of resources.
pub(super) struct List<'a> {
    pub(super) resources: &'a [Json],
    pub(super) total: u64,
    /// Where the next page begins, where the list is paged by cursor.
    pub(super) cursor: Option<&'a str>,
}

/// Reads a list.  How many there are in all has to be told, else nothing could be known to be missing.
pub(super) fn list(answer: &Json) -> Result<List<'_>, Fault> {
    let total = answer.get("totalResults");
    let total = total.and_then(count).ok_or_else(|| garbled("totalResults", "a whole number", total))?;
    let resources = match answer.get("Resources") {
        // An empty list may go without (RFC 7644, section 3.4.2).
        None | Some(Json::Null) if total == 0 || answer.get("itemsPerPage").and_then(count) == Some(0) => &[][..],
        Some(Json::Array(resources)) => resources,
        other => return Err(garbled("Resources", "a list", other)),
    };
    let cursor = answer.get("nextCursor").and_then(Json::as_str).filter(|cursor| !cursor.is_empty());
    Ok(List { resources, total, cursor })
}

/// A whole number; some write it as text.
pub(super) fn count(json: &Json) -> Option<u64> {
    json.as_u64().or_else(|| json.as_str()?.trim().parse().ok())
}

/// True or false; some write it as text.
pub(super) fn flag(json: &Json) -> Option<bool> {
    match json {
        Json::Bool(flag) => Some(*flag),
        Json::String(text) if text.eq_ignore_ascii_case("true") => Some(true),
        Json::String(text) if text.eq_ignore_ascii_case("false") => Some(false),
        _ => None,
    }
}

/// An id: text, or a whole number where an application writes it so.
pub(super) fn id(raw: &Json, path: &str) -> Result<String, Fault> {
    let found = raw.get("id");
    match found {
        Some(Json::String(text)) if !text.is_empty() => Ok(text.clone()),
        Some(Json::Number(number)) if number.is_u64() => Ok(number.to_string()),
        _ => Err(garbled(&format!("{path}.id"), "text or a whole number", found)),
    }
}

/// Where an attribute of ours is in a resource.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place<'a> {
    /// A member.
    Plain(&'a str),
    /// A member of a member: `name.givenName`.
    Below(&'a str, &'a str),
    /// A member of the element of this type: `emails.work` is `emails[type eq "work"].value`.
    Typed(&'a str, &'a str, &'a str),
    /// A member of an extension.
    Extension(&'a str, &'a str),
    /// `manager.value` of the enterprise extension.
    Manager,
}

impl<'a> Place<'a> {
    /// The place of an attribute, by its name in `[app.X.set]`; none for what is no attribute.
    pub(super) fn of(name: &'a str) -> Option<Self> {
        if name.get(..4).is_some_and(|begin| begin.eq_ignore_ascii_case("urn:")) {
            return name.rsplit_once(':').filter(|(_, member)| !member.is_empty()).map(|(urn, member)| Self::Extension(urn, member));
        }
        Some(match name {
            "manager" => Self::Manager,
            "employeeNumber" | "costCenter" | "organization" | "division" | "department" => Self::Extension(urn::ENTERPRISE_USER, name),
            _ => match name.split('.').collect::<Vec<_>>()[..] {
                [plain] => Self::Plain(plain),
                [list @ ("emails" | "phoneNumbers"), kind] => Self::Typed(list, kind, "value"),
                ["addresses", kind, member] => Self::Typed("addresses", kind, member),
                ["name", member] => Self::Below("name", member),
                _ => return None,
            },
        })
    }

    /// The schema that has it, and its path there.
    pub(super) fn in_schema(self) -> (&'a str, Vec<&'a str>) {
        match self {
            Self::Plain(member) => (urn::USER, vec![member]),
            Self::Below(member, below) => (urn::USER, vec![member, below]),
            Self::Typed(list, _, member) => (urn::USER, vec![list, member]),
            Self::Extension(urn, member) => (urn, vec![member]),
            Self::Manager => (urn::ENTERPRISE_USER, vec!["manager"]),
        }
    }

    /// What it holds in a resource.
    fn read(self, raw: &Json) -> Option<&Json> {
        match self {
            Self::Plain(member) => raw.get(member),
            Self::Below(member, below) => raw.get(member)?.get(below),
            Self::Typed(list, kind, member) => {
                let all = raw.get(list)?.as_array()?;
                all.get(element(all, kind)?)?.get(member)
            }
            Self::Extension(urn, member) => extension(raw, urn)?.get(member),
            // RFC 7643 has an object; some give the id alone.
            Self::Manager => match extension(raw, urn::ENTERPRISE_USER)?.get("manager")? {
                Json::Object(manager) => manager.get("value"),
                other => Some(other),
            },
        }
    }

    /// Puts a value there, or takes it away.
    pub(super) fn write(self, raw: &mut Map<String, Json>, value: Option<Json>) {
        match self {
            Self::Plain(member) => put(raw, member, value),
            Self::Below(member, below) => {
                if let Some(object) = object(raw, member) {
                    put(object, below, value);
                }
            }
            Self::Typed(list, kind, member) => typed(raw, list, kind, member, value),
            Self::Extension(urn, member) => {
                if let Some(object) = extension_mut(raw, urn) {
                    put(object, member, value);
                }
            }
            Self::Manager => {
                if let Some(object) = extension_mut(raw, urn::ENTERPRISE_USER) {
                    put(object, "manager", value.map(|id| json!({ "value": id })));
                }
            }
        }
    }

    /// The path that a PATCH names, and what of the resource is written there: the whole list where one element of it changes.
    pub(super) fn path(self) -> String {
        match self {
            Self::Plain(member) => member.to_owned(),
            Self::Below(member, below) => format!("{member}.{below}"),
            Self::Typed(list, ..) => list.to_owned(),
            Self::Extension(urn, member) => format!("{urn}:{member}"),
            Self::Manager => format!("{}:manager", urn::ENTERPRISE_USER),
        }
    }

    /// What a PATCH without a path says: the part of the resource in which it is, with this value.
    pub(super) fn part(self, whole: &Map<String, Json>, value: Option<Json>, into: &mut Map<String, Json>) {
        match self {
            Self::Plain(member) => drop(into.insert(member.to_owned(), value.unwrap_or_default())),
            Self::Typed(list, ..) => drop(into.insert(list.to_owned(), whole.get(list).cloned().unwrap_or_default())),
            Self::Below(member, below) => {
                if let Some(object) = object(into, member) {
                    object.insert(below.to_owned(), value.unwrap_or_default());
                }
            }
            Self::Extension(urn, member) => {
                if let Some(object) = object(into, urn) {
                    object.insert(member.to_owned(), value.unwrap_or_default());
                }
            }
            Self::Manager => {
                if let Some(object) = object(into, urn::ENTERPRISE_USER) {
                    object.insert("manager".to_owned(), value.map_or(Json::Null, |id| json!({ "value": id })));
                }
            }
        }
    }

    /// What stands at [`Place::path`] of a resource.
    pub(super) fn at_path(self, raw: &Map<String, Json>) -> Option<Json> {
        match self {
            Self::Plain(member) | Self::Typed(member, ..) => raw.get(member),
            Self::Below(member, below) => raw.get(member).and_then(|object| object.get(below)),
            Self::Extension(urn, member) => raw.get(urn).and_then(|object| object.get(member)),
            Self::Manager => raw.get(urn::ENTERPRISE_USER).and_then(|object| object.get("manager")),
        }
        .cloned()
    }
}

/// An extension of a resource, whichever case its URN is written in.
fn extension<'a>(raw: &'a Json, urn: &str) -> Option<&'a Json> {
    raw.get(urn).or_else(|| raw.as_object()?.iter().find(|(name, _)| name.eq_ignore_ascii_case(urn)).map(|(_, value)| value))
}

fn extension_mut<'a>(raw: &'a mut Map<String, Json>, urn: &str) -> Option<&'a mut Map<String, Json>> {
    if let Some(schemas) = raw.get_mut("schemas").and_then(Json::as_array_mut)
        && !schemas.iter().any(|schema| schema.as_str().is_some_and(|schema| schema.eq_ignore_ascii_case(urn)))
    {
        schemas.push(urn.into());
    }
    let name = raw.keys().find(|name| name.eq_ignore_ascii_case(urn)).cloned().unwrap_or_else(|| urn.to_owned());
    object(raw, &name)
}

/// The element of a list of this type, else, where no element has a type, the primary or the first.
fn element(all: &[Json], kind: &str) -> Option<usize> {
    let kind_of = |one: &Json| one.get("type").and_then(Json::as_str).map(str::to_lowercase);
    let typed = all.iter().position(|one| kind_of(one).is_some_and(|found| found == kind));
    if typed.is_some() || kind != "work" || all.iter().any(|one| kind_of(one).is_some()) {
        return typed;
    }
    all.iter().position(|one| one.get("primary").and_then(flag) == Some(true)).or((!all.is_empty()).then_some(0))
}

fn typed(raw: &mut Map<String, Json>, list: &str, kind: &str, member: &str, value: Option<Json>) {
    let entry = raw.entry(list).or_insert_with(|| json!([]));
    if !entry.is_array() {
        *entry = json!([]);
    }
    let Some(all) = entry.as_array_mut() else { return };
    match (element(all, kind), value) {
        (Some(at), Some(value)) => {
            if let Some(one) = all[at].as_object_mut() {
                one.insert(member.to_owned(), value);
                // A text made of the others would be the old one's.
                one.remove("display");
                one.remove("formatted");
            }
        }
        (Some(at), None) if member == "value" => drop(all.remove(at)),
        (Some(at), None) => {
            if let Some(one) = all[at].as_object_mut() {
                one.remove(member);
            }
        }
        (None, Some(value)) => {
            let mut one = json!({ "type": kind, member: value });
            if kind == "work" && member == "value" && !all.iter().any(|one| one.get("primary").and_then(flag) == Some(true)) {
                one["primary"] = true.into();
            }
            all.push(one);
        }
        (None, None) => {}
    }
}

fn put(object: &mut Map<String, Json>, member: &str, value: Option<Json>) {
    match value {
        Some(value) => drop(object.insert(member.to_owned(), value)),
        None => drop(object.remove(member)),
    }
}

/// The object of this name, made where there is none.
fn object<'a>(raw: &'a mut Map<String, Json>, member: &str) -> Option<&'a mut Map<String, Json>> {
    let entry = raw.entry(member).or_insert_with(|| json!({}));
    if !entry.is_object() {
        *entry = json!({});
    }
    entry.as_object_mut()
}

fn text(found: Option<&Json>, path: &str) -> Result<Option<String>, Fault> {
    match found {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) if text.is_empty() => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        // An id of another account may be a number, as ids may.
        Some(Json::Number(number)) => Ok(Some(number.to_string())),
        found => Err(garbled(path, "text", found)),
    }
}

/// An account.
pub(super) fn account(app: &Scim, raw: &Json, path: &str) -> Result<Account, Fault> {
    let id = id(raw, path)?;
    let mut attributes = Attributes::new();
    let declared = app.declared.iter().map(String::as_str).filter(|name| matches!(Place::of(name), Some(Place::Extension(..))));
    for name in MANIFEST.attributes.iter().map(|attribute| attribute.name).chain(declared) {
        let Some(place) = Place::of(name) else { continue };
        if let Some(text) = text(place.read(raw), &format!("{path}.{name}"))? {
            attributes.insert(name.to_owned(), Value::Text(text.into()));
        }
    }
    if !attributes.contains_key("userName") {
        return Err(garbled(&format!("{path}.userName"), "text", raw.get("userName")));
    }
    // Who is not said to be inactive is active: an application may not show the flag at all.
    let active = match raw.get("active") {
        None | Some(Json::Null) => true,
        Some(found) => flag(found).ok_or_else(|| garbled(&format!("{path}.active"), "true or false", Some(found)))?,
    };
    let named =
        |name: &str| attributes.get(name).and_then(Value::as_text).is_some_and(|text| app.protect.contains(&text.to_lowercase()));
    let protected = (named("userName") || named("emails.work")).then_some("named in `protect`");
    Ok(Account { id: AccountId::new(id), active, protected: protected.map(Into::into), attributes })
}

/// An account as a record.
pub(super) fn account_record(app: &Scim, raw: &Json, path: &str) -> Result<Record, Fault> {
    let account = account(app, raw, path)?;
    Ok(Record { id: account.id.to_string(), body: Body::Account(account), raw: raw.clone() })
}

/// The ids of the groups that a user shows to be in; none where it does not show any.
pub(super) fn groups_shown(raw: &Json) -> Option<BTreeSet<String>> {
    let groups = raw.get("groups")?.as_array()?;
    Some(groups.iter().filter_map(member_id).collect())
}

/// A group.
pub(super) fn group_record(raw: &Json, path: &str) -> Result<Record, Fault> {
    let id = id(raw, path)?;
    let name = text(raw.get("displayName"), &format!("{path}.displayName"))?;
    let name = name.ok_or_else(|| garbled(&format!("{path}.displayName"), "text", raw.get("displayName")))?;
    let members: BTreeSet<AccountId> = members(raw, path)?.into_iter().map(AccountId::new).collect();
    let group = Group { id: id.clone(), name, writable: true, members: members.into_iter().collect() };
    Ok(Record { id, body: Body::Group(group), raw: raw.clone() })
}

/// The ids of a group's members that are users.
pub(super) fn members(raw: &Json, path: &str) -> Result<BTreeSet<String>, Fault> {
    match raw.get("members") {
        None | Some(Json::Null) => Ok(BTreeSet::new()),
        Some(Json::Array(members)) => {
            let users = members.iter().filter(|one| {
                let kind = one.get("type").and_then(Json::as_str);
                !kind.is_some_and(|kind| kind.eq_ignore_ascii_case("group"))
            });
            let id = |one: &Json| member_id(one).ok_or_else(|| garbled(&format!("{path}.members[].value"), "an id", Some(one)));
            users.map(id).collect()
        }
        found => Err(garbled(&format!("{path}.members"), "a list", found)),
    }
}

fn member_id(one: &Json) -> Option<String> {
    match one.get("value")? {
        Json::String(text) if !text.is_empty() => Some(text.clone()),
        Json::Number(number) => Some(number.to_string()),
        _ => None,
    }
}

/// An id as a request writes it in a body: a number where the application's ids are numbers.
pub(super) fn id_as(raw_id: Option<&Json>, id: &str) -> Json {
    match (raw_id, id.parse::<u64>()) {
        (Some(Json::Number(_)), Ok(number)) => number.into(),
        _ => id.into(),
    }
}

/// An id as it goes into a path; none for what no resource has.
pub(super) fn in_path(id: &str) -> Option<String> {
    if id.is_empty() || id.contains('/') || id == "." || id == ".." {
        return None;
    }
    Some(encoded(id))
}

/// Percent-encoded, as a path or a query takes it.
pub(super) fn encoded(text: &str) -> String {
    form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>().replace('+', "%20")
}

/// A filter by one value, encoded.
pub(super) fn equals(attribute: &str, value: &str) -> String {
    encoded(&format!("{attribute} eq {}", Json::from(value)))
}

/// Whether two values of an attribute are the same.
pub(super) fn same(attribute: &str, left: &Value, right: &Value) -> bool {
    let folded = MANIFEST.attribute(attribute).is_some_and(|known| known.compare == Compare::Folded);
    match (left.as_text(), right.as_text()) {
        (Some(left), Some(right)) if folded => left.trim().to_lowercase() == right.trim().to_lowercase(),
        _ => left == right,
    }
}

/// A value as a request has it; none takes it away.
pub(super) fn value(name: &str, value: &Value) -> Result<Option<Json>, Fault> {
    match value {
        Value::Null => Ok(None),
        Value::Text(text) => Ok(Some(json!(text))),
        Value::Int(number) => Ok(Some(json!(number.to_string()))),
        Value::Bool(_) | Value::List(_) | Value::CreatedBy(_) => {
            Err(Fault::Refused { code: "value".to_owned(), detail: format!("{name}: a SCIM application takes text here, not {value}") })
        }
    }
}

/// The place of an attribute that a step names.
pub(super) fn place(name: &str) -> Result<Place<'_>, Fault> {
    Place::of(name).ok_or_else(|| Fault::Refused { code: "attribute".to_owned(), detail: format!("SCIM accounts have no `{name}`") })
}

/// What the application would refuse, or drop without a word, about a step (L13, L18).
pub(super) fn review(app: &Scim, step: &Step, tenant: &Tenant) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut object = |what: String, next: String| {
        let mut finding = Finding::new(FindingKind::Objection, what).in_app(&step.app).next(next);
        finding.person.clone_from(&step.person);
        finding.account = step.account.as_ref().and_then(model::Ref::id).map(AccountId::from);
        findings.push(finding);
    };
    if step.verb == Verb::CreateGroup {
        let name = step.set.get("name").and_then(|change| change.after.as_text()).unwrap_or(&step.label);
        if name.trim().is_empty() {
            object("a group cannot be without a name".to_owned(), "give it one in [app.X.groups]".to_owned());
        }
        return findings;
    }
    // The schemas are heeded where the application shows them: that it can be told by `userName` being among what they have.
    let shows_schemas = tenant.declared.contains("userName");
    if matches!(step.verb, Verb::Leave | Verb::Restore) && shows_schemas && !tenant.declared.contains(ACTIVE) {
        object(
            "the application's schemas have no `active`, and deactivating is all that is ever done over SCIM: nothing is deleted"
                .to_owned(),
            "take the access away by hand in the application, or ask its vendor for `active`".to_owned(),
        );
    }
    let missing = match step.set.get("userName") {
        Some(change) => change.after.as_text().is_none_or(|name| name.trim().is_empty()),
        None => step.verb == Verb::Create,
    };
    if missing {
        object("a SCIM application takes no account without userName".to_owned(), "give the person one in the source".to_owned());
    }
    for (name, change) in &step.set {
        let known = MANIFEST.attribute(name).is_some() || app.declared.contains(name.as_str());
        let has = !shows_schemas || tenant.declared.contains(name.as_str());
        if !known || !has {
            let all = tenant.declared.iter().map(String::as_str);
            let near =
                nearest(name, all.chain(MANIFEST.attributes.iter().map(|attribute| attribute.name)).filter(|other| *other != &**name));
            let who = if known { "the application's schemas have" } else { "SCIM accounts have" };
            let next = near
                .map_or_else(|| "take it out of [app.X.set]".to_owned(), |near| format!("take it out of [app.X.set], or set `{near}`"));
            object(format!("{who} no `{name}`"), next);
        }
        if !matches!(change.after, Value::Null | Value::Text(_) | Value::Int(_) | Value::CreatedBy(_)) {
            object(format!("{name} must be text, and is {}", change.after), "correct the expression in the policy".to_owned());
        }
    }
    findings
}

/// The name that is written most alike: the one with which it shares the most at beginning and end.
fn nearest<'a>(name: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let wanted = name.rsplit(['.', ':']).next().unwrap_or(name).to_lowercase();
    let score = |other: &str| {
        let other = other.rsplit(['.', ':']).next().unwrap_or(other).to_lowercase();
        let begin = wanted.bytes().zip(other.bytes()).take_while(|(a, b)| a == b).count();
        let end = wanted.bytes().rev().zip(other.bytes().rev()).take_while(|(a, b)| a == b).count();
        (begin + end).min(wanted.len().min(other.len())) * 2 * 100 / (wanted.len() + other.len()).max(1)
    };
    known.map(|other| (score(other), other)).filter(|(score, _)| *score >= 50).max_by_key(|(score, _)| *score).map(|(_, other)| other)
}

//! Between a resource as the protocol has it and a record as it is kept.

use jiff::Timestamp;
use jiff::fmt::temporal::DateTimePrinter;
use model::{Draft, Member, Resource, ResourceKind};
use scim::{Error, ResourceType, etag, fold, location};
use serde_json::{Map, Value, json};

use super::answer::Trouble;

/// Which kind of record a resource type is kept as.
pub(super) fn kind_of(kind: &ResourceType) -> ResourceKind {
    if kind.name == ResourceKind::Group.word() { ResourceKind::Group } else { ResourceKind::User }
}

/// The attribute that a record is named by.
pub(super) fn name_of(kind: ResourceKind) -> &'static str {
    match kind {
        ResourceKind::User => "userName",
        ResourceKind::Group => "displayName",
    }
}

/// What of a resource is kept.  Passwords are thrown away here, before anything is stored.
pub(super) fn kept(mut resource: Map<String, Value>) -> Map<String, Value> {
    for not_kept in ["password", "id", "meta", "groups", "members"] {
        resource.remove(not_kept);
    }
    resource
}

/// It as it is to be kept, with what it is found by.
pub(super) fn draft(kind: ResourceKind, id: &str, kept: &Map<String, Value>) -> Draft {
    let text = |name: &str| kept.get(name).and_then(Value::as_str);
    let address = |email: &Value| Some(fold(email.get("value")?.as_str()?));
    let emails = (kind == ResourceKind::User)
        .then(|| kept.get("emails").and_then(Value::as_array).map(|all| all.iter().filter_map(address).collect()).unwrap_or_default());
    Draft {
        id: id.to_owned(),
        name: text(name_of(kind)).map(fold).unwrap_or_default(),
        external: text("externalId").unwrap_or_default().to_owned(),
        emails,
        body: serde_json::to_string(kept).expect("a document is JSON: text keys"),
    }
}

/// What was kept, as the protocol has it, without what only the server writes.
pub(super) fn said(resource: &Resource) -> Result<Map<String, Value>, Trouble> {
    serde_json::from_str(&resource.body)
        .map_err(|_| Trouble::Said(Error::new(500, format!("what is kept of {} is damaged", resource.id))))
}

/// The same, with id and meta.
pub(super) fn shown(kind: &ResourceType, resource: &Resource, base: &str) -> Result<Map<String, Value>, Trouble> {
    Ok(dressed(kind, resource, said(resource)?, base))
}

/// What was said of a resource, with its id and meta.
pub(super) fn dressed(kind: &ResourceType, resource: &Resource, mut shown: Map<String, Value>, base: &str) -> Map<String, Value> {
    shown.insert("id".into(), resource.id.clone().into());
    shown.insert(
        "meta".into(),
        json!({
            "resourceType": kind.name,
            "created": instant(resource.created),
            "lastModified": instant(resource.modified),
            "location": location(base, kind, &resource.id),
            "version": etag::weak(resource.version),
        }),
    );
    shown
}

fn instant(at: Timestamp) -> String {
    const PRINTER: DateTimePrinter = DateTimePrinter::new();
    PRINTER.timestamp_to_string(&at)
}

/// Members as they are kept; without an id there is nobody.
///
/// # Errors
/// `invalidValue` for a member without `value`.
pub(super) fn members(list: &Value) -> Result<Vec<Member>, Error> {
    let one = |member: &Value| {
        let mut more = match member {
            Value::Object(more) => more.clone(),
            Value::String(id) => return Ok(Member { id: id.clone(), body: "{}".into() }),
            _ => Map::new(),
        };
        more.remove("$ref");
        match more.remove("value") {
            Some(Value::String(id)) if !id.is_empty() => Ok(Member { id, body: Value::Object(more).to_string() }),
            _ => Err(Error::bad(scim::ScimType::InvalidValue, "a member has no value, which is the id of a user or a group")),
        }
    };
    match list {
        Value::Array(all) => all.iter().map(one).collect(),
        Value::Null => Ok(Vec::new()),
        other => Ok(vec![one(other)?]),
    }
}

/// A member as it is shown.
pub(super) fn member(member: Member, base: &str) -> Value {
    let mut shown: Map<String, Value> = serde_json::from_str(&member.body).unwrap_or_default();
    let group = shown.get("type").and_then(Value::as_str).is_some_and(|kind| kind.eq_ignore_ascii_case("Group"));
    let kind = if group { ResourceType::group() } else { ResourceType::user() };
    shown.insert("$ref".into(), location(base, &kind, &member.id).into());
    shown.insert("value".into(), member.id.into());
    Value::Object(shown)
}

/// A group as one of its members shows it.
pub(super) fn group(id: &str, body: &str, base: &str) -> Value {
    let name = serde_json::from_str::<Map<String, Value>>(body).ok().and_then(|mut group| group.remove("displayName"));
    let mut shown = json!({ "value": id, "$ref": location(base, &ResourceType::group(), id), "type": "direct" });
    if let Some(name) = name {
        shown["display"] = name;
    }
    shown
}

//! Records to and from the model.

use std::collections::BTreeSet;

use connector::{Body, Compare, Fault, Record, Shape};
use jiff::Timestamp;
use jiff::civil::Date;
use model::{Account, AccountId, Attributes, Content, Enrolment, EnrolmentState, Finding, FindingKind, Group, Step, Text, Value, Verb};
use serde_json::{Value as Json, json};

use super::manifest::{CUSTOM, MANIFEST, ROLES};

/// The group that holds everybody and that nobody can change.
const EVERYONE: &str = "Group::Everyone";

/// The three kinds of content: prefix of our ids (and of the paths, in the plural), and what an assignment calls it.
pub(super) const CONTENT: [(&str, &str); 3] = [("lesson", "Lesson"), ("path", "LearningPaths::Path"), ("course", "Course")];

/// An answer that is not what the contract says, with the path of the member (A16).
pub(super) fn garbled(path: &str, expected: &str, found: Option<&Json>) -> Fault {
    let found = found.map_or_else(|| "nothing".to_owned(), |json| json.to_string().chars().take(80).collect());
    Fault::Garbled { detail: format!("{path} should be {expected}, and is {found}") }
}

/// The list in an envelope, whose type must be right where the contract names one.
pub(super) fn list<'a>(answer: &'a Json, kind: Option<&str>, member: &str) -> Result<&'a Vec<Json>, Fault> {
    if let Some(kind) = kind {
        typed(answer, kind)?;
    }
    let found = answer.get(member);
    found.and_then(Json::as_array).ok_or_else(|| garbled(member, "a list", found))
}

/// Checks the envelope's type.
pub(super) fn typed(answer: &Json, kind: &str) -> Result<(), Fault> {
    let found = answer.get("type");
    if found.and_then(Json::as_str) == Some(kind) { Ok(()) } else { Err(garbled("type", &format!("\"{kind}\""), found)) }
}

/// An id: a whole number there, text here.
pub(super) fn id(raw: &Json, path: &str, member: &str) -> Result<String, Fault> {
    let found = raw.get(member);
    found.and_then(Json::as_u64).map(|id| id.to_string()).ok_or_else(|| garbled(&format!("{path}.{member}"), "an integer", found))
}

fn text(raw: &Json, path: &str, member: &str) -> Result<Option<String>, Fault> {
    match raw.get(member) {
        None | Some(Json::Null) => Ok(None),
        Some(Json::String(text)) if text.is_empty() => Ok(None),
        Some(Json::String(text)) => Ok(Some(text.clone())),
        found => Err(garbled(&format!("{path}.{member}"), "text or null", found)),
    }
}

/// Whether it is archived; a record that does not say so cannot be used.
fn archived(raw: &Json, path: &str) -> Result<bool, Fault> {
    let wrong = |found| Err(garbled(&format!("{path}.archived_at"), "a time or null", found));
    match raw.get("archived_at") {
        Some(Json::Null) => Ok(false),
        Some(Json::String(at)) if at.parse::<Timestamp>().is_ok() => Ok(true),
        found => wrong(found),
    }
}

/// An account; `protect` holds lower-case e-mail addresses.
pub(super) fn account(raw: &Json, path: &str, protect: &BTreeSet<String>) -> Result<Account, Fault> {
    let id = id(raw, path, "id")?;
    let mut attributes = Attributes::new();
    for attribute in MANIFEST.attributes {
        if let Some(text) = text(raw, path, attribute.name)? {
            attributes.insert(attribute.name.to_owned(), Value::Text(text.into()));
        }
    }
    let Some(email) = attributes.get("email").and_then(Value::as_text) else {
        return Err(garbled(&format!("{path}.email"), "an e-mail address", raw.get("email")));
    };
    let admin = MANIFEST.admin(|member| attributes.get(member).and_then(Value::as_text));
    let protected = match admin {
        Some(mark) => Some(mark.why),
        None => protect.contains(&email.to_lowercase()).then_some("named in `protect`"),
    };
    if let Some(fields) = raw.get("custom_user_field_data") {
        let place = format!("{path}.custom_user_field_data");
        let fields = fields.as_array().ok_or_else(|| garbled(&place, "a list", Some(fields)))?;
        for (index, field) in fields.iter().enumerate() {
            let place = format!("{place}[{index}]");
            let name = text(field, &place, "name")?.ok_or_else(|| garbled(&format!("{place}.name"), "text", field.get("name")))?;
            if let Some(value) = text(field, &place, "value")? {
                attributes.insert(format!("{CUSTOM}{name}"), Value::Text(value.into()));
            }
        }
    }
    Ok(Account { id: AccountId::new(id), active: !archived(raw, path)?, protected: protected.map(Into::into), attributes })
}

/// An account as a record.
pub(super) fn account_record(raw: &Json, path: &str, protect: &BTreeSet<String>) -> Result<Record, Fault> {
    let account = account(raw, path, protect)?;
    Ok(Record { id: account.id.to_string(), body: Body::Account(account), raw: raw.clone() })
}

/// The ids of an account's groups, from a full record.
pub(super) fn group_ids(raw: &Json) -> Result<BTreeSet<u64>, Fault> {
    let found = raw.get("group_ids");
    let ids = found.and_then(Json::as_array).ok_or_else(|| garbled("group_ids", "a list of integers", found))?;
    ids.iter().map(|id| id.as_u64().ok_or_else(|| garbled("group_ids[]", "an integer", Some(id)))).collect()
}

/// The ids of the groups that an account is a member of, from an answer that lists them.
pub(super) fn memberships(answer: &Json) -> Result<BTreeSet<u64>, Fault> {
    let groups = list(answer, None, "memberships")?.iter().enumerate();
    let id = |(at, raw): (usize, &Json)| {
        let found = raw.get("id");
        found.and_then(Json::as_u64).ok_or_else(|| garbled(&format!("memberships[{at}].id"), "an integer", found))
    };
    groups.map(id).collect()
}

/// A group; members only where the record has them.
pub(super) fn group_record(raw: &Json, path: &str) -> Result<Record, Fault> {
    let id = id(raw, path, "id")?;
    let name = text(raw, path, "name")?.ok_or_else(|| garbled(&format!("{path}.name"), "text", raw.get("name")))?;
    let mut members = BTreeSet::new();
    if let Some(found) = raw.get("members") {
        let place = format!("{path}.members");
        let list = found.as_array().ok_or_else(|| garbled(&place, "a list", Some(found)))?;
        for (index, member) in list.iter().enumerate() {
            members.insert(AccountId::new(self::id(member, &format!("{place}[{index}]"), "id")?));
        }
    }
    // Some tenants show groups without archived_at (the guide's own example does): then nothing says that it is archived.
    let archived = raw.get("archived_at").is_some() && archived(raw, path)?;
    let writable = name != EVERYONE && !archived;
    let group = Group { id: id.clone(), name, writable, members: members.into_iter().collect() };
    Ok(Record { id, body: Body::Group(group), raw: raw.clone() })
}

/// Content of a kind (`lesson`, `path`, `course`).
pub(super) fn content_record(raw: &Json, path: &str, kind: &str) -> Result<Record, Fault> {
    let id = format!("{kind}/{}", id(raw, path, "id")?);
    let name = match text(raw, path, "title")? {
        Some(title) => Some(title),
        None => text(raw, path, "name")?,
    };
    let name = name.ok_or_else(|| garbled(&format!("{path}.title"), "text", raw.get("title")))?;
    Ok(Record { id: id.clone(), body: Body::Content(Content { id, name }), raw: raw.clone() })
}

/// An assignment.  A kind or a status that is not known is kept: the raw record says it, and it counts as still open unless it has a
/// date of completion, so that nothing is assigned over it (L12).
pub(super) fn enrolment_record(raw: &Json, path: &str) -> Result<Record, Fault> {
    let id = id(raw, path, "id")?;
    let account = AccountId::new(self::id(raw, path, "assignee_id")?);
    let wrong = || garbled(&format!("{path}.assignable_type"), "text", raw.get("assignable_type"));
    let named = text(raw, path, "assignable_type")?.ok_or_else(wrong)?;
    let kind = CONTENT.iter().find(|(_, called)| *called == named).map_or(named.as_str(), |(kind, _)| kind);
    let content = format!("{kind}/{}", self::id(raw, path, "assignable_id")?);
    let status = text(raw, path, "status")?.ok_or_else(|| garbled(&format!("{path}.status"), "text", raw.get("status")))?;
    let completed = status.trim().eq_ignore_ascii_case("completed") || text(raw, path, "completed_at")?.is_some();
    let state = if completed { EnrolmentState::Done } else { EnrolmentState::Open };
    Ok(Record { id, body: Body::Enrolment(Enrolment { account, content: content.into(), state }), raw: raw.clone() })
}

/// Kind and number of a content id (`lesson/7`).
pub(super) fn content_id(text: &str) -> Option<(&'static str, &'static str, u64)> {
    let (prefix, number) = text.split_once('/')?;
    let (kind, called) = CONTENT.iter().find(|(kind, _)| *kind == prefix)?;
    Some((kind, called, self::number(number)?))
}

/// An id as it goes into a path: digits only, never an e-mail (L09).
pub(super) fn number(text: &str) -> Option<u64> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// Whether two values of an attribute are the same to Lessonly.
pub(super) fn same(attribute: &str, left: &Value, right: &Value) -> bool {
    let folded = MANIFEST.attribute(attribute).is_some_and(|known| known.compare == Compare::Folded);
    match (left.as_text(), right.as_text()) {
        (Some(left), Some(right)) if folded => left.trim().to_lowercase() == right.trim().to_lowercase(),
        _ => left == right,
    }
}

/// Puts values into the body of a request.
pub(super) fn body<'a>(values: impl IntoIterator<Item = (&'a Text, &'a Value)>, custom_fields: &str) -> Result<Json, Fault> {
    let mut body = serde_json::Map::new();
    let mut fields = Vec::new();
    for (name, value) in values {
        let value = match value {
            Value::Null => Json::Null,
            Value::Text(text) => json!(text),
            Value::Int(number) => json!(number),
            Value::Bool(flag) => json!(flag),
            Value::List(_) | Value::CreatedBy(_) => {
                return Err(Fault::Refused {
                    code: "value".to_owned(),
                    detail: format!("{name}: Lessonly takes text here, not {value}"),
                });
            }
        };
        match name.strip_prefix(CUSTOM) {
            Some(field) => fields.push(json!({ "name": field, "value": value })),
            None => drop(body.insert(name.clone().into(), value)),
        }
    }
    if !fields.is_empty() {
        body.insert(custom_fields.to_owned(), fields.into());
    }
    Ok(body.into())
}

/// What Lessonly would refuse, or drop without a word, about a step (L13, L18).
pub(super) fn review(step: &Step, declared: &BTreeSet<String>) -> Vec<Finding> {
    let mut findings = Vec::new();
    let mut object = |what: String, next: &str| {
        let mut finding = Finding::new(FindingKind::Objection, what).in_app(&step.app).next(next);
        finding.person.clone_from(&step.person);
        finding.account = step.account.as_ref().and_then(model::Ref::id).map(AccountId::from);
        findings.push(finding);
    };
    if matches!(step.verb, Verb::CreateGroup) {
        let name = step.set.get("name").and_then(|change| change.after.as_text()).unwrap_or(&step.label);
        if name.trim().is_empty() || name == EVERYONE {
            object(format!("`{name}` cannot be the name of a new group"), "choose another name");
        }
        return findings;
    }
    for attribute in MANIFEST.attributes.iter().filter(|attribute| attribute.required) {
        let missing = match step.set.get(attribute.name) {
            Some(change) => change.after.is_null(),
            None => step.verb == Verb::Create,
        };
        if missing {
            object(format!("Lessonly takes no account without {}", attribute.name), "give the person one in the source");
        }
    }
    for (name, change) in &step.set {
        if let Some((what, next)) = objection(name, &change.after, declared) {
            object(what, &next);
        }
    }
    findings
}

/// What is wrong with one value, and what to do.
fn objection(name: &str, value: &Value, declared: &BTreeSet<String>) -> Option<(String, String)> {
    if let Some(field) = name.strip_prefix(CUSTOM) {
        if declared.contains(field) {
            return None;
        }
        let known: Vec<String> = declared.iter().map(|field| format!("`{field}`")).collect();
        let known = if known.is_empty() { "none is declared".to_owned() } else { format!("declared are {}", known.join(", ")) };
        return Some((
            format!("custom field `{field}` is not declared ({known}): Lessonly would drop its value without an error"),
            "declare it in Lessonly first and name it in the app's `declared`, or correct the name".to_owned(),
        ));
    }
    let Some(attribute) = MANIFEST.attribute(name) else {
        let known: Vec<&str> = MANIFEST.attributes.iter().map(|attribute| attribute.name).collect();
        return Some((format!("Lessonly accounts have no `{name}`"), format!("they have {}, and {CUSTOM}NAME", known.join(", "))));
    };
    let text = match value {
        Value::Null => return None,
        Value::Text(text) => text,
        other => return Some((format!("{name} must be text, and is {other}"), "correct the expression in the policy".to_owned())),
    };
    let source = "correct it in the source".to_owned();
    if name == "name" && text.starts_with(' ') {
        return Some((format!("name `{text}` begins with a space, which Lessonly refuses"), source));
    }
    if name == "name" && text.trim().is_empty() {
        return Some(("name is blank, which Lessonly refuses".to_owned(), source));
    }
    if let Some(bad) = text.chars().find(|bad| attribute.refused.contains(*bad)) {
        return Some((format!("{name} `{text}` contains `{bad}`, which Lessonly refuses"), source));
    }
    if name == "email" && !is_email(text) {
        return Some((format!("email `{text}` is no e-mail address"), source));
    }
    match attribute.shape {
        Shape::Role(roles) if !roles.contains(&text.as_str()) => {
            Some((format!("role `{text}` is none that Lessonly has"), format!("use one of {}", ROLES.join(", "))))
        }
        Shape::Date if !text.parse::<Date>().is_ok_and(|date| date.to_string() == *text) => {
            Some((format!("{name} `{text}` is no date written YYYY-MM-DD"), source))
        }
        _ => None,
    }
}

/// Something without spaces on both sides of one `@`.
fn is_email(text: &str) -> bool {
    let whole = |side: &str| !side.is_empty() && !side.contains(char::is_whitespace);
    text.split_once('@').is_some_and(|(name, host)| whole(name) && whole(host) && !host.contains('@'))
}

//! The probe: who we are there, what we see, and what the portal's clock says.

use std::collections::{BTreeMap, BTreeSet};

use connector::{Fault, Read, Scope, clock_ahead_ms};
use model::{Kind, Tenant};
use serde_json::Value as Json;

use super::Absorb;
use super::convert::{fold, id_of, is_uuid};
use super::manifest::MANIFEST;
use super::read::walk;
use super::wire::{Place, Reader, encoded, garbled, get, get_one, list};

/// What the admin that the API acts for sees.
enum Sees {
    All,
    /// These departments and what is below them, in lower case.
    Departments(BTreeSet<String>),
    /// The members of a group.
    Group,
    /// It cannot be told, and why.
    Unknown(String),
}

/// One request shows that the log-in works, how many users it sees, and the vendor's clock; where the API tells more, it is asked.
pub(super) async fn probe(absorb: &Absorb, wire: &Read) -> Result<Tenant, Fault> {
    let reader = absorb.reader(wire)?;
    let sent = wire.now();
    let page = list(reader, "/users", "", 1, Place::default()).await?;
    absorb.look.remember_total(page.total);
    let mut notes = vec![format!("the log-in sees {} users", page.total)];
    if page.date.is_none() {
        notes.push("answers have no Date header, so the clocks cannot be compared".to_owned());
    }
    let told = if reader.profile.tells_scope {
        scope(absorb, reader).await?
    } else {
        Sees::Unknown("the API cannot tell whether users are hidden from this log-in".to_owned())
    };
    let (sees_all, sees) = weigh(absorb, told, &mut notes);
    let mut declared = absorb.declared.clone();
    if reader.profile.tells_scope {
        declared.extend(custom_fields(reader).await?);
    }
    let profile = reader.profile.name.to_owned();
    Ok(Tenant { profile, sees_all, sees, declared, clock_ahead_ms: clock_ahead_ms(page.date, sent), notes })
}

/// What the portal tells counts more than what configuration says.
fn weigh(absorb: &Absorb, told: Sees, notes: &mut Vec<String>) -> (Option<bool>, BTreeSet<String>) {
    let none = BTreeSet::new;
    let asserted =
        |what: &str| format!("scope = \"all\" is asserted by configuration, and the portal says that this admin manages {what}");
    match told {
        Sees::All => {
            notes.push("the portal says that this admin manages all users".to_owned());
            (Some(true), none())
        }
        Sees::Departments(departments) => {
            notes.push(if absorb.scope_all {
                asserted("some departments only")
            } else {
                format!("the portal says that this admin manages {} departments, those below counted", departments.len())
            });
            (Some(false), departments)
        }
        Sees::Group => {
            notes.push(if absorb.scope_all {
                asserted("a group only")
            } else {
                "the portal says that this admin manages a group of users only".to_owned()
            });
            (Some(false), absorb.departments.clone())
        }
        Sees::Unknown(why) if !absorb.departments.is_empty() => {
            notes.push(format!("{why}; configuration says which departments it sees"));
            (Some(false), absorb.departments.clone())
        }
        Sees::Unknown(why) if absorb.scope_all => {
            notes.push(format!("{why}; scope = \"all\" is asserted by configuration"));
            (Some(true), none())
        }
        Sees::Unknown(why) => {
            notes.push(format!("{why}; if it sees every department, say scope = \"all\""));
            (None, none())
        }
    }
}

/// The admin's own settings: 1 a group, 2 departments, 3 all users (contract, section 3).
async fn scope(absorb: &Absorb, reader: Reader<'_>) -> Result<Sees, Fault> {
    let unknown = |why: &str| Ok(Sees::Unknown(why.to_owned()));
    let Some(own) = &absorb.protected.own else {
        return unknown("without `admin`, the user name of the admin who allowed it, the portal cannot be asked what it sees");
    };
    let found = list(reader, "/users", &format!("username={}", encoded(own)), 2, Place::default()).await?;
    let is_own = |raw: &&Json| raw.get("username").and_then(Json::as_str).is_some_and(|name| fold(name) == *own);
    let Some(id) = found.rows.iter().find(is_own).map(|raw| id_of(raw)).transpose()? else {
        return unknown("the log-in does not see its own account, so the portal cannot be asked what it sees");
    };
    if !is_uuid(id) {
        return Err(garbled("GET", "/users", "the id of the log-in's own account is no UUID"));
    }
    let path = format!("/users/{id}/user-management-settings");
    let settings = match get_one(reader, &path).await {
        Ok(answer) => answer.json.unwrap_or_default(),
        Err(Fault::Denied { scope: Scope::Object(_) }) => Json::Null,
        Err(fault) => return Err(fault),
    };
    let silent = "the portal does not say what this log-in sees";
    match management(&settings) {
        Some(1) => Ok(Sees::Group),
        Some(2) => match departments(&settings) {
            Some(listed) => Ok(Sees::Departments(with_those_below(listed, &walk(absorb, reader, Kind::Departments).await?))),
            None => unknown("the portal says that this admin manages some departments, and not which"),
        },
        Some(3) => Ok(Sees::All),
        Some(other) => Err(garbled("GET", "/users/:id/user-management-settings", &format!("a scope of {other} is none of 1, 2 and 3"))),
        None => unknown(silent),
    }
}

/// Text without what spellings differ in.
fn bare(name: &str) -> String {
    name.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_lowercase()
}

/// The number that says which scope it is.  What its member is called is nowhere public: it is the one number whose name speaks of scope,
/// type or management.
fn management(settings: &Json) -> Option<i64> {
    let speaks = |name: &str| ["scope", "type", "management"].iter().any(|word| bare(name).contains(word));
    let members = settings.as_object().into_iter().flatten();
    let numbers: Vec<i64> = members.filter(|(name, _)| speaks(name)).filter_map(|(_, value)| value.as_i64()).collect();
    if let [number] = numbers.as_slice() { Some(*number) } else { None }
}

/// The departments listed, as ids or as objects with one, in lower case.
fn departments(settings: &Json) -> Option<Vec<String>> {
    let (_, listed) = settings.as_object()?.iter().find(|(name, value)| bare(name).contains("department") && value.is_array())?;
    let id = |one: &Json| {
        let text = one.as_str().or_else(|| one.get("id").or_else(|| one.get("departmentId"))?.as_str())?;
        is_uuid(text).then(|| text.to_lowercase())
    };
    listed.as_array()?.iter().map(id).collect()
}

/// An admin of a department manages those below it too.
fn with_those_below(listed: Vec<String>, all: &[Json]) -> BTreeSet<String> {
    let mut below: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let text = |one: &Json, member: &str| one.get(member).and_then(Json::as_str).map(str::to_lowercase);
    for one in all {
        if let (Some(parent), Some(id)) = (text(one, "parentId"), text(one, "id")) {
            below.entry(parent).or_default().push(id);
        }
    }
    let (mut open, mut seen) = (listed, BTreeSet::new());
    while let Some(id) = open.pop() {
        open.extend(below.get(&id).into_iter().flatten().filter(|id| !seen.contains(*id)).cloned());
        seen.insert(id);
    }
    seen
}

/// Custom fields that the portal has defined, by the names that policy writes: any text of a definition that is one.
async fn custom_fields(reader: Reader<'_>) -> Result<BTreeSet<String>, Fault> {
    let answer = get(reader, "/customfielddefinitions").await?;
    let Some(Json::Array(definitions)) = answer.json else {
        return Err(garbled("GET", "/customfielddefinitions", "the answer is no list"));
    };
    let texts = definitions.iter().filter_map(Json::as_object).flatten().filter_map(|(_, value)| value.as_str()).map(bare);
    let told: BTreeSet<String> = texts.collect();
    let custom =
        MANIFEST.attributes.iter().filter_map(|attribute| Some((attribute.name, attribute.name.strip_prefix("customFields.")?)));
    Ok(custom.filter(|(_, field)| told.contains(*field)).map(|(name, _)| name.to_owned()).collect())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    const ONE: &str = "11111111-2222-4333-8444-555555555551";
    const TWO: &str = "11111111-2222-4333-8444-555555555552";
    const THREE: &str = "11111111-2222-4333-8444-555555555553";

    #[test]
    fn the_scope_is_read_whatever_its_member_is_called_and_never_made_up() {
        assert_eq!(management(&json!({"userManagementType": 2, "departmentIds": [ONE]})), Some(2));
        assert_eq!(management(&json!({"adminId": ONE, "scope": 3})), Some(3));
        assert_eq!(management(&json!({"scope": "all"})), None);
        assert_eq!(management(&json!({"scope": 3, "type": 2})), None, "two numbers say nothing");
        assert_eq!(departments(&json!({"departments": [{"id": ONE}, {"departmentId": TWO}]})), Some(vec![ONE.into(), TWO.into()]));
        assert_eq!(departments(&json!({"departmentIds": ["Sales"]})), None);
    }

    #[test]
    fn departments_go_with_those_below() {
        let all = [json!({"id": ONE}), json!({"id": TWO, "parentId": ONE}), json!({"id": THREE, "parentId": TWO})];
        let seen = with_those_below(vec![TWO.to_owned()], &all);
        assert_eq!(seen, [TWO, THREE].map(str::to_owned).into());
    }
}

//! What an application says of itself: `/ServiceProviderConfig`, `/ResourceTypes`, `/Schemas`.  Any of them may be missing, partial or wrong.

use std::collections::BTreeSet;

use connector::{Fault, Read, clock_ahead_ms};
use model::Tenant;
use serde_json::Value as Json;

use super::Scim;
use super::convert::{self, Place};
use super::manifest::MANIFEST;
use super::wire::{Changes, get_optional, profile, read_fault};

/// What `/ServiceProviderConfig` says; none where it does not say.
#[derive(Debug, Default)]
pub(super) struct Discovery {
    pub(super) patch: Option<bool>,
    pub(super) filter: Option<bool>,
    max_results: Option<u64>,
    etag: Option<bool>,
    cursor: Option<bool>,
    index: Option<bool>,
}

impl Discovery {
    pub(super) fn of_config(config: &Json) -> Self {
        let flag = |member: &str, of: &str| convert::flag(config.get(member)?.get(of)?);
        Self {
            patch: flag("patch", "supported"),
            filter: flag("filter", "supported"),
            max_results: config.get("filter").and_then(|filter| filter.get("maxResults")).and_then(convert::count),
            etag: flag("etag", "supported"),
            cursor: flag("pagination", "cursor"),
            index: flag("pagination", "index"),
        }
    }
}

/// Whether an account may be used.
pub(super) const ACTIVE: &str = "active";

/// Asks who we are talking to.
pub(super) async fn probe(app: &Scim, wire: &Read) -> Result<Tenant, Fault> {
    let sent = wire.now();
    // The only one of these that every application has, and for which it wants credentials.
    let answer = wire.get("/Users?count=1", &read_fault).await?;
    convert::list(answer.json.as_ref().unwrap_or(&Json::Null))?;
    let config = get_optional(wire, "/ServiceProviderConfig").await?;
    let types = get_optional(wire, "/ResourceTypes").await?;
    let schemas = get_optional(wire, "/Schemas").await?;
    let mut notes = notes(wire, config.as_ref(), types.as_ref());
    let declared = match schemas.as_ref().and_then(attributes) {
        Some((known, extensions)) => {
            let missing: Vec<&str> =
                MANIFEST.attributes.iter().map(|attribute| attribute.name).filter(|name| !known.contains(*name)).collect();
            if !known.contains(ACTIVE) {
                notes.push("its schemas have no `active`: nobody can be deactivated, and leavers are an objection".to_owned());
            }
            if !missing.is_empty() {
                notes.push(format!("its schemas do not have {}", missing.join(", ")));
            }
            known.into_iter().chain(extensions).collect()
        }
        None => {
            notes.push("it does not show its schemas: which attributes it takes is seen when they are written".to_owned());
            app.declared.clone()
        }
    };
    Ok(Tenant {
        profile: profile(wire).name.to_owned(),
        sees_all: None,
        sees: BTreeSet::new(),
        declared,
        clock_ahead_ms: clock_ahead_ms(answer.date, sent),
        notes,
    })
}

fn notes(wire: &Read, config: Option<&Json>, types: Option<&Json>) -> Vec<String> {
    let profile = profile(wire);
    let mut notes = Vec::new();
    let mut note = |text: &str| notes.push(text.to_owned());
    note(match profile.changes {
        Changes::Patch => "accounts are changed by PATCH",
        Changes::Put => "it has no PATCH: accounts are changed by PUT of all that was read of them",
        Changes::Bare => {
            "it does not say what it can do: accounts are deactivated by PATCH and changed by PUT of all that was read of them"
        }
    });
    if !profile.filter {
        note("it finds nobody by a filter: whoever is looked for is looked for in all pages");
    }
    if !profile.groups {
        note("it has no groups over SCIM");
    }
    let Some(config) = config else { return notes };
    let found = Discovery::of_config(config);
    if let Some(max) = found.max_results {
        notes.push(format!("it gives at most {max} results to a filter"));
    }
    if found.etag == Some(true) {
        notes.push("its entity tags are used: what somebody else changes between look and write is not overwritten".to_owned());
    }
    if found.cursor == Some(true) && found.index == Some(false) {
        notes.push("its lists are paged by cursor".to_owned());
    }
    let names: Option<Vec<&str>> = types.and_then(|types| {
        let all = convert::list(types).ok()?.resources;
        Some(all.iter().filter_map(|one| one.get("name")?.as_str()).collect())
    });
    let unnamed = |names: &Vec<&str>| !names.is_empty() && !names.iter().any(|name| name.eq_ignore_ascii_case("group"));
    if profile.groups && names.as_ref().is_some_and(unnamed) {
        notes.push("its resource types do not name groups, and it has them".to_owned());
    }
    notes
}

/// The names of our attributes, and of extensions' ones (`URN:name`), that the schemas have; none where they say nothing about users.
fn attributes(schemas: &Json) -> Option<(BTreeSet<String>, BTreeSet<String>)> {
    let all = convert::list(schemas).ok()?.resources;
    let of =
        |urn: &str| all.iter().find(|schema| schema.get("id").and_then(Json::as_str).is_some_and(|id| id.eq_ignore_ascii_case(urn)));
    let user = of(scim::urn::USER)?;
    // No attribute that policy sets, and what deactivating needs.
    let active = attribute(user.get("attributes"), ACTIVE).map(|_| ACTIVE.to_owned());
    let known = MANIFEST.attributes.iter().map(|attribute| attribute.name).filter(|name| {
        let Some(place) = Place::of(name) else { return false };
        let (urn, path) = place.in_schema();
        let schema = of(urn);
        // What is in no schema's words is asked of no schema: `externalId` is common to all (RFC 7643, section 3.1).
        if path == ["externalId"] {
            return true;
        }
        schema.and_then(|schema| attribute(schema.get("attributes"), path[0])).is_some_and(|found| match path.get(1) {
            // Some servers do not show what is below.
            Some(sub) if found.get("subAttributes").is_some() => attribute(found.get("subAttributes"), sub).is_some(),
            _ => true,
        })
    });
    let known = known.map(str::to_owned).chain(active).collect();
    let others = all.iter().filter_map(|schema| {
        let urn = schema.get("id")?.as_str()?;
        let ours = [scim::urn::USER, scim::urn::GROUP, scim::urn::ENTERPRISE_USER].iter().any(|our| our.eq_ignore_ascii_case(urn));
        (!ours).then(|| (urn, schema.get("attributes").and_then(Json::as_array)))
    });
    let extensions = others.flat_map(|(urn, attributes)| {
        let names = attributes.into_iter().flatten().filter_map(|one| one.get("name")?.as_str());
        names.map(|name| format!("{urn}:{name}")).collect::<Vec<_>>()
    });
    Some((known, extensions.collect()))
}

fn attribute<'a>(all: Option<&'a Json>, name: &str) -> Option<&'a Json> {
    let named = |one: &&Json| one.get("name").and_then(Json::as_str).is_some_and(|found| found.eq_ignore_ascii_case(name));
    all?.as_array()?.iter().find(named)
}

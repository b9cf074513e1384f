//! Groups: by delta, and new ones.

use std::collections::BTreeSet;

use connector::{Body, Done, Fault, Key, Outcome, Write};
use http::Method;
use model::{Kind, Receipt, Ref, Step};
use serde_json::{Value as Json, json};

use super::Scim;
use super::convert::{self, in_path};
use super::read;
use super::ways::{is_about_form, patch};
use super::wire::{self, Changes, get_one, profile};
use super::write::{Look, drift, unreadable};
use crate::sabotage::{Off, is_off};

/// How an account's memberships have to change: groups that it is not in, and groups that it is in.
#[derive(Default)]
pub(super) struct Moves {
    add: BTreeSet<String>,
    remove: BTreeSet<String>,
}

impl Moves {
    pub(super) fn is_none(&self) -> bool {
        self.add.is_empty() && self.remove.is_empty()
    }
}

/// How the memberships have to change, by a look at each group that the step names; what it does not name is not touched (P8).
pub(super) async fn moves(wire: &Write, step: &Step, look: &Look) -> Result<Moves, Fault> {
    let mut moves = Moves::default();
    for group in step.add_groups.iter().filter_map(Ref::id) {
        if is_off(Off::LookBefore) || !is_member(wire, look, group).await? {
            moves.add.insert(group.to_owned());
        }
    }
    for group in &step.remove_groups {
        if is_off(Off::LookBefore) || is_member(wire, look, group).await? {
            moves.remove.insert(group.to_string());
        }
    }
    Ok(moves)
}

/// Whether the account is in the group: by what the user shows, which has to say yes; else by the group's own members.
async fn is_member(wire: &Write, look: &Look, group: &str) -> Result<bool, Fault> {
    if convert::groups_shown(&look.raw).is_some_and(|groups| groups.contains(group)) {
        return Ok(true);
    }
    let group = look_at(wire, group).await?;
    Ok(convert::members(&group, "group")?.contains(look.account.id.as_str()))
}

async fn look_at(wire: &Write, group: &str) -> Result<Json, Fault> {
    let gone = || drift(format!("there is no group {group} any more"));
    let path = in_path(group).ok_or_else(gone)?;
    let raw = get_one(wire.read(), &format!("/Groups/{path}")).await?.ok_or_else(gone)?;
    convert::group_record(&raw, "group").map(|_| raw)
}

/// Adds to groups and takes out of them, one group after the other; the receipt's groups afterwards.
pub(super) async fn regroup(app: &Scim, wire: &Write, look: &Look, moves: &Moves) -> Result<(), Fault> {
    let mut written = false;
    let all = moves.add.iter().map(|group| (group, true)).chain(moves.remove.iter().map(|group| (group, false)));
    for (group, joins) in all {
        match move_one(app, wire, look, group, joins).await {
            Ok(()) => written = true,
            // Something was written already: whatever became of this, somebody has to look.
            Err(Fault::Drift { found }) => return Err(drift(found)),
            Err(fault) if written => return Err(half(fault)),
            Err(fault) => return Err(fault),
        }
    }
    Ok(())
}

/// Part of a step was written.
pub(super) fn half(fault: Fault) -> Fault {
    match fault {
        Fault::Drift { .. } | Fault::Unknown { .. } => fault,
        other => Fault::Unknown { why: format!("a part of the step was written, the rest was not: {other}") },
    }
}

/// One membership more or less: by PATCH, in the forms that applications take, and by PUT of the whole group only where there is no PATCH.
async fn move_one(app: &Scim, wire: &Write, look: &Look, group: &str, joins: bool) -> Result<(), Fault> {
    let id = convert::id_as(look.raw.get("id"), look.account.id.as_str());
    let path = format!("/Groups/{}", in_path(group).ok_or_else(|| drift(format!("`{group}` is no group")))?);
    let member = json!([{ "value": id }]);
    let forms = if joins {
        vec![json!({ "op": "add", "path": "members", "value": member }), json!({ "op": "add", "value": { "members": member } })]
    } else {
        vec![
            json!({ "op": "remove", "path": format!("members[value eq {}]", Json::from(look.account.id.as_str())) }),
            json!({ "op": "remove", "path": "members", "value": member }),
        ]
    };
    let forms = if profile(wire.read()).changes == Changes::Put { Vec::new() } else { forms };
    let mut refusal = None;
    for form in forms {
        match wire::send(wire, Method::PATCH, &path, Some(&patch(vec![form])), None).await {
            Ok(_) if is_off(Off::LookAfter) => return Ok(()),
            Ok(_) if is_as_wanted(wire, look, group, joins).await.map_err(seen_or_unknown)? => return Ok(()),
            // It said yes and did nothing.
            Ok(_) => {}
            Err(fault) if is_about_form(&fault) => refusal = refusal.or(Some(fault)),
            Err(fault) => return Err(fault),
        }
    }
    whole(app, wire, look, group, &path, &id, joins).await.map_err(|fault| match refusal {
        Some(first) if is_about_form(&fault) => first,
        _ => fault,
    })
}

/// PUT of the group as it was just read, with one member more or less.
async fn whole(_app: &Scim, wire: &Write, look: &Look, group: &str, path: &str, id: &Json, joins: bool) -> Result<(), Fault> {
    let mut raw = look_at(wire, group).await?;
    let version = raw["meta"]["version"].as_str().map(str::to_owned);
    let mut members = raw["members"].as_array().cloned().unwrap_or_default();
    let is_it = |one: &Json| one.get("value").is_some_and(|value| value == id || value.as_str() == Some(look.account.id.as_str()));
    members.retain(|one| !is_it(one));
    if joins {
        members.push(json!({ "value": id }));
    }
    raw["members"] = members.into();
    if let Some(object) = raw.as_object_mut() {
        object.remove("meta");
    }
    wire::send(wire, Method::PUT, path, Some(&raw), version.as_deref()).await?;
    if is_off(Off::LookAfter) || is_as_wanted(wire, look, group, joins).await.map_err(seen_or_unknown)? {
        return Ok(());
    }
    let (should, is) = if joins { ("be", "is not") } else { ("not be", "is") };
    Err(drift(format!("account {} should {should} in group {group}, and {is}", look.account.id)))
}

/// By the group's own members: what the user shows may come later.
async fn is_as_wanted(wire: &Write, look: &Look, group: &str, joins: bool) -> Result<bool, Fault> {
    let raw = look_at(wire, group).await?;
    Ok(convert::members(&raw, "group")?.contains(look.account.id.as_str()) == joins)
}

/// The look after a write that failed: it was written, and nobody has seen it.
fn seen_or_unknown(fault: Fault) -> Fault {
    match fault {
        Fault::Drift { .. } => fault,
        other => Fault::Unknown { why: format!("the group was written, and could not be looked at: {other}") },
    }
}

/// Makes a group, unless there is one of that name.
pub(super) async fn create_group(app: &Scim, wire: &Write, step: &Step) -> Outcome {
    let name = step.set.get("name").and_then(|change| change.after.as_text()).unwrap_or(&step.label);
    let found = read::find(app, wire.read(), Kind::Groups, &Key::one("name", name)).await?;
    if let Some(there) = found.into_iter().find(|_| !is_off(Off::LookBefore)) {
        let receipt = Receipt { account: Some(there.id.into()), before: Some(there.raw.clone()), after: Some(there.raw) };
        return Ok(Done { already: true, receipt });
    }
    let body = json!({ "schemas": [scim::urn::GROUP], "displayName": name });
    let answer = wire::send(wire, Method::POST, "/Groups", Some(&body), None).await?;
    let made = convert::group_record(&answer, "group").map_err(unreadable)?;
    if !matches!(&made.body, Body::Group(group) if group.name == name) {
        return Err(drift(format!("group {} was made, and its name is not `{name}`", made.id)));
    }
    Ok(Done { already: false, receipt: Receipt { account: Some(made.id.into()), before: None, after: Some(answer) } })
}

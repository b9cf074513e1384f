//! Groups: by delta, several members of one group together, and new ones.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connector::{Body, Done, Fault, Key, Outcome, Write};
use http::Method;
use model::{Kind, Receipt, Ref, Step};
use serde_json::{Value as Json, json};
use tokio::sync::Mutex;

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

/// The members of groups as a call found them, so that one look serves all of its steps.
#[derive(Default)]
pub(super) struct Members(Mutex<BTreeMap<String, Arc<BTreeSet<String>>>>);

impl Members {
    async fn of(&self, wire: &Write, group: &str) -> Result<Arc<BTreeSet<String>>, Fault> {
        let mut known = self.0.lock().await;
        if let Some(members) = known.get(group) {
            return Ok(Arc::clone(members));
        }
        let raw = look_at(wire, group).await?;
        let members = Arc::new(convert::members(&raw, "group")?);
        known.insert(group.to_owned(), Arc::clone(&members));
        Ok(members)
    }
}

/// How the memberships have to change, by a look at each group that the step names; what it does not name is not touched (P8).
pub(super) async fn moves(wire: &Write, members: &Members, step: &Step, look: &Look) -> Result<Moves, Fault> {
    let mut moves = Moves::default();
    for group in step.add_groups.iter().filter_map(Ref::id) {
        if is_off(Off::LookBefore) || !is_member(wire, members, look, group).await? {
            moves.add.insert(group.to_owned());
        }
    }
    for group in &step.remove_groups {
        if is_off(Off::LookBefore) || is_member(wire, members, look, group).await? {
            moves.remove.insert(group.to_string());
        }
    }
    Ok(moves)
}

/// Whether the account is in the group: by what the user shows, which has to say yes; else by the group's own members.
async fn is_member(wire: &Write, members: &Members, look: &Look, group: &str) -> Result<bool, Fault> {
    if convert::groups_shown(&look.raw).is_some_and(|groups| groups.contains(group)) {
        return Ok(true);
    }
    Ok(members.of(wire, group).await?.contains(look.account.id.as_str()))
}

async fn look_at(wire: &Write, group: &str) -> Result<Json, Fault> {
    let gone = || drift(format!("there is no group {group} any more"));
    let path = in_path(group).ok_or_else(gone)?;
    let raw = get_one(wire.read(), &format!("/Groups/{path}")).await?.ok_or_else(gone)?;
    convert::group_record(&raw, "group").map(|_| raw)
}

/// One account's memberships on their way.
pub(super) struct Moving<'a> {
    pub(super) look: &'a Look,
    pub(super) moves: &'a Moves,
    /// Whether something was written of its step.
    pub(super) written: bool,
    pub(super) ended: Result<(), Fault>,
}

impl Moving<'_> {
    fn end(&mut self, outcome: Result<(), Fault>) {
        match outcome {
            Ok(()) => self.written = true,
            // Something was written already: whatever became of this, somebody has to look.
            Err(fault) if self.written => self.ended = Err(half(fault)),
            Err(fault) => self.ended = Err(fault),
        }
    }
}

/// Adds to groups and takes out of them, one group after the other, for each all who join and then all who go.  Whose change fails is left
/// as it is then.
pub(super) async fn regroup(app: &Scim, wire: &Write, all: &mut [Moving<'_>]) {
    for joins in [true, false] {
        let of = |moves: &Moves| if joins { moves.add.clone() } else { moves.remove.clone() };
        let groups: BTreeSet<String> = all.iter().flat_map(|one| of(one.moves)).collect();
        for group in groups {
            let concerned = |one: &&mut Moving<'_>| {
                one.ended.is_ok() && if joins { one.moves.add.contains(&group) } else { one.moves.remove.contains(&group) }
            };
            let mut some: Vec<&mut Moving<'_>> = all.iter_mut().filter(concerned).collect();
            if some.len() > 1 {
                some = move_many(wire, some, &group, joins).await;
            }
            for one in some {
                let outcome = move_one(app, wire, one.look, &group, joins).await;
                one.end(outcome);
            }
        }
    }
}

/// Part of a step was written.
pub(super) fn half(fault: Fault) -> Fault {
    match fault {
        Fault::Drift { .. } | Fault::Unknown { .. } => fault,
        other => Fault::Unknown { why: format!("a part of the step was written, the rest was not: {other}") },
    }
}

/// Several memberships of one group in one PATCH; gives back who is still to be moved.  A refusal of all may be about one of them.
async fn move_many<'m, 'a>(wire: &Write, mut some: Vec<&'m mut Moving<'a>>, group: &str, joins: bool) -> Vec<&'m mut Moving<'a>> {
    let Some(path) = in_path(group).map(|group| format!("/Groups/{group}")) else { return some };
    for form in 0..forms(wire) {
        let looks: Vec<&Look> = some.iter().map(|one| one.look).collect();
        let members = match wire::send(wire, Method::PATCH, &path, Some(&said(form, &looks, joins)), None).await {
            Ok(_) if is_off(Off::LookAfter) => Ok(None),
            Ok(_) => members_now(wire, group).await.map(Some).map_err(seen_or_unknown),
            Err(Fault::Refused { .. }) => continue,
            Err(fault) => Err(fault),
        };
        match members {
            Ok(None) => some.drain(..).for_each(|one| one.end(Ok(()))),
            Ok(Some(members)) => {
                let moved = |one: &&mut Moving<'_>| members.contains(one.look.account.id.as_str()) == joins;
                let (done, rest): (Vec<_>, Vec<_>) = some.into_iter().partition(moved);
                done.into_iter().for_each(|one| one.end(Ok(())));
                some = rest;
            }
            Err(fault) => some.drain(..).for_each(|one| one.end(Err(fault.clone()))),
        }
        if some.is_empty() {
            break;
        }
    }
    some
}

/// In how many forms a PATCH of members is said.
fn forms(wire: &Write) -> usize {
    if profile(wire.read()).changes == Changes::Put { 0 } else { 2 }
}

/// A PATCH that adds these members or takes them out, in one of the forms that applications take.
fn said(form: usize, looks: &[&Look], joins: bool) -> Json {
    let values: Vec<Json> =
        looks.iter().map(|look| json!({ "value": convert::id_as(look.raw.get("id"), look.account.id.as_str()) })).collect();
    patch(match (joins, form) {
        (true, 0) => vec![json!({ "op": "add", "path": "members", "value": values })],
        (true, _) => vec![json!({ "op": "add", "value": { "members": values } })],
        (false, 0) => {
            let path = |look: &&Look| format!("members[value eq {}]", Json::from(look.account.id.as_str()));
            looks.iter().map(|look| json!({ "op": "remove", "path": path(look) })).collect()
        }
        (false, _) => vec![json!({ "op": "remove", "path": "members", "value": values })],
    })
}

/// One membership more or less: by PATCH, in the forms that applications take, and by PUT of the whole group only where no PATCH is taken.
async fn move_one(app: &Scim, wire: &Write, look: &Look, group: &str, joins: bool) -> Result<(), Fault> {
    let id = convert::id_as(look.raw.get("id"), look.account.id.as_str());
    let path = format!("/Groups/{}", in_path(group).ok_or_else(|| drift(format!("`{group}` is no group")))?);
    let mut refusal = None;
    for form in 0..forms(wire) {
        match wire::send(wire, Method::PATCH, &path, Some(&said(form, &[look], joins)), None).await {
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
    Ok(members_now(wire, group).await?.contains(look.account.id.as_str()) == joins)
}

async fn members_now(wire: &Write, group: &str) -> Result<BTreeSet<String>, Fault> {
    let raw = look_at(wire, group).await?;
    convert::members(&raw, "group")
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

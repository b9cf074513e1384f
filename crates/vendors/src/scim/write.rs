//! Writing: each step looks, composes the whole write, writes, and looks again (P5); memberships of several steps go together.

use std::collections::{BTreeMap, BTreeSet};

use connector::{Body, Done, Fault, Key, Outcome, Scope, Write};
use futures_util::future::join_all;
use http::Method;
use model::{Account, Approved, Kind, Receipt, Ref, Step, Text, Value, Verb};
use serde_json::{Value as Json, json};

use super::Scim;
use super::convert::{self, in_path};
use super::groups::{Members, Moves, Moving, create_group, half, moves, regroup};
use super::read;
use super::ways::{Change, Way, is_about_form};
use super::wire::{self, get_one, profile};
use crate::sabotage::{Off, is_off};

/// An account as it is now.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) raw: Json,
    pub(super) account: Account,
}

impl Look {
    fn value(&self, attribute: &str) -> &Value {
        self.account.attributes.get(attribute).unwrap_or(&Value::Null)
    }

    fn id(&self) -> &str {
        self.account.id.as_str()
    }

    /// Nothing needs to be written.
    fn already(self) -> Outcome {
        Ok(Done {
            already: true,
            receipt: Receipt { account: Some(self.account.id), before: Some(self.raw.clone()), after: Some(self.raw) },
        })
    }

    /// An account that became protected after the plan was made is left alone (P8).
    fn may_be_touched(&self) -> Result<(), Fault> {
        match &self.account.protected {
            None => Ok(()),
            Some(why) => Err(drift(format!("account {} is protected now: {why}", self.id()))),
        }
    }
}

/// How many steps of a call are under way at once.
const AT_ONCE: usize = 4;

/// What became of a step before anybody was put into a group or taken out.
enum Part {
    Ended(Done),
    /// All but its memberships is as it should be.
    Rest(Box<Rest>),
}

struct Rest {
    before: Option<Look>,
    after: Look,
    moves: Moves,
    /// Whether something was written.
    written: bool,
}

/// Carries out steps of one call: each for itself, then the memberships of all of them, group by group.
pub(super) async fn apply(app: &Scim, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
    let members = Members::default();
    let mut parts: Vec<Result<Part, Fault>> = Vec::with_capacity(steps.len());
    for some in steps.chunks(AT_ONCE) {
        // Nobody is asked any more who asks to wait, or lets nobody in: the rest has not begun.
        let stop = parts.iter().filter_map(|part| part.as_ref().err()).find(|fault| is_for_all(fault)).cloned();
        match stop {
            Some(fault) => parts.extend(some.iter().map(|_| Err(fault.clone()))),
            None => parts.extend(join_all(some.iter().map(|step| carry_out(app, wire, &members, step.get()))).await),
        }
    }
    let mut moving: Vec<Moving<'_>> = parts
        .iter()
        .filter_map(|part| match part {
            Ok(Part::Rest(rest)) => Some(Moving { look: &rest.after, moves: &rest.moves, written: rest.written, ended: Ok(()) }),
            _ => None,
        })
        .collect();
    regroup(app, wire, &mut moving).await;
    let mut moved = moving.into_iter().map(|one| one.ended).collect::<Vec<_>>().into_iter();
    let mut outcomes = Vec::with_capacity(steps.len());
    for part in parts {
        let outcome = match part {
            Err(fault) => Err(fault),
            Ok(Part::Ended(done)) => Ok(done),
            Ok(Part::Rest(rest)) => match moved.next().unwrap_or(Ok(())) {
                Ok(()) => Ok(finished(app, wire, *rest).await),
                Err(fault) => Err(fault),
            },
        };
        outcomes.push(match outcome {
            Err(Fault::Unknown { .. }) if is_off(Off::LookAfter) => Ok(Done { already: false, receipt: Receipt::default() }),
            outcome => outcome,
        });
    }
    outcomes
}

/// Whether what one step was told holds for every other too.
fn is_for_all(fault: &Fault) -> bool {
    matches!(fault, Fault::Wait { .. } | Fault::Denied { scope: Scope::Session | Scope::Credentials(_) | Scope::Consent(_) })
}

/// What is told of a step of which everything is done; the account as it is with its groups, where users show them.
async fn finished(app: &Scim, wire: &Write, rest: Rest) -> Done {
    let Rest { before, mut after, moves, .. } = rest;
    if !moves.is_none() {
        after = look_at(app, wire, after.id()).await.ok().flatten().unwrap_or(after);
    }
    done(before, after)
}

async fn carry_out(app: &Scim, wire: &Write, members: &Members, step: &Step) -> Result<Part, Fault> {
    if let connector::Support::Cannot(why) | connector::Support::Unbuilt(why) = app.manifest.support(step.verb) {
        return Err(Fault::Unsupported { what: format!("{:?} over SCIM: {why}", step.verb) });
    }
    match step.verb {
        Verb::CreateGroup => create_group(app, wire, step).await.map(Part::Ended),
        Verb::Link => linked(look(app, wire, step).await?, step).map(Part::Ended),
        Verb::Restore => restore(app, wire, members, step).await,
        Verb::Create => create(app, wire, members, step).await,
        Verb::Update | Verb::Relate => update(app, wire, members, step, None).await,
        Verb::Leave => leave(app, wire, step).await.map(Part::Ended),
        Verb::CreateDepartment | Verb::Enrol => Err(Fault::Unsupported { what: format!("{:?} over SCIM", step.verb) }),
    }
}

/// Reactivates the account, and sets values in the same write.
async fn restore(app: &Scim, wire: &Write, members: &Members, step: &Step) -> Result<Part, Fault> {
    update(app, wire, members, step, Some(true)).await
}

/// Sets what differs, whether it is active among it; the memberships are left.
async fn update(app: &Scim, wire: &Write, members: &Members, step: &Step, active: Option<bool>) -> Result<Part, Fault> {
    let look = look(app, wire, step).await?;
    let mut wrong = Vec::new();
    let mut changed: Vec<(&Text, &Value)> = Vec::new();
    for (name, change) in &step.set {
        let now = look.value(name);
        if convert::same(name, now, &change.after) && !is_off(Off::LookBefore) {
            continue;
        }
        if !convert::same(name, now, &change.before) && !is_off(Off::LookBefore) {
            wrong.push(format!("{name} is `{now}`, neither `{}` nor `{}`", change.before, change.after));
        }
        changed.push((name, &change.after));
    }
    if !wrong.is_empty() {
        return Err(drift(format!("account {}: {}", look.id(), wrong.join("; "))));
    }
    let active = active.filter(|active| look.account.active != *active || is_off(Off::LookBefore));
    let moves = moves(wire, members, step, &look).await?;
    if changed.is_empty() && active.is_none() && moves.is_none() {
        return look.already().map(Part::Ended);
    }
    look.may_be_touched()?;
    let sets = !changed.is_empty() || active.is_some();
    let after = if sets { set(app, wire, &look, &changed, active).await? } else { look.clone() };
    Ok(Part::Rest(Box::new(Rest { before: Some(look), after, moves, written: sets })))
}

/// Writes values, in the first way that the application takes.
async fn set(app: &Scim, wire: &Write, look: &Look, changed: &[(&Text, &Value)], active: Option<bool>) -> Result<Look, Fault> {
    let mut places = Vec::with_capacity(changed.len());
    for (name, value) in changed {
        places.push((convert::place(name)?, convert::value(name, value)?));
    }
    let status_only = places.is_empty();
    let change = Change::compose(&look.raw, places, active);
    let path = format!("/Users/{}", in_path(look.id()).ok_or_else(|| gone(look.id()))?);
    let mut refusal = None;
    let mut ignored = None;
    for way in app.taken.ways(profile(wire.read()), status_only) {
        let answer = match change.send(wire, &path, way).await {
            Ok(answer) => answer,
            Err(fault) if is_about_form(&fault) => {
                refusal = refusal.or(Some(fault));
                continue;
            }
            Err(fault) => return Err(fault),
        };
        let after = seen(app, wire, look, answer, |after| lacks(after, changed, active).is_empty()).await?;
        let lacks = lacks(&after, changed, active);
        if lacks.is_empty() {
            app.taken.took(status_only, way);
            if way == Way::Whole {
                nothing_else(look, &after, &change)?;
            }
            return Ok(after);
        }
        let fault = drift(format!("account {} does not hold what it should: {}", look.id(), lacks.join("; ")));
        // It said yes and did nothing at all: then it may be said otherwise.
        if after.account != look.account {
            return Err(fault);
        }
        ignored = Some(fault);
    }
    Err(ignored.or(refusal).unwrap_or_else(|| Fault::Unsupported { what: "changing accounts".to_owned() }))
}

/// What an application took away or changed that was sent as it was read: it cannot be told from somebody else's change, and is told.
fn nothing_else(before: &Look, after: &Look, change: &Change<'_>) -> Result<(), Fault> {
    let own = |name: &str| matches!(name, "meta" | "schemas" | "groups" | "password");
    let (Some(was), Some(is)) = (before.raw.as_object(), after.raw.as_object()) else { return Ok(()) };
    let lost: Vec<&str> = was
        .keys()
        .map(String::as_str)
        .filter(|name| !own(name) && change.whole.get(*name) == was.get(*name) && is.get(*name) != was.get(*name))
        // Nothing is nothing, however it is said.
        .filter(|name| !(is_nothing(was.get(*name)) && is_nothing(is.get(*name))))
        .collect();
    if lost.is_empty() {
        return Ok(());
    }
    Err(drift(format!("account {} was written, and the application also changed {}", before.id(), lost.join(", "))))
}

fn is_nothing(json: Option<&Json>) -> bool {
    match json {
        None | Some(Json::Null) => true,
        Some(Json::Array(all)) => all.is_empty(),
        Some(Json::Object(all)) => all.is_empty(),
        Some(_) => false,
    }
}

/// The account after a write: as the answer shows it, if that is what was wanted; else as a look shows it.
async fn seen(app: &Scim, wire: &Write, before: &Look, answer: Json, is_wanted: impl Fn(&Look) -> bool) -> Result<Look, Fault> {
    if is_off(Off::LookAfter) {
        return Ok(before.clone());
    }
    if !answer.is_null() {
        let after = full(app, &answer).map_err(unreadable)?;
        if after.account.id != before.account.id {
            return Err(Fault::Unknown { why: format!("account {} was written, and the answer is about {}", before.id(), after.id()) });
        }
        if is_wanted(&after) {
            return Ok(after);
        }
    }
    let after = look_at(app, wire, before.id()).await.map_err(unseen)?;
    after.ok_or_else(|| gone(before.id()))
}

/// What the account does not hold of what was sent, as the manifest compares.
fn lacks(after: &Look, sent: &[(&Text, &Value)], active: Option<bool>) -> Vec<String> {
    if is_off(Off::LookAfter) {
        return Vec::new();
    }
    let mut lacks: Vec<String> = sent
        .iter()
        .filter(|(name, value)| !convert::same(name, after.value(name), value))
        .map(|(name, value)| format!("{name} should be `{value}`, and is `{}`", after.value(name)))
        .collect();
    if active.is_some_and(|active| after.account.active != active) {
        lacks.push(format!("active is {}", after.account.active));
    }
    lacks
}

/// Makes an account, which is left to be put into its groups.
async fn create(app: &Scim, wire: &Write, members: &Members, step: &Step) -> Result<Part, Fault> {
    let wanted: Vec<(&Text, &Value)> =
        step.set.iter().map(|(name, change)| (name, &change.after)).filter(|(_, value)| !value.is_null()).collect();
    // Some applications change the account that is there, and say that it was made.
    if profile(wire.read()).filter && !is_off(Off::LookBefore) {
        for attribute in ["userName", "emails.work"] {
            if let Some(owner) = owner(app, wire, step, attribute).await? {
                return theirs_or_ours(app, wire, members, step, &wanted, owner, None).await;
            }
        }
    }
    let mut places = Vec::with_capacity(wanted.len());
    for (name, value) in &wanted {
        places.push((convert::place(name)?, convert::value(name, value)?));
    }
    let body = Json::Object(Change::compose(&json!({ "schemas": [scim::urn::USER] }), places, Some(true)).whole);
    match wire::send(wire, Method::POST, "/Users", Some(&body), None).await {
        Ok(Json::Null) => {
            let owner = owner(app, wire, step, "userName").await.map_err(unseen)?;
            let after = owner.ok_or_else(|| Fault::Unknown { why: "the account was made, and is not found".to_owned() })?;
            finish(app, wire, members, step, &wanted, after).await
        }
        Ok(answer) => {
            let after = full(app, &answer).map_err(unreadable)?;
            finish(app, wire, members, step, &wanted, after).await
        }
        Err(fault) if is_taken(&fault) => match owner(app, wire, step, "userName").await? {
            Some(owner) => theirs_or_ours(app, wire, members, step, &wanted, owner, Some(fault)).await,
            None => Err(fault),
        },
        Err(fault) => Err(fault),
    }
}

/// What was just made, looked at.
async fn finish(
    app: &Scim,
    wire: &Write,
    members: &Members,
    step: &Step,
    wanted: &[(&Text, &Value)],
    after: Look,
) -> Result<Part, Fault> {
    let after = if lacks(&after, wanted, Some(true)).is_empty() {
        after
    } else {
        // The answer may show a part only.
        look_at(app, wire, after.id()).await.map_err(unseen)?.unwrap_or(after)
    };
    let lacks = lacks(&after, wanted, Some(true));
    if !lacks.is_empty() {
        return Err(drift(format!("account {} was made and does not hold what it should: {}", after.id(), lacks.join("; "))));
    }
    let moves = moves(wire, members, step, &after).await.map_err(half)?;
    Ok(Part::Rest(Box::new(Rest { before: None, after, moves, written: true })))
}

/// Whether a refusal says that there is such an account.
fn is_taken(fault: &Fault) -> bool {
    matches!(fault, Fault::Refused { code, .. } if code.starts_with("409") || code.ends_with("uniqueness"))
}

/// The account that has the value of this attribute that the step sets.
async fn owner(app: &Scim, wire: &Write, step: &Step, attribute: &str) -> Result<Option<Look>, Fault> {
    let Some(value) = step.set.get(attribute).and_then(|change| change.after.as_text()) else { return Ok(None) };
    let found = read::find(app, wire.read(), Kind::Accounts, &Key::one(attribute, value)).await?;
    Ok(found.into_iter().find_map(|record| match record.body {
        Body::Account(account) => Some(Look { raw: record.raw, account }),
        _ => None,
    }))
}

/// The name is taken.  Ours only if the account carries our key: then an earlier call made it and its answer was lost.
async fn theirs_or_ours(
    app: &Scim,
    wire: &Write,
    members: &Members,
    step: &Step,
    wanted: &[(&Text, &Value)],
    owner: Look,
    fault: Option<Fault>,
) -> Result<Part, Fault> {
    let key = app.manifest.key_attribute.and_then(|key| step.set.get(key).map(|change| (key, &change.after)));
    let ours = key.is_some_and(|(key, value)| !value.is_null() && owner.value(key) == value);
    let state = if owner.account.active { "" } else { ", which is inactive" };
    if !ours {
        let (code, said) = match fault {
            Some(Fault::Refused { code, detail }) => (code, format!("{detail}: ")),
            _ => ("taken".to_owned(), String::new()),
        };
        let name = owner.value("userName");
        return Err(Fault::Refused {
            code,
            detail: format!(
                "{said}account {} ({name}) has this user name or e-mail{state}, and does not carry this person's key; nothing was changed",
                owner.id()
            ),
        });
    }
    if !owner.account.active {
        return Err(drift(format!("account {} is this person's and is inactive", owner.id())));
    }
    let lacks = lacks(&owner, wanted, None);
    if !lacks.is_empty() {
        return Err(drift(format!("account {} does not hold what it should: {}", owner.id(), lacks.join("; "))));
    }
    // The earlier call may have ended before the groups were set.
    let moves = moves(wire, members, step, &owner).await?;
    if moves.is_none() {
        return owner.already().map(Part::Ended);
    }
    Ok(Part::Rest(Box::new(Rest { before: Some(owner.clone()), after: owner, moves, written: false })))
}

/// Deactivates the account: nothing is ever deleted, also where an application could.
async fn leave(app: &Scim, wire: &Write, step: &Step) -> Outcome {
    if !step.set.is_empty() || !step.add_groups.is_empty() || !step.remove_groups.is_empty() {
        return Err(Fault::Unsupported { what: "a step that deactivates only; values are set by a step of their own".to_owned() });
    }
    let look = look(app, wire, step).await?;
    if !look.account.active && !is_off(Off::LookBefore) {
        return look.already();
    }
    look.may_be_touched()?;
    let after = set(app, wire, &look, &[], Some(false)).await?;
    Ok(done(Some(look), after))
}

/// Many links: pages of the list, for as long as they show more of them than asking for each would.
pub(super) async fn links(app: &Scim, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
    let id = |step: &Step| step.account.as_ref().and_then(Ref::id).unwrap_or_default().to_owned();
    let wanted: BTreeSet<String> = steps.iter().map(|step| id(step.get())).collect();
    let mut seen: BTreeMap<String, Look> = BTreeMap::new();
    let (mut after, mut pages) = (None, 0);
    // The wanted may all stand on later pages: a tenth more requests are risked for that.
    while seen.len() + wanted.len() / 10 >= pages && seen.len() < wanted.len() {
        let page = match read::read(app, wire.read(), Kind::Accounts, after).await {
            Ok(page) => page,
            Err(fault) => return steps.iter().map(|_| Err(fault.clone())).collect(),
        };
        pages += 1;
        for record in page.records.into_iter().filter(|record| wanted.contains(&record.id)) {
            if let Body::Account(account) = record.body {
                seen.insert(record.id, Look { raw: record.raw, account });
            }
        }
        match page.next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    let mut outcomes = Vec::with_capacity(steps.len());
    for step in steps.iter().map(Approved::get) {
        outcomes.push(match seen.remove(&id(step)) {
            Some(look) => linked(look, step),
            None => look(app, wire, step).await.and_then(|look| linked(look, step)),
        });
    }
    outcomes
}

/// An account that no longer has the value it was matched by is somebody else's now (F08).
fn linked(look: Look, step: &Step) -> Outcome {
    for (attribute, change) in &step.set {
        let now = look.value(attribute);
        if !convert::same(attribute, now, &change.after) {
            return Err(drift(format!("account {} matched by {attribute} `{}`, which is `{now}` now", look.id(), change.after)));
        }
    }
    look.already()
}

/// The look before a write.
async fn look(app: &Scim, wire: &Write, step: &Step) -> Result<Look, Fault> {
    let id = account_id(step)?;
    look_at(app, wire, id).await?.ok_or_else(|| gone(id))
}

async fn look_at(app: &Scim, wire: &Write, id: &str) -> Result<Option<Look>, Fault> {
    let Some(path) = in_path(id) else { return Ok(None) };
    let Some(raw) = get_one(wire.read(), &format!("/Users/{path}")).await? else { return Ok(None) };
    full(app, &raw).map(Some)
}

fn full(app: &Scim, raw: &Json) -> Result<Look, Fault> {
    Ok(Look { account: convert::account(app, raw, "user")?, raw: raw.clone() })
}

/// An answer to a write that cannot be read is no proof that nothing was written.
pub(super) fn unreadable(fault: Fault) -> Fault {
    match fault {
        Fault::Garbled { detail } => Fault::Unknown { why: format!("the answer to the write cannot be read: {detail}") },
        other => other,
    }
}

/// It was written, and the look afterwards failed.
fn unseen(fault: Fault) -> Fault {
    Fault::Unknown { why: format!("it was written, and could not be looked at: {fault}") }
}

fn done(before: Option<Look>, after: Look) -> Done {
    let before = before.map(|look| look.raw);
    Done { already: false, receipt: Receipt { account: Some(after.account.id), before, after: Some(after.raw) } }
}

/// The account of a step.
fn account_id(step: &Step) -> Result<&str, Fault> {
    let id = step.account.as_ref().and_then(Ref::id).unwrap_or_default();
    if id.is_empty() {
        return Err(Fault::Refused { code: "id".to_owned(), detail: "the step names no account".to_owned() });
    }
    Ok(id)
}

fn gone(id: &str) -> Fault {
    drift(format!("there is no account {id} any more"))
}

pub(super) fn drift(found: String) -> Fault {
    Fault::Drift { found }
}

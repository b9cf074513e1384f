//! Writing: each step looks, composes the whole write, writes, and checks the answer, which is the full record (P5).

use std::collections::{BTreeMap, BTreeSet};

use connector::{Done, Fault, Key, Outcome, Write};
use model::{Account, AccountId, Approved, Kind, Receipt, Ref, Step, Text, Value, Verb};
use serde_json::{Value as Json, json};

use super::Lessonly;
use super::convert::{self, garbled, typed};
use super::groups::{Moves, create_group, group_numbers, moves, regroup};
use super::manifest::MANIFEST;
use super::read;
use super::wire::{Memberships, get_one, post, profile, put};
use crate::sabotage::{Off, is_off};

/// An account as it is now.
#[derive(Clone)]
pub(super) struct Look {
    pub(super) id: u64,
    pub(super) raw: Json,
    account: Account,
}

impl Look {
    fn value(&self, attribute: &str) -> &Value {
        self.account.attributes.get(attribute).unwrap_or(&Value::Null)
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
            Some(why) => Err(drift(format!("account {} is protected now: {why}", self.id))),
        }
    }
}

/// Carries out one step.
pub(super) async fn apply(app: &Lessonly, wire: &Write, step: &Step) -> Outcome {
    match carry_out(app, wire, step).await {
        Err(Fault::Unknown { .. }) if is_off(Off::LookAfter) => Ok(Done { already: false, receipt: Receipt::default() }),
        outcome => outcome,
    }
}

async fn carry_out(app: &Lessonly, wire: &Write, step: &Step) -> Outcome {
    match step.verb {
        Verb::CreateGroup => create_group(wire, step).await,
        Verb::Link => link(app, wire, step).await,
        Verb::Restore => restore(app, wire, step).await,
        Verb::Create => create(app, wire, step).await,
        Verb::Update => update(app, wire, step).await,
        Verb::Enrol => enrol(wire, step).await,
        Verb::Leave => leave(app, wire, step).await,
        Verb::CreateDepartment | Verb::Relate => {
            let why = match MANIFEST.support(step.verb) {
                connector::Support::Cannot(why) | connector::Support::Unbuilt(why) => why,
                connector::Support::Can => "the manifest promises it and the connector does not have it",
            };
            Err(Fault::Unsupported { what: format!("{:?} in Lessonly: {why}", step.verb) })
        }
    }
}

/// Sets what differs, and composes the whole of the memberships from the look: what the step does not name stays (L07).
async fn update(app: &Lessonly, wire: &Write, step: &Step) -> Outcome {
    let mut look = look(app, wire, step).await?;
    let mut wrong = Vec::new();
    let mut changed = Vec::new();
    for (name, change) in &step.set {
        let now = look.value(name);
        if convert::same(name, now, &change.after) {
            continue;
        }
        if !convert::same(name, now, &change.before) && !is_off(Off::LookBefore) {
            wrong.push(format!("{name} is `{now}`, neither `{}` nor `{}`", change.before, change.after));
        }
        changed.push((name, &change.after));
    }
    if !wrong.is_empty() {
        return Err(drift(format!("account {}: {}", look.id, wrong.join("; "))));
    }
    let moves = moves(wire, step, &mut look).await?;
    if changed.is_empty() && moves.is_none() {
        return look.already();
    }
    look.may_be_touched()?;
    match profile(wire.read()).memberships {
        Memberships::Whole => {
            let groups = moves.map(|moves| moves.all);
            let after = set(app, wire, &look, changed, groups.as_ref()).await?;
            done(Some(look), after)
        }
        Memberships::Additive => {
            let was_set = !changed.is_empty();
            let mut after = if was_set { set(app, wire, &look, changed, None).await? } else { look.clone() };
            if let Some(moves) = moves {
                after.raw["memberships"] =
                    regroup(wire, look.id, &moves).await.map_err(|fault| if was_set { half(fault) } else { fault })?;
            }
            done(Some(look), after)
        }
    }
}

/// Writes values, and memberships where they go with them.
async fn set(
    app: &Lessonly,
    wire: &Write,
    look: &Look,
    changed: Vec<(&Text, &Value)>,
    groups: Option<&BTreeSet<u64>>,
) -> Result<Look, Fault> {
    let profile = profile(wire.read());
    let mut body = convert::body(changed.iter().copied(), profile.custom_fields)?;
    if let Some(groups) = groups {
        body["group_ids"] = json!(groups);
    }
    let answer = put(wire, &format!("/users/{}", look.id), Some(&body)).await?;
    let after = written(app, &answer, profile.updated_user)?;
    same_account(look, &after)?;
    kept(&after, changed, groups)?;
    Ok(after)
}

/// The first of two writes was done: whatever became of the second, something was written, and somebody has to look.
fn half(fault: Fault) -> Fault {
    match fault {
        Fault::Drift { .. } => fault,
        other => Fault::Unknown { why: format!("the values were written, the groups were not: {other}") },
    }
}

/// Makes an account with its groups: in one call, or the groups in a second one.  The answer is the look afterwards; a value that the app did not keep is reported as drift,
/// naming the new account, and it is left to the executor to look (L13).
async fn create(app: &Lessonly, wire: &Write, step: &Step) -> Outcome {
    let wanted: Vec<(&Text, &Value)> =
        step.set.iter().map(|(name, change)| (name, &change.after)).filter(|(_, value)| !value.is_null()).collect();
    let profile = profile(wire.read());
    let mut body = convert::body(wanted.iter().copied(), profile.custom_fields)?;
    let groups = group_numbers(&step.add_groups)?;
    let with_it = profile.memberships == Memberships::Whole && !groups.is_empty();
    if with_it {
        body["group_ids"] = json!(groups);
    }
    match post(wire, "/users", &body).await {
        Ok(answer) => {
            let mut after = written(app, &answer, profile.created_user)?;
            kept(&after, wanted, with_it.then_some(&groups))?;
            if !with_it && !groups.is_empty() {
                after.raw["memberships"] = regroup(wire, after.id, &Moves::into(groups)).await.map_err(half)?;
            }
            done(None, after)
        }
        // Without a code of its own, a duplicate e-mail is told by its text; other refusals are not worth a walk through all pages.
        Err(Fault::Refused { code, detail }) if code == "400" && detail.to_lowercase().contains("mail") => {
            taken(app, wire, step, &wanted, groups, &code, &detail).await
        }
        Err(fault) => Err(fault),
    }
}

/// The e-mail is taken (L08).  Ours only if the account carries our key: then an earlier call made it and its answer was lost.
async fn taken(
    app: &Lessonly,
    wire: &Write,
    step: &Step,
    wanted: &[(&Text, &Value)],
    groups: BTreeSet<u64>,
    code: &str,
    detail: &str,
) -> Outcome {
    let refused = |detail: String| Err(Fault::Refused { code: code.to_owned(), detail });
    let Some(email) = step.set.get("email").and_then(|change| change.after.as_text()) else { return refused(detail.to_owned()) };
    let found = read::find(app, wire.read(), Kind::Accounts, &Key::one("email", email)).await?;
    let Some(owner) = found.into_iter().next() else { return refused(detail.to_owned()) };
    // The list has no groups and perhaps no custom fields: look at the whole.
    let Some(mut other) = look_at(app, wire, &owner.id).await? else { return refused(detail.to_owned()) };
    let key = MANIFEST.key_attribute.and_then(|key| step.set.get(key).map(|change| (key, &change.after)));
    let ours = key.is_some_and(|(key, value)| !value.is_null() && other.value(key) == value);
    let state = if other.account.active { "" } else { ", which is archived" };
    if !ours {
        return refused(format!(
            "{detail}: {email} belongs to account {}{state}, which does not carry this person's key; nothing was changed",
            other.id
        ));
    }
    if !other.account.active {
        return Err(drift(format!("account {} is this person's and is archived", other.id)));
    }
    if profile(wire.read()).memberships == Memberships::Whole {
        kept(&other, wanted.iter().copied(), (!groups.is_empty()).then_some(&groups))?;
        return other.already();
    }
    kept(&other, wanted.iter().copied(), None)?;
    // The earlier call may have ended before the groups were set.
    match moves(wire, step, &mut other).await? {
        None => other.already(),
        Some(moves) => {
            let mut after = other.clone();
            after.raw["memberships"] = regroup(wire, other.id, &moves).await?;
            done(Some(other), after)
        }
    }
}

/// Reactivates the account; enrols nothing (L11).
async fn restore(app: &Lessonly, wire: &Write, step: &Step) -> Outcome {
    only(step, "restores only; values are set by a step of their own")?;
    let look = look(app, wire, step).await?;
    if look.account.active && !is_off(Off::LookBefore) {
        return look.already();
    }
    look.may_be_touched()?;
    switch(app, wire, look, "restore", true).await
}

/// Archives the account: there is no delete, and we have no call for one (L10).
async fn leave(app: &Lessonly, wire: &Write, step: &Step) -> Outcome {
    only(step, "archives only; values are set by a step of their own")?;
    let look = look(app, wire, step).await?;
    if !look.account.active && !is_off(Off::LookBefore) {
        return look.already();
    }
    look.may_be_touched()?;
    switch(app, wire, look, "archive", false).await
}

async fn switch(app: &Lessonly, wire: &Write, look: Look, call: &str, active: bool) -> Outcome {
    let answer = put(wire, &format!("/users/{}/{call}", look.id), None).await?;
    // The vendor's own text calls this "the full user", which elsewhere is of type `user`.
    let kind = if typed(&answer, "user").is_ok() { "user" } else { profile(wire.read()).updated_user };
    let after = written(app, &answer, kind)?;
    same_account(&look, &after)?;
    if after.account.active != active {
        return Err(drift(format!("account {} was sent {call}, and archived_at is {}", look.id, after.raw["archived_at"])));
    }
    done(Some(look), after)
}

/// Checks that the account is still the one that the rule matched; nothing is written.
async fn link(app: &Lessonly, wire: &Write, step: &Step) -> Outcome {
    linked(look(app, wire, step).await?, step)
}

/// Many links: pages of the list, fifty accounts each, for as long as they show more of them than asking for each would.
pub(super) async fn links(app: &Lessonly, wire: &Write, steps: &[Approved<Step>]) -> Vec<Outcome> {
    let listed = |step: &Step| step.set.keys().all(|attribute| read::is_listed(app, attribute));
    let id = |step: &Step| step.account.as_ref().and_then(Ref::id).unwrap_or_default().to_owned();
    let wanted: BTreeSet<String> = steps.iter().map(Approved::get).filter(|step| listed(step)).map(id).collect();
    let mut seen: BTreeMap<String, Look> = BTreeMap::new();
    let (mut after, mut pages) = (None, 0);
    // The newest come first, so that the first pages may show none of them: a tenth more requests are risked for that.
    while seen.len() + wanted.len() / 10 >= pages && seen.len() < wanted.len() {
        let page = match read::read(app, wire.read(), Kind::Accounts, after).await {
            Ok(page) => page,
            Err(fault) => return steps.iter().map(|_| Err(fault.clone())).collect(),
        };
        pages += 1;
        for record in page.records.into_iter().filter(|record| wanted.contains(&record.id)) {
            if let (connector::Body::Account(account), Some(id)) = (record.body, convert::number(&record.id)) {
                seen.insert(record.id, Look { id, raw: record.raw, account });
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
            None => link(app, wire, step).await,
        });
    }
    outcomes
}

/// An account that no longer has the value it was matched by is somebody else's now (F08).
fn linked(look: Look, step: &Step) -> Outcome {
    for (attribute, change) in &step.set {
        let now = look.value(attribute);
        if !convert::same(attribute, now, &change.after) {
            return Err(drift(format!("account {} matched by {attribute} `{}`, which is `{now}` now", look.id, change.after)));
        }
    }
    look.already()
}

/// Assigns content, unless it is assigned or completed: assigning what is completed would begin it anew.
async fn enrol(wire: &Write, step: &Step) -> Outcome {
    let account = account_number(step)?;
    let content = step.content.as_deref().unwrap_or_default();
    let Some((_, called, number)) = convert::content_id(content) else {
        return Err(Fault::Refused { code: "content".to_owned(), detail: format!("`{content}` is no content of Lessonly") });
    };
    let all = read::assignments_of(wire.read(), account).await?.ok_or_else(|| gone(account))?;
    let receipt = |raw: Json| Receipt { account: Some(AccountId::new(account.to_string())), before: None, after: Some(raw) };
    if let Some(there) = all.into_iter().find(|record| is_for(record, account, content) && !is_off(Off::LookBefore)) {
        return Ok(Done { already: true, receipt: Receipt { before: Some(there.raw.clone()), ..receipt(there.raw) } });
    }
    let body = json!({ "assignments": [{ "assignable_id": number, "assignable_type": called }] });
    let answer = post(wire, &format!("/users/{account}/assignments"), &body).await?;
    let made = convert::list(&answer, Some("create_user_assignments"), "assignments").map_err(unreadable)?;
    for raw in made {
        let record = convert::enrolment_record(raw, "assignments[]").map_err(unreadable)?;
        if is_for(&record, account, content) {
            return Ok(Done { already: false, receipt: receipt(record.raw) });
        }
    }
    Err(Fault::Unknown { why: format!("{content} was assigned to account {account}, and the answer does not show it") })
}

fn is_for(record: &connector::Record, account: u64, content: &str) -> bool {
    matches!(&record.body, connector::Body::Enrolment(enrolment)
        if enrolment.content == content && enrolment.account.as_str() == account.to_string())
}

/// The look before a write.
async fn look(app: &Lessonly, wire: &Write, step: &Step) -> Result<Look, Fault> {
    let id = account_number(step)?;
    look_at(app, wire, &id.to_string()).await?.ok_or_else(|| gone(id))
}

async fn look_at(app: &Lessonly, wire: &Write, id: &str) -> Result<Option<Look>, Fault> {
    let Some(raw) = get_one(wire.read(), &format!("/users/{id}")).await? else { return Ok(None) };
    full(app, &raw, "user").map(Some)
}

/// A full record, with its type.
fn full(app: &Lessonly, raw: &Json, kind: &str) -> Result<Look, Fault> {
    typed(raw, kind)?;
    let account = convert::account(raw, "user", &app.protect)?;
    let id = convert::number(account.id.as_str()).ok_or_else(|| garbled("user.id", "an integer", raw.get("id")))?;
    Ok(Look { id, raw: raw.clone(), account })
}

/// The answer to a write.  One that cannot be read is no proof that nothing was written.
fn written(app: &Lessonly, raw: &Json, kind: &str) -> Result<Look, Fault> {
    full(app, raw, kind).map_err(unreadable)
}

pub(super) fn unreadable(fault: Fault) -> Fault {
    match fault {
        Fault::Garbled { detail } => Fault::Unknown { why: format!("the answer to the write cannot be read: {detail}") },
        other => other,
    }
}

/// Whether the account is what was sent, as the manifest compares.
fn kept<'a>(after: &Look, sent: impl IntoIterator<Item = (&'a Text, &'a Value)>, groups: Option<&BTreeSet<u64>>) -> Result<(), Fault> {
    let mut lost: Vec<String> = sent
        .into_iter()
        .filter(|(name, value)| !convert::same(name, after.value(name), value))
        .map(|(name, value)| format!("{name} should be `{value}`, and is `{}`", after.value(name)))
        .collect();
    if let Some(groups) = groups {
        let there = convert::group_ids(&after.raw).map_err(unreadable)?;
        if there != *groups {
            lost.push(format!("group_ids should be {groups:?}, and are {there:?}"));
        }
    }
    if lost.is_empty() {
        return Ok(());
    }
    Err(drift(format!("account {} does not hold what it should: {}", after.id, lost.join("; "))))
}

fn same_account(before: &Look, after: &Look) -> Result<(), Fault> {
    if before.id == after.id {
        return Ok(());
    }
    Err(Fault::Unknown { why: format!("account {} was written, and the answer is about {}", before.id, after.id) })
}

fn done(before: Option<Look>, after: Look) -> Outcome {
    let before = before.map(|look| look.raw);
    Ok(Done { already: false, receipt: Receipt { account: Some(after.account.id), before, after: Some(after.raw) } })
}

/// The account of a step, as paths take it.
fn account_number(step: &Step) -> Result<u64, Fault> {
    let id = step.account.as_ref().and_then(Ref::id).unwrap_or_default();
    let wrong = || Fault::Refused { code: "id".to_owned(), detail: format!("`{id}` is no id of a Lessonly account") };
    convert::number(id).ok_or_else(wrong)
}

/// Restore and Leave carry neither values nor groups.
fn only(step: &Step, what: &str) -> Result<(), Fault> {
    if step.set.is_empty() && step.add_groups.is_empty() && step.remove_groups.is_empty() {
        return Ok(());
    }
    Err(Fault::Unsupported { what: format!("a step that {what}") })
}

pub(super) fn gone(id: u64) -> Fault {
    drift(format!("there is no account {id} any more"))
}

pub(super) fn drift(found: String) -> Fault {
    Fault::Drift { found }
}

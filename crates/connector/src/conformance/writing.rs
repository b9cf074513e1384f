//! What writing must do.

use std::collections::BTreeSet;

use model::{EnrolmentState, Kind, Ref, Value, Verb};
use serde_json::Value as Json;

use super::{Bench, Checked, Rig, ensure, step};
use crate::{Fault, Scope};

/// Names of the members in which two records of one account differ.
fn differing(before: &Json, after: &Json) -> BTreeSet<String> {
    let members = |record: &Json| record.as_object().map(|map| map.keys().cloned().collect::<Vec<_>>()).unwrap_or_default();
    let mut names: BTreeSet<String> = members(before).into_iter().chain(members(after)).collect();
    names.retain(|name| before.get(name) != after.get(name));
    names
}

pub(super) async fn what_is_created_is_found_with_its_values_and_not_created_twice(rig: &dyn Rig) -> Checked {
    if !Bench::open(rig, 0, false).await?.can(Verb::Create) {
        return Ok(());
    }
    let bench = Bench::open(rig, 30, false).await?;
    let group = bench.hand.make_group("Conformance Group");
    let mut create = bench.create(1);
    create.add_groups.extend(group.iter().cloned().map(|id| Ref::Id(id.into())));
    let accounts = bench.hand.accounts().len();
    let done = bench.done(create.clone(), true).await?;
    let id = done.receipt.account.map(|id| id.to_string()).unwrap_or_default();
    ensure!(bench.hand.accounts().len() == accounts + 1, "one create made {} accounts", bench.hand.accounts().len() - accounts);
    ensure!(bench.hand.accounts().contains(&id), "the receipt names {id}, which is no account");

    let made = bench.account(&id).await?;
    ensure!(made.active, "the new account is not active");
    for (name, value) in bench.hand.values(1) {
        ensure!(made.attributes.get(&name) == Some(&value), "{name} should be `{value}`, and is {:?}", made.attributes.get(&name));
    }
    ensure!(bench.hand.groups_of(&id) == group.into_iter().collect::<Vec<_>>(), "groups: {:?}", bench.hand.groups_of(&id));
    let kept = bench.hand.values(1);
    if let Some((key, value)) = bench.target.manifest().key_attribute.and_then(|key| Some((key, kept.get(key)?.to_string()))) {
        let found = bench.find(Kind::Accounts, key, &value).await?;
        ensure!(found.len() == 1 && found[0].id == id, "by {key} is found {found:?}");
    }

    // As after a crash: the same step again.
    let writes = bench.hand.writes();
    match bench.apply(create).await {
        Ok(done) => {
            ensure!(done.already, "the same account was created again");
            ensure!(done.receipt.account.is_some_and(|account| account.as_str() == id), "another account is in the receipt");
        }
        Err(Fault::Refused { .. } | Fault::Drift { .. }) => {}
        Err(fault) => return Err(format!("creating the same again: {fault}")),
    }
    ensure!(bench.hand.writes() == writes, "creating the same again changed something");
    ensure!(bench.hand.accounts().len() == accounts + 1, "one person has two accounts");
    Ok(())
}

pub(super) async fn an_update_touches_only_what_it_names(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 30, false).await?;
    if !bench.can(Verb::Update) {
        return Ok(());
    }
    let someone = bench.someone(5).await?;
    if let Some(group) = bench.hand.make_group("By Hand") {
        bench.hand.put_into(someone.id.as_str(), &group);
    }
    let (id, plain) = (someone.id.as_str(), bench.hand.plain());
    let before = someone.attributes.get(plain).cloned().unwrap_or_default();
    let record = bench.hand.record(id);
    let done = bench.done(bench.set_plain(&someone, &before, "Set by the suite"), true).await?;
    ensure!(done.receipt.before.is_some(), "the receipt has no before-image (P12)");

    let mut changed = differing(&record, &bench.hand.record(id));
    ensure!(changed.remove(plain), "{plain} did not change");
    changed.retain(|name| !bench.hand.volatile().contains(&name.as_str()));
    ensure!(changed.is_empty(), "the update also changed {changed:?}");
    let mut wanted = someone.clone();
    wanted.attributes.insert(plain.to_owned(), Value::text("Set by the suite"));
    ensure!(bench.account(id).await? == wanted, "the account is {:?}", bench.account(id).await?);
    Ok(())
}

pub(super) async fn drift_is_refused(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 10, false).await?;
    if !bench.can(Verb::Update) {
        return Ok(());
    }
    let someone = bench.someone(2).await?;
    let before = someone.attributes.get(bench.hand.plain()).cloned().unwrap_or_default();
    bench.hand.set_plain(someone.id.as_str(), "Set by hand");
    let record = bench.hand.record(someone.id.as_str());
    match bench.apply(bench.set_plain(&someone, &before, "Set by the suite")).await {
        Err(Fault::Drift { found }) => ensure!(found.contains("Set by hand"), "the drift does not say what was found: {found}"),
        other => return Err(format!("a value that is neither before nor after gives {other:?}")),
    }
    ensure!(bench.hand.record(someone.id.as_str()) == record, "what somebody else set was overwritten");
    Ok(())
}

pub(super) async fn what_is_done_already_is_not_written_again(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 10, false).await?;
    if !bench.can(Verb::Update) {
        return Ok(());
    }
    let someone = bench.someone(2).await?;
    let before = someone.attributes.get(bench.hand.plain()).cloned().unwrap_or_default();
    bench.hand.set_plain(someone.id.as_str(), "The same");
    bench.done(bench.set_plain(&someone, &before, "The same"), false).await?;
    Ok(())
}

pub(super) async fn leaving_and_restoring_keep_the_id_and_the_history(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 10, false).await?;
    if !bench.can(Verb::Leave) {
        return Ok(());
    }
    let someone = bench.someone(3).await?;
    let id = someone.id.as_str();
    // Where an app has nothing to learn there is no history to keep.
    if bench.reads(Kind::Content) {
        let content = bench.content().await?;
        let course = content.first().ok_or("the sandbox has no content")?;
        bench.hand.complete(id, course);
        ensure!(!bench.hand.history(id).is_empty(), "the rig completed nothing");
    }
    let history = bench.hand.history(id);

    bench.done(step(Verb::Leave, Some(id)), true).await?;
    let gone = bench.account(id).await?;
    ensure!(!gone.active, "the account is still active");
    ensure!(gone.attributes == someone.attributes, "leaving changed {:?}", gone.attributes);
    ensure!(bench.hand.history(id) == history, "leaving lost history");
    ensure!(bench.hand.accounts().iter().any(|account| account == id), "leaving deleted the account");
    bench.done(step(Verb::Leave, Some(id)), false).await?;

    if bench.can(Verb::Restore) {
        bench.done(step(Verb::Restore, Some(id)), true).await?;
        ensure!(bench.account(id).await? == someone, "the restored account is {:?}", bench.account(id).await?);
        ensure!(bench.hand.history(id) == history, "restoring lost history");
        bench.done(step(Verb::Restore, Some(id)), false).await?;
    }
    Ok(())
}

pub(super) async fn groups_are_added_and_removed_and_others_survive(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 10, false).await?;
    let (Some(theirs), Some(ours)) = (bench.hand.make_group("By Hand"), bench.hand.make_group("Ours")) else { return Ok(()) };
    let someone = bench.someone(1).await?;
    let id = someone.id.as_str();
    bench.hand.put_into(id, &theirs);
    let before = bench.hand.groups_of(id);

    let mut add = step(Verb::Update, Some(id));
    add.add_groups.insert(Ref::Id(ours.clone().into()));
    bench.done(add.clone(), true).await?;
    let mut with: Vec<String> = before.iter().cloned().chain([ours.clone()]).collect();
    with.sort();
    ensure!(bench.hand.groups_of(id) == with, "after adding: {:?}, not {with:?}", bench.hand.groups_of(id));
    bench.done(add, false).await?;

    // Values alone leave memberships as they are.
    let plain = someone.attributes.get(bench.hand.plain()).cloned().unwrap_or_default();
    bench.done(bench.set_plain(&someone, &plain, "Another"), true).await?;
    ensure!(bench.hand.groups_of(id) == with, "an update of values changed the groups: {:?}", bench.hand.groups_of(id));

    let mut remove = step(Verb::Update, Some(id));
    remove.remove_groups.insert(ours.into());
    bench.done(remove.clone(), true).await?;
    ensure!(bench.hand.groups_of(id) == before, "after removing: {:?}, not {before:?}", bench.hand.groups_of(id));
    bench.done(remove, false).await?;
    Ok(())
}

pub(super) async fn content_is_enrolled_in_once(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, false).await?;
    if !bench.can(Verb::Enrol) {
        return Ok(());
    }
    let number = bench.done(bench.create(3), true).await?.receipt.account.ok_or("a create without an id")?;
    let id = number.as_str();
    for content in bench.content().await?.iter().take(10) {
        ensure!(bench.enrolments(id, &content.id).await?.is_empty(), "a new account is enrolled in {}", content.name);
        let mut enrol = step(Verb::Enrol, Some(id));
        enrol.content = Some(content.id.clone().into());
        bench.done(enrol.clone(), true).await.map_err(|why| format!("{}: {why}", content.name))?;
        let states = bench.enrolments(id, &content.id).await?;
        ensure!(states == [EnrolmentState::Open], "{}: {states:?}", content.name);
        bench.done(enrol.clone(), false).await?;
        bench.hand.complete(id, content);
        bench.done(enrol, false).await.map_err(|why| format!("{}, completed: {why}", content.name))?;
        let states = bench.enrolments(id, &content.id).await?;
        ensure!(states == [EnrolmentState::Done], "{}, completed: {states:?}", content.name);
    }
    let mut unknown = step(Verb::Enrol, Some(id));
    unknown.content = Some("nothing/at all".into());
    let before = bench.hand.writes();
    ensure!(bench.apply(unknown).await.is_err(), "enrolling in unknown content went well");
    ensure!(bench.hand.writes() == before, "enrolling in unknown content changed something");
    Ok(())
}

pub(super) async fn an_unknown_account_is_left_alone(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, false).await?;
    let nobody = bench.hand.nobody();
    let before = bench.hand.writes();
    for id in [nobody.as_str(), "jane.doe@acme.example"] {
        for verb in [Verb::Update, Verb::Leave, Verb::Restore, Verb::Link, Verb::Enrol].into_iter().filter(|verb| bench.can(*verb)) {
            let mut wrong = step(verb, Some(id));
            if verb == Verb::Update {
                wrong.set = bench.set_plain(&bench.someone(0).await?, &Value::Null, "Set by the suite").set;
            }
            if verb == Verb::Enrol {
                wrong.content = bench.content().await?.first().map(|content| content.id.as_str().into());
            }
            match bench.apply(wrong).await {
                // Not visible is what an app that hides accounts has to say.
                Err(Fault::Drift { .. } | Fault::Refused { .. } | Fault::Denied { scope: Scope::Object(_) }) => {}
                other => return Err(format!("{verb:?} of account `{id}`, which there is not, gives {other:?}")),
            }
        }
    }
    ensure!(bench.hand.writes() == before, "something was written");
    Ok(())
}

//! Whether the manifest tells the truth.

use model::{Account, Change, Kind, PersonKey, Shape, Value, Verb};

use super::{Bench, Checked, Rig, ensure, step};
use crate::{Body, Fault, LandsLate, Record};

const VERBS: [Verb; 9] = [
    Verb::CreateDepartment,
    Verb::CreateGroup,
    Verb::Link,
    Verb::Restore,
    Verb::Create,
    Verb::Update,
    Verb::Relate,
    Verb::Enrol,
    Verb::Leave,
];

pub(super) async fn what_the_manifest_cannot_is_unsupported(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, false).await?;
    let someone = bench.someone(1).await?;
    let before = bench.hand.writes();
    for verb in VERBS.into_iter().filter(|verb| !bench.can(*verb)) {
        let outcome = bench.apply(step(verb, Some(someone.id.as_str()))).await;
        ensure!(matches!(outcome, Err(Fault::Unsupported { .. })), "{verb:?} is not in the manifest, and gives {outcome:?}");
    }
    ensure!(bench.hand.writes() == before, "something was written");
    Ok(())
}

pub(super) async fn the_manifest_says_what_a_late_write_does(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, false).await?;
    let listed = bench.target.manifest().lands_late;
    for verb in VERBS {
        let times = listed.iter().filter(|(listed, _)| *listed == verb).count();
        let wanted = usize::from(bench.can(verb));
        ensure!(times == wanted, "{verb:?} is in lands_late {times} times, and should be {wanted} times");
    }
    // What is refused late is refused for a value that the vendor takes once, and something has to have one.
    let refused = listed.iter().any(|(verb, late)| *verb == Verb::Create && *late == LandsLate::Refused);
    let unique = bench.target.manifest().attributes.iter().any(|attribute| attribute.unique && attribute.required);
    ensure!(!refused || unique, "a late create is refused, and no required attribute is unique");
    Ok(())
}

fn name(record: &Record) -> &str {
    match &record.body {
        Body::Group(group) => &group.name,
        Body::Department(department) => &department.name,
        _ => "",
    }
}

pub(super) async fn structures_are_made_once(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, false).await?;
    for (verb, kind) in [(Verb::CreateGroup, Kind::Groups), (Verb::CreateDepartment, Kind::Departments)] {
        if !bench.can(verb) {
            continue;
        }
        let mut make = step(verb, None);
        make.label = "Conformance Structure".into();
        make.set.insert("name", Change { before: Value::Null, after: Value::text(make.label.as_str()) });
        let id = bench.done(make.clone(), true).await?.receipt.account.ok_or("no id")?;
        let all = bench.everything(kind).await?;
        let named: Vec<&Record> = all.iter().filter(|record| name(record) == make.label).collect();
        ensure!(named.len() == 1 && named[0].id == id.as_str(), "{kind:?} of that name: {named:?}, made was {id}");
        let again = bench.done(make, false).await?;
        ensure!(again.receipt.account == Some(id), "the second look finds another one");
    }
    Ok(())
}

pub(super) async fn a_link_writes_nothing_and_checks_its_evidence(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, false).await?;
    if !bench.can(Verb::Link) {
        return Ok(());
    }
    let key = bench.telling().next().ok_or("nothing that the app keeps tells one account from another")?;
    let someone = bench.someone(1).await?;
    let value = someone.attributes.get(key).map(ToString::to_string).ok_or_else(|| format!("the account has no {key}"))?;
    let mut link = step(Verb::Link, Some(someone.id.as_str()));
    link.evidence = Some(format!("{key} == person.key").into());
    link.person = Some(PersonKey::new(value.as_str()));
    let matched = |value: &str| Change { before: Value::text(value), after: Value::text(value) };
    link.set.insert(key.to_owned(), matched(&value));
    let done = bench.done(link.clone(), false).await?;
    ensure!(done.receipt.account == Some(someone.id), "the receipt names {:?}", done.receipt.account);
    link.set.insert(key.to_owned(), matched("somebody else"));
    let outcome = bench.apply(link).await;
    ensure!(matches!(outcome, Err(Fault::Drift { .. })), "a link whose evidence is gone gives {outcome:?}");
    Ok(())
}

pub(super) async fn supervisors_are_set_where_the_manifest_says_so(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 10, false).await?;
    let supervisor = bench.target.manifest().attributes.iter().find(|attribute| attribute.shape == Shape::Supervisor);
    let Some(attribute) = supervisor.filter(|_| bench.can(Verb::Relate)) else {
        let contradicts = supervisor.is_some() != bench.can(Verb::Relate);
        ensure!(!contradicts, "the manifest has a supervisor without Relate, or Relate without a supervisor");
        return Ok(());
    };
    let (person, boss) = (bench.someone(2).await?, bench.someone(4).await?);
    let before = person.attributes.get(attribute.name).cloned().unwrap_or_default();
    let after = Value::text(boss.id.as_str());
    ensure!(before != after, "the rig's people have the wrong supervisors for this check");
    let mut relate = step(Verb::Relate, Some(person.id.as_str()));
    relate.set.insert(attribute.name.to_owned(), Change { before, after: after.clone() });
    bench.done(relate.clone(), true).await?;
    let now = bench.account(person.id.as_str()).await?;
    ensure!(now.attributes.get(attribute.name) == Some(&after), "{} is {:?}", attribute.name, now.attributes.get(attribute.name));
    bench.done(relate, false).await?;
    Ok(())
}

pub(super) async fn restoring_sets_values_only_where_the_manifest_says_so(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 10, false).await?;
    if !bench.can(Verb::Restore) || !bench.can(Verb::Leave) {
        return Ok(());
    }
    let someone: Account = bench.someone(2).await?;
    let id = someone.id.as_str();
    bench.done(step(Verb::Leave, Some(id)), true).await?;
    let before = someone.attributes.get(bench.hand.plain()).cloned().unwrap_or_default();
    let mut restore = step(Verb::Restore, Some(id));
    restore.set = bench.set_plain(&someone, &before, "Welcome back").set;
    if bench.target.manifest().restore_sets {
        bench.done(restore, true).await?;
        let back = bench.account(id).await?;
        ensure!(back.active, "the account was not restored");
        let value = back.attributes.get(bench.hand.plain()).and_then(Value::as_text);
        ensure!(value == Some("Welcome back"), "the value was not set with it: {value:?}");
    } else {
        let outcome = bench.apply(restore).await;
        ensure!(matches!(outcome, Err(Fault::Unsupported { .. })), "restore_sets is false, and it gives {outcome:?}");
        ensure!(!bench.account(id).await?.active, "it was restored all the same");
    }
    Ok(())
}

pub(super) async fn a_batch_has_an_outcome_for_every_step(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 10, false).await?;
    if !bench.can(Verb::Create) {
        return Ok(());
    }
    let size = bench.target.manifest().batch(Verb::Create).min(7);
    let mut steps: Vec<_> = (10..10 + size).map(|number| bench.create(number)).collect();
    let bad = size / 2;
    if size > 1 {
        // The middle one takes what another account has.
        let someone = bench.someone(1).await?;
        for attribute in bench.target.manifest().attributes.iter().filter(|attribute| attribute.unique) {
            let taken = someone.attributes.get(attribute.name).cloned().unwrap_or_default();
            steps[bad].set.insert(attribute.name.to_owned(), Change { before: Value::Null, after: taken });
        }
    }
    let outcomes = bench.apply_all(steps).await;
    ensure!(outcomes.len() == size, "{size} steps had {} outcomes", outcomes.len());
    for (index, outcome) in outcomes.iter().enumerate() {
        if size > 1 && index == bad {
            ensure!(matches!(outcome, Err(Fault::Refused { .. })), "the bad one of the batch gives {outcome:?}");
            continue;
        }
        let done = outcome.as_ref().map_err(|fault| format!("step {index} of the batch: {fault}"))?;
        let id = done.receipt.account.as_ref().ok_or("no id")?;
        let made = bench.account(id.as_str()).await?;
        for (name, value) in bench.hand.values(10 + index) {
            ensure!(made.attributes.get(&name) == Some(&value), "step {index}: {name} is {:?}", made.attributes.get(&name));
        }
    }
    Ok(())
}

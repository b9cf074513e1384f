//! What must hold while the app and the way to it fail: whatever is told about a reading, a look or a step is the truth.
//!
//! The rig's sandbox fails by itself, in ways of its own choosing; here is done what the engine does about a fault: wait and try again, log in
//! again, look.  Time passes after an unknown outcome, so that what was only late has happened by the next look.

use std::collections::BTreeSet;
use std::time::Duration;

use model::{Account, Kind, Step, Verb};

use super::{Bench, Checked, Rig, ensure, step};
use crate::{Body, Done, Fault, Key, Record, Scope};

/// How often anything is tried; a sandbox that fails every third time is through long before.
const TRIES: usize = 400;
/// How often a list is walked until it holds still.
const WALKS: usize = 20;
/// By when a late effect has happened.
const SETTLED: Duration = Duration::from_secs(10);

/// Reads, looks up and carries out steps on a sandbox that fails.
///
/// # Errors
/// What was told and was not so.
pub async fn survives(rig: &dyn Rig, people: usize) -> Checked {
    let mut bench = Bench::patient(rig.open(people, false).await).await?;
    let accounts = complete(&mut bench).await?;
    let usable: Vec<Account> = accounts.into_iter().filter(|account| account.active && account.protected.is_none()).collect();
    ensure!(usable.len() >= 4, "the sandbox has {} accounts that a plan may touch", usable.len());
    looks(&mut bench, &usable[1]).await?;
    updates(&mut bench, &usable[0]).await?;
    leaves(&mut bench, &usable[2]).await?;
    creates(&mut bench).await?;
    enrols(&mut bench, &usable[3]).await
}

/// What the engine does about a fault that is no end: whether it logs in again first.
fn again(fault: &Fault) -> Option<bool> {
    match fault {
        Fault::Wait { .. } | Fault::Unknown { .. } | Fault::Garbled { .. } | Fault::Unreachable { .. } => Some(false),
        Fault::Denied { scope: Scope::Session } => Some(true),
        _ => None,
    }
}

/// Asks until there is an answer.
async fn ask<T>(bench: &mut Bench, what: &str, call: impl AsyncFn(&Bench) -> Result<T, Fault>) -> Result<T, String> {
    for _ in 0..TRIES {
        match call(bench).await {
            Ok(answer) => return Ok(answer),
            Err(fault) => match again(&fault) {
                Some(true) => bench.log_in().await?,
                Some(false) => {}
                None => return Err(format!("{what} is told as {fault:?}")),
            },
        }
    }
    Err(format!("{what}: no answer in {TRIES} tries"))
}

async fn find(bench: &mut Bench, attribute: &str, value: &str) -> Result<Vec<Account>, String> {
    let what = format!("looking for {attribute} = {value}");
    let key = Key::one(attribute, value);
    let found = ask(bench, &what, async |bench| bench.target.find(&bench.read, Kind::Accounts, &key).await).await?;
    Ok(found.into_iter().filter_map(account).collect())
}

fn account(record: Record) -> Option<Account> {
    if let Body::Account(account) = record.body { Some(account) } else { None }
}

/// A reading that is certified as complete has everybody: by the count where the app gives one, else because page one holds still.
async fn complete(bench: &mut Bench) -> Result<Vec<Account>, String> {
    let there: BTreeSet<String> = bench.hand.accounts().into_iter().collect();
    for _ in 0..WALKS {
        let (mut records, mut after, mut totals) = (Vec::new(), None, BTreeSet::new());
        loop {
            let cursor = after.clone();
            let page =
                ask(bench, "reading", async |bench| bench.target.read(&bench.read, Kind::Accounts, cursor.clone()).await).await?;
            totals.insert(page.total);
            records.extend(page.records);
            ensure!(records.len() <= 4 * there.len() + 4000, "the pages have no end");
            match page.next {
                None => break,
                next => after = next,
            }
        }
        let ids: BTreeSet<String> = records.iter().map(|record| record.id.clone()).collect();
        let certified = match totals.into_iter().collect::<Vec<_>>()[..] {
            [Some(total)] => ids.len() as u64 == total,
            [None] => {
                let first = ask(bench, "page one", async |bench| bench.target.read(&bench.read, Kind::Accounts, None).await).await?;
                first.records.iter().map(|record| &record.id).eq(records.iter().take(first.records.len()).map(|record| &record.id))
            }
            _ => false,
        };
        if certified {
            ensure!(ids == there, "a reading of {} accounts is complete by its proof, and there are {}", ids.len(), there.len());
            let mut seen = BTreeSet::new();
            return Ok(records.into_iter().filter(|record| seen.insert(record.id.clone())).filter_map(account).collect());
        }
    }
    Err(format!("the accounts do not hold still in {WALKS} walks"))
}

async fn looks(bench: &mut Bench, someone: &Account) -> Checked {
    for name in bench.telling().chain(["id"]).collect::<Vec<_>>() {
        let value = match name {
            "id" => someone.id.to_string(),
            name => someone.attributes.get(name).map(ToString::to_string).unwrap_or_default(),
        };
        let ids: Vec<_> = find(bench, name, &value).await?.into_iter().map(|account| account.id).collect();
        ensure!(ids == [someone.id.clone()], "{name} = {value} finds {ids:?}, not {}", someone.id);
    }
    let nobody = bench.hand.nobody();
    let found = find(bench, "id", &nobody).await?;
    ensure!(found.is_empty(), "id {nobody}, which nobody has, finds {found:?}");
    Ok(())
}

/// Carries out a step as the engine does, and holds every outcome against the ledger: what is told to have done nothing has done nothing.
async fn carry_out(bench: &mut Bench, step: &Step) -> Result<Option<Done>, String> {
    let what = format!("{:?} of {}", step.verb, step.label);
    let begun = bench.hand.writes();
    for _ in 0..TRIES {
        let before = bench.hand.writes();
        let outcome = bench.apply(step.clone()).await;
        let wrote = bench.hand.writes() - before;
        let fault = match outcome {
            Ok(done) => {
                ensure!(bench.hand.writes() > begun, "{what} is told as done, and the ledger has nothing");
                return Ok(Some(done));
            }
            Err(fault) => fault,
        };
        let may_have = matches!(fault, Fault::Unknown { .. } | Fault::Garbled { .. });
        ensure!(may_have || wrote == 0, "{what} is told as {fault:?}, and the ledger grew by {wrote}");
        match again(&fault) {
            Some(true) => bench.log_in().await?,
            Some(false) => {}
            // The app or the connector saw that it is there: what an earlier try did.
            None if matches!(fault, Fault::Refused { .. } | Fault::Drift { .. }) && bench.hand.writes() > begun => return Ok(None),
            None => return Err(format!("{what} is told as {fault:?}")),
        }
        settle(bench).await;
    }
    Err(format!("{what}: no outcome in {TRIES} tries"))
}

/// Lets happen what is late.
async fn settle(bench: &Bench) {
    bench.hand.pass_time(SETTLED);
    // Any request will do, whatever becomes of it.
    bench.target.find(&bench.read, Kind::Accounts, &Key::one("id", &bench.hand.nobody())).await.ok();
}

/// One change, however often it was tried.
async fn once(bench: &mut Bench, step: &Step) -> Checked {
    let before = bench.hand.writing_calls();
    carry_out(bench, step).await?;
    settle(bench).await;
    let calls = bench.hand.writing_calls() - before;
    ensure!(calls == 1, "{:?} of {}: {calls} requests changed something", step.verb, step.label);
    Ok(())
}

async fn updates(bench: &mut Bench, someone: &Account) -> Checked {
    if !bench.can(Verb::Update) {
        return Ok(());
    }
    let mut before = someone.attributes.get(bench.hand.plain()).cloned().unwrap_or_default();
    for number in 0..3 {
        let value = format!("Set {number} by the suite");
        once(bench, &bench.set_plain(someone, &before, &value)).await?;
        before = model::Value::text(value.as_str());
        let found = find(bench, "id", someone.id.as_str()).await?;
        let now = found.first().and_then(|account| account.attributes.get(bench.hand.plain()));
        ensure!(now == Some(&before), "{} is {now:?}, not {before:?}", bench.hand.plain());
    }
    Ok(())
}

async fn leaves(bench: &mut Bench, someone: &Account) -> Checked {
    for (verb, active) in [(Verb::Leave, false), (Verb::Restore, true)] {
        if !bench.can(verb) {
            continue;
        }
        once(bench, &step(verb, Some(someone.id.as_str()))).await?;
        let found = find(bench, "id", someone.id.as_str()).await?;
        ensure!(found.iter().map(|account| account.active).eq([active]), "after {verb:?}: {found:?}");
    }
    Ok(())
}

async fn creates(bench: &mut Bench) -> Checked {
    let Some(key) = bench.telling().next().filter(|_| bench.can(Verb::Create)) else { return Ok(()) };
    let before = bench.hand.accounts().len();
    for number in 1..=4 {
        carry_out(bench, &bench.create(number)).await?;
        settle(bench).await;
        let there = bench.hand.accounts().len();
        ensure!(there == before + number, "{number} creates made {} accounts", there - before);
        let wanted = bench.hand.values(number);
        let found = find(bench, key, &wanted.get(key).map(ToString::to_string).unwrap_or_default()).await?;
        let [made] = found.as_slice() else { return Err(format!("by {key} is found {found:?}")) };
        let differs = wanted.iter().find(|(name, value)| made.attributes.get(name) != Some(*value));
        ensure!(differs.is_none(), "{differs:?} is {:?}", made.attributes);
    }
    batch(bench, before + 4).await
}

/// A batch, of which every member that has no outcome is tried again.
async fn batch(bench: &mut Bench, before: usize) -> Checked {
    let size = bench.target.manifest().batch(Verb::Create).min(6);
    let mut left: Vec<usize> = (10..10 + size).collect();
    for _ in 0..TRIES {
        let outcomes = bench.apply_all(left.iter().map(|number| bench.create(*number)).collect()).await;
        ensure!(outcomes.len() == left.len(), "{} steps had {} outcomes", left.len(), outcomes.len());
        let (mut logged_out, mut next) = (false, Vec::new());
        for (number, outcome) in left.into_iter().zip(outcomes) {
            match outcome.as_ref().err().map(|fault| (again(fault), fault)) {
                None | Some((None, Fault::Refused { .. } | Fault::Drift { .. })) => {
                    let name = bench.create(number).label;
                    let there = bench.hand.accounts().len() > before;
                    ensure!(there, "{name} of a batch is told as {outcome:?}, and nobody was made");
                }
                Some((Some(log_in), _)) => {
                    logged_out |= log_in;
                    next.push(number);
                }
                Some((None, fault)) => return Err(format!("one of a batch is told as {fault:?}")),
            }
        }
        if logged_out {
            bench.log_in().await?;
        }
        settle(bench).await;
        left = next;
        if left.is_empty() {
            let there = bench.hand.accounts().len();
            ensure!(there == before + size, "a batch of {size} made {} accounts", there - before);
            return Ok(());
        }
    }
    Err(format!("a batch of {size} has no outcomes in {TRIES} tries"))
}

async fn enrols(bench: &mut Bench, someone: &Account) -> Checked {
    if !bench.can(Verb::Enrol) {
        return Ok(());
    }
    let content = ask(bench, "content", async |bench| bench.target.read(&bench.read, Kind::Content, None).await).await?;
    let id = someone.id.as_str();
    let mut enrolled = 0;
    for record in &content.records {
        let kind = bench.target.manifest().enrolments;
        let key = match kind {
            model::EnrolmentsBy::Account => Key::one("account", id),
            model::EnrolmentsBy::Content => Key::one("content", &record.id),
        };
        let of = async |bench: &mut Bench| {
            let found = ask(bench, "enrolments", async |bench| bench.target.find(&bench.read, Kind::Enrolments, &key).await).await?;
            let of_pair =
                |found: &Record| matches!(&found.body, Body::Enrolment(one) if one.account.as_str() == id && one.content == record.id);
            Ok::<usize, String>(found.iter().filter(|found| of_pair(found)).count())
        };
        if enrolled == 3 || of(bench).await? > 0 {
            continue;
        }
        let mut enrol = step(Verb::Enrol, Some(id));
        enrol.content = Some(record.id.as_str().into());
        once(bench, &enrol).await?;
        let now = of(bench).await?;
        ensure!(now == 1, "after enrolling once there are {now} enrolments in {}", record.id);
        enrolled += 1;
    }
    Ok(())
}

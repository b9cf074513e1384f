//! What must be made of answers that are not as they should be.

use model::{Kind, Verb};

use super::{Bench, Checked, Fail, Rig, When, ensure, step};
use crate::{Fault, Outcome, Scope};

/// HTML, as proxies answer.
const HTML: &str = "<html><body>Bad gateway</body></html>";
/// JSON that no contract knows.
const OTHER: &str = r#"{"unexpected":{"shape":true}}"#;

/// The name of a fault, for comparing.
fn word(fault: &Fault) -> &'static str {
    match fault {
        Fault::Wait { .. } => "wait",
        Fault::Unknown { .. } => "unknown",
        Fault::Drift { .. } => "drift",
        Fault::Denied { scope: Scope::Object(_) } => "denied",
        Fault::Denied { .. } => "logged out",
        Fault::Refused { .. } => "refused",
        Fault::Garbled { .. } => "garbled",
        Fault::Unsupported { .. } => "unsupported",
        Fault::Unreachable { .. } => "unreachable",
    }
}

/// No answer is no outcome, unless the connector looked at once and saw it done: that is proof, "not there yet" is none.
fn is_unknown_or_seen(outcome: &Outcome) -> bool {
    match outcome {
        Err(Fault::Unknown { .. }) => true,
        Ok(done) => !done.already && done.receipt.after.is_some(),
        Err(_) => false,
    }
}

pub(super) async fn throttling_is_a_wait(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, true).await?;
    for _ in 0..200 {
        match bench.target.read(&bench.read, Kind::Accounts, None).await {
            Ok(_) => {}
            Err(Fault::Wait { .. }) => {
                ensure!(bench.wire.counts().throttled >= 1, "the wire did not count it");
                return Ok(());
            }
            Err(fault) => return Err(format!("being throttled is told as {fault:?}")),
        }
    }
    Err("200 reads in a row were not throttled: the rig's sandbox is not limited".to_owned())
}

pub(super) async fn bad_answers_to_reads_have_the_right_faults(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, false).await?;
    let someone = bench.someone(1).await?;
    for (how, expected) in [
        (Fail::Answer(500, HTML), &["wait"][..]),
        (Fail::Answer(503, ""), &["wait"]),
        (Fail::Answer(429, ""), &["wait"]),
        (Fail::Answer(401, ""), &["logged out"]),
        (Fail::Answer(403, ""), &["denied"]),
        (Fail::Answer(400, "{}"), &["refused"]),
        (Fail::Answer(200, HTML), &["garbled"]),
        (Fail::Answer(200, OTHER), &["garbled"]),
        (Fail::Answer(200, "[]"), &["garbled"]),
        (Fail::Answer(200, "null"), &["garbled"]),
        (Fail::Answer(200, ""), &["garbled"]),
        (Fail::Redirect, &["unreachable"]),
        (Fail::NotSent, &["unreachable"]),
        (Fail::ClosedBefore, &["wait"]),
    ] {
        bench.transport.fail(When::Reads, how);
        let read = bench.target.read(&bench.read, Kind::Accounts, None).await.err();
        let found = bench.target.find(&bench.read, Kind::Accounts, &crate::Key::one("id", someone.id.as_str())).await.err();
        bench.transport.heal();
        for (what, fault) in [("reading", read), ("finding", found)] {
            let told = fault.as_ref().map_or("nothing", word);
            // An empty list is a list: where the contract's answer is one, `[]` finds nobody.
            let none = told == "nothing" && what == "finding" && how == Fail::Answer(200, "[]");
            ensure!(expected.contains(&told) || none, "{what} with {how:?} is told as {fault:?}, not as one of {expected:?}");
        }
    }
    ensure!(bench.account(someone.id.as_str()).await? == someone, "something changed");
    Ok(())
}

/// One page that was cut off on its way is no reason to end a walk over hundreds; an app that keeps answering so is.
pub(super) async fn a_read_that_did_not_come_whole_is_asked_for_again(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, false).await?;
    let whole = bench.target.read(&bench.read, Kind::Accounts, None).await.map_err(|fault| fault.to_string())?;
    for how in [Fail::Answer(200, HTML), Fail::Answer(200, r#"{"users":[{"id":"#)] {
        bench.transport.fail_times(When::Reads, how, 2);
        let read = bench.target.read(&bench.read, Kind::Accounts, None).await;
        ensure!(read.as_ref() == Ok(&whole), "after two answers like {how:?} the page is told as {read:?}");
        bench.transport.fail_times(When::Reads, how, 3);
        let read = bench.target.read(&bench.read, Kind::Accounts, None).await;
        bench.transport.heal();
        ensure!(matches!(read, Err(Fault::Garbled { .. })), "three answers like {how:?} are told as {read:?}");
    }
    for how in [Fail::Answer(502, HTML), Fail::ClosedBefore] {
        bench.transport.fail_times(When::Reads, how, 2);
        let read = bench.target.read(&bench.read, Kind::Accounts, None).await;
        bench.transport.heal();
        ensure!(read.as_ref() == Ok(&whole), "after {how:?} twice the page is told as {read:?}");
    }
    // Who asks to wait is not asked again at once.
    bench.transport.fail_times(When::Reads, Fail::Answer(429, ""), 1);
    let read = bench.target.read(&bench.read, Kind::Accounts, None).await;
    bench.transport.heal();
    ensure!(matches!(read, Err(Fault::Wait { .. })), "a 429 is told as {read:?}");
    Ok(())
}

pub(super) async fn bad_answers_to_writes_have_the_right_faults(rig: &dyn Rig) -> Checked {
    let bench = Bench::open(rig, 5, false).await?;
    if !bench.can(Verb::Update) {
        return Ok(());
    }
    let someone = bench.someone(1).await?;
    let before = someone.attributes.get(bench.hand.plain()).cloned().unwrap_or_default();
    let update = bench.set_plain(&someone, &before, "Set by the suite");
    let writes = bench.hand.writes();
    for (how, expected) in [
        (Fail::Answer(500, HTML), &["unknown"][..]),
        (Fail::Answer(502, HTML), &["unknown"]),
        (Fail::Answer(429, ""), &["wait"]),
        (Fail::Answer(401, ""), &["logged out"]),
        (Fail::Answer(403, ""), &["denied"]),
        (Fail::Answer(400, "{}"), &["refused"]),
        // It said success: it may have been done.
        (Fail::Answer(200, HTML), &["unknown", "garbled"]),
        (Fail::Answer(200, OTHER), &["unknown", "garbled"]),
        (Fail::Redirect, &["unreachable"]),
        (Fail::NotSent, &["unreachable"]),
        (Fail::ClosedBefore, &["unknown"]),
    ] {
        bench.transport.fail(When::Writes, how);
        let outcome = bench.apply(update.clone()).await;
        bench.transport.heal();
        let told = outcome.as_ref().err().map_or("done", word);
        ensure!(expected.contains(&told), "a write with {how:?} is told as {outcome:?}, not as one of {expected:?}");
        ensure!(bench.hand.writes() == writes, "{how:?}: the request was not to reach the app");
    }
    bench.done(update, true).await?;
    Ok(())
}

pub(super) async fn a_write_without_an_answer_is_unknown_and_settled_by_a_look(rig: &dyn Rig) -> Checked {
    for how in [Fail::ClosedAfter, Fail::AnswerAfter(502, HTML)] {
        let bench = Bench::open(rig, 8, false).await?;
        let someone = bench.someone(1).await?;
        let id = someone.id.as_str();
        let before = someone.attributes.get(bench.hand.plain()).cloned().unwrap_or_default();
        let update = bench.set_plain(&someone, &before, "Set by the suite");
        for one in [update, step(Verb::Leave, Some(id)), step(Verb::Restore, Some(id))] {
            if !bench.can(one.verb) {
                continue;
            }
            bench.transport.fail(When::Writes, how);
            let outcome = bench.apply(one.clone()).await;
            bench.transport.heal();
            ensure!(is_unknown_or_seen(&outcome), "{:?} with {how:?} is told as {outcome:?}", one.verb);
            bench.done(one, false).await.map_err(|why| format!("the look after {how:?}: {why}"))?;
        }
        if bench.can(Verb::Create) {
            let accounts = bench.hand.accounts().len();
            bench.transport.fail(When::Writes, how);
            let outcome = bench.apply(bench.create(5)).await;
            bench.transport.heal();
            ensure!(is_unknown_or_seen(&outcome), "a create with {how:?} is told as {outcome:?}");
            ensure!(bench.hand.accounts().len() == accounts + 1, "the request was to reach the app");
            if let Some(key) = bench.telling().next() {
                let value = bench.hand.values(5).get(key).map(ToString::to_string).unwrap_or_default();
                let found = bench.find(Kind::Accounts, key, &value).await?;
                ensure!(found.len() == 1, "the look by {key} finds {found:?}");
            }
        }
    }
    Ok(())
}

//! Answers that no vendor should give, through the connectors in their profiles: each ends as a fault or an outcome, never a panic, and none
//! makes a reading look complete that is not.

mod rigs;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use bytes::Bytes;
use connector::conformance::{Bench, Opened, Rig, step};
use connector::{Broken, Cursor, Key, Page, Transport, Watermark};
use http::HeaderValue;
use http::header::{DATE, RETRY_AFTER};
use model::{Change, Kind, Value, Verb};
use proptest::prelude::*;
use rigs::absorb::AbsorbRig;
use rigs::application::ApplicationRig;
use rigs::lessonly::LessonlyRig;
use rigs::mutate::{Dice, mutated};
use sandbox::application::Abilities;

const HEADERS: &[&str] = &[
    "",
    "0",
    "-1",
    "18446744073709551615",
    "99999999999999999999",
    "1e9",
    "Wed, 21 Oct 2015 07:28:00 GMT",
    "Fri, 31 Dec 9999 23:59:60 GMT",
    "Mon, 01 Jan 0000 00:00:00 GMT",
    "soon",
    "Thu, 31 Feb 2026 00:00:00 +9999",
    "\u{7f}",
];

/// Changes one answer, and sees to it that nothing else does.
struct Spoiling {
    inner: Arc<dyn Transport>,
    /// Which answer, counted from 0.
    nth: usize,
    seen: AtomicUsize,
    dice: Mutex<Dice>,
}

#[async_trait]
impl Transport for Spoiling {
    async fn send(&self, request: http::Request<Bytes>) -> Result<http::Response<Bytes>, Broken> {
        let mut answer = self.inner.send(request).await?;
        if self.seen.fetch_add(1, Ordering::Relaxed) != self.nth {
            return Ok(answer);
        }
        let mut dice = self.dice.lock().expect("no test panics while it holds this");
        match dice.throw(8) {
            0 => {
                let statuses = [100, 204, 206, 299, 300, 304, 400, 401, 403, 404, 409, 418, 422, 429, 500, 503, 599, 999];
                *answer.status_mut() = http::StatusCode::from_u16(statuses[dice.throw(statuses.len())]).expect("a status");
            }
            1 => {
                let text = HEADERS[dice.throw(HEADERS.len())];
                let value = HeaderValue::from_bytes(text.as_bytes()).unwrap_or_else(|_| HeaderValue::from_static("x"));
                if dice.throw(2) == 0 {
                    *answer.status_mut() = http::StatusCode::TOO_MANY_REQUESTS;
                }
                answer.headers_mut().insert(if dice.throw(2) == 0 { DATE } else { RETRY_AFTER }, value);
            }
            _ => {
                let body = mutated(answer.body(), &mut dice);
                *answer.body_mut() = body.into();
            }
        }
        Ok(answer)
    }
}

/// All pages of a kind: how many records there are by their ids, and how many every page says there are.
async fn everything(bench: &Bench, kind: Kind) -> Option<(BTreeSet<String>, Option<u64>, Option<Watermark>)> {
    let (mut ids, mut totals, mut watermark) = (BTreeSet::new(), BTreeSet::new(), None);
    let mut after: Option<Cursor> = None;
    // An answer may say that there is always one more page: the engine's walk ends such a reading.
    for _ in 0..20 {
        let Page { records, next, total, watermark: from } = bench.target.read(&bench.read, kind, after).await.ok()?;
        ids.extend(records.into_iter().map(|record| record.id));
        totals.insert(total);
        watermark = watermark.or(from);
        match next {
            Some(next) => after = Some(next),
            None => return Some((ids, if totals.len() == 1 { totals.pop_first()? } else { None }, watermark)),
        }
    }
    None
}

/// One answer of a session is changed, whichever it is.
async fn session(rig: &dyn Rig, seed: u64) {
    let mut dice = Dice(seed);
    let nth = dice.throw(24);
    let opened = rig.open(60, false).await;
    let people = opened.hand.accounts().len();
    let transport = Arc::new(Spoiling { inner: opened.transport, nth, seen: AtomicUsize::new(0), dice: Mutex::new(dice) });
    let hand = Arc::clone(&opened.hand);
    let Ok(bench) = Bench::over(Opened { transport, ..opened }).await else { return };
    bench.target.probe(&bench.read).await.ok();
    for kind in [Kind::Accounts, Kind::Groups, Kind::Departments, Kind::Content, Kind::Enrolments] {
        let Some((ids, total, watermark)) = everything(&bench, kind).await else { continue };
        if kind == Kind::Accounts && total == Some(ids.len() as u64) {
            assert_eq!(ids.len(), people, "seed {seed}: it looks complete, and is not");
        }
        if let Some(watermark) = watermark {
            bench.target.changed(&bench.read, kind, &watermark, None).await.ok();
        }
    }
    let id = hand.accounts().pop().unwrap_or_default();
    for (kind, attribute) in
        [(Kind::Accounts, "id"), (Kind::Groups, "id"), (Kind::Enrolments, "account"), (Kind::Enrolments, "content")]
    {
        bench.target.find(&bench.read, kind, &Key::one(attribute, &id)).await.ok();
    }
    let mut update = step(Verb::Update, Some(&id));
    update.set.insert(hand.plain().to_owned(), Change { before: Value::Null, after: Value::text("fuzz") });
    for step in [bench.create(1), update, step(Verb::Leave, Some(&id)), step(Verb::Restore, Some(&id))] {
        assert_eq!(bench.apply_all(vec![step]).await.len(), 1, "seed {seed}: every step has its outcome");
    }
}

/// More cases in a soak (`cargo xtask soak fuzz`).
fn cases(few: u32) -> ProptestConfig {
    let times = std::env::var("PROVOST_FUZZ").ok().and_then(|times| times.parse().ok()).unwrap_or(1);
    ProptestConfig { cases: few.saturating_mul(times), failure_persistence: None, ..ProptestConfig::default() }
}

fn run(rig: &dyn Rig, seed: u64) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(session(rig, seed));
}

proptest! {
    #![proptest_config(cases(60))]

    #[test]
    fn whatever_lessonly_answers_is_a_fault_or_an_outcome(seed in any::<u64>(), vendor in any::<bool>()) {
        run(&LessonlyRig(if vendor { "vendor" } else { "guide" }, ""), seed);
    }

    #[test]
    fn whatever_absorb_answers_is_a_fault_or_an_outcome(seed in any::<u64>(), vendor in any::<bool>()) {
        run(&AbsorbRig(if vendor { "vendor" } else { "guide" }, ""), seed);
    }

    #[test]
    fn whatever_a_scim_application_answers_is_a_fault_or_an_outcome(seed in any::<u64>(), says in any::<bool>(), filter in any::<bool>(), patch in any::<bool>()) {
        run(&ApplicationRig(Abilities { says, filter, patch, schemas: says, ..Abilities::default() }, None), seed);
    }
}

/// A failing seed can be tried again.
#[test]
fn the_same_seed_gives_the_same_answers() {
    let body = br#"{"users":[{"id":1,"name":"Ada"},{"id":2,"name":"Bob"}],"total_users":2}"#;
    for seed in 0..50 {
        assert_eq!(mutated(body, &mut Dice(seed)), mutated(body, &mut Dice(seed)));
    }
    assert!((0..50).map(|seed| mutated(body, &mut Dice(seed))).collect::<BTreeSet<_>>().len() > 25, "seeds differ");
}

//! People are told: of what waits, is held, failed and is done; once, and again where it was not taken, until it is put aside.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use connector::Clock;
use jiff::{SignedDuration, Timestamp};
use model::*;
use provost_engine::{Engine, NotSent, Notices, Sending, Telling};

use crate::world::{World, app};

/// What the way out does with what it gets.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mood {
    Takes,
    Refuses,
    WantsNoMore,
    Busy(u64),
    NeverReturns,
}

struct Post {
    mood: Mutex<Mood>,
    got: Mutex<Vec<(String, String, Notice)>>,
}

impl Post {
    fn new() -> Arc<Self> {
        Arc::new(Self { mood: Mutex::new(Mood::Takes), got: Mutex::default() })
    }

    fn is(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn got(&self) -> Vec<(String, String, Notice)> {
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

#[async_trait]
impl Notices for Post {
    async fn send(&self, to: &str, id: &str, notice: &Notice, _now: Timestamp) -> Result<(), NotSent> {
        self.got.lock().unwrap().push((to.to_owned(), id.to_owned(), notice.clone()));
        let mood = *self.mood.lock().unwrap();
        match mood {
            Mood::Takes => Ok(()),
            Mood::Refuses => Err(NotSent::Later("it answered 500".into(), None)),
            Mood::WantsNoMore => Err(NotSent::Never("it wants no more".into())),
            Mood::Busy(seconds) => Err(NotSent::Later("it is busy".into(), Some(Duration::from_secs(seconds)))),
            Mood::NeverReturns => std::future::pending().await,
        }
    }
}

fn rule(occasions: &[Occasion]) -> NoticeRule {
    NoticeRule { occasions: occasions.iter().copied().collect(), apps: Default::default(), people: false }
}

async fn engine(world: &World, post: &Arc<Post>, rules: &[(&str, NoticeRule)]) -> Engine {
    let rules: BTreeMap<String, NoticeRule> = rules.iter().map(|(name, rule)| ((*name).to_owned(), rule.clone())).collect();
    let url = Some("https://provost.acme.example".to_owned());
    let engine = world.engine().await.telling(Telling { rules, port: Arc::clone(post) as _, url });
    engine.begin_notices().await.unwrap();
    engine
}

/// A world with somebody to be told of something.
async fn waiting(occasions: &[Occasion]) -> (World, Arc<Post>, Engine, Digest) {
    let (world, post) = (World::new(), Post::new());
    let engine = engine(&world, &post, &[("ops", rule(occasions))]).await;
    let digest = world.plan(&engine).await.digests[0];
    assert_eq!(engine.make_notices(SignedDuration::ZERO).await.unwrap(), 1);
    (world, post, engine, digest)
}

#[tokio::test]
async fn people_are_told_what_waits_and_what_came_of_it() {
    let (world, post, engine, digest) = waiting(&Occasion::ALL).await;
    assert_eq!(engine.send_notices().await.unwrap(), Sending { sent: 1, ..Sending::default() });
    let (to, _, notice) = post.got().pop().unwrap();
    assert_eq!((to.as_str(), notice.occasion, notice.steps), ("ops", Occasion::Waits, 20));
    assert_eq!(notice.apps, [(app(), 20)].into());
    assert_eq!(notice.link.as_deref(), Some(format!("https://provost.acme.example/plans/{digest}").as_str()));
    assert!(notice.people.is_empty() && notice.why.is_none(), "nobody is named unless configuration says so");
    world.carry_out(&engine, &digest).await;
    assert_eq!(engine.make_notices(SignedDuration::ZERO).await.unwrap(), 1);
    assert_eq!(engine.make_notices(SignedDuration::ZERO).await.unwrap(), 0, "nothing is told twice");
    engine.send_notices().await.unwrap();
    let (_, _, notice) = post.got().pop().unwrap();
    assert_eq!((notice.occasion, notice.kind.as_str(), notice.not_done), (Occasion::Done, "run", Some(0)));
}

#[tokio::test]
async fn what_a_guard_holds_names_the_guard_and_people_only_where_allowed() {
    let (mut world, post) = (World::new(), Post::new());
    let guard = GuardRule { effect: Effect::AccessGiven, by: By::App, exempt: 0, max: Some(5), percent_milli: None, window: 86_400 };
    world.policy.guards.insert("access_given".into(), guard);
    let named = NoticeRule { people: true, ..rule(&[Occasion::Held]) };
    let elsewhere = NoticeRule { apps: [AppName::new("other")].into(), ..rule(&Occasion::ALL) };
    let rules = [("named", named), ("plain", rule(&[Occasion::Held])), ("waits", rule(&[Occasion::Waits])), ("elsewhere", elsewhere)];
    let engine = engine(&world, &post, &rules).await;
    world.plan(&engine).await;
    engine.make_notices(SignedDuration::ZERO).await.unwrap();
    engine.send_notices().await.unwrap();
    let mut got = post.got();
    got.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(got.iter().map(|(to, ..)| to.as_str()).collect::<Vec<_>>(), ["named", "plain"], "the open plan has no step");
    assert!(got.iter().all(|(_, _, notice)| notice.guard.as_deref() == Some("access_given") && notice.steps == 20));
    assert_eq!((got[0].2.people.len(), got[1].2.people.len()), (8, 0));
    assert_ne!(got[0].1, got[1].1, "each has an id of its own");
}

#[tokio::test]
async fn what_was_decided_meanwhile_waits_for_nobody() {
    let (world, post) = (World::new(), Post::new());
    let engine = engine(&world, &post, &[("ops", rule(&Occasion::ALL))]).await;
    let digest = world.plan(&engine).await.digests[0];
    assert_eq!(engine.make_notices(SignedDuration::from_secs(3)).await.unwrap(), 0, "it may be decided in the same breath");
    let by = Actor { name: "ada".into(), proof: Proof::Unauthenticated };
    engine.decide(&digest, Verdict::No { reason: "no".into() }, by).await.unwrap();
    world.time.pass(SignedDuration::from_secs(4));
    assert_eq!(engine.make_notices(SignedDuration::from_secs(3)).await.unwrap(), 0);
}

/// Who plans every few minutes does not want to hear each time of the same that waits.
#[tokio::test]
async fn the_same_that_waits_is_told_once_until_it_could_not_be_decided_any_more() {
    let (world, _post, engine, first) = waiting(&Occasion::ALL).await;
    for _ in 0..3 {
        world.time.pass(SignedDuration::from_mins(5));
        let again = world.plan(&engine).await;
        assert_ne!(again.digests[0], first, "for another instant it is another plan");
        assert_eq!(engine.make_notices(SignedDuration::ZERO).await.unwrap(), 0);
    }
    world.people(19);
    world.plan(&engine).await;
    assert_eq!(engine.make_notices(SignedDuration::ZERO).await.unwrap(), 1, "something else waits now");
    world.time.pass(SignedDuration::from_hours(25));
    world.plan(&engine).await;
    assert_eq!(engine.make_notices(SignedDuration::ZERO).await.unwrap(), 1, "it still waits a day later");
}

#[tokio::test]
async fn nobody_is_told_of_what_was_before_they_were_to_be() {
    let (world, post) = (World::new(), Post::new());
    world.plan(&world.engine().await).await;
    let engine = engine(&world, &post, &[("ops", rule(&Occasion::ALL))]).await;
    assert_eq!(engine.make_notices(SignedDuration::ZERO).await.unwrap(), 0);
    assert!(!world.engine().await.tells());
}

#[tokio::test]
async fn a_delivery_is_tried_again_put_aside_and_sent_again() {
    let (world, post, engine, _) = waiting(&[Occasion::Waits]).await;
    post.is(Mood::Refuses);
    let mut tries = Vec::new();
    for _ in 0..2000 {
        let Sending { later, aside, .. } = engine.send_notices().await.unwrap();
        if later + aside > 0 {
            tries.push(world.time.now().as_millisecond());
        }
        if aside > 0 {
            break;
        }
        world.time.pass(SignedDuration::from_mins(2));
    }
    assert_eq!(tries.len(), 9, "{tries:?}");
    let waits: Vec<i64> = tries.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(waits.is_sorted(), "each wait is longer than the one before, give or take what passes here: {waits:?}");
    let ids: std::collections::BTreeSet<String> = post.got().into_iter().map(|(_, id, _)| id).collect();
    assert_eq!(ids.len(), 1, "always the same id");
    let delivery = engine.store().deliveries().await.unwrap().pop().unwrap();
    assert_eq!((delivery.state, delivery.tries, delivery.why.as_str()), (DeliveryState::Aside, 9, "it answered 500"));
    assert_eq!(engine.send_notices().await.unwrap(), Sending::default(), "what is put aside stays there");
    post.is(Mood::Takes);
    let sent = engine.send_notice_again(&delivery.id).await.unwrap();
    assert_eq!((sent.state, sent.why.as_str()), (DeliveryState::Sent, ""));
    assert_eq!(post.got().pop().unwrap().1, delivery.id);
    assert!(engine.send_notice_again("ffffffff").await.is_err());
}

#[tokio::test]
async fn the_other_side_says_when_and_whether() {
    let (world, post, engine, digest) = waiting(&[Occasion::Waits, Occasion::Done]).await;
    post.is(Mood::Busy(7200));
    engine.send_notices().await.unwrap();
    world.time.pass(SignedDuration::from_mins(110));
    assert_eq!(engine.send_notices().await.unwrap(), Sending::default(), "it is left alone for as long as it said");
    world.time.pass(SignedDuration::from_mins(11));
    post.is(Mood::WantsNoMore);
    assert_eq!(engine.send_notices().await.unwrap(), Sending { aside: 1, ..Sending::default() });
    // What the configuration does not name any more is not sent either.
    world.carry_out(&engine, &digest).await;
    engine.make_notices(SignedDuration::ZERO).await.unwrap();
    let other = self::engine(&world, &post, &[("other", rule(&Occasion::ALL))]).await;
    post.got();
    assert_eq!(other.send_notices().await.unwrap(), Sending { aside: 1, ..Sending::default() });
    assert!(post.got().is_empty());
}

/// A process that ends while it sends has claimed what it sent: nobody else sends it until that is over, and then with the same id.
#[tokio::test]
async fn p09_cut_off_while_sending_it_is_sent_once_more_at_most_with_the_same_id() {
    let (world, post, engine, _) = waiting(&[Occasion::Waits]).await;
    post.is(Mood::NeverReturns);
    tokio::select! {
        biased;
        _ = engine.send_notices() => unreachable!("nobody takes it"),
        () = async { while post.got.lock().unwrap().is_empty() { tokio::task::yield_now().await } } => {}
    }
    let first = post.got();
    drop(engine);
    post.is(Mood::Takes);
    let again = self::engine(&world, &post, &[("ops", rule(&[Occasion::Waits]))]).await;
    assert_eq!(again.make_notices(SignedDuration::ZERO).await.unwrap(), 0);
    assert_eq!(again.send_notices().await.unwrap(), Sending::default());
    world.time.pass(SignedDuration::from_mins(3));
    assert_eq!(again.send_notices().await.unwrap().sent, 1);
    assert_eq!(post.got()[0].1, first[0].1);
    world.time.pass(SignedDuration::from_hours(24));
    assert_eq!(again.send_notices().await.unwrap(), Sending::default());
}

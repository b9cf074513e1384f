//! Triggers: kept once, ended with what came of them, found again, forgotten in time.

use super::common::*;
use model::*;
use provost_store::{StoreError, TriggerEnd};

fn trigger(id: &str, key: &str, second: i64) -> Trigger {
    Trigger {
        id: format!("{id}-0000"),
        kind: TriggerKind::Webhook,
        from: "academy".into(),
        event: "UserCreated".into(),
        account: "a1".into(),
        key: key.into(),
        at: at(second),
        came: at(second + 1),
        state: TriggerState::Waiting,
        person: None,
        planning: None,
    }
}

#[tokio::test]
async fn a13_a_trigger_is_kept_once_however_often_it_comes() {
    let (home, store) = store().await;
    assert_eq!(store.put_triggers(&[trigger("aaaa", "one", 1), trigger("bbbb", "two", 2)]).await.unwrap(), 2);
    assert_eq!(store.put_triggers(&[trigger("cccc", "one", 3), trigger("dddd", "three", 4)]).await.unwrap(), 1);
    let elsewhere = Trigger { from: "desk".into(), ..trigger("eeee", "one", 5) };
    assert_eq!(store.put_triggers(&[elsewhere]).await.unwrap(), 1, "another app's key is another");
    let waiting = store.triggers_waiting(TriggerKind::Webhook, "academy").await.unwrap();
    assert_eq!(waiting, [trigger("aaaa", "one", 1), trigger("bbbb", "two", 2), trigger("dddd", "three", 4)]);

    let planning = Planning { id: "p1".into(), at: at(9), people: Some(1), plans: vec![plan(1, &["ann"]).digest()] };
    let end =
        |id: &str, person: Option<&str>, state| TriggerEnd { id: format!("{id}-0000"), person: person.map(PersonKey::from), state };
    let ends = [end("aaaa", Some("ann"), TriggerState::Planned), end("bbbb", None, TriggerState::Nobody)];
    store.end_triggers(Some(&planning), &ends).await.unwrap();

    // It is on disk, and so is what waits.
    let again = home.open().await;
    let found = again.find_trigger("AAAA").await.unwrap();
    assert_eq!((found.person, found.planning.as_deref(), found.state), (Some("ann".into()), Some("p1"), TriggerState::Planned));
    assert_eq!(again.planning("p1").await.unwrap(), Some(planning));
    assert_eq!(again.planning("p2").await.unwrap(), None);
    let nobody = again.find_trigger("bbbb").await.unwrap();
    assert_eq!((nobody.planning, nobody.state), (None, TriggerState::Nobody));
    let here = |origin: &str| (TriggerKind::Webhook, origin.to_owned());
    assert_eq!(again.triggers_wait_in().await.unwrap(), [here("academy"), here("desk")]);
    assert_eq!(again.put_triggers(&[trigger("ffff", "one", 6)]).await.unwrap(), 0, "what was planned for does not come again");
    let newest: Vec<String> = again.triggers(2).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(newest, ["eeee-0000", "dddd-0000"]);
    assert!(matches!(again.find_trigger("abcd").await, Err(StoreError::NotFound { what: "trigger", .. })));
    assert!(matches!(again.find_trigger("zz").await, Err(StoreError::BadPrefix { .. })));
}

#[tokio::test]
async fn triggers_are_forgotten_when_nobody_can_repeat_them_but_never_while_they_wait() {
    let (_home, store) = store().await;
    store.put_triggers(&[trigger("aaaa", "one", 1), trigger("bbbb", "two", 2), trigger("cccc", "three", 50)]).await.unwrap();
    let planning = |id: &str| Planning { id: id.into(), at: at(9), people: None, plans: Vec::new() };
    let end = |id: &str| [TriggerEnd { id: format!("{id}-0000"), person: None, state: TriggerState::Planned }];
    store.end_triggers(Some(&planning("p1")), &end("aaaa")).await.unwrap();
    store.end_triggers(Some(&planning("p2")), &end("cccc")).await.unwrap();
    store.sweep_triggers(at(40)).await.unwrap();
    let left: Vec<String> = store.triggers(9).await.unwrap().into_iter().map(|one| one.id).collect();
    assert_eq!(left, ["cccc-0000", "bbbb-0000"]);
    assert!(store.planning("p1").await.unwrap().is_none() && store.planning("p2").await.unwrap().is_some());
}

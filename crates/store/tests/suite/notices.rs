//! Notices on their way out: made once, claimed by one, kept until they are taken or put aside.

use super::common::*;
use model::*;
use provost_store::{NoticeMove, StoreError};
use serde_json::json;

fn delivery(id: &str, entry: u64) -> Delivery {
    Delivery {
        id: id.into(),
        to: "ops".into(),
        entry,
        made: at(1),
        notice: Notice {
            occasion: Occasion::Waits,
            organization: "Acme".into(),
            at: at(0),
            kind: "plan".into(),
            id: "ab".into(),
            apps: [("academy".into(), 3)].into(),
            steps: 3,
            not_done: None,
            guard: None,
            content: None,
            expires: None,
            four_eyes: false,
            link: None,
            people: vec![],
            why: None,
        },
        state: DeliveryState::Waiting,
        tries: 0,
        next: Some(at(1)),
        ended: None,
        why: String::new(),
    }
}

fn moved(from: u64, to: u64) -> Vec<NoticeMove> {
    vec![NoticeMove { notice: "ops".into(), from, to }]
}

#[tokio::test]
async fn what_happened_is_told_once_however_many_tell() {
    let (_home, store) = store().await;
    let entry = |name: &str| AuditEntry {
        at: at(0),
        actor: actor("al"),
        what: AuditWhat::Connected,
        subject: Subject::App(name.into()),
        details: json!({}),
    };
    store.audit(entry("before")).await.unwrap();
    store.begin_notices(&["ops"]).await.unwrap();
    store.audit(entry("after")).await.unwrap();
    store.begin_notices(&["ops", "new"]).await.unwrap();
    assert_eq!(
        store.notice_cursors().await.unwrap(),
        [("new".to_owned(), 2), ("ops".to_owned(), 1)].into(),
        "who is known stays where they were"
    );
    let after = store.audited_after(1, 10).await.unwrap();
    assert_eq!(after.iter().map(|entry| (entry.seq, entry.subject.as_str())).collect::<Vec<_>>(), [(2, "app:after")]);
    assert!(store.put_deliveries(&moved(1, 2), &[delivery("0a11", 2)]).await.unwrap());
    assert!(!store.put_deliveries(&moved(1, 2), &[delivery("0a12", 2)]).await.unwrap(), "somebody else told further meanwhile");
    assert_eq!(store.deliveries().await.unwrap(), [delivery("0a11", 2)]);
}

#[tokio::test]
async fn a_delivery_is_claimed_by_one_and_comes_to_its_end() {
    let (home, store) = store().await;
    store.begin_notices(&["ops"]).await.unwrap();
    store.put_deliveries(&moved(0, 9), &[delivery("0a11", 7), delivery("0b22", 8), delivery("0b33", 9)]).await.unwrap();
    assert_eq!(store.due_deliveries(at(0), 10).await.unwrap(), []);
    assert_eq!(store.due_deliveries(at(1), 2).await.unwrap().len(), 2);
    assert!(store.claim_delivery("0a11", at(2), at(120)).await.unwrap());
    assert!(!store.claim_delivery("0a11", at(3), at(121)).await.unwrap(), "one has it");
    assert!(store.claim_delivery("0a11", at(120), at(240)).await.unwrap(), "until that one was too slow");
    store.delivery_sent("0a11", at(130)).await.unwrap();
    store.delivery_failed("0a11", "too late", at(131), Some(at(200))).await.unwrap();
    let sent = store.delivery("0a11").await.unwrap();
    assert_eq!((sent.state, sent.tries, sent.ended, sent.next, sent.why.as_str()), (DeliveryState::Sent, 2, Some(at(130)), None, ""));
    assert!(store.claim_delivery("0b22", at(2), at(120)).await.unwrap());
    store.delivery_failed("0b22", "it answered\u{0} 500", at(3), Some(at(60))).await.unwrap();
    let again = home.open().await;
    let later = again.find_delivery("0b2").await.unwrap_err();
    assert!(matches!(later, StoreError::BadPrefix { .. }), "{later}");
    let later = again.find_delivery("0b22").await.unwrap();
    assert_eq!((later.next, later.why.as_str()), (Some(at(60)), "it answered  500"));
    again.delivery_failed("0b22", "no more", at(61), None).await.unwrap();
    assert_eq!(again.delivery("0b22").await.unwrap().state, DeliveryState::Aside);
    again.delivery_again("0b22", at(70)).await.unwrap();
    let fresh = again.delivery("0b22").await.unwrap();
    assert_eq!((fresh.state, fresh.tries, fresh.next, fresh.ended), (DeliveryState::Waiting, 0, Some(at(70)), None));
    assert!(matches!(again.delivery_again("none", at(70)).await, Err(StoreError::NotFound { .. })));
    again.sweep_deliveries(at(131)).await.unwrap();
    let left: Vec<String> = again.deliveries().await.unwrap().into_iter().map(|delivery| delivery.id).collect();
    assert_eq!(left, ["0b33", "0b22"], "what waits stays");
}

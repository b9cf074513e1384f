//! Requests with a name of their own: done once, answered the same again.

use super::common::*;
use model::*;
use provost_store::{Begun, Replied, SealKey};

#[tokio::test]
async fn a_request_is_begun_once_and_answered_the_same_again() {
    let (home, store) = store().await;
    let store = store.sealed(SealKey::new([7; 32]));
    let (request, other) = (digest_of(&"plan"), digest_of(&"run"));
    let of = Replied { caller: "ci", name: "k1", server: "s1" };
    let begin = async |of, request, now| store.begin_reply(of, request, at(now), at(now - 100)).await.unwrap();
    assert!(matches!(begin(of, &request, 0).await, Begun::New));
    assert!(matches!(begin(of, &request, 1).await, Begun::UnderWay));
    assert!(matches!(begin(of, &other, 1).await, Begun::Other));
    assert!(matches!(begin(Replied { server: "s2", ..of }, &request, 1).await, Begun::Unknown), "another server cannot tell");
    assert!(matches!(begin(Replied { caller: "al", ..of }, &other, 1).await, Begun::New), "another caller's name is another");

    store.end_reply(of, &Secret::new("the answer is pvt_secret")).await.unwrap();
    let Begun::Answered(answer) = begin(Replied { server: "s2", ..of }, &request, 50).await else { panic!("it was answered") };
    assert_eq!(answer.expose(), "the answer is pvt_secret");
    assert!(matches!(begin(of, &other, 50).await, Begun::Other), "also when it is answered");
    for kept in home.kept(&store).await {
        assert!(!kept.windows(10).any(|part| part == b"pvt_secret"), "P11");
    }
    assert!(matches!(begin(of, &other, 100).await, Begun::New), "after that time it is forgotten");

    // What came to nothing may be asked for again; only by whom it was begun.
    store.drop_reply(Replied { server: "s2", ..of }).await.unwrap();
    assert!(matches!(begin(of, &other, 101).await, Begun::UnderWay));
    store.drop_reply(of).await.unwrap();
    assert!(matches!(begin(of, &request, 101).await, Begun::New));
}

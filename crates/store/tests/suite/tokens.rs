//! Tokens: kept as hashes, ended once, told of in the audit trail.

use super::common::*;
use model::*;
use provost_store::StoreError;

fn token(id: &str) -> Token {
    Token {
        id: id.into(),
        role: None,
        hash: format!("hash of {id}"),
        purpose: "scim".into(),
        subject: "okta".into(),
        made: at(1),
        made_by: actor("al"),
        expires: None,
        used: None,
    }
}

#[tokio::test]
async fn a_token_is_made_used_and_ended() {
    let (home, store) = store().await;
    store.put_token(&token("one")).await.unwrap();
    store.put_token(&Token { expires: Some(at(100)), ..token("two") }).await.unwrap();
    assert_eq!(store.token("one").await.unwrap(), Some(token("one")));
    assert_eq!(store.token("on\0e").await.unwrap(), None);
    store.tokens_used(&[("one".into(), at(7)), ("one".into(), at(5)), ("nobody's".into(), at(5))]).await.unwrap();
    let ended = store.end_token("one", &actor("bo"), at(9), at(20)).await.unwrap();
    assert_eq!((ended.used, ended.expires), (Some(at(7)), Some(at(20))));
    let ended = store.end_token("one", &actor("bo"), at(9), at(30)).await.unwrap();
    assert_eq!(ended.expires, Some(at(20)), "no token gets longer by being ended");
    let two = store.end_token("two", &actor("bo"), at(9), at(9)).await.unwrap();
    assert_eq!(two.expires, Some(at(9)));
    let refused = store.end_token("three", &actor("bo"), at(9), at(9)).await.unwrap_err();
    assert!(matches!(refused, StoreError::NotFound { what: "token", .. }), "{refused}");
    let again = home.open().await;
    assert_eq!(again.tokens().await.unwrap().iter().map(|token| token.id.as_str()).collect::<Vec<_>>(), ["one", "two"]);
    assert!(again.verify_audit(&[]).await.unwrap().faults.is_empty());
}

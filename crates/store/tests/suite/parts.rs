//! Large readings and plans lie in parts: they come back whole, and a part that is damaged or missing is said.

use super::common::*;
use super::readings::{app, complete, source};
use model::*;
use provost_store::{Store, StoreError};

const MANY: usize = 5000;

fn many() -> Vec<String> {
    (0..MANY).map(|n| format!("{n:06}")).collect()
}

async fn refused_then(home: &Home, store: &Store, break_it: &str, read: impl AsyncFn(&Store) -> Option<StoreError>) {
    home.raw(sqlx::AssertSqlSafe(break_it.to_owned())).await;
    let said = read(store).await;
    assert!(matches!(said, Some(StoreError::Corrupt { .. })), "{break_it}: {said:?}");
}

#[tokio::test]
async fn a_reading_in_parts_comes_back_and_no_part_may_be_missing() {
    let (home, store) = store().await;
    let names = many();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let raw: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
    let people = source("hr", &names, complete(1, MANY as u64));
    store.put_source_reading(&people, &raw).await.unwrap();
    let mut accounts = app("tenant", &names, complete(2, MANY as u64));
    let enrolment = |id: &&str| Enrolment { account: AccountId::new(*id), content: "c".into(), state: EnrolmentState::Open };
    accounts.enrolments = names.iter().map(enrolment).collect();
    store.put_app_reading(&accounts, &raw).await.unwrap();
    let (hr, academy) = (people.source.clone(), accounts.app.clone());
    assert_eq!(store.latest_source_reading(&hr).await.unwrap(), Some(people.clone()));
    assert_eq!(store.app_reading(&academy, &accounts.digest).await.unwrap(), accounts);
    assert_eq!(store.app_raw(&academy, &accounts.digest).await.unwrap(), raw);
    assert_eq!(store.source_raw(&hr, &people.digest).await.unwrap(), raw);

    // The same content of another tenant is written in its place.
    let moved = AppReading { fingerprint: Fingerprint::new("other"), ..accounts.clone() };
    store.put_app_reading(&moved, b"less").await.unwrap();
    assert_eq!(store.latest_app_reading(&academy).await.unwrap(), Some(moved));
    assert_eq!(store.app_raw(&academy, &accounts.digest).await.unwrap(), b"less");

    let (person_digest, digest) = (people.digest, accounts.digest);
    let read_people = async |store: &Store| store.latest_source_reading(&hr).await.err();
    let read_app = async |store: &Store| store.latest_app_reading(&academy).await.err();
    let read_raw = async |store: &Store| store.source_raw(&hr, &person_digest).await.err();
    let drop = |section: &str, part: u32| format!("DELETE FROM reading_parts WHERE section = '{section}' AND part = {part}");
    refused_then(&home, &store, &drop("people", 1), read_people).await;
    refused_then(&home, &store, &drop("enrolments", 2), read_app).await;
    refused_then(&home, &store, &drop("raw", 2), read_raw).await;
    assert_eq!(store.app_raw(&academy, &digest).await.unwrap(), b"less", "another reading's parts are its own");
}

#[tokio::test]
async fn a_plan_in_parts_comes_back_and_every_part_is_under_its_digest() {
    let (home, store) = store().await;
    let names = many();
    let whole = plan(1, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let proposal = Proposal { open: whole.clone(), held: vec![], findings: vec![] };
    let summary = store.put_proposal(&proposal, &actor("al"), at(0), at(100), &no_count).await.unwrap().remove(0);
    assert_eq!((summary.digest, summary.steps), (digest_of(&whole), MANY as u64));
    assert_eq!(store.plan(&summary.digest, at(1)).await.unwrap().plan, whole);

    let read = async |store: &Store| store.plan(&summary.digest, at(1)).await.err();
    // Another step in the place of one, in a part that is whole by itself.
    let other = plan(1, &["somebody else"]);
    let other = Proposal { open: other, held: vec![], findings: vec![] };
    store.put_proposal(&other, &actor("al"), at(2), at(100), &no_count).await.unwrap();
    let swap = format!(
        "UPDATE plan_parts SET body = (SELECT body FROM plan_parts WHERE digest = '{}' AND part = 0)
        WHERE digest = '{}' AND part = 2",
        other.open.digest(),
        summary.digest
    );
    refused_then(&home, &store, &swap, read).await;
    refused_then(&home, &store, &format!("DELETE FROM plan_parts WHERE digest = '{}' AND part = 2", summary.digest), read).await;
    refused_then(&home, &store, &format!("DELETE FROM plan_parts WHERE digest = '{}'", summary.digest), read).await;
}

/// A store from before there were parts has whole bodies.
#[tokio::test]
async fn bodies_without_parts_are_still_read() {
    let (home, store) = store().await;
    let empty = plan(1, &[]);
    let proposal = Proposal { open: empty.clone(), held: vec![], findings: vec![] };
    store.put_proposal(&proposal, &actor("al"), at(0), at(100), &no_count).await.unwrap();
    assert_eq!(store.plan(&empty.digest(), at(1)).await.unwrap().plan, empty);

    let people = source("hr", &["1", "2"], complete(1, 2));
    store.put_source_reading(&people, b"raw").await.unwrap();
    let body = lz4_flex::compress_prepend_size(&serde_json::to_vec(&people).unwrap());
    let raw = lz4_flex::compress_prepend_size(b"old raw");
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    let blob = |bytes: &[u8]| match &home.at {
        provost_store::Location::File(_) => format!("x'{}'", hex(bytes)),
        provost_store::Location::Postgres(_) => format!("decode('{}', 'hex')", hex(bytes)),
    };
    for sql in [
        "DELETE FROM reading_parts".to_owned(),
        format!("UPDATE readings SET parts = 0, raw_parts = 0, body = {}", blob(&body)),
        format!("INSERT INTO reading_raw (subject, digest, raw) SELECT subject, digest, {} FROM readings", blob(&raw)),
    ] {
        home.raw(sqlx::AssertSqlSafe(sql)).await;
    }
    assert_eq!(store.latest_source_reading(&people.source).await.unwrap(), Some(people.clone()));
    assert_eq!(store.source_raw(&people.source, &people.digest).await.unwrap(), b"old raw");
}

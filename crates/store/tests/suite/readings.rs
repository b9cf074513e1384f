//! Readings and links.

use std::collections::{BTreeMap, BTreeSet};

use super::common::*;
use model::*;
use provost_store::StoreError;

pub(super) fn complete(second: i64, count: u64) -> Certificate {
    Certificate {
        at: at(second),
        completeness: Completeness::Complete { proof: "read to its end".into() },
        count,
        watermark: None,
        increments: None,
    }
}

fn partial(second: i64, count: u64) -> Certificate {
    Certificate {
        at: at(second),
        completeness: Completeness::Partial { why: "a row is broken".into() },
        count,
        watermark: None,
        increments: None,
    }
}

pub(super) fn source(name: &str, people: &[&str], certificate: Certificate) -> SourceReading {
    let person = |key: &&str| Person {
        key: PersonKey::new(*key),
        standing: Standing::Active,
        starts: Some("2020-02-29".parse().unwrap()),
        ends: None,
        zone: None,
        idp: Default::default(),
        attributes: [("email", format!("{key}@x.example"))].into(),
    };
    SourceReading {
        source: SourceName::new(name),
        digest: digest_of(&people),
        certificate,
        people: people.iter().map(person).collect(),
        held: BTreeSet::from([PersonKey::new("held")]),
        findings: vec![],
    }
}

pub(super) fn app(fingerprint: &str, accounts: &[&str], certificate: Certificate) -> AppReading {
    let account = |id: &&str| Account {
        id: AccountId::new(*id),
        active: true,
        protected: None,
        attributes: [("emailAddress", Value::text(format!("{id}@x.example"))), ("n", Value::Int(7))].into(),
    };
    AppReading {
        app: AppName::new("academy"),
        fingerprint: Fingerprint::new(fingerprint),
        tenant: Tenant {
            profile: "guide".into(),
            sees_all: Some(true),
            sees: BTreeSet::new(),
            declared: BTreeSet::new(),
            clock_ahead_ms: 12,
            notes: vec![],
        },
        digest: digest_of(&accounts),
        certificate,
        accounts: accounts.iter().map(account).collect(),
        groups: vec![Group { id: "g".into(), name: "All".into(), writable: true, members: vec![] }],
        departments: vec![],
        content: vec![],
        enrolments: vec![],
        enrolments_of: BTreeSet::new(),
    }
}

#[tokio::test]
async fn readings_come_back_newest_first() {
    let (_dir, store) = store().await;
    let hr = SourceName::new("hr");
    assert_eq!(store.latest_source_reading(&hr).await.unwrap(), None);
    assert_eq!(store.last_good_count(&hr).await.unwrap(), None);
    let (one, two) = (source("hr", &["1", "2"], complete(1, 2)), source("hr", &["1"], partial(2, 1)));
    store.put_source_reading(&one, b"raw one").await.unwrap();
    store.put_source_reading(&two, b"raw two").await.unwrap();
    store.put_source_reading(&source("other", &["9"], complete(3, 9)), b"").await.unwrap();
    assert_eq!(store.latest_source_reading(&hr).await.unwrap(), Some(two.clone()));
    assert_eq!(store.last_good_count(&hr).await.unwrap(), Some(2), "of the newest complete one");
    assert_eq!(store.last_good_source_reading(&hr).await.unwrap(), Some(one.clone()));
    assert_eq!(store.source_reading(&hr, &one.digest).await.unwrap(), one);
    assert_eq!(store.source_raw(&hr, &one.digest).await.unwrap(), b"raw one");
    let none = store.source_reading(&hr, &digest_of(&"none")).await.unwrap_err();
    assert!(none.to_string().starts_with("no reading source.hr "), "{none}");
    assert!(matches!(store.source_raw(&hr, &digest_of(&"none")).await, Err(StoreError::NotFound { .. })));

    let academy = AppName::new("academy");
    assert_eq!(store.latest_app_reading(&academy).await.unwrap(), None);
    let reading = app("tenant-1", &["a", "b"], complete(4, 2));
    store.put_app_reading(&reading, b"{}").await.unwrap();
    assert_eq!(store.latest_app_reading(&academy).await.unwrap(), Some(reading.clone()));
    assert_eq!(store.app_reading(&academy, &reading.digest).await.unwrap(), reading);
    assert_eq!(store.app_raw(&academy, &reading.digest).await.unwrap(), b"{}");
}

#[tokio::test]
async fn the_same_content_again_is_told_anew_but_not_written_again() {
    let (_dir, store) = store().await;
    let (hr, academy) = (SourceName::new("hr"), AppName::new("academy"));
    let first = source("hr", &["1", "2"], complete(1, 2));
    store.put_source_reading(&first, b"first bytes").await.unwrap();
    store.put_source_reading(&source("hr", &["3"], complete(2, 1)), b"").await.unwrap();
    // Rows in another order: other lines in the findings, the same digest; and this time it was not complete.
    let mut again = source("hr", &["1", "2"], partial(3, 2));
    again.findings = vec![Finding::new(FindingKind::BadRow, "a bad row").at("hr.csv", 7)];
    store.put_source_reading(&again, b"other bytes").await.unwrap();
    assert_eq!(store.latest_source_reading(&hr).await.unwrap(), Some(again));
    assert_eq!(store.source_raw(&hr, &first.digest).await.unwrap(), b"first bytes", "the body was not written again");
    assert_eq!(store.last_good_count(&hr).await.unwrap(), Some(1));
    store.put_source_reading(&source("hr", &["1", "2"], complete(4, 2)), b"").await.unwrap();
    assert_eq!(store.last_good_count(&hr).await.unwrap(), Some(2));

    // Two tenants may hold the same (nothing, at first): that is another reading.
    store.put_app_reading(&app("sandbox", &[], complete(1, 0)), b"sandbox").await.unwrap();
    let live = app("live", &[], complete(2, 0));
    store.put_app_reading(&live, b"live").await.unwrap();
    assert_eq!(store.latest_app_reading(&academy).await.unwrap(), Some(live.clone()));
    assert_eq!(store.app_raw(&academy, &live.digest).await.unwrap(), b"live");
}

#[tokio::test]
async fn pruning_keeps_the_newest_the_good_and_what_plans_need() {
    let (_dir, store) = store().await;
    let hr = SourceName::new("hr");
    let reading = |n: i64| {
        let key = n.to_string();
        source("hr", &[key.as_str()], if n == 3 { complete(n, 1) } else { partial(n, 1) })
    };
    for n in 1..=8 {
        store.put_source_reading(&reading(n), b"x").await.unwrap();
    }
    let mut needs = plan(1, &["ann"]);
    needs.inputs.readings = BTreeMap::from([("source.hr".into(), reading(2).digest)]);
    store.put_proposal(&proposal(needs.clone(), vec![]), &actor("al"), at(0), at(100), &no_count).await.unwrap();
    assert_eq!(store.prune(2, at(50)).await.unwrap(), 4);
    let mut kept = Vec::new();
    for n in 1..=8 {
        kept.extend(store.source_reading(&hr, &reading(n).digest).await.is_ok().then_some(n));
        assert_eq!(store.source_raw(&hr, &reading(n).digest).await.is_ok(), kept.contains(&n));
    }
    assert_eq!(kept, [2, 3, 7, 8]);
    assert_eq!(store.last_good_count(&hr).await.unwrap(), Some(1));
    // Once the plan has expired, nobody needs what it was made from.
    assert_eq!(store.prune(2, at(100)).await.unwrap(), 1);
    assert!(store.findings().await.unwrap().is_some());
}

#[tokio::test]
async fn p7_links_are_unique_both_ways_in_each_app() {
    let (_dir, store) = store().await;
    let known = [link("academy", "ann", "1"), link("academy", "bob", "2"), link("campus", "ann", "2")];
    store.put_links(&[known[2].clone(), known[0].clone(), known[1].clone()]).await.unwrap();
    assert_eq!(store.links().await.unwrap(), known);
    assert_eq!(store.links_of(&AppName::new("academy")).await.unwrap(), known[..2]);
    assert_eq!(store.links_of_person(&PersonKey::new("ann")).await.unwrap(), [known[0].clone(), known[2].clone()]);
    // The same again is no conflict, and changes nothing.
    store.put_links(&[Link { evidence: Evidence::Created, ..known[0].clone() }, link("academy", "cy", "3")]).await.unwrap();
    assert_eq!(store.links_of(&AppName::new("academy")).await.unwrap()[0], known[0]);
    for (person, account, says) in [("ann", "9", "account 1 is linked to person ann"), ("di", "2", "account 2 is linked to person bob")]
    {
        let refused = store.put_links(&[link("academy", "ed", "8"), link("academy", person, account)]).await.unwrap_err();
        assert!(matches!(refused, StoreError::LinkConflict { .. }) && refused.to_string().contains(says), "{refused}");
    }
    let within = store.put_links(&[link("academy", "x", "7"), link("academy", "y", "7")]).await.unwrap_err();
    assert!(matches!(within, StoreError::LinkConflict { .. }));
    assert_eq!(store.links().await.unwrap().len(), 4, "all or none");
    store.put_links(&[]).await.unwrap();
}

/// The same content says nothing of when somebody logged in last: its records are kept anew now and then.
#[tokio::test]
async fn raw_records_of_the_same_content_are_kept_anew_within_a_day() {
    let (_home, store) = store().await;
    let reading = |second| app("here", &["a", "b"], complete(second, 2));
    let digest = reading(0).digest;
    store.put_app_reading(&reading(0), b"first").await.unwrap();
    assert_eq!(store.app_raw_at(&reading(0).app, &digest).await.unwrap(), Some(at(0)));
    store.put_app_reading(&reading(3_600), b"an hour later").await.unwrap();
    assert_eq!(store.app_raw(&reading(0).app, &digest).await.unwrap(), b"first");
    store.put_app_reading(&reading(86_400), b"").await.unwrap();
    assert_eq!(store.app_raw(&reading(0).app, &digest).await.unwrap(), b"first", "an increment without records has none to keep");
    store.put_app_reading(&reading(86_400), &b"a day later ".repeat(1000)).await.unwrap();
    assert_eq!(store.app_raw(&reading(0).app, &digest).await.unwrap(), b"a day later ".repeat(1000));
    assert_eq!(store.app_raw_at(&reading(0).app, &digest).await.unwrap(), Some(at(86_400)));
    assert_eq!(store.latest_app_reading(&reading(0).app).await.unwrap().unwrap().accounts.len(), 2);
}

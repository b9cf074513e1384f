//! What identity providers push: found by its keys, unique where it has to be, changed all or nothing, counted without counting.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use super::common::*;
use model::*;
use provost_store::{PushedChange, PushedWhat, Store, StoreError, Written};
use serde_json::json;

fn okta() -> SourceName {
    SourceName::new("okta")
}

fn user(id: &str, name: &str, active: bool) -> Draft {
    Draft {
        id: id.into(),
        name: name.to_lowercase(),
        external: format!("00u-{id}"),
        emails: Some(vec![format!("{id}@x.example")]),
        body: json!({ "userName": name, "active": active }).to_string(),
    }
}

fn group(id: &str, name: &str) -> Draft {
    let body = json!({ "displayName": name }).to_string();
    Draft { id: id.into(), name: name.to_lowercase(), external: String::new(), emails: None, body }
}

fn with(members: &[&str]) -> MemberChange {
    let add = members.iter().map(|id| Member { id: (*id).into(), body: "{}".into() }).collect();
    MemberChange { add, ..MemberChange::default() }
}

async fn push(store: &Store, kind: ResourceKind, second: i64, what: PushedWhat) -> Written {
    store.push(PushedChange { source: okta(), kind, at: at(second), what }).await.unwrap()
}

async fn create(store: &Store, second: i64, draft: Draft) -> Written {
    push(store, ResourceKind::User, second, PushedWhat::Create { draft, members: MemberChange::default() }).await
}

async fn replace(store: &Store, second: i64, draft: Draft, expect: u64) -> Written {
    let members = MemberChange::default();
    push(store, ResourceKind::User, second, PushedWhat::Replace { draft, members, expect }).await
}

async fn ids(store: &Store, kind: ResourceKind, query: Query) -> Vec<String> {
    let found = store.pushed_find(&okta(), kind, &query, "", 100).await.unwrap();
    found.into_iter().map(|resource| resource.id).collect()
}

#[tokio::test]
async fn users_are_found_by_what_they_are_known_by() {
    let (_home, store) = store().await;
    for id in ["a", "b", "c"] {
        assert_eq!(create(&store, 1, user(id, &format!("{}nn@X.example", id.to_uppercase()), true)).await, Written::Done(1));
    }
    let users = ResourceKind::User;
    assert_eq!(ids(&store, users, Query::Name("bnn@x.example".into())).await, ["b"]);
    assert_eq!(ids(&store, users, Query::External("00u-c".into())).await, ["c"]);
    assert_eq!(ids(&store, users, Query::Email("a@x.example".into())).await, ["a"]);
    assert_eq!(ids(&store, users, Query::Id("b".into())).await, ["b"]);
    assert_eq!(ids(&store, users, Query::All).await, ["a", "b", "c"]);
    assert_eq!(ids(&store, ResourceKind::Group, Query::All).await, [""; 0]);
    for nobody in [Query::Name("x\0".into()), Query::Id("x\0".into()), Query::Email(String::new())] {
        assert_eq!(ids(&store, users, nobody).await, [""; 0]);
    }
    assert_eq!(store.pushed_count(&okta(), users).await.unwrap(), 3);
    let elsewhere = SourceName::new("entra");
    assert!(store.pushed_record(&elsewhere, users, "a").await.unwrap().is_none(), "each source by itself");
    assert_eq!(store.pushed_skip(&okta(), users, 1).await.unwrap().as_deref(), Some("b"));
    let page = store.pushed_find(&okta(), users, &Query::All, "a", 1).await.unwrap();
    assert_eq!(page.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["b"]);
    let page = store.pushed_by_name(&okta(), users, ("ann@x.example", "a"), false, 5).await.unwrap();
    assert_eq!(page.iter().map(|user| user.id.as_str()).collect::<Vec<_>>(), ["b", "c"]);
}

#[tokio::test]
async fn a_name_that_differs_only_in_case_is_taken() {
    let (_home, store) = store().await;
    assert_eq!(create(&store, 1, user("a", "Ann@x.example", true)).await, Written::Done(1));
    assert_eq!(create(&store, 2, user("b", "aNN@X.example", true)).await, Written::Taken);
    assert_eq!(create(&store, 2, user("b", "bob@x.example", true)).await, Written::Done(1));
    assert_eq!(replace(&store, 3, user("b", "ANN@x.example", true), 1).await, Written::Taken);
    assert_eq!(replace(&store, 3, user("a", "ANN@x.example", false), 1).await, Written::Done(2), "one's own name is free");
    assert_eq!(replace(&store, 4, user("a", "ANN@x.example", true), 1).await, Written::Changed, "somebody was faster");
    assert_eq!(replace(&store, 4, user("z", "zoe@x.example", true), 1).await, Written::NotThere);
    assert_eq!(store.pushed_count(&okta(), ResourceKind::User).await.unwrap(), 2);
    // Groups may share a name, where the provider knows them by different ids of its own: the same name with the same id is the same group again.
    for (id, external, written) in [
        ("g", "", Written::Done(1)),
        ("h", "", Written::Taken),
        ("i", "00g-1", Written::Done(1)),
        ("j", "00g-1", Written::Taken),
        ("k", "00g-2", Written::Done(1)),
    ] {
        let draft = Draft { external: external.into(), ..group(id, "Sales") };
        let what = PushedWhat::Create { draft, members: MemberChange::default() };
        assert_eq!(push(&store, ResourceKind::Group, 5, what).await, written, "{id}");
    }
    assert_eq!(store.pushed_count(&okta(), ResourceKind::Group).await.unwrap(), 3);
    let nul = user("n", "n\0", true);
    let what = PushedWhat::Create { draft: nul, members: MemberChange::default() };
    let refused = store.push(PushedChange { source: okta(), kind: ResourceKind::User, at: at(6), what }).await.unwrap_err();
    assert!(matches!(refused, StoreError::Nul { .. }), "{refused}");
}

#[tokio::test]
async fn everything_that_was_pushed_is_told_with_when() {
    let (_home, store) = store().await;
    create(&store, 1, user("a", "ann@x.example", true)).await;
    create(&store, 2, user("b", "bob@x.example", true)).await;
    create(&store, 2, user("c", "cy@x.example", true)).await;
    let what = PushedWhat::Create { draft: group("g", "Sales"), members: with(&["a", "b"]) };
    push(&store, ResourceKind::Group, 3, what).await;
    assert_eq!(replace(&store, 4, user("a", "ann@x.example", false), 1).await, Written::Done(2));
    assert_eq!(push(&store, ResourceKind::User, 9, PushedWhat::Said { id: "b".into() }).await, Written::Done(1));
    assert_eq!(push(&store, ResourceKind::User, 9, PushedWhat::Said { id: "nobody".into() }).await, Written::NotThere);
    let gone = PushedWhat::Delete { id: "c".into(), expect: None };
    assert_eq!(push(&store, ResourceKind::User, 10, gone.clone()).await, Written::Done(0));
    assert_eq!(push(&store, ResourceKind::User, 10, gone).await, Written::NotThere);

    let all = store.pushed(&okta()).await.unwrap();
    let said: Vec<_> = all.users.iter().map(|user| (user.id.as_str(), user.said, &user.resource["active"])).collect();
    assert_eq!(said, [("a", at(4), &json!(false)), ("b", at(9), &json!(true))]);
    assert_eq!(all.groups[0].members, [("a".to_owned(), at(3)), ("b".to_owned(), at(3))]);
    assert_eq!((all.gone[0].id.as_str(), all.gone[0].said, &all.gone[0].resource["userName"]), ("c", at(10), &json!("cy@x.example")));
    let bob = store.pushed_record(&okta(), ResourceKind::User, "b").await.unwrap().unwrap();
    assert_eq!((bob.version, bob.modified, bob.said), (1, at(2), at(9)), "nothing of it changed");
    // Pushed again, it is no more deleted.
    assert_eq!(create(&store, 11, user("d", "Cy@x.example", true)).await, Written::Done(1));
    assert_eq!(store.pushed(&okta()).await.unwrap().gone, []);
    assert_eq!(store.pushed(&SourceName::new("entra")).await.unwrap(), provost_store::Pushed::default());
}

#[tokio::test]
async fn what_changed_since_is_told_once_and_names_whose_groups_changed() {
    let (_home, store) = store().await;
    for id in ["a", "b", "c"] {
        create(&store, 1, user(id, id, true)).await;
    }
    let what = PushedWhat::Create { draft: group("g", "Sales"), members: with(&["a"]) };
    push(&store, ResourceKind::Group, 2, what).await;
    let (found, mark) = store.pushed_after(&okta(), 0).await.unwrap();
    assert_eq!(found.len(), 4);
    assert_eq!(store.pushed_after(&okta(), mark).await.unwrap(), (vec![], mark));
    let named = async |mark| {
        let (found, mark) = store.pushed_after(&okta(), mark).await.unwrap();
        (found.into_iter().map(|(_, id)| id).collect::<Vec<_>>(), mark)
    };
    // a goes out, b comes in.
    let members = MemberChange { remove: vec!["a".into()], ..with(&["b"]) };
    let what = PushedWhat::Replace { draft: group("g", "Sales"), members, expect: 1 };
    assert_eq!(push(&store, ResourceKind::Group, 3, what).await, Written::Done(2));
    let (found, mark) = named(mark).await;
    assert_eq!(found, ["g", "a", "b"]);
    // The group means something else to who is in it.
    let what = PushedWhat::Replace { draft: group("g", "Marketing"), members: MemberChange::default(), expect: 2 };
    push(&store, ResourceKind::Group, 4, what).await;
    let (found, mark) = named(mark).await;
    assert_eq!(found, ["g", "b"]);
    push(&store, ResourceKind::Group, 5, PushedWhat::Delete { id: "g".into(), expect: Some(3) }).await;
    let (found, mark) = named(mark).await;
    assert_eq!(found, ["g", "b"]);
    push(&store, ResourceKind::User, 6, PushedWhat::Delete { id: "c".into(), expect: None }).await;
    assert_eq!(named(mark).await.0, ["c"]);
    let (all, _) = store.pushed_after(&okta(), 0).await.unwrap();
    let all: Vec<&str> = all.iter().map(|(_, id)| id.as_str()).collect();
    assert_eq!(all, ["a", "g", "b", "c"], "each once, by what touched it last");
}

#[tokio::test]
async fn members_are_rows_and_go_with_whom_they_are_about() {
    let (_home, store) = store().await;
    for id in ["a", "b"] {
        create(&store, 1, user(id, id, true)).await;
    }
    let many: Vec<String> = (0..300).map(|n| format!("m{n:03}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).chain(["a", "b"]).collect();
    let what = PushedWhat::Create { draft: group("g", "Sales"), members: with(&many) };
    push(&store, ResourceKind::Group, 2, what).await;
    assert_eq!(store.pushed_members(&okta(), "g").await.unwrap().len(), 302);
    assert_eq!(store.pushed_groups_of(&okta(), "a").await.unwrap(), [("g".to_owned(), r#"{"displayName":"Sales"}"#.to_owned())]);
    assert_eq!(ids(&store, ResourceKind::Group, Query::Holds("a".into())).await, ["g"]);
    push(&store, ResourceKind::User, 3, PushedWhat::Delete { id: "a".into(), expect: None }).await;
    assert_eq!(store.pushed_groups_of(&okta(), "a").await.unwrap(), []);
    assert!(store.pushed_member(&okta(), "g", "a").await.unwrap().is_none());
    assert!(store.pushed_member(&okta(), "g", "b").await.unwrap().is_some());
    // The group is another one without them: who read it before has to read it again.
    let members = MemberChange { clear: true, ..with(&["b", "b"]) };
    let stale = PushedWhat::Replace { draft: group("g", "Sales"), members: members.clone(), expect: 1 };
    assert_eq!(push(&store, ResourceKind::Group, 4, stale).await, Written::Changed);
    assert_eq!(store.pushed_members(&okta(), "g").await.unwrap().len(), 301);
    let what = PushedWhat::Replace { draft: group("g", "Sales"), members, expect: 2 };
    assert_eq!(push(&store, ResourceKind::Group, 4, what).await, Written::Done(3));
    assert_eq!(store.pushed_members(&okta(), "g").await.unwrap().len(), 1);
    assert_eq!(store.pushed_count(&okta(), ResourceKind::Group).await.unwrap(), 1);
}

/// Of many who say the same name at once one is told yes; everybody is counted once, and everybody hears of their own.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_are_each_answered_and_kept() {
    let (home, store) = store().await;
    let pushes: Vec<_> = (0..200)
        .map(|n: i64| {
            let store = store.clone();
            let draft = user(&format!("u{n:03}"), &format!("name {}", n % 150), true);
            tokio::spawn(async move { create(&store, n, draft).await })
        })
        .collect();
    let mut done = 0;
    for one in pushes {
        match one.await.unwrap() {
            Written::Done(1) => done += 1,
            other => assert_eq!(other, Written::Taken),
        }
    }
    assert_eq!(done, 150);
    let again = home.open().await;
    assert_eq!(again.pushed_count(&okta(), ResourceKind::User).await.unwrap(), 150);
    assert_eq!(again.pushed(&okta()).await.unwrap().users.len(), 150);
}

/// Pages deep in a list are found by marks: whatever comes and goes, before them, behind them and at them, each page is the part of the plain
/// list that it says.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn any_page_is_that_part_of_the_list_whatever_came_and_went() {
    let (home, store) = store().await;
    let users = ResourceKind::User;
    let mut there: BTreeMap<String, String> = BTreeMap::new();
    let mut dice: u64 = 7;
    let mut roll = move |sides: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (dice >> 33) as usize % sides
    };
    for round in 0..4 {
        // Most come in the order of their ids, as ids are given; some come before others that are there.
        let mut changes = Vec::new();
        for n in 0..1300 {
            let number = if roll(10) == 0 { roll(10_000 * (round + 1)) } else { 10_000 * round + 7 * n };
            let (id, name) = (format!("u-{number:06}"), format!("{:04} {number}", roll(10_000)));
            if let Entry::Vacant(free) = there.entry(id) {
                let draft = user(free.key(), &name, true);
                changes.push(PushedWhat::Create { draft, members: MemberChange::default() });
                free.insert(name);
            }
        }
        for _ in 0..400 * round {
            let at = roll(there.len());
            let id = there.keys().nth(at).unwrap().clone();
            // One that is only now on its way may not be there yet.
            if !changes.iter().any(|change| matches!(change, PushedWhat::Create { draft, .. } if draft.id == id)) {
                there.remove(&id);
                changes.push(PushedWhat::Delete { id, expect: None });
            }
        }
        let pushes: Vec<_> = changes
            .into_iter()
            .map(|what| {
                let store = store.clone();
                tokio::spawn(async move { push(&store, users, 1, what).await })
            })
            .collect();
        for one in pushes {
            assert!(matches!(one.await.unwrap(), Written::Done(_)));
        }
        let by_id: Vec<&String> = there.keys().collect();
        let mut by_name: Vec<(&String, &String)> = there.iter().map(|(id, name)| (name, id)).collect();
        by_name.sort();
        assert_eq!(store.pushed_count(&okta(), users).await.unwrap(), there.len() as u64);
        for over in (0..there.len() + 3).step_by(37).chain([there.len() - 1, there.len()]) {
            let behind = store.pushed_skip(&okta(), users, over as u64).await.unwrap();
            assert_eq!(behind.as_ref(), by_id.get(over).copied(), "round {round}, over {over}");
            let behind = store.pushed_skip_named(&okta(), users, over as u64).await.unwrap();
            assert_eq!(behind.as_ref().map(|(name, id)| (name, id)), by_name.get(over).copied(), "round {round}, over {over} by name");
        }
        let middle = by_name[by_name.len() / 2];
        for (back, expected) in [
            (false, by_name.iter().skip(by_name.len() / 2 + 1).take(50).collect::<Vec<_>>()),
            (true, by_name.iter().take(by_name.len() / 2).rev().take(50).collect::<Vec<_>>()),
        ] {
            let page = store.pushed_by_name(&okta(), users, (middle.0, middle.1), back, 50).await.unwrap();
            let page: Vec<(&String, &String)> = page.iter().map(|user| (&user.name, &user.id)).collect();
            assert_eq!(page.iter().collect::<Vec<_>>(), expected, "round {round}, back: {back}");
        }
    }
    let again = home.open().await;
    assert_eq!(again.pushed_skip(&okta(), users, 2_000).await.unwrap().as_ref(), there.keys().nth(2_000));
}

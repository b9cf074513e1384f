//! The traps of `docs/traps.md` that are the Absorb connector's to stay out of: first that the naive way hurts, then that ours is safe.

mod absorb_portal;

use absorb_portal::{API_KEY, Mischief, PASSWORD, Portal, at_once, create, profiles, set};
use connector::conformance::step;
use connector::{Body, Fault, Key, Scope};
use jiff::SignedDuration;
use model::{Change, EnrolmentState, Kind, Secret, Step, Value, Verb};
use serde_json::{Value as Json, json};

#[tokio::test]
async fn a01_a_wrong_key_and_a_wrong_password_are_told_apart() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        // Naive: every one of them is 401.
        let log_in = |key: &str, password: &str| {
            let body = portal.log_in(password).to_string();
            let request = http::Request::post(portal.token_path()).header("x-api-key", key).body(axum::body::Body::from(body)).unwrap();
            tower::ServiceExt::oneshot(portal.sandbox.router(), request)
        };
        for (key, password) in [("wrong", PASSWORD), (API_KEY, "wrong")] {
            assert_eq!(log_in(key, password).await.unwrap().status(), 401);
        }

        let told = |name: &'static str, value: &'static str| {
            let mut settings = portal.settings();
            settings.credentials.insert(name.to_owned(), Secret::new(value));
            let (target, (wire, _)) = (portal.target(settings), portal.wire());
            async move {
                match target.log_in(&wire, None).await {
                    Err(Fault::Denied { scope: Scope::Credentials(what) }) => what,
                    other => panic!("{other:?}"),
                }
            }
        };
        assert!(told("api_key", "wrong").await.contains("refused api_key"));
        for wrong in [told("username", "nobody").await, told("password", "hunter2").await] {
            assert!(wrong.contains("took api_key and refused username and password"), "{wrong}");
            assert!(!wrong.contains("hunter2"));
        }
        // A portal that does not say: neither do we.
        portal.trick(|_| Some(Mischief::Answer(401, String::new())));
        assert!(told("api_key", "wrong").await.contains("without saying which"));
    }
}

#[tokio::test]
async fn a02_a_rival_log_in_is_told_and_nothing_is_lost() {
    for profile in profiles() {
        let portal = Portal::open(profile, 20, |_| {});
        let mut client = portal.client().await;
        let people = client.people().await;
        // Naive: two workers, each with a token of its own, of which the first is dead.
        let (first, second) = (portal.token().await, portal.token().await);
        assert_eq!(portal.raw(&first, "GET", "/users?_limit=1", None).await.0, 401);
        assert_eq!(portal.raw(&second, "GET", "/users?_limit=1", None).await.0, 200);

        // Ours: the session is dead, which is told; nothing was written; with the next one it is done.
        let steps = || people[..4].iter().map(|account| set(Verb::Update, account, "city", "Rome")).collect::<Vec<Step>>();
        let outcomes = client.apply(steps()).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Denied { scope: Scope::Session }))), "{outcomes:?}");
        assert_eq!(portal.changes(), 0);
        client.log_in_again().await;
        assert!(client.apply(steps()).await.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)));
        // The rival comes between the look and the write.
        let rival = portal.sandbox.clone();
        let (batch_path, token_path, body) = (portal.batch_path(), portal.token_path(), portal.log_in(PASSWORD));
        portal.trick(move |request| {
            if request.method() == http::Method::POST && request.uri().path() == batch_path {
                let body = axum::body::Body::from(body.to_string());
                let request = http::Request::post(token_path).header("x-api-key", API_KEY).body(body).unwrap();
                let answer = at_once(tower::ServiceExt::oneshot(rival.router(), request));
                assert_eq!(answer.status(), 200);
            }
            None
        });
        let leave = || people[..4].iter().map(|account| step(Verb::Leave, Some(account.id.as_str()))).collect::<Vec<Step>>();
        let outcomes = client.apply(leave()).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Denied { scope: Scope::Session }))), "{outcomes:?}");
        portal.no_trick();
        client.log_in_again().await;
        assert!(client.apply(leave()).await.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)));
    }
}

#[tokio::test]
async fn a03_a_token_that_dies_in_the_middle_is_renewed_and_nothing_is_done_twice() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let mut client = portal.client().await;
        let acme = portal.department("Acme");
        let naive = portal.token().await;
        client.log_in_again().await;
        let expires = client.session.expires.expect("the vendor says when");
        let left = expires.duration_since(connector::Clock::now(&*client.clock));
        assert!(left > SignedDuration::from_mins(239) && left <= SignedDuration::from_mins(241), "{left}");

        assert!(client.one(create(1, &acme)).await.is_ok());
        portal.sandbox.clock().set(portal.sandbox.clock().now() + SignedDuration::from_hours(4));
        // Naive: every further call fails, each of them a person who has no account.
        assert_eq!(portal.raw(&naive, "POST", "/users", Some(json!({}))).await.0, 401);
        client.wait(3).await;
        let both = || vec![create(1, &acme), create(2, &acme)];
        let outcomes = client.apply(both()).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Denied { scope: Scope::Session }))), "{outcomes:?}");
        client.log_in_again().await;
        let outcomes = client.apply(both()).await;
        let already: Vec<bool> = outcomes.iter().map(|outcome| outcome.as_ref().unwrap().already).collect();
        assert_eq!(already, [true, false]);
        assert_eq!(portal.sandbox.users().len(), 1 + 2);
    }
}

#[tokio::test]
async fn a05_who_is_skipped_between_two_pages_is_missed_by_neither_count_nor_look() {
    for profile in profiles() {
        let portal = Portal::open(profile, 1500, |_| {});
        let client = portal.client().await;
        let token = portal.token().await;
        // Naive: somebody of the first page moves to the end while the pages are read; the first of the second page moves up, unread.
        let walk = async |disturb: &dyn Fn()| {
            let mut ids = std::collections::BTreeSet::new();
            for offset in [0, portal.by(1000, 1)] {
                let (_, page) = portal.raw(&token, "GET", &format!("/users?_sort=username&_limit=1000&_offset={offset}"), None).await;
                ids.extend(page["users"].as_array().unwrap().iter().map(|user| user["id"].as_str().unwrap().to_owned()));
                disturb();
            }
            ids
        };
        assert_eq!(walk(&|| {}).await.len(), 1501);
        let (first, skipped) = {
            let users = portal.sandbox.users();
            (users[5]["id"].clone(), users[1000].clone())
        };
        let disturb = || {
            portal.sandbox.put_user(json!({"id": first, "username": "zzz@acme.example"})).unwrap();
        };
        let moved = walk(&disturb).await;
        assert!(!moved.contains(skipped["id"].as_str().unwrap()), "the naive walk has missed one");
        portal.sandbox.put_user(json!({"id": first, "username": "aaa@acme.example"})).unwrap();
        portal.token().await;

        // Ours, reading: the records read are fewer than the total that came with them, so nobody takes them for everybody.
        let mut client = client;
        client.log_in_again().await;
        let page = client.target.read(&client.read(), Kind::Accounts, None).await.unwrap();
        portal.sandbox.put_user(json!({"id": first, "username": "zzz@acme.example"})).unwrap();
        let next = client.target.read(&client.read(), Kind::Accounts, page.next).await.unwrap();
        let ids: std::collections::BTreeSet<&str> = page.records.iter().chain(&next.records).map(|record| record.id.as_str()).collect();
        assert_eq!((ids.len(), next.total, next.next), (1500, Some(1501), None));

        // Ours, looking before a batch: who was skipped is found all the same, and not made again.
        portal.sandbox.put_user(json!({"id": first, "username": "aaa@acme.example"})).unwrap();
        let skipped = portal.sandbox.users()[1000].clone();
        let (sandbox, moves) = (portal.sandbox.clone(), first.clone());
        let second = portal.by("_offset=1000", "_offset=1");
        portal.trick(move |request| {
            if request.uri().query().is_some_and(|query| query.contains("_sort=username") && query.contains(second)) {
                sandbox.put_user(json!({"id": moves, "username": "zzz@acme.example"})).unwrap();
            }
            None
        });
        let acme = portal.department("Acme");
        let mut again = create(1, &acme);
        again.set.get_mut("externalId").unwrap().after = Value::from(skipped["externalId"].as_str().unwrap());
        let outcomes = client.apply(vec![again, create(2, &acme), create(3, &acme)]).await;
        let at = |n: usize| outcomes[n].as_ref().unwrap();
        assert!(at(0).already && !at(1).already, "{outcomes:?}");
        assert_eq!(at(0).receipt.account.as_ref().unwrap().as_str(), skipped["id"]);
    }
}

/// A user with things that are not ours, in a portal with nobody else.
async fn rich(profile: &str) -> (Portal, absorb_portal::Client, String) {
    let portal = Portal::open(profile, 0, |_| {});
    let client = portal.client().await;
    let id = client.one(create(1, &portal.department("Acme"))).await.unwrap().receipt.account.unwrap().to_string();
    portal
        .sandbox
        .put_user(json!({"id": id, "phone": "555", "notes": "left-handed", "gender": 1, "ccEmailAddresses": ["cc@acme.example"],
                         "customFields": {"string4": "blue", "decimal1": 1.5}}))
        .unwrap();
    (portal, client, id)
}

#[tokio::test]
async fn a06_what_is_not_ours_survives_every_write() {
    for profile in profiles() {
        let (portal, client, id) = rich(profile).await;
        let token = portal.token().await;
        let before = portal.user("id", &id);
        // Naive: the guide's own example of an update, and of a deactivation.
        let path = format!("/users/{id}");
        let (status, after) = portal.raw(&token, "PUT", &path, Some(json!({"jobTitle": "Manager"}))).await;
        if profile == "guide" {
            assert_eq!((status, &after["phone"], &after["customFields"]), (200, &Json::Null, &json!({})));
        } else {
            assert_eq!((status, portal.user("id", &id)), (422, before.clone()), "a live tenant wants the required members too");
        }
        let mut restored = before.clone();
        restored.as_object_mut().unwrap().retain(|name, _| name != "dateEdited" && name != "passwordsSet");
        portal.sandbox.put_user(restored).unwrap();

        let mut client = client;
        client.log_in_again().await;
        let account = client.people().await.remove(0);
        let other = client.one(create(2, &portal.department("Acme"))).await.unwrap().receipt.account.unwrap();
        let steps: [(Vec<Step>, &str); 3] = [
            (vec![set(Verb::Update, &account, "jobTitle", "Manager")], "jobTitle"),
            (vec![step(Verb::Leave, Some(&id)), step(Verb::Leave, Some(other.as_str()))], "activeStatus"),
            (
                vec![set(Verb::Restore, &account, "customFields.string5", "red"), step(Verb::Restore, Some(other.as_str()))],
                "customFields",
            ),
        ];
        for (steps, ours) in steps {
            let before = portal.user("id", &id);
            let outcomes = client.apply(steps).await;
            assert!(outcomes.iter().all(Result::is_ok), "{outcomes:?}");
            let after = portal.user("id", &id);
            for (name, value) in before.as_object().unwrap() {
                let changes = [ours, "dateEdited", "activeStatus"].contains(&name.as_str());
                assert!(changes || after[name] == *value, "{name} was {value}, is {}", after[name]);
            }
        }
        let after = portal.user("id", &id);
        assert_eq!(after["customFields"], json!({"string4": "blue", "decimal1": 1.5, "string5": "red"}));
        assert_eq!(
            (&after["activeStatus"], &after["passwordsSet"]),
            (&portal.status(true), &json!(1)),
            "no write sets a password again"
        );
    }
}

#[tokio::test]
async fn a07_a_password_is_made_and_forgotten() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let token = portal.token().await;
        let acme = portal.department("Acme");
        // Naive: SSO is on, so why send one.
        let user = json!({"username": "x", "firstName": "X", "lastName": "Y", "departmentId": acme});
        let (status, answer) = portal.raw(&token, "POST", "/users", Some(user)).await;
        assert_eq!(status, 422);
        assert!(answer["message"].as_str().unwrap().contains("password"));

        let client = portal.client().await;
        // A portal that says the password back, in records and in errors.
        let sent = std::sync::Arc::new(std::sync::Mutex::new(Vec::<String>::new()));
        let seen = std::sync::Arc::clone(&sent);
        portal.trick(move |request| {
            let body: Json = serde_json::from_slice(request.body()).unwrap_or_default();
            let users = body["users"].as_array().or_else(|| body.as_array()).cloned().unwrap_or_else(|| vec![body.clone()]);
            seen.lock().unwrap().extend(users.iter().filter_map(|user| user["password"].as_str().map(str::to_owned)));
            let bad = users.iter().find(|user| user["username"] == "new3@acme.example" && request.uri().path() == "/users")?;
            Some(Mischief::Answer(422, json!({"message": format!("{} is too weak", bad["password"].as_str()?)}).to_string()))
        });
        let outcomes = client.apply(vec![create(1, &acme), create(2, &acme)]).await;
        assert!(outcomes.iter().all(Result::is_ok));
        let refused = client.one(create(3, &acme)).await;
        assert!(matches!(&refused, Err(Fault::Refused { detail, .. }) if detail == "… is too weak"), "{refused:?}");
        let sent = sent.lock().unwrap();
        assert_eq!(sent.len(), 3);
        assert!(sent[0] != sent[1] && sent.iter().all(|password| password.len() >= 20));
        let said = format!("{outcomes:?} {refused:?} {:?} {:?}", portal.sandbox.users(), portal.requests());
        assert!(sent.iter().all(|password| !said.contains(password)));
        assert_eq!(portal.user("externalId", "N00001")["passwordsSet"], 1);
    }
}

fn naive_user(n: usize, department: &str) -> Json {
    json!({"username": format!("naive{n}"), "firstName": "N", "lastName": "N", "departmentId": department, "password": "Temp@1234"})
}

#[tokio::test]
async fn a08_a_batch_is_never_too_large_and_a_bad_user_is_named_alone() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let token = portal.token().await;
        let acme = portal.department("Acme");
        // Naive: all at once, and none is made; or one is bad and 422 looks as if none was.
        let users: Vec<Json> = (0..201).map(|n| naive_user(n, &acme)).collect();
        let (status, _) = portal.raw(&token, "POST", portal.batch_path(), Some(portal.batch(json!(users)))).await;
        assert_eq!((status, portal.sandbox.users().len()), (422, 1));
        let users = [naive_user(0, &acme), json!({"username": "bad"})];
        let (status, _) = portal.raw(&token, "POST", portal.batch_path(), Some(portal.batch(json!(users)))).await;
        let there = portal.by(2, 1);
        assert_eq!((status, portal.sandbox.users().len()), (422, there), "the same 422, whether the good one was made or not");

        // Ours: 201 go out as 200 and 1, and the bad one of them is told from the rest.
        let client = portal.client().await;
        let mut steps: Vec<Step> = (0..201).map(|n| create(n, &acme)).collect();
        steps[150].set.insert("gender".to_owned(), Change { before: Value::Null, after: Value::Int(7) });
        let outcomes = client.apply(steps).await;
        assert!(matches!(&outcomes[150], Err(Fault::Refused { detail, .. }) if detail.contains("gender")), "{:?}", outcomes[150]);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)).count(), 200);
        assert_eq!(portal.sandbox.users().len(), there + 200);
    }
}

#[tokio::test]
async fn a08_where_one_bad_user_fails_the_whole_call_it_is_found_by_halves() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let client = portal.client().await;
        let acme = portal.department("Acme");
        // The guide's other reading: 422 for the call, nothing applied, and no word about whom.
        let batch = portal.batch_path();
        portal.trick(move |request| {
            let bad = String::from_utf8_lossy(request.body()).contains("new77@acme.example");
            let path = request.uri().path();
            match (bad, path) {
                (true, path) if path == batch => Some(Mischief::Answer(422, json!({"message": "a user is not valid"}).to_string())),
                (true, "/users") => Some(Mischief::Answer(422, json!({"message": "new77 is on the list of banned names"}).to_string())),
                _ => None,
            }
        });
        let outcomes = client.apply((0..200).map(|n| create(n, &acme)).collect()).await;
        assert!(matches!(&outcomes[77], Err(Fault::Refused { detail, .. }) if detail.contains("banned")), "{:?}", outcomes[77]);
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 199);
        assert_eq!(portal.sandbox.users().len(), 1 + 199);
        assert_eq!(portal.changes(), 199);
        assert!(portal.requests().len() < 40);
    }
}

#[tokio::test]
async fn a10_nobody_is_made_over_an_inactive_account() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let client = portal.client().await;
        let acme = portal.department("Acme");
        let id = client.one(create(1, &acme)).await.unwrap().receipt.account.unwrap();
        client.one(step(Verb::Leave, Some(id.as_str()))).await.unwrap();
        // Naive: not among the active, so a new one.
        let token = portal.token().await;
        let mut user = naive_user(1, &acme);
        user["externalId"] = json!("N00001");
        assert!(matches!(portal.raw(&token, "POST", "/users", Some(user)).await.0, 200 | 201));
        let now = portal.users("externalId", "N00001");
        if profile == "guide" {
            assert_eq!(now.len(), 2, "one person has two accounts");
        } else {
            assert_eq!((now.len(), &now[0]["username"]), (1, &json!("naive1")), "the old record was written over, without a word");
        }

        let mut client = client;
        client.log_in_again().await;
        let id = client.one(create(2, &acme)).await.unwrap().receipt.account.unwrap();
        client.one(step(Verb::Leave, Some(id.as_str()))).await.unwrap();
        // By itself and in a batch, under its own name and a new one.
        let mut renamed = create(2, &acme);
        renamed.set.get_mut("username").unwrap().after = Value::from("renamed@acme.example");
        let mut outcomes = client.apply(vec![create(2, &acme)]).await;
        outcomes.extend(client.apply(vec![renamed, create(3, &acme)]).await);
        for outcome in &outcomes[..2] {
            assert!(matches!(outcome, Err(Fault::Refused { detail, .. }) if detail.contains("inactive")), "{outcome:?}");
        }
        assert!(outcomes[2].is_ok());
        assert_eq!(portal.users("externalId", "N00002").len(), 1);
    }
}

#[tokio::test]
async fn a11_a_user_name_that_is_taken_is_refused_and_its_owner_untouched() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let client = portal.client().await;
        let acme = portal.department("Acme");
        let owner = client.one(create(1, &acme)).await.unwrap().receipt.account.unwrap();
        // Naive: the batch takes the newcomer for the owner of the name, and writes over the owner's record.
        let token = portal.token().await;
        let mut newcomer = naive_user(1, &acme);
        newcomer["username"] = json!("NEW1@acme.example");
        newcomer["externalId"] = json!("N00099");
        let before = portal.user("id", owner.as_str());
        assert_eq!(portal.raw(&token, "POST", portal.batch_path(), Some(portal.batch(json!([newcomer])))).await.0, 200);
        assert_eq!(portal.user("id", owner.as_str())["externalId"], "N00099", "the owner's record is the newcomer's now");
        let mut restored = before.clone();
        restored.as_object_mut().unwrap().retain(|name, _| name != "dateEdited" && name != "passwordsSet");
        portal.sandbox.put_user(restored).unwrap();

        let mut client = client;
        client.log_in_again().await;
        let mut newcomer = create(99, &acme);
        newcomer.set.get_mut("username").unwrap().after = Value::from("NEW1@acme.example");
        let before = portal.user("id", owner.as_str());
        let mut outcomes = vec![client.one(newcomer.clone()).await];
        outcomes.extend(client.apply(vec![newcomer, create(5, &acme)]).await);
        assert!(matches!(&outcomes[0], Err(Fault::Refused { .. })), "{:?}", outcomes[0]);
        let named = |detail: &str| detail.contains(owner.as_str()) && detail.contains("N00001");
        assert!(matches!(&outcomes[1], Err(Fault::Refused { detail, .. }) if named(detail)), "{:?}", outcomes[1]);
        assert!(outcomes[2].is_ok());
        assert_eq!(portal.user("id", owner.as_str()), before);

        // An external id in another case is the same to the portal: the batch would write over its owner too.
        let mut shouting = create(98, &acme);
        shouting.set.get_mut("externalId").unwrap().after = Value::from("n00005");
        let outcomes = client.apply(vec![shouting, create(97, &acme)]).await;
        assert!(matches!(&outcomes[0], Err(Fault::Refused { detail, .. }) if detail.contains("N00005")), "{outcomes:?}");
        assert!(outcomes[1].is_ok());

        // Two newcomers of one name in one call: the second would write over the first.
        let mut twin = create(7, &acme);
        twin.set.get_mut("username").unwrap().after = Value::from("New6@acme.example");
        let outcomes = client.apply(vec![create(6, &acme), twin]).await;
        assert!(outcomes[0].is_ok() && matches!(&outcomes[1], Err(Fault::Refused { .. })), "{outcomes:?}");
        assert_eq!(portal.user("username", "new6@acme.example")["externalId"], "N00006");
    }
}

#[tokio::test]
async fn a12_the_watermark_is_the_vendors_clock() {
    for profile in profiles() {
        for behind in [-15, 15] {
            let ahead = SignedDuration::from_mins(behind);
            let now = jiff::Timestamp::now();
            let portal = Portal::open(profile, 30, |config| config.options.now = sandbox::clock::Clock::From(now - ahead));
            let client = portal.client().await;
            let people = client.people().await;
            let token = portal.token().await;
            // Naive: changes since the last synchronisation, by our own clock.
            portal.sandbox.put_user(json!({"id": people[0].id.as_str(), "city": "Oslo"})).unwrap();
            let since = (now - SignedDuration::from_secs(1)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let (_, page) = portal.raw(&token, "GET", &format!("/users?modifiedSince={since}"), None).await;
            assert_eq!(page["totalItems"], if behind > 0 { 0 } else { 1 }, "a clock that is ahead loses the change");

            let mut client = client;
            client.log_in_again().await;
            let batch =
                |from: usize| people[from..from + 3].iter().map(|account| set(Verb::Update, account, "jobTitle", "Pilot")).collect();
            assert!(client.apply(batch(3)).await.iter().all(Result::is_ok));
            portal.sandbox.put_user(json!({"id": people[7].id.as_str(), "jobTitle": "Astronaut"})).unwrap();
            client.wait(3).await;
            portal.requests();
            let outcomes = client.apply(batch(6)).await;
            assert!(matches!(&outcomes[1], Err(Fault::Drift { .. })), "{outcomes:?}");
            assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
            assert_eq!(portal.requests().len(), 3);
        }
    }
}

#[tokio::test]
async fn a12_what_an_increment_does_not_show_is_asked_for() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let acme = portal.department("Acme");
        // A portal whose clock was put back shows nothing of what is written: who was sent is asked for one by one.
        let people = client.people().await;
        let first = people[..3].iter().map(|account| set(Verb::Update, account, "city", "Bergen")).collect();
        assert!(client.apply(first).await.iter().all(Result::is_ok));
        portal.sandbox.clock().set(portal.sandbox.clock().now() - SignedDuration::from_hours(1));
        let outcomes = client.apply((0..3).map(|n| create(n, &acme)).collect()).await;
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)), "{outcomes:?}");
        let outcomes = client.apply(people[..3].iter().map(|account| step(Verb::Leave, Some(account.id.as_str()))).collect()).await;
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)), "{outcomes:?}");
    }
}

#[tokio::test]
async fn a12_a_clock_that_was_put_back_hides_no_change_by_hand() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        let batch =
            |from: usize| people[from..from + 3].iter().map(|account| set(Verb::Update, account, "jobTitle", "Pilot")).collect();
        assert!(client.apply(batch(0)).await.iter().all(Result::is_ok));
        // Naive: the next increment begins where the clock was, and what is written until it is there again is in none.
        portal.sandbox.clock().set(portal.sandbox.clock().now() - SignedDuration::from_hours(1));
        portal.sandbox.put_user(json!({"id": people[7].id.as_str(), "jobTitle": "Astronaut"})).unwrap();
        client.wait(3).await;
        let outcomes = client.apply(batch(6)).await;
        assert!(matches!(&outcomes[1], Err(Fault::Drift { .. })), "{outcomes:?}");
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok());
    }
}

#[tokio::test]
async fn a16_answers_of_another_shape_are_named_and_never_guessed() {
    for profile in profiles() {
        let portal = Portal::open(profile, 3, |_| {});
        let client = portal.client().await;
        let id = client.people().await[0].id.clone();
        let user = |change: &dyn Fn(&mut Json)| {
            let mut user = portal.user("id", id.as_str());
            change(&mut user);
            user
        };
        let list = |user: Json| json!({"totalItems": 1, "returnedItems": 1, "limit": 1000, "offset": 0, "users": [user]}).to_string();
        let shapes: [(String, &str); 8] = [
            // The legacy API: a bare array in PascalCase.  A naive reader of `users` sees nobody, and makes everybody again.
            (json!([{"Id": id.as_str(), "Username": "x"}]).to_string(), "totalItems"),
            (json!({"totalItems": 1, "Users": []}).to_string(), "users"),
            (json!({"totalItems": "1", "users": []}).to_string(), "totalItems"),
            // As the other profile has it.
            (list(user(&|user| user["activeStatus"] = portal.by(json!(0), json!("Active")))), "activeStatus"),
            (list(user(&|user| drop(user.as_object_mut().unwrap().remove("activeStatus")))), "activeStatus"),
            (list(user(&|user| user["id"] = json!(17))), "id"),
            (list(user(&|user| user["dateHired"] = json!("yesterday"))), "dateHired"),
            ("<html>maintenance</html>".to_owned(), "JSON"),
        ];
        for (body, named) in shapes {
            let answer = body.clone();
            portal.trick(move |_| Some(Mischief::Answer(200, answer.clone())));
            let read = client.target.read(&client.read(), Kind::Accounts, None).await;
            assert!(matches!(&read, Err(Fault::Garbled { detail }) if detail.contains(named)), "{body}: {read:?}");
            // And before a write: nothing is written.
            let outcomes = client.apply(vec![step(Verb::Leave, Some(id.as_str())), create(1, "x")]).await;
            assert!(outcomes.iter().all(Result::is_err), "{outcomes:?}");
        }
        portal.no_trick();
        assert_eq!(portal.changes(), 0);
        // A batch that is answered in another shape, and was not done: the run has to stop.
        let acme = portal.department("Acme");
        let guide =
            [json!({"ok": true}), json!({"succeeded": 2, "failed": 0}), json!({"succeeded": 1, "failed": 1, "errors": [{"index": 9}]})];
        let vendor =
            [json!({"succeeded": 3, "failed": 0}), json!([{"id": 1}]), json!([{"key": id.as_str(), "value": "somebody@else.example"}])];
        for body in portal.by(guide, vendor) {
            portal.once(portal.post_batch(), Mischief::Answer(200, body.to_string()));
            let outcomes = client.apply(vec![create(1, &acme), create(2, &acme), create(3, &acme)]).await;
            assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Garbled { .. }))), "{body}: {outcomes:?}");
        }
        // The version is pinned on every call, the log-in too.
        let headers = portal.way.headers.lock().unwrap();
        assert!(
            !headers.is_empty() && headers.iter().all(|headers| headers.get("x-api-version").is_some_and(|version| version == "2"))
        );
    }
}

#[tokio::test]
async fn a17_an_enrolment_status_that_nobody_knows_is_kept() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let client = portal.client().await;
        let id = client.one(create(1, &portal.department("Acme"))).await.unwrap().receipt.account.unwrap().to_string();
        let course = "00000000-0000-4000-8000-000000000001";
        let enrol = || {
            let mut enrol = step(Verb::Enrol, Some(&id));
            enrol.content = Some(course.into());
            enrol
        };
        let enrolled = |status: Json| {
            let rows = json!([{"courseId": course, "status": status, "isActive": true}]);
            portal
                .by(rows.clone(), json!({"totalItems": 1, "returnedItems": 1, "limit": 1000, "offset": 0, "enrollments": rows}))
                .to_string()
        };
        let rows = enrolled(json!(42));
        portal.trick(move |request| request.uri().path().ends_with("/enrollments").then(|| Mischief::Answer(200, rows.clone())));
        // Naive: a table of thirteen names, and the row falls out: not enrolled, so enrol.  Ours keeps it, and enrols nobody twice.
        let found = client.target.find(&client.read(), Kind::Enrolments, &Key::one("account", &id)).await.unwrap();
        let [record] = found.as_slice() else { panic!("{found:?}") };
        assert!(matches!(&record.body, Body::Enrolment(one) if one.state == EnrolmentState::Open));
        assert_eq!(record.raw["status"], 42);
        assert!(client.one(enrol()).await.unwrap().already);
        // A status that is no number is no status.
        let rows = enrolled(json!("Complete"));
        portal.trick(move |request| request.uri().path().ends_with("/enrollments").then(|| Mischief::Answer(200, rows.clone())));
        let outcome = client.one(enrol()).await;
        assert!(matches!(&outcome, Err(Fault::Garbled { detail }) if detail.contains("status")), "{outcome:?}");
        assert_eq!(portal.sandbox.enrollments().len(), 0);
    }
}

#[tokio::test]
async fn a18_the_apis_own_account_is_not_to_be_touched() {
    for profile in profiles() {
        let portal = Portal::open(profile, 10, |_| {});
        let own = portal.user("username", "api@acme.example")["id"].as_str().unwrap().to_owned();
        let client = portal.client().await;
        let account = client.accounts().await.into_iter().find(|account| account.id.as_str() == own).unwrap();
        assert_eq!(account.protected.as_deref(), Some("the API's own account"));
        let other = client.people().await[0].id.to_string();
        portal.sandbox.put_user(json!({"id": other, "isAdmin": true})).unwrap();
        let found = client.target.find(&client.read(), Kind::Accounts, &Key::one("id", &other)).await.unwrap();
        assert!(
            matches!(&found[0].body, Body::Account(account) if account.protected.as_deref() == Some("an administrator of the portal"))
        );
        // Even with an approved step.
        for id in [&own, &other] {
            let outcome = client.one(step(Verb::Leave, Some(id))).await;
            assert!(matches!(&outcome, Err(Fault::Refused { code, .. }) if code == "protected"), "{outcome:?}");
        }
        assert_eq!(portal.changes(), 0);

        // Naive: it is in no roster, so it is a leaver; the next log-in is the last.
        let token = portal.token().await;
        let mut whole = portal.raw(&token, "GET", &format!("/users/{own}"), None).await.1;
        whole["activeStatus"] = portal.status(false);
        assert_eq!(portal.raw(&token, "PUT", &format!("/users/{own}"), Some(whole)).await.0, portal.by(200, 201));
        let (wire, _) = portal.wire();
        let locked_out = client.target.log_in(&wire, None).await;
        assert!(matches!(locked_out, Err(Fault::Denied { scope: Scope::Credentials(_) })), "{locked_out:?}");
    }
}

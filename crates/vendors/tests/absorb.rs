//! The Absorb connector: batches and what they cost, partial failure, unknown outcomes, and the single steps.

mod absorb_portal;

use absorb_portal::{Mischief, Portal, at_once, count, create, profiles, set};
use connector::conformance::step;
use connector::{Body, Fault, Key, Scope};
use model::{Change, Content, EnrolmentState, FindingKind, Kind, Ref, Step, Value, Verb};
use serde_json::json;

fn leave(id: &str) -> Step {
    step(Verb::Leave, Some(id))
}

#[tokio::test]
async fn creates_cost_one_write_and_one_look_a_batch() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let sales = portal.department("Sales");
        // The executor's calls: 200, 200, 50.
        let steps: Vec<Step> = (0..450).map(|n| create(n, &sales)).collect();
        let mut done = Vec::new();
        for call in steps.chunks(200) {
            done.extend(client.apply(call.to_vec()).await);
        }
        let requests = portal.requests();
        assert!(
            done.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already && done.receipt.account.is_some())),
            "{done:?}"
        );
        assert_eq!(requests.len(), 1 + 3 + 3, "{requests:#?}");
        assert_eq!(count(&requests, portal.post_batch()), 3);
        assert_eq!(portal.sandbox.users().len(), 31 + 450);
        let there = portal.sandbox.users();
        for (n, outcome) in done.iter().enumerate() {
            let id = outcome.as_ref().unwrap().receipt.account.as_ref().unwrap();
            let made = there.iter().find(|user| user["id"] == id.as_str()).unwrap();
            assert_eq!(made["externalId"], format!("N{n:05}"));
        }
        // The same once more, as after a crash: the look alone.
        client.wait(3).await;
        let again = client.apply(steps[..200].to_vec()).await;
        assert!(again.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| done.already)), "{again:?}");
        assert_eq!(portal.requests().len(), 1);
    }
}

#[tokio::test]
async fn without_a_date_header_the_dates_of_the_records_do() {
    for profile in profiles() {
        let portal = Portal::open(profile, 1200, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        portal.requests();
        portal.way.without_date();
        for people in people[..600].chunks(200) {
            let steps = people.iter().map(|account| set(Verb::Update, account, "location", "Mars")).collect();
            assert!(client.apply(steps).await.iter().all(Result::is_ok));
        }
        assert_eq!(portal.requests().len(), 2 + 3 * 2);
        // A few of them, asked for singly: nothing to begin an increment at, so each is looked at again.
        let client = portal.client().await;
        client.accounts().await;
        portal.requests();
        assert!(client.one(set(Verb::Update, &people[700], "location", "Venus")).await.is_ok());
        assert_eq!(portal.requests().len(), 3);
    }
}

#[tokio::test]
async fn many_batches_in_a_second_still_cost_one_page_each() {
    for profile in profiles() {
        let portal = Portal::open(profile, 20, |_| {});
        let client = portal.client().await;
        let sales = portal.department("Sales");
        let steps: Vec<Step> = (0..3000).map(|n| create(n, &sales)).collect();
        for call in steps.chunks(200) {
            assert!(client.apply(call.to_vec()).await.iter().all(Result::is_ok));
        }
        let requests = portal.requests();
        assert_eq!(count(&requests, portal.post_batch()), 15);
        assert!(requests.len() <= 1 + 15 + 16, "{} requests: {requests:#?}", requests.len());
    }
}

#[tokio::test]
async fn updates_and_leavers_of_a_large_portal_cost_a_walk_once() {
    for profile in profiles() {
        let portal = Portal::open(profile, 2500, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        portal.requests();
        let steps: Vec<Step> = people[..400].iter().map(|account| set(Verb::Update, account, "location", "Mars")).collect();
        let leavers: Vec<Step> = people[400..500].iter().map(|account| leave(account.id.as_str())).collect();
        for call in steps.chunks(200).chain([leavers.as_slice()]) {
            let outcomes = client.apply(call.to_vec()).await;
            assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)), "{outcomes:?}");
        }
        let requests = portal.requests();
        assert_eq!(requests.len(), 3 + 3 * 2, "{requests:#?}");
        assert_eq!(portal.users("location", "Mars").len(), 400);
        let inactive = portal.inactive();
        assert!(people[400..500].iter().all(|account| inactive.iter().any(|user| user["id"] == account.id.as_str())));
    }
}

#[tokio::test]
async fn one_step_costs_three_requests_and_few_are_asked_for_singly() {
    for profile in profiles() {
        let portal = Portal::open(profile, 4500, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        let sales = portal.department("Sales");
        portal.requests();
        client.one(set(Verb::Update, &people[0], "phone", "1")).await.unwrap();
        assert_eq!(portal.requests().len(), 3);
        client.one(create(1, &sales)).await.unwrap();
        // Where a create writes over whoever has the name, the name is asked for too.
        assert_eq!(portal.requests().len(), portal.by(3, 4));
        // Three of 4,500: three looks, a batch, one look.  Where the batch matches by the external id, and nobody knows whether it is theirs
        // alone, each is written by itself.
        let steps = people[1..4].iter().map(|account| set(Verb::Update, account, "phone", "2")).collect();
        assert!(client.apply(steps).await.iter().all(Result::is_ok));
        let requests = portal.requests();
        assert_eq!(requests.len(), portal.by(5, 3 + 3 * 2), "{requests:#?}");
    }
}

#[tokio::test]
async fn what_a_batch_refuses_is_refused_and_the_rest_is_done() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let sales = portal.department("Sales");
        let mut steps: Vec<Step> = (0..20).map(|n| create(n, &sales)).collect();
        steps[7].set.get_mut("emailAddress").unwrap().after = Value::from("no address");
        let outcomes = client.apply(steps).await;
        for (n, outcome) in outcomes.iter().enumerate() {
            match outcome {
                Err(Fault::Refused { detail, .. }) if n == 7 => assert!(detail.contains("emailAddress"), "{detail}"),
                Ok(done) if n != 7 => assert!(!done.already),
                other => panic!("step {n}: {other:?}"),
            }
        }
        assert_eq!(portal.sandbox.users().len(), 31 + 19);
    }
}

#[tokio::test]
async fn an_answer_that_is_lost_is_looked_for() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let sales = portal.department("Sales");
        let steps = || (0..20).map(|n| create(n, &sales)).collect::<Vec<_>>();

        portal.once(portal.post_batch(), Mischief::Lost);
        let outcomes = client.apply(steps()).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Unknown { .. }))), "{outcomes:?}");
        assert_eq!(portal.changes(), 0);

        portal.once(portal.post_batch(), Mischief::AnswerLost);
        let outcomes = client.apply(steps()).await;
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)), "{outcomes:?}");
        assert_eq!(portal.sandbox.users().len(), 31 + 20);

        // The same for changes: a 502 after the fact, and one before.
        let people = client.people().await;
        let steps = || people[..10].iter().map(|account| set(Verb::Update, account, "city", "Chicago")).collect::<Vec<_>>();
        portal.once(portal.post_batch(), Mischief::Answer(502, "<html>".to_owned()));
        let outcomes = client.apply(steps()).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Unknown { .. }))), "{outcomes:?}");
        portal.once(portal.post_batch(), Mischief::AnswerAfter(502, "<html>".to_owned()));
        let outcomes = client.apply(steps()).await;
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| done.receipt.before.is_some())), "{outcomes:?}");
        assert_eq!(portal.users("city", "Chicago").len(), 10);
    }
}

#[tokio::test]
async fn of_a_batch_that_broke_off_in_the_middle_each_has_its_own_outcome() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let client = portal.client().await;
        let acme = portal.department("Acme");
        let (router, path) = (portal.sandbox.router(), portal.batch_path());
        portal.trick(move |request| {
            if request.uri().path() != path {
                return None;
            }
            let mut body: serde_json::Value = serde_json::from_slice(request.body()).unwrap();
            let users = if body.is_array() { &mut body } else { &mut body["users"] };
            users.as_array_mut().unwrap().truncate(6);
            let mut half = http::Request::post(path).body(axum::body::Body::from(body.to_string())).unwrap();
            half.headers_mut().extend(request.headers().clone());
            assert_eq!(at_once(tower::ServiceExt::oneshot(router.clone(), half)).status(), 200);
            Some(Mischief::Lost)
        });
        let steps = || (0..10).map(|n| create(n, &acme)).collect::<Vec<_>>();
        let outcomes = client.apply(steps()).await;
        assert!(outcomes[..6].iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)), "{outcomes:?}");
        assert!(outcomes[6..].iter().all(|outcome| matches!(outcome, Err(Fault::Unknown { .. }))), "{outcomes:?}");
        // What is unknown goes out again, after another look: the first six are there, four are made.
        portal.no_trick();
        portal.requests();
        let outcomes = client.apply(steps()).await;
        let already = outcomes.iter().map(|outcome| outcome.as_ref().unwrap().already).collect::<Vec<_>>();
        assert_eq!(already, [true, true, true, true, true, true, false, false, false, false]);
        assert_eq!(portal.requests().len(), 3);
        assert_eq!(portal.sandbox.users().len(), 1 + 10);
    }
}

#[tokio::test]
async fn a_look_that_fails_after_the_write_leaves_the_outcome_unknown() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        let steps = || people[..5].iter().map(|account| leave(account.id.as_str())).collect::<Vec<_>>();
        portal.once("GET /users?_sort=-dateEdited", Mischief::Answer(429, String::new()));
        let outcomes = client.apply(steps()).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Unknown { .. }))), "{outcomes:?}");
        let outcomes = client.apply(steps()).await;
        assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| done.already)), "{outcomes:?}");
    }
}

#[tokio::test]
async fn throttling_a_batch_is_a_wait_and_nothing_happened() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let sales = portal.department("Sales");
        portal.once(portal.post_batch(), Mischief::Answer(429, String::new()));
        let outcomes = client.apply((0..3).map(|n| create(n, &sales)).collect()).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Wait { .. }))), "{outcomes:?}");
        assert_eq!(portal.changes(), 0);
    }
}

#[tokio::test]
async fn drift_stops_its_own_step_only() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        let steps = people[..4].iter().map(|account| set(Verb::Update, account, "jobTitle", "Pilot")).collect();
        portal.sandbox.put_user(json!({"id": people[2].id.as_str(), "jobTitle": "Astronaut"})).unwrap();
        let outcomes = client.apply(steps).await;
        assert!(matches!(&outcomes[2], Err(Fault::Drift { found }) if found.contains("Astronaut")), "{outcomes:?}");
        assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 3);
        assert_eq!(portal.user("id", people[2].id.as_str())["jobTitle"], "Astronaut");
    }
}

#[tokio::test]
async fn a_change_by_hand_between_two_batches_is_drift() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        let batch =
            |from: usize| people[from..from + 3].iter().map(|account| set(Verb::Update, account, "jobTitle", "Pilot")).collect();
        assert!(client.apply(batch(0)).await.iter().all(Result::is_ok));
        portal.sandbox.put_user(json!({"id": people[4].id.as_str(), "jobTitle": "Astronaut"})).unwrap();
        client.wait(3).await;
        portal.requests();
        let outcomes = client.apply(batch(3)).await;
        assert!(matches!(&outcomes[1], Err(Fault::Drift { .. })), "{outcomes:?}");
        assert_eq!(portal.requests().len(), 3, "an increment, the batch, an increment");
    }
}

#[tokio::test]
async fn an_increment_that_broke_off_is_read_anew_to_its_end() {
    for profile in profiles() {
        let portal = Portal::open(profile, 2500, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        let batch =
            |from: usize| people[from..from + 3].iter().map(|account| set(Verb::Update, account, "jobTitle", "Pilot")).collect();
        let mut warm: Vec<Step> = batch(0);
        warm.extend(people[10..20].iter().map(|account| set(Verb::Update, account, "jobTitle", "Pilot")));
        assert!(client.apply(warm).await.iter().all(Result::is_ok));
        // Somebody imports a list: the first of it comes last in an increment, on its second page.
        portal.sandbox.put_user(json!({"id": people[4].id.as_str(), "jobTitle": "Astronaut"})).unwrap();
        for account in &people[100..1200] {
            portal.sandbox.put_user(json!({"id": account.id.as_str(), "city": "Lima"})).unwrap();
        }
        client.wait(3).await;
        let page = portal.by("_offset=1000", "_offset=1");
        let mut once = true;
        portal.trick(move |request| {
            let query = request.uri().query().unwrap_or_default();
            let second = query.contains("dateEdited") && query.ends_with(page);
            (second && std::mem::take(&mut once)).then(|| Mischief::Answer(429, String::new()))
        });
        let outcomes = client.apply(batch(3)).await;
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Fault::Wait { .. }))), "{outcomes:?}");
        let outcomes = client.apply(batch(3)).await;
        assert!(matches!(&outcomes[1], Err(Fault::Drift { found }) if found.contains("Astronaut")), "{outcomes:?}");
    }
}

#[tokio::test]
async fn who_was_moved_out_of_sight_was_moved() {
    for profile in profiles() {
        let portal =
            Portal::open(profile, 60, |config| config.admins[0].departments = Some(vec!["Sales".to_owned(), "Support".to_owned()]));
        let client = portal.client().await;
        let finance = portal.department("Finance");
        let people = client.people().await;
        // One at a time and in a batch: taken, and gone from sight.
        let steps: Vec<Step> = people[..3].iter().map(|account| set(Verb::Update, account, "department", &finance)).collect();
        let mut outcomes = client.apply(steps[..1].to_vec()).await;
        outcomes.extend(client.apply(steps[1..].to_vec()).await);
        for outcome in outcomes {
            let done = outcome.expect("the vendor took it");
            assert!(!done.already && done.receipt.before.is_some() && done.receipt.after.is_none(), "{done:?}");
        }
        for account in &people[..3] {
            assert_eq!(portal.user("id", account.id.as_str())["departmentId"], finance.as_str());
        }
        // And later there is nobody to change.
        let outcomes = client.apply(people[..4].iter().map(|account| leave(account.id.as_str())).collect()).await;
        assert!(outcomes[..3].iter().all(|outcome| matches!(outcome, Err(Fault::Denied { scope: Scope::Object(_) }))), "{outcomes:?}");
        assert!(outcomes[3].is_ok());
    }
}

#[tokio::test]
async fn supervisors_and_rehires() {
    for profile in profiles() {
        let portal = Portal::open(profile, 30, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        let relate = people[5..9].iter().map(|account| set(Verb::Relate, account, "supervisor", people[1].id.as_str())).collect();
        assert!(client.apply(relate).await.iter().all(Result::is_ok));
        assert_eq!(portal.user("id", people[5].id.as_str())["supervisorId"], people[1].id.as_str());

        assert!(client.apply(people[5..9].iter().map(|account| leave(account.id.as_str())).collect()).await.iter().all(Result::is_ok));
        let restore = people[5..9].iter().map(|account| set(Verb::Restore, account, "jobTitle", "Back again")).collect();
        let outcomes = client.apply(restore).await;
        let receipt = &outcomes[0].as_ref().unwrap().receipt;
        assert_eq!(receipt.before.as_ref().unwrap()["activeStatus"], portal.status(false));
        assert_eq!(receipt.after.as_ref().unwrap()["activeStatus"], portal.status(true));
        let back = portal.user("id", people[5].id.as_str());
        assert_eq!((back["jobTitle"].as_str(), &back["activeStatus"]), (Some("Back again"), &portal.status(true)));
        assert_eq!(back["supervisorId"], people[1].id.as_str());
    }
}

async fn course(client: &absorb_portal::Client, name: &str) -> Content {
    let page = client.target.read(&client.read(), Kind::Content, None).await.unwrap();
    let found = page.records.into_iter().find_map(|record| match record.body {
        Body::Content(content) if content.name == name => Some(content),
        _ => None,
    });
    found.unwrap_or_else(|| panic!("no course {name}"))
}

fn enrol(account: &str, course: &Content) -> Step {
    let mut enrol = step(Verb::Enrol, Some(account));
    enrol.content = Some(course.id.clone().into());
    enrol
}

#[tokio::test]
async fn enrolling_is_done_once_and_again_after_it_ended() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let client = portal.client().await;
        let welcome = course(&client, "Welcome to Acme").await;
        let done = client.one(create(1, &portal.department("Acme"))).await.unwrap();
        let id = done.receipt.account.unwrap().to_string();

        portal.requests();
        assert!(!client.one(enrol(&id, &welcome)).await.unwrap().already);
        assert_eq!(
            portal.requests().len(),
            portal.by(2, 3),
            "what the vendor answers to an enrolment is nowhere public: it is looked at"
        );
        assert!(client.one(enrol(&id, &welcome)).await.unwrap().already);
        assert_eq!(portal.sandbox.enrollments().len(), 1);
        // Failed: it is started again, and what was stays as history.
        portal.sandbox.put_enrollment(id.parse().unwrap(), "Welcome to Acme", 5).unwrap();
        assert!(!client.one(enrol(&id, &welcome)).await.unwrap().already);
        assert_eq!(portal.sandbox.enrollments().len(), 2);
        portal.sandbox.put_enrollment(id.parse().unwrap(), "Welcome to Acme", 3).unwrap();
        assert!(client.one(enrol(&id, &welcome)).await.unwrap().already);
        let found = client.target.find(&client.read(), Kind::Enrolments, &Key::one("account", &id)).await.unwrap();
        let states: Vec<EnrolmentState> = found
            .into_iter()
            .filter_map(|record| if let Body::Enrolment(one) = record.body { Some(one.state) } else { None })
            .collect();
        assert_eq!(states, [EnrolmentState::Ended, EnrolmentState::Done]);
    }
}

#[tokio::test]
async fn an_enrolment_without_an_answer_is_looked_for() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let client = portal.client().await;
        let welcome = course(&client, "Welcome to Acme").await;
        let id = client.one(create(1, &portal.department("Acme"))).await.unwrap().receipt.account.unwrap().to_string();
        let enrols = portal.by("POST /enrollments", "POST /users/");
        portal.once(enrols, Mischief::Lost);
        assert!(matches!(client.one(enrol(&id, &welcome)).await, Err(Fault::Unknown { .. })));
        portal.once(enrols, Mischief::AnswerLost);
        assert!(!client.one(enrol(&id, &welcome)).await.unwrap().already);
        assert_eq!(portal.sandbox.enrollments().len(), 1);
    }
}

#[tokio::test]
async fn departments_are_made_below_the_root_and_looked_at_once() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let client = portal.client().await;
        let make = |name: &str| {
            let mut make = step(Verb::CreateDepartment, None);
            make.set.insert("name".to_owned(), Change { before: Value::Null, after: Value::from(name) });
            make
        };
        for name in ["Legal", "Security", "Catering"] {
            assert!(!client.one(make(name)).await.unwrap().already);
        }
        assert_eq!(portal.requests().len(), 1 + 3);
        assert!(client.one(make("legal")).await.unwrap().already);
        portal.once("POST /departments", Mischief::AnswerLost);
        assert!(!client.one(make("Archive")).await.unwrap().already);
        let departments = portal.sandbox.departments();
        assert_eq!(departments.len(), 5);
        let root = portal.department("Acme");
        assert!(departments.iter().filter(|one| one["name"] != "Acme").all(|one| one["parentId"] == root.as_str()));
        assert!(matches!(client.one(step(Verb::CreateGroup, None)).await, Err(Fault::Unsupported { .. })));
    }
}

#[tokio::test]
async fn many_values_are_found_by_a_walk_and_few_singly() {
    for profile in profiles() {
        let portal = Portal::open(profile, 1500, |_| {});
        let client = portal.client().await;
        let people = client.people().await;
        portal.requests();
        let ids = |count: usize| people[..count].iter().map(|account| account.id.to_string()).collect::<Vec<_>>();
        for (count, requests) in [(1, 1), (2, 2), (300, 2)] {
            let key = Key { attribute: "id".to_owned(), values: ids(count) };
            assert_eq!(client.target.find(&client.read(), Kind::Accounts, &key).await.unwrap().len(), count);
            assert_eq!(portal.requests().len(), requests);
        }
        let email = people[7].attributes["emailAddress"].as_text().unwrap().to_uppercase();
        let found = client.target.find(&client.read(), Kind::Accounts, &Key::one("emailAddress", &email)).await.unwrap();
        assert!(found.iter().any(|record| record.id == people[7].id.as_str()));
    }
}

#[tokio::test]
async fn what_the_vendor_would_refuse_is_an_objection() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let client = portal.client().await;
        let acme = portal.department("Acme");
        let tenant = client.tenant().await;
        let review = |change: &dyn Fn(&mut Step)| {
            let mut step = create(1, &acme);
            change(&mut step);
            client.target.review(&step, &tenant)
        };
        assert_eq!(review(&|_| {}), []);
        let to = |step: &mut Step, name: &str, after: &str| {
            step.set.insert(name.to_owned(), Change { before: Value::Null, after: Value::from(after) });
        };
        let bad: [(&str, String); 8] = [
            ("username", "jane doe".to_owned()),
            ("emailAddress", "jane@".to_owned()),
            ("firstName", String::new()),
            ("jobTitle", "x".repeat(256)),
            ("dateHired", "29 February".to_owned()),
            ("department", "Sales".to_owned()),
            ("gender", "female".to_owned()),
            ("shoeSize", "44".to_owned()),
        ];
        for (name, value) in &bad {
            let found = review(&|step| to(step, name, value));
            assert!(found.len() == 1 && found[0].kind == FindingKind::Objection && found[0].what.contains(name), "{name}: {found:?}");
            // The sandbox agrees, where it looks at the member at all.
            if *name != "username" && *name != "shoeSize" {
                let mut step = create(1, &acme);
                to(&mut step, name, value);
                assert!(matches!(client.one(step).await, Err(Fault::Refused { .. })), "{name}");
            }
        }
        let missing = review(&|step| drop(step.set.remove("department")));
        assert!(missing[0].what.contains("department is required"));
        let group = review(&|step| step.add_groups.extend([Ref::Id("g".into())]));
        assert_eq!(group.len(), 1);
    }
}

#[test]
fn wrong_settings_are_told_before_anything_is_asked() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let build = |change: &dyn Fn(&mut vendors::registry::Settings)| {
            let mut settings = portal.settings();
            change(&mut settings);
            (vendors::registry::entry("absorb").unwrap().build)(settings).err().map(|error| error.to_string())
        };
        assert_eq!(build(&|_| {}), None);
        assert!(build(&|settings| settings.profile = "guild".to_owned()).unwrap().contains("no profile here"));
        assert!(build(&|settings| drop(settings.credentials.remove("api_key"))).unwrap().starts_with("api_key is missing"));
        assert!(build(&|settings| settings.base_url = "https://x.example/api/rest/v1".to_owned()).unwrap().contains("legacy"));
        assert!(build(&|settings| drop(settings.options.insert("sees".to_owned(), "a,b".to_owned()))).unwrap().contains("scope"));
        assert!(build(&|settings| drop(settings.options.insert("colour".to_owned(), "red".to_owned()))).unwrap().contains("colour"));
    }
}

//! What a live tenant does that the guide does not tell: it writes over whoever has a name, says what an admin sees, and dates its users.

mod absorb_portal;

use std::collections::BTreeSet;

use absorb_portal::{Client, Mischief, Portal, at_once, count, create, profiles, set};
use connector::{Fault, Scope, Watermark};
use jiff::SignedDuration;
use model::{Kind, Verb};
use serde_json::{Value as Json, json};

/// Everybody whom `changed` shows since, and the watermark that comes with it.
async fn changed(client: &Client, since: &Watermark) -> (BTreeSet<String>, Option<Watermark>) {
    let (mut ids, mut mark, mut after) = (BTreeSet::new(), None, None);
    loop {
        let page = client.target.changed(&client.read(), Kind::Accounts, since, after).await.unwrap();
        ids.extend(page.records.into_iter().map(|record| record.id));
        mark = mark.or(page.watermark);
        after = page.next;
        if after.is_none() {
            return (ids, mark);
        }
    }
}

async fn watermark(client: &Client) -> Watermark {
    client.target.read(&client.read(), Kind::Accounts, None).await.unwrap().watermark.expect("answers have a date")
}

#[tokio::test]
async fn a12_a_change_is_shown_though_the_clocks_differ_and_it_falls_between_two_pages() {
    for profile in profiles() {
        for minutes in [-30, 30] {
            let now = jiff::Timestamp::now() + SignedDuration::from_mins(minutes);
            let portal = Portal::open(profile, 1500, |config| config.options.now = sandbox::clock::Clock::From(now));
            let client = portal.client().await;
            let people = client.people().await;
            let first = client.target.read(&client.read(), Kind::Accounts, None).await.unwrap();
            let since = first.watermark.expect("the first page has the vendor's clock");
            // Naive: the watermark is our clock at the end of the reading.  Who is changed while the pages come is in none of them.
            portal.sandbox.put_user(json!({"id": people[3].id.as_str(), "city": "Oslo"})).unwrap();
            let second = client.target.read(&client.read(), Kind::Accounts, first.next).await.unwrap();
            assert_eq!(second.watermark, None, "the clock of a later page would lose what changed since the first");
            let (ids, next) = changed(&client, &since).await;
            assert!(ids.contains(people[3].id.as_str()), "{minutes} minutes off: {} shown", ids.len());
            assert!(ids.len() < 100, "an increment is not everybody: {}", ids.len());

            let token = portal.token().await;
            let ours = (jiff::Timestamp::now() + SignedDuration::from_secs(1)).strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
            let (_, naive) = portal.raw(&token, "GET", &format!("/users?modifiedSince={ours}"), None).await;
            assert_eq!(naive["totalItems"] == 0, minutes < 0, "by our clock the change of a portal that is behind is lost");
            let mut client = client;
            client.log_in_again().await;
            // The next increment goes on from the one before.
            portal.sandbox.put_user(json!({"id": people[9].id.as_str(), "city": "Bergen"})).unwrap();
            let (ids, _) = changed(&client, &next.expect("an increment has a watermark too")).await;
            assert!(ids.contains(people[9].id.as_str()));
        }
    }
}

#[tokio::test]
async fn a21_where_changes_are_counted_in_days_the_watermark_overlaps_by_one() {
    for profile in profiles() {
        let portal = Portal::open(profile, 5, |_| {});
        let client = portal.client().await;
        let since = watermark(&client).await;
        portal.requests();
        changed(&client, &since).await;
        let asked = portal.requests().remove(0);
        let asked = asked.split("modifiedSince=").nth(1).unwrap().split('&').next().unwrap().replace("%3A", ":");
        let clock = portal.sandbox.clock().now();
        if profile == "guide" {
            // Its example is a day.  Whoever was edited late yesterday, by a clock that is already past midnight elsewhere, is in it.
            let day: jiff::civil::Date = asked.parse().unwrap();
            let today = clock.to_zoned(jiff::tz::TimeZone::UTC).date();
            assert!(today.since(day).unwrap().get_days() >= 1, "asked for {asked} on {today}");
        } else {
            let behind = clock.duration_since(asked.parse().unwrap());
            assert!(behind >= SignedDuration::from_mins(5) && behind < SignedDuration::from_mins(7), "asked for {asked} at {clock}");
        }
        let foreign = client.target.changed(&client.read(), Kind::Accounts, &Watermark("yesterday".to_owned()), None).await;
        assert!(matches!(foreign, Err(Fault::Garbled { .. })), "{foreign:?}");
        let departments = client.target.changed(&client.read(), Kind::Departments, &since, None).await;
        assert!(matches!(departments, Err(Fault::Unsupported { .. })), "{departments:?}");
    }
}

#[tokio::test]
async fn a04_a_live_tenant_tells_what_its_admin_sees() {
    let narrow = |config: &mut sandbox::absorb::Config| config.admins[0].departments = Some(vec!["Sales".to_owned()]);
    let portal = Portal::open("vendor", 60, narrow);
    let client = portal.client().await;
    // Asserted or not: the portal knows better.
    for scope_all in [true, false] {
        let settings = vendors::registry::Settings { scope_all, ..portal.settings() };
        let tenant = portal.target(settings).probe(&client.read()).await.unwrap();
        assert_eq!(tenant.sees_all, Some(false), "{:?}", tenant.notes);
        assert!(tenant.sees.contains(&portal.department("Sales")), "{:?}", tenant.sees);
        assert!(!tenant.sees.contains(&portal.department("Finance")));
    }
    let portal = Portal::open("vendor", 5, |_| {});
    let client = portal.client().await;
    let tenant =
        portal.target(vendors::registry::Settings { scope_all: false, ..portal.settings() }).probe(&client.read()).await.unwrap();
    assert_eq!((tenant.sees_all, tenant.sees.is_empty(), tenant.profile.as_str()), (Some(true), true, "vendor"), "{:?}", tenant.notes);
}

#[tokio::test]
async fn a20_a_move_out_of_sight_is_an_objection_in_both_profiles() {
    for profile in profiles() {
        let narrow =
            |config: &mut sandbox::absorb::Config| config.admins[0].departments = Some(vec!["Sales".to_owned(), "Support".to_owned()]);
        let portal = Portal::open(profile, 60, narrow);
        let client = portal.client().await;
        let mut settings = vendors::registry::Settings { scope_all: false, ..portal.settings() };
        let (sales, support, finance) = (portal.department("Sales"), portal.department("Support"), portal.department("Finance"));
        if profile == "guide" {
            // There configuration has to say so.
            settings.options.insert("sees".to_owned(), format!("{sales}, {}", support.to_uppercase()));
        }
        let target = portal.target(settings);
        let tenant = target.probe(&client.read()).await.unwrap();
        let person = client.people().await.remove(0);
        let to = |department: &str| target.review(&set(Verb::Update, &person, "department", department), &tenant);
        assert_eq!(to(&sales), []);
        assert_eq!(to(&support), []);
        assert!(to(&finance)[0].what.contains("out of sight"), "{:?}", to(&finance));
        // Naive: the account is moved, and 404 from then on; the next reading takes the person for new.
        let token = portal.token().await;
        let path = format!("/users/{}", person.id);
        let mut whole = portal.raw(&token, "GET", &path, None).await.1;
        whole["departmentId"] = json!(finance);
        assert!(matches!(portal.raw(&token, "PUT", &path, Some(whole)).await.0, 200 | 201));
        assert_eq!(portal.raw(&token, "GET", &path, None).await.0, 404);
    }
}

#[tokio::test]
async fn f08_an_account_that_a_create_met_is_told_and_never_taken_for_new() {
    let portal = Portal::open("vendor", 30, |_| {});
    let client = portal.client().await;
    let acme = portal.department("Acme");
    let victims: Vec<String> = client.people().await[..2].iter().map(|person| person.id.to_string()).collect();
    // Between the look and the write somebody's old account gets the name: the vendor writes over it, and says 200.
    let (sandbox, ids) = (portal.sandbox.clone(), victims.clone());
    let mut names = vec!["new1@acme.example", "new2@acme.example"];
    portal.trick(move |request| {
        if request.method() == http::Method::POST && !names.is_empty() && request.uri().path().starts_with("/users") {
            let name = names.remove(0);
            sandbox.put_user(json!({"id": ids[1 - names.len()], "username": name})).unwrap();
        }
        None
    });
    let mut outcomes = vec![client.one(create(1, &acme)).await];
    outcomes.extend(client.apply(vec![create(2, &acme), create(3, &acme)]).await);
    for (outcome, victim) in outcomes[..2].iter().zip(&victims) {
        assert!(
            matches!(outcome, Err(Fault::Drift { found }) if found.contains(victim) && found.contains("written over")),
            "{outcome:?}"
        );
    }
    assert!(outcomes[2].as_ref().is_ok_and(|done| !done.already), "{:?}", outcomes[2]);
}

#[tokio::test]
async fn p07_a_batch_that_matches_by_name_gets_nobody_whom_it_could_take_for_another() {
    let portal = Portal::open("vendor", 30, |_| {});
    let client = portal.client().await;
    let people = client.people().await;
    let shared = portal.user("id", people[0].id.as_str())["externalId"].clone();
    portal.sandbox.put_user(json!({"id": people[1].id.as_str(), "externalId": shared})).unwrap();
    // Naive: a new name in the upload of somebody without an external id makes a second account.
    let token = portal.token().await;
    portal.sandbox.put_user(json!({"id": people[2].id.as_str(), "externalId": null})).unwrap();
    let mut renamed = portal.raw(&token, "GET", &format!("/users/{}", people[2].id), None).await.1;
    renamed["username"] = json!("renamed@acme.example");
    renamed["password"] = json!("Temp@1234");
    let before = portal.sandbox.users().len();
    let (status, answer) = portal.raw(&token, "POST", "/users/upload", Some(json!([renamed]))).await;
    assert_eq!((status, portal.sandbox.users().len()), (200, before + 1), "{answer}");

    let mut client = client;
    client.log_in_again().await;
    let people = client.people().await;
    let by_id = |id: &model::AccountId| people.iter().find(|account| account.id == *id).unwrap();
    let ids: Vec<_> = people.iter().map(|account| account.id.clone()).collect();
    let sharing: Vec<_> = people.iter().filter(|one| portal.user("id", one.id.as_str())["externalId"] == shared).collect();
    assert_eq!(sharing.len(), 2);
    portal.requests();
    let mut steps: Vec<_> = sharing.iter().map(|one| set(Verb::Update, one, "jobTitle", "Pilot")).collect();
    steps.extend(ids[10..13].iter().map(|id| set(Verb::Update, by_id(id), "username", &format!("{id}@new.example"))));
    steps.extend(ids[14..20].iter().map(|id| set(Verb::Update, by_id(id), "jobTitle", "Pilot")));
    let count_before = portal.sandbox.users().len();
    let outcomes = client.apply(steps).await;
    assert!(outcomes.iter().all(|outcome| outcome.as_ref().is_ok_and(|done| !done.already)), "{outcomes:?}");
    let requests = portal.requests();
    assert_eq!((count(&requests, "PUT /users/"), count(&requests, "POST /users/upload")), (5, 1), "{requests:#?}");
    assert_eq!(portal.sandbox.users().len(), count_before, "nobody has two accounts");
    for (id, outcome) in ids[10..13].iter().zip(&outcomes[2..5]) {
        assert_eq!(outcome.as_ref().unwrap().receipt.account.as_ref(), Some(id));
    }
}

#[tokio::test]
async fn a16_a_pinned_profile_asks_its_own_path_only_and_says_when_it_is_the_wrong_one() {
    for profile in profiles() {
        let portal = Portal::open(profile, 0, |_| {});
        let pinned = |name: &str| portal.target(vendors::registry::Settings { profile: name.to_owned(), ..portal.settings() });
        let (wire, _) = portal.wire();
        let other = portal.by("vendor", "guide");
        assert_eq!(pinned(profile).log_in(&wire, None).await.unwrap().profile, profile);
        assert_eq!(portal.requests(), [format!("POST {}", portal.token_path())]);
        // The wrong one, where a portal says 404 to what it does not know.
        portal.trick(|_| Some(Mischief::Answer(404, String::new())));
        let told = pinned(other).log_in(&wire, None).await;
        assert_eq!(portal.requests().len(), 1);
        assert!(
            matches!(&told, Err(Fault::Unreachable { detail }) if detail.contains(other) && detail.contains("\"auto\"")),
            "{told:?}"
        );
        portal.no_trick();
        // A session of one profile is not used for the other.
        let session = pinned("auto").log_in(&wire, None).await.unwrap();
        assert_eq!(session.profile, profile);
        let read = connector::Read::new(wire.clone(), session);
        let refused = pinned(other).read(&read, Kind::Accounts, None).await;
        assert!(matches!(refused, Err(Fault::Denied { scope: Scope::Session })), "{refused:?}");
    }
    // A portal that answers 401 to every path that it does not know is told all the same.
    let portal = Portal::open("guide", 0, |_| {});
    let refused: Json = json!({"code": "token", "message": "the token is missing"});
    portal.trick(move |request| (request.uri().path() == "/authenticate").then(|| Mischief::Answer(401, refused.to_string())));
    let (wire, _) = portal.wire();
    assert_eq!(at_once(portal.target(portal.settings()).log_in(&wire, None)).profile, "guide");
}

//! A sandbox that stands in for a tenant: read, load what was read, read again, and every record is the same.

mod rigs;

use std::collections::BTreeMap;
use std::sync::Arc;

use connector::conformance::{Bench, Opened};
use connector::{Key, Record};
use jiff::Timestamp;
use model::Kind;
use rigs::absorb::AbsorbRig;
use rigs::lessonly::Lessonly;
use sandbox::records::{Kind as Shown, Record as Raw};
use sandbox::{Clock, Limit, Options, absorb, application, lessonly};
use serde_json::json;

const NOON: &str = "2024-07-01T12:00:00Z";

fn shown(kind: Kind) -> Shown {
    match kind {
        Kind::Accounts => Shown::User,
        Kind::Groups => Shown::Group,
        Kind::Departments => Shown::Department,
        Kind::Content => Shown::Content,
        Kind::Enrolments => Shown::Enrolment,
    }
}

/// Everything of a kind that can be read as a list.
async fn walk(bench: &Bench, kind: Kind) -> Vec<Record> {
    let (mut records, mut cursor) = (Vec::new(), None);
    loop {
        let page = bench.target.read(&bench.read, kind, cursor).await.unwrap_or_else(|fault| panic!("{kind:?}: {fault}"));
        records.extend(page.records);
        cursor = page.next;
        if cursor.is_none() {
            return records;
        }
    }
}

/// Everything that is there, as a reading has it: groups with members, enrolments one look after the other.
async fn everything(bench: &Bench) -> BTreeMap<Kind, Vec<Record>> {
    let mut read = BTreeMap::new();
    for kind in bench.target.manifest().kinds.iter().filter(|kind| **kind != Kind::Enrolments) {
        read.insert(*kind, walk(bench, *kind).await);
    }
    let find = async |kind, attribute, id: &str| bench.target.find(&bench.read, kind, &Key::one(attribute, id)).await.unwrap();
    if matches!(bench.target.manifest().connector, "lessonly" | "scim") {
        let mut groups = Vec::new();
        for group in &read[&Kind::Groups] {
            groups.extend(find(Kind::Groups, "id", &group.id).await);
        }
        read.insert(Kind::Groups, groups);
    }
    let (attribute, of) = match bench.target.manifest().enrolments {
        model::EnrolmentsBy::Content => ("content", Kind::Content),
        model::EnrolmentsBy::Account => ("account", Kind::Accounts),
    };
    let mut enrolments = Vec::new();
    let learns = bench.target.manifest().kinds.contains(&Kind::Enrolments);
    for one in read[&of].iter().filter(|_| learns) {
        enrolments.extend(find(Kind::Enrolments, attribute, &one.id).await);
    }
    if learns {
        read.insert(Kind::Enrolments, enrolments);
    }
    for records in read.values_mut() {
        records.sort_by(|a, b| a.id.cmp(&b.id));
    }
    read
}

fn raw(read: &BTreeMap<Kind, Vec<Record>>) -> Vec<Raw> {
    let of = |(kind, records): (&Kind, &Vec<Record>)| {
        let kind = shown(*kind);
        records.iter().map(move |record| Raw { kind, raw: record.raw.clone() }).collect::<Vec<_>>()
    };
    read.iter().flat_map(of).collect()
}

fn same(first: &BTreeMap<Kind, Vec<Record>>, second: &BTreeMap<Kind, Vec<Record>>) {
    for (kind, records) in first {
        assert!(!records.is_empty(), "{kind:?}: nothing was read");
        for (was, is) in records.iter().zip(&second[kind]) {
            assert_eq!(was, is, "{kind:?}");
        }
        assert_eq!(records.len(), second[kind].len(), "{kind:?}");
    }
}

fn still() -> Options {
    Options { limit: Limit::Off, now: Clock::Fixed(NOON.parse().unwrap()), seed: Some(99), ..Options::default() }
}

#[tokio::test]
async fn a_lessonly_that_was_read_and_loaded_reads_the_same() {
    for profile in lessonly::PROFILES {
        let at: Timestamp = NOON.parse().unwrap();
        let first = Arc::new(Lessonly::fresh(profile.name, 300, |config| {
            config.options.now = Clock::Fixed(at);
            config.declared_fields = vec!["shoe size".to_owned()];
        }));
        // A history: somebody moves, leaves, comes back, completes; a group is made and shelved.
        let club = first.sandbox.create_group("Book Club").unwrap();
        for user in (101..180).step_by(3) {
            first.by_hand(&user.to_string(), json!({ "job_title": "Mover", "custom_user_fields": { "shoe size": user.to_string() } }));
            first.sandbox.assign(user, "Lesson", 1 + user % 6).ok();
        }
        if profile.name == "guide" {
            first.by_hand("101", json!({ "group_ids": [club, 3] }));
        }
        for user in (110..200).step_by(7) {
            first.sandbox.archive_user(user).unwrap();
        }
        first.sandbox.restore_user(117).unwrap();
        let open = async |sandbox: &lessonly::Sandbox, hand: &Arc<Lessonly>| {
            let mut settings = rigs::settings("http://127.0.0.1:1", &rigs::lessonly::CREDENTIALS);
            settings.profile = hand.profile.to_owned();
            settings.declared = ["shoe size".to_owned()].into();
            let (target, base) = rigs::open("lessonly", settings).unwrap();
            let transport = Arc::new(rigs::InProcess::new(sandbox.router()));
            Bench::over(Opened { target, wrong: Vec::new(), transport, base, hand: Arc::clone(hand) as _ }).await.unwrap()
        };
        let read = everything(&open(&first.sandbox, &first).await).await;
        let config = lessonly::Config { options: still(), profile, ..lessonly::Config::default() };
        let second = lessonly::Sandbox::standing_in(config, &raw(&read)).unwrap();
        same(&read, &everything(&open(&second, &first).await).await);
    }
}

#[tokio::test]
async fn an_absorb_that_was_read_and_loaded_reads_the_same() {
    for profile in absorb::PROFILES {
        let rig = AbsorbRig(profile.name, "");
        let hand = connector::conformance::Rig::open(&rig, 0, false).await.hand;
        let options = Options { people: Some(300), ..still() };
        let first = absorb::Sandbox::open(absorb::Config { options, profile, ..absorb::Config::default() }).unwrap();
        let users = first.users();
        let labs = first.put_department("Labs", Some("Engineering")).unwrap();
        for (at, user) in users.iter().enumerate().step_by(3) {
            let moved = json!({ "id": user["id"], "departmentId": labs, "jobTitle": format!("Mover {at}"),
                "customFields": { "string1": "x", "decimal2": 2, "bool1": true }, "gender": 1, "ccEmailAddresses": ["a@acme.example"] });
            first.put_user(moved).unwrap();
        }
        for user in users.iter().step_by(9) {
            first.put_enrollment(user["id"].as_str().unwrap().parse().unwrap(), "Customer First", 3).unwrap();
        }
        let open = async |sandbox: &absorb::Sandbox| {
            let mut settings = rigs::settings("http://127.0.0.1:1", &rigs::absorb::CREDENTIALS);
            settings.profile = profile.name.to_owned();
            let (target, base) = rigs::open("absorb", settings).unwrap();
            let transport = Arc::new(rigs::InProcess::new(sandbox.router()));
            Bench::over(Opened { target, wrong: Vec::new(), transport, base, hand: Arc::clone(&hand) }).await.unwrap()
        };
        let mut read = everything(&open(&first).await).await;
        let mut options = still();
        options.seed = Some(1234);
        let second =
            absorb::Sandbox::standing_in(absorb::Config { options, profile, ..absorb::Config::default() }, &raw(&read)).unwrap();
        let mut again = everything(&open(&second).await).await;
        // Its groups cannot be loaded: no call of the API changes or shows who is in them.
        read.remove(&Kind::Groups);
        again.remove(&Kind::Groups);
        same(&read, &again);
    }
}

/// A user as applications show them: with members that no schema has, ids that are numbers, flags that are text.
fn odd_user(n: usize) -> serde_json::Value {
    let mut user = json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:User", "urn:example:acme:2.0:User"],
        "id": n,
        "userName": format!("Person{n}@acme.example"),
        "externalId": n.to_string(),
        "name": { "givenName": "Pat", "familyName": format!("Person {n}"), "nameOrder": "western" },
        "emails": [{ "type": "work", "value": format!("person{n}@acme.example"), "primary": true, "verified": true }],
        "active": if n.is_multiple_of(5) { json!("False") } else { json!(true) },
        "lastLogin": "2024-06-01T08:00:00Z",
        "urn:example:acme:2.0:User": { "shift": "night", "badge": n },
        "urn:ietf:params:scim:schemas:extension:enterprise:2.0:User": { "department": "Sales", "manager": { "value": "1", "displayName": "Pat" } },
        "meta": { "resourceType": "User", "location": format!("https://acme.example/scim/Users/{n}"), "version": "W/\"7\"" },
    });
    if n.is_multiple_of(2) {
        user["groups"] =
            json!([{ "value": "g1", "display": "Sales", "$ref": "https://acme.example/scim/Groups/g1" }, { "value": "hidden" }]);
    }
    user
}

fn odd_application() -> Vec<Raw> {
    let users = (1..=250).map(|n| Raw { kind: Shown::User, raw: odd_user(n) });
    let everybody: Vec<_> = (1..=250).map(|n| json!({ "value": n.to_string(), "display": "Pat" })).collect();
    let groups = [json!({ "id": "g1", "displayName": "Sales" }), json!({ "id": "g2", "displayName": "All", "members": everybody })];
    users.chain(groups.map(|raw| Raw { kind: Shown::Group, raw })).collect()
}

#[tokio::test]
async fn a_scim_application_that_was_read_and_loaded_reads_the_same() {
    let rig = rigs::application::ApplicationRig(application::Abilities::default(), None);
    let hand = connector::conformance::Rig::open(&rig, 0, false).await.hand;
    let shift = "urn:example:acme:2.0:User:shift";
    for abilities in [
        application::Abilities { extensions: [shift.to_owned()].into(), ..Default::default() },
        application::Abilities { says: false, schemas: false, filter: false, ..Default::default() },
    ] {
        let config = || application::Config { options: still(), abilities: abilities.clone(), ..Default::default() };
        let open = async |sandbox: &application::Sandbox| {
            let mut settings = rigs::settings("http://127.0.0.1:1/scim/v2", &[("token", "application-sandbox-token")]);
            settings.declared = [shift.to_owned()].into();
            settings.profile = "auto".to_owned();
            let (target, base) = rigs::open("scim", settings).unwrap();
            let transport = Arc::new(rigs::InProcess::new(sandbox.router()));
            Bench::over(Opened { target, wrong: Vec::new(), transport, base, hand: Arc::clone(&hand) }).await.unwrap()
        };
        let first = application::Sandbox::standing_in(config(), &odd_application()).unwrap();
        let read = everything(&open(&first).await).await;
        let sales = read[&Kind::Groups].iter().find(|group| group.id == "g1").unwrap();
        assert_eq!(sales.raw["members"].as_array().map(Vec::len), Some(125), "who is in it is known from those who show it");
        assert_eq!(read[&Kind::Accounts].len(), 250);
        let of = |account: &Record| odd_user(account.id.parse().unwrap());
        assert!(read[&Kind::Accounts].iter().all(|account| account.raw == of(account)), "to the byte");
        let second = application::Sandbox::standing_in(config(), &raw(&read)).unwrap();
        let again = everything(&open(&second).await).await;
        same(&read, &again);
    }
}

#[test]
fn a_record_that_cannot_be_held_is_named() {
    let user = |id: u64, email: &str| json!({ "id": id, "email": email, "name": "N", "role": "learner" });
    let lessonly = |records: Vec<(Shown, serde_json::Value)>| {
        let records: Vec<Raw> = records.into_iter().map(|(kind, raw)| Raw { kind, raw }).collect();
        lessonly::Sandbox::standing_in(lessonly::Config::default(), &records).unwrap_err().to_string()
    };
    for (records, told) in [
        (vec![(Shown::User, json!({ "id": "x" }))], "user x cannot be held: id is \"x\", and has to be a whole number"),
        (vec![(Shown::User, json!({ "id": 7, "name": "N" }))], "user 7 cannot be held: email is missing"),
        (
            vec![(Shown::User, user(7, "a@b.c")), (Shown::User, user(8, "A@b.c"))],
            "user 8 cannot be held: user 7 has the same e-mail A@b.c",
        ),
        (vec![(Shown::Group, json!({ "id": 4 }))], "group 4 cannot be held: name is missing"),
        (vec![(Shown::Content, json!({ "id": 4, "resource_type": "quiz" }))], "course or lesson 4 cannot be held: resource_type"),
        (
            vec![(
                Shown::Enrolment,
                json!({ "id": 9, "assignee_id": 7, "assignable_type": "Lesson", "assignable_id": 1, "assigned_at": NOON }),
            )],
            "enrolment 9 cannot be held: there is no user 7 among the records",
        ),
    ] {
        let error = lessonly(records);
        assert!(error.starts_with(told), "{error}");
    }
    let absorb =
        |raw| absorb::Sandbox::standing_in(absorb::Config::default(), &[Raw { kind: Shown::User, raw }]).unwrap_err().to_string();
    let error = absorb(json!({ "id": "11111111-2222-4333-8444-555555555551", "username": "u" }));
    assert!(error.starts_with("user 11111111-2222-4333-8444-555555555551 cannot be held: departmentId is missing"), "{error}");
    let application = |records: Vec<(Shown, serde_json::Value)>| {
        let records: Vec<Raw> = records.into_iter().map(|(kind, raw)| Raw { kind, raw }).collect();
        application::Sandbox::standing_in(application::Config::default(), &records).unwrap_err().to_string()
    };
    for (records, told) in [
        (vec![(Shown::User, json!({ "id": [] }))], "user [] cannot be held: id is [], and has to be text or a number"),
        (vec![(Shown::User, json!({ "id": 7 }))], "user 7 cannot be held: userName is missing"),
        (
            vec![(Shown::User, json!({ "id": "a", "userName": "X" })), (Shown::User, json!({ "id": "b", "userName": "x" }))],
            "user b cannot be held: user a has the same user name x",
        ),
        (vec![(Shown::Group, json!({ "id": "g" }))], "group g cannot be held: displayName is missing"),
    ] {
        let error = application(records);
        assert!(error.starts_with(told), "{error}");
    }
}

//! The traps of Lessonly that concern the connector (`traps.md`): the naive way hurts on the sandbox, ours is safe.

mod rigs;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use connector::conformance::{Bench, Hand as _, Opened, step};
use connector::{Body, Fault, Key, Scope, Shape};
use model::{Change, EnrolmentState, Kind, Ref, Step, Value, Verb};
use rigs::lessonly::{CREDENTIALS, Lessonly, basic, naive, number, ours, send};
use serde_json::{Value as Json, json};
use vendors::registry;

/// Each trap in each reading of the API.
macro_rules! in_both_profiles {
    ($($trap:ident)*) => {
        mod guide {
            $(#[tokio::test] async fn $trap() { super::$trap("guide").await; })*
        }
        mod vendor {
            $(#[tokio::test] async fn $trap() { super::$trap("vendor").await; })*
        }
    };
}

in_both_profiles! {
    l01_a_wrong_header_is_a_401_without_a_word_and_we_say_what_can_be_wrong
    l02_an_address_without_the_version_is_404_and_ours_is_completed_or_refused
    l03_pages_of_fifty_move_while_one_reads_and_we_read_to_the_end
    l07_group_ids_replace_every_membership_and_what_is_not_ours_survives
    l08_a_duplicate_email_is_an_error_and_adopted_only_on_evidence
    l09_paths_take_the_id_and_never_the_email
    l10_there_is_no_delete_and_leaving_archives
    l11_restoring_enrols_nothing_and_the_enrolment_is_a_step_of_its_own
    l12_assignments_come_in_every_status_and_case_does_not_matter
    l13_an_undeclared_field_is_dropped_silently_and_ours_is_an_objection
    l16_everyone_lands_as_learner_unless_said
    l17_the_user_list_has_no_groups_and_one_read_per_group_has_them_all
    l18_names_that_lessonly_refuses_are_found_before_any_request
}

/// A sandbox with so many people.
fn fresh(profile: &str, people: usize) -> Arc<Lessonly> {
    Arc::new(Lessonly::fresh(profile, people, |_| {}))
}

/// What is so in the guide's reading, and what in the vendor's.
fn by<T>(profile: &str, guide: T, vendor: T) -> T {
    if profile == "vendor" { vendor } else { guide }
}

/// A sandbox as the suite's bench takes it.
fn opened(sandbox: &Arc<Lessonly>) -> Opened {
    let settings = registry::Settings { profile: sandbox.profile.to_owned(), ..rigs::settings("http://127.0.0.1:1", &CREDENTIALS) };
    let (target, base) = rigs::open("lessonly", settings).expect("right settings");
    let transport = Arc::new(rigs::InProcess::new(sandbox.sandbox.router()));
    Opened { target, wrong: Vec::new(), transport, base, hand: Arc::clone(sandbox) as _ }
}

fn set(mut step: Step, values: &[(&str, Value, Value)]) -> Step {
    for (name, before, after) in values {
        step.set.insert((*name).to_owned(), Change { before: before.clone(), after: after.clone() });
    }
    step
}

fn texts(bench: &Bench, step: &Step) -> Vec<String> {
    bench.target.review(step, &rigs::tenant()).into_iter().map(|finding| format!("{} {}", finding.what, finding.next)).collect()
}

async fn l01_a_wrong_header_is_a_401_without_a_word_and_we_say_what_can_be_wrong(profile: &str) {
    let sandbox = fresh(profile, 1);
    let ([(_, subdomain), (_, key)], right) = (CREDENTIALS, basic("acme", "lessonly-sandbox-key"));
    for wrong in [format!("Bearer {key}"), basic(key, subdomain), basic(subdomain, &format!("{key}:")), "Basic nonsense".to_owned()] {
        assert_eq!(
            send(&sandbox, "GET", "/api/v1/ping", &wrong, None).await,
            (401, json!({"error": "Unauthorized"})),
            "{wrong}: no word why"
        );
    }
    assert_eq!(send(&sandbox, "GET", "/api/v1/ping", &right, None).await.0, 200);

    let bench = ours(&sandbox, |_| {}).await;
    bench.target.probe(&bench.read).await.expect("right credentials are let in");
    let bench = ours(&sandbox, |settings| drop(settings.credentials.insert("api_key".to_owned(), model::Secret::new("wrong")))).await;
    let Err(Fault::Denied { scope: Scope::Credentials(text) }) = bench.target.probe(&bench.read).await else { panic!("not denied") };
    for part in ["subdomain", "API key", "Basic", "Bearer"] {
        assert!(text.contains(part), "{part} is not in: {text}");
    }
    assert!(!text.contains("wrong"), "the key itself is in: {text}");

    // What is wrong in configuration is told before any request.
    for (name, value, expected) in [
        ("subdomain", "https://acme.lessonly.com", "before .lessonly.com"),
        ("subdomain", "acme:key", "without"),
        ("api_key", " ", "is missing"),
        ("api_token", "x", "is nothing that the lessonly connector knows"),
    ] {
        let mut settings = rigs::settings("https://api.lessonly.com/api/v1", &CREDENTIALS);
        settings.credentials.insert(name.to_owned(), model::Secret::new(value));
        let error = rigs::open("lessonly", settings).err().expect("refused").to_string();
        assert!(error.contains(name) && error.contains(expected), "{error}");
    }
}

async fn l02_an_address_without_the_version_is_404_and_ours_is_completed_or_refused(profile: &str) {
    let sandbox = fresh(profile, 1);
    let right = basic("acme", "lessonly-sandbox-key");
    assert_eq!(send(&sandbox, "GET", "/users", &right, None).await.0, 404);

    let complete = |url: &str| {
        let settings = rigs::settings(url, &CREDENTIALS);
        (registry::entry("lessonly").expect("it is there").complete_url)(&settings).map_err(|error| error.to_string())
    };
    for url in [
        "https://api.lessonly.com",
        "https://api.lessonly.com/",
        "https://api.lessonly.com/api/v1",
        " https://api.lessonly.com/api/v1/ ",
    ] {
        assert_eq!(complete(url).as_deref(), Ok("https://api.lessonly.com/api/v1"), "{url}");
    }
    for (url, expected) in [
        ("https://api.lessonly.com/v1", "https://api.lessonly.com/api/v1"),
        ("https://acme.lessonly.com/scim/v2", "does not end in /api/v1"),
        ("api.lessonly.com/api/v1", "https://HOST"),
        ("api.lessonly.com", "no scheme"),
        ("http://api.lessonly.com/api/v1", "in the clear"),
        ("https://acme:key@api.lessonly.com/api/v1", "user name"),
        ("ftp://api.lessonly.com/api/v1", "neither http nor https"),
        ("https://api.lessonly.com/api/v1?page=1", "query"),
        ("not an address", "is no address"),
        ("", "is no address"),
    ] {
        let error = complete(url).expect_err(url);
        assert!(error.starts_with("base_url ") && error.contains(expected), "{url}: {error}");
    }
    // A tenant with declared fields is read where the list shows them.
    let mut settings = rigs::settings("https://api.lessonly.com", &CREDENTIALS);
    settings.declared.insert("shoe size".to_owned());
    let entry = registry::entry("lessonly").expect("it is there");
    assert_eq!((entry.complete_url)(&settings).as_deref(), Ok("https://api.lessonly.com/api/v1.1"));

    // And where the address is wrong all the same, the 404 is told with the way out.
    let wire = Bench::over(Opened { base: "http://127.0.0.1:1/api/v2".to_owned(), ..opened(&sandbox) }).await;
    let bench = wire.expect("the log-in needs no request");
    let Err(Fault::Unreachable { detail }) = bench.target.probe(&bench.read).await else { panic!("not told") };
    assert!(detail.contains("/api/v1"), "{detail}");
}

async fn l03_pages_of_fifty_move_while_one_reads_and_we_read_to_the_end(profile: &str) {
    let size = by(profile, 50, 1000);
    // With an admin besides the people, one full page and nineteen more.
    let sandbox = fresh(profile, size + 18);
    // Asking for more than a page holds gives a page, with nothing that says so; only the vendor's reading counts.
    let (_, answer) = naive(&sandbox, "GET", "/users?per_page=5000", None).await;
    assert_eq!(answer["users"].as_array().map(Vec::len), Some(size));
    assert_eq!(answer.get("total_users").and_then(Json::as_u64), by(profile, None, Some(size as u64 + 19)));
    // Somebody joins between two pages: the naive sum counts one account twice.
    let all = by(profile, "", "&per_page=1000");
    let (_, first) = naive(&sandbox, "GET", &format!("/users?page=1{all}"), None).await;
    sandbox.sandbox.create_user(json!({ "name": "New Here", "email": "new@acme.example" })).expect("the sandbox takes it");
    let (_, second) = naive(&sandbox, "GET", &format!("/users?page=2{all}"), None).await;
    assert_eq!(first["users"][size - 1]["id"], second["users"][0]["id"], "counted twice");

    // Ours, with somebody joining between the pages again: all who were there before, told apart by id.
    let bench = ours(&sandbox, |_| {}).await;
    let before: BTreeSet<String> = sandbox.accounts().into_iter().collect();
    let (mut seen, mut sizes, mut totals, mut after) = (BTreeSet::new(), Vec::new(), Vec::new(), None);
    loop {
        let page = bench.target.read(&bench.read, Kind::Accounts, after).await.expect("a page");
        sizes.push(page.records.len());
        totals.extend(page.total);
        seen.extend(page.records.into_iter().map(|record| record.id));
        after = page.next;
        if after.is_none() {
            break;
        }
        sandbox.sandbox.create_user(json!({ "name": "New", "email": format!("new{}@acme.example", sizes.len()) })).expect("taken");
    }
    assert!(seen.is_superset(&before), "nobody who was there is missing");
    assert_eq!(sizes, [size, 21], "all who were there, one of them twice, because somebody came while reading");
    // The guide's reading has no total: only a short page is the end.  The vendor's tells that somebody came.
    assert_eq!(totals, by(profile, vec![], vec![size as u64 + 20, size as u64 + 21]));

    // A full last page: what is not counted needs one more request, which is empty.
    let sandbox = fresh(profile, size - 1);
    let bench = ours(&sandbox, |_| {}).await;
    assert_eq!(bench.everything(Kind::Accounts).await.map(|all| all.len()), Ok(size));
    let guide = vec!["GET /api/v1/users?page=1", "GET /api/v1/users?page=2"];
    assert_eq!(sandbox.requests(), by(profile, guide, vec!["GET /api/v1/users?page=1&per_page=1000"]));
}

async fn l07_group_ids_replace_every_membership_and_what_is_not_ours_survives(profile: &str) {
    let sandbox = fresh(profile, 3);
    let group = |name: &str| sandbox.make_group(name).expect("groups are written here");
    let (theirs, sales, late) = (group("Book Club"), group("Sales Team"), group("Late"));
    let jane = "101";
    sandbox.put_into(jane, &theirs);
    let department = sandbox.groups_of(jane);
    assert!(department.len() == 2, "the department's group and the book club");

    // The naive way "adds" one group.
    naive(&sandbox, "PUT", "/users/101", Some(json!({ "group_ids": [number(&sales)] }))).await;
    let left = by(profile, vec![sales.clone()], department.clone());
    assert_eq!(sandbox.groups_of(jane), left, "all others are gone without an error; or, in the vendor's reading, nothing was done");

    // Ours, planned from a reading; after it somebody puts her into one more group by hand.
    let restored: Vec<u64> = department.iter().map(|id| number(id)).collect();
    sandbox.by_hand(jane, json!({ "group_ids": restored }));
    let bench = ours(&sandbox, |_| {}).await;
    let mut add = step(Verb::Update, Some(jane));
    add.add_groups.insert(Ref::Id(sales.clone().into()));
    sandbox.put_into(jane, &late);
    let wanted: BTreeSet<String> = department.iter().chain([&sales, &late]).cloned().collect();
    bench.done(add, true).await.expect("added");
    assert_eq!(sandbox.groups_of(jane).into_iter().collect::<BTreeSet<_>>(), wanted);

    let mut remove = step(Verb::Update, Some(jane));
    remove.remove_groups.insert(sales.clone().into());
    bench.done(remove, true).await.expect("removed");
    assert!(!sandbox.groups_of(jane).contains(&sales) && sandbox.groups_of(jane).len() == wanted.len() - 1);

    // A change of a value does not send group_ids at all: the body is the change and nothing else.
    let title = Value::text("Accountant");
    let before = Value::text(sandbox.user(jane)["job_title"].as_str().unwrap_or_default());
    bench.done(set(step(Verb::Update, Some(jane)), &[("job_title", before, title)]), true).await.expect("changed");
    let sent = sandbox.sent.lock().expect("nobody holds it").clone();
    assert_eq!(sent.last().map(String::as_str), Some(r#"PUT /api/v1/users/101 {"job_title":"Accountant"}"#));
}

async fn l08_a_duplicate_email_is_an_error_and_adopted_only_on_evidence(profile: &str) {
    let sandbox = fresh(profile, 60);
    let create = |email: &str, key: &str| {
        let none = Value::Null;
        let values = [("name", "Jane Again"), ("email", email), ("role", "learner"), ("ext_uid", key)];
        let values: Vec<_> = values.into_iter().map(|(name, value)| (name, none.clone(), Value::text(value))).collect();
        set(step(Verb::Create, None), &values)
    };
    let oldest = sandbox.user("101");
    let email = oldest["email"].as_str().expect("an e-mail").to_owned();

    // The naive check looks at the first page, does not find her, and runs into the error; archiving her changes nothing about it.
    let (_, first) = naive(&sandbox, "GET", "/users", None).await;
    assert!(!first["users"].to_string().contains(&email), "she is on the second page");
    let body = json!({ "name": "Jane Again", "email": email.to_uppercase() });
    assert_eq!(naive(&sandbox, "POST", "/users", Some(body.clone())).await.0, 400);
    sandbox.sandbox.archive_user(101).expect("archived");
    assert_eq!(naive(&sandbox, "POST", "/users", Some(body)).await.0, 400);
    sandbox.sandbox.restore_user(101).expect("restored");

    // Ours names the account that is in the way, and adopts nobody.
    let bench = ours(&sandbox, |_| {}).await;
    let Err(Fault::Refused { code, detail }) = bench.apply(create(&email, "N1")).await else { panic!("not refused") };
    assert!(code == "400" && detail.contains("account 101") && detail.contains(&email), "{code} {detail}");

    // A create whose answer was lost is known again by our key: no second account, and nothing is written.
    let id = bench.done(create("new@acme.example", "N2"), true).await.expect("made").receipt.account;
    assert_eq!(bench.done(create("new@acme.example", "N2"), false).await.expect("known again").receipt.account, id);
    // With our key and other values it is ours, and somebody has to look.
    let mut other = create("new@acme.example", "N2");
    other.set.insert("job_title", Change { before: Value::Null, after: Value::text("Buyer") });
    let Err(Fault::Drift { found }) = bench.apply(other).await else { panic!("no drift") };
    assert!(found.contains("job_title should be `Buyer`"), "{found}");
    // Archived in between, it is not taken for done.
    let id = id.expect("an id").to_string();
    sandbox.sandbox.archive_user(number(&id)).expect("archived");
    let Err(Fault::Drift { found }) = bench.apply(create("new@acme.example", "N2")).await else { panic!("no drift") };
    assert!(found.contains(&id) && found.contains("archived"), "{found}");
}

async fn l09_paths_take_the_id_and_never_the_email(profile: &str) {
    let sandbox = fresh(profile, 2);
    let email = sandbox.user("101")["email"].as_str().expect("an e-mail").to_owned();
    assert_eq!(naive(&sandbox, "GET", &format!("/users/{email}"), None).await.0, 404);
    assert_eq!(naive(&sandbox, "PUT", &format!("/users/{email}/archive"), None).await.0, 404);

    // The id comes as text with every account, and is what a receipt holds.
    let bench = ours(&sandbox, |_| {}).await;
    let found = bench.find(Kind::Accounts, "email", &email).await.expect("found");
    assert_eq!(found[0].id, "101");
    // An e-mail where an id belongs never becomes a path.
    let requests = sandbox.requests().len();
    let Err(Fault::Refused { detail, .. }) = bench.apply(step(Verb::Leave, Some(&email))).await else { panic!("not refused") };
    assert!(detail.contains(&email), "{detail}");
    assert!(bench.find(Kind::Accounts, "id", &email).await.expect("nobody").is_empty());
    assert_eq!(sandbox.requests().len(), requests, "no request was made");
}

async fn l10_there_is_no_delete_and_leaving_archives(profile: &str) {
    let sandbox = fresh(profile, 4);
    for (path, vendor) in [("/users/103", 200), ("/users/101/archive", 405)] {
        assert_eq!(naive(&sandbox, "DELETE", path, None).await.0, by(profile, 405, vendor), "a live tenant deletes, history and all");
    }
    let bench = ours(&sandbox, |_| {}).await;
    let course = bench.content().await.expect("content").into_iter().find(|one| one.id == "course/1").expect("a course");
    sandbox.complete("101", &course);
    let history = sandbox.history("101");
    bench.done(step(Verb::Leave, Some("101")), true).await.expect("archived");
    let gone = bench.account("101").await.expect("still there");
    assert!(!gone.active && sandbox.history("101") == history && !history.is_empty());
    assert_eq!(sandbox.sent.lock().expect("nobody holds it").as_slice(), ["PUT /api/v1/users/101/archive "]);
    // What it means to the human is in the manifest, for the plan.
    let (word, meaning) = bench.target.manifest().leave;
    assert_eq!(word, "archive");
    for part in ["log in", "reports", "history"] {
        assert!(meaning.contains(part), "{part} is not in: {meaning}");
    }
    // Both ways to write a time are read.
    for (at, active) in [(json!("2016-10-13T09:34:24.151-04:00"), false), (json!("2024-06-01T12:00:00Z"), false), (Json::Null, true)] {
        let read = rigs::canned::read_user(&json!({ "archived_at": at })).await.expect("it is read");
        assert_eq!(read.active, active);
    }
}

async fn l11_restoring_enrols_nothing_and_the_enrolment_is_a_step_of_its_own(profile: &str) {
    let sandbox = fresh(profile, 4);
    let open = sandbox.sandbox.assign(101, "LearningPaths::Path", 1).expect("assigned");
    let (_, before) = naive(&sandbox, "GET", "/users/101/assignments", None).await;
    assert!(before["assignments"].to_string().contains(&format!("\"id\":{open}")));
    naive(&sandbox, "PUT", "/users/101/archive", None).await;
    naive(&sandbox, "PUT", "/users/101/restore", None).await;
    let (_, after) = naive(&sandbox, "GET", "/users/101/assignments", None).await;
    assert!(!after["assignments"].to_string().contains("LearningPaths::Path"), "restored, and the path is gone without a word");

    let bench = ours(&sandbox, |_| {}).await;
    let course = bench.content().await.expect("content").into_iter().find(|one| one.id == "course/2").expect("a course");
    sandbox.complete("101", &course);
    bench.done(step(Verb::Leave, Some("101")), true).await.expect("archived");
    bench.done(step(Verb::Restore, Some("101")), true).await.expect("restored");
    // What a rehire wants is asked for; what was completed stays completed and is not begun anew.
    for (content, written, state) in [("path/1", true, EnrolmentState::Open), ("course/2", false, EnrolmentState::Done)] {
        let mut enrol = step(Verb::Enrol, Some("101"));
        enrol.content = Some(content.into());
        bench.done(enrol, written).await.unwrap_or_else(|why| panic!("{content}: {why}"));
        assert_eq!(bench.enrolments("101", content).await, Ok(vec![state]), "{content}");
    }
}

async fn l12_assignments_come_in_every_status_and_case_does_not_matter(profile: &str) {
    let sandbox = fresh(profile, 12);
    let (_, all) = naive(&sandbox, "GET", "/courses/1/assignments", None).await;
    let all = all["assignments"].as_array().cloned().unwrap_or_default();
    let statuses: BTreeSet<&str> = all.iter().filter_map(|one| one["status"].as_str()).collect();
    let guide = ["completed", "grade pending", "incomplete", "overdue"];
    let vendor = ["Completed", "Grade Pending", "Incomplete", "Overdue"];
    assert_eq!(statuses.into_iter().collect::<Vec<_>>(), by(profile, guide, vendor));
    let other = by(profile, "Completed", "completed");
    assert_eq!(all.iter().filter(|one| one["status"] == other).count(), 0, "the other reading's word finds nobody");

    let bench = ours(&sandbox, |_| {}).await;
    let key = Key::one("content", "course/1");
    let read = bench.target.find(&bench.read, Kind::Enrolments, &key).await.expect("read");
    assert_eq!(read.len(), all.len());
    for record in read {
        let Body::Enrolment(enrolment) = &record.body else { panic!("not an enrolment") };
        let completed = record.raw["status"].as_str().is_some_and(|status| status.eq_ignore_ascii_case("completed"));
        assert_eq!(enrolment.state == EnrolmentState::Done, completed, "{}", record.raw["status"]);
    }
    for (status, completed_at, state) in [
        ("COMPLETED", Json::Null, EnrolmentState::Done),
        ("Completed", json!("2024-06-01T12:00:00Z"), EnrolmentState::Done),
        ("Grade Pending", Json::Null, EnrolmentState::Open),
        // Unknown: kept as it came, and nothing is assigned over it.
        ("withdrawn", Json::Null, EnrolmentState::Open),
        ("passed", json!("2024-06-01T12:00:00Z"), EnrolmentState::Done),
    ] {
        let record = rigs::canned::read_assignment(status, &completed_at).await.expect("it is read");
        assert!(matches!(&record.body, Body::Enrolment(one) if one.state == state), "{status}: {:?}", record.body);
        assert_eq!(record.raw["status"], status);
    }
}

async fn l13_an_undeclared_field_is_dropped_silently_and_ours_is_an_objection(profile: &str) {
    let sandbox = Arc::new(Lessonly::fresh(profile, 60, |config| config.declared_fields = vec!["shoe size".to_owned()]));
    let field = by(profile, "custom_user_field_data", "custom_user_fields");
    let body = json!({ "name": "Jo", "email": "jo@acme.example", field: [{ "name": "shoesize", "value": "41" }] });
    let (status, made) = naive(&sandbox, "POST", "/users", Some(body)).await;
    let names = made["custom_user_field_data"].as_array().expect("a list").iter().map(|field| &field["name"]).collect::<Vec<_>>();
    let minted = json!("shoesize");
    assert_eq!((status, names), (201, by(profile, vec![], vec![&minted])), "no error: no value, or a new field by a typing error");

    let declare = |name: &str| {
        let declared = BTreeSet::from([name.to_owned()]);
        |settings: &mut registry::Settings| settings.declared = declared
    };
    let bench = ours(&sandbox, declare("shoe size")).await;
    let size = |name: &str, size: &str| set(step(Verb::Update, Some("101")), &[(name, Value::Null, Value::text(size))]);
    let objections = texts(&bench, &size("custom.shoesize", "41"));
    assert!(objections.len() == 1 && objections[0].contains("`shoesize`") && objections[0].contains("`shoe size`"), "{objections:?}");
    assert_eq!(texts(&bench, &size("custom.shoe size", "41")), [""; 0]);

    // A declared one is written, read back, and there in the list and for the next look.
    bench.done(size("custom.shoe size", "41"), true).await.expect("written");
    let everybody = bench.everything(Kind::Accounts).await.expect("read");
    let listed = everybody.iter().find(|record| record.id == "101").expect("there");
    let Body::Account(account) = &listed.body else { panic!("no account") };
    assert_eq!(account.attributes.get("custom.shoe size"), Some(&Value::text("41")));
    bench.done(size("custom.shoe size", "41"), false).await.expect("already");
    let smaller = set(step(Verb::Update, Some("101")), &[("custom.shoe size", Value::text("41"), Value::Null)]);
    bench.done(smaller, true).await.expect("taken away");
    assert_eq!(bench.account("101").await.expect("there").attributes.get("custom.shoe size"), None);

    // Declared in configuration only: the vendor's reading makes the field; else the write is read back, and the loss is told by name.
    let bench = ours(&sandbox, declare("hat size")).await;
    if profile == "vendor" {
        return drop(bench.done(size("custom.hat size", "58"), true).await.expect("written"));
    }
    let Err(Fault::Drift { found }) = bench.apply(size("custom.hat size", "58")).await else { panic!("lost without a word") };
    assert!(found.contains("custom.hat size") && found.contains("account 101"), "{found}");
    let values = [("name", "Al"), ("email", "al@acme.example"), ("custom.hat size", "58")];
    let create = set(step(Verb::Create, None), &values.map(|(name, value)| (name, Value::Null, Value::text(value))));
    let Err(Fault::Drift { found }) = bench.apply(create).await else { panic!("lost without a word") };
    let made = bench.find(Kind::Accounts, "email", "al@acme.example").await.expect("found");
    assert!(found.contains("custom.hat size") && found.contains(&format!("account {}", made[0].id)), "{found}");
}

async fn l16_everyone_lands_as_learner_unless_said(profile: &str) {
    let sandbox = fresh(profile, 2);
    let (_, made) = naive(&sandbox, "POST", "/users", Some(json!({ "name": "Boss", "email": "boss@acme.example" }))).await;
    assert_eq!(made["role"], "learner", "the head of the company, for instance");

    let bench = ours(&sandbox, |_| {}).await;
    let create = |role: &str| {
        let values = [("name", "Chief"), ("email", "chief@acme.example"), ("role", role)];
        set(step(Verb::Create, None), &values.map(|(name, value)| (name, Value::Null, Value::text(value))))
    };
    let objections = texts(&bench, &create("boss"));
    assert!(objections.len() == 1 && objections[0].contains("`boss`") && objections[0].contains("manager"), "{objections:?}");
    let id = bench.done(create("manager"), true).await.expect("made").receipt.account.expect("an id");
    assert_eq!(bench.account(id.as_str()).await.expect("there").attributes.get("role"), Some(&Value::text("manager")));
    // Raises and lowerings can be told: the roles are in order.
    let Some(Shape::Role(roles)) = bench.target.manifest().attribute("role").map(|role| role.shape) else { panic!("no role") };
    assert_eq!(roles, ["learner", "creator", "manager", "admin"]);
    // And whoever is admin by now is left alone (F09).
    let admin = bench.account("100").await.expect("the admin");
    assert_eq!(admin.protected.as_deref(), Some("role admin"));
    let Err(Fault::Drift { found }) = bench.apply(step(Verb::Leave, Some("100"))).await else { panic!("the admin was archived") };
    assert!(found.contains("role admin"), "{found}");
}

async fn l17_the_user_list_has_no_groups_and_one_read_per_group_has_them_all(profile: &str) {
    let sandbox = fresh(profile, 40);
    let (_, list) = naive(&sandbox, "GET", "/users", None).await;
    assert!(list["users"].as_array().is_some_and(|users| users.iter().all(|user| user.get("group_ids").is_none())));
    let truth: BTreeMap<String, Vec<String>> = sandbox.accounts().into_iter().map(|id| (id.clone(), sandbox.groups_of(&id))).collect();
    let naive_requests = 1 + truth.len();

    let bench = ours(&sandbox, |_| {}).await;
    let before = sandbox.requests().len();
    let mut memberships: BTreeMap<String, Vec<String>> = truth.keys().map(|id| (id.clone(), Vec::new())).collect();
    let groups = bench.everything(Kind::Groups).await.expect("groups");
    for record in &groups {
        let Body::Group(group) = &record.body else { panic!("no group") };
        assert_eq!(group.writable, group.name != "Group::Everyone");
        if !group.writable {
            continue;
        }
        let found = bench.find(Kind::Groups, "id", &group.id).await.expect("one group");
        let Body::Group(group) = &found[0].body else { panic!("no group") };
        for member in &group.members {
            memberships.entry(member.to_string()).or_default().push(group.id.clone());
        }
    }
    memberships.values_mut().for_each(|groups| groups.sort());
    assert_eq!(memberships, truth);
    let requests = sandbox.requests().len() - before;
    assert_eq!(requests, groups.len(), "the list, and each group but the built-in one");
    assert!(requests * 4 < naive_requests, "{requests} instead of {naive_requests}");
}

async fn l18_names_that_lessonly_refuses_are_found_before_any_request(profile: &str) {
    let sandbox = fresh(profile, 1);
    let bench = ours(&sandbox, |_| {}).await;
    let create = |name: &str| {
        let values = [("name", name), ("email", "x@acme.example")];
        set(step(Verb::Create, None), &values.map(|(name, value)| (name, Value::Null, Value::text(value))))
    };
    let bad: Vec<(String, String)> = "`!@#$%^&*+=()|[];".chars().map(|bad| (format!("Jane {bad} Doe"), format!("`{bad}`"))).collect();
    for (name, told) in bad.into_iter().chain([(" Jane".to_owned(), "begins with a space".to_owned())]) {
        let body = json!({ "name": name, "email": "x@acme.example" });
        assert_eq!(naive(&sandbox, "POST", "/users", Some(body)).await.0, 400, "{name}");
        let objections = texts(&bench, &create(&name));
        assert!(objections.len() == 1 && objections[0].contains(&told), "{name}: {objections:?}");
    }
    for good in ["Jane Doe", "Zoë O'Brien-Łukasz", "Dr. Jane_Doe, Jr.", "李雷"] {
        assert_eq!(texts(&bench, &create(good)), [""; 0], "{good}");
    }
    // The rest of what Lessonly would refuse.
    for (name, value, told) in [
        ("email", "jane", "e-mail"),
        ("email", "jane@acme@example", "e-mail"),
        ("email", "", "without email"),
        ("hire_date", "02/29/2024", "YYYY-MM-DD"),
        ("hire_date", "2023-02-29", "YYYY-MM-DD"),
        ("salary", "1", "no `salary`"),
    ] {
        let objections = texts(&bench, &set(create("Jane Doe"), &[(name, Value::Null, Value::text(value))]));
        assert!(objections.len() == 1 && objections[0].contains(told), "{name} {value}: {objections:?}");
    }
}

//! A small company in which one plan has a step of every kind that each app knows, over both apps.  What is killed, failed and repeated
//! in the tests is mostly this.

#![allow(dead_code, unreachable_pub, reason = "each test target uses its part")]

use std::collections::{BTreeMap, BTreeSet};

use sandbox::{absorb, lessonly};
use serde_json::{Value, json};

/// Rows without the header: Mary and Nina manage; Carl comes back; Dora moves and becomes a manager; Eve leaves; Bob is taken over; Nina and Otto are new.
pub const ROSTER: &str = "\
    1,Mary,Boss,mary@acme.example,Manager,Sales,,active,1990-12-01,\n\
    2,Carl,Back,carl@acme.example,Engineer,Development,1,active,1997-12-20,\n\
    3,Dora,Moves,dora@acme.example,Support Manager,Customer Service,6,active,1990-12-01,\n\
    4,Eve,Leaves,eve@acme.example,Engineer,Sales,1,terminated,1990-12-01,1997-12-31\n\
    5,Bob,Taken,bob@acme.example,Engineer,Development,1,active,1990-12-01,\n\
    6,Nina,New,nina@acme.example,Manager,Research,1,active,1997-12-28,\n\
    7,Otto,New,otto@acme.example,Engineer,Research,6,active,1997-12-28,\n";

/// Whom policy enrols at Lessonly.
pub const ENROL: &str = "[[app.lessonly.enrol]]\nlesson = \"Security Basics\"\nwhen = 'person.tenure_days < 90'\n";

/// The policy of this company, made of the one that most tests have: accounts are taken over, groups are made.
pub fn policy(text: &str) -> String {
    let changes = [
        ("adopt = \"approve\"\nleave = \"archive\"", "adopt = \"link\"\nleave = \"archive\"\nbefore_start = \"3d\""),
        ("leave = \"deactivate\"", "adopt = \"link\"\nleave = \"deactivate\""),
        ("managed = [", "create = true\nmanaged = [\"Research\", "),
    ];
    changes.iter().fold(text.to_owned(), |text, (from, to)| {
        assert!(text.contains(from), "the configuration has no {from:?}");
        text.replace(from, to)
    })
}

/// Objects by `kind/id`, as the ledger names them.
pub type Objects = BTreeMap<String, Value>;

fn named(kinds: Vec<(&str, Vec<Value>)>) -> Objects {
    let named = kinds.into_iter().flat_map(|(kind, found)| found.into_iter().map(move |object| (kind, object)));
    named.map(|(kind, object)| (format!("{kind}/{}", object["id"].to_string().trim_matches('"')), object)).collect()
}

/// Everything that Lessonly holds, by hand.
pub fn in_lessonly(lessonly: &lessonly::Sandbox) -> Objects {
    named(vec![("user", lessonly.users()), ("group", lessonly.groups()), ("assignment", lessonly.assignments())])
}

/// Everything that Absorb holds, by hand.
pub fn in_absorb(absorb: &absorb::Sandbox) -> Objects {
    named(vec![("user", absorb.users()), ("department", absorb.departments()), ("enrollment", absorb.enrollments())])
}

/// What was there before the ledger began, of which it does not tell: the text of a base for the checker.
pub fn base_of(objects: Objects, ledger: &str) -> String {
    let told: BTreeSet<String> = ledger
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("a line is JSON")["object"].as_str().expect("a name").to_owned())
        .collect();
    let there = objects.into_iter().filter(|(name, _)| !told.contains(name));
    let text: String = there.map(|(object, state)| format!("{}\n", json!({ "object": object, "state": state }))).collect();
    assert!(!text.is_empty(), "at least an admin is there");
    text
}

/// Fills Lessonly as somebody's admin left it.
pub fn fill_lessonly(lessonly: &lessonly::Sandbox) {
    let club = lessonly.create_group("Book club").expect("a group that is not ours");
    let group = |name: &str| {
        let found = lessonly.groups().into_iter().find(|group| group["name"] == name);
        found.and_then(|group| group["id"].as_u64()).expect("the group is there")
    };
    let user = |fields: Value| lessonly.create_user(fields).expect("an account");
    user(
        json!({ "name": "Mary Boss", "email": "mary@acme.example", "ext_uid": "1", "role": "manager", "group_ids": [group("Sales")] }),
    );
    let carl = user(json!({ "name": "Carl Back", "email": "carl@acme.example", "ext_uid": "2", "group_ids": [club] }));
    lessonly.archive_user(carl).expect("he had left");
    user(json!({
        "name": "Dora Moves", "email": "dora@acme.example", "ext_uid": "3", "role": "learner", "location": "Bletchley",
        "group_ids": [club, group("Development")],
    }));
    user(json!({ "name": "Eve Leaves", "email": "eve@acme.example", "ext_uid": "4", "group_ids": [group("Sales")] }));
    user(json!({ "name": "Bob", "email": "Bob@Acme.example", "group_ids": [club] }));
}

/// The same at Absorb.  The course is given back, as a base names it.
pub fn fill_absorb(absorb: &absorb::Sandbox, profile: &str) -> Value {
    let department = |name: &str| absorb.put_department(name, None).expect("a department");
    let (development, sales) = (department("Development"), department("Sales"));
    department("Customer Service");
    let user = |members: Value| {
        let mut all = json!({ "password": "by-hand-1998" });
        all.as_object_mut().expect("members").extend(members.as_object().expect("members").clone());
        absorb.put_user(all).expect("an account")
    };
    let named = |first: &str, last: &str, key: &str, department| {
        let email = format!("{}@acme.example", first.to_lowercase());
        json!({ "firstName": first, "lastName": last, "username": email, "emailAddress": email, "externalId": key, "departmentId": department })
    };
    user(named("Mary", "Boss", "1", sales));
    let carl = user(named("Carl", "Back", "2", development));
    // Not complete: of his first time here.
    absorb.put_enrollment(carl, "Welcome to Acme", 4).expect("he was welcomed, and left");
    let mut left = named("Carl", "Back", "2", development);
    left["id"] = json!(carl);
    left["activeStatus"] = if profile == "vendor" { json!(1) } else { json!("Inactive") };
    user(left);
    let mut dora = named("Dora", "Moves", "3", development);
    dora["phone"] = json!("555-0100");
    user(dora);
    user(named("Eve", "Leaves", "4", sales));
    user(
        json!({ "firstName": "Bob", "lastName": "T", "username": "bobby", "emailAddress": "BOB@acme.example", "departmentId": development }),
    );
    let course = absorb.enrollments()[0]["courseId"].clone();
    json!({ "object": format!("course/{}", course.as_str().expect("an id")), "state": { "id": course, "name": "Welcome to Acme" } })
}

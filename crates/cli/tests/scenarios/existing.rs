//! Accounts that were there before us: taken over only when somebody says so, and what policy does not own stays as it is (P8, F08, F09).

use std::collections::BTreeSet;

use serde_json::{Map, Value, json};

use crate::company::{Objects, base_of, in_absorb, in_lessonly};
use crate::world::{Setup, World, active_status, steps};

/// Everything that an app holds, by hand.
fn objects(world: &World, app: &str) -> Objects {
    if app == "lessonly" { in_lessonly(&world.lessonly) } else { in_absorb(&world.absorb) }
}

/// What was there before the ledger began: what it does not tell of.
pub(crate) fn base(world: &World, app: &str) -> String {
    let text = base_of(objects(world, app), &world.read(&format!("{app}.ledger.jsonl")));
    let file = format!("{app}.base.jsonl");
    world.write(&file, &text);
    format!("{app}={}", world.path(&file).display())
}

const ROSTER: &str = "\
    1,Ada,Lovelace,ada@acme.example,Engineer,Development,,active,1990-12-01,\n\
    2,Grace,Hopper,grace@acme.example,Manager,Sales,,active,1997-12-01,\n\
    3,Alan,Turing,alan@acme.example,Engineer,Development,,active,1990-12-01,\n\
    4,Edsger,Dijkstra,edsger@acme.example,Engineer,Sales,,terminated,1990-12-01,1997-06-30\n\
    5,Barbara,Liskov,barbara@acme.example,Engineer,Sales,,active,1990-12-01,\n\
    6,Donald,Knuth,donald@acme.example,Engineer,Sales,,active,1990-12-01,\n\
    7,Tony,Hoare,tony@acme.example,Engineer,Sales,,active,1990-12-01,\n\
    8,John,Backus,john@acme.example,Engineer,Sales,,terminated,1980-12-01,1991-06-30\n\
    9,Niklaus,Wirth,niklaus@acme.example,Engineer,Development,,active,1990-12-01,\n";

/// Fills Lessonly as somebody's admin left it.
fn fill_lessonly(world: &World) {
    let lessonly = &world.lessonly;
    let club = lessonly.create_group("Book club").expect("a group that is not ours");
    let group = |name: &str| {
        let found = lessonly.groups().into_iter().find(|group| group["name"] == name);
        found.and_then(|group| group["id"].as_u64()).expect("the group is there")
    };
    let user = |fields: Value| lessonly.create_user(fields).expect("an account");
    // In another case, with a group, a place and a lesson of her own, and in a managed group that is not hers.
    let grace = user(json!({
        "name": "G. Hopper", "email": "Grace@ACME.example", "location": "Arlington", "group_ids": [club, group("Development")],
    }));
    let assignment = lessonly.assign(grace, "Lesson", 1).expect("a lesson");
    lessonly.complete(assignment, 90).expect("she passes");
    let alan = user(json!({ "name": "Alan Turing", "email": "alan@acme.example", "ext_uid": "3", "group_ids": [club] }));
    lessonly.archive_user(alan).expect("he had left");
    user(json!({ "name": "Edsger Dijkstra", "email": "edsger@acme.example", "ext_uid": "4", "group_ids": [club, group("Sales")] }));
    user(json!({ "name": "Barbara Liskov", "email": "barbara@acme.example", "ext_uid": "5" }));
    user(json!({ "name": "B. Liskov", "email": "b.liskov@acme.example", "ext_uid": "5", "group_ids": [club] }));
    user(json!({ "name": "Donald Knuth", "email": "donald@acme.example", "role": "admin" }));
    user(json!({ "name": "Tony Hoare", "email": "tony@acme.example", "ext_uid": "99" }));
    let john = user(json!({ "name": "John Backus", "email": "john@acme.example", "ext_uid": "8" }));
    lessonly.archive_user(john).expect("he left long ago");
    user(json!({
        "name": "Niklaus Wirth", "email": "niklaus@acme.example", "ext_uid": "9", "job_title": "Engineer", "department": "Development",
        "role": "learner", "group_ids": [group("Development")],
    }));
    user(json!({ "name": "Guest Trainer", "email": "guest@partner.example", "group_ids": [club, group("Sales")] }));
}

/// The same at Absorb.  The course is given back, as a base names it.
fn fill_absorb(world: &World) -> Value {
    let absorb = &world.absorb;
    let department = |name: &str| absorb.put_department(name, None).expect("a department");
    let (development, sales) = (department("Development"), department("Sales"));
    let user = |members: Value| {
        let mut all = json!({ "departmentId": sales, "password": "by-hand-1998" });
        all.as_object_mut().expect("members").extend(members.as_object().expect("members").clone());
        absorb.put_user(all).expect("an account")
    };
    let grace = user(json!({
        "firstName": "G.", "lastName": "Hopper", "username": "ghopper", "emailAddress": "Grace@ACME.example", "phone": "555-0100",
        "city": "Arlington", "departmentId": development,
    }));
    absorb.put_enrollment(grace, "Welcome to Acme", 3).expect("she was welcomed long ago");
    user(json!({
        "firstName": "Alan", "lastName": "Turing", "username": "alan@acme.example", "emailAddress": "alan@acme.example",
        "externalId": "3", "activeStatus": active_status(false), "location": "Bletchley",
    }));
    user(json!({
        "firstName": "Edsger", "lastName": "Dijkstra", "username": "edsger", "emailAddress": "edsger@acme.example", "externalId": "4",
    }));
    for username in ["barbara", "b.liskov"] {
        user(json!({ "firstName": "Barbara", "lastName": "Liskov", "username": username, "emailAddress": "barbara@acme.example" }));
    }
    user(json!({
        "firstName": "Donald", "lastName": "Knuth", "username": "donald", "emailAddress": "donald@acme.example", "isAdmin": true,
    }));
    user(json!({
        "firstName": "Tony", "lastName": "Hoare", "username": "tony", "emailAddress": "tony@acme.example", "externalId": "99",
    }));
    user(json!({
        "firstName": "John", "lastName": "Backus", "username": "john", "emailAddress": "john@acme.example", "externalId": "8",
        "activeStatus": active_status(false),
    }));
    user(json!({
        "firstName": "Niklaus", "lastName": "Wirth", "username": "niklaus", "emailAddress": "niklaus@acme.example", "externalId": "9",
        "jobTitle": "Engineer", "departmentId": development,
    }));
    user(json!({ "firstName": "Guest", "lastName": "Trainer", "username": "guest", "emailAddress": "guest@partner.example" }));
    let course = absorb.enrollments()[0]["courseId"].clone();
    json!({ "object": format!("course/{}", course.as_str().expect("an id")), "state": { "id": course, "name": "Welcome to Acme" } })
}

/// `verb person` of an app's steps, in order.
fn told(plan: &Value, app: &str) -> Vec<String> {
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let own = steps(plan).iter().filter(|step| step["app"] == app && step["verb"] != "create_department");
    let mut told: Vec<String> = own.map(|step| format!("{} {}", word(&step["verb"]), word(&step["person"]))).collect();
    told.sort();
    told
}

/// `kind person` of an app's findings.
fn findings(world: &World, app: &str) -> BTreeSet<String> {
    let found = world.provost(&["findings", "--app", app, "--format", "json"]).json();
    let word = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let all = found["findings"].as_array().expect("findings").iter();
    all.map(|finding| format!("{} {}", word(&finding["kind"]), word(&finding["person"]))).collect()
}

/// An object without what policy owns in it and what the vendor keeps by itself.
fn not_ours(object: &Value, ours: &[&str]) -> Map<String, Value> {
    let members = object.as_object().expect("an object").clone();
    members.into_iter().filter(|(name, _)| !ours.contains(&name.as_str())).collect()
}

/// Every object of before is there, with what is not ours as it was; all of it, where no step is about it.
fn only_ours_changed(before: &Objects, after: &Objects, touched: &BTreeSet<String>, ours: &[&str]) {
    for (name, was) in before {
        let is = after.get(name).unwrap_or_else(|| panic!("{name} is gone"));
        if touched.contains(name) {
            assert_eq!(not_ours(was, ours), not_ours(is, ours), "{name}: what is not ours");
        } else {
            assert_eq!(was.to_string(), is.to_string(), "{name} is nobody's business");
        }
    }
}

/// Accounts that the steps of a plan are about.
fn touched(plan: &Value, app: &str) -> BTreeSet<String> {
    let own = steps(plan).iter().filter(|step| step["app"] == app && step["verb"] != "link");
    own.filter_map(|step| step["account"].as_str()).map(|id| format!("user/{id}")).collect()
}

#[test]
fn p08_accounts_of_before_are_taken_over_when_somebody_says_so_and_nothing_else_of_them_changes() {
    let mut world = World::new(Setup::default());
    world.reconfigure("leave = \"deactivate\"", "adopt = \"approve\"\nleave = \"deactivate\"");
    let bases: Vec<String> = ["lessonly", "absorb"].iter().map(|app| base(&world, app)).collect();
    fill_lessonly(&world);
    let welcome = fill_absorb(&world);
    let known = world.read("absorb.base.jsonl");
    world.write("absorb.base.jsonl", &format!("{known}{welcome}\n"));
    let before = [objects(&world, "lessonly"), objects(&world, "absorb")];
    world.roster(ROSTER);
    let planned = world.plan();
    let [(file, held)] = planned.held.as_slice() else { panic!("one plan is held: {:?}", planned.said) };
    assert_eq!(held["class"]["held"], "adopt");
    for (app, updated) in [("lessonly", &["update 2", "update 3"][..]), ("absorb", &["update 2"])] {
        assert_eq!(told(&planned.open, app), ["create 1"], "{app}: what was there waits for a yes");
        let taken_over = ["leave 4", "link 2", "link 3", "link 4", "link 9", "restore 3"];
        assert_eq!(told(held, app), [&taken_over[..], updated].concat(), "{app}");
        // Who left and still gets in, who matches several accounts or somebody else's, an admin, and whom nobody knows.
        let found = ["ambiguous 7", "duplicate 5", "ghost 4", "protected 6", "unmanaged -"];
        assert_eq!(findings(&world, app), found.map(str::to_owned).into(), "{app}");
    }
    world.apply(&planned.open_file);
    let meanwhile = [objects(&world, "lessonly"), objects(&world, "absorb")];
    before.iter().zip(&meanwhile).for_each(|(before, now)| only_ours_changed(before, now, &BTreeSet::new(), &[]));
    world.apply(file);
    let after = [objects(&world, "lessonly"), objects(&world, "absorb")];
    let second = world.plan();
    assert_eq!((second.steps(), second.held.len()), (&[] as &[Value], 0), "{:?}", second.said);
    const LESSONLY: [&str; 9] =
        ["name", "email", "ext_uid", "job_title", "department", "role", "archived_at", "archived_by_user_id", "updated_at"];
    const ABSORB: [&str; 8] =
        ["firstName", "lastName", "emailAddress", "externalId", "jobTitle", "departmentId", "activeStatus", "dateEdited"];
    let lessonly = [&LESSONLY[..], &["group_ids"]].concat();
    only_ours_changed(&before[0], &after[0], &touched(held, "lessonly"), &lessonly);
    only_ours_changed(&before[1], &after[1], &touched(held, "absorb"), &ABSORB);
    let new: Vec<usize> = before.iter().zip(&after).map(|(before, after)| after.len() - before.len()).collect();
    assert_eq!(new, [1, 1], "Ada in each app, and nothing else");
    assert_eq!(groups_of(&world, "grace@acme.example"), ["Book club", "Sales"], "hers stays, ours is made true");
    assert_eq!(groups_of(&world, "alan@acme.example"), ["Book club", "Development"]);
    assert_eq!(groups_of(&world, "edsger@acme.example"), ["Book club", "Sales"], "a leaver's are left alone");
    assert_eq!(world.absorb_user("ghopper").expect("her user name is hers")["emailAddress"], "Grace@ACME.example", "case is no change");
    world.check(&["--base", &bases[0], &bases[1], "--except", "5,6,7", "--expect-complete"]);
}

/// Names of the groups of a Lessonly account, but for the one that everybody is in.
fn groups_of(world: &World, email: &str) -> Vec<String> {
    let same = |user: &&Value| user["email"].as_str().is_some_and(|found| found.eq_ignore_ascii_case(email));
    let users = world.lessonly.users();
    let user = users.iter().find(same).unwrap_or_else(|| panic!("{email} is there"));
    let ids = user["group_ids"].as_array().expect("groups");
    let all = world.lessonly.groups().into_iter().filter(|group| ids.contains(&group["id"]));
    let mut names: Vec<String> = all.map(|group| group["name"].as_str().expect("a name").to_owned()).collect();
    names.sort();
    names
}

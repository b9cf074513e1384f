//! Lists of the Absorb sandbox in the profile `vendor`: filters and orders as they come over the wire, and pages that are kept.

use crate::client::{ALL, Client, HALF, at, open, vendor};
use serde_json::{Value, json};

fn filtered(path: &str, filter: &str) -> String {
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("_filter", filter).finish();
    format!("{path}{}{query}", if path.contains('?') { '&' } else { '?' })
}

#[tokio::test]
async fn users_are_filtered_by_every_kind_of_member() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let root = client.department("Acme").await;
    let custom = json!({"decimal1": 1.5, "string30": "x", "datetime1": "2026-01-01", "bool5": true});
    let one = client.make("one", json!({"lastName": "O'Hara", "customFields": custom, "gender": 2, "dateHired": "2020-05-01"})).await;
    sandbox.clock().set(at("2026-03-02T09:00:00.250Z"));
    client.make("two", json!({"lastName": "Bar", "supervisorId": one, "activeStatus": 1, "customFields": {"decimal1": 3}})).await;
    let own = format!("id eq guid'{one}'");
    let boss = format!("supervisorId eq guid'{one}' and departmentId eq guid'{root}'");
    for (filter, names) in [
        ("lastName eq 'o''hara'", &["one"][..]),
        ("username eq 'TWO' and activeStatus eq 1", &["two"]),
        ("username eq 'two' and activeStatus eq 0", &[]),
        (&own, &["one"]),
        (&boss, &["two"]),
        ("customFields/decimal1 ge 1.5", &["one", "two"]),
        ("customFields/bool5", &["one"]),
        ("customFields/string30 eq 'X' and customFields/datetime1 lt datetime'2026-01-02'", &["one"]),
        ("customFields/decimal1 eq null", &[ALL, HALF]),
        ("gender eq 2 and isLearner and not isAdmin", &["one"]),
        ("dateEdited ge datetime'2026-03-02T09:00:00Z'", &["two"]),
        ("dateHired lt datetime'2021-01-01' or startswith(lastName,'b')", &["one", "two"]),
        ("externalId eq null and not isAdmin", &["one", "two"]),
        ("lastLoginDate ne null", &[]),
    ] {
        let answer = client.get(&filtered("/users", filter)).await;
        assert_eq!(answer.status, 200, "{filter}: {}", answer.text);
        assert_eq!(
            (answer.names(), &answer.body["totalItems"]),
            (names.iter().map(|name| (*name).to_owned()).collect(), &json!(names.len())),
            "{filter}"
        );
    }
    assert_eq!(client.get(&filtered("/users?username=one", "lastName eq 'Bar'")).await.names(), [""; 0]);
    for (filter, status, place) in [
        ("lastName eq", 400, "at 12: "),
        ("lastName eq 7", 422, "at 10: "),
        ("roleIds eq 'x'", 422, "at 1: "),
        ("ccEmailAddresses eq null", 422, "at 1: "),
    ] {
        let answer = client.get(&filtered("/users", filter)).await;
        assert_eq!((answer.status, answer.code(), &answer.body["validations"][0]["field"]), (status, "validation", &json!("_filter")));
        assert!(answer.body["validations"][0]["message"].as_str().unwrap().starts_with(place), "{}", answer.text);
    }
}

#[tokio::test]
async fn the_other_lists_are_filtered_too() {
    let sandbox = open(vendor(30));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    let names = async |list: &str, filter: &str| {
        let answer = client.get(&filtered(&format!("/{list}"), filter)).await;
        let rows = answer.body[list].as_array().unwrap_or_else(|| panic!("{}", answer.text)).clone();
        assert_eq!(answer.body["totalItems"], rows.len());
        rows.iter().map(|row| row["name"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    assert_eq!(names("courses", "startswith(name,'security') and activeStatus eq 0").await, ["Security Basics"]);
    assert_eq!(names("departments", "parentId eq null").await, ["Acme"]);
    assert_eq!(names("roles", "substringof('admin', name)").await, ["Department Admin", "System Admin"]);
    assert_eq!(names("groups", "name eq 'all staff'").await, ["All Staff"]);
    assert_eq!(client.get(&filtered("/groups", "activeStatus eq 0")).await.status, 422);

    let user = client.make("learner", json!({})).await;
    let path = format!("/users/{user}/enrollments");
    for (course, status) in [("Security Basics", 3), ("Data Protection", 1)] {
        sandbox.put_enrollment(user.parse().unwrap(), course, status).expect("a course");
    }
    let done = client.get(&filtered(&path, "status eq 3 and dateCompleted ne null and isActive")).await.body;
    assert_eq!((&done["totalItems"], &done["enrollments"][0]["courseName"]), (&json!(1), &json!("Security Basics")));
    assert_eq!(client.get(&filtered(&path, "completedDate eq null")).await.status, 422, "that is the guide's word");
}

#[tokio::test]
async fn every_member_sorts_numbers_as_numbers() {
    let sandbox = open(vendor(0));
    let client = Client::new(&sandbox).authenticate(ALL).await;
    for (name, number) in [("a", json!(10)), ("b", json!(9.5)), ("c", json!(-1)), ("d", Value::Null)] {
        client.make(name, json!({"customFields": {"decimal1": number}, "lastName": "Same"})).await;
    }
    let filter = |sort: &str| filtered(&format!("/users?_sort={sort}"), "not isAdmin");
    assert_eq!(client.get(&filter("customFields/decimal1")).await.names(), ["d", "c", "b", "a"]);
    assert_eq!(client.get(&filter("-CUSTOMFIELDS/Decimal1")).await.names(), ["a", "b", "c", "d"]);
    assert_eq!(client.get(&filter("lastName,-username")).await.names(), ["d", "c", "b", "a"]);
    for sort in [
        "id",
        "departmentId",
        "firstName",
        "middleName",
        "lastName",
        "username",
        "emailAddress",
        "externalId",
        "languageId",
        "gender",
        "jobTitle",
        "employeeNumber",
        "location",
        "phone",
        "address",
        "city",
        "dateHired",
        "dateTerminated",
        "dateEdited",
        "dateAdded",
        "lastLoginDate",
        "activeStatus",
        "isLearner",
        "isAdmin",
        "isInstructor",
        "supervisorId",
        "customFields/string30",
        "customFields/datetime5",
        "customFields/bool5",
    ] {
        assert_eq!(client.get(&format!("/users?_sort=-{sort}")).await.status, 200, "{sort}");
    }
    for sort in ["roleIds", "password", "customFields", "customFields/decimal6", "customFields/string01", "other/string1", "username,"]
    {
        assert_eq!(client.get(&format!("/users?_sort={sort}")).await.status, 422, "{sort}");
    }
}

#[tokio::test]
async fn pages_of_one_list_hold_together_until_something_changes() {
    let sandbox = open(vendor(700));
    let all = Client::new(&sandbox).authenticate(ALL).await;
    let half = Client::new(&sandbox).authenticate(HALF).await;
    for (client, query) in [(&all, "_sort=-dateHired,id"), (&half, "_sort=lastName"), (&half, "_filter=activeStatus+eq+0")] {
        let whole = client.get(&format!("/users?_limit=1000&{query}")).await.names();
        let mut paged = Vec::new();
        for page in 0..whole.len().div_ceil(70) {
            paged.extend(client.get(&format!("/users?_limit=70&_offset={page}&{query}")).await.names());
        }
        assert_eq!(paged, whole, "{query}");
    }
    let first = half.get("/users?_sort=lastName&_limit=1").await;
    let path = format!("/users/{}", first.users()[0]["id"].as_str().unwrap());
    let mut user = first.users()[0].clone();
    user["departmentId"] = json!(all.department("Engineering").await);
    assert_eq!(half.put(&path, user).await.status, 201);
    let after = half.get("/users?_sort=lastName&_limit=1").await;
    assert_eq!(after.body["totalItems"].as_u64().unwrap() + 1, first.body["totalItems"].as_u64().unwrap());
    assert_ne!(after.names(), first.names());
    // Backwards and past the end.
    let total = all.get("/users").await.body["totalItems"].as_u64().unwrap();
    let forwards = all.get("/users?_limit=1000").await.names();
    let last = all.get(&format!("/users?_sort=-username&_limit=100&_offset={}", total / 100)).await.names();
    assert_eq!(last, forwards[..(total % 100) as usize].iter().rev().cloned().collect::<Vec<_>>());
    assert_eq!(all.get(&format!("/users?_sort=-username&_offset={total}")).await.names(), [""; 0]);
}

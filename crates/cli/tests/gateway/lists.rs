//! Lists: filters, pages by place and by cursor, orders.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::desk::{Desk, user};

/// Twenty-five users; every fifth is inactive, titles go round.
fn company() -> Desk {
    let desk = Desk::new("strict");
    for n in 0..25 {
        let mut one = user(&format!("user{n:02}@x.example"));
        one["title"] = ["Engineer", "manager", "Analyst"][n % 3].into();
        one["active"] = (n % 5 != 0).into();
        assert_eq!(desk.post("/Users", &one).status, 201);
    }
    desk
}

fn names(list: &Value) -> Vec<String> {
    list["Resources"].as_array().expect("a list").iter().map(|one| one["userName"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn every_page_has_its_own_and_all_have_everybody() {
    let desk = company();
    for filter in ["", "&filter=active%20eq%20true", "&sortBy=title", "&filter=active%20eq%20true&sortBy=title&sortOrder=descending"] {
        let all = names(&desk.get(&format!("/Users?count=100{filter}")).json());
        assert_eq!(all.len(), if filter.contains("active") { 20 } else { 25 });
        let mut by_place = Vec::new();
        while by_place.len() < all.len() {
            let page = desk.get(&format!("/Users?startIndex={}&count=7{filter}", by_place.len() + 1)).json();
            assert_eq!(page["totalResults"], json!(all.len()));
            assert_eq!(page["startIndex"], json!(by_place.len() + 1));
            by_place.extend(names(&page));
        }
        assert_eq!(by_place, all, "{filter}");
        let (mut by_cursor, mut cursor) = (Vec::new(), String::new());
        loop {
            let page = desk.get(&format!("/Users?cursor={cursor}&count=7{filter}")).json();
            by_cursor.extend(names(&page));
            match page["nextCursor"].as_str() {
                Some(next) => cursor = next.to_owned(),
                None => break,
            }
        }
        assert_eq!(by_cursor, all, "{filter}");
    }
    assert_eq!(names(&desk.get("/Users?startIndex=26").json()), [""; 0]);
    desk.get("/Users?cursor=nonsense").is_error(400, Some("invalidCursor"));
}

#[test]
fn orders_and_filters_mean_what_the_attribute_says() {
    let desk = company();
    let list = |query: &str| desk.get(&format!("/Users?{query}")).json();
    let titles = |list: &Value| {
        list["Resources"].as_array().unwrap().iter().map(|one| one["title"].as_str().unwrap().to_owned()).collect::<Vec<_>>()
    };
    let mut sorted = titles(&list("sortBy=title"));
    sorted.dedup();
    assert_eq!(sorted, ["Analyst", "Engineer", "manager"], "case does not count");
    for (filter, found) in [
        ("userName eq \"USER07@x.example\"", 1),
        ("externalId eq \"00u-user07@x.example\"", 1),
        ("externalId eq \"00U-user07@x.example\"", 0),
        ("emails.value eq \"User07@x.example\"", 1),
        ("emails[type eq \"work\" and value co \"user0\"]", 10),
        ("title eq \"Engineer\" and not (active eq false)", 7),
        ("userName sw \"user1\" or userName sw \"user2\"", 15),
        ("meta.created gt \"2001-01-01T00:00:00Z\"", 25),
        ("nickName pr", 0),
    ] {
        let query: String = filter.bytes().map(|byte| format!("%{byte:02X}")).collect();
        let by_get = list(&format!("filter={query}"));
        assert_eq!(by_get["totalResults"], json!(found), "{filter}");
        let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "filter": filter });
        assert_eq!(desk.post("/Users/.search", &body).json(), by_get, "{filter}");
    }
    let some = list("attributes=userName&count=1")["Resources"][0].clone();
    let members: BTreeSet<&str> = some.as_object().unwrap().keys().map(String::as_str).collect();
    assert_eq!(members, BTreeSet::from(["id", "schemas", "userName"]));
    let body = json!({ "schemas": ["urn:ietf:params:scim:api:messages:2.0:SearchRequest"], "startIndex": 25, "count": 10 });
    assert_eq!(
        desk.post("/Groups", &json!({ "schemas": ["urn:ietf:params:scim:schemas:core:2.0:Group"], "displayName": "G" })).status,
        201
    );
    let all = desk.post("/.search", &body).json();
    assert_eq!((&all["totalResults"], all["Resources"].as_array().unwrap().len()), (&json!(26), 2), "users, then groups");
}

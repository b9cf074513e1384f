//! Pages, totals and filters.

use sandbox::Options;
use serde_json::{Value, json};

use crate::api::{Api, options};
use crate::ids;

fn company(people: usize) -> Api {
    Api::vendor_with(Options { people: Some(people), ..options() })
}

fn totals(list: &Value, plural: &str) -> Value {
    json!([list[format!("total_{plural}")], list["total_pages"], list["page"], list["per_page"]])
}

#[tokio::test]
async fn a_list_says_its_totals_and_pages_as_asked() {
    let api = company(119);
    for (query, length, said) in [
        ("", 50, json!([120, 3, 1, 50])),
        ("?page=3", 20, json!([120, 3, 3, 50])),
        ("?per_page=7&page=18", 1, json!([120, 18, 18, 7])),
        ("?per_page=60&page=2", 60, json!([120, 2, 2, 60])),
        ("?per_page=1000", 120, json!([120, 1, 1, 1000])),
        ("?per_page=5000", 120, json!([120, 1, 1, 1000])),
        ("?page=4", 0, json!([120, 3, 4, 50])),
        ("?page=1000000&unknown=1&sort=name", 0, json!([120, 3, 1_000_000, 50])),
        ("?page=1&page=2", 50, json!([120, 3, 2, 50])),
    ] {
        let (status, list) = api.get(&format!("/users{query}")).await;
        assert_eq!((status, &list["type"], totals(&list, "users")), (200, &json!("users"), said), "{query}");
        assert_eq!(list["users"].as_array().unwrap().len(), length, "{query}");
        assert_eq!(list.as_object().unwrap().len(), 6);
    }
    for query in ["page=0", "page=abc", "page=-1", "per_page=0", "per_page=many", "per_page=-5", "page="] {
        let (status, body) = api.get(&format!("/users?{query}")).await;
        assert_eq!((status, body["error"].is_string()), (400, true), "{query}");
    }
}

#[tokio::test]
async fn pages_of_every_size_are_the_same_list_newest_first() {
    let api = company(130);
    let mut lists = Vec::new();
    for size in [1, 7, 50, 131, 1000] {
        let mut seen = Vec::new();
        for page in 1.. {
            let (_, list) = api.richer(&format!("/users?per_page={size}&page={page}")).await;
            seen.extend(ids(&list["users"]));
            if page >= list["total_pages"].as_u64().unwrap() {
                break;
            }
        }
        lists.push(seen);
    }
    assert_eq!(lists[0], (100..=230).rev().collect::<Vec<u64>>());
    assert!(lists.iter().all(|list| *list == lists[0]));
}

#[tokio::test]
async fn users_are_found_by_email_and_external_id() {
    let api = company(40);
    let (_, list) = api.get("/users?per_page=1000").await;
    let one = list["users"].as_array().unwrap()[7].clone();
    let (email, ext_uid) = (one["email"].as_str().unwrap(), one["ext_uid"].as_str().unwrap());
    let found = json!([one]);
    for query in [
        format!("filter[email]={email}"),
        format!("filter%5Bemail%5D={}", email.to_uppercase().replace('@', "%40")),
        format!("filter[ext_uid]={ext_uid}"),
        format!("filter[ext_uid]={ext_uid}&filter[email]={email}&per_page=10"),
    ] {
        for (status, list) in [api.get(&format!("/users?{query}")).await, api.richer(&format!("/users?{query}")).await] {
            assert_eq!((status, ids(&list["users"])), (200, vec![one["id"].as_u64().unwrap()]), "{query}");
            assert_eq!((&list["total_users"], &list["total_pages"], &list["page"]), (&json!(1), &json!(1), &json!(1)));
        }
    }
    assert_eq!(api.get(&format!("/users?filter[email]={email}")).await.1["users"], found);
    for query in [
        "filter[email]=nobody@acme.example",
        "filter[email]=",
        "filter[ext_uid]=",
        "filter[ext_uid]=e00001",
        &format!("filter[ext_uid]=E00001&filter[email]={email}x"),
    ] {
        let (status, list) = api.get(&format!("/users?{query}")).await;
        assert_eq!((status, list["users"].clone(), &list["total_users"]), (200, json!([]), &json!(0)), "{query}");
    }
    let id = api.user("Jane Doe", "jane+test@example.com").await;
    for email in ["jane+test@example.com", "jane%2Btest@example.com", "%20Jane%2Btest@EXAMPLE.com"] {
        assert_eq!(ids(&api.get(&format!("/users?filter[email]={email}")).await.1["users"]), [id], "{email}");
    }
    // What is not a filter of this API is ignored, as any unknown parameter.
    assert_eq!(api.get("/users?filter[name]=x&filter=y").await.1["total_users"], 42);
}

#[tokio::test]
async fn only_v1_1_leaves_out_the_archived_and_only_when_asked() {
    let api = company(100);
    let active = |list: &Value| list["users"].as_array().unwrap().iter().filter(|user| user["archived_at"].is_null()).count();
    let (_, all) = api.richer("/users?per_page=1000").await;
    let (count, total) = (active(&all), all["users"].as_array().unwrap().len());
    assert!(count < total, "somebody has left");
    let (_, some) = api.richer("/users?per_page=1000&filter[active_only]=true").await;
    assert_eq!((active(&some), &some["total_users"]), (count, &json!(count)));
    assert_eq!(some["users"].as_array().unwrap().len(), count);
    assert!(ids(&some["users"]).is_sorted_by(|a, b| a > b));
    assert_eq!(api.get("/users?filter[active_only]=true").await.1["total_users"], total, "v1 does not know it");
    assert_eq!(api.richer("/users?filter[active_only]=false").await.1["total_users"], total);

    let gone = all["users"].as_array().unwrap().iter().find(|user| !user["archived_at"].is_null()).unwrap();
    let query = format!("/users?filter[active_only]=true&filter[email]={}", gone["email"].as_str().unwrap());
    assert_eq!(api.richer(&query).await.1["users"], json!([]));
    assert_eq!(api.call("PUT", &format!("/users/{}/restore", gone["id"]), json!({})).await.0, 200);
    assert_eq!(api.richer(&query).await.1["total_users"], 1);
    assert_eq!(api.richer("/users?filter[active_only]=true").await.1["total_users"], count + 1);
}

#[tokio::test]
async fn filters_follow_every_change() {
    let api = Api::vendor();
    let id = api.user("Jane Doe", "jane@example.com").await;
    let found = async |query: &str| ids(&api.get(&format!("/users?{query}")).await.1["users"]);
    api.call("PUT", &format!("/users/{id}"), json!({ "email": "doe@example.com", "ext_uid": "A1" })).await;
    assert_eq!(found("filter[email]=jane@example.com").await, [0; 0]);
    assert_eq!((found("filter[email]=doe@example.com").await, found("filter[ext_uid]=A1").await), (vec![id], vec![id]));
    let other = api.user("John Doe", "john@example.com").await;
    api.call("PUT", &format!("/users/{other}"), json!({ "ext_uid": "A1" })).await;
    assert_eq!(found("filter[ext_uid]=A1").await, [other, id], "two of one id, newest first");
    api.call("DELETE", &format!("/users/{id}"), Value::Null).await;
    assert_eq!(found("filter[ext_uid]=A1").await, [other]);
    api.call("PUT", &format!("/users/{other}"), json!({ "ext_uid": null })).await;
    assert_eq!(found("filter[ext_uid]=A1").await, [0; 0]);
}

#[tokio::test]
async fn the_guide_has_no_totals_and_no_filters() {
    let api = crate::company(60);
    for path in ["/users?filter[email]=nobody@acme.example&per_page=10", "/users?filter[active_only]=true"] {
        for (status, list) in [api.get(path).await, api.richer(path).await] {
            assert_eq!((status, list["users"].as_array().unwrap().len(), list.as_object().unwrap().len()), (200, 50, 2), "{path}");
        }
    }
}
